"""Curves of the tables as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import published
from .runs import Looks


def draw(
    file: Path, ours: Looks | None, plain: Looks | None, chance: Looks | None, stopped: list[tuple[float, float]]
) -> None:
    """Accuracy over a fixed number of glimpses, and over the mean number that active sampling takes by itself.

    stopped: (mean glimpses, accuracy [%]) of many betas.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for looks, name, colour in (
        (ours, "active sampling", "C0"),
        (plain, "plain RAM", "C1"),
        (chance, "random places", "C7"),
    ):
        if looks is not None:
            accuracy = looks.accuracy()
            left.plot(np.arange(1, len(accuracy) + 1), accuracy, color=colour, label=name)
    for which, name, colour in ((1, "paper, both motives", "C0"), (0, "paper, RAM", "C1")):
        points = [(n, pair[which]) for n, pair in published.FIXED.items() if pair[which] is not None]
        left.plot(*zip(*points, strict=True), "x", color=colour, label=name)
    left.axvline(6, color="0.8", linewidth=0.8, zorder=0)
    left.set(xlabel="glimpses, the same for all scenes", ylabel="accuracy [%]", ylim=(0, 101))
    left.set_title("fixed: trained with 6")
    if stopped:
        right.plot(*zip(*sorted(stopped), strict=True), color="C0", label="active sampling")
    for points_of, name, mark in (
        (published.STOPPED, "paper, both motives", "x"),
        (published.STOPPED_UNCERTAINTY, "paper, uncertainty alone", "+"),
    ):
        right.plot(*zip(*points_of.values(), strict=True), mark, color="0.4", label=name)
    right.set(xlabel="glimpses, mean over scenes", xlim=(0.8, 12))
    right.set_title("each scene stops by itself")
    left.legend(loc="center right", bbox_to_anchor=(1, 0.43))  # points of the paper lie below and above
    right.legend(loc="lower right")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
