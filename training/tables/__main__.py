"""The papers' tables, ours beside them: exported bundles over all frozen test scenes, by the runtime that robots have.

    python -m training.tables ram --json ram.json
    python -m training.tables active-sampling --png sweep.png
    python -m training.tables top-down
    python -m training.tables catch
    python -m training.tables gae --json gae.json --pictures runs/gae-pictures
    python -m training.tables adaglimpse --json adaglimpse.json --keep runs/adaglimpse-rows

Each figure is a single greedy roll-out a scene from a seeded first location, its spread that of seeds; nothing is
averaged over roll-outs, nothing was chosen on test data. Published figures are those of published.py. Rows of baselines
come from `baselines.json` beside a bundle (training.digit_baselines), ablations from `ablation.json`
(training.ablation). What is not there yet says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from glimpse_ros.core.types import GlimpseError

from . import adaglimpse as ada
from . import published
from .ablations import ablations
from .catch import catch
from .gae import PARTS, gae
from .published import Line, Section
from .runs import Looks, Plan, processors
from .stopping import active_sampling
from .text import NOTHING, Table, number, plus_minus

MISSING = "no bundle"


def ram(plan: Plan, args: argparse.Namespace) -> list[Table]:
    """Tables 1 and 2 of "Recurrent Models of Visual Attention"."""
    return [section(part, plan, {"paper v1": "v1", "paper NIPS": "nips"}) for part in published.RAM]


def top_down(plan: Plan, args: argparse.Namespace) -> list[Table]:
    """Table 2 of "Unifying Top-down and Bottom-up for Recurrent Visual Attention", and which part does what."""
    tables = [section(part, plan, {"paper": "utb"}) for part in published.TOP_DOWN]
    return [*tables, *ablations(plan.models / "mnist-top-down" / "ablation.json", "mnist-top-down")]


def section(part: Section, plan: Plan, papers: dict[str, str]) -> Table:
    """One table of errors; papers: column title -> field of a line."""
    most = max(line.glimpses for line in part.lines)
    learned = plan.watch(part.bundle, part.variant, most)
    chance = plan.watch(part.bundle, part.variant, most, "random")
    random = None
    if any(line.ours == "random" for line in part.lines):
        random = plan.watch(f"{part.bundle}-random", part.variant, most, "random")
    baselines = read_rows(plan.models / part.bundle / "baselines.json", part.task)
    public = any(line.public for line in part.lines)
    table = Table(f"{part.title}, test error in %", ["", *papers], part.bundle)
    table.columns += [*(["best public"] if public else []), "goal", "ours", "ours, random locations"]
    for line in part.lines:
        cells = [number(getattr(line, field)) for field in papers.values()]
        if public:
            cells.append(f"{line.public[0]:.2f} ({line.public[1]})" if line.public else NOTHING)
        cells.append(NOTHING if line.goal is None else f"≤ {line.goal:.2f}")
        table.rows.append([line.name, *cells, *ours(line, learned, chance, random, baselines)])
    best = [line for line in part.lines if line.goal is not None]
    if learned is not None and chance is not None and best:
        steps = best[-1].glimpses
        gain = chance.error(steps)[0] - learned.error(steps)[0]
        table.notes.append(f"Learned locations against random ones after {steps} glimpses: {gain:.2f} points of error.")
    if learned is None:
        table.notes.append(
            f"models/{part.bundle} is not there yet: train task {part.task}, then training.recurrent_export."
        )
    else:
        table.notes.append(
            f"{learned.right.shape[1]} test scenes, ± over {plan.seeds} seeds of the first location. One network, read "
            "after each of its glimpses; the paper trained one for each row."
        )
    named = dict.fromkeys(line.public[1] for line in part.lines if line.public)
    if named:
        table.notes.append("Public code: " + "; ".join(f"{name}: {published.PUBLIC[name]}" for name in named) + ".")
    return table


def ours(
    line: Line, learned: Looks | None, chance: Looks | None, random: Looks | None, baselines: dict[str, dict[str, Any]]
) -> list[str]:
    """Our figure, and that of the same network on random locations."""
    if line.baseline:
        row = baselines.get(line.baseline)
        if row is None:
            return ["not trained yet", NOTHING]
        shown = plus_minus((row["error"], row["spread"])) if row.get("spread") else number(row["error"])
        return [shown, NOTHING]
    if line.ours == "none":
        return [NOTHING, NOTHING]
    if line.ours == "random":
        return [NOTHING, MISSING if random is None else plus_minus(random.error(line.glimpses))]
    return [MISSING if looks is None else plus_minus(looks.error(line.glimpses)) for looks in (learned, chance)]


def read_rows(path: Path, task: str) -> dict[str, dict[str, Any]]:
    """Rows of a task in a baselines.json, by model; none where there is no file. GlimpseError for another one."""
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text())
        return {row["model"]: {**row, "error": float(row["error"])} for row in rows if row["task"] == task}
    except (ValueError, TypeError, KeyError) as error:
        raise GlimpseError(
            f"{path}: is no list of baselines ({error}); expected what digit_baselines writes"
        ) from error


TABLES: dict[str, Callable[[Plan, argparse.Namespace], list[Table]]] = {
    "ram": ram,
    "active-sampling": active_sampling,
    "top-down": top_down,
    "catch": catch,
    "gae": gae,
    "adaglimpse": ada.adaglimpse,
}
DATA = {"gae": Path("../shared/data"), "adaglimpse": Path("../shared/data")}  # of tables that are not of MNIST


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m training.tables", description=(__doc__ or "").splitlines()[0])
    made.add_argument("which", choices=TABLES, help="whose tables")
    made.add_argument(
        "--data",
        type=Path,
        help="folder of MNIST's four IDX files (../shared/data/mnist); gae, adaglimpse: of camvid, panoramas and "
        "scene15 (../shared/data)",
    )
    made.add_argument("--models", type=Path, default=Path("models"), help="folder of the bundles")
    made.add_argument(
        "--count", type=int, help="only so many test scenes: the first, of gae and adaglimpse evenly spaced"
    )
    made.add_argument("--seeds", type=int, default=3, help="of the first location")
    made.add_argument("--workers", type=int, default=processors(), help="processes")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the tables here too, for training.cards")
    made.add_argument("--png", type=Path, metavar="FILE", help="active-sampling: draw its curves")
    made.add_argument("--pictures", type=Path, metavar="DIR", help="gae, adaglimpse: draw pictures into this folder")
    made.add_argument(
        "--only", metavar="PARTS", help=f"gae: some of {','.join(PARTS)}, adaglimpse: of {','.join(ada.PARTS)}"
    )
    made.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="adaglimpse: keep rows here; those of the same bundles are not run again",
    )
    return made


def run(args: argparse.Namespace) -> list[Table]:
    """Make and print the tables. Raises GlimpseError for what it refuses."""
    data = args.data or DATA.get(args.which, Path("../shared/data/mnist"))
    plan = Plan(data, args.models, args.count, args.seeds, args.workers)
    tables = TABLES[args.which](plan, args)
    print("\n\n".join(table.markdown() for table in tables))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        made = {"which": args.which, "count": args.count, "seeds": args.seeds}
        args.json.write_text(json.dumps({**made, "tables": [asdict(table) for table in tables]}, indent=1) + "\n")
    return tables


if __name__ == "__main__":
    try:
        run(parser().parse_args())
    except GlimpseError as error:
        sys.exit(str(error))
