"""Images without labels: a folder of them, a rosbag, or a folder of rosbags.

A folder may have folders train, val and test. Else one of ten images (of bags: scenes or frames) is held out, see
`splits.part`; what validates is the test too where there is no folder `test`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.types import GlimpseError, Projection
from glimpse_ros.datasets.bag_reader import is_bag
from glimpse_ros.datasets.images import image_paths, is_panorama
from glimpse_ros.datasets.listing import Entry, Listing, Pictures, by_area
from glimpse_ros.datasets.skipped import Skipped
from glimpse_ros.datasets.splits import EVERY, check_split, part

from .. import scenes


def holds_bags(path: Path) -> bool:
    """Whether it is a bag or a folder with bags in it."""
    return path.exists() and (is_bag(path) or (path.is_dir() and any(is_bag(entry) for entry in path.iterdir())))


def folder(path: Path, split: str, every: int = EVERY) -> Listing:
    """A folder's images; what does not decode is skipped. Raises GlimpseError where there are none."""
    check_split(path, split)
    named = [name for name in ((split, "val") if split == "test" else (split,)) if (path / name).is_dir()]
    skipped = Skipped()
    entries = [Entry(image) for image in image_paths(path / named[0] if named else path, skipped=skipped)]
    if not named:
        entries = part(entries, "train" if split == "train" else "val", every, test=False)
    if not entries:
        raise GlimpseError(f"{path}: no image of it is held out to {split}; expected at least two images")
    return Listing(f"{path.name} {split}", entries, missing="skip", skipped=skipped)


def bags(path: Path, split: str, size: tuple[int, int]) -> tuple[Pictures, list[NDArray[np.bool_]] | None]:
    """What bags saw, and where not all of each is known (a PTZ camera's scene has gaps): (H, W) bool of each.

    Raises GlimpseError where nothing is found.
    """
    check_split(path, split)
    found = part(scenes.load(path), "train" if split == "train" else "val", test=False)
    if not found:
        raise GlimpseError(f"{path}: no scene or frame of it is held out to {split}; expected at least two")
    projection: Projection = "spherical" if all(is_panorama(*image.shape[:2]) for image in found) else "planar"
    images = [by_area(np.ascontiguousarray(image[..., :3]), size) for image in found]
    known = None
    if any(image.shape[2] == 4 for image in found):
        full = [image if image.shape[2] == 4 else np.full(image.shape[:2] + (4,), 255, np.uint8) for image in found]
        known = [by_area(np.ascontiguousarray(image[..., 3:]), size) > 252 for image in full]
    return Pictures(images, None, None, projection, Skipped()), known
