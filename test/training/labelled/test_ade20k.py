"""ADE20K in the layout of the scene parsing benchmark: 0 is void, the names come from its table."""

from __future__ import annotations

from pathlib import Path

import pytest
from tree_making import labels, picture

from glimpse_ros.core.types import GlimpseError
from training.labelled import load

HEAD = "Idx\tRatio\tTrain\tVal\tStuff\tName\n"


def table(path: Path, names: list[str]) -> None:
    rows = [f"{i}\t0.01\t100\t10\t{i % 2}\t{name}\n" for i, name in enumerate(names, 1)]
    path.write_text(HEAD + "".join(rows))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, short, count in (("training", "train", 2), ("validation", "val", 1)):
        for i in range(1, count + 1):
            picture(tmp_path / "images" / name / f"ADE_{short}_{i:08d}.jpg", 40 * i)
            labels(tmp_path / "annotations" / name / f"ADE_{short}_{i:08d}.png", (0, 1, 150, 3))
    (tmp_path / "sceneCategories.txt").write_text("ADE_train_00000001 airport_terminal\n")
    return tmp_path


def test_ids_are_moved_down_by_one_and_0_is_void(tree: Path) -> None:
    data = load(f"ade20k:{tree}", "train", (12, 16))
    assert len(data.images) == 2 and data.maps is not None and data.answers is None
    assert data.maps[0][0].tolist() == [255] * 4 + [0] * 4 + [149] * 4 + [2] * 4
    assert data.class_names[0] == "class 1" and len(data.class_names) == len(set(data.palette)) == 150
    assert load(f"ade20k:{tree}", "val", (12, 16)).maps[0].shape == (12, 16)  # type: ignore[index]
    assert len(load(f"ade20k:{tree}", "test", (12, 16)).images) == 1, "validation is the test too"


def test_names_come_from_the_table(tree: Path) -> None:
    names = ["wall", "building, edifice", "screen;crt", "screen, cover", *(f"thing {i}" for i in range(146))]
    table(tree / "objectInfo150.txt", names)
    found = load(f"ade20k:{tree}", "val", (12, 16)).class_names
    assert found[:4] == ("wall", "building", "screen;crt", "screen, cover"), "short where that is no other's name"


def test_refusals(tree: Path) -> None:
    table(tree / "objectInfo150.txt", ["wall", "building"])
    with pytest.raises(GlimpseError, match="objectInfo150.txt: lists 2 classes; expected 150 rows numbered from 1"):
        load(f"ade20k:{tree}", "train", (12, 16))
    (tree / "objectInfo150.txt").unlink()
    labels(tree / "annotations" / "training" / "ADE_train_00000002.png", (0, 151))
    with pytest.raises(GlimpseError, match="00000002.png: holds the label 151 .* ADE20K's 1 to 150, and 0 for void$"):
        load(f"ade20k:{tree}", "train", (12, 16))
    (tree / "annotations" / "training" / "ADE_train_00000002.png").unlink()
    with pytest.raises(GlimpseError, match="1 missing .annotations/training/ADE_train_00000002.png"):
        load(f"ade20k:{tree}", "train", (12, 16))
