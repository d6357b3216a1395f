"""What each part of top-down attention is worth: runs on matched seeds, from an `ablation.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from glimpse_ros.core.types import GlimpseError

from . import published
from .runs import spread
from .text import Table, number, plus_minus

MAIN = "cluttered100x10"  # the task of a run that names none
ORDER = ("RAM", "+entropy", "+entropy+context")  # the paper's: each better than the one before


def read(path: Path) -> list[dict[str, Any]]:
    """Runs as [{"row", "seed", "error" [%], "minutes", "task"}]; none where there is no file.

    Raises GlimpseError for another file.
    """
    if not path.exists():
        return []
    try:
        runs = json.loads(path.read_text())
        checked = [{"row": str(run["row"]), "seed": int(run["seed"]), "error": float(run["error"])} for run in runs]
        return [{"task": MAIN, **run, **good} for run, good in zip(runs, checked, strict=True)]
    except (ValueError, TypeError, KeyError) as error:
        raise GlimpseError(f"{path}: is no list of runs ({error}); expected what training.ablation writes") from error


def ablations(path: Path, bundle: str) -> list[Table]:
    """A table a task, that of the paper's table 2 first."""
    runs = read(path)
    tasks = sorted({MAIN, *(run["task"] for run in runs)}, key=lambda task: (task != MAIN, task))
    return [ablation(task, [run for run in runs if run["task"] == task], bundle) for task in tasks]


def ablation(task: str, runs: list[dict[str, Any]], bundle: str) -> Table:
    """Mean and spread over training seeds, and whether the paper's order holds on each seed."""
    seeds, papers = sorted({run["seed"] for run in runs}), published.ABLATION.get(task, {})
    title = f"Which part does what on {task}, test error in %, one training run a seed"
    table = Table(title, ["", "paper", *(f"seed {seed}" for seed in seeds), "mean ± seeds", "minutes a run"], bundle)
    found: dict[str, dict[int, float]] = {row: {} for row in ORDER}
    for run in runs:
        found.setdefault(run["row"], {})[run["seed"]] = run["error"]
    for row, errors in found.items():
        minutes = [float(run["minutes"]) for run in runs if run["row"] == row and run.get("minutes") is not None]
        mean = plus_minus(spread(np.array([*errors.values()])) if errors else None)
        took = number(sum(minutes) / len(minutes) if minutes else None, 1)
        cells = [number(papers.get(row)), *(number(errors.get(seed)) for seed in seeds), mean, took]
        table.rows.append([row, *cells])
    if not runs:
        table.notes.append("No run yet: train with and without each part on the same seeds, then training.ablation.")
        return table
    whole = [seed for seed in seeds if all(seed in found[row] for row in ORDER)]
    held = [seed for seed in whole if found[ORDER[0]][seed] > found[ORDER[1]][seed] > found[ORDER[2]][seed]]
    table.notes.append(
        f"The paper's order, RAM worse than +entropy worse than +entropy+context, holds on {len(held)} of "
        f"{len(whole)} matched seeds."
    )
    return table
