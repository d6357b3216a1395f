"""The paper's pictures of Glimpse-Attend-and-Explore as PNGs: which are drawn, and the curves and maps among them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.types import GlimpseError, SceneInfo

from . import gae_camvid, gae_panoramas, gae_scene15, gae_steps
from . import gae_published as published
from .gae_figure import canvas, save
from .gae_panels import average_map, episodes, share_covered
from .gae_rows import GLIMPSES, Row, Source
from .runs import Plan

Rows = dict[tuple[str, str], Row]
SCENES, STARTS = 4, 4  # of the picture of random starts
BUNDLES = {
    "camvid": gae_camvid.BUNDLE,
    "panoramas": gae_panoramas.BUNDLE,
    "scene15": gae_scene15.BUNDLE,
}  # whose pictures, by part


def draw(folder: Path, plan: Plan, rows: dict[str, Rows], sources: dict[str, Source]) -> list[Path]:
    """All pictures that can be drawn; what is missing is said on stderr. Raises GlimpseError for broken data."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    if (plan.data / gae_camvid.FOLDER / "trainannot").is_dir():
        made.append(bias(folder / "label-bias.png", plan.data / gae_camvid.FOLDER))
    if any(rows.values()):
        made.append(curves(folder / "glimpses.png", rows))
    for part, bundle in BUNDLES.items():
        row, source = rows.get(part, {}).get((bundle, "learned")), sources.get(part)
        if row is None or source is None:
            print(f"no pictures of {bundle}: nothing was explored with it", file=sys.stderr)
            continue
        made.append(average(folder / f"average-{bundle}.png", row, bundle))
        model, middle = str(plan.models / bundle), row.scenes // 2
        (one,) = episodes(model, "learned", source, [(middle, 0)])
        made.append(gae_steps.steps(folder / f"steps-{bundle}.png", one))
        chosen = [i * row.scenes // SCENES for i in range(min(SCENES, row.scenes))]
        starts = episodes(model, "learned", source, [(i, seed) for i in chosen for seed in range(STARTS)])
        grid = [starts[i : i + STARTS] for i in range(0, len(starts), STARTS)]
        made.append(gae_steps.starts(folder / f"starts-{bundle}.png", grid))
    for path in made:
        print(path, file=sys.stderr)
    return made


def bias(file: Path, camvid: Path) -> Path:
    """Fig. 5: what the labels of CamVid's training frames have in common. Raises GlimpseError for what is no CamVid."""
    from .. import labelled  # late: it is not needed for any table
    from ..labelled.bias import label_bias

    data = labelled.load(f"camvid:{camvid}", "train", gae_camvid.SIZE)
    if data.maps is None:
        raise GlimpseError(f"{camvid}: has no label maps; expected CamVid's")
    mode, share, mean = label_bias(data.maps, len(data.class_names), data.palette)
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(data.palette)] = data.palette
    figure, axes = canvas(1, 3, (11, 3.6))
    height, width = mode.shape
    box = (0, width, height, 0)
    axes[0, 0].imshow(colours[mode], extent=box)
    axes[0, 0].set_title("mode: the most frequent class")
    axes[0, 1].imshow(mean, extent=box)
    axes[0, 1].set_title("mean colour of the labels")
    drawn = axes[0, 2].imshow(100 * share, extent=box, vmin=0, vmax=100, cmap="viridis")
    axes[0, 2].set_title("share of the frames in the mode")
    figure.colorbar(drawn, ax=axes[0, 2], label="frames [%]", shrink=0.75)
    for axis in axes[0]:
        axis.set(xlabel="x [px]", xticks=[0, width // 2, width], yticks=[0, height // 2, height])
    axes[0, 0].set_ylabel("y [px]")
    occurring = [k for k in range(len(data.class_names)) if (mode == k).any()]
    names = [(data.class_names[k], rgb(data.palette[k])) for k in occurring]
    figure.legend(handles=gae_steps.patches(names), loc="outside lower center", ncols=max(len(names), 1), frameon=False)
    where = share[mode != 255].mean() if (mode != 255).any() else 0.0
    figure.suptitle(
        f"Labels of {data.name}, {len(data.maps)} frames: a pixel's mode holds in {100 * where:.0f} % of them"
    )
    return save(figure, file)


def rgb(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """Of 0-255 in [0, 1]."""
    return colour[0] / 255, colour[1] / 255, colour[2] / 255


def curves(file: Path, rows: dict[str, Rows]) -> Path:
    """Fig. 7: quality against the number of glimpses, one network read after each of its glimpses."""
    figure, axes = canvas(1, 3, (13, 4))
    street, drawn, named = axes[0]
    camvid = rows.get("camvid", {})
    for policy, colour in (("learned", "C0"), ("random", "C7"), ("grid", "C2")):
        name = gae_camvid.NAMES[policy]
        line(street, camvid.get((gae_camvid.BUNDLE, policy)), "pixel_accuracy", 100, name, colour)
    for (name, share), mark in zip(published.CAMVID.items(), "x+", strict=True):
        street.plot([GLIMPSES], [100 * share], mark, color="0.3", label=name.partition(",")[0] + " (paper)")
    panoramas = rows.get("panoramas", {})
    own = gae_panoramas.BUNDLE
    for model, policy, name, colour in (
        (own, "learned", f"{own}, attention", "C0"),
        (own, "random", f"{own}, random looks", "C7"),
        ("panorama", "learned", "panorama, learned", "C1"),
        ("mosaic", "grid", "mosaic, grid", "C2"),
    ):
        line(drawn, panoramas.get((model, policy)), "rmse", 1, name, colour)
    scenes = rows.get("scene15", {})
    for model, policy, name, colour in (
        (gae_scene15.BUNDLE, "learned", "attention", "C0"),
        (gae_scene15.BUNDLE, "random", "random looks", "C7"),
        (gae_scene15.CONTROL, "random", "trained on random looks", "C3"),
    ):
        line(named, scenes.get((model, policy)), "accuracy", 100, name, colour)
    street.set(title="CamVid test: segmentation", ylabel="pixel accuracy [%]")
    drawn.set(title="panoramas, camera of 60°: reconstruction", ylabel="RMSE on 0–255")
    named.set(title="Scene-15 test: classification", ylabel="accuracy [%]")
    for axis, found in ((street, camvid), (drawn, panoramas), (named, scenes)):
        axis.set(xlabel="glimpses", xticks=range(1, GLIMPSES + 1), xlim=(0.7, GLIMPSES + 0.3))
        axis.grid(alpha=0.3)
        if found:
            axis.legend()
        else:
            axis.text(0.5, 0.5, "no bundle", transform=axis.transAxes, ha="center", color="0.5")
    return save(figure, file)


def line(axis: Any, row: Row | None, figure: str, times: float, name: str, colour: str) -> None:
    """A curve, its spread over seeds as a band."""
    if row is None:
        return
    values = times * row.values(figure)  # (seeds, T)
    mean, std, after = values.mean(0), values.std(0), np.arange(1, values.shape[1] + 1)
    axis.plot(after, mean, color=colour, marker=".", label=name)
    if len(values) > 1:
        axis.fill_between(after, mean - std, mean + std, color=colour, alpha=0.2, linewidth=0)


def average(file: Path, row: Row, name: str) -> Path:
    """Fig. 8: in how many of the scenes each place was looked at."""
    scene = row.info.scene
    share = 100 * average_map(row.views, scene)
    figure, axes = canvas(1, 1, (7.5, 1.2 + 6.0 * scene.height / scene.width))
    axis = axes[0, 0]
    drawn = axis.imshow(share, cmap="inferno", vmin=0, extent=extent(row.info))
    gae_steps.label_axes(axis, row.info)
    axis.set_title(
        f"{name}: where {GLIMPSES} glimpses go, {row.scenes} scenes, {len(row.parts)} start"
        f"{'' if len(row.parts) == 1 else 's'} each; {100 * share_covered(row.views, scene):.0f} % of a scene reached",
        fontsize=10,
    )
    figure.colorbar(drawn, ax=axis, label="scenes in which it was looked at [%]", shrink=0.9)
    return save(figure, file)


def extent(info: SceneInfo) -> tuple[float, float, float, float]:
    """left, right, bottom, top of a picture of the scene: degrees on a sphere, pixels of the scene else."""
    if info.scene.projection == "spherical":
        return (-180.0, 180.0, -90.0, 90.0)
    return (0.0, float(info.scene.width), float(info.scene.height), 0.0)


def brightest(share: NDArray[np.float64], info: SceneInfo) -> tuple[float, float]:
    """Where a map is largest, the middle of that place, on the axes of `extent`."""
    left, right, bottom, top = extent(info)
    row, col = (float(np.mean(places)) for places in np.nonzero(share == share.max()))
    height, width = share.shape
    return left + (col + 0.5) / width * (right - left), top + (row + 0.5) / height * (bottom - top)
