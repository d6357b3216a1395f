"""Published figures of AdaGlimpse (Pardyl et al., ECCV 2024) and what it is compared with there, and the goals.

RMSE on 0-255 pooled over all pixels, at 224 x 224 squashed unless said otherwise. SUN360, whose panoramas those are, is
withdrawn: none of it was measured on our scenes.
"""

from __future__ import annotations

from dataclasses import dataclass

from .text import Table, number

RANDOM_GOAL, HEURISTIC_GOAL = 0.80, 0.95  # RMSE of the learned policy over the other's, PTZ, 8 glimpses
MOSAIC_GOAL = 0.92  # RMSE of the best row over that of the mosaic with a grid, free regime, 12 glimpses
MOTION_GOAL = 0.7  # seconds of motion at equal RMSE, motion-aware over plain
STREET_GOAL, STREET_SHARE = 0.803, 0.08  # models/street, its card: pixel accuracy after 8 glimpses of 8 % of the pixels
STEP_GOAL = 20.0  # [ms] of a step, whatever was seen before
SUN360 = {"AdaGlimpse": 11.1, "AME": 23.6, "GlAtEx": 33.8, "AttSeg": 37.6}
IMAGENET, IMAGENET_HEURISTICS = 14.5, (23.2, 25.9)  # AdaGlimpse; heuristics on its backbone
BICUBIC = {(224, 224): 8.95, (256, 512): 11.7}  # of 128 x 96 pixels of the whole, on our panoramas
OFFICIAL = {6: 119.0, 12: 145.0}  # [ms] of the official code's step with its decoder, 2 cores, after 24 and 48 tokens


@dataclass(frozen=True)
class Drawn:
    """A row of the paper's table of reconstruction."""

    name: str
    imagenet: float | None
    sun360: float
    glimpses: str
    share: float  # of the pixels [%]


DRAWN = (
    Drawn("AME, 128x256", 30.3, 29.8, "8 of 32x32", 25.0),
    Drawn("AdaGlimpse", 14.5, 11.1, "12 of 32x32", 24.49),
    Drawn("AttSeg", None, 37.6, "8 of 48x48, retinal", 18.75),
    Drawn("GlAtEx", None, 33.8, "8 of 48x48, retinal", 18.75),
    Drawn("AME", None, 23.6, "8 of 48x48, retinal", 18.75),
    Drawn("AdaGlimpse", 14.7, 11.1, "9 of 32x32", 18.36),
    Drawn("AME", None, 37.9, "8 of 16x16", 6.25),
    Drawn("AdaGlimpse", 20.7, 17.2, "3 of 32x32", 6.12),
)
SUN360_AFTER = (25.17, 19.73, 17.21, 14.45, 12.58, 11.92, 11.54, 11.34, 11.22, 11.16, 11.11, 11.12)  # 1 to 12 glimpses


def table(bundle: str) -> Table:
    """The paper's rows, as context."""
    made = Table(
        "Published, reconstruction of other data", ["", "ImageNet", "SUN360", "glimpses", "pixels [%]"], bundle
    )
    for row in DRAWN:
        cells = [number(row.imagenet, 1), number(row.sun360, 1), row.glimpses, number(row.share)]
        made.rows.append([row.name, *cells])
    after = ", ".join(f"{SUN360_AFTER[k - 1]:g}" for k in (1, 2, 4, 8, 12))
    made.notes.append(
        f"RMSE at 224x224 squashed unless said. AdaGlimpse on SUN360, which it was not trained on, after 1, 2, 4, 8, "
        f"12 glimpses: {after}. {against()} ADE20K, pixel accuracy: AdaGlimpse 70.0 % (8 of 48x48, 37 % of the "
        f"pixels), AME 70.3 %, GlAtEx 52.4 %, AttSeg 47.9 %."
    )
    return made


def against() -> str:
    """What its policy gains on its own backbone."""
    low, high = IMAGENET_HEURISTICS
    return f"On ImageNet the learned policy has {IMAGENET:g}, heuristics on its backbone {low:g} to {high:g}."


def beside() -> str:
    """A sentence for below our own table."""
    rows = ", ".join(f"{name} {value:g}" for name, value in SUN360.items())
    return f"Published on SUN360, other panoramas, at 224x224: {rows}. {against()}"
