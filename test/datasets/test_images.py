"""Folders of images: sorted, exact, and what is unreadable counted and named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.images import image_paths, images, is_panorama, read_rgb
from glimpse_ros.datasets.skipped import Skipped


def save(path: Path, height: int = 8, width: int = 16, value: int = 50) -> np.ndarray:
    """An RGB ramp as a file."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0], rgb[..., 1] = value, np.arange(width)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rgb[..., ::-1])
    return rgb


def untidy(folder: Path) -> None:
    save(folder / "b.png", value=2)
    save(folder / "a.png", value=1)
    save(folder / "sub" / "c.png", value=3)
    save(folder / "square.png", 8, 8, value=4)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("hello")
    (folder / ".hidden.png").write_bytes(b"")


def test_read_rgb_is_rgb(tmp_path):
    rgb = save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), rgb)
    np.testing.assert_array_equal(read_rgb(str(tmp_path / "a.png")), rgb)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [("no.png", None, "cannot be read"), ("e.png", b"", "empty"), ("x.jpg", b"text", "does not decode")],
)
def test_read_rgb_refuses_in_a_sentence_with_the_path(tmp_path, name, data, words):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(GlimpseError, match=words) as caught:
        read_rgb(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_size_above_the_limit_is_refused(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(GlimpseError, match="at most 100 pixels"):
        read_rgb(tmp_path / "a.png", max_pixels=100)


def test_an_untidy_folder(tmp_path):
    untidy(tmp_path)
    skipped = Skipped()
    found = [(p.name, int(image[0, 0, 0])) for p, image in images(tmp_path, skipped=skipped)]
    assert found == [("a.png", 1), ("b.png", 2), ("square.png", 4), ("c.png", 3)]
    assert skipped.reasons == {"no image": 1, "data": 1, "length": 1}
    for name in ("notes.txt", "broken.jpg", "empty.png"):
        assert name in str(skipped)


def test_panoramas_alone(tmp_path):
    untidy(tmp_path)
    skipped = Skipped()
    assert [p.name for p, _ in images(tmp_path, panoramas=True, skipped=skipped)] == ["a.png", "b.png", "c.png"]
    assert skipped.reasons["not 2:1"] == 1


def test_not_recursive(tmp_path):
    untidy(tmp_path)
    assert "c.png" not in {p.name for p in image_paths(tmp_path, recursive=False)}


@pytest.mark.parametrize("panoramas", [False, True])
def test_folders_without_usable_images_are_refused(tmp_path, panoramas):
    with pytest.raises(GlimpseError, match="not a folder"):
        list(images(tmp_path / "nowhere", panoramas))
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(GlimpseError, match="has no images"):
        list(images(tmp_path, panoramas))
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(GlimpseError, match="no usable .*: 2 skipped .*empty.png"):
        list(images(tmp_path, panoramas))


def test_is_panorama():
    assert is_panorama(512, 1024) and is_panorama(2000, 4001) and is_panorama(1, 2)
    assert not is_panorama(480, 640) and not is_panorama(512, 1100) and not is_panorama(0, 0)


def test_skipped_stays_small():
    skipped = Skipped(named=3)
    assert str(skipped) == "" and skipped.count == 0
    for i in range(10_000):
        skipped.add(f"file {i}", "bad", "step" if i % 4 else "length")
    assert skipped.count == 10_000 and len(skipped.examples) == 3
    assert skipped.reasons == {"step": 7500, "length": 2500}
    assert str(skipped).endswith("file 2: bad and 9997 more")


REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "panoramas" / "val"


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/panoramas is not on this machine")
def test_real_panoramas():
    skipped = Skipped()
    found = images(REAL, panoramas=True, skipped=skipped)
    assert next(found)[1].shape == (512, 1024, 3)
    assert len(image_paths(REAL)) == 39
