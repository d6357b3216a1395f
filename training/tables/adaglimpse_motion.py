"""What a policy that is charged for motion saves: error against the seconds that a mount moves."""

from __future__ import annotations

import numpy as np

from . import adaglimpse_published as published
from .adaglimpse_rows import BUNDLE, COMPARED, GLIMPSES, PTZ, absent
from .adaglimpse_runs import Found, Wanted
from .adaglimpse_sums import Run
from .runs import spread
from .text import NOTHING, Table, plus_minus

MOTION, MOST = "adaglimpse-motion", 16  # it may take more glimpses for the same error
ROWS = {
    (BUNDLE, "learned"): GLIMPSES,
    (MOTION, "learned"): MOST,
    (BUNDLE, "grid"): GLIMPSES,
    (BUNDLE, "random"): GLIMPSES,
}
AFTER, TARGETS = (1, 2, 4, 8, 12, 16), (4, 8, 12)


def motion() -> list[Wanted]:
    """What the tables need."""
    return [Wanted(PTZ, *row, glimpses) for row, glimpses in ROWS.items()]


def motion_tables(found: Found) -> list[Table]:
    """Errors and seconds glimpse by glimpse, and the seconds at which both reach the same error."""
    title = f"Panoramas, camera of {PTZ.max_fov:g} degrees, RMSE at seconds of motion"
    curves = Table(title, ["", *(f"after {k}" for k in AFTER)], BUNDLE)
    for (bundle, policy), glimpses in ROWS.items():
        run = found.run(PTZ, bundle, policy, glimpses)
        cells = [found.why(PTZ, bundle, policy, glimpses)] * len(AFTER)
        if run is not None:
            rmse, slew = run.values("rmse").mean(0), run.slews.mean(0)
            cells = [f"{rmse[k - 1]:.1f} at {slew[k - 1]:.1f} s" if k <= glimpses else NOTHING for k in AFTER]
        curves.rows.append([f"{bundle}, {policy}", *cells])
    plain, aware = (found.run(PTZ, bundle, "learned", ROWS[bundle, "learned"]) for bundle in (BUNDLE, MOTION))
    columns = ["RMSE of the plain policy", "plain: glimpses", "s", "motion-aware: glimpses", "s", "s over s"]
    equal = Table("The same error from motion-aware looks", columns, BUNDLE)
    if plain is None or aware is None:
        equal.notes.append(absent(BUNDLE, found, PTZ) if plain is None else f"models/{MOTION} is not there yet.")
        return [curves, equal]
    for k in TARGETS:
        ours, theirs = (reached(run, plain, k) for run in (plain, aware))
        cells = [f"{plain.after(k, 'rmse')[0]:.1f}, after {k}"]
        cells += [said(values) for pair in (ours, theirs) for values in pair]
        equal.rows.append([*cells, said(theirs[1] / ours[1], 2)])
    seconds = reached(aware, plain, COMPARED)[1] / reached(plain, plain, COMPARED)[1]
    verdict = f"{said(seconds, 2)} of the seconds" if np.isfinite(seconds).all() else "never reached by every seed"
    equal.notes.append(
        f"At the plain policy's RMSE after {COMPARED} glimpses: {verdict} (goal: at most {published.MOTION_GOAL:g}). "
        "Both curves are interpolated between glimpses, seed by seed; the motion-aware one has up to "
        f"{aware.glimpses} of them."
    )
    return [curves, equal]


def reached(run: Run, plain: Run, glimpses: int) -> tuple[np.ndarray, np.ndarray]:
    """Glimpses and seconds (seeds,) at which a run has the plain one's error after so many; NaN where it never has."""
    targets = plain.values("rmse")[:, glimpses - 1]
    taken = np.array([finished(own, target) for own, target in zip(run.values("rmse"), targets, strict=True)])
    every = np.arange(1, run.glimpses + 1)
    seconds = np.array([np.interp(k, every, slew) for k, slew in zip(taken, run.slews, strict=True)])
    return taken, seconds


def finished(values: np.ndarray, target: float) -> float:
    """The number of glimpses, interpolated, after which errors (T,) first reach `target`; NaN where they never do."""
    below = np.flatnonzero(values <= target)
    if not len(below):
        return float("nan")
    k = int(below[0])
    return 1.0 if k == 0 else float(k + (values[k - 1] - target) / (values[k - 1] - values[k]))


def said(values: np.ndarray, digits: int = 1) -> str:
    """Mean and spread over seeds."""
    return plus_minus(spread(values), digits) if np.isfinite(values).all() else "not reached"
