"""One training loop for small networks: Lightning Fabric, a clock or a number of steps, averaged weights, checkpoints.

A method brings a module whose forward is its loss; the loop brings everything else. The same command runs on a CPU, on
a GPU, and under `torchrun` on many: each process builds its slice of one batch, so that the number of processes does
not change what is learned.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from glimpse_ros.core.types import GlimpseError

Figures = dict[str, Tensor | float]


@dataclass
class LoopArgs:
    """How long and how fast; each method's arguments add what it trains on."""

    out: Path = Path("runs/ram")
    """checkpoint.pt and TensorBoard logs; running the command again goes on from there"""
    minutes: float | None = None
    """train for so long, earlier runs from the same checkpoint included"""
    steps: int = 20000
    """train for so many steps where no minutes are given"""
    batch: int = 256
    """scenes a step, over all processes"""
    lr: float = 1e-3
    """peak learning rate of Adam"""
    ema: float = 0.999
    """decay of the averaged weights, the ones that are kept"""
    weight_decay: float = 0.0
    """of AdamW; 0 makes it Adam"""
    clip: float = 5.0
    """largest gradient norm of each group of weights"""
    save_every: float = 60.0
    """seconds between checkpoints"""
    precision: Literal["32-true", "bf16-mixed"] = "bf16-mixed"
    """of the matrix products"""
    accelerator: str = "auto"
    """cpu, cuda or auto"""
    seed: int = 0
    """of the weights, the scenes and the noise"""
    init: Path | None = None
    """start from the averaged weights of another checkpoint, where their shapes fit"""


@dataclass(frozen=True)
class Turn:
    """One step's place in the run."""

    step: int
    progress: float  # 0 to 1
    generator: torch.Generator  # the same in every process
    part: slice  # this process's share of the batch
    device: torch.device


def launch(args: LoopArgs) -> Fabric:
    """The processes: one, or as many as `torchrun` started. Raises GlimpseError where they cannot share the batch."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    world = int(os.environ.get("WORLD_SIZE", 1))
    if args.batch < 1 or args.batch % world:
        raise GlimpseError(f"--batch {args.batch}: expected a multiple of the {world} processes, at least that")
    keep_memory()
    fabric = Fabric(accelerator=args.accelerator, devices=local, num_nodes=world // local, precision=args.precision)
    fabric.launch()
    return fabric


def keep_memory() -> None:
    """Let glibc keep what is freed: else every large tensor's pages come from the system anew, up to half of a step."""
    try:
        allocator = ctypes.CDLL(None)
        allocator.mallopt(-4, 0)  # M_MMAP_MAX: no separate mappings
        allocator.mallopt(-1, -1)  # M_TRIM_THRESHOLD: nothing is given back
    except (OSError, AttributeError, TypeError):  # another C library
        pass


