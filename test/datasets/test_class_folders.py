"""Class folders: names become classes, splits come from folders or by count, duplicates stay out of the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from tree_making import REAL, class_tree, picture

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.class_folders import DUPLICATES, listing
from glimpse_ros.datasets.listing import Listing, read


def names(found: Listing) -> list[str]:
    return [f"{entry.image.parent.name}/{int(entry.image.stem[-4:])}={entry.answer}" for entry in found.entries]


@pytest.fixture
def split_tree(tmp_path: Path) -> Path:
    class_tree(tmp_path / "train", {"coast": 10, "forest": 10})
    class_tree(tmp_path / "test", {"coast": 3, "forest": 4})
    return tmp_path


def test_folders_of_splits(split_tree: Path) -> None:
    test = listing(split_tree, "test")
    assert test.class_names == ("coast", "forest")
    assert names(test) == [f"coast/{i}=0" for i in range(3)] + [f"forest/{i}=1" for i in range(4)]
    pictures = read(test, (12, 16))
    assert pictures.answers is not None and pictures.answers.tolist() == [0] * 3 + [1] * 4
    assert pictures.maps is None and abs(int(pictures.images[-1][0, 0, 0]) - 23) <= 1, "class 1, image 3"


def test_where_there_is_no_val_one_of_ten_training_images_of_each_class_is(split_tree: Path) -> None:
    assert names(listing(split_tree, "val")) == ["coast/9=0", "forest/9=1"]
    assert len(listing(split_tree, "train").entries) == 18
    assert not {*names(listing(split_tree, "train"))} & {*names(listing(split_tree, "val"))}
    assert len(listing(split_tree, "train", every=0).entries) == 20
    with pytest.raises(GlimpseError, match="split 'val' has no images"):
        listing(split_tree, "val", every=0)
    class_tree(split_tree / "val", {"coast": 1, "forest": 2})
    assert len(listing(split_tree, "train").entries) == 20 and len(listing(split_tree, "val").entries) == 3


def test_without_folders_of_splits_all_three_are_made(tmp_path: Path) -> None:
    tree = class_tree(tmp_path, {"a": 20, "b": 10, "c": 3})
    splits = {split: names(listing(tree, split)) for split in ("train", "val", "test")}
    assert [len(part) for part in splits.values()] == [16 + 8 + 1, 2 + 1 + 1, 2 + 1 + 1]
    assert len(set(sum(splits.values(), []))) == 33
    assert splits["test"] == ["a/8=0", "a/18=0", "b/8=1", "c/1=2"], "every class is tested"


def test_classes_are_those_of_training_even_where_the_test_lacks_one(split_tree: Path) -> None:
    class_tree(split_tree / "train", {"bedroom": 1})
    test = listing(split_tree, "test")
    assert test.class_names == ("bedroom", "coast", "forest") and test.entries[0].answer == 1
    class_tree(split_tree / "test", {"street": 1})
    with pytest.raises(GlimpseError, match="test: class 'street' is not in .*train; expected the same classes"):
        listing(split_tree, "test")


def test_duplicates_are_left_out_of_the_test_alone_and_named(split_tree: Path) -> None:
    (split_tree / DUPLICATES).write_text(
        "# a line of explanation\n"
        "test/Coast/image_0001.jpg\ttrain/coast/image_0004.jpg\n"
        "test/forest/image_0003.jpg\ttrain/Forest/image_0000.jpg\n"
    )
    test = listing(split_tree, "test", duplicates=True, name="scene15")
    assert names(test) == ["coast/0=0", "coast/2=0", "forest/0=1", "forest/1=1", "forest/2=1"]
    assert test.name == "scene15 test" and test.skipped.reasons == {"duplicate": 2}
    assert "test/coast/image_0001.jpg: the same as train/coast/image_0004.jpg" in str(test.skipped)
    assert len(listing(split_tree, "train", every=0, duplicates=True).entries) == 20
    assert names(listing(split_tree, "test")) == names(test), "the list counts wherever it lies"


def test_a_list_of_duplicates_that_does_not_fit_or_is_not_there_is_refused(split_tree: Path) -> None:
    with pytest.raises(GlimpseError, match=f"{DUPLICATES}: cannot be read .* or classes:DIR$"):
        listing(split_tree, "test", duplicates=True)
    (split_tree / DUPLICATES).write_text("test/coast/image_0009.jpg\ttrain/coast/image_0004.jpg\n")
    with pytest.raises(GlimpseError, match="names 1 test images that are not there, such as test/coast/image_0009.jpg"):
        listing(split_tree, "test")
    assert len(listing(split_tree, "test", "skip").entries) == 7


def test_images_that_lie_beside_the_folders_are_counted(tmp_path: Path) -> None:
    tree = class_tree(tmp_path, {"a": 3, "b": 3})
    picture(tree / "stray.jpg")
    (tree / "notes.txt").write_text("hello")
    (tree / ".cache").mkdir()
    found = listing(tree, "train")
    assert found.class_names == ("a", "b") and found.skipped.reasons == {"no class": 1}
    assert "stray.jpg: lies beside the class folders" in str(found.skipped)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(
        GlimpseError, match="nowhere: is no folder; expected one with a folder of images for each class"
    ):
        listing(tmp_path / "nowhere", "train")
    with pytest.raises(GlimpseError, match="has 0 class folders; expected at least two"):
        listing(tmp_path, "train")
    class_tree(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "c").mkdir()
    with pytest.raises(GlimpseError, match="c: has no images; expected some in each of 3 class folders"):
        listing(tmp_path, "train")
    with pytest.raises(GlimpseError, match="split 'all'; expected one of train, val, test"):
        listing(tmp_path, "all")


def test_a_split_that_no_folder_holds_is_refused(tmp_path: Path) -> None:
    class_tree(tmp_path / "train", {"a": 2, "b": 2})
    with pytest.raises(GlimpseError, match="has no folder 'test'; expected it beside train"):
        listing(tmp_path, "test")


@pytest.mark.skipif(not (REAL / "scene15").is_dir(), reason="../shared/data/scene15 is not on this machine")
def test_the_real_scene15() -> None:
    test = listing(REAL / "scene15", "test", duplicates=True)
    assert len(test.entries) == 2985 - 11 and len(test.class_names) == 15 and test.skipped.count == 11
    train = listing(REAL / "scene15", "train", every=0)
    assert [[e.answer for e in train.entries].count(k) for k in range(15)] == [100] * 15
    one = test.entries[0].image.read_bytes()
    assert one not in {entry.image.read_bytes() for entry in train.entries if entry.answer == 0}
