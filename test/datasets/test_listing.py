"""Reading a listing: sizes, order, what is missing or broken, and what is not passed over."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tree_making import labels, picture

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.label_maps import VOID, Unreadable, plain_table
from glimpse_ros.datasets.listing import (
    Entry,
    Listing,
    by_stem,
    check_missing,
    complete,
    evenly,
    own_size,
    paired,
    read,
)
from glimpse_ros.datasets.skipped import Skipped


def listing(folder: Path, count: int = 3, **more) -> Listing:
    """Images 0.png ... with maps of the ids 0, 1 and 9 for void."""
    entries = []
    for i in range(count):
        labels(folder / "maps" / f"{i}.png", (0, 1, 9, 9))
        entries.append(Entry(picture(folder / f"{i}.png", 10 * i), folder / "maps" / f"{i}.png"))
    return Listing("tiny", entries, ("a", "b"), table=plain_table(2, 9), ids="0, 1 and 9", **more)


def test_images_shrink_by_area_and_maps_by_nearest_in_order(tmp_path: Path) -> None:
    found = read(listing(tmp_path, 9), (6, 8))
    assert [int(image[0, 0, 0]) for image in found.images] == [10 * i for i in range(9)]
    assert found.images[0].shape == (6, 8, 3) and found.images[4][2, 2].tolist() == [40, 60, 80]
    assert found.maps is not None and found.maps[0][0].tolist() == [0, 0, 1, 1] + [VOID] * 4
    assert found.answers is None and found.skipped.count == 0 and found.projection == "planar"
    sharp = np.zeros((12, 16, 3), np.uint8)
    sharp[:, ::2] = 200
    cv2.imwrite(str(tmp_path / "0.png"), sharp)
    assert (read(listing_of(tmp_path / "0.png"), (6, 8)).images[0] == 100).all(), "area averages columns in pairs"


def listing_of(*paths: Path, **more) -> Listing:
    return Listing("tiny", [Entry(path) for path in paths], **more)


def test_the_own_size_is_that_of_the_first_readable_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no")
    found = listing_of(tmp_path / "a.png", picture(tmp_path / "b.png", size=(20, 30)))
    assert own_size(found) == (20, 30)
    with pytest.raises(GlimpseError, match="^tiny: no readable image among its 1 files$"):
        own_size(listing_of(tmp_path / "a.png"))


def test_labels_of_another_size_are_refused_with_both_names(tmp_path: Path) -> None:
    tiny = listing(tmp_path, missing="skip")
    labels(tmp_path / "maps" / "1.png", (0,), (24, 32))
    with pytest.raises(GlimpseError) as error:
        read(tiny, (6, 8))
    where = tmp_path / "maps" / "1.png"
    what = "has 24x32 pixels, its image 1.png has 12x16; expected labels of the image's size"
    assert str(error.value) == f"{where}: {what}"


def test_a_label_outside_the_list_is_refused_even_where_files_may_be_skipped(tmp_path: Path) -> None:
    tiny = listing(tmp_path, missing="skip")
    labels(tmp_path / "maps" / "2.png", (0, 5))
    with pytest.raises(GlimpseError, match=r"2.png: holds the label 5 \(row 0, column 8\); expected 0, 1 and 9$"):
        read(tiny, (6, 8))


@pytest.mark.parametrize("broken", ["1.png", "maps/1.png"])
def test_files_that_do_not_decode_are_refused_or_skipped_by_name(tmp_path: Path, broken: str) -> None:
    careful, careless = listing(tmp_path), listing(tmp_path, missing="skip")
    (tmp_path / broken).write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(Unreadable, match=broken):
        read(careful, (6, 8))
    found = read(careless, (6, 8))
    assert len(found.images) == len(found.maps or ()) == 2 and found.skipped.count == 1
    assert str(tmp_path / broken) in str(found.skipped) and "1 unreadable" in str(found.skipped)


def test_nothing_left_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(GlimpseError, match="^tiny: no readable image among its 1 files$"):
        read(listing_of(tmp_path / "a.png", missing="skip"), (6, 8))


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    for i in range(4):
        picture(tmp_path / "images" / f"{i}.jpg")
    for i in (1, 3, 4):
        labels(tmp_path / "maps" / f"{i}.png")
    images, maps = by_stem(tmp_path / "images", "images"), by_stem(tmp_path / "maps", "maps")
    entries = paired(images, maps, lambda k: tmp_path / "images" / f"{k}.jpg", lambda k: tmp_path / "maps" / f"{k}.png")
    assert len(entries) == 5
    with pytest.raises(GlimpseError) as error:
        complete(entries, tmp_path, "refuse", Skipped())
    said = str(error.value)
    assert said.startswith(f"{tmp_path}: 3 missing (maps/0.png: does not exist, 0.jpg does; maps/2.png: ")
    assert "images/4.jpg: does not exist, 4.png does)" in said and said.endswith("or missing=skip")
    skipped = Skipped()
    assert [entry.image.stem for entry in complete(entries, tmp_path, "skip", skipped)] == ["1", "3"]
    assert skipped.reasons == {"missing": 3} and "maps/2.png" in str(skipped)


def test_projection_is_told_by_the_sizes_unless_the_data_set_says(tmp_path: Path) -> None:
    flat, round_about = picture(tmp_path / "a.png"), picture(tmp_path / "b.png", size=(10, 20))
    assert read(listing_of(round_about), (6, 8)).projection == "spherical"
    assert read(listing_of(flat, round_about), (6, 8)).projection == "planar"
    assert read(listing_of(round_about, projection="planar"), (6, 8)).projection == "planar"


def test_a_count_is_spaced_evenly() -> None:
    entries = [Entry(Path(str(i))) for i in range(10)]
    assert [entry.image.name for entry in evenly(entries, 4)] == ["0", "2", "5", "7"]
    assert evenly(entries, None) == evenly(entries, 10) == evenly(entries, 99) == entries


def test_refusals(tmp_path: Path) -> None:
    assert check_missing("x", "skip") == "skip"
    with pytest.raises(GlimpseError, match="^x: missing 'ignore'; expected one of refuse, skip$"):
        check_missing("x", "ignore")
    with pytest.raises(GlimpseError, match="nowhere: is no folder; expected pictures$"):
        by_stem(tmp_path / "nowhere", "pictures")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GlimpseError, match="empty has no images"):
        by_stem(tmp_path / "empty", "pictures")
