"""Splits by place in the order: no item in two of them, none lost, the same every time."""

from __future__ import annotations

import pytest

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.splits import SPLITS, check_split, part


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 9, 10, 11, 25, 200])
@pytest.mark.parametrize("test", [True, False])
def test_every_item_is_in_one_split(count: int, test: bool) -> None:
    items = list(range(count))
    parts = [part(items, split, test=test) for split in SPLITS]
    assert sorted(sum(parts, [])) == items
    assert parts[0] or not items, "something always trains"
    assert bool(parts[1]) == (count >= (3 if test else 2)) and bool(parts[2]) == (test and count >= 3)


def test_one_of_ten_validates_and_one_tests() -> None:
    items = list(range(30))
    assert part(items, "val") == [9, 19, 29] and part(items, "test") == [8, 18, 28]
    assert part(items, "val", test=False) == [9, 19, 29] and 8 in part(items, "train", test=False)
    assert part(items, "val", every=5) == [4, 9, 14, 19, 24, 29]
    assert part(items, "train", every=0) == items and part(items, "val", every=0) == []


def test_an_unknown_split_is_refused() -> None:
    check_split("here", "val")
    with pytest.raises(GlimpseError, match="^here: split 'validation'; expected one of train, val, test$"):
        check_split("here", "validation")
