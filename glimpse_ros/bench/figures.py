"""Figures, their goals, and the table of them."""

from __future__ import annotations

import math
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Settings:
    """What is measured, and how much of it."""

    model: str = "mosaic"
    policy: str = "uncertainty"
    provider: str = "auto"
    rounds: int = 12  # episodes for each size of input
    glimpses: int = 50  # of such an episode
    seconds: float = 20.0  # that latency is measured for
    overload: float = 6.0  # and with a loop that is too slow for the camera
    runs: int = 3  # closed loops, of
    closed: int = 50  # glimpses each
    frames: int = 10_000  # for the memory
    warm_up: int = 500  # of these


QUICK: dict[str, Any] = {"rounds": 2, "seconds": 4.0, "overload": 3.0, "runs": 1, "frames": 1500}


@dataclass(frozen=True)
class Figure:
    """One number. Its goal is to be at least `low` and at most `high`, as far as they are given."""

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None where there is no goal."""
        if self.low is None and self.high is None:
            return None
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)

    @property
    def of_goal(self) -> float | None:
        """The value over a one-sided goal."""
        goal = self.high if self.low is None else self.low if self.high is None else None
        return self.value / goal if goal else None

    def goal(self) -> str:
        """In words; empty where there is none."""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.low is not None:
            return f">= {self.low:g}"
        return f"<= {self.high:g}" if self.high is not None else ""

    def line(self) -> str:
        """Of the table."""
        met = {None: "", True: "met", False: "NOT MET"}[self.met]
        of_goal = "" if self.of_goal is None else f"{self.of_goal:.2f}"
        text = (
            f"  {self.name:<50}{number(self.value):>8} {self.unit:<4}{self.goal():>12}{of_goal:>9}  {met:<8}{self.note}"
        )
        return text.rstrip()

    def json(self) -> dict[str, Any]:
        """For the file."""
        return {**asdict(self), "met": self.met, "of_goal": self.of_goal}


HEAD = f"  {'':<50}{'':>8} {'':<4}{'goal':>12}{'of goal':>9}"


def number(value: float) -> str:
    """Three digits or so."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed (nearest rank). Raises ValueError if empty."""
    ranked = sorted(values)
    if not ranked:
        raise ValueError("no values")
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def median(values: Sequence[float]) -> float:
    """Nearest rank."""
    return percentile(values, 0.5)


def cpu_model() -> str:
    """The processor's name, as far as the system tells."""
    try:
        found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
