"""A camera that remembers its last frames, so that a report can show the scene as it was at each glimpse.

A recording that ends before the budget is spent stands still at its last frame: a bag with one image in it is a scene
as well.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .cameras.base import Camera
from .core.retina import bounded
from .core.scene_frame import SceneFrame
from .core.types import Frame, PanTiltZoom

RECENT = 32  # frames that may still be on their way through the graph
SIDE = 1024  # [px] frames are kept no larger
TICK = 33_000_000  # [ns] from the last frame to its first repetition


class Watched:
    """Passes everything on to `camera`. Frames are remembered of a wide camera only: a PTZ's are not the scene.

    `repeats`: whether the last frame stands for ever; without, it does until a glimpse was kept, as one frame may be
    lost on its way. `read` may be called in another thread than `keep`.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.scene: SceneFrame = camera.scene
        self.kind: Literal["ptz", "wide"] = camera.kind
        self.truth: NDArray[np.uint8] | None = camera.truth
        self._recent: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()  # by stamp [ns]
        self._kept: list[NDArray[np.uint8]] = []
        self._stamp: int | None = None  # of the newest kept
        self.repeats = True
        self._newest: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None  # as read, as remembered
        self._lock = threading.Lock()
        self._last: Frame | None = None
        self._ended: int | None = None  # when the source had no more [ns]
        self.held = 0  # glimpses kept of the time after it

    def keep(self, stamp: int) -> None:
        """A glimpse was taken from the frame of this stamp [ns]."""
        if self.kind == "wide":
            with self._lock:
                if self._recent:
                    newest = next(reversed(self._recent.values()))
                    same = stamp == self._stamp  # many glimpses of one frame: by now it may be long ago
                    self._kept.append(self._kept[-1] if same else self._recent.get(stamp, newest))
                    self._stamp = stamp
                    self.held += self._ended is not None and self._last is not None and stamp > self._last.stamp

    def still(self) -> NDArray[np.uint8] | None:
        """(H, W, 3) the scene, where it is known and was the same at every glimpse."""
        if self.truth is not None or not self._kept:
            return self.truth
        return self._kept[0] if all(image is self._kept[0] for image in self._kept) else None

    def moving(self) -> list[NDArray[np.uint8]] | None:
        """The scene at each glimpse kept, where it changed in between."""
        return None if not self._kept or self.still() is not None else list(self._kept)

    def read(self, now: int) -> Frame | None:
        """Of the camera; a wide one's last frame, with ever new stamps, once it has ended."""
        frame = self.camera.read(now) if self._ended is None else None
        if frame is None and self.kind == "wide" and self._last is not None and (self.repeats or not self._kept):
            if self._ended is None:
                self._ended = now
            frame = Frame(self._last.image, self._last.stamp + max(0, now - self._ended) + TICK)
        elif frame is not None:
            self._last = frame
        if frame is not None and self.kind == "wide":
            with self._lock:
                if self._newest is None or self._newest[0] is not frame.image:
                    self._newest = (frame.image, bounded(frame.image, SIDE))
                self._recent[frame.stamp] = self._newest[1]
                while len(self._recent) > RECENT:
                    self._recent.popitem(last=False)
        return frame

    def command(self, ptz: PanTiltZoom, now: int) -> None:
        """Of the camera."""
        self.camera.command(ptz, now)

    def state(self, now: int) -> PanTiltZoom | None:
        """Of the camera."""
        return self.camera.state(now)

    def settled(self, now: int) -> bool:
        """Of the camera."""
        return self.camera.settled(now)

    def close(self) -> None:
        """Of the camera."""
        self.camera.close()
