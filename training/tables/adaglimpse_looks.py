"""Where AdaGlimpse looks, how closely as time goes by, and one episode as a filmstrip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_ros import evaluate
from glimpse_ros.core.explorer import explore, look_at_canvas
from glimpse_ros.core.policies import first_view, make_policy
from glimpse_ros.core.stretch import stretched
from glimpse_ros.core.types import SceneInfo, SceneSpec

from .adaglimpse_motion import MOST, MOTION
from .adaglimpse_rows import BUNDLE, CAMVID, FRAMES, FREE, GLIMPSES, PTZ, STREET
from .adaglimpse_runs import Found, Regime, path_of
from .adaglimpse_sums import Run
from .gae_figure import canvas, save
from .gae_panels import Explored, covered, map_size
from .gae_rows import scene_of, truth_of
from .gae_steps import bare, boxes, label_axes, panel
from .runs import Plan

PLAIN = ("learned", "uncertainty", "random")
AWARE = "motion-aware"
SHOWN = {
    PTZ: {"learned": (BUNDLE, GLIMPSES), AWARE: (MOTION, MOST), **dict.fromkeys(PLAIN, (BUNDLE, GLIMPSES))},
    FREE: dict.fromkeys(PLAIN, (BUNDLE, GLIMPSES)),
    CAMVID: dict.fromkeys(PLAIN, (STREET, FRAMES)),
}  # bundle and glimpses by name
COLOURS = {"learned": "C0", AWARE: "C3", "uncertainty": "C1", "random": "C7"}
TITLES = {PTZ: "camera of 60°", FREE: "any zoom", CAMVID: "CamVid test"}


def looked(found: Found, regime: Regime) -> dict[str, Run]:
    """The runs of SHOWN that there are."""
    runs = {
        name: found.run(regime, bundle, "learned" if name == AWARE else name, glimpses)
        for name, (bundle, glimpses) in SHOWN[regime].items()
    }
    return {name: run for name, run in runs.items() if run is not None}


def chosen(run: Run, regime: Regime) -> NDArray[np.float32]:
    """(E, T, 3) the views that the policy chose itself; with a PTZ camera x is from the first heading."""
    views = run.views.copy()
    if regime == PTZ:
        views[..., 0] = (views[..., 0] - views[:, :1, 0] + 1) % 2 - 1
    return views if run.info.first_view == "policy" else views[:, 1:]


def density(views: NDArray[np.float32], scene: SceneSpec) -> NDArray[np.float64]:
    """(h, w), 1 on average: how often a place was looked at, each look's weight spread over what it covers."""
    total, looks = np.zeros(map_size(scene)), views.reshape(-1, 3)
    for view in looks:
        seen = covered(view[None], scene)
        total += seen / max(seen.mean(), 1 / seen.size)
    return total / len(looks)


def where(file: Path, plan: Plan, found: Found) -> Path | None:
    """A row a regime: the density of looks of each policy, and that by height."""
    rows = {regime: runs for regime in SHOWN for runs in [looked(found, regime)] if runs}
    if not rows:
        return None
    columns = max(map(len, rows.values()))
    figure, axes = canvas(len(rows), columns + 1, (4.2 * columns + 3.4, 3.0 * len(rows)))
    for (regime, runs), line in zip(rows.items(), axes, strict=True):
        maps = {name: density(chosen(run, regime), run.info.scene) for name, run in runs.items()}
        top = max(float(np.percentile(values, 99.5)) for values in maps.values())
        for axis, (name, values) in zip(line, maps.items(), strict=False):
            info = runs[name].info
            drawn = axis.imshow(values, cmap="inferno", vmin=0, vmax=top, extent=extent(info), aspect="auto")
            label_axes(axis, info)
            axis.set_title(f"{name}, {TITLES[regime]}", fontsize=10)
            if regime == PTZ:
                axis.set_xlabel("heading from the first, right positive [°]")
        for axis in line[len(maps) : -1]:
            axis.set_axis_off()
        figure.colorbar(drawn, ax=line[:-1].tolist(), label="looks over even ones", shrink=0.9)
        by_height(line[-1], maps, info)
    return save(figure, file)


def by_height(axis: Any, maps: dict[str, NDArray[np.float64]], info: SceneInfo) -> None:
    """The density of each map, mean over its rows."""
    _, _, bottom, top = extent(info)
    for name, values in maps.items():
        edges = np.linspace(top, bottom, len(values) + 1)
        axis.plot(values.mean(1), (edges[:-1] + edges[1:]) / 2, color=COLOURS[name], label=name)
    round_ = info.scene.projection == "spherical"
    axis.set(xlabel="looks over even ones", ylabel="elevation [°]" if round_ else "y [px]", ylim=(bottom, top))
    axis.axvline(1, color="0.8", linewidth=0.8, zorder=0)
    axis.set_xlim(left=0)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7)


