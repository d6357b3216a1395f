"""The book-keeping of the loop: which stamps are new, what was asked and not yet answered, what belongs together.

No ROS in here. Stamps are integer nanoseconds, `now` is the steady clock in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..core.scene_frame import clamp_view
from ..core.types import Limits, Projection, View

Verdict = Literal["new", "repeated", "late", "backwards"]
SECOND = 1_000_000_000


@dataclass
class StampGuard:
    """Judges image stamps. A step back of more than `jitter` [ns] is time running backwards: a bag that loops."""

    jitter: int = SECOND // 10
    newest: int | None = None

    def judge(self, stamp: int) -> Verdict:
        """`backwards` makes this stamp the newest; `late` and `repeated` change nothing."""
        if self.newest is None or stamp > self.newest:
            self.newest = stamp
            return "new"
        if stamp == self.newest:
            return "repeated"
        if self.newest - stamp <= self.jitter:
            return "late"
        self.newest = stamp
        return "backwards"


def age(stamp: int, clock: int) -> float | None:
    """Seconds from `stamp` to `clock` [ns]; None where they are more than a day apart, so of different clocks.

    Such is a bag played back without /clock: how old its frames are cannot be told.
    """
    seconds = (clock - stamp) / SECOND
    return seconds if abs(seconds) < 86_400.0 else None


@dataclass
class Asking:
    """A question that waits for its answer, and when to ask again: after `first` seconds, then ever longer.

    The wait doubles up to `longest`, so however long an answer is missing the load stays small, and one that becomes
    possible later (a policy node started last) is had within `longest` seconds.
    """

    key: tuple[str, int]  # frame_id, stamp
    asked: float
    first: float = 0.5
    longest: float = 4.0
    repeats: int = 0

    def due(self, now: float) -> bool:
        """Whether to ask again; says so once per wait."""
        if now - self.asked < min(self.first * 2.0**self.repeats, self.longest):
            return False
        self.asked = now
        self.repeats = min(self.repeats + 1, 62)
        return True

    def answered_by(self, frame_id: str, stamp: int) -> bool:
        """Whether an answer with this header is to this question."""
        return (frame_id, stamp) == self.key


class Matcher:
    """Puts messages of equal stamp from several topics together; keeps one message per topic."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self._newest: dict[str, tuple[int, Any]] = {}

    def put(self, topic: str, stamp: int, message: Any) -> Mapping[str, Any] | None:
        """The full set by topic, once all have this stamp [ns]. A topic heard again after that gives the set again."""
        self._newest[topic] = (stamp, message)
        if any(self._newest.get(other, (None, None))[0] != stamp for other in self.topics):
            return None
        return {other: self._newest[other][1] for other in self.topics}


@dataclass
class AnswerGuard:
    """Lets only views inside the limits through, and counts those that were not."""

    many: int = 5  # bad answers in a row that make an error
    dropped: int = 0
    in_a_row: int = 0
    slack: float = 1e-4  # float32 graphs round at the limits
    reason: str = field(default="", init=False)

    def good(self, view: View, limits: Limits, projection: Projection) -> bool:
        """Whether to use it; `View` itself refuses what is not finite."""
        if all(math.isfinite(v) for v in (view.x, view.y, view.s)):
            inside = clamp_view(view, limits, projection)
            off_x = abs(inside.x - view.x)
            if projection == "spherical":
                off_x = min(off_x, abs(2.0 - off_x))
            if max(off_x, abs(inside.y - view.y), abs(inside.s - view.s)) <= self.slack:
                self.in_a_row = 0
                return True
        self.bad(f"view ({view.x:.4g}, {view.y:.4g}, {view.s:.4g}) is outside the limits")
        return False

    def bad(self, reason: str) -> None:
        """Count a bad answer."""
        self.reason = reason
        self.dropped += 1
        self.in_a_row += 1

    @property
    def broken(self) -> bool:
        """Whether many in a row were bad."""
        return self.in_a_row >= self.many
