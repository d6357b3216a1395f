"""Street View House Numbers (Netzer et al. 2011), and numbers made of MNIST digits where it is not at hand.

The set comes in two formats, and a folder may hold either:

full numbers   train/, test/, extra/, each with 1.png, 2.png, ... and digitStruct.mat: MATLAB 7.3, which is HDF5, the
               boxes and labels of every digit. What sequences are trained on. Needs h5py.
single digits  train_32x32.mat, test_32x32.mat, extra_32x32.mat: MATLAB 5, X (32, 32, 3, N) and y (N, 1). Each is a
               number of one digit. Needs SciPy.

Both write the digit 0 as 10. A number's picture is made as Goodfellow et al. 2014 made it: the box around all its
digits, 30 % larger, clipped to the photograph and resized to 64 x 64, whatever its shape was. Numbers of more than five
digits (there is one) are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.types import GlimpseError
from . import mnist
from .images import read_rgb

SIDE = 64  # [px] of a number's picture
MOST = 5  # digits of a number
END, NOTHING = 10, -1  # the symbol after the last digit, and what fills the row after it
MARGIN = 0.3  # how much wider and higher than its digits a picture is
SPLITS = ("train", "test", "extra")
SHAPES = ("height", "left", "top", "width")  # of a digit's box [px]
FULL, SINGLE, GENERATED = "full numbers", "single digits", "generated"
SEED = 2014


@dataclass(frozen=True)
class Numbers:
    """Pictures (N, 64, 64, 3) uint8 RGB, and symbols (N, 6) int64: the digits, END, then NOTHING."""

    images: NDArray[np.uint8]
    symbols: NDArray[np.int64]
    kind: str  # FULL, SINGLE or GENERATED


def load(folder: Path, split: str, count: int | None = None) -> Numbers:
    """A split, "train", "test" or "extra", the first `count` of it; full numbers where the folder has both formats.

    Raises GlimpseError where there is neither, or a file is missing, cut off or other.
    """
    if split not in SPLITS:
        raise GlimpseError(f"split {split!r} of SVHN: expected one of {', '.join(SPLITS)}")
    full, single = folder / split / "digitStruct.mat", folder / f"{split}_32x32.mat"
    if full.exists():
        return read_full(full, count)
    if single.exists():
        return read_single(single, count)
    raise GlimpseError(f"{folder}: holds neither {split}/digitStruct.mat nor {single.name}; expected a split of SVHN")


def present(folder: Path, split: str) -> bool:
    """Whether the folder holds the split, in either format."""
    return (folder / split / "digitStruct.mat").exists() or (folder / f"{split}_32x32.mat").exists()


def read_full(path: Path, count: int | None = None) -> Numbers:
    """The numbers that a digitStruct.mat lists, from the photographs beside it. Raises GlimpseError."""
    listed = [(name, boxes) for name, boxes in read_boxes(path, count) if len(boxes) <= MOST]
    images = np.empty((len(listed), SIDE, SIDE, 3), np.uint8)
    for i, (name, boxes) in enumerate(listed):
        if Path(name).name != name:
            raise GlimpseError(f"{path}: names the photograph {name!r}; expected a file of its own folder")
        images[i] = cut(read_rgb(path.parent / name), boxes, f"{path}: boxes of {name}")
    return Numbers(images, symbols_of([boxes[:, 4] for _, boxes in listed], path), FULL)


def read_boxes(path: Path, count: int | None = None) -> list[tuple[str, NDArray[np.float64]]]:
    """Names of the photographs, and of each the digits (n, 5): height, left, top, width [px] and label (10 means 0)."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise GlimpseError(f"{path}: is read with h5py, which is not installed (pip install h5py)") from None
    try:
        with h5py.File(path, "r") as file:
            return list(each_box(file, count))
    except FileNotFoundError:
        raise GlimpseError(f"{path}: does not exist; expected SVHN's digitStruct.mat") from None
    except Exception as error:  # HDF5 has an error for each layer
        what = f"{path}: cannot be read ({error}); expected SVHN's whole digitStruct.mat, MATLAB 7.3"
        raise GlimpseError(what) from error


def each_box(file: Any, count: int | None) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """From an open digitStruct.mat. A field of one digit is its number, one of several a column of references."""
    table = file["digitStruct"]
    if len(table["name"]) != len(table["bbox"]) or not len(table["name"]):
        raise ValueError(f"{len(table['name'])} names for {len(table['bbox'])} boxes")
    for name, box in zip(table["name"][:count, 0], table["bbox"][:count, 0], strict=True):
        fields = []
        for key in (*SHAPES, "label"):
            column = file[box][key][:, 0]
            several = column.dtype == object
            fields.append([float(file[value][0, 0]) if several else float(value) for value in column])
        yield "".join(map(chr, file[name][:, 0])), np.array(fields).T


