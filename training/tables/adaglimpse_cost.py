"""Time of a step against the number of glimpses, tokens and canvas, from the `cost*.json` of training.elastic_cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from glimpse_ros.core.types import GlimpseError

from . import adaglimpse_published as published
from .adaglimpse_rows import BUNDLE
from .text import NOTHING, Table, number

NAMES, KINDS, TIME = ("tokens", "canvas"), {"step": "", "drawn_step": ", drawn"}, "p10_ms"


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """What was measured, by file name. Raises GlimpseError for another file."""
    found = {}
    for path in sorted(folder.glob("cost*.json")):
        try:
            cost = json.loads(path.read_text())
            cost["glimpses"] = [int(k) for k in cost["glimpses"]]
            for name in NAMES:
                for kind in KINDS:
                    times = cost[name][kind][TIME] = [float(ms) for ms in cost[name][kind][TIME]]
                    if len(times) != len(cost["glimpses"]):
                        raise ValueError(f"{name} has {len(times)} times of {len(cost['glimpses'])} glimpses")
                cost[name] |= {key: int(cost[name][key]) for key in ("width", "depth", "weights")}
                cost[name]["scene"] = [int(size) for size in cost[name]["scene"]]
            found[path.stem] = {**cost, "threads": int(cost["threads"]), "rounds": int(cost["rounds"])}
        except (ValueError, TypeError, KeyError) as error:
            raise GlimpseError(
                f"{path}: is no measurement ({error}); expected what training.elastic_cost writes"
            ) from error
    return found


def called(name: str, cost: dict[str, Any]) -> str:
    """A model in words."""
    one = cost[name]
    size = f"{one['scene'][0]}x{one['scene'][1]}"
    return f"{name}, {one['weights'] / 1e6:.0f} M weights ({one['depth']} blocks of {one['width']}), scene of {size}"


def table(models: Path) -> Table:
    """Milliseconds of a step, with and without drawing the scene."""
    costs = read(models / BUNDLE)
    numbers = sorted({k for cost in costs.values() for k in cost["glimpses"]} | set(published.OFFICIAL))
    made = Table("Time of a step [ms] at glimpse", ["", *map(str, numbers), "last over first"], BUNDLE)
    official = [number(published.OFFICIAL.get(k), 0) for k in numbers]
    made.rows.append(["official code, decoder on, 2 cores", *official, NOTHING])
    for cost in costs.values():
        for name in NAMES:
            for kind, drawn in KINDS.items():
                times = dict(zip(cost["glimpses"], cost[name][kind][TIME], strict=True))
                cells = [number(times.get(k), 1) for k in numbers]
                last, first = times[max(times)], times[min(times)]
                made.rows.append([called(name, cost) + drawn, *cells, number(last / first)])
    if not costs:
        made.notes.append(
            f"Nothing was measured yet: python -m training.elastic_cost --json models/{BUNDLE}/cost.json."
        )
        return made
    turns = ", ".join(f"{stem}: {cost['rounds']} turns, {cost['threads']} threads" for stem, cost in costs.items())
    made.notes.append(
        "PyTorch on a CPU, random weights, the two memories in turns, tenth percentile; a step ends with the belief, a "
        f"drawn one with the scene ({turns}). The official code's times are those of its 24 and 48 tokens on another "
        f"machine of 2 cores. Goal for the exported canvas: at most {published.STEP_GOAL:g} ms, the same at glimpse 1 "
        "and 100, which `glimpse bench` measures."
    )
    return made
