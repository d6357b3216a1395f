"""The test errors of runs of training.top_down that differ in their parts, for the ablation table.

    python -m training.ablation --seed 0 --report models/mnist-top-down/ablation.json \\
        --checkpoints runs/td-ram-0/checkpoint.pt runs/td-entropy-0/checkpoint.pt

A row is named by what the run had beyond RAM: "+entropy", "+entropy+context", "+entropy+context+top-down".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import tyro

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets import mnist

from . import loop, top_down
from .fovea import Fovea
from .ram import TASKS
from .recurrent import RecurrentConfig
from .tables import ablations

PARTS = {"entropy": "+entropy", "context": "+context", "top_down": "+top-down"}
FIRSTS = 3  # seeds of the first location that an error is averaged over


@dataclass
class Args:
    """Which runs."""

    checkpoints: tuple[Path, ...]
    """of training.top_down"""
    seed: int
    """--seed of their training"""
    report: Path
    """the JSON list to put their rows into"""
    data: Path = Path("../shared/data/mnist")
    """folder of MNIST's four IDX files"""
    count: int = 0
    """test on the first so many scenes (0: all), for smoke runs"""


def measure(path: Path, seed: int, data: Path, count: int = 0) -> dict[str, Any]:
    """The row of one run. Raises GlimpseError for a checkpoint of something else."""
    state = loop.read_checkpoint(path)
    config = dict(state["config"])
    if config.get("method") != "top-down" or config.get("task") not in TASKS:
        found = f"method {config.get('method')!r}, task {config.get('task')!r}"
        raise GlimpseError(f"{path}: a checkpoint of {found}; expected top-down on {' or '.join(TASKS)}")
    fields = {key: value for key, value in config.items() if key not in ("method", "task", "augment")}
    fields |= {"net": RecurrentConfig(**fields["net"]), "fovea": Fovea(**fields["fovea"])}
    net = top_down.TopDown(top_down.Config(**fields)).eval()
    net.load_state_dict(state["average"])
    scenes, labels = mnist.test_scenes(data, TASKS[config["task"]].variant, count or None)
    pixels, truth = torch.from_numpy(scenes.copy()).float(), torch.from_numpy(labels.copy()).long()
    glimpses = net.config.glimpses
    errors = [100 * (1 - top_down.accuracy(net, pixels, truth, glimpses, first)) for first in range(FIRSTS)]
    row = "".join(name for part, name in PARTS.items() if config.get(part)) or "RAM"
    made = {"row": row, "seed": seed, "task": config["task"], "error": round(sum(errors) / FIRSTS, 3)}
    return made | {"minutes": round(state["seconds"] / 60, 1), "steps": state["step"], "scenes": len(labels)}


def put(
    rows: list[dict[str, Any]],
    report: Path,
    read: Callable[[Path], list[dict[str, Any]]] = ablations.read,
    key: tuple[str, ...] = ("row", "seed", "task"),
) -> None:
    """Into a JSON list, in place of older runs of the same part, seed and task (of the same `key`)."""
    new = {tuple(row[name] for name in key): row for row in rows}
    old = [run for run in read(report) if tuple(run[name] for name in key) not in new]
    kept = sorted([*old, *new.values()], key=lambda run: (len(run["row"]), run["row"], run["seed"]))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("[\n" + ",\n".join(f" {json.dumps(run)}" for run in kept) + "\n]\n")


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        put([measure(path, args.seed, args.data, args.count) for path in args.checkpoints], args.report)
        print(args.report.read_text(), end="")
    except GlimpseError as error:
        sys.exit(str(error))
