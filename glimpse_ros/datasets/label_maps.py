"""Label pictures: PNGs whose every pixel is a class id, read exactly and translated into a data set's list of classes.

A label picture has one channel of at most 8 bits, or a palette: then an id is the index of its colour (Pascal VOC and
many tools write these), which OpenCV would turn into the colours themselves. So Pillow reads them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.image_size import compressed_size, is_cut_short
from ..core.types import GlimpseError
from .images import MAX_FILE_PIXELS

VOID = 255  # of a map: no class is known here, or none of the list; never counted
OUTSIDE = -1  # in a table: an id that the data set's labels may not hold
GREY, PALETTE = 0, 3  # colour types of PNG
KINDS = {GREY: "grey", 2: "RGB colours", PALETTE: "a palette", 4: "grey and alpha", 6: "RGB colours and alpha"}

Map = NDArray[np.uint8]
Table = NDArray[np.int16]


class Unreadable(GlimpseError):
    """A file that is not there or does not decode; `missing=skip` passes over these, and over nothing else."""


def table_of(known: Mapping[int, int]) -> Table:
    """(256,) int16: for each id of a label picture its class, VOID, or OUTSIDE where `known` has no such key."""
    table = np.full(256, OUTSIDE, np.int16)
    for found, wanted in known.items():
        table[found] = wanted
    return table


def plain_table(classes: int, *void: int) -> Table:
    """The table of ids that are classes already, 0 to `classes` - 1; those of `void` become VOID."""
    return table_of({**{i: i for i in range(classes)}, **dict.fromkeys(void, VOID)})


def read_ids(path: Path) -> Map:
    """A label picture as (H, W) uint8 of the ids that it holds.

    Raises GlimpseError that names the file, Unreadable for one that is no whole PNG.
    """
    expected = "expected an 8-bit PNG of class ids"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {expected}, it cannot be read ({error.strerror or error})") from error
    if data[:4] != b"\x89PNG" or len(data) < 33 or is_cut_short(data):
        raise Unreadable(f"{path}: {expected}, it is no whole PNG")
    height, width = compressed_size(data) or (0, 0)
    if not 0 < height * width <= MAX_FILE_PIXELS:
        raise GlimpseError(f"{path}: {expected} of at most {MAX_FILE_PIXELS} pixels, it says {height}x{width}")
    depth, kind = data[24], data[25]  # of the IHDR chunk, which is always the first
    if kind not in (GREY, PALETTE) or depth > 8:
        raise GlimpseError(f"{path}: {expected} with one channel or a palette, it has {depth} bits of {kind_of(kind)}")
    try:
        with Image.open(io.BytesIO(data)) as image:
            ids = np.array(image, np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable(f"{path}: {expected}, it does not decode ({error})") from error
    if kind == GREY and 1 < depth < 8:  # Pillow spreads these over 0 to 255, as brightness
        ids //= np.uint8(255 // (2**depth - 1))
    return ids


def kind_of(colour_type: int) -> str:
    """What a PNG's colour type means, in words."""
    return KINDS.get(colour_type, f"the unknown kind {colour_type}")


def read_map(path: Path, table: Table, classes: str) -> Map:
    """A label picture as (H, W) uint8 of classes and VOID; `classes` says in an error which ids it may hold.

    Raises GlimpseError that names the file and the first id outside the list.
    """
    ids = read_ids(path)
    found = table[ids]
    if found.min(initial=0) == OUTSIDE:
        row, column = map(int, np.argwhere(found == OUTSIDE)[0])
        wrong = int(ids[row, column])
        raise GlimpseError(f"{path}: holds the label {wrong} (row {row}, column {column}); expected {classes}")
    return found.astype(np.uint8)


def nearest(labels: Map, size: tuple[int, int]) -> Map:
    """A map resized to (height, width): each pixel has the class at its middle."""
    if labels.shape == size:
        return labels
    return np.asarray(cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
