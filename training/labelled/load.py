"""`load`: what one word names, read into memory at one size.

kind:PATH?key=value, see `glimpse_ros.datasets.spec`; every kind has a file here or in `glimpse_ros.datasets` that tells
its layout. All take `missing=skip` and `count`: so many images, evenly spaced. Those that do not come split take
`every`: one in so many validates (0: none does). A path without a kind is a folder of images, a bag or a folder of
bags, without labels; `images:DIR?count=N` is such a folder with options.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.types import GlimpseError, Projection
from glimpse_ros.datasets import camvid, class_folders
from glimpse_ros.datasets.listing import Colour, Image, Listing, check_missing, evenly, read
from glimpse_ros.datasets.spec import FOLDER, DataSpec, parse_spec
from glimpse_ros.datasets.splits import EVERY, check_split

from . import plain
from .ade20k import ade20k
from .cityscapes import cityscapes, kitti
from .coco import coco, coco_stuff
from .generated import worlds
from .sun360 import sun360

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Labelled:
    """Images of a split, all (H, W, 3) uint8 RGB of one size, and what is known of them."""

    name: str
    images: list[Image]
    maps: list[Image] | None = None  # (H, W) uint8 classes, 255: none is known
    answers: NDArray[np.int64] | None = None  # (N,) the class of each image
    class_names: tuple[str, ...] = ()
    palette: tuple[Colour, ...] = ()  # of the classes of maps
    projection: Projection = "planar"
    skipped: int = 0  # files that were left out
    known: list[NDArray[np.bool_]] | None = None  # (H, W) where anything was seen; None: everywhere


SPLIT: dict[str, Callable[..., Listing]] = {
    "camvid": camvid.listing,
    "cityscapes": cityscapes,
    "ade20k": ade20k,
    "coco": coco,
    "coco-stuff": coco_stuff,
    "sun360": sun360,
}  # (folder, split, missing): those that come split
UNSPLIT: dict[str, Callable[..., Listing]] = {
    "kitti": kitti,
    "worlds": worlds,
    "classes": class_folders.listing,
    "scene15": partial(class_folders.listing, duplicates=True, name="scene15"),
    "images": lambda folder, split, missing, every: plain.folder(folder, split, every),
}  # (folder, split, missing, every)
KINDS = (*SPLIT, *UNSPLIT)


def whole(spec: DataSpec, name: str, text: str, least: int) -> int:
    """An option that is a whole number. Raises GlimpseError."""
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise GlimpseError(f"{spec.text}: {name} {text!r}; expected a whole number, at least {least}")
    return int(text)


def listing_of(spec: DataSpec, split: str, missing: str) -> Listing:
    """The split before it is read. Raises GlimpseError for options of other kinds and files that are missing."""
    if spec.kind == FOLDER:
        return plain.folder(spec.path, split)
    common = {"count": "", "missing": ""}
    if spec.kind in SPLIT:
        spec.read(**common)
        return SPLIT[spec.kind](spec.path, split, missing)
    every = whole(spec, "every", spec.read(every=str(EVERY), **common)["every"], 0)
    if every in (1, 2):
        raise GlimpseError(f"{spec.text}: every {every}; expected one in at least 3, or 0 for none")
    return UNSPLIT[spec.kind](spec.path, split, missing, every)


def load(text: str, split: Split, size: tuple[int, int], missing: str = "refuse") -> Labelled:
    """What `text` names, resized to `size` = (height, width) [px]: images by area, maps by nearest.

    missing: "refuse" or "skip" what is not there or does not decode; the text's own `missing=` comes first, and a
    folder without labels always skips. What was left out is said on stderr. Raises GlimpseError for what is unusable.
    """
    spec = parse_spec(text, KINDS)
    check_split(text, split)
    missing = check_missing(text, spec.options.get("missing", missing))
    if spec.kind == FOLDER and plain.holds_bags(spec.path):
        pictures, known = plain.bags(spec.path, split, size)
        name = f"{spec.path.name} {split}"
        return Labelled(name, pictures.images, projection=pictures.projection, known=known)
    listing = listing_of(spec, split, missing)
    if not listing.entries:
        raise GlimpseError(f"{text}: {listing.name} has no images; expected some, and fewer held out or missing")
    if "count" in spec.options:
        count = whole(spec, "count", spec.options["count"], 1)
        listing = replace(listing, entries=evenly(list(listing.entries), count))
    pictures = read(listing, size)
    if pictures.skipped.count:
        print(f"{text}: {pictures.skipped}", file=sys.stderr)
    return Labelled(
        listing.name,
        pictures.images,
        pictures.maps,
        pictures.answers,
        listing.class_names,
        listing.palette,
        pictures.projection,
        pictures.skipped.count,
    )
