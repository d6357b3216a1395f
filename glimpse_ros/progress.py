"""What is being done, said on stderr once it takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

QUIET = 2.0  # [s] nothing is said before
EVERY = 2.0  # [s] between lines where stderr is not a terminal; a terminal's line is rewritten


class Progress:
    """A context manager around something long. On a terminal one line that changes, elsewhere a line now and then."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._terminal = self._out.isatty()
        self._started = time.monotonic()
        self._said = -EVERY
        self._width = 0

    def __call__(self, what: str, done: int | None = None, of: int | None = None) -> None:
        """Say what is being done now, and how much of it is."""
        since = time.monotonic() - self._started
        if since < QUIET or (not self._terminal and since - self._said < EVERY):
            return
        self._said = since
        count = "" if done is None else f" {done}/{of}" if of is not None else f" {done}"
        line = f"{what}{count} ({since:.0f} s)"
        if self._terminal:
            self._out.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self._out.write(line + "\n")
        self._out.flush()

    def __enter__(self) -> Progress:
        return self

    def clear(self) -> None:
        """Take the terminal's line away, for something else to be printed."""
        if self._width:
            self._out.write("\r" + " " * self._width + "\r")
            self._out.flush()
            self._width = 0

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        """Leave a clean line."""
        self.clear()
