"""Worlds of `training.worlds`, as its `--out DIR` writes them: DIR/images/<name>.jpg and DIR/labels/<name>.png.

One of ten validates and one tests. Panoramas or planar pictures; 25 classes, those of training/worlds/classes.py.
"""

from __future__ import annotations

from pathlib import Path

from glimpse_ros.datasets.label_maps import plain_table
from glimpse_ros.datasets.listing import Listing, by_stem, complete, paired
from glimpse_ros.datasets.skipped import Skipped
from glimpse_ros.datasets.splits import check_split, part

from ..worlds.classes import CLASSES, UNLABELLED


def worlds(folder: Path, split: str, missing: str = "refuse", every: int = 10) -> Listing:
    """The pictures of a split with their labels. Raises GlimpseError for files that are missing."""
    check_split(folder, split)
    pictures, maps = folder / "images", folder / "labels"
    expected = f"images and labels in {folder}, made by `python -m training.worlds --count N --out {folder}`"
    images, labels = by_stem(pictures, expected), by_stem(maps, expected)
    entries = paired(images, labels, lambda k: pictures / f"{k}.jpg", lambda k: maps / f"{k}.png")
    skipped = Skipped()
    return Listing(
        f"worlds {split}",
        complete(part(entries, split, every), folder, missing, skipped),
        tuple(c.name for c in CLASSES),
        tuple(c.color for c in CLASSES),
        plain_table(len(CLASSES), UNLABELLED),
        f"the worlds' 0 to {len(CLASSES) - 1}, and {UNLABELLED}",
        missing,
        skipped=skipped,
    )
