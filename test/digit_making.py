"""A little MNIST: digits that a small network tells apart within seconds, as the four IDX files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"  # "../shared" of the checkout
needs_real = "../shared/data/mnist is not on this machine"


def digits(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (count, 28, 28), none of them empty or the same as another, and labels: every class in turn.

    A class is a bar of its own height, somewhere near the middle, over faint noise.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % 10
    images = rng.integers(0, 40, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        left = rng.integers(8, 14)
        image[4 : 6 + 2 * label, left : left + 6] = 255 - rng.integers(0, 60)
    return images, labels


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """An IDX file of bytes, gzipped where its name says so."""
    data = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


def write_mnist(folder: Path, train: int = 5200, test: int = 60) -> Path:
    """The four files; more than 5000 training digits, for the last 5000 are held out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (images, labels) in {"train": digits(train), "t10k": digits(test, seed=1)}.items():
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", labels)
    return folder
