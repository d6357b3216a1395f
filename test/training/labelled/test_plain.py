"""Images without labels: folders, split by folder or by count, and bags, whose scenes may have gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bag_making import SECOND, START, camera_info, image, joints, write_bag
from bag_making import picture as frame_of
from tree_making import REAL, picture

from glimpse_ros.core.types import GlimpseError
from training.labelled import load


def values(images: list[np.ndarray]) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


def test_a_folder_is_split_by_count(tmp_path: Path) -> None:
    for i in range(12):
        picture(tmp_path / f"{i:02d}.png", i)
    data = load(str(tmp_path), "train", (6, 8))
    assert values(data.images) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
    assert data.maps is data.answers is data.known is None and data.projection == "planar"
    for split in ("val", "test"):
        assert values(load(str(tmp_path), split, (6, 8)).images) == [9]
    assert values(load(f"images:{tmp_path}?every=4&count=2", "val", (6, 8)).images) == [3, 7]


def test_folders_of_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    for i in range(3):
        picture(tmp_path / "train" / f"{i}.png", i, (10, 20))
        picture(tmp_path / "val" / "deep" / f"{i}.png", 10 + i, (10, 20))
    assert values(load(str(tmp_path), "train", (8, 16)).images) == [0, 1, 2]
    for split in ("val", "test"):
        data = load(str(tmp_path), split, (8, 16))
        assert values(data.images) == [10, 11, 12] and data.projection == "spherical"
    picture(tmp_path / "test" / "a.png", 50, (10, 21))
    data = load(str(tmp_path), "test", (8, 16))
    assert values(data.images) == [50] and data.projection == "spherical", "2:1 within the rounding of a resize"


def test_what_does_not_decode_is_skipped_and_said(tmp_path: Path, capsys) -> None:
    for i in range(3):
        picture(tmp_path / f"{i}.png", i)
    (tmp_path / "0.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("hello")
    data = load(str(tmp_path), "train", (6, 8))
    assert values(data.images) == [1] and data.skipped == 2
    said = capsys.readouterr().err
    assert "notes.txt: not an image" in said and f"image {tmp_path / '0.png'}" in said and said.count("\n") == 1


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(GlimpseError, match="nowhere is not a folder of images"):
        load(str(tmp_path / "nowhere"), "train", (6, 8))
    picture(tmp_path / "a.png")
    with pytest.raises(GlimpseError, match="no image of it is held out to val; expected at least two images"):
        load(str(tmp_path), "val", (6, 8))


def test_a_bag_gives_its_frames(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "drive", [image(i, START + i * SECOND) for i in range(5)])
    data = load(str(bag), "train", (12, 16))
    assert len(data.images) == 4 and data.known is None and data.projection == "planar" and data.name == "drive train"
    np.testing.assert_array_equal(data.images[1], frame_of(1))
    assert len(load(str(tmp_path), "val", (12, 16)).images) == 1, "a folder of bags"


def test_a_ptz_bag_gives_a_scene_and_where_it_is_known(tmp_path: Path) -> None:
    for name in ("a", "b"):
        rows = [joints(START + i * SECOND, pan=0.4 * i, tilt=0.0, zoom=1.0) for i in range(4)]
        rows += [camera_info(START + i * SECOND, 16.0, 12, 16) for i in range(4)]
        rows += [image(i, START + i * SECOND) for i in range(4)]
        write_bag(tmp_path / name, sorted(rows, key=lambda row: row[2]))
    data = load(str(tmp_path), "train", (64, 128))
    assert len(data.images) == 1 and data.projection == "spherical" and data.known is not None
    known = data.known[0]
    assert known.shape == (64, 128) and known.dtype == bool and 0.02 < known.mean() < 0.5
    assert data.images[0][known].std() > 20 and data.images[0].shape == (64, 128, 3)
    assert known[:8].sum() == known[-8:].sum() == 0, "it never looked up or down"


@pytest.mark.skipif(not (REAL / "panoramas").is_dir(), reason="../shared/data/panoramas is not on this machine")
def test_the_real_panoramas() -> None:
    data = load(str(REAL / "panoramas"), "val", (32, 64))
    assert len(data.images) == 39 and data.projection == "spherical" and data.images[0].shape == (32, 64, 3)
