"""CamVid: frames and labels one to one, void out of every figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tree_making import REAL, camvid, labels, picture

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.camvid import CLASSES, listing
from glimpse_ros.datasets.listing import read


def test_a_split_is_read_with_void_as_255(tmp_path: Path) -> None:
    tree = camvid(tmp_path, {"train": 2, "val": 1, "test": 3})
    assert [len(listing(tree, split).entries) for split in ("train", "val", "test")] == [2, 1, 3]
    found = listing(tree, "test")
    assert found.name == "camvid test" and found.class_names[:4] == ("sky", "building", "pole", "road")
    pictures = read(found, (12, 16))
    assert [int(image[0, 0, 0]) for image in pictures.images] == [0, 10, 20]
    assert pictures.maps is not None and pictures.maps[2][5].tolist() == [0] * 4 + [3] * 4 + [255] * 8


def test_eleven_classes_have_colours_of_their_own() -> None:
    assert len(CLASSES) == len(set(CLASSES.values())) == 11 and CLASSES["road"] == (128, 64, 128)


def test_an_id_beyond_void_is_refused(tmp_path: Path) -> None:
    tree = camvid(tmp_path, {"test": 2})
    labels(tree / "testannot" / "0001TP_000001.png", (0, 12))
    with pytest.raises(GlimpseError, match="000001.png: holds the label 12 .* CamVid's 0 to 10, and 11 for void$"):
        read(listing(tree, "test"), (12, 16))


def test_frames_without_labels_and_labels_without_frames(tmp_path: Path) -> None:
    tree = camvid(tmp_path, {"test": 3})
    (tree / "testannot" / "0001TP_000000.png").unlink()
    (tree / "test" / "0001TP_000002.png").unlink()
    with pytest.raises(GlimpseError, match="2 missing .testannot/0001TP_000000.png: .* test/0001TP_000002.p"):
        listing(tree, "test")
    found = listing(tree, "test", "skip")
    assert [entry.image.stem for entry in found.entries] == ["0001TP_000001"] and found.skipped.count == 2


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        ("validation", "split 'validation'; expected one of train, val, test"),
        ("val", "val: is no folder; expected CamVid's val"),
        ("train", "trainannot: is no folder; expected CamVid's trainannot"),
    ],
)
def test_refusals(tmp_path: Path, split: str, sentence: str) -> None:
    picture(tmp_path / "train" / "a.png")
    with pytest.raises(GlimpseError, match=sentence):
        listing(tmp_path, split)


@pytest.mark.skipif(not (REAL / "camvid").is_dir(), reason="../shared/data/camvid is not on this machine")
def test_the_real_one() -> None:
    counts = {split: len(listing(REAL / "camvid", split).entries) for split in ("train", "val", "test")}
    assert counts == {"train": 367, "val": 101, "test": 233}
    pictures = read(listing(REAL / "camvid", "val"), (120, 160))
    maps = np.stack(pictures.maps or [])
    assert maps.shape == (101, 120, 160) and set(np.unique(maps)) <= {*range(11), 255}
    assert 0.01 < (maps == 255).mean() < 0.1
    sky, road = (np.flatnonzero((maps == i).any((0, 2))).mean() for i in (0, 3))
    assert sky < road, "the sky is above the road"
