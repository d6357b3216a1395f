"""Tiny trees of files in the layouts of real data sets: pictures of one colour, label pictures of few ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"  # "../shared" of the checkout
SIZE = (12, 16)  # (height, width) of a picture


def picture(path: Path, value: int = 100, size: tuple[int, int] = SIZE) -> Path:
    """A picture of the colour (value, value + 20, value + 40)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = np.full((*size, 3), (value, value + 20, value + 40), np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 100] if path.suffix == ".jpg" else []
    assert cv2.imwrite(str(path), rgb[..., ::-1], quality)
    return path


def labels(path: Path, ids: Sequence[int] = (0,), size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A label picture of vertical stripes of equal width, one for each id, and what it holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.arange(size[1]) * len(ids) // size[1]
    stripes = np.broadcast_to(np.array(ids, np.uint8)[columns], size)
    assert cv2.imwrite(str(path), np.ascontiguousarray(stripes))
    return stripes


def palette_labels(path: Path, ids: NDArray[np.uint8], bits: int = 8) -> None:
    """A label picture with a palette, whose first colours are unlike their indices."""
    image = Image.new("P", ids.shape[::-1])
    image.putdata(ids.ravel().tolist())
    image.putpalette([200, 10, 10, 10, 200, 10, 10, 10, 200, 90, 90, 90] + [7, 8, 9] * 252)
    image.save(path, bits=bits)


def camvid(folder: Path, counts: dict[str, int]) -> Path:
    """CamVid: so many frames of each split, each with the ids 0, 3 and 11 (void)."""
    for split, count in counts.items():
        for i in range(count):
            picture(folder / split / f"0001TP_{i:06d}.png", 10 * i)
            labels(folder / f"{split}annot" / f"0001TP_{i:06d}.png", (0, 3, 11, 11))
    return folder


def class_tree(folder: Path, classes: dict[str, int], size: tuple[int, int] = SIZE) -> Path:
    """So many JPEGs in a folder for each class; image i of class k has the value 20 k + i."""
    for k, (name, count) in enumerate(classes.items()):
        for i in range(count):
            picture(folder / name / f"image_{i:04d}.jpg", 20 * k + i, size)
    return folder
