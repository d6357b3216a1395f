"""MNIST as files and as scenes: read whole or refused, frozen, and clutter never hides a digit."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from digit_making import REAL, digits, needs_real, write_idx, write_mnist

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets import mnist


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mnist(tmp_path_factory.mktemp("mnist"), train=20, test=40)


def test_what_was_written_is_read_gzipped_or_not(folder: Path, tmp_path: Path) -> None:
    images, labels = digits(40, seed=1)
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        write_idx(tmp_path / f"t10k-{name}-ubyte", array)
    for place in (folder, tmp_path):
        read = mnist.load(place, "test")
        assert np.array_equal(read[0], images) and np.array_equal(read[1], labels)
    assert len(mnist.load(folder)[0]) == 20


def test_scenes_are_frozen_and_fewer_are_the_same(folder: Path) -> None:
    for name, kind in mnist.VARIANTS.items():
        scenes, labels = mnist.test_scenes(folder, name)
        assert scenes.shape == (40, kind.side, kind.side) and scenes.dtype == np.uint8
        assert np.array_equal(labels, mnist.load(folder, "test")[1])
        few = mnist.test_scenes(folder, name, 7)
        assert np.array_equal(few[0], scenes[:7]) and np.array_equal(few[1], labels[:7])


def test_a_digit_is_in_its_scene_whole_and_clutter_adds_to_it(folder: Path) -> None:
    images, _ = mnist.load(folder, "test")
    plain, _ = mnist.test_scenes(folder, "translated60")
    cluttered, _ = mnist.test_scenes(folder, "cluttered60")
    corners = set()
    for image, clean, scene in zip(images, plain, cluttered, strict=True):
        at = [(t, k) for t in range(33) for k in range(33) if np.array_equal(clean[t : t + 28, k : k + 28], image)]
        assert len(at) == 1 and clean.sum() == image.sum()
        assert (scene >= clean).all() and 0 < (scene != clean).sum() <= 4 * mnist.PIECE**2
        corners |= set(at)
    assert len(corners) > 35


@pytest.mark.skipif(not REAL.is_dir(), reason=needs_real)
def test_the_scenes_of_real_digits_are_those_of_the_figures() -> None:
    """The published accuracies are over these very pixels."""
    digest = hashlib.sha256()
    for name in mnist.VARIANTS:
        scenes, labels = mnist.test_scenes(REAL, name, 50)
        digest.update(scenes.tobytes() + labels.tobytes())
    assert digest.hexdigest()[:16] == "0233523ac7890a15"
    assert len(mnist.load(REAL, "train")[0]) == 60_000


def broken(folder: Path, tmp_path: Path, data: bytes, name: str = "images-idx3") -> str:
    for file in folder.glob("t10k-*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / f"t10k-{name}-ubyte.gz").write_bytes(data)
    with pytest.raises(GlimpseError) as err:
        mnist.load(tmp_path, "test")
    text = str(err.value)
    assert f"t10k-{name}-ubyte.gz: " in text and "\n" not in text
    return text


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def test_files_that_are_missing_cut_off_or_other_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(GlimpseError, match=r"t10k-images-idx3-ubyte\.gz: does not exist; expected an IDX file"):
        mnist.load(tmp_path / "none", "test")
    whole = (folder / "t10k-images-idx3-ubyte.gz").read_bytes()
    assert "cannot be read" in broken(folder, tmp_path, whole[: len(whole) // 2])
    assert "expected a whole IDX file" in broken(folder, tmp_path, gzip.decompress(whole)[:-1])
    assert "begins with nothing" in broken(folder, tmp_path, b"")
    assert "begins with 89 50 4e 47" in broken(folder, tmp_path, b"\x89PNG\r\n\x1a\n")
    assert "expected an IDX file of bytes" in broken(folder, tmp_path, idx(np.zeros((2, 28, 28), ">f4"), 0x0D))
    assert "holds the shape (2, 32, 32); expected (N, 28, 28)" in broken(
        folder, tmp_path, idx(np.zeros((2, 32, 32), np.uint8))
    )
    assert "expected (N, 28, 28)" in broken(folder, tmp_path, idx(np.zeros((0, 28, 28), np.uint8)))


def test_labels_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    many = np.full(40, 10, np.uint8)
    for labels, found in ((many[:3], "the shape (3,)"), (many[:0], "the shape (0,)"), (many, "a label of 10")):
        said = broken(folder, tmp_path, gzip.compress(idx(labels)), "labels-idx1")
        assert found in said and "expected 40 labels from 0 to 9" in said
        for file in tmp_path.iterdir():
            file.unlink()


def test_unknown_names_are_refused(folder: Path) -> None:
    with pytest.raises(
        GlimpseError, match="variant 'cluttered' of MNIST: expected one of 28, translated60, cluttered60"
    ):
        mnist.test_scenes(folder, "cluttered")
    with pytest.raises(GlimpseError, match="split 'val' of MNIST: expected one of train, test"):
        mnist.load(folder, "val")
