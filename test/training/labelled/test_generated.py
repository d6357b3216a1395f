"""Generated worlds: one command makes a folder, `worlds:DIR` reads it with names and colours."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tree_making import labels, picture

from glimpse_ros.core.types import GlimpseError
from training.labelled import load
from training.worlds import CLASSES
from training.worlds.__main__ import main, parser, targets


def test_one_command_makes_what_the_loader_reads(tmp_path: Path, capsys) -> None:
    """Both kinds into one folder; the pictures and maps are those that the worlds give."""
    folder = tmp_path / "made"
    for kind, count in (("room", 2), ("street", 1)):
        args = ["--kind", kind, "--count", str(count), "--seed", "3", "--size", "16x32", "--samples", "1"]
        assert main([*args, "--out", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(folder / "images" / "street_0003.jpg")
    names = [path.stem for path in sorted((folder / "labels").iterdir())]
    assert names == ["room_0003", "room_0004", "street_0003"]
    parts = [load(f"worlds:{folder}", split, (16, 32)) for split in ("train", "val", "test")]
    assert [len(data.images) for data in parts] == [1, 1, 1] and parts[0].projection == "spherical"
    data = parts[1]  # the last one, the street
    assert data.class_names[:2] == ("sky", "paving") and data.palette[0] == CLASSES[0].color and data.maps is not None
    written = cv2.imread(str(folder / "labels" / "street_0003.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(data.maps[0], written)
    assert data.class_names[data.maps[0][0, 0]] == "sky"


def test_a_folder_that_exists_may_have_a_dot_and_takes_no_labels(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "data.v1"
    folder.mkdir()
    tiny = ["--kind", "room", "--size", "16x32", "--samples", "1", "--out", str(folder)]
    assert main([*tiny, "--labels", str(tmp_path / "l.png")]) == 2
    assert f"{folder} is a folder, whose labels go into it; leave it out" in capsys.readouterr().err
    (made,) = targets(parser().parse_args(tiny))
    assert made == (folder / "images" / "room_0000.jpg", folder / "labels" / "room_0000.png")


def made(folder: Path, count: int) -> Path:
    for i in range(count):
        picture(folder / "images" / f"room_{i:04d}.jpg", 10 * i)
        labels(folder / "labels" / f"room_{i:04d}.png", (2, 24))
    return folder


def test_one_of_ten_validates_and_one_tests(tmp_path: Path) -> None:
    folder = made(tmp_path, 10)
    found = {split: load(f"worlds:{folder}", split, (12, 16)) for split in ("train", "val", "test")}
    assert [len(data.images) for data in found.values()] == [8, 1, 1]
    assert found["val"].projection == "planar" and abs(int(found["val"].images[0][0, 0, 0]) - 90) <= 1


def test_refusals(tmp_path: Path) -> None:
    folder = made(tmp_path / "d", 3)
    labels(folder / "labels" / "room_0000.png", (25,))
    with pytest.raises(GlimpseError, match="room_0000.png: holds the label 25 .* the worlds' 0 to 24, and 255$"):
        load(f"worlds:{folder}", "train", (12, 16))
    (folder / "labels" / "room_0000.png").unlink()
    with pytest.raises(GlimpseError, match="1 missing .labels/room_0000.png"):
        load(f"worlds:{folder}", "train", (12, 16))
    with pytest.raises(
        GlimpseError, match="images: is no folder; expected .* `python -m training.worlds --count N --out"
    ):
        load(f"worlds:{tmp_path}", "train", (12, 16))
