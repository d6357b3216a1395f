"""SUN360 by its list: the first tenth validates, a class is the first two folders of a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from tree_making import picture

from glimpse_ros.core.types import GlimpseError
from training.labelled import load

KINDS = ("outdoor/church", "indoor/elevator", "outdoor/field/others")


def tree(folder: Path, count: int = 25, name: str = "dataset26-random.txt") -> list[str]:
    """So many panoramas in a "random" order of three classes, and their list."""
    lines = [f"{KINDS[i * 7 % 3]}/pano_{i:04d}.jpg" for i in range(count)]
    for i, line in enumerate(lines):
        picture(folder / line, 5 * i, (8, 16))
    (folder / name).write_text("\n".join(lines) + "\n")
    return lines


def test_the_first_tenth_validates(tmp_path: Path) -> None:
    lines = tree(tmp_path)
    val, train = (load(f"sun360:{tmp_path}", split, (8, 16)) for split in ("val", "train"))
    assert len(val.images) == 2 and len(train.images) == 23, "25 // 10, as the authors count"
    assert val.class_names == ("indoor/elevator", "outdoor/church", "outdoor/field") == train.class_names
    assert val.answers is not None and val.answers.tolist() == [1, 0], "in the order of the list"
    assert abs(int(train.images[0][0, 0, 0]) - 10) <= 1 and train.answers is not None
    assert train.answers.tolist() == [(1, 0, 2)[i * 7 % 3] for i in range(2, len(lines))]
    assert val.projection == "spherical" and val.maps is None
    assert load(f"sun360:{tmp_path}", "test", (8, 16)).answers.tolist() == [1, 0]  # type: ignore[union-attr]


def test_the_list_may_have_its_other_name(tmp_path: Path) -> None:
    tree(tmp_path, name="sun360-dataset26-random.txt")
    assert len(load(f"sun360:{tmp_path}", "val", (8, 16)).images) == 2


def test_panoramas_that_are_missing_do_not_move_the_split(tmp_path: Path) -> None:
    lines = tree(tmp_path)
    (tmp_path / lines[0]).unlink()
    (tmp_path / lines[9]).unlink()
    with pytest.raises(GlimpseError, match="1 missing .outdoor/church/pano_0000.jpg: does not exist.;"):
        load(f"sun360:{tmp_path}", "val", (8, 16))
    val, train = (load(f"sun360:{tmp_path}?missing=skip", split, (8, 16)) for split in ("val", "train"))
    assert (len(val.images), val.skipped, len(train.images), train.skipped) == (1, 1, 22, 1)
    assert val.answers is not None and val.answers.tolist() == [0] and len(val.class_names) == 3


@pytest.mark.parametrize("line", ["/etc/passwd.jpg", "outdoor/../../secret/a.jpg", "alone.jpg"])
def test_paths_that_lead_elsewhere_are_refused(tmp_path: Path, line: str) -> None:
    lines = tree(tmp_path, 10)
    (tmp_path / "dataset26-random.txt").write_text("\n".join([*lines, line]))
    with pytest.raises(GlimpseError, match=f"lists '{line}'; expected paths such as outdoor/church/name.jpg"):
        load(f"sun360:{tmp_path}", "train", (8, 16))


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(GlimpseError, match="has no dataset26-random.txt; expected SUN360's list"):
        load(f"sun360:{tmp_path}", "train", (8, 16))
    tree(tmp_path, 9)
    with pytest.raises(GlimpseError, match="lists 9 panoramas of 3 classes; expected at least 10 of two"):
        load(f"sun360:{tmp_path}", "train", (8, 16))
