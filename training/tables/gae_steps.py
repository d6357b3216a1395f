"""Pictures of single scenes: step by step (Fig. 9), and from several random starts (Fig. 10)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.classes import class_colours, class_ids, likeliest
from glimpse_ros.core.types import SceneInfo, View
from glimpse_ros.report.pictures import box_pieces, remembered

from .gae_figure import canvas, save
from .gae_panels import Explored, agreement, covered

BOX, FIRST = "#ffb000", "#00c2ff"  # amber; the start in blue
Picture = NDArray[np.uint8]


def patches(names: list[tuple[str, tuple[float, float, float]]]) -> list[Any]:
    """Handles of a legend of colours."""
    from matplotlib.patches import Patch

    return [Patch(facecolor=colour, edgecolor="0.5", linewidth=0.5, label=name) for name, colour in names]


def label_axes(axis: Any, info: SceneInfo) -> None:
    """What the axes of a picture of the scene mean, see `gae_pictures.extent`."""
    if info.scene.projection == "spherical":
        axis.set(xlabel="heading, right positive [°]", ylabel="elevation [°]")
        axis.set(xticks=range(-180, 181, 60), yticks=range(-90, 91, 45))
    else:
        axis.set(xlabel="x [px]", ylabel="y [px]")


def boxes(axis: Any, views: list[View], size: tuple[int, int], info: SceneInfo, numbers: bool = True) -> None:
    """The glimpses' outlines on a picture of `size` = (height, width) [px], the first in blue."""
    from matplotlib.patches import Rectangle

    aspect = info.scene.height / info.scene.width
    for k, view in reversed([*enumerate(views)]):
        pieces = box_pieces(view, *size, info.scene.projection, aspect)
        for left, top, w, h in pieces:
            place = (left - 0.5, top - 0.5)
            axis.add_patch(Rectangle(place, w, h, fill=False, edgecolor="black", linewidth=2.6))
            axis.add_patch(Rectangle(place, w, h, fill=False, edgecolor=BOX if k else FIRST, linewidth=1.4))
        if numbers:
            left, top, w, h = max(pieces, key=lambda piece: piece[2])
            box = {"facecolor": BOX if k else FIRST, "edgecolor": "none", "pad": 0.8}
            axis.text(left + w / 2, top + h / 2, str(k + 1), fontsize=6, ha="center", va="center", bbox=box)


def bare(axis: Any) -> None:
    """No ticks and no frame."""
    axis.set(xticks=[], yticks=[])
    axis.set_frame_on(False)


