"""The paper's ablations (Table 1, and Attend-and-Segment of Table 2): same budget, same seeds, from an `ablation.json`
beside a bundle.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import gae_published as published
from . import gae_runs
from .runs import spread
from .text import NOTHING, Table, number, plus_minus

BUNDLES = {"street": "segment", "panorama-gae": "reconstruct", "scene15": "classify"}  # and what each is for
FIGURES = {
    "pixel_accuracy": ("pixel accuracy [%]", 100.0),
    "miou": ("mIoU [%]", 100.0),
    "rmse": ("RMSE", 1.0),
    "accuracy": ("accuracy [%]", 100.0),
}  # and by what they are multiplied
RISES = {"rmse": False}  # larger is better, of all others
OURS = "foresight"
YES = {True: "yes", False: "no"}


def tables(models: Path) -> list[Table]:
    """A table for each bundle's file, task, data and split; an empty one where there is no file."""
    made = []
    for bundle, task in BUNDLES.items():
        runs = gae_runs.read(models / bundle / "ablation.json")
        keys = sorted({(run["task"], run["data"], run["split"]) for run in runs})
        for key in keys:
            chosen = [run for run in runs if (run["task"], run["data"], run["split"]) == key]
            made.append(table(bundle, key, chosen))
        if not keys:
            made.append(table(bundle, (task, "no data", "not trained yet"), []))
    return made


def table(bundle: str, key: tuple[str, str, str], runs: list[gae_runs.Run]) -> Table:
    """Means and spreads over training seeds; the last columns are the same networks on random looks."""
    task, data, split = key
    figures = [name for name in FIGURES if any(name in run["figures"] for run in runs)]
    papers = {"segment": published.SEGMENTED, "both": published.SEGMENTED, "reconstruct": published.DRAWN}.get(task, ())
    columns = ["", "gates", "contrast", "looks", *(f"paper, {name}" for name in papers)]
    columns += [FIGURES[name][0] for name in figures] + [f"{FIGURES[name][0]}, random looks" for name in figures[:1]]
    where = data if data.endswith(split) else f"{data}, {split}"
    made = Table(f"Ablations, task {task} ({where})", [*columns, "runs", "minutes a run"], bundle)
    for name, variant in published.ABLATIONS.items():
        own = [run for run in runs if run["row"] == name]
        row = [variant.name, YES[variant.attention], YES[variant.contrast], variant.looks]
        row += [number(variant.figures.get(paper), 1) for paper in papers]
        row += [shown(own, figure) for figure in figures]
        row += [shown(own, f"{figure}/random") for figure in figures[:1]]
        minutes = [float(run["minutes"]) for run in own if run.get("minutes") is not None]
        made.rows.append([*row, str(len(own)), number(sum(minutes) / len(minutes) if minutes else None, 1)])
    if not runs:
        made.notes.append("No run yet: training.gae_ablation trains them.")
        return made
    made.notes += [better(runs, figure) for figure in figures]
    made.notes.append(
        f"{runs[0]['scenes']} scenes; ± over training seeds; measured in PyTorch at the network's working size, after "
        "the last glimpse. Rows with random looks were trained and measured on them."
    )
    return made


def shown(runs: list[gae_runs.Run], figure: str) -> str:
    """A figure over a row's runs."""
    name = figure.partition("/")[0]
    values = np.array([run["figures"][figure] for run in runs if figure in run["figures"]]) * FIGURES[name][1]
    if not values.size:
        return NOTHING
    return number(float(values[0]), 1) if values.size == 1 else plus_minus(spread(values), 1)


def better(runs: list[gae_runs.Run], figure: str) -> str:
    """On how many matched seeds ours (without a run of it: the whole method as in the paper) beats each other row."""
    found = {(run["row"], run["seed"]): run["figures"][figure] for run in runs if figure in run["figures"]}
    sign = 1 if RISES.get(figure, True) else -1
    ours = OURS if any(row == OURS for row, _ in found) else "full"
    parts = []
    for name, variant in published.ABLATIONS.items():
        seeds = [seed for row, seed in found if row == name and (ours, seed) in found]
        if name != ours and seeds:
            won = sum(sign * (found[ours, seed] - found[name, seed]) > 0 for seed in seeds)
            parts.append(f"{variant.name} {won} of {len(seeds)}")
    title = FIGURES[figure][0].partition(" [")[0]
    return f"{title}: ours is better than {', '.join(parts)} matched seeds." if parts else f"{title}: nothing to match."
