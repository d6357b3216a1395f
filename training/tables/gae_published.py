"""Published figures of "Glimpse-Attend-and-Explore: Self-Attention for Active Visual Exploration" (Seifi, Jha,
Tuytelaars, 2021). Eight glimpses each, an encoder that was trained on ImageNet; what the paper calls RMSE is, in its
public code, the mean length of the RGB error.
"""

from __future__ import annotations

from dataclasses import dataclass

CAMVID = {"Glimpse-Attend-and-Explore, ImageNet weights": 0.823, "Attend-and-Segment, ImageNet weights": 0.832}
CAMVID_GOAL, CAMVID_SCRATCH = 0.84, 0.80  # pixel accuracy with and without weights of ImageNet

SUN360_DRAWN = {"attention": 33.8, "random": 38.6}  # "RMSE" on other panoramas than ours
DRAWN_GOAL = -8.0  # [%] attention against random, reconstruction error

NO_DECODER, NO_DECODER_RANDOM, FULL, FULL_RANDOM, SEGMENT = 67.2, 62.6, 56.4, 49.6, 52.6  # Table 3, SUN360 [%]
NAMED_GOAL = 3.0  # points, attention against random


@dataclass(frozen=True)
class Variant:
    """A row of Table 1 (the first is ours, the last of Table 2) and the paper's figures by data set."""

    name: str
    attention: bool
    contrast: bool
    looks: str
    figures: dict[str, float]


ABLATIONS = {
    "foresight": Variant("ours, with foresight", True, True, "attention", {}),
    "full": Variant(
        "as the paper", True, True, "attention",
        {"SUN360": 33.8, "MS-COCO": 40.3, "ADE20k": 52.4, "COCO-Stuff": 47.8, "CamVid": 82.3},
    ),
    "no-contrast": Variant(
        "no contrast", True, False, "attention",
        {"SUN360": 34.2, "MS-COCO": 43.7, "ADE20k": 52.3, "COCO-Stuff": 47.5},
    ),
    "random-sa": Variant(
        "random (SA)", True, True, "random",
        {"SUN360": 39.4, "MS-COCO": 47.8, "ADE20k": 51.5, "COCO-Stuff": 46.0},
    ),
    "random-no-sa": Variant(
        "random (no SA)", False, True, "random",
        {"SUN360": 38.6, "MS-COCO": 48.5, "ADE20k": 52.4, "COCO-Stuff": 47.7},
    ),
    "random-no-sac": Variant(
        "random (no SAC)", False, False, "random",
        {"SUN360": 39.2, "MS-COCO": 48.4, "ADE20k": 51.7, "COCO-Stuff": 46.4},
    ),
    "attend-and-segment": Variant(
        "Attend-and-Segment", False, False, "predicted loss",
        {"SUN360": 37.6, "MS-COCO": 41.8, "ADE20k": 47.9, "COCO-Stuff": 45.6, "CamVid": 83.2},
    ),
}  # fmt: skip
SEGMENTED, DRAWN = ("ADE20k", "COCO-Stuff", "CamVid"), ("SUN360", "MS-COCO")  # pixel accuracy [%], "RMSE"


@dataclass(frozen=True)
class Cost:
    """Table 4: seconds of training and of testing (of what, the paper does not say), memory [GB]."""

    train: float
    test: float
    memory: float


COST = {"attend-and-segment": Cost(474, 45, 5.5), "no-decoder": Cost(213, 20, 0.4)}
FASTER_GOAL, SMALLER_GOAL = 3.0, 14.0  # times
