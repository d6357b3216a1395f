"""The pictures of AdaGlimpse as PNGs: which are drawn, and the curves among them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import adaglimpse_cost, adaglimpse_looks
from . import adaglimpse_published as published
from .adaglimpse_motion import MOST, MOTION
from .adaglimpse_rows import BUNDLE, CAMVID, DRAWING, FREE, PTZ, SEGMENTING, SPANNING, SQUARE
from .adaglimpse_runs import Found
from .adaglimpse_stop import DIGITS, FIGURES, FINE, NAMES, SWEPT, TITLES, sweep
from .adaglimpse_sums import Run
from .gae_figure import canvas, save
from .runs import Plan

COLOURS = {
    "learned": "C0", "uncertainty": "C1", "attention": "C4", "quadtree": "C5", "wide-then-zoom": "C6",
    "tile-then-zoom": "C9", "grid": "C2", "random": "C7",
}  # fmt: skip
STYLES = ("-", "--", ":")  # of a table's first bundle, its second, its third
TICKS = (5, 7, 10, 15, 20, 30, 40, 60)  # of RMSE
PANELS = {
    PTZ: "panoramas, camera of 60°",
    FREE: "panoramas, any zoom",
    SQUARE: "panoramas at 224x224, any zoom",
    CAMVID: "CamVid test: segmentation",
}
AXES = {"glimpses": "glimpses", "pixels": "pixels seen [% of the scene's]", "seconds": "seconds of motion"}


def draw(folder: Path, plan: Plan, found: Found) -> list[Path]:
    """All pictures that can be drawn; what is missing is said on stderr. Raises GlimpseError for broken data."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [curves(folder / f"{kind}.png", found, kind) for kind in AXES] if found.runs else []
    for name, picture in adaglimpse_looks.PICTURES.items():
        made += [path for path in [picture(folder / f"{name}.png", plan, found)] if path is not None]
    made += [path for path in (stops(folder / "stop.png", found), cost(folder / "cost.png", plan.models)) if path]
    for path in made:
        print(path, file=sys.stderr)
    if not made:
        print("no pictures: nothing was explored and nothing measured", file=sys.stderr)
    return made


def curves(file: Path, found: Found, kind: str) -> Path:
    """Error, or share of right pixels, against one of AXES, one panel a regime."""
    figure, axes = canvas(2, 2, (16, 9))
    for axis, (regime, title) in zip(axes.flat, PANELS.items(), strict=True):
        bundles = {CAMVID: SEGMENTING, PTZ: DRAWING}.get(regime, SPANNING)
        figure_name = "pixel_accuracy" if regime == CAMVID else "rmse"
        for number, (bundle, policies) in enumerate(bundles.items()):
            for policy in policies:
                # Of a grid the one with the most glimpses; what one of fewer reaches is a mark.
                runs = [
                    run
                    for row, run in found.runs.items()
                    if (row.regime, row.bundle, row.policy) == (regime, bundle, policy)
                ]
                for k, run in enumerate(sorted(runs, key=lambda run: -run.glimpses)):
                    if k == 0:
                        line(axis, run, figure_name, kind, f"{bundle}, {policy}", COLOURS[policy], STYLES[number])
                        continue
                    axis.plot(*(one[-1:] for one in points(run, figure_name, kind)), "x", color=COLOURS[policy])
        aware = found.run(regime, MOTION, "learned", MOST)
        if aware is not None:
            line(axis, aware, figure_name, kind, f"{MOTION}, learned", "C3", "-")
        if regime == SQUARE and kind == "glimpses":
            after = np.arange(1, len(published.SUN360_AFTER) + 1)
            axis.plot(after, published.SUN360_AFTER, "+", color="0.3", label="AdaGlimpse on SUN360 (paper)")
        axis.set(title=title, xlabel=AXES[kind], ylabel="pixel accuracy [%]" if regime == CAMVID else "RMSE on 0–255")
        axis.grid(alpha=0.3)
        if not axis.lines:
            axis.text(0.5, 0.5, "no bundle", transform=axis.transAxes, ha="center", color="0.5")
            continue
        axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))  # beside the curves, over none
        if figure_name == "rmse":  # one wide look is worth many of a grid: errors span a decade
            axis.set_yscale("log")
            limits = axis.get_ylim()
            axis.set_yticks(TICKS, [str(tick) for tick in TICKS])
            axis.minorticks_off()
            axis.set_ylim(limits)
    return save(figure, file)


