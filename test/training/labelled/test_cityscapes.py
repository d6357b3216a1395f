"""Cityscapes and KITTI in their own layouts: 19 of 34 ids are classes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tree_making import labels, picture

from glimpse_ros.core.types import GlimpseError
from training.labelled import load
from training.labelled.cityscapes import CLASSES, TABLE

WIDE = (8, 16)  # 2:1, as Cityscapes' frames are


def frame(folder: Path, split: str, city: str, number: int, value: int = 50, ids=(7, 26, 1, 33)) -> None:
    name = f"{city}_{number:06d}_000019"
    picture(folder / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", value, WIDE)
    labels(folder / "gtFine" / split / city / f"{name}_gtFine_labelIds.png", ids, WIDE)
    for other in ("instanceIds", "color"):  # which lie beside them
        picture(folder / "gtFine" / split / city / f"{name}_gtFine_{other}.png", 0, WIDE)
    (folder / "gtFine" / split / city / f"{name}_gtFine_polygons.json").write_text("{}")


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    for i, city in enumerate(("aachen", "aachen", "zurich")):
        frame(tmp_path, "train", city, i, 10 * i)
    frame(tmp_path, "val", "munster", 0, 90)
    frame(tmp_path, "test", "berlin", 0)
    return tmp_path


def test_cityscapes_in_the_order_of_its_cities(cityscapes: Path) -> None:
    data = load(f"cityscapes:{cityscapes}", "train", WIDE)
    assert [int(image[0, 0, 0]) for image in data.images] == [0, 10, 20]
    assert data.maps is not None and data.maps[0][0].tolist() == [0] * 4 + [13] * 4 + [255] * 4 + [18] * 4
    assert data.projection == "planar", "though its frames are 2:1"
    assert data.class_names[0] == "road" and data.class_names[13] == "car" and data.palette[13] == (0, 0, 142)
    for split in ("val", "test"):  # the labels of the official test are not public
        assert int(load(f"cityscapes:{cityscapes}", split, WIDE).images[0][0, 0, 0]) == 90


def test_nineteen_classes_and_the_rest_void() -> None:
    assert len(CLASSES) == len({colour for _, colour in CLASSES.values()}) == 19
    assert sorted(TABLE[TABLE < 19][TABLE[TABLE < 19] >= 0].tolist()) == list(range(19))
    assert (TABLE == 255).sum() == 34 - 19 + 1 and TABLE[33] == 18 and TABLE[34] == -1 and TABLE[255] == 255


def test_labels_that_are_not_ids_of_cityscapes(cityscapes: Path) -> None:
    place = cityscapes / "gtFine" / "train" / "zurich" / "zurich_000002_000019_gtFine_labelIds.png"
    labels(place, (7, 34), WIDE)
    with pytest.raises(GlimpseError, match="holds the label 34 .*; expected Cityscapes' 0 to 33, and 255$"):
        load(f"cityscapes:{cityscapes}", "train", WIDE)
    cv2.imwrite(str(place), np.full(WIDE, 26001, np.uint16))  # its instances, in the wrong place
    with pytest.raises(GlimpseError, match="labelIds.png: expected an 8-bit PNG of class ids .* 16 bits of grey$"):
        load(f"cityscapes:{cityscapes}?missing=skip", "train", WIDE)


def test_frames_and_labels_have_to_match(cityscapes: Path) -> None:
    (cityscapes / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png").unlink()
    (cityscapes / "leftImg8bit/train/zurich/zurich_000002_000019_leftImg8bit.png").unlink()
    with pytest.raises(GlimpseError) as error:
        load(f"cityscapes:{cityscapes}", "train", WIDE)
    said = str(error.value)
    assert "2 missing (gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png: does not exist" in said
    assert "leftImg8bit/train/zurich/zurich_000002_000019_leftImg8bit.png" in said
    assert len(load(f"cityscapes:{cityscapes}?missing=skip", "train", WIDE).images) == 1


def test_another_layout_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "leftImg8bit" / "train" / "a.png")
    with pytest.raises(GlimpseError, match="gtFine/train: is no folder; expected Cityscapes' leftImg8bit and gtFine"):
        load(f"cityscapes:{tmp_path}", "train", WIDE)
    (tmp_path / "gtFine" / "train").mkdir(parents=True)
    with pytest.raises(GlimpseError, match="has no <city>/<name>_leftImg8bit.png"):
        load(f"cityscapes:{tmp_path}", "train", WIDE)


def test_kitti_has_a_fixed_split(tmp_path: Path) -> None:
    for i in range(20):
        picture(tmp_path / "training" / "image_2" / f"{i:06d}_10.png", 5 * i)
        labels(tmp_path / "training" / "semantic" / f"{i:06d}_10.png", (7, 0))
    picture(tmp_path / "testing" / "image_2" / "000000_10.png")
    parts = {split: load(f"kitti:{tmp_path}", split, (12, 16)) for split in ("train", "val", "test")}
    assert {split: len(data.images) for split, data in parts.items()} == {"train": 16, "val": 2, "test": 2}
    assert [int(image[0, 0, 0]) for image in parts["test"].images] == [40, 90]
    data = parts["val"]
    assert data.maps is not None and data.maps[0][0].tolist() == [0] * 8 + [255] * 8 and len(data.class_names) == 19
    assert len(load(f"kitti:{tmp_path}?every=4", "val", (12, 16)).images) == 5
    (tmp_path / "training" / "semantic" / "000003_10.png").unlink()
    with pytest.raises(GlimpseError, match="1 missing .training/semantic/000003_10.png"):
        load(f"kitti:{tmp_path}", "train", (12, 16))