def fit(
    fabric: Fabric,
    args: LoopArgs,
    config: dict[str, Any],
    net: nn.Module,
    draw: Callable[[Turn], tuple[Any, ...]],
    validate: Callable[[nn.Module], Figures],
) -> Path:
    """Train `net`, whose forward takes what `draw` made and returns (loss, figures); returns the checkpoint's path.

    config: what a checkpoint must agree with, plain numbers and words. Raises GlimpseError where it does not.
    """
    torch.manual_seed(args.seed)
    average = type(net)(net.config).to(fabric.device)  # type: ignore[arg-type, operator]
    args.out.mkdir(parents=True, exist_ok=True)
    path, first, before = args.out / "checkpoint.pt", 0, 0.0
    optimizer: torch.optim.Optimizer = torch.optim.AdamW(
        net.parameters(), lr=args.lr, weight_decay=args.weight_decay, fused=True
    )
    state = read_checkpoint(path, config) if path.exists() else None
    if state is not None:
        net.load_state_dict(state["net"])
    elif args.init is not None:
        begin(net, args.init)
    model, optimizer = fabric.setup(net, optimizer)
    average.load_state_dict(net.state_dict())
    if state is not None:
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first, before = state["step"], state["seconds"]
    share = args.batch // fabric.world_size
    part = slice(fabric.global_rank * share, (fabric.global_rank + 1) * share)
    own = net.state_dict()  # running statistics too: the averaged weights want their own
    kept = [(a, own[name]) for name, a in average.state_dict().items() if a.is_floating_point()]
    log = None
    if fabric.is_global_zero:
        from torch.utils.tensorboard import SummaryWriter

        log = SummaryWriter(str(args.out))
    started = saved = time.monotonic()
    step, seconds = first, before
    while True:
        progress = seconds / (60 * args.minutes) if args.minutes else step / max(args.steps, 1)
        progress = float(fabric.broadcast(progress)) if fabric.world_size > 1 else progress
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(progress, args.lr)
        generator = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        loss, figures = model(*draw(Turn(step, progress, generator, part, fabric.device)))
        fabric.backward(loss)
        if fabric.world_size > 1:
            figures = fabric.all_reduce(figures, reduce_op="mean")  # of the whole batch, not of this process's share
        for part_of_net in parts(net):  # one by one: the location network's large gradients must not shrink the rest
            torch.nn.utils.clip_grad_norm_(part_of_net.parameters(), args.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, seconds = step + 1, before + time.monotonic() - started
        with torch.no_grad():
            decay = min(args.ema, (step + 1) / (step + 10))
            torch._foreach_lerp_([a for a, _ in kept], [b for _, b in kept], 1 - decay)
        last = (seconds >= 60 * args.minutes) if args.minutes else step >= args.steps
        due = time.monotonic() - saved > args.save_every
        if fabric.is_global_zero and log is not None and (step % 50 == 0 or last or due):
            for name, value in figures.items():
                log.add_scalar(name, float(value), step)
        if fabric.is_global_zero and log is not None and (last or due):
            checked = validate(average)
            for name, value in checked.items():
                log.add_scalar(name, float(value), step)
            checked = {"images_per_second": (step - first) * args.batch / max(seconds - before, 1e-9), **checked}
            shown = "  ".join(f"{k} {float(v):.4g}" for k, v in {**figures, **checked}.items())
            print(f"step {step}  {seconds / 60:.1f} min  {shown}", file=sys.stderr, flush=True)
            kept_state: dict[str, Any] = {"config": config, "net": net.state_dict(), "average": average.state_dict()}
            kept_state |= {"optimizer": optimizer.state_dict(), "step": step, "seconds": seconds}
            torch.save(kept_state, path.with_suffix(".tmp"))
            path.with_suffix(".tmp").replace(path)
            saved = time.monotonic()
    if log is not None:
        log.close()
    return path


def parts(net: nn.Module) -> list[nn.Module]:
    """What a method's network is made of: children of its children, or a child that has none; ReLUs do not count."""
    found = [part for child in net.children() for part in (list(child.children()) or [child])]
    return [part for part in found if next(part.parameters(), None) is not None]


def learning_rate(progress: float, peak: float) -> float:
    """A short warm-up, then a cosine down to a hundredth of the peak; progress in [0, 1]."""
    warm = min(1.0, progress / 0.01 + 0.05)
    return peak * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def read_checkpoint(path: Path, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """A checkpoint of `fit`. Raises GlimpseError for another file, or another task than `config`."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state["config"]
    except FileNotFoundError:
        raise GlimpseError(f"{path}: does not exist; expected a checkpoint") from None
    except Exception as error:
        raise GlimpseError(f"{path}: is no checkpoint of this loop ({type(error).__name__})") from error
    if config is not None and found != config:
        off = ", ".join(
            f"{k} {found.get(k)!r}, expected {config.get(k)!r}"
            for k in sorted({*found, *config})
            if found.get(k) != config.get(k)
        )
        raise GlimpseError(f"{path}: a checkpoint of another task ({off}); choose another --out")
    return dict(state)


def begin(net: nn.Module, path: Path) -> None:
    """Take over averaged weights, also into a wider network: what was learned is kept, what is new begins quietly.

    Raises GlimpseError where nothing fits, and for a wider LSTM: its gates are stacked in one matrix and would mix.
    """
    weights = read_checkpoint(path)["average"]
    own, taken = net.state_dict(), 0
    for name, value in own.items():
        found = weights.get(name)
        if (
            found is None
            or found.ndim != value.ndim
            or any(n > m for n, m in zip(found.shape, value.shape, strict=True))
        ):
            continue
        if name.endswith(("_ih", "_hh")) and found.shape != value.shape:
            raise GlimpseError(f"{path}: {name} is {tuple(found.shape)}; expected an LSTM of this size, it cannot grow")
        taken += 1
        # The core reads two vectors side by side, each of which may have grown.
        blocks = 2 if name.endswith("core.weight") and found.shape != value.shape else 1
        if value.ndim == 2:
            wide, narrow = value.view(len(value), blocks, -1), found.view(len(found), blocks, -1)
            wide[: len(found), :, narrow.shape[2] :] *= 0.1  # known units hear new ones faintly
            wide[: len(found), :, : narrow.shape[2]] = narrow
        else:
            value[tuple(slice(n) for n in found.shape)] = found
    if not taken:
        raise GlimpseError(f"{path}: none of its weights fits; expected a checkpoint of a related task")
    net.load_state_dict(own)
