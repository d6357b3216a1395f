"""Time in a recording: what is due when, whatever clock the reader has."""

from __future__ import annotations

from collections.abc import Iterator

from ..datasets.bag_reader import BagError, BagMessage

SECOND = 1_000_000_000


class Elapsed:
    """Nanoseconds since the first `now` it was given. A clock set back neither stalls nor rewinds it."""

    def __init__(self) -> None:
        self._start: int | None = None
        self._last = 0

    def __call__(self, now: int) -> int:
        """Time played so far [ns]."""
        if self._start is None:
            self._start = self._last = now
        if now < self._last:
            self._start -= self._last - now
        self._last = now
        return now - self._start

    def stamp(self, elapsed: int) -> int:
        """The reader's clock at a time played [ns]."""
        return (self._start or 0) + elapsed

    def restart(self) -> None:
        """The next `now` is the beginning."""
        self._start = None


class Reel:
    """Messages of a bag, each with the time [ns] at which it is played; pauses longer than `gap` [ns] are cut to it."""

    def __init__(self, messages: Iterator[BagMessage], speed: float, gap: int) -> None:
        """speed: seconds recorded per second played."""
        self._messages, self._speed, self._gap = messages, speed, gap
        self.broken: BagError | None = None  # why it ended early
        self._given: BagMessage | None = None
        self._given_at = 0
        self._pause = 0
        self._next = self._fetch()
        self._next_at = 0

    def newest(self, elapsed: int) -> BagMessage | None:
        """The newest message that is due and was not given yet; those before it are dropped."""
        newest = None
        while self._next is not None and self._next_at <= elapsed:
            newest = self._given = self._next
            self._given_at = self._next_at
            self._next = self._fetch()
            if self._next is not None:
                self._pause = round(min(max(self._next.time - newest.time, 0), self._gap) / self._speed)
                self._next_at += self._pause
        return newest

    def over(self, elapsed: int) -> bool:
        """Whether the last message has been given and has had as long as the one before it; a lone one has a second."""
        return self._next is None and elapsed > self._given_at + (self._pause or SECOND)

    def clock(self, elapsed: int) -> int:
        """The time of the recording [ns]."""
        if self._given is None:
            return self._next.time if self._next is not None else 0
        time = self._given.time + round((elapsed - self._given_at) * self._speed)
        return time if self._next is None else min(time, self._next.time)

    def _fetch(self) -> BagMessage | None:
        try:
            return next(self._messages, None)
        except BagError as err:
            self.broken = err
            return None