def points(run: Run, figure: str, kind: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y (T,), means over seeds; shares in %."""
    every = range(1, run.glimpses + 1)
    x = {"glimpses": every, "pixels": 100 * np.array([run.share(k) for k in every]), "seconds": run.slews.mean(0)}[kind]
    return np.asarray(x, np.float64), (1 if figure == "rmse" else 100) * run.values(figure).mean(0)


def line(axis: Any, run: Run, figure: str, kind: str, name: str, colour: str, style: str) -> None:
    """A curve, its spread over seeds as a band."""
    x, mean = points(run, figure, kind)
    std = (1 if figure == "rmse" else 100) * run.values(figure).std(0)
    axis.plot(x, mean, style, color=colour, marker=".", linewidth=2 if name.endswith("learned") else 1.2, label=name)
    if len(run.parts) > 1:
        axis.fill_between(x, mean - std, mean + std, color=colour, alpha=0.15, linewidth=0)


def stops(file: Path, found: Found) -> Path | None:
    """The threshold against pixels, and what stopping by it gives beside a fixed number of glimpses."""
    runs = {regime: found.run(regime, bundle, "learned", k) for regime, (bundle, k) in SWEPT.items()}
    swept = {r: sweep(run, FIGURES[r][:1], FINE) for r, run in runs.items() if run is not None}
    swept = {regime: points for regime, points in swept.items() if points}
    if not swept:
        return None
    figure, axes = canvas(2, len(swept), (4.6 * len(swept), 7.5))
    for (above, below), (regime, many) in zip(axes.T, swept.items(), strict=True):
        run, name = runs[regime], FIGURES[regime][0]
        assert run is not None
        shares, times = [100 * one.share for one in many], 1 if DIGITS[name] == 1 else 100
        above.plot([one.threshold for one in many], shares, color="C0")
        above.set(title=NAMES[regime], xlabel="stop threshold", ylabel="pixels seen, mean [%]", ylim=(0, None))
        below.plot(shares, [times * one.figures[name].mean() for one in many], color="C0", label="each stops by itself")
        fixed = [100 * run.share(k) for k in range(1, run.glimpses + 1)]
        below.plot(fixed, times * run.values(name).mean(0), ".--", color="C7", label="as many for all")
        label = "RMSE on 0–255" if name == "rmse" else f"pixel {TITLES[name]} [%]"
        below.set(xlabel="pixels seen, mean [%]", ylabel=label)
        below.legend()
        for axis in (above, below):
            axis.grid(alpha=0.3)
    return save(figure, file)


def cost(file: Path, models: Path) -> Path | None:
    """Milliseconds of a drawn step, and of one that is not, against the number of glimpses."""
    costs = adaglimpse_cost.read(models / BUNDLE)
    if not costs:
        print(f"no {file.name}: there is no models/{BUNDLE}/cost.json", file=sys.stderr)
        return None
    figure, axes = canvas(1, len(adaglimpse_cost.KINDS), (12, 4.6), sharey=True)
    for axis, (kind, drawn) in zip(axes[0], adaglimpse_cost.KINDS.items(), strict=True):
        for number, measured in enumerate(costs.values()):
            for name, colour in (("tokens", "C1"), ("canvas", "C0")):
                times = measured[name][kind][adaglimpse_cost.TIME]
                title = adaglimpse_cost.called(name, measured)
                axis.plot(measured["glimpses"], times, f"{STYLES[number % 3]}", marker=".", color=colour, label=title)
        if drawn:
            axis.plot(*zip(*published.OFFICIAL.items(), strict=True), "x", color="0.3", label="official code")
        axis.axhline(published.STEP_GOAL, color="0.8", linewidth=0.8, zorder=0)
        axis.set(title=f"a step{drawn or ', belief alone'}", xlabel="glimpses", ylabel="time [ms]")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7, loc="upper left")
    axes[0, 0].set_ylim(0, 1.25 * axes[0, 0].get_ylim()[1])  # the legend has the room above
    return save(figure, file)
