"""MNIST as IDX files, and the scenes that are made of it: digits on larger canvases, alone or in clutter.

The protocol of the scenes (Mnih et al. 2014, section 4.1, leaves these choices open): a digit's 28 x 28 box lies
anywhere inside the canvas, uniformly; each piece of clutter is an 8 x 8 crop, uniformly placed, of a digit drawn
uniformly from the same split, uniformly placed on the canvas; where things overlap the brighter pixel wins, so that
clutter never erases the digit. Training scenes are made on the fly (training/digits.py); the test scenes are these,
frozen by `TEST_SEED` and a legacy NumPy stream that does not change between versions.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.types import GlimpseError

SIDE = 28  # [px] of a digit's box
PIECE = 8  # [px] of a piece of clutter
TEST_SEED = 2014
FILES = {"train": "train", "test": "t10k"}
_UBYTE = 0x08  # the IDX type code of unsigned bytes


@dataclass(frozen=True)
class Variant:
    """A kind of scene: its side [px] and its pieces of clutter."""

    side: int
    pieces: int = 0


VARIANTS = {
    "28": Variant(28),
    "translated60": Variant(60),
    "cluttered60": Variant(60, 4),
    "cluttered100": Variant(100, 8),
    "cluttered100x10": Variant(100, 10),
}


def variant(name: str) -> Variant:
    """By name. Raises GlimpseError for an unknown one."""
    if name not in VARIANTS:
        raise GlimpseError(f"variant {name!r} of MNIST: expected one of {', '.join(VARIANTS)}")
    return VARIANTS[name]


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An IDX file of unsigned bytes, gzipped or not. Raises GlimpseError where it is missing, cut off or other."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except FileNotFoundError:
        raise GlimpseError(f"{path}: does not exist; expected an IDX file of MNIST") from None
    except (OSError, EOFError, zlib.error) as error:
        raise GlimpseError(f"{path}: cannot be read ({error}); expected a whole IDX file, gzipped or not") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UBYTE or not 1 <= data[3] <= 4:
        raise GlimpseError(f"{path}: begins with {data[:4].hex(' ') or 'nothing'}; expected an IDX file of bytes")
    header = 4 + 4 * data[3]
    shape = tuple(int(n) for n in np.frombuffer(data[4:header], ">u4")) if len(data) >= header else ()
    if len(shape) != data[3] or len(data) - header != np.prod(shape, dtype=np.int64):
        raise GlimpseError(f"{path}: has {len(data)} bytes for the shape {shape}; expected a whole IDX file")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def find(folder: Path, name: str) -> Path:
    """`name` in the folder, gzipped or not; the gzipped path where there is neither."""
    plain = folder / name
    return plain if plain.exists() else folder / f"{name}.gz"


def load(folder: Path, split: str = "train") -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Digits (N, 28, 28) and labels (N,) of a split, "train" or "test". Raises GlimpseError for what is not MNIST."""
    if split not in FILES:
        raise GlimpseError(f"split {split!r} of MNIST: expected one of {', '.join(FILES)}")
    pixels, answers = (find(folder, f"{FILES[split]}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
    images, labels = read_idx(pixels), read_idx(answers)
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise GlimpseError(f"{pixels}: holds the shape {images.shape}; expected (N, {SIDE}, {SIDE})")
    if labels.shape != images.shape[:1] or labels.max() > 9:
        found = f"the shape {labels.shape}" if labels.shape != images.shape[:1] else f"a label of {labels.max()}"
        raise GlimpseError(f"{answers}: holds {found}; expected {len(images)} labels from 0 to 9")
    return images, labels


def test_scenes(
    folder: Path, name: str = "28", count: int | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The frozen test scenes (N, side, side) and labels (N,) of a variant, the first `count` of them.

    Each scene has a stream of its own, so that fewer scenes are the same scenes.
    """
    kind = variant(name)
    digits, labels = load(folder, "test")
    count = len(digits) if count is None else min(count, len(digits))
    if kind.side == SIDE:
        return digits[:count], labels[:count]
    scenes = np.zeros((count, kind.side, kind.side), np.uint8)
    for i in range(count):
        rng = np.random.RandomState([TEST_SEED, i])
        paste(scenes[i], digits[i], rng)
        for _ in range(kind.pieces):
            top, left = rng.randint(0, SIDE - PIECE + 1, 2)
            paste(scenes[i], digits[rng.randint(len(digits))][top : top + PIECE, left : left + PIECE], rng)
    return scenes, labels[:count]


def paste(scene: NDArray[np.uint8], patch: NDArray[np.uint8], rng: np.random.RandomState) -> None:
    """Put a square patch somewhere into the scene, in place; the brighter pixel wins."""
    side = len(patch)
    top, left = rng.randint(0, len(scene) - side + 1, 2)
    box = scene[top : top + side, left : left + side]
    np.maximum(box, patch, out=box)