def extent(info: SceneInfo) -> tuple[float, float, float, float]:
    """left, right, bottom, top of a picture of the scene: degrees on a sphere, pixels of the scene else."""
    if info.scene.projection == "spherical":
        return (-180.0, 180.0, -90.0, 90.0)
    return (0.0, float(info.scene.width), float(info.scene.height), 0.0)


def zoom(file: Path, plan: Plan, found: Found) -> Path | None:
    """How wide the looks are as time goes by: median and quartiles over scenes and seeds."""
    rows = {regime: runs for regime in SHOWN for runs in [looked(found, regime)] if runs}
    if not rows:
        return None
    figure, axes = canvas(1, len(rows), (4.6 * len(rows), 4), sharey=True)
    for axis, (regime, runs) in zip(axes[0], rows.items(), strict=True):
        for name, run in runs.items():
            low, middle, high = np.percentile(100 * run.views[..., 2], (25, 50, 75), axis=0)
            every = np.arange(1, run.glimpses + 1)
            axis.plot(every, middle, marker=".", color=COLOURS[name], label=name)
            axis.fill_between(every, low, high, color=COLOURS[name], alpha=0.15, linewidth=0)
        axis.set(title=TITLES[regime], xlabel="glimpse", yscale="log", yticks=(6.25, 12.5, 25, 50, 100))
        axis.set_yticklabels(("6.25", "12.5", "25", "50", "100"))
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    axes[0, 0].set_ylabel("width of a glimpse [% of the scene's]\nmedian and quartiles")
    return save(figure, file)


def filmstrip(file: Path, plan: Plan, found: Found) -> Path | None:
    """The learned policy on one panorama, any zoom: what was drawn after each look, and the look's outline.

    The picture shows the data set's own pixels.
    """
    run = found.run(FREE, BUNDLE, "learned", GLIMPSES)
    if run is None:
        return None
    shown = episode(plan, FREE, BUNDLE, run.scenes // 2, GLIMPSES)
    figure, axes = canvas(3, 5, (17, 6.2))  # the truth, twelve looks, the remaining doubt
    for axis in axes.flat:
        bare(axis)
    truth, *looks, doubt = axes.flat[: GLIMPSES + 2]
    truth.imshow(shown.image)
    boxes(truth, shown.views, shown.truth.size, shown.info)
    truth.set_title(f"scene {shown.index + 1} of {shown.truth.name}", fontsize=9)
    for k, axis in enumerate(looks):
        picture = panel(shown, "reconstruction", k)
        axis.imshow(picture)
        boxes(axis, shown.views[k : k + 1], picture.shape[:2], shown.info, numbers=False)
        wide, error = 100 * shown.views[k].s, shown.row.errors[k].rmse
        axis.set_title(f"{k + 1}: {wide:.0f} % of the width, RMSE {error:.1f}", fontsize=9)
    left = shown.steps[-1].estimate.uncertainty
    if left is not None:
        doubt.imshow(left, cmap="inferno", aspect="auto")
        doubt.set_title("uncertainty in the end", fontsize=9)
    figure.suptitle(f"{shown.info.name}, any zoom, glimpse by glimpse", fontsize=11)
    return save(figure, file)


def episode(plan: Plan, regime: Regime, bundle: str, index: int, glimpses: int) -> Explored:
    """The episode of a scene that the first seed's row has. Raises GlimpseError for what cannot be used."""
    truth, model = truth_of(regime.source(plan)), path_of(plan.models, bundle)
    scene = scene_of(model, truth)
    info, setting = scene.info, regime.setting(glimpses)
    limits, image = setting.limits(evaluate.SENSOR), stretched(truth.images[index], info.scene)
    row, kept = evaluate.Row(info, truth, glimpses), []
    for k, step in enumerate(
        explore(
            look_at_canvas(image, info.glimpse, info.scene, info.padding),
            scene,
            make_policy("learned", model, info, provider="cpu", threads=1),
            limits=limits,
            glimpses=glimpses,
            seed=index,
            first=first_view(info, limits, index),
            overview=image,
        )
    ):
        kept.append(step)
        row.add(index, k, step.estimate)
    row.taken.append(len(kept))
    return Explored(truth, index, info, kept, row)


PICTURES = {"where": where, "zoom": zoom, "filmstrip": filmstrip}
