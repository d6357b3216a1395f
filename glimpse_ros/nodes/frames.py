"""Which frames are used: new ones, and fresh ones. No ROS in here."""

from __future__ import annotations

from typing import Literal

from .episode import StampGuard, age
from .health import WARN, Reporter


class FrameGate:
    """Judges frames by their stamps [ns]; says and counts what it turns away."""

    def __init__(self, max_age: float, reporter: Reporter) -> None:
        """max_age: [s] on the node's clock, 0: any."""
        self.max_age, self.reporter = max_age, reporter
        self.guard = StampGuard()

    def judge(self, stamp: int, clock: int) -> Literal["use", "drop", "jump"]:
        """`jump`: time was set back, and the frame may be used; clock: the node's [ns]."""
        count = self.reporter.health.count
        verdict = self.guard.judge(stamp)
        if verdict in ("repeated", "late"):
            count(f"frames {verdict}")
            return "drop"
        if verdict == "backwards":
            count("time jumps back")
            self.reporter.note("time jumped back (a bag that loops?): the memory of the scene is reset")
            return "jump"
        old = age(stamp, clock)
        if old is not None and 0.0 < self.max_age < old:
            count("frames stale")
            text = f"frames are stale: {old:.1f} s old on this node's clock; none is used"
            self.reporter.problem("stale", WARN, text)
            return "drop"
        self.reporter.solved("stale", "frames are fresh again")
        return "use"
