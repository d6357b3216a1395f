"""Scene-15: which kind of place it is, after a few glimpses; beside Table 3 of the paper and the whole image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import gae_published as published
from . import gae_runs
from .gae_rows import GLIMPSES, Row, Source
from .runs import spread
from .text import NOTHING, Table, number, plus_minus

FOLDER, BUNDLE = "scene15", "scene15"
CONTROL = "scene15-random"
BUNDLES = {BUNDLE: ("learned", "random"), CONTROL: ("random",)}  # Full draws at every step: hours, so from its runs
SEEDS: int | None = None
SIZE = (160, 160)
AFTER = (1, 2, 4, 8)

# A row: its name, the paper's figure, the bundle and policy, and else the runs' row, task and figure.
Which = tuple[str, str, str]
ROWS: tuple[tuple[str, float | None, tuple[str, str] | None, Which | None], ...] = (
    ("No-Decoder, attention", published.NO_DECODER, (BUNDLE, "learned"), ("full", "classify", "accuracy")),
    ("No-Decoder, random looks", None, (BUNDLE, "random"), None),
    (
        "No-Decoder, trained on random",
        published.NO_DECODER_RANDOM,
        (CONTROL, "random"),
        ("random-sa", "classify", "accuracy"),
    ),
    ("Full, attention", published.FULL, None, ("full", "classify-full", "accuracy")),
    ("Full, random looks", None, None, ("full", "classify-full", "accuracy/random")),
    ("Full, trained on random", published.FULL_RANDOM, None, ("random-sa", "classify-full", "accuracy")),
    ("Attend-and-Segment", published.SEGMENT, None, ("attend-and-segment", "classify-full", "accuracy")),
    ("the whole image, same encoder", None, None, (gae_runs.WHOLE, "classify", "accuracy")),
)


def source(data: Path, count: int | None) -> Source:
    """The test split without the 11 images that are in the training split too."""
    return Source(f"scene15:{data / FOLDER}?split=test", SIZE, count=count)


def tables(rows: dict[tuple[str, str], Row], models: Path) -> list[Table]:
    """Accuracies in %."""
    columns = ["", "paper, SUN360", *(f"after {k}" for k in AFTER), "measured"]
    table = Table("Scene-15 test, accuracy in % after so many glimpses", columns, BUNDLE)
    runs = [run for name in ("ablation", "ceiling") for run in gae_runs.read(models / BUNDLE / f"{name}.json")]
    for name, paper, bundle, run in ROWS:
        row = rows.get(bundle) if bundle is not None else None
        table.rows.append([name, number(paper, 1), *(cells(row) if row is not None else trained(runs, run))])
    table.notes += notes(rows)
    return [table]


def cells(row: Row) -> list[str]:
    """Of a bundle."""
    shown = [(100 * mean, 100 * std) for mean, std in (row.after(k, "accuracy") for k in AFTER)]
    return [*(plus_minus(pair, 1) for pair in shown), f"bundle, {len(row.parts)} seeds"]


def trained(runs: list[gae_runs.Run], which: Which | None) -> list[str]:
    """Of training runs without a bundle, after all glimpses; the method is that with foresight where no other ran."""
    blank, foresees = [NOTHING] * (len(AFTER) - 1), ""
    found = which and gae_runs.figure(runs, which[0], which[2], which[1], "test")
    if which and not found and which[0] == "full":
        found, foresees = gae_runs.figure(runs, "foresight", which[2], which[1], "test"), ", foresight"
    if not found:
        return [*blank, "no bundle" if which is None else "not trained yet", NOTHING]
    mean, std, seeds = found
    shown = plus_minus((100 * mean, 100 * std), 1) if seeds > 1 else number(100 * mean, 1)
    return [*blank, shown, f"{seeds} training run{'' if seeds == 1 else 's'}{foresees}"]


def notes(rows: dict[tuple[str, str], Row]) -> list[str]:
    """The gain of attention, and what was measured."""
    made = []
    learned = rows.get((BUNDLE, "learned"))
    for name, other in (
        ("random looks, same network", rows.get((BUNDLE, "random"))),
        ("a network that was trained on random looks", rows.get((CONTROL, "random"))),
    ):
        if learned is not None and other is not None:
            gain = spread(100 * np.subtract(*(row.values("accuracy")[:, -1] for row in (learned, other))))
            made.append(
                f"Attention against {name}, {GLIMPSES} glimpses: {gain[0]:+.1f} ± {gain[1]:.1f} points. Goal: at least "
                f"{published.NAMED_GOAL:+g}; the paper: {published.NO_DECODER - published.NO_DECODER_RANDOM:+.1f}."
            )
    if learned is None:
        made.append(f"models/{BUNDLE} is not there yet: train task classify on Scene-15 with training.gae.")
    else:
        made.append(
            f"{learned.scenes} test images at {SIZE[0]}x{SIZE[1]}, the duplicates of training images left out; ± over "
            "seeds of the first look (bundles) or of training (runs). Eight glimpses are 24 % of the pixels."
        )
    return made