def cut(image: NDArray[np.uint8], boxes: NDArray[np.float64], where: str) -> NDArray[np.uint8]:
    """The part of a photograph (H, W, 3) around all boxes (n, 5), resized to (64, 64, 3). `where` begins an error."""
    height, left, top, width = boxes[:, :4].T
    corners = np.array([left.min(), top.min(), (left + width).max(), (top + height).max()])
    half = (corners[2:] - corners[:2]) * (1 + MARGIN) / 2
    middle = (corners[2:] + corners[:2]) / 2
    if not (np.isfinite(corners).all() and (half > 0).all()):
        raise GlimpseError(f"{where} span {corners.tolist()}; expected a width and a height")
    x0, y0 = np.maximum(np.floor(middle - half), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(middle + half), [image.shape[1], image.shape[0]]).astype(int)
    if x0 >= x1 or y0 >= y1:
        raise GlimpseError(f"{where} span {corners.tolist()}; expected them inside {image.shape[1]} x {image.shape[0]}")
    part = image[y0:y1, x0:x1]
    shrinks = min(part.shape[:2]) >= SIDE
    resized = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def read_single(path: Path, count: int | None = None) -> Numbers:
    """The digits of a *_32x32.mat, enlarged to 64 x 64, as numbers of one digit. Raises GlimpseError."""
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError:
        raise GlimpseError(f"{path}: is read with SciPy, which is not installed (pip install scipy)") from None
    expected = "expected SVHN's X (32, 32, 3, N) and y (N, 1), MATLAB 5"
    try:
        with path.open("rb") as file:
            found = loadmat(file, variable_names=["X", "y"])
        pixels, labels = found["X"], found["y"]
    except FileNotFoundError:
        raise GlimpseError(f"{path}: does not exist; {expected}") from None
    except Exception as error:  # SciPy's reader raises whatever went wrong
        raise GlimpseError(f"{path}: cannot be read ({type(error).__name__}: {error}); {expected}") from error
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[:3] != (32, 32, 3) or not pixels.shape[3]:
        raise GlimpseError(f"{path}: X is {pixels.dtype} {pixels.shape}; {expected}")
    if labels.shape != (pixels.shape[3], 1):
        raise GlimpseError(f"{path}: y has the shape {labels.shape} for {pixels.shape[3]} digits; {expected}")
    n = pixels.shape[3] if count is None else min(count, pixels.shape[3])
    images = np.empty((n, SIDE, SIDE, 3), np.uint8)
    for i in range(n):
        images[i] = cv2.resize(np.ascontiguousarray(pixels[..., i]), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return Numbers(images, symbols_of(list(labels[:n].astype(np.float64)), path), SINGLE)


def symbols_of(numbers: list[NDArray[np.float64]], path: Path) -> NDArray[np.int64]:
    """Rows of symbols from each number's labels, where 10 (or 0) means 0. Raises GlimpseError for other labels."""
    symbols = np.full((len(numbers), MOST + 1), NOTHING)
    for row, labels in zip(symbols, numbers, strict=True):
        if not len(labels) or not np.isin(labels, range(11)).all():
            raise GlimpseError(f"{path}: a number's labels are {labels.tolist()}; expected digits from 1 to 10")
        row[: len(labels)] = labels.astype(int) % 10
        row[len(labels)] = END
    return symbols


def generate(folder: Path, split: str, count: int) -> Numbers:
    """Numbers made of MNIST's digits, "train" or "test": one to five in a row on textured colour.

    No substitute for photographs; it shows that the training works where there are none. `folder` holds MNIST's files.
    Each picture has a stream of its own, so that fewer pictures are the same pictures.
    """
    images, labels = mnist.load(folder, split)
    pictures = np.empty((count, SIDE, SIDE, 3), np.uint8)
    numbers = []
    for i, picture in enumerate(pictures):
        rng = np.random.RandomState([SEED, i, *map(ord, split)])
        picked = rng.randint(len(images), size=rng.randint(1, MOST + 1))
        picture[:] = draw([images[k] for k in picked], rng)
        numbers.append(labels[picked].astype(np.float64))
    return Numbers(pictures, symbols_of(numbers, folder), GENERATED)


def draw(digits: list[NDArray[np.uint8]], rng: np.random.RandomState) -> NDArray[np.uint8]:
    """Digits (28, 28) from left to right on a picture (64, 64, 3), well inside, unlike its colour everywhere."""
    coarse, fine = rng.rand(5, 5, 3), rng.rand(SIDE, SIDE, 3)
    ground = 0.5 * rng.rand(3) + 0.35 * cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) + 0.1 * fine
    wide = min(20, 44 // len(digits))
    high = rng.randint(max(wide, 20), 37)
    top = rng.randint(10, SIDE - 10 - high + 1)
    left = rng.randint(10, SIDE - 10 - wide * len(digits) + 1)
    ink = np.zeros((SIDE, SIDE), np.float32)
    for k, digit in enumerate(digits):
        box = np.asarray(digit[4:24, 4:24], np.float32) / 255  # MNIST's digits fill this much
        ink[top : top + high, left + k * wide : left + (k + 1) * wide] = cv2.resize(
            box, (wide, high), interpolation=cv2.INTER_AREA if wide < 20 else cv2.INTER_LINEAR
        )
    brighter = ground.mean() < 0.5
    colour = 0.75 + 0.25 * rng.rand(3) if brighter else 0.2 * rng.rand(3)
    picture = ground + ink[..., None] * (colour - ground)
    return (picture.clip(0, 1) * 255).round().astype(np.uint8)
