"""Table 4: time and memory of No-Decoder beside Attend-and-Segment, from the `cost.json` of training.gae_cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from glimpse_ros.core.types import GlimpseError

from . import gae_published as published
from .text import Table, number

BUNDLE, FILE = "scene15", "cost.json"
NAMES = {"attend-and-segment": "Attend-and-Segment", "no-decoder": "No-Decoder"}
FIGURES = ("train_seconds", "test_seconds", "train_held", "train_peak", "test_peak")
SIZES = ("batch", "height", "width", "glimpses", "rounds", "steps", "threads")


def read(path: Path) -> dict[str, Any] | None:
    """What was measured; None where there is no file. Raises GlimpseError for another file."""
    if not path.exists():
        return None
    try:
        cost = json.loads(path.read_text())
        for name in NAMES:
            cost[name] = {key: float(cost[name][key]) for key in FIGURES}
            if min(cost[name].values()) <= 0:
                raise ValueError(f"{name} has a figure that is not above 0")
        return {**cost, "device": str(cost["device"]), **{key: int(cost[key]) for key in SIZES}}
    except (ValueError, TypeError, KeyError) as error:
        raise GlimpseError(f"{path}: is no measurement ({error}); expected what training.gae_cost writes") from error


def table(models: Path) -> Table:
    """Seconds a batch and megabytes, and how many times less."""
    columns = ["", "training [s/batch]", "test [s/batch]", "held for the gradient [MB]", "peak in training [MB]"]
    columns += ["peak in testing [MB]", "paper: training [s]", "test [s]", "memory [GB]"]
    made = Table("Cost of classification", columns, BUNDLE)
    cost = read(models / BUNDLE / FILE)
    for name, title in NAMES.items():
        paper = published.COST[name]
        ours = ["not measured yet"] * len(FIGURES)
        if cost is not None:
            c = cost[name]
            ours = [number(c["train_seconds"], 3), number(c["test_seconds"], 3)]
            ours += [number(c[key] / 1e6, 0 if c[key] >= 1e8 else 1) for key in FIGURES[2:]]
        made.rows.append([title, *ours, f"{paper.train:g}", f"{paper.test:g}", f"{paper.memory:g}"])
    slow, fast = (published.COST[name] for name in NAMES)
    ratios = [number(getattr(slow, key) / getattr(fast, key), 1) for key in ("train", "test", "memory")]
    times = ["–"] * len(FIGURES)
    if cost is not None:
        a, b = (cost[name] for name in NAMES)
        times = [number(a[key] / b[key], 1) for key in FIGURES]
    made.rows.append(["times less", *times, *ratios])
    made.notes.append(
        f"Goal: at least {published.FASTER_GOAL:g} times faster, a {published.SMALLER_GOAL:g}th of the memory or less."
    )
    if cost is None:
        made.notes.append("Nothing was measured yet: python -m training.gae_cost.")
        return made
    made.notes.append(
        f"Batches of {cost['batch']} scenes of {cost['height']}x{cost['width']}, {cost['glimpses']} glimpses, the "
        f"paper's widths, 32-bit, on {cost['device']} with {cost['threads']} threads; in turns, a process each, the "
        f"median of {cost['rounds']} rounds of {cost['steps']} steps. Held for the gradient: all that backpropagation "
        "keeps of a forward pass, each tensor once, weights left out. Peak: "
        + (
            "torch.cuda.max_memory_allocated, weights and optimizer included."
            if str(cost["device"]).startswith("cuda")
            else "how far the process's largest resident size grew beyond what it had, weights included, before its "
            "first step."
        )
    )
    made.notes.append(
        "Attend-and-Segment draws after every glimpse, in testing too: its attention is a decoder's in the original."
    )
    return made
