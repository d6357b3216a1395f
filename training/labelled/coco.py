"""COCO 2017 (Lin et al. 2014) without labels, to reconstruct, and COCO-Stuff (Caesar et al. 2018), to segment.

images   DIR/{train2017,val2017}/<name>.jpg, or in DIR/images
labels   {train2017,val2017}/<name>.png in DIR/stuffthingmaps_trainval2017, DIR/stuffthingmaps or DIR/annotations
names    labels.txt, lines such as "1: person", in DIR or in the folder of the labels

The classes are the 182 of COCO-Stuff's own list, of which 171 occur: a pixel is the id in labels.txt less one, 255 is
void. There are no public labels of test2017: val2017 is the test here too.
"""

from __future__ import annotations

import re
from pathlib import Path

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.label_maps import VOID, plain_table
from glimpse_ros.datasets.listing import Entry, Listing, by_stem, complete, paired
from glimpse_ros.datasets.skipped import Skipped
from glimpse_ros.datasets.splits import check_split

from .colours import spread

CLASSES = 182
NAMES = "labels.txt"
LABELS = ("stuffthingmaps_trainval2017", "stuffthingmaps", "annotations")


def images_of(folder: Path, split: str) -> tuple[Path, dict[str, Path]]:
    """The folder of a split's images, and these by name. Raises GlimpseError."""
    check_split(folder, split)
    name = "train2017" if split == "train" else "val2017"
    inner = folder / "images" / name
    place = inner if inner.is_dir() else folder / name
    return place, by_stem(place, f"COCO's {name} in {folder}, or in its images")


def coco(folder: Path, split: str, missing: str = "refuse") -> Listing:
    """The images of a split. Raises GlimpseError where there are none."""
    entries = [Entry(path) for path in images_of(folder, split)[1].values()]
    return Listing(f"coco {split}", entries, missing=missing, projection="planar")


def coco_stuff(folder: Path, split: str, missing: str = "refuse") -> Listing:
    """The images of a split with their labels. Raises GlimpseError for files that are missing."""
    place, images = images_of(folder, split)
    found = [folder / name / place.name for name in LABELS if (folder / name / place.name).is_dir()]
    if not found:
        raise GlimpseError(f"{folder}: has no {place.name} in {', '.join(LABELS)}; expected COCO-Stuff's PNGs in one")
    maps = found[0]
    labels = by_stem(maps, "COCO-Stuff's PNGs")
    skipped = Skipped()
    entries = paired(images, labels, lambda k: place / f"{k}.jpg", lambda k: maps / f"{k}.png")
    return Listing(
        f"coco-stuff {split}",
        complete(entries, folder, missing, skipped),
        names(folder, maps.parent),
        spread(CLASSES),
        plain_table(CLASSES, VOID),
        f"COCO-Stuff's 0 to {CLASSES - 1}, and {VOID} for void",
        missing,
        "planar",
        skipped,
    )


def names(*folders: Path) -> tuple[str, ...]:
    """The classes' names from the first labels.txt, else their ids. Raises GlimpseError for another list."""
    path = next((folder / NAMES for folder in folders if (folder / NAMES).exists()), None)
    if path is None:
        return tuple(f"class {i + 1}" for i in range(CLASSES))
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise GlimpseError(f"{path}: cannot be read ({error}); expected COCO-Stuff's labels.txt") from error
    pairs = [re.fullmatch(r"(\d+): *(\S.*)", line) for line in lines]
    listed = {int(pair[1]): pair[2] for pair in pairs if pair}
    if None in pairs or sorted(listed.keys() - {0}) != list(range(1, CLASSES + 1)):
        raise GlimpseError(f"{path}: is another list; expected lines such as `1: person`, numbered to {CLASSES}")
    return tuple(listed[i + 1] for i in range(CLASSES))
