"""Time of one step with either memory of the elastic scene model, as more and more has been seen.

    python -m training.elastic_cost --size base --official --json models/adaglimpse/cost.json

A step is what a decision needs: take a glimpse in, look, make the belief; the drawn one also draws the scene. Weights
and pixels are random (what they are costs nothing). The two take turns at every number of glimpses, in one process with
the same threads, so that both meet the same machine; on a shared one the minimum and the tenth percentile tell more
than the median. What the agent adds is left out, for it is the same for both.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from torch import Tensor

from glimpse_ros.core.types import GlimpseError

from .elastic_tokens import ElasticVit, scene_model
from .elastic_vit import CELL, ElasticConfig, Memory, Size
from .loop import keep_memory

NAMES = ("tokens", "canvas")
KINDS = ("step", "drawn_step")
DRAWERS = {False: (192, 2), True: (512, 8)}  # width and blocks of the decoder; the paper's
PAPER = {"height": 224, "width": 224, "spherical": False}  # its scenes


@dataclass
class Args:
    """What to measure."""

    json: Path = Path("models/adaglimpse/cost.json")
    """where the figures go"""
    size: Size = "tiny"
    """of the encoders: width 192, 384 or 768"""
    canvas_size: Size | None = None
    """of the canvas's encoder where it is another"""
    depth: int = 4
    """blocks of the encoders"""
    official: bool = False
    """tokens as in the paper: 12 blocks of the encoder, 8 of the decoder, 512 wide, and scenes of 224 x 224 for both"""
    height: int = 256
    """of the scene [px]"""
    width: int = 512
    """of the scene [px]"""
    glimpse: int = 32
    """[px] along a side"""
    patch: int = 16
    """[px] of the glimpse under one token"""
    glimpses: str = "1,2,4,6,8,10,12"
    """how many have been seen with the one that is timed"""
    rounds: int = 30
    """turns of each at every number"""
    threads: int = 2
    """of the CPU"""
    seed: int = 0
    """of the weights and the pixels"""


def counts(text: str) -> tuple[int, ...]:
    """The numbers of glimpses. Raises GlimpseError for anything but whole numbers above 0 with commas between."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise GlimpseError(f"--glimpses {text}: expected whole numbers above 0, such as 1,2,4")
    return numbers


def configure(name: str, args: Args) -> ElasticConfig:
    """The model with the memory `name`. Raises GlimpseError for sizes that no model has."""
    sizes: dict[str, Any] = {"height": args.height, "width": args.width, "spherical": True}
    sizes = PAPER if args.official else sizes
    if sizes["height"] % CELL or sizes["width"] % CELL or args.patch < 1 or args.glimpse % args.patch:
        raise GlimpseError(
            f"--height {args.height} --width {args.width} --glimpse {args.glimpse}: expected multiples of {CELL}, "
            f"and of --patch {args.patch}"
        )
    ours = name == "canvas"
    inner, blocks = DRAWERS[args.official]
    return ElasticConfig(
        **sizes,
        glimpse=args.glimpse,
        memory=name,
        size=(args.canvas_size or args.size) if ours else args.size,
        depth=0 if args.official and not ours else args.depth,
        patch=args.patch,
        capacity=max(counts(args.glimpses)),
        decoder_width=inner,
        decoder_depth=blocks,
    )


def filled(net: ElasticVit, count: int, generator: torch.Generator) -> tuple[Memory, Tensor, Tensor]:
    """A memory of count - 1 random glimpses, the next glimpse and its view."""
    c, memory = net.config, net.empty(1)
    for _ in range(count):
        before = memory
        s = torch.rand(1, generator=generator) * 0.4 + c.glimpse / c.width
        view = torch.stack([torch.rand(1, generator=generator) - 0.5, torch.rand(1, generator=generator) - 0.5, s], 1)
        glimpse = torch.rand(1, 3, c.glimpse, c.glimpse, generator=generator)
        memory = net.write(memory, glimpse, view)
    return before, glimpse, view


def step(net: ElasticVit, memory: Memory, glimpse: Tensor, view: Tensor) -> tuple[float, float]:
    """Milliseconds until the belief is there, and until the scene is drawn as well."""
    started = time.perf_counter()
    memory = net.write(memory, glimpse, view)
    seen = net.look(memory)
    net.belief(memory, seen, view)
    known = time.perf_counter()
    net.decode(memory, *seen.handed)
    return 1e3 * (known - started), 1e3 * (time.perf_counter() - started)


@torch.inference_mode()
def measure(args: Args) -> dict[str, Any]:
    """Both in turns. Raises GlimpseError for numbers that make no sense."""
    for field in ("rounds", "threads", "depth"):
        if getattr(args, field) < 1:
            raise GlimpseError(f"--{field} {getattr(args, field)}: expected at least 1")
    numbers, before = counts(args.glimpses), torch.get_num_threads()
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    nets = {name: scene_model(configure(name, args)).eval() for name in NAMES}
    for net in nets.values():
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seen = {(name, n): filled(nets[name], n, generator) for n in numbers for name in NAMES}
    times: dict[tuple[str, int], list[tuple[float, float]]] = {key: [] for key in seen}
    torch.set_num_threads(args.threads)
    try:
        for number in range(args.rounds + 1):  # the first warms up
            for (name, n), turn in seen.items():
                taken = step(nets[name], *turn)
                if number:
                    times[name, n].append(taken)
    finally:
        torch.set_num_threads(before)
    figures: dict[str, Any] = {"glimpses": list(numbers), "rounds": args.rounds, "threads": args.threads}
    for name, net in nets.items():
        c = net.config
        width, depth, _ = c.dims
        found: dict[str, Any] = {"scene": [c.height, c.width], "width": width, "depth": depth}
        found["weights"] = sum(p.numel() for p in net.parameters())
        for k, kind in enumerate(KINDS):
            found[kind] = summary([np.array(times[name, n])[:, k] for n in numbers])
        figures[name] = found
    decoder = dict(zip(("decoder_width", "decoder_depth"), DRAWERS[args.official], strict=True))
    figures["tokens"] |= decoder
    return figures


def summary(taken: list[np.ndarray]) -> dict[str, list[float]]:
    """Per number of glimpses, in milliseconds: the least, the tenth percentile, the median."""
    parts = {"min_ms": 0, "p10_ms": 10, "median_ms": 50}
    return {name: [round(float(np.percentile(one, q)), 3) for one in taken] for name, q in parts.items()}


def main(args: Args) -> dict[str, Any]:
    """Measure, and write the figures."""
    keep_memory()
    figures = measure(args)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(figures, indent=1) + "\n")
    for name in NAMES:
        for kind in KINDS:
            shown = "  ".join(
                f"{n}: {low:.1f} / {p10:.1f}"
                for n, low, p10 in zip(
                    figures["glimpses"], figures[name][kind]["min_ms"], figures[name][kind]["p10_ms"], strict=True
                )
            )
            print(f"{name:7} {kind:10} min / p10 [ms] at glimpse  {shown}", file=sys.stderr)
    return figures


if __name__ == "__main__":
    try:
        main(tyro.cli(Args))
    except GlimpseError as error:
        sys.exit(str(error))
