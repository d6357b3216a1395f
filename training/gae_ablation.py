"""The ablations of Glimpse-Attend-and-Explore: each variant trained for the same budget on the same seeds, measured on
a split that is named, kept as a JSON list for `training.tables gae`.

    python -m training.gae_ablation --data camvid:../shared/data/camvid --task segment --minutes-each 20 --seeds 3 \\
        --split test --out runs/gae-ablation --json models/street/ablation.json
    python -m training.gae_ablation --whole --data scene15:../shared/data/scene15 --task classify --height 160 \\
        --width 160 --minutes-each 20 --split test --json models/scene15/ceiling.json

One after the other in this process, every other option as of training.gae. Stopped and started again it goes on where
it was: a run that is in the JSON with this budget stays, one that has a checkpoint is trained on. Random variants are
trained and measured on random looks; the others are measured on random looks as well. Choose on val, report test once.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro

from glimpse_ros.core.types import GlimpseError

from . import ablation, gae, labelled, loop
from .gae_args import check_sizes
from .gae_check import figures
from .gae_net import GaeConfig
from .tables import gae_runs
from .tables.gae_published import ABLATIONS

FORESIGHT = "foresight"  # the row that has it; as the paper, the others have not


@dataclass
class Args(gae.Args):
    """What to train and where to measure; --minutes, --steps and the rest are those of each run."""

    foresight: float = 20.0
    """of the row with foresight"""

    out: Path = Path("runs/gae-ablation")
    """a folder for each run's checkpoint"""
    json: Path = Path("runs/gae-ablation/ablation.json")
    """the list that the runs are put into"""
    minutes_each: float | None = None
    """train each for so long; else each for --steps"""
    rows: tuple[str, ...] = ()
    """variants by name; none: all that the task knows"""
    seeds: int = 3
    """training seeds, from 0"""
    split: Literal["val", "test"] = "val"
    """where to measure"""
    count: int = 0
    """measure on so many scenes, evenly spaced (0: all)"""
    firsts: int = 1
    """seeds of the looks that a figure is averaged over"""
    whole: bool = False
    """the full-image ceiling instead of the variants"""


def variants(args: Args) -> tuple[str, ...]:
    """Names of the rows to train. Raises GlimpseError for one that is none."""
    if args.whole:
        return (gae_runs.WHOLE,)
    # Attend-and-Segment learns from a decoder's loss, which No-Decoder does not have.
    known = [name for name in ABLATIONS if (args.task, name) != ("classify", "attend-and-segment")]
    unknown = [name for name in args.rows if name not in known]
    if unknown:
        raise GlimpseError(f"--rows {unknown[0]}: is none of task {args.task}; expected some of {', '.join(known)}")
    return args.rows or tuple(known)


def run_args(args: Args, row: str, seed: int) -> gae.Args:
    """What training.gae gets for a run."""
    own = {field.name: getattr(args, field.name) for field in fields(gae.Args)}
    made = gae.Args(**own)
    name = "full" if row in (gae_runs.WHOLE, FORESIGHT) else row
    out, hears = args.out / args.task / f"{row}-{seed}", args.foresight if row == FORESIGHT else 0.0
    made = replace(made, out=out, seed=seed, whole=args.whole, minutes=args.minutes_each, foresight=hears)
    return replace(made, ablation=name)  # type: ignore[arg-type]


def load_gae(path: Path) -> tuple[gae.Gae, dict[str, Any]]:
    """The averaged network of a checkpoint, and the checkpoint. Raises GlimpseError for one of another method."""
    state = loop.read_checkpoint(path)
    config = dict(state["config"])
    if config.get("method") != "gae":
        raise GlimpseError(f"{path}: a checkpoint of method {config.get('method')!r}; expected one of training.gae")
    known = {field.name for field in fields(gae.Config)}
    own = {name: value for name, value in config.items() if name in known}
    made = gae.Gae(gae.Config(**{**own, "net": GaeConfig(**own["net"])}))
    made.load_state_dict(state["average"])
    return made.eval(), state


@torch.no_grad()
def measure(path: Path, data: labelled.Labelled, firsts: int = 1) -> dict[str, float]:
    """Figures after the last glimpse, means over seeds of the looks; those that end in /random are of random looks."""
    net, _ = load_gae(path)
    found: dict[str, float] = {}
    once = net.config.whole or net.config.random_looks
    for suffix, random in (("", False),) if once else (("", False), ("/random", True)):
        each = [figures(net, data, random, seed) for seed in range(1 if net.config.whole else firsts)]
        found |= {f"{name}{suffix}": round(float(np.mean([one[name] for one in each])), 5) for name in each[0]}
    return found


def evenly(data: labelled.Labelled, count: int) -> labelled.Labelled:
    """So many of the scenes, evenly spaced; 0: all."""
    total = len(data.images)
    if not 0 < count < total:
        return data
    chosen = [i * total // count for i in range(count)]
    maps = None if data.maps is None else [data.maps[i] for i in chosen]
    answers = None if data.answers is None else data.answers[chosen]
    known = None if data.known is None else [data.known[i] for i in chosen]
    return replace(data, images=[data.images[i] for i in chosen], maps=maps, answers=answers, known=known)


def check(args: Args) -> None:
    """Raises GlimpseError for sizes and budgets that are none."""
    check_sizes(args)
    for name, least in (("seeds", 1), ("firsts", 1), ("count", 0), ("steps", 1)):
        if getattr(args, name) < least:
            raise GlimpseError(f"--{name} {getattr(args, name)}: expected at least {least}")
    if args.minutes is not None:
        raise GlimpseError(f"--minutes {args.minutes:g}: expected --minutes-each, the budget of each run")
    if args.minutes_each is not None and not args.minutes_each > 0:
        raise GlimpseError(f"--minutes-each {args.minutes_each:g}: expected more than 0")
    if args.ablation != "full":
        raise GlimpseError(f"--ablation {args.ablation}: expected --rows {args.ablation}")


def run(args: Args) -> list[dict[str, Any]]:
    """Train and measure what is not in the JSON yet; the runs of this call. Raises GlimpseError."""
    check(args)
    data = evenly(labelled.load(args.data, args.split, (args.height, args.width)), args.count)
    budget = {"budget_minutes": args.minutes_each} if args.minutes_each else {"budget_steps": args.steps}
    asked = {"task": args.task, "data": data.name, "split": args.split, "scenes": len(data.images), **budget}
    made = []
    for seed in range(args.seeds):  # seed by seed: stopped early, the rows still match
        for row in variants(args):
            wanted = {"row": row, "seed": seed, **asked}
            old = [r for r in gae_runs.read(args.json) if all(r.get(key) == value for key, value in wanted.items())]
            if not old:
                path = gae.train(run_args(args, row, seed))
                state = loop.read_checkpoint(path)
                took = {"minutes": round(state["seconds"] / 60, 1), "steps": state["step"]}
                old = [{**wanted, **took, "figures": measure(path, data, args.firsts)}]
                ablation.put(old, args.json, gae_runs.read, gae_runs.KEY)
            print(f"{row}, seed {seed}: {old[0]['figures']}", file=sys.stderr, flush=True)
            made += old
    return made


if __name__ == "__main__":
    try:
        run(tyro.cli(Args))
    except GlimpseError as error:
        sys.exit(str(error))
