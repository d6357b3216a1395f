"""Train the elastic scene model on random glimpses, before there is any policy.

    python -m training.elastic_pretrain --data ../shared/data/panoramas/train --out runs/elastic --minutes 60
    python -m training.elastic_pretrain --data camvid:../shared/data/camvid --height 192 --width 256 --glimpse 27 \
        --patch 9 --labels --out runs/elastic-street --minutes 40

Any place, any scale, any number of glimpses, so that one model serves every policy (the paper pre-trains its encoder
on random patches, section 4.1). `training.adaglimpse` then finds a policy, and goes on with this model by turns.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
import tyro
from numpy.typing import NDArray
from torch import Tensor, nn

from glimpse_ros.core.types import GlimpseError, SceneSpec

from . import augment, labelled, loop, views
from .elastic_check import validate, whole
from .elastic_loss import drawing_loss, losses
from .elastic_tokens import HEAD, ElasticVit, scene_model
from .elastic_vit import CELL, SIZES, ElasticCanvas, ElasticConfig, Memory, Size
from .kept import Kept
from .roll_out import roll_out

SHARPENING = ("enter0", "up0", "dec0", "leave", "segmenter")  # parts that work on what was seen
DRAWING = ("up1", "dec1", "dream", *SHARPENING)  # parts that no belief reads
KEPT = 256  # scenes, 2.4 MB each at 256 x 512
LEAST = 16  # batches before any is drawn twice
SQUARE = 224  # [px] of the paper's scenes


@dataclass
class Args(loop.LoopArgs):
    """What to train on, and how large."""

    out: Path = Path("runs/elastic")
    """checkpoint.pt and TensorBoard logs; running the command again goes on from there"""
    data: str = "../shared/data/panoramas/train"
    """folder of panoramas or images, bags, or kind:PATH as in training.gae (camvid:, scene15:, ade20k:, ...)"""
    height: int = 256
    """of the scene [px], a multiple of 32"""
    width: int = 512
    """of the scene [px], a multiple of 32"""
    finer: int = 2
    """images are kept so many times as large, so that what is cropped from them is as sharp as the rest"""
    glimpse: int = 32
    """[px] along a side"""
    patch: int = 16
    """[px] of the glimpse under one token"""
    memory: Literal["canvas", "tokens"] = "canvas"
    """canvas: a map of constant cost; tokens: the paper's, all that was seen is encoded again at every step"""
    capacity: int = 12
    """glimpses that the memory `tokens` holds; its episodes end there"""
    decoder_width: int = 192
    """of the decoder of `tokens`, a multiple of 32; the paper's is 512"""
    decoder_depth: int = 2
    """blocks of the decoder of `tokens`; the paper's are 8"""
    size: Size = "tiny"
    """of the encoder: width 192, 384 or 768"""
    map: bool = True
    """of the canvas; without it glimpses are no tokens, their mosaic and its U-Net are all"""
    depth: int = 4
    """blocks of the encoder; 0: the paper's 12"""
    widths: tuple[int, int, int, int] = (32, 48, 96, 192)
    """channels of the decoder at 1/4, 1/8, 1/16 and 1/32 of the scene"""
    features: int = 8
    """channels of a glimpse that are pasted beside its pixels"""
    blocks: int = 1
    """of attention at the decoder's coarsest level"""
    labels: bool = False
    """segment too"""
    segmenter: int = 64
    """width of the ResNet that reads labels off the picture of the canvas; 64 is ResNet-18"""
    classes: bool = False
    """classify too"""
    batch: int = 8
    """scenes a step, over all processes"""
    most: int = 24
    """longest episode [glimpses]; nine in ten end by twelve"""
    free: float = 0.5
    """share of the episodes that may see the whole scene at once; the others see at most a sixth of its width"""
    tiled: float = 0.0
    """share of the free ones that see all of the scene in tiles first, and then parts of it closely"""
    whole: bool = False
    """a first phase: the mosaic holds the whole scene at its own resolution, as if all had been looked at closely"""
    part: Literal["all", "drawing", "sharpening"] = "all"
    """of the model that is trained: all or, while what decisions are made of stays as it is, and so does a policy's
    world, what draws (DRAWING), or of that what sharpens what was seen (SHARPENING)"""
    again: int = 16
    """where a part is trained: steps from one batch of new scenes to the next; all draw what is kept of earlier ones"""
    squash: float = 0.2
    """share of the scenes that come through 224 x 224 pixels, as the paper's do"""
    lr: float = 1e-3
    """peak learning rate of AdamW"""
    weight_decay: float = 0.02
    """of AdamW"""
    ema: float = 0.998
    """decay of the averaged weights, the ones that are kept"""
    clip: float = 1.0
    """largest gradient norm of each group of weights"""


