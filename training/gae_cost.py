"""Time and memory of No-Decoder beside Attend-and-Segment (Table 4 of Glimpse-Attend-and-Explore).

    python -m training.gae_cost --json models/scene15/cost.json

Both classify scenes of Scene-15's size, drawn at random (what is in them costs nothing), with the paper's widths and
the same batch. They take turns, each turn in a process of its own, so that neither inherits the other's memory and both
meet the same machine. Attend-and-Segment reconstructs at every step as well, which is what its attention learns from.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
import torch
import tyro
from torch import Tensor

from glimpse_ros.core.types import GlimpseError

from . import gae
from .gae_seen import Seen
from .labelled import Labelled
from .tables.gae_cost import FIGURES, NAMES

CLASSES = 15


@dataclass
class Args:
    """What to measure."""

    json: Path = Path("models/scene15/cost.json")
    """where the figures go"""
    which: Literal["", "no-decoder", "attend-and-segment"] = ""
    """one turn of one of the two, printed as JSON; what the command starts for each turn"""
    batch: int = 6
    """scenes a step"""
    height: int = 160
    """of a scene [px]"""
    width: int = 160
    """of a scene [px]"""
    glimpses: int = 8
    """glimpses an episode"""
    encoder: int = 64
    """width of the encoder; the paper's"""
    decoder: int = 64
    """width of the decoder; the paper's"""
    merge: int = 5
    """convolutions of the output head; the paper's"""
    rounds: int = 3
    """turns of each"""
    steps: int = 3
    """steps a turn of training and of testing, after one that warms up"""
    device: str = "cpu"
    """cpu or cuda"""
    threads: int = 2
    """of the CPU"""
    seed: int = 0
    """of the weights and the scenes"""


def model(which: str, args: Args) -> gae.Gae:
    """One of the two. Raises GlimpseError for sizes that make no sense."""
    names = tuple(f"class {k}" for k in range(CLASSES))
    images = [np.zeros((args.height, args.width, 3), np.uint8)]
    data = Labelled("random", images, answers=np.zeros(1, np.int64), class_names=names)
    task, ablation = ("classify", "full") if which == "no-decoder" else ("classify-full", "attend-and-segment")
    chosen = gae.Args(
        task=task,  # type: ignore[arg-type]
        ablation=ablation,  # type: ignore[arg-type]
        height=args.height,
        width=args.width,
        glimpses=args.glimpses,
        encoder=args.encoder,
        decoder=args.decoder,
        merge=args.merge,
        decode_steps=0,
    )
    torch.manual_seed(args.seed)
    net = gae.Gae(gae.configure(chosen, data))
    net.to(args.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net


def batch(args: Args) -> tuple[Any, ...]:
    """What `gae.Gae.forward` takes: scenes, known, no maps, answers, places, strays, the first step that is drawn."""
    generator = torch.Generator().manual_seed(args.seed)
    shape = (args.batch, 3, args.height, args.width)
    scenes = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    answers = torch.randint(CLASSES, (args.batch,), generator=generator)
    places = torch.rand((args.glimpses, args.batch, 2), generator=generator) * 2 - 1
    strays = torch.zeros(args.glimpses, args.batch, dtype=torch.bool)
    known = torch.ones(args.batch, 1, *shape[2:], dtype=torch.bool)
    tensors = (scenes, known, None, answers, places, strays)
    return (*(None if t is None else t.to(args.device) for t in tensors), 0)


def held(net: gae.Gae, turn: tuple[Any, ...]) -> int:
    """Bytes that the gradient of one loss needs kept: every tensor saved for it once, weights and what was there before
    left out. The same on every machine.
    """
    before = {t.untyped_storage().data_ptr() for t in (*net.parameters(), *net.buffers())}
    before |= {t.untyped_storage().data_ptr() for t in turn if isinstance(t, Tensor)}
    kept: dict[int, int] = {}
    alive: list[Tensor] = []  # while they are counted no address may come back

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in before:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor.detach())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net(*turn)[0].backward()
    net.zero_grad(set_to_none=True)
    return sum(kept.values())


