"""What a node has to tell about itself: counters, problems and silences, for the log and for /diagnostics. No ROS."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

OK, WARN, ERROR = 0, 1, 2  # as in diagnostic_msgs/DiagnosticStatus


class Health:
    """Counters and standing problems of one node. Used from its two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._values: dict[str, str] = {}
        self._problems: dict[str, tuple[int, str]] = {}

    def count(self, name: str, n: int = 1) -> int:
        """Add to a counter and return it."""
        with self._lock:
            self._counts[name] += n
            return self._counts[name]

    def counted(self, name: str) -> int:
        """The counter's value."""
        return self._counts[name]

    def tell(self, name: str, value: object) -> None:
        """Set a value to be shown beside the counters."""
        with self._lock:
            self._values[name] = str(value)

    def problem(self, key: str, level: int, text: str) -> bool:
        """State a problem that lasts until `solved`; True where it is new or its level has changed: time to log it."""
        with self._lock:
            fresh = self._problems.get(key, (OK, ""))[0] != level
            self._problems[key] = (level, text)
            return fresh

    def solved(self, key: str) -> bool:
        """The problem is gone; True where there was one."""
        with self._lock:
            return self._problems.pop(key, None) is not None

    def clear(self) -> None:
        """Forget all problems; counters and values go on."""
        with self._lock:
            self._problems.clear()

    def report(self) -> tuple[int, str, dict[str, str]]:
        """Worst level, one line of text, and the values."""
        with self._lock:
            problems = sorted(self._problems.values(), key=lambda p: -p[0])
            values = {**self._values, **{name: str(n) for name, n in sorted(self._counts.items())}}
        return (problems[0][0] if problems else OK), "; ".join(text for _, text in problems) or "ok", values


@dataclass
class Silence:
    """A watchdog on the steady clock [s]: how long nothing was heard."""

    limit: float
    heard: float

    def hear(self, now: float) -> None:
        """Something came."""
        self.heard = now

    def quiet(self, now: float) -> float | None:
        """Seconds of silence where they are above the limit; a limit of 0 or less never complains."""
        gone = now - self.heard
        return gone if 0.0 < self.limit < gone else None


class Reporter(Protocol):
    """Who is told: a node, or a test."""

    health: Health

    def problem(self, key: str, level: int, text: str) -> None:
        """A standing problem."""

    def solved(self, key: str, text: str = "") -> None:
        """It is gone."""

    def note(self, text: str) -> None:
        """Something to be said once."""