def steps(file: Path, episode: Explored) -> Path:
    """Fig. 9: the truth, and after each glimpse the drawing, the classes, the attention and what was seen."""
    info, last = episode.info, episode.steps[-1].estimate
    height, width = episode.truth.size
    kinds = ["glimpses so far"]
    kinds += ["attention"] if last.attention is not None else []
    kinds += ["segmentation"] if last.segmentation is not None else []
    kinds += ["reconstruction"] if last.reconstruction is not None else []
    kinds.reverse()
    count = len(episode.steps)
    tall = 1.55 * height / width
    figure, axes = canvas(len(kinds), count + 1, (1.6 * (count + 1), len(kinds) * (tall + 0.1) + 0.9))
    for axis in axes.flat:
        bare(axis)
    for row, kind in enumerate(kinds):
        axes[row, 0].set_ylabel(kind, fontsize=9)
        known = truth_panel(episode, kind)
        if known is not None or row == 0:
            axes[row, 0].imshow(episode.image if known is None else known)
        for k in range(count):
            if kind == "attention":
                attention(axes[row, k + 1], episode, k)
            else:
                axes[row, k + 1].imshow(panel(episode, kind, k))
    answers = episode.truth.answers
    named = "" if answers is None else f": {episode.truth.class_names[answers[episode.index]]}"
    axes[0, 0].set_title(f"truth{named}", fontsize=9)
    boxes(axes[-1, 0], episode.views, (height, width), info, numbers=True)
    for k in range(count):
        axes[0, k + 1].set_title(f"{k + 1}: {said(episode, k)}", fontsize=9)
    if last.segmentation is not None:
        names = [(name, colour) for name, colour in occurring(episode)]
        figure.legend(handles=patches(names), loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    figure.suptitle(
        f"{info.name} on scene {episode.index + 1} of {episode.truth.name}, glimpse by glimpse"
        + (" (white: the next one)" if last.attention is not None else ""),
        fontsize=11,
    )
    return save(figure, file)


def said(episode: Explored, k: int) -> str:
    """The figure after glimpse k, in a few letters."""
    row, classes = episode.row, episode.steps[k].estimate.classification
    if row.classes:
        return f"{100 * row.classes[k].accuracy:.1f} %"
    if row.errors:
        return f"RMSE {row.errors[k].rmse:.1f}"
    if classes is not None:
        name, share = likeliest(episode.info, classes)
        return f"{name} {100 * share:.0f} %"
    return ""


def truth_panel(episode: Explored, kind: str) -> Picture | None:
    """What a row should look like in the end."""
    if kind == "reconstruction":
        return episode.image
    if kind == "segmentation" and episode.truth.maps is not None:
        return np.asarray(class_colours(episode.info)[episode.truth.maps[episode.index]], np.uint8)
    return episode.image if kind == "glimpses so far" else None


def panel(episode: Explored, kind: str, k: int) -> Picture:
    """(H, W, 3) of a row after glimpse k."""
    info, estimate = episode.info, episode.steps[k].estimate
    if kind == "reconstruction":
        assert estimate.reconstruction is not None
        pixels = estimate.reconstruction.transpose(1, 2, 0)
        return np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    if kind == "segmentation":
        assert estimate.segmentation is not None
        logits = np.ascontiguousarray(estimate.segmentation.transpose(1, 2, 0))
        full = np.asarray(cv2.resize(logits, episode.truth.size[::-1]), np.float32)  # bilinear, as it is measured
        return np.asarray(class_colours(info)[class_ids(full.transpose(2, 0, 1))], np.uint8)
    return remembered([step.glimpse for step in episode.steps[: k + 1]], info.glimpse, info.scene)


def attention(axis: Any, episode: Explored, k: int) -> None:
    """The map after glimpse k on a scale of its own, and the next glimpse's outline."""
    from matplotlib.patches import Rectangle

    values = episode.steps[k].estimate.attention
    assert values is not None
    (height, width), scene = episode.truth.size, episode.info.scene
    axis.imshow(values, cmap="inferno", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    if k + 1 < len(episode.steps):
        for left, top, w, h in box_pieces(
            episode.views[k + 1], height, width, scene.projection, scene.height / scene.width
        ):
            place = (left - 0.5, top - 0.5)
            axis.add_patch(Rectangle(place, w, h, fill=False, edgecolor="white", linewidth=1.2))


def occurring(episode: Explored) -> list[tuple[str, tuple[float, float, float]]]:
    """Names and colours of the classes that are in the truth or in the last segmentation."""
    info, logits = episode.info, episode.steps[-1].estimate.segmentation
    assert logits is not None
    maps = [class_ids(logits)] + ([episode.truth.maps[episode.index]] if episode.truth.maps is not None else [])
    found = sorted({int(k) for ids in maps for k in np.unique(ids)} & set(range(len(info.class_names))))
    colours = class_colours(info) / 255
    return [(info.class_names[k], (float(colours[k, 0]), float(colours[k, 1]), float(colours[k, 2]))) for k in found]


def starts(file: Path, grid: list[list[Explored]]) -> Path:
    """Fig. 10: scenes across, the scene itself and then where the glimpses went from each random start.

    The title says how well the starts agree, and how well scenes do, which is what needs no look at a scene.
    """
    first = grid[0][0]
    height, width = first.truth.size
    wide = 3.4 if width > height else 2.4
    size = (wide * len(grid), (1 + len(grid[0])) * (wide * height / width + 0.08) + 0.6)
    figure, axes = canvas(1 + len(grid[0]), len(grid), size)
    for column, runs in enumerate(grid):
        axes[0, column].imshow(runs[0].image)
        axes[0, column].set_title(f"scene {runs[0].index + 1}", fontsize=9)
        for row, run in enumerate(runs, 1):
            axes[row, column].imshow(remembered([s.glimpse for s in run.steps], run.info.glimpse, run.info.scene))
            scene = run.info.scene
            boxes(axes[row, column], run.views, (scene.height, scene.width), run.info)
    for axis in axes.flat:
        bare(axis)
    for row in range(1 + len(grid[0])):
        axes[row, 0].set_ylabel(f"start {row}" if row else "scene", fontsize=9)
    own, others = agreements(grid)
    figure.suptitle(
        f"{first.info.name}: random starts (blue 1). Overlap of what was looked at: {own:.2f} between the starts of a "
        f"scene, {others:.2f} between scenes",
        fontsize=10,
    )
    return save(figure, file)


def agreements(grid: list[list[Explored]]) -> tuple[float, float]:
    """Intersection over union of the places looked at: of one scene's starts, and of one start's scenes."""
    maps = [[covered(np.array([[v.x, v.y, v.s] for v in run.views]), run.info.scene) for run in runs] for runs in grid]
    across = [list(runs) for runs in zip(*maps, strict=True)]
    return float(np.mean([agreement(runs) for runs in maps])), float(np.mean([agreement(runs) for runs in across]))
