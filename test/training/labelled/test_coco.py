"""COCO without labels and COCO-Stuff with them, in the places where people unpack them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tree_making import labels, picture

from glimpse_ros.core.types import GlimpseError
from training.labelled import load


def images(folder: Path) -> None:
    for name, numbers in (("train2017", (9, 25, 30)), ("val2017", (139,))):
        for number in numbers:
            picture(folder / name / f"{number:012d}.jpg", number)


def maps(folder: Path) -> None:
    for name, numbers in (("train2017", (9, 25, 30)), ("val2017", (139,))):
        for number in numbers:
            labels(folder / name / f"{number:012d}.png", (0, 181, 255, 90))


def test_coco_is_unlabelled(tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_val2017.json").write_text("{}")
    data = load(f"coco:{tmp_path}", "train", (6, 8))
    assert len(data.images) == 3 and data.maps is None and data.answers is None and data.class_names == ()
    assert [len(load(f"coco:{tmp_path}", split, (6, 8)).images) for split in ("val", "test")] == [1, 1]
    assert len(load(f"coco:{tmp_path}?count=2", "train", (6, 8)).images) == 2


@pytest.mark.parametrize(
    ("pictures", "pngs"),
    [(".", "stuffthingmaps_trainval2017"), (".", "stuffthingmaps"), ("images", "annotations")],
)
def test_coco_stuff_keeps_its_182_ids(tmp_path: Path, pictures: str, pngs: str) -> None:
    images(tmp_path / pictures)
    maps(tmp_path / pngs)
    data = load(f"coco-stuff:{tmp_path}", "train", (12, 16))
    assert data.maps is not None and data.maps[2][0].tolist() == [0] * 4 + [181] * 4 + [255] * 4 + [90] * 4
    assert len(data.class_names) == len(set(data.palette)) == 182 and data.class_names[0] == "class 1"
    assert len(load(f"coco-stuff:{tmp_path}", "val", (12, 16)).images) == 1


def test_names_come_from_labels_txt(tmp_path: Path) -> None:
    images(tmp_path)
    maps(tmp_path / "stuffthingmaps")
    lines = ["0: unlabeled", "1: person", *(f"{i}: thing {i}" for i in range(2, 182)), "182: wood"]
    for place in (tmp_path, tmp_path / "stuffthingmaps"):
        (place / "labels.txt").write_text("\n".join(lines) + "\n")
        assert load(f"coco-stuff:{tmp_path}", "val", (6, 8)).class_names[::181] == ("person", "wood")
        (place / "labels.txt").unlink()
    (tmp_path / "labels.txt").write_text("\n".join(lines[:100]))
    with pytest.raises(GlimpseError, match="labels.txt: is another list; expected lines such as `1: person`"):
        load(f"coco-stuff:{tmp_path}", "val", (6, 8))


def test_refusals(tmp_path: Path) -> None:
    images(tmp_path)
    with pytest.raises(GlimpseError, match="has no train2017 in stuffthingmaps_trainval2017, stuffthingmaps, annot"):
        load(f"coco-stuff:{tmp_path}", "train", (6, 8))
    maps(tmp_path / "stuffthingmaps")
    labels(tmp_path / "stuffthingmaps" / "train2017" / "000000000025.png", (0, 182))
    with pytest.raises(
        GlimpseError, match="000025.png: holds the label 182 .* COCO-Stuff's 0 to 181, and 255 for void$"
    ):
        load(f"coco-stuff:{tmp_path}", "train", (6, 8))
    (tmp_path / "train2017" / "000000000025.jpg").unlink()
    with pytest.raises(GlimpseError, match="1 missing .train2017/000000000025.jpg: .*, 000000000025.png does"):
        load(f"coco-stuff:{tmp_path}", "train", (6, 8))
    assert load(f"coco-stuff:{tmp_path}", "train", (6, 8), missing="skip").skipped == 1
