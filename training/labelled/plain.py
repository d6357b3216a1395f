"""Images without labels: a folder of them, a rosbag, or a folder of rosbags.

A folder may have folders train, val and test; where it has no `test`, `val` is that too. Else every tenth image (of
bags: scene or frame) is held out, the last one where there are fewer, and these validate and test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.bag_reader import is_bag
from glimpse_ros.datasets.images import image_paths, is_panorama
from glimpse_ros.datasets.listing import Entry, Listing, Pictures, by_area
from glimpse_ros.datasets.skipped import Skipped

from .. import scenes

EVERY = 10


def part(everything: list[Any], split: str) -> list[Any]:
    """The split of what comes without: all but every tenth train."""
    first = min(EVERY, len(everything)) - 1
    held = everything[first::EVERY]
    return [one for i, one in enumerate(everything) if (i - first) % EVERY] if split == "train" else held


def holds_bags(path: Path) -> bool:
    """Whether it is a bag or a folder with bags in it."""
    return is_bag(path) or (path.is_dir() and any(is_bag(entry) for entry in path.iterdir()))


def folder(path: Path, split: str) -> Listing:
    """A folder's images. Raises GlimpseError where there are none."""
    named = [name for name in ((split, "val") if split == "test" else (split,)) if (path / name).is_dir()]
    skipped = Skipped()
    entries = [Entry(image) for image in image_paths(path / named[0] if named else path, skipped=skipped)]
    if not named:
        entries = part(entries, split)
    if not entries:
        raise GlimpseError(f"{path}: has no image to {split}; expected at least two")
    return Listing(f"{path.name} {split}", entries, missing="skip", skipped=skipped)


def bags(path: Path, split: str, size: tuple[int, int]) -> tuple[Pictures, list[np.ndarray] | None]:
    """What bags saw, and where that is all (H, W) bool that is known of each: a PTZ camera's scene has gaps."""
    chosen = part(scenes.load(path), split)
    if not chosen:
        raise GlimpseError(f"{path}: its bags have no image to {split}; expected at least two")
    projection = "spherical" if all(is_panorama(*image.shape[:2]) for image in chosen) else "planar"
    images = [by_area(np.ascontiguousarray(image[..., :3]), size) for image in chosen]
    gaps = any(image.shape[2] == 4 for image in chosen)
    known = [by_area(np.ascontiguousarray(image[..., -1]), size) > 252 for image in chosen] if gaps else None
    return Pictures(images, None, None, projection, Skipped()), known  # type: ignore[arg-type]
