"""What an evaluation compares with: images of one size, and whatever is known of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.types import GlimpseError, Projection
from . import camvid, class_folders, mnist
from .images import image_paths
from .label_maps import plain_table
from .listing import Entry, Listing, Pictures, check_missing, own_size, read
from .spec import FOLDER, DataSpec, parse_spec

Image = NDArray[np.uint8]
SIZE = (256, 512)  # height, width [px] of images of a folder, unless it is said
LEAST = 32  # [px] of either


@dataclass(frozen=True)
class Truth:
    """Images (H, W, 3) RGB, all of `size` = (height, width)."""

    name: str
    images: Sequence[Image]
    size: tuple[int, int]
    projection: Projection
    maps: Sequence[Image] | None = None  # class ids (H, W) of each image's pixels
    answers: NDArray[np.integer] | None = None  # (N,) the class of each image
    classes: int = 0  # that `answers` or `maps` know; 0: nothing says
    class_names: tuple[str, ...] = ()  # of these
    own_size: bool = False  # it was made in this size, so a model has to be made for it


def load_truth(text: str, size: tuple[int, int] | None = None) -> Truth:
    """What `text` names, see `spec.parse_spec`; size: (height, width) [px] to compare at, where that is free.

    Raises GlimpseError for what cannot be used.
    """
    spec = parse_spec(text, [kind for kind in KINDS if kind != FOLDER])
    return KINDS[spec.kind](spec, size)


def folder_truth(spec: DataSpec, size: tuple[int, int] | None) -> Truth:
    """Images of a folder, area-resized; panoramas where all are 2:1. Label maps beside it are found.

    Those are of any classes, 255 for none.
    """
    size = size or SIZE
    if min(size) < LEAST:
        raise GlimpseError(f"--size {size[0]}x{size[1]}: expected at least {LEAST} pixels of either for a folder")
    listing = Listing(spec.path.name, with_labels(image_paths(spec.path)), table=plain_table(256), missing="skip")
    pictures = read_aloud(listing, size)
    return Truth(listing.name, pictures.images, size, pictures.projection, pictures.maps)


def with_labels(paths: list[Path]) -> list[Entry]:
    """The images with the label pictures beside `DIR` in `DIRannot`, as CamVid has them; none where one is missing."""
    folder = paths[0].parent.parent / f"{paths[0].parent.name}annot"
    files = [folder / f"{path.stem}.png" for path in paths]
    absent = [file.name for file in files if not file.exists()]
    if absent and len(absent) < len(files):
        print(f"{folder}: not used, {len(absent)} of {len(files)} files are missing: {absent[0]}", file=sys.stderr)
    if absent:
        return [Entry(path) for path in paths]
    return [Entry(path, file) for path, file in zip(paths, files, strict=True)]


def read_aloud(listing: Listing, size: tuple[int, int]) -> Pictures:
    """Read it, and say on stderr what was skipped."""
    pictures = read(listing, size)
    if pictures.skipped.count:
        print(f"{listing.name}: {pictures.skipped}", file=sys.stderr)
    return pictures


class Grey(Sequence[Image]):
    """Scenes (N, H, W) of one channel as images of three equal ones, made as they are asked for."""

    def __init__(self, scenes: Image) -> None:
        self.scenes = scenes

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> Image:  # type: ignore[override]
        return np.repeat(self.scenes[index][..., None], 3, 2)


def mnist_truth(spec: DataSpec, size: tuple[int, int] | None) -> Truth:
    """The frozen test scenes of `mnist:FOLDER?variant=cluttered60&split=test&count=1000`; count: the first so many."""
    options = spec.read(variant="28", split="test", count="")
    if options["split"] != "test":
        raise GlimpseError(f"{spec.text}: split {options['split']!r}; expected test, the split whose scenes are frozen")
    count = options["count"]
    if count and not (count.isascii() and count.isdigit() and int(count) > 0):
        raise GlimpseError(f"{spec.text}: count {count!r}; expected a whole number, at least 1")
    side = mnist.variant(options["variant"]).side
    if size is not None and size != (side, side):
        raise GlimpseError(f"--size {size[0]}x{size[1]}: {spec.text} has scenes of {side}x{side}; leave it out")
    scenes, answers = mnist.test_scenes(spec.path, options["variant"], int(count) if count else None)
    name = f"mnist {options['variant']} {options['split']}"
    return Truth(name, Grey(scenes), (side, side), "planar", answers=answers, classes=10, own_size=True)


def listed_truth(spec: DataSpec, size: tuple[int, int] | None) -> Truth:
    """`camvid:DIR`, `scene15:DIR` and `classes:DIR` with `?split=test&missing=refuse`, at `size` or at their own."""
    options = spec.read(split="test", missing="refuse")
    missing = check_missing(spec.text, options["missing"])
    listing: Listing
    if spec.kind == "camvid":
        listing = camvid.listing(spec.path, options["split"], missing)
    else:
        scenes = spec.kind == "scene15"
        name = spec.kind if scenes else ""
        listing = class_folders.listing(spec.path, options["split"], missing, duplicates=scenes, name=name)
    size = size or own_size(listing)
    pictures = read_aloud(listing, size)
    names = listing.class_names
    maps, answers = pictures.maps, pictures.answers
    return Truth(listing.name, pictures.images, size, pictures.projection, maps, answers, len(names), names)


KINDS: dict[str, Callable[[DataSpec, tuple[int, int] | None], Truth]] = {
    FOLDER: folder_truth,
    "mnist": mnist_truth,
    "camvid": listed_truth,
    "scene15": listed_truth,
    "classes": listed_truth,
}
