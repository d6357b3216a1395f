"""Progress is quiet at first, rewrites a terminal's line and is sparing elsewhere."""

from __future__ import annotations

import io

import pytest

from glimpse_ros import progress


class Clock:
    """A monotonic clock that the test sets."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_nothing_is_said_in_the_first_two_seconds(clock: Clock) -> None:
    out = io.StringIO()
    with progress.Progress(out) as say:
        clock.now += 1.9
        say("loading")
    assert out.getvalue() == ""


def test_a_file_gets_a_line_every_two_seconds(clock: Clock) -> None:
    out = io.StringIO()
    with progress.Progress(out) as say:
        for k in range(10):
            clock.now += 0.75
            say("glimpse", k + 1, 10)
    assert out.getvalue() == "glimpse 3/10 (2 s)\nglimpse 6/10 (4 s)\nglimpse 9/10 (7 s)\n"


def test_a_terminal_has_one_line_that_is_taken_away(clock: Clock) -> None:
    out = Terminal()
    with progress.Progress(out) as say:
        clock.now += 3
        say("a long thing", 1)
        clock.now += 0.1
        say("short")
    first, second, blank, end = out.getvalue().split("\r")[1:]
    assert first == "a long thing 1 (3 s)" and second.rstrip() == "short (3 s)" and len(second) == len(first)
    assert blank.strip() == "" and end == ""
