"""What can be asked of `training.gae`, and the configuration that follows from it and the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from glimpse_ros.core.types import GlimpseError

from . import labelled, loop, spatial
from .gae_net import CELL, GaeConfig

Task = Literal["reconstruct", "segment", "both", "classify", "classify-full"]
Ablation = Literal["full", "no-contrast", "random-sa", "random-no-sa", "random-no-sac", "attend-and-segment"]


@dataclass
class Args(loop.LoopArgs):
    """What to train."""

    out: Path = Path("runs/gae")
    """checkpoint.pt and TensorBoard logs; running the command again goes on from there"""
    batch: int = 16
    """scenes a step, over all processes"""
    ema: float = 0.995
    """decay of the averaged weights, the ones that are kept"""
    weight_decay: float = 1e-4
    """of AdamW"""
    data: str = "camvid:../shared/data/camvid"
    """camvid:PATH or cityscapes, kitti, ade20k, coco, coco-stuff, sun360, scene15, classes, worlds; a folder or bag"""
    task: Task = "segment"
    """both: segment and reconstruct; classify: no decoder; classify-full: with reconstruction as a second task"""
    ablation: Ablation = "full"
    """a row of the paper's Table 1, or attention trained to predict the loss (Attend and Segment, 2020)"""
    whole: bool = False
    """the ceiling: the memory holds the whole image's features, nothing is left to explore"""
    height: int = 144
    """of the working canvas [px], on which a glimpse covers 48 x 48; a multiple of 16"""
    width: int = 192
    """of the working canvas [px]; a multiple of 16"""
    glimpses: int = 8
    """glimpses an episode"""
    decode_steps: int = 2
    """consecutive steps drawn and weighed in training; 0: all, as in the paper; 1: the output head sees none before"""
    encoder: int = 64
    """width of the encoder; 64 is ResNet-18"""
    encoder_weights: Path | None = None
    """a ResNet-18 checkpoint with torchvision's names to start from"""
    decoder: int = 32
    """width of the decoder; the paper's is 64"""
    merge: int = 3
    """convolutions of the output head; the paper's has 5"""
    projector: Literal["lean", "paper"] = "lean"
    """of the contrastive loss; the paper's has 134 million weights on its finest level alone"""
    contrast: float = 0.05
    """weight of the contrastive loss; the paper's 1 is beside pixels on 0 to 255"""
    pixel_loss: Literal["l2", "square"] = "l2"
    """of a reconstruction: mean length of the RGB error (the paper), or mean squared error"""
    pixels: float = 1.0
    """weight of the reconstruction"""
    choice: Literal["window", "cell"] = "window"
    """look at the window with most unvisited attention, or at its greatest cell (the paper)"""
    anchor: Literal["center", "topleft"] = "center"
    """where the chosen cell lies in the glimpse; the paper's code: topleft"""
    foresight: float = 0.0
    """ours: how strongly attention hears what a look at each cell would gain; 0: as in the paper, what gates tell"""
    stray: float = 0.25
    """share of the training glimpses that go anywhere, so that other policies can use the model"""


@dataclass(frozen=True)
class Config:
    """What the network and its loss need to know."""

    net: GaeConfig
    glimpses: int = 8
    decode_steps: int = 2
    contrast: float = 0.05
    pixel_loss: str = "l2"
    pixels: float = 1.0
    choice: str = "window"
    anchor: str = "center"
    random_looks: bool = False
    predicts_loss: bool = False
    whole: bool = False
    foresight: float = 0.0


def check_sizes(args: Args) -> None:
    """Raises GlimpseError for sizes that no network has."""
    if any(side % CELL or side < spatial.SIDE for side in (args.height, args.width)):
        raise GlimpseError(
            f"--height {args.height} --width {args.width}: expected multiples of {CELL}, at least {spatial.SIDE}"
        )
    least = {"glimpses": 1, "decode_steps": 0, "encoder": 1, "foresight": 0, "seed": 0}
    least |= {"decoder": 1, "merge": 1} if args.task != "classify" else {}
    for name, smallest in least.items():
        if getattr(args, name) < smallest:
            raise GlimpseError(f"--{name.replace('_', '-')} {getattr(args, name)}: expected at least {smallest}")


def configure(args: Args, data: labelled.Labelled) -> Config:
    """Raises GlimpseError for what makes no sense."""
    check_sizes(args)
    segments, classifies = args.task in ("segment", "both"), args.task.startswith("classify")
    if segments and data.maps is None:
        raise GlimpseError(f"--task {args.task}: {data.name} has no label maps; expected data with segmentations")
    if classifies and data.answers is None:
        raise GlimpseError(f"--task {args.task}: {data.name} has no classes; expected data with one class an image")
    follows = args.ablation == "attend-and-segment"
    if follows and args.task == "classify":
        raise GlimpseError("--ablation attend-and-segment: predicts a decoder's loss; expected --task classify-full")
    net = GaeConfig(
        args.height,
        args.width,
        data.projection == "spherical",
        colours=0 if args.task in ("segment", "classify") else 3,
        labels=len(data.class_names) if segments else 0,
        classes=len(data.class_names) if classifies else 0,
        encoder=args.encoder,
        decoder=0 if args.task == "classify" else args.decoder,
        merge=args.merge,
        gated=args.ablation in ("full", "no-contrast", "random-sa"),
        contrast=args.ablation in ("full", "random-sa", "random-no-sa"),
        projector=args.projector,
    )
    steps = 1 if args.whole else args.glimpses
    return Config(
        net,
        steps,
        args.decode_steps,
        args.contrast,
        args.pixel_loss,
        args.pixels,
        args.choice,
        args.anchor,
        random_looks=args.ablation.startswith("random"),
        predicts_loss=follows,
        whole=args.whole,
        foresight=args.foresight,
    )
