"""`load`: one word names any data set; options, what is skipped, and refusals in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tree_making import REAL, camvid, class_tree, palette_labels

from glimpse_ros.core.types import GlimpseError
from training.labelled import Labelled, load

SIZE = (6, 8)


def test_camvid_at_any_size(tmp_path: Path) -> None:
    tree = camvid(tmp_path, {"train": 3, "val": 2, "test": 1})
    data = load(f"camvid:{tree}", "val", SIZE)
    assert (data.name, len(data.images), data.projection, data.skipped) == ("camvid val", 2, "planar", 0)
    assert all(image.shape == (6, 8, 3) and image.dtype == np.uint8 for image in data.images)
    assert data.maps is not None and data.maps[1][0].tolist() == [0, 0, 3, 3, 255, 255, 255, 255]
    assert data.answers is None and data.known is None and len(data.class_names) == len(data.palette) == 11


def test_class_folders_and_scene15(tmp_path: Path) -> None:
    class_tree(tmp_path / "train", {"coast": 10, "forest": 10})
    class_tree(tmp_path / "test", {"coast": 2, "forest": 2})
    (tmp_path / "train_test_duplicates.txt").write_text("test/coast/image_0000.jpg\ttrain/coast/image_0000.jpg\n")
    for kind in ("classes", "scene15"):
        data = load(f"{kind}:{tmp_path}", "test", SIZE)
        assert data.answers is not None and data.answers.tolist() == [0, 1, 1] and data.answers.dtype == np.int64
        assert data.skipped == 1 and data.maps is None and data.palette == () and data.class_names[1] == "forest"
    assert len(load(f"classes:{tmp_path}?every=5", "val", SIZE).images) == 4
    assert len(load(f"classes:{tmp_path}?every=0", "train", SIZE).images) == 20
    few = load(f"classes:{tmp_path}?every=0&count=4", "train", SIZE)
    assert few.answers is not None and few.answers.tolist() == [0, 0, 1, 1], "evenly spaced"


def test_what_is_missing_is_refused_or_skipped_counted_and_named(tmp_path: Path, capsys) -> None:
    tree = camvid(tmp_path, {"train": 4})
    (tree / "trainannot" / "0001TP_000002.png").unlink()
    (tree / "train" / "0001TP_000003.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    with pytest.raises(GlimpseError, match="1 missing .trainannot/0001TP_000002.png"):
        load(f"camvid:{tree}", "train", SIZE)
    for word, missing in ((f"camvid:{tree}?missing=skip", "refuse"), (f"camvid:{tree}", "skip")):
        data = load(word, "train", SIZE, missing=missing)
        assert len(data.images) == len(data.maps or ()) == 2 and data.skipped == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and said.startswith(f"{word}: 2 skipped (1 missing, 1 unreadable): ")
        assert "trainannot/0001TP_000002.png" in said and "0001TP_000003.png" in said
    with pytest.raises(GlimpseError, match="1 missing"):
        load(f"camvid:{tree}?missing=refuse", "train", SIZE, missing="skip")


def test_palette_labels_are_read_like_others(tmp_path: Path) -> None:
    tree = camvid(tmp_path, {"train": 1})
    palette_labels(
        tree / "trainannot" / "0001TP_000000.png", np.array([[0, 3, 2, 11]], np.uint8).repeat(12, 0).repeat(4, 1)
    )
    data = load(f"camvid:{tree}", "train", SIZE)
    assert data.maps is not None and data.maps[0][0].tolist() == [0, 0, 3, 3, 2, 2, 255, 255]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("pascal:{}", "kind 'pascal' is unknown; expected a folder that exists, or camvid:PATH, cityscapes:PATH, .*"),
        ("camvid:{}?every=5", "option 'every' is unknown; expected some of count, missing"),
        ("camvid:{}?missing=maybe", "missing 'maybe'; expected one of refuse, skip"),
        ("camvid:{}?count=none", "count 'none'; expected a whole number, at least 1"),
        ("classes:{}?every=2", "every 2; expected one in at least 3, or 0 for none"),
        ("classes:{}?every=x", "every 'x'; expected a whole number, at least 0"),
        ("kitti:{}?every=-3", "every '-3'; expected a whole number, at least 0"),
    ],
)
def test_refusals(tmp_path: Path, word: str, sentence: str) -> None:
    camvid(tmp_path, {"train": 1})
    with pytest.raises(GlimpseError, match=sentence) as error:
        load(word.format(tmp_path), "train", SIZE)
    assert "\n" not in str(error.value)


def test_an_unknown_split_is_refused_whatever_the_kind(tmp_path: Path) -> None:
    for word in ("camvid:x", "sun360:x", str(tmp_path)):
        with pytest.raises(GlimpseError, match="split 'training'; expected one of train, val, test"):
            load(word, "training", SIZE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind", ["camvid", "cityscapes", "kitti", "ade20k", "coco", "coco-stuff", "sun360", "scene15", "classes", "worlds"]
)
def test_an_empty_folder_is_refused_by_every_kind(kind: str, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(GlimpseError, match=f"^{folder}.*expected") as error:
            load(f"{kind}:{folder}", "train", SIZE)
        assert "\n" not in str(error.value)


def test_labelled_needs_nothing_but_images() -> None:
    data = Labelled("mine", [np.zeros((4, 4, 3), np.uint8)])
    assert data.maps is data.answers is data.known is None and data.class_names == () and data.projection == "planar"


@pytest.mark.skipif(not (REAL / "scene15").is_dir(), reason="../shared/data/scene15 is not on this machine")
def test_the_real_scene15() -> None:
    data = load(f"scene15:{REAL / 'scene15'}?count=150&every=0", "train", (32, 32))
    assert data.answers is not None and np.bincount(data.answers).tolist() == [10] * 15
    assert all(np.ptp(image, axis=2).max() == 0 for image in data.images), "they are grey"
