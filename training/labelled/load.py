"""`load`: what one word names, read into memory at one size.

kind:PATH?key=value, see `glimpse_ros.datasets.spec`. All kinds take `count`, so many images evenly spaced; kinds of
class folders `every`, one in so many of the training images that validates where there is no folder for that. A path
without a kind is a folder of images, a bag or a folder of bags, without labels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.types import GlimpseError, Projection
from glimpse_ros.datasets import camvid, class_folders
from glimpse_ros.datasets.listing import Listing, check_missing, evenly, read
from glimpse_ros.datasets.spec import FOLDER, DataSpec, parse_spec

from . import plain

Split = Literal["train", "val", "test"]
Image = NDArray[np.uint8]
Colour = tuple[int, int, int]


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
    skipped: int = 0  # files that could not be used
    known: list[NDArray[np.bool_]] | None = None  # (H, W) where anything is; None: everywhere


def camvid_listing(spec: DataSpec, split: Split, missing: str) -> Listing:
    """CamVid."""
    spec.read(**COMMON)
    return camvid.listing(spec.path, split, missing)


def class_listing(spec: DataSpec, split: Split, missing: str) -> Listing:
    """Class folders, Scene-15 among them."""
    every = whole(spec, "every", spec.read(every=str(class_folders.EVERY), **COMMON)["every"], least=0)
    if every in (1, 2):
        raise GlimpseError(f"{spec.text}: every {every}; expected 0, or one in at least 3")
    scenes = spec.kind == "scene15"
    return class_folders.listing(spec.path, split, missing, every, scenes, spec.kind if scenes else "")


def image_listing(spec: DataSpec, split: Split, missing: str) -> Listing:
    """A folder of images, without labels."""
    spec.read(**COMMON)
    return plain.folder(spec.path, split)


COMMON = {"count": "", "missing": ""}  # options that every kind takes
KINDS: dict[str, Callable[[DataSpec, Split, str], Listing]] = {
    FOLDER: image_listing,
    "camvid": camvid_listing,
    "scene15": class_listing,
    "classes": class_listing,
}


def whole(spec: DataSpec, name: str, text: str, least: int) -> int:
    """An option that is a whole number. Raises GlimpseError."""
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise GlimpseError(f"{spec.text}: {name} {text!r}; expected a whole number, at least {least}")
    return int(text)


def load(text: str, split: Split, size: tuple[int, int], missing: str = "refuse") -> Labelled:
    """What `text` names, resized to `size` = (height, width) [px]: images by area, maps by nearest.

    missing: "refuse" or "skip" what is not there or does not decode; the text's own `missing=` comes first. What was
    skipped is said on stderr. Raises GlimpseError for what cannot be used.
    """
    spec = parse_spec(text, [kind for kind in KINDS if kind != FOLDER])
    missing = check_missing(text, spec.options.get("missing") or missing)
    count = whole(spec, "count", spec.options["count"], 1) if "count" in spec.options else None
    if spec.kind == FOLDER and plain.holds_bags(spec.path):
        pictures, known = plain.bags(spec.path, split, size)
        name = f"{spec.path.name} {split}"
        return Labelled(name, pictures.images, projection=pictures.projection, known=known)
    listing = KINDS[spec.kind](spec, split, missing)
    pictures = read(replace(listing, entries=evenly(list(listing.entries), count)), size)
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
