"""AdaGlimpse: what our bundles of the family do, beside heuristics, other models and the published figures.

Panoramas are those that training has not seen, CamVid's frames the test split. What several parts need is run once, in
one pool of processes. Times of a step come from JSON files beside the bundle (training.elastic_cost).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from glimpse_ros.core.types import GlimpseError

from . import adaglimpse_cost, adaglimpse_published
from .adaglimpse_motion import motion, motion_tables
from .adaglimpse_rows import BUNDLE, camvid, camvid_table, free, free_tables, ptz, ptz_table
from .adaglimpse_runs import Found, Wanted, run_all
from .adaglimpse_stop import stop, stop_tables
from .runs import Plan
from .text import Table

EXPLORED: dict[str, tuple[Callable[[], list[Wanted]], Callable[[Found], list[Table]]]] = {
    "ptz": (ptz, lambda found: [ptz_table(found)]),
    "free": (free, free_tables),
    "motion": (motion, motion_tables),
    "camvid": (camvid, lambda found: [camvid_table(found)]),
    "stop": (stop, stop_tables),
}
READ: dict[str, Callable[[Plan], Table]] = {
    "cost": lambda plan: adaglimpse_cost.table(plan.models),
    "published": lambda plan: adaglimpse_published.table(BUNDLE),
}
PARTS = (*EXPLORED, *READ)


def adaglimpse(plan: Plan, args: argparse.Namespace) -> list[Table]:
    """The tables, and the pictures where a folder is named."""
    wanted = chosen(args.only)
    found = run_all([row for part in EXPLORED if part in wanted for row in EXPLORED[part][0]()], plan, args.keep)
    tables = [table for part, (_, made) in EXPLORED.items() if part in wanted for table in made(found)]
    tables += [made(plan) for part, made in READ.items() if part in wanted]
    if args.pictures is not None:
        from . import adaglimpse_pictures  # late: it brings matplotlib

        adaglimpse_pictures.draw(args.pictures, plan, found)
    return tables


def chosen(text: str | None) -> tuple[str, ...]:
    """Names of PARTS by comma; all of them where there is none. Raises GlimpseError for another name."""
    names = PARTS if text is None else tuple(text.split(","))
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise GlimpseError(f"--only {text}: knows no {unknown[0]!r}; expected some of {', '.join(PARTS)}")
    return names
