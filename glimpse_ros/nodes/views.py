"""Where a camera looked at an image's stamp, and whether it has arrived where it was sent. No ROS in here."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..core.types import PanTiltZoom


@dataclass
class JointMerger:
    """Partial and NaN joint messages put together: each axis keeps its last finite value.

    names: those of pan, tilt and zoom. Until pan and tilt were both heard there is no view; a camera that never tells
    its zoom stands at 1, the widest.
    """

    names: tuple[str, str, str] = ("pan", "tilt", "zoom")
    last: dict[str, float] = field(default_factory=dict)

    def merge(self, names: Sequence[str], positions: Sequence[float]) -> PanTiltZoom | None:
        """The view after this message, None where pan or tilt is still unknown. Other joints are ignored."""
        for name, position in zip(names, positions, strict=False):  # in a message from anywhere either may be longer
            if name in self.names and math.isfinite(position):
                self.last[name] = float(position)
        pan, tilt, zoom = self.names
        if pan not in self.last or tilt not in self.last:
            return None
        return PanTiltZoom(self.last[pan], self.last[tilt], max(1.0, self.last.get(zoom, 1.0)))

    def follow(self, names: Sequence[str], positions: Sequence[float], here: PanTiltZoom | None) -> PanTiltZoom | None:
        """The same for a command: what it leaves open stays as commanded before, or at first as it is `here`.

        None also where it holds no finite number at all.
        """
        if not any(name in self.names and math.isfinite(p) for name, p in zip(names, positions, strict=False)):
            return None
        if here is not None and not self.last:
            self.merge(self.names, (here.pan, here.tilt, here.zoom))
        return self.merge(names, positions)


class ViewRing:
    """The newest states of a camera by stamp, a fixed number of them. Filled from one thread, asked from another."""

    def __init__(self, capacity: int = 256) -> None:
        self._states: deque[tuple[int, PanTiltZoom]] = deque(maxlen=capacity)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._states)

    def clear(self) -> None:
        """Forget all states."""
        with self._lock:
            self._states.clear()

    def add(self, stamp: int, ptz: PanTiltZoom) -> None:
        """Take in the state at `stamp` [ns]. The same stamp again replaces; an older one means that time was set back,
        and what was known is forgotten."""
        with self._lock:
            if self._states and stamp < self._states[-1][0]:
                self._states.clear()
            elif self._states and stamp == self._states[-1][0]:
                self._states.pop()
            self._states.append((stamp, ptz))

    def newest(self) -> tuple[int, PanTiltZoom] | None:
        """Stamp [ns] and view of the newest state."""
        with self._lock:
            return self._states[-1] if self._states else None

    def at(self, stamp: int, hold: int) -> PanTiltZoom | None:
        """The view at `stamp` [ns], interpolated; None where it is not known.

        hold: how long [ns] a state stays true beyond the ends of the ring.
        """
        with self._lock:
            states = tuple(self._states)
        if not states:
            return None
        first, last = states[0], states[-1]
        if stamp >= last[0]:
            return last[1] if stamp - last[0] <= hold else None
        if stamp <= first[0]:
            return first[1] if first[0] - stamp <= hold else None
        for (t0, before), (t1, after) in zip(states[-2::-1], states[:0:-1], strict=True):
            if t0 <= stamp:
                return before if stamp == t0 else _between(before, after, (stamp - t0) / (t1 - t0))
        return None


def _between(a: PanTiltZoom, b: PanTiltZoom, t: float) -> PanTiltZoom:
    """Linear in each axis; pan takes the shorter way round, for mounts that report it wrapped."""
    turn = (b.pan - a.pan + math.pi) % (2.0 * math.pi) - math.pi
    way = b.pan - a.pan if abs(b.pan - a.pan) <= math.pi else turn
    return PanTiltZoom(a.pan + t * way, a.tilt + t * (b.tilt - a.tilt), a.zoom + t * (b.zoom - a.zoom))


@dataclass
class Settling:
    """Whether frames already show the view that was asked for; both ways of saying yes are bounded.

    tolerance [rad] holds for pan and tilt, zoom_tolerance is relative. A frame counts once the camera has been within
    them for `dwell` [ns of the frames' stamps]; after `timeout` [s, steady clock] any frame does, at its real view.
    """

    target: PanTiltZoom
    began: float  # steady clock [s]
    tolerance: float = 0.01
    zoom_tolerance: float = 0.02
    dwell: int = 0
    timeout: float = 5.0
    near_since: int | None = None

    def near(self, ptz: PanTiltZoom) -> bool:
        """Whether `ptz` is the target within tolerance, pan by the shorter way round."""
        pan = abs((ptz.pan - self.target.pan + math.pi) % (2.0 * math.pi) - math.pi)
        tilt = abs(ptz.tilt - self.target.tilt)
        zoom = abs(ptz.zoom / self.target.zoom - 1.0)
        return pan <= self.tolerance and tilt <= self.tolerance and zoom <= self.zoom_tolerance

    def judge(self, stamp: int, ptz: PanTiltZoom, now: float) -> Literal["settled", "moving", "timeout"]:
        """For a frame of `stamp` [ns] that was taken at `ptz`; `now` is the steady clock [s]."""
        if self.near(ptz):
            if self.near_since is None:
                self.near_since = stamp
            if stamp - self.near_since >= self.dwell:
                return "settled"
        else:
            self.near_since = None
        return "timeout" if now - self.began > self.timeout else "moving"
