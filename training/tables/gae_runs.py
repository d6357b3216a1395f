"""Training runs of the ablations, of the full-image ceilings and of controls: a JSON list beside a bundle.

    {"row": "full", "seed": 0, "task": "both", "data": "camvid", "split": "test", "scenes": 233, "minutes": 30.0,
     "steps": 4000, "figures": {"pixel_accuracy": 0.8, "miou": 0.5, "pixel_accuracy/random": 0.78, ...}}

row: a name of `training.gae --ablation`, or "whole" for the ceiling. A figure whose name ends in /random is the same
network's on random looks. Written by training.gae_ablation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from glimpse_ros.core.types import GlimpseError

from .runs import spread

KEY = ("row", "seed", "task", "data", "split")  # of which one run is kept
WHOLE = "whole"
Run = dict[str, Any]


def read(path: Path) -> list[Run]:
    """The runs of a file; none where there is no file. Raises GlimpseError for another file."""
    if not path.exists():
        return []
    try:
        runs = json.loads(path.read_text())
        checked = [
            {**{key: str(run[key]) for key in KEY}, "seed": int(run["seed"]), "figures": numbers(run["figures"])}
            for run in runs
        ]
        return [{**run, **good} for run, good in zip(runs, checked, strict=True)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise GlimpseError(
            f"{path}: is no list of runs ({error}); expected what training.gae_ablation writes"
        ) from error


def numbers(figures: dict[str, Any]) -> dict[str, float]:
    """Figures by name. Raises ValueError and the like for what are none."""
    return {str(name): float(value) for name, value in figures.items()}


def figure(runs: list[Run], row: str, name: str, task: str = "", split: str = "") -> tuple[float, float, int] | None:
    """Mean and spread over the training seeds of a row's figure, and how many they are; None where there is none."""
    found = [
        run["figures"][name]
        for run in runs
        if run["row"] == row and name in run["figures"] and task in ("", run["task"]) and split in ("", run["split"])
    ]
    return (*spread(np.array(found)), len(found)) if found else None
