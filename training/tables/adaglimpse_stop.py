"""Early stopping: what a threshold costs and saves, from runs of all glimpses whose stop scores were kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .adaglimpse_rows import BUNDLE, CAMVID, FRAMES, FREE, GLIMPSES, PTZ, STREET, absent, told
from .adaglimpse_runs import Found, Wanted
from .adaglimpse_sums import Run
from .runs import spread
from .text import Table, number, plus_minus

SWEPT = {PTZ: (BUNDLE, GLIMPSES), FREE: (BUNDLE, GLIMPSES), CAMVID: (STREET, FRAMES)}
NAMES = {PTZ: "panoramas, camera of 60 degrees", FREE: "panoramas, any zoom", CAMVID: "CamVid test"}
FIGURES = {PTZ: ("rmse",), FREE: ("rmse",), CAMVID: ("pixel_accuracy", "miou")}
TITLES = {"rmse": "RMSE", "pixel_accuracy": "accuracy", "miou": "mIoU"}
DIGITS = {"rmse": 1, "pixel_accuracy": 3, "miou": 3}
LEVELS, FINE = 9, 81  # thresholds of a table, of a curve


@dataclass(frozen=True)
class Stopped:
    """What came of a threshold."""

    threshold: float
    glimpses: float  # mean over scenes and seeds
    share: float  # of the pixels
    figures: dict[str, NDArray[np.float64]]  # (seeds,)
    even: dict[str, float]  # the figures if every scene took that many


def stop() -> list[Wanted]:
    """What the tables need."""
    return [Wanted(regime, bundle, "learned", glimpses) for regime, (bundle, glimpses) in SWEPT.items()]


def sweep(run: Run, figures: tuple[str, ...], levels: int) -> list[Stopped]:
    """Evenly spaced thresholds over the scores that occur; none where the policy has no score."""
    if not np.isfinite(run.stops).all():
        return []
    every, whole = np.arange(1, run.glimpses + 1), {name: run.values(name).mean(0) for name in figures}
    made = []
    for threshold in np.unique(np.linspace(run.stops.min(), run.stops.max(), levels)):
        ends = ended(run.stops, float(threshold))
        mean = float((ends + 1).mean())
        even = {name: float(np.interp(mean, every, whole[name])) for name in figures}
        at = {name: run.at(name, ends) for name in figures}
        made.append(Stopped(float(threshold), mean, run.share(mean), at, even))
    return made


def ended(stops: NDArray[np.float32], threshold: float) -> NDArray[np.integer]:
    """(seeds, N) the glimpse, from 0, after which scores (seeds, N, T) first reach the threshold, or the last."""
    over = stops >= np.float32(threshold)
    over[..., -1] = True
    return np.asarray(over.argmax(-1))


def stop_tables(found: Found) -> list[Table]:
    """Threshold against pixels and quality."""
    made = []
    for regime, (bundle, glimpses) in SWEPT.items():
        figures = FIGURES[regime]
        columns = ["threshold", "glimpses", "pixels [%]"]
        columns += [text for name in figures for text in (TITLES[name], f"{TITLES[name]}, as many for all")]
        table = Table(f"Early stopping, {NAMES[regime]}", columns, bundle)
        run = found.run(regime, bundle, "learned", glimpses)
        swept = [] if run is None else sweep(run, figures, LEVELS)
        for one in swept:
            cells = [f"{one.threshold:.4f}", number(one.glimpses), number(100 * one.share)]
            for name in figures:
                cells += [plus_minus(spread(one.figures[name]), DIGITS[name]), number(one.even[name], DIGITS[name])]
            table.rows.append(cells)
        if run is None:
            table.notes.append(absent(bundle, found, regime))
        elif not swept:
            table.notes.append(f"The policy of models/{bundle} gives no stop score.")
        else:
            table.notes.append(
                "An episode ends at its first score of at least the threshold. Thresholds are spread evenly over the "
                "scores that occur; none was chosen. As many for all: every scene spends the mean number of glimpses, "
                f"interpolated. {told(found, regime)}"
            )
        made.append(table)
    return made