class Pretrain(nn.Module):
    """The scene model, whose forward is its loss over whole episodes."""

    def __init__(self, config: ElasticConfig) -> None:
        super().__init__()
        self.config = config
        self.scene = scene_model(config)

    def forward(
        self,
        scene: Tensor,
        known: Tensor,
        places: NDArray[np.float32],
        lengths: NDArray[np.int64],
        maps: Tensor | None,
        answers: Tensor | None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """scene (B, 3, H, W) uint8, known (B, 1, H, W) bool; places (B, T, 3) stay NumPy: they need all their digits.

        lengths (B,) must not rise along the batch; with none of them the memory holds the whole scene.
        """
        image = scene.float() / 255
        return losses(self.scene, self.seen(image, places, lengths), image, known.float(), maps, answers)

    def seen(self, image: Tensor, places: NDArray[np.float32], lengths: NDArray[np.int64]) -> Memory:
        """What is remembered of image (B, 3, H, W) in [0, 1] after all glimpses."""
        if not len(lengths):
            return whole(self.scene, image)  # type: ignore[arg-type]  # `check` refuses it for tokens
        return roll_out(self.scene, image, torch.from_numpy(places).to(image.device), torch.from_numpy(lengths))


class Redraw(Pretrain):
    """The scene model, whose forward is the loss of what it draws of scenes that are kept with what was seen of them.

    What draws needs many small steps, and glimpses cost ten times what drawing does.
    """

    def __init__(self, config: ElasticConfig) -> None:
        super().__init__(config)
        self.kept = Kept(KEPT)

    def forward(self, scene, known, places, lengths, maps, picks, generator):  # type: ignore[no-untyped-def, override]
        """As `Pretrain.forward`, scene none: nothing new; then how many are drawn, and what chooses them."""
        net = self.scene
        assert isinstance(net, ElasticCanvas)  # `check` refuses the other
        if scene is not None:
            with torch.no_grad():
                memory = self.seen(scene.float() / 255, places, lengths)
                labels = [] if maps is None else [maps]
                self.kept.add([scene, known, *net.look(memory).handed, *memory, *labels], generator)
        scene, known, *rest = self.kept.pick(picks, generator)
        handed, memory, labels = tuple(rest[:3]), tuple(rest[3 : 3 + len(net.empty(1))]), rest[3 + len(net.empty(1)) :]
        return drawing_loss(net, memory, handed, scene.float() / 255, known.float(), labels[0] if labels else None)


def squashed(scene: Tensor, which: Tensor) -> Tensor:
    """scene (B, 3, H, W) uint8, those of `which` (B,) bool through SQUARE x SQUARE pixels and back."""
    if which.any() and min(scene.shape[-2:]) > 1:
        small = F.interpolate(scene[which].float(), (SQUARE, SQUARE), mode="area")
        back = F.interpolate(small, scene.shape[-2:], mode="bilinear")
        scene = scene.clone()
        scene[which] = back.round().clamp(0, 255).to(torch.uint8)
    return scene


def check(args: Args) -> None:
    """Raises GlimpseError for sizes that no model has."""
    for name in ("height", "width"):
        if getattr(args, name) % CELL or getattr(args, name) < 2 * CELL:
            raise GlimpseError(
                f"--{name} {getattr(args, name)}: expected a multiple of {CELL} pixels, at least {2 * CELL}"
            )
    if args.patch < 1 or args.glimpse % args.patch:
        raise GlimpseError(f"--glimpse {args.glimpse}: expected a multiple of --patch {args.patch}")
    if args.depth < 0 or args.size not in SIZES:
        raise GlimpseError(f"--size {args.size} --depth {args.depth}: expected {', '.join(SIZES)} and at least 0")
    if args.capacity < 1 or args.decoder_depth < 1:
        raise GlimpseError(f"--capacity {args.capacity} --decoder-depth {args.decoder_depth}: expected at least 1")
    if args.decoder_width < HEAD or args.decoder_width % HEAD:
        raise GlimpseError(f"--decoder-width {args.decoder_width}: expected a multiple of {HEAD}")
    if args.memory == "tokens" and not args.map:
        raise GlimpseError("--no-map --memory tokens: expected the memory canvas, for tokens have no map")
    if args.memory == "tokens" and args.part != "all":
        raise GlimpseError(f"--part {args.part} --memory tokens: expected the memory canvas, tokens have no such part")
    if args.again < 1:
        raise GlimpseError(f"--again {args.again}: expected at least 1")
    if args.memory == "tokens" and args.whole:
        raise GlimpseError("--whole --memory tokens: expected the memory canvas, for tokens have no mosaic")


def configure(args: Args, data: labelled.Labelled) -> ElasticConfig:
    """Raises GlimpseError for sizes that no model has, and for labels that the data lack."""
    check(args)
    if args.labels and data.maps is None:
        raise GlimpseError(f"--labels: {data.name} has no label maps; expected data with segmentations")
    if args.classes and data.answers is None:
        raise GlimpseError(f"--classes: {data.name} has no classes; expected data with one class an image")
    names = len(data.class_names)
    return ElasticConfig(
        args.height,
        args.width,
        args.glimpse,
        data.projection == "spherical",
        widths=args.widths,
        features=args.features,
        blocks=args.blocks,
        memory=args.memory,
        capacity=args.capacity,
        decoder_width=args.decoder_width,
        decoder_depth=args.decoder_depth,
        size=args.size,
        map=args.map,
        depth=args.depth,
        patch=args.patch,
        labels=names if args.labels else 0,
        segmenter=args.segmenter,
        classes=names if args.classes else 0,
    )


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is; returns its path. Raises GlimpseError for what cannot be trained."""
    check(args)
    fabric = loop.launch(args)
    size = (args.height * args.finer, args.width * args.finer)
    data, held_out = (labelled.load(args.data, split, size) for split in ("train", "val"))
    config = configure(args, data)
    torch.manual_seed(args.seed)
    net = (Pretrain if args.part == "all" else Redraw)(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if isinstance(net.scene, ElasticCanvas):
        net.scene.prior.fit(list(data.images), config.spherical)
    if args.part != "all":
        trained = DRAWING if args.part == "drawing" else SHARPENING
        for name, weight in net.named_parameters():
            weight.requires_grad_(name.split(".")[1] in trained)
    batches = augment.Batches(data, args.batch, args.height, args.width, args.seed)
    spec = SceneSpec(config.height, config.width, data.projection)

    def draw(turn: loop.Turn) -> tuple:
        count = turn.part.stop - turn.part.start
        if isinstance(net, Redraw) and turn.step % args.again and len(net.kept) >= min(KEPT, LEAST * count):
            return *[None] * 5, count, turn.generator
        scene, known, maps, answers = batches(turn.step, turn.part)
        rng = np.random.default_rng([args.seed, turn.step])
        most, least = config.fits(args.most), config.glimpse / config.width
        places, lengths = views.batch(rng, args.batch, most, spec, least, args.free, args.tiled)
        if args.whole:
            places, lengths = places[:0], lengths[:0]
        which = torch.from_numpy(rng.random(args.batch) < args.squash)[turn.part]
        moved = [None if part is None else part.to(turn.device) for part in (squashed(scene, which), known)]
        labels = [None if part is None else part.to(turn.device) for part in (maps, answers)]
        seen = *moved, places[turn.part], lengths[turn.part]
        return (*seen, labels[0], count, turn.generator) if isinstance(net, Redraw) else (*seen, *labels)

    def held(average: nn.Module) -> loop.Figures:
        return validate(average.scene, held_out, fabric.device, args.whole)  # type: ignore[arg-type]

    weights = sum(p.numel() for p in net.parameters()) / 1e6
    print(f"{weights:.2f} M weights, {len(data.images)} scenes, {len(held_out.images)} held out", file=sys.stderr)
    return loop.fit(fabric, args, {"method": "elastic", **config.described()}, net, draw, held)


def load_scene_model(path: Path) -> ElasticVit:
    """The averaged weights of a checkpoint. Raises GlimpseError for another file."""
    state = loop.read_checkpoint(path)
    if state["config"].get("method") not in ("elastic", "adaglimpse"):
        raise GlimpseError(f"{path}: was not made by training.elastic_pretrain or training.adaglimpse")
    config = {k: tuple(v) if isinstance(v, list) else v for k, v in state["config"].items()}
    fields: dict[str, Any] = {k: v for k, v in config.items() if k in ElasticConfig.__dataclass_fields__}
    net = scene_model(ElasticConfig(**fields))
    weights = {k.removeprefix("scene."): v for k, v in state["average"].items() if k.startswith("scene.")}
    net.load_state_dict(weights)
    return net.eval()


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
