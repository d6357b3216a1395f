"""A data set before it is read, image by image: which file, whose labels, which class. And the reading.

Loaders of one layout each give a `Listing`; `read` is what all of them share: threads, sizes, labels that must have
their image's size, and what is done about files that are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.types import GlimpseError, Projection
from ..progress import Progress
from .images import image_paths, is_panorama, read_rgb
from .label_maps import Map, Table, Unreadable, nearest, read_map
from .skipped import Skipped

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]
MISSING = ("refuse", "skip")
THREADS = 4  # decoding leaves Python's lock


@dataclass(frozen=True)
class Entry:
    """One image and what is known of it."""

    image: Path
    labels: Path | None = None  # a label picture
    answer: int | None = None  # the image's class


@dataclass(frozen=True)
class Listing:
    """A split of a data set."""

    name: str
    entries: Sequence[Entry]
    class_names: tuple[str, ...] = ()
    palette: tuple[Colour, ...] = ()  # of the classes of maps
    table: Table | None = None  # from the ids of label pictures to classes; see `label_maps`
    ids: str = ""  # which ids those may be, for an error
    missing: str = "refuse"
    projection: Projection | None = None  # None: spherical where all images are 2:1
    skipped: Skipped = field(default_factory=Skipped)


@dataclass(frozen=True)
class Pictures:
    """Images (H, W, 3), and maps (H, W) or answers (N,) where the data set has them."""

    images: list[Image]
    maps: list[Map] | None
    answers: NDArray[np.int64] | None
    projection: Projection
    skipped: Skipped


def check_missing(text: str, value: str) -> str:
    """`value` of the option `missing` of `text`. Raises GlimpseError for none of the two."""
    if value not in MISSING:
        raise GlimpseError(f"{text}: missing {value!r}; expected one of {', '.join(MISSING)}")
    return value


def by_stem(folder: Path, what: str) -> dict[str, Path]:
    """A folder's images by name without its ending. Raises GlimpseError where there are none; `what` was expected."""
    if not folder.is_dir():
        raise GlimpseError(f"{folder}: is no folder; expected {what}")
    return {path.stem: path for path in image_paths(folder, recursive=False)}


def paired(
    images: Mapping[str, Path],
    labels: Mapping[str, Path],
    image: Callable[[str], Path],
    label: Callable[[str], Path],
) -> list[Entry]:
    """An entry for each key of either, sorted; `image` and `label` say where the one that is missing should be."""
    keys = sorted(images.keys() | labels.keys())
    return [Entry(images.get(key) or image(key), labels.get(key) or label(key)) for key in keys]


def complete(entries: Sequence[Entry], root: Path, missing: str, skipped: Skipped) -> list[Entry]:
    """The entries whose files are there. The others are added to `skipped`, or refused, named and counted, all at once.

    Raises GlimpseError.
    """
    lacking = Skipped()
    whole = []
    for entry in entries:
        absent = [path for path in (entry.image, entry.labels) if path is not None and not path.is_file()]
        for path in absent:
            other = entry.image if path is entry.labels else entry.labels
            why = f"does not exist, {other.name} does" if other else "does not exist"
            for book in (lacking, skipped):
                book.add(str(relative(path, root)), why, "missing")
        if not absent:
            whole.append(entry)
    if lacking.count and missing == "refuse":
        named = str(lacking).partition(": ")[2]
        raise GlimpseError(
            f"{root}: {lacking.count} missing ({named}); expected every image with its labels, or missing=skip"
        )
    return whole


def relative(path: Path, root: Path) -> Path:
    """The path below `root`, or as it is."""
    return path.relative_to(root) if path.is_relative_to(root) else path


def evenly(entries: list[Entry], count: int | None) -> list[Entry]:
    """So many of the entries, evenly spaced, so that sorted classes or places all stay; all where count is None."""
    if count is None or count >= len(entries):
        return entries
    return [entries[i * len(entries) // count] for i in range(count)]


def own_size(listing: Listing) -> tuple[int, int]:
    """(height, width) of the first image that can be read. Raises GlimpseError where none can."""
    for entry in listing.entries:
        try:
            height, width = read_rgb(entry.image).shape[:2]
        except GlimpseError:
            continue
        return height, width
    raise GlimpseError(f"{listing.name}: no readable image among its {len(listing.entries)} files")


def read(listing: Listing, size: tuple[int, int]) -> Pictures:
    """All of it at `size` = (height, width) [px]: images by area, maps by nearest.

    An image or label picture that does not decode is skipped or refused as `listing.missing` says. Raises GlimpseError
    for that, for labels of another size than their image, for ids outside the list, and where nothing is left.
    """

    def one(entry: Entry) -> tuple[Image, Map | None, bool] | Unreadable:
        try:
            return read_entry(entry, listing, size)
        except Unreadable as error:
            return error

    images, maps, answers, round_about = [], [], [], []
    total = len(listing.entries)
    with ThreadPoolExecutor(THREADS) as pool, Progress() as progress:
        for i, (entry, got) in enumerate(zip(listing.entries, pool.map(one, listing.entries), strict=True)):
            progress(f"reading {listing.name}", i, total)
            if isinstance(got, Unreadable):
                if listing.missing == "refuse":
                    pool.shutdown(cancel_futures=True)
                    raise got
                listing.skipped.add(entry.image.name, str(got), "unreadable")
                continue
            images.append(got[0])
            maps.append(got[1])
            answers.append(entry.answer)
            round_about.append(got[2])
    if not images:
        raise GlimpseError(f"{listing.name}: no readable image among its {total} files")
    known = [m for m in maps if m is not None]
    classes = [a for a in answers if a is not None]
    return Pictures(
        images,
        known if len(known) == len(images) else None,
        np.array(classes, np.int64) if len(classes) == len(images) else None,
        listing.projection or ("spherical" if all(round_about) else "planar"),
        listing.skipped,
    )


def read_entry(entry: Entry, listing: Listing, size: tuple[int, int]) -> tuple[Image, Map | None, bool]:
    """One image and its map, resized, and whether it was 2:1.

    Raises Unreadable for a file that does not decode, else GlimpseError.
    """
    try:
        image = read_rgb(entry.image)
    except GlimpseError as error:
        raise Unreadable(str(error)) from error
    labels = None
    if entry.labels is not None and listing.table is not None:
        labels = read_map(entry.labels, listing.table, listing.ids)
        if labels.shape != image.shape[:2]:
            sizes = "{}x{} pixels, its image {} has {}x{}".format(*labels.shape, entry.image.name, *image.shape[:2])
            raise GlimpseError(f"{entry.labels}: has {sizes}; expected labels of the image's size")
        labels = nearest(labels, size)
    return by_area(image, size), labels, is_panorama(*image.shape[:2])


def by_area(image: Image, size: tuple[int, int]) -> Image:
    """An image (H, W, 3) resized to (height, width), averaging where it shrinks."""
    if image.shape[:2] == size:
        return image
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
