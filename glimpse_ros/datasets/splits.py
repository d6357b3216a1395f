"""Which images train, validate and test where a data set does not say: by their place in the order, always the same."""

from __future__ import annotations

from typing import TypeVar

from ..core.types import GlimpseError

SPLITS = ("train", "val", "test")
EVERY = 10  # one of so many is held out to validate, and one to test
T = TypeVar("T")


def check_split(where: object, split: str) -> None:
    """Raise GlimpseError for an unknown one; `where` begins the sentence."""
    if split not in SPLITS:
        raise GlimpseError(f"{where}: split {split!r}; expected one of {', '.join(SPLITS)}")


def part(items: list[T], split: str, every: int = EVERY, test: bool = True) -> list[T]:
    """The split's items: of every so many in order the last one validates, and with `test` the last but one tests.

    Fewer items than `every` are held out as if there were as many; too few for all splits all train, as for every = 0.
    """
    held = ("val", "test") if test else ("val",)
    step = min(every, len(items))
    if step <= len(held):
        return items if split == "train" else []
    place = {name: step - 1 - i for i, name in enumerate(held)}
    if split == "train":
        return [item for i, item in enumerate(items) if i % step not in place.values()]
    return items[place[split] :: step] if split in place else []
