"""Glimpse-Attend-and-Explore: what its tables show of our bundles, beside the published figures.

Scenes of CamVid and Scene-15 are their frozen test splits, panoramas the 39 that training has not seen, with a camera
that sees at most 60 degrees. All of it in one pool of processes. Rows of the ablations, of the full-image ceilings and
of the cost come from JSON files beside the bundles (training.gae_ablation, training.gae_cost).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from glimpse_ros.core.types import GlimpseError

from . import gae_ablations, gae_camvid, gae_cost, gae_panoramas, gae_scene15
from .gae_rows import MOSAIC, Job, Row, Source, explore_all
from .runs import Plan
from .text import Table

Rows = dict[tuple[str, str], Row]  # by the bundle's name and the policy
EXPLORED = {"scene15": gae_scene15, "camvid": gae_camvid, "panoramas": gae_panoramas}  # the longest first
SHOWN = ("camvid", "panoramas", "scene15")
PARTS = (*SHOWN, "ablation", "cost")


def gae(plan: Plan, args: argparse.Namespace) -> list[Table]:
    """The tables, and the pictures where a folder is named."""
    wanted = chosen(args.only)
    jobs: list[Job] = []
    sources: dict[str, Source] = {}
    for name, section in EXPLORED.items():
        if name in wanted and (plan.data / section.FOLDER).is_dir():
            sources[name] = section.source(plan.data, plan.count)
            seeds = plan.seeds if section.SEEDS is None else min(plan.seeds, section.SEEDS)
            jobs += [
                Job(model, policy, sources[name], seed)
                for bundle, policies in section.BUNDLES.items()
                for model in [path_of(plan.models, bundle)]
                if model is not None
                for policy in policies
                for seed in range(seeds)
            ]
    found = explore_all(jobs, plan.workers)
    tables, rows_of = [], {}
    for name in SHOWN:
        if name not in wanted:
            continue
        source = sources.get(name)
        rows_of[name] = {(Path(m).name, policy): row for (m, policy, s), row in found.items() if s == source}
        tables += EXPLORED[name].tables(rows_of[name], plan.models)
        if source is None:
            tables[-1].notes.append(f"There is no {plan.data / EXPLORED[name].FOLDER}: nothing was explored.")
    if "ablation" in wanted:
        tables += gae_ablations.tables(plan.models)
    if "cost" in wanted:
        tables.append(gae_cost.table(plan.models))
    if args.pictures is not None:
        from . import gae_pictures  # late: it brings matplotlib

        gae_pictures.draw(args.pictures, plan, rows_of, sources)
    return tables


def chosen(text: str | None) -> tuple[str, ...]:
    """Names of PARTS by comma; all of them where there is none. Raises GlimpseError for another name."""
    names = PARTS if text is None else tuple(text.split(","))
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise GlimpseError(f"--only {text}: knows no {unknown[0]!r}; expected some of {', '.join(PARTS)}")
    return names


def path_of(models: Path, bundle: str) -> str | None:
    """A bundle's folder, where it is there."""
    if bundle == MOSAIC:
        return MOSAIC
    return str(models / bundle) if (models / bundle / "scene.onnx").exists() else None