@torch.no_grad()
def explore(net: gae.Gae, turn: tuple[Any, ...]) -> Tensor:
    """What a test does with a batch: every glimpse, every drawing of the one that draws, the class at the end."""
    scenes, _, _, _, places, strays, _ = turn
    c = net.config
    scenes = scenes.float() / 255
    previous = scenes.new_zeros(len(scenes), c.net.drawn, c.net.height, c.net.width)
    last: tuple[Seen, Tensor, Tensor] | None = None
    for _, seen, code, attention in net.episode(scenes, places, strays):
        last = seen, code, attention
        if c.net.decoder:
            previous = net.net.decode(seen.finer(), code, attention, previous)[0]
    assert last is not None
    return net.net.classify(last[0].bottom, *last[1:])


def turn_of(which: str, args: Args) -> dict[str, float]:
    """FIGURES of one process: seconds a step (median), bytes."""
    if args.device == "cpu":
        torch.set_num_threads(args.threads)
    net, turn = model(which, args), batch(args)
    figures: dict[str, float] = {}
    # One baseline for both: an allocator keeps what testing gave back, so that training would seem to need less.
    before = 0 if args.device.startswith("cuda") else resident("VmRSS")
    net.eval()
    figures["test_peak"], figures["test_seconds"] = timed(lambda: explore(net, turn), args, before)
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), fused=True)

    def step() -> None:
        net(*turn)[0].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    figures["train_peak"], figures["train_seconds"] = timed(step, args, before)
    figures["train_held"] = held(net, turn)
    return figures


def timed(step: Callable[[], Any], args: Args, before: int) -> tuple[float, float]:
    """Bytes by which the peak is above `before`, and seconds of the median step after a first one that warms up."""
    cuda = args.device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(args.steps + 1):
        started = time.perf_counter()
        step()
        if cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    peak = torch.cuda.max_memory_allocated() if cuda else resident("VmHWM") - before
    return float(peak), median(seconds[1:])


def resident(field: str) -> int:
    """Bytes of VmRSS, the process's resident size now, or of VmHWM, its largest one so far."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # no Linux: the largest size stands for both, which is exact in a process that only grew
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith(field + ":")))


def measure(args: Args) -> dict[str, Any]:
    """Both in turns; medians over rounds. Raises GlimpseError where a turn fails."""
    for name in ("rounds", "steps", "batch", "threads"):
        if getattr(args, name) < 1:
            raise GlimpseError(f"--{name} {getattr(args, name)}: expected at least 1")
    model("no-decoder", args)  # refuses here, not in a turn
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
    for number in range(args.rounds):
        for name in NAMES:
            options = {**asdict(args), "which": name}
            command = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
            run = subprocess.run(
                [sys.executable, "-m", "training.gae_cost", *command], capture_output=True, text=True, check=False
            )
            if run.returncode:
                said = run.stderr.strip().splitlines()
                raise GlimpseError(
                    f"{name}: its turn failed ({said[-1] if said else run.returncode}); expected figures"
                )
            turns[name].append(json.loads(run.stdout.splitlines()[-1]))
            print(f"round {number + 1}: {name} {turns[name][-1]}", file=sys.stderr)
    found = {name: {key: median(turn[key] for turn in kept) for key in FIGURES} for name, kept in turns.items()}
    sizes = {key: getattr(args, key) for key in ("batch", "height", "width", "glimpses", "rounds", "steps", "threads")}
    cuda = args.device.startswith("cuda")
    device = f"cuda, {torch.cuda.get_device_name()}" if cuda else "a CPU"
    return {**sizes, "encoder": args.encoder, "decoder": args.decoder, "device": device, **found}


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        if args.which:
            print(json.dumps(turn_of(args.which, args)))
        else:
            figures = measure(args)
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps(figures, indent=1) + "\n")
            print(args.json.read_text(), end="")
    except GlimpseError as error:
        sys.exit(str(error))
