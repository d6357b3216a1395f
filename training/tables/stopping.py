"""Active sampling's tables: a fixed number of glimpses, far beyond training too, and one that the network chooses."""

from __future__ import annotations

import argparse

import numpy as np

from . import published
from .runs import Looks, Plan
from .text import NOTHING, Table, number, plus_minus

BUNDLE, PLAIN, VARIANT = "mnist-active-sampling-28", "mnist-ram-28", "28"
LONG = max(published.SWEEP)
BETAS = (0.0, 0.01, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
WANTED, ALLOWED, KEPT = 98.0, 4.0, 98.0  # goals: accuracy [%] at so many mean glimpses; accuracy at 50
MARGIN = 0.975  # of the goal's glimpses, for test digits may take a few more
FINE = [float(beta) for beta in np.geomspace(0.01, 100, 121)]


def active_sampling(plan: Plan, args: argparse.Namespace) -> list[Table]:
    """The sweep of N and that of beta; with --png, their curves."""
    ours = plan.watch(BUNDLE, VARIANT, LONG)
    plain = plan.watch(PLAIN, VARIANT, LONG)
    chance = plan.watch(BUNDLE, VARIANT, LONG, "random")
    if args.png is not None:
        from .curves import draw  # late: only this needs matplotlib

        draw(args.png, ours, plain, chance, curve(ours) if ours else [])
    return [fixed(ours, plain, chance, plan), dynamic(ours, plan.watch(BUNDLE, VARIANT, LONG, held_out=True))]


def fixed(ours: Looks | None, plain: Looks | None, chance: Looks | None, plan: Plan) -> Table:
    """Accuracy after N glimpses."""
    names = ["N glimpses", "paper, RAM", "paper, both", "ours, plain RAM", "ours", "ours, random locations"]
    table = Table("MNIST 28 x 28, accuracy in % after a fixed number of glimpses", names, BUNDLE)
    for n in published.SWEEP:
        ram, both = published.FIXED.get(n, (None, None))
        cells = [f"{100 - looks.error(n)[0]:.2f} ± {looks.error(n)[1]:.2f}" if looks else "no bundle"
                 for looks in (plain, ours, chance)]  # fmt: skip
        table.rows.append([str(n), number(ram), number(both), *cells])
    table.notes.append(
        "Both: self-uncertainty and intrinsic motive. The paper's figures are its notebook's, those beyond 6 read off "
        "its plot."
    )
    if ours is not None:
        kept = ours.accuracy()[LONG - 1]
        table.notes.append(
            f"After {LONG} glimpses {kept:.2f} % (goal: at least {KEPT:g}). {ours.right.shape[1]} test scenes, ± over "
            f"{plan.seeds} seeds of the first location."
        )
    else:
        table.notes.append(
            f"models/{BUNDLE} is not there yet: training.active_sampling, then training.recurrent_export."
        )
    return table


def dynamic(ours: Looks | None, held_out: Looks | None) -> Table:
    """Mean glimpses and accuracy where each scene stops by itself; held_out: the digits that choose a beta."""
    names = ["beta", "stop_threshold", "paper, both", "paper, uncertainty alone", "ours, glimpses", "ours, accuracy"]
    table = Table("MNIST 28 x 28, each scene stops by itself: mean glimpses, accuracy in %", names, BUNDLE)
    for beta in sorted({*BETAS, *published.STOPPED, *published.STOPPED_UNCERTAINTY}):
        papers = [f"{pair[0]:.2f}, {pair[1]:.2f}" if pair else NOTHING
                  for pair in (published.STOPPED.get(beta), published.STOPPED_UNCERTAINTY.get(beta))]  # fmt: skip
        mine = ["no bundle", "no bundle"]
        if ours is not None:
            glimpses, accuracy, std = ours.stopped(beta)
            mine = [f"{glimpses:.2f}", plus_minus((accuracy, std))]
        table.rows.append([f"{beta:g}", f"{beta / (1 + beta):.3f}", *papers, *mine])
    table.notes.append(
        "A scene stops at its first glimpse whose confidence bounds part at this beta, at the latest "
        f"after {LONG}. The paper's code stops later than its rule, when a whole batch would, so its points are others."
    )
    if ours is not None and held_out is not None:
        table.notes.append(verdict(ours, held_out))
    return table


def curve(ours: Looks) -> list[tuple[float, float]]:
    """(mean glimpses, accuracy [%]) over a fine range of beta."""
    return [ours.stopped(beta)[:2] for beta in [0.0, *FINE]]


def verdict(ours: Looks, held_out: Looks) -> str:
    """What the beta that spends the goal's glimpses on held-out digits does on the test digits."""
    beta = max((beta for beta in FINE if held_out.stopped(beta)[0] <= MARGIN * ALLOWED), default=0.0)
    glimpses, accuracy, std = ours.stopped(beta)
    return (
        f"The largest beta of at most {MARGIN * ALLOWED:g} mean glimpses on held-out training digits is {beta:.3g} "
        f"(stop_threshold {beta / (1 + beta):.3f}): on the test digits {plus_minus((accuracy, std))} % at "
        f"{glimpses:.2f} mean glimpses (goal: at least {WANTED:g} % at {ALLOWED:g} or fewer)."
    )
