"""Cameras that see their whole scene at once: an image, a folder, a video, a USB camera. Cropped, never moved."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.scene_frame import SceneFrame
from ..core.types import Frame, GlimpseError, MountLimits, PanTiltZoom
from ..datasets.skipped import Skipped
from .footage import open_footage
from .playback import SECOND, Elapsed

HFOV = math.radians(60.0)
MAX_ZOOM = 64.0  # how far a crop may narrow; a scene model and its policy have their own, tighter range


def wide_scene(hfov: float, height: int, width: int) -> SceneFrame:
    """The planar scene of an image whose width spans `hfov` [rad]: zoom 1 is the whole width, s = 1."""
    if not 0.0 < hfov < math.pi:
        raise GlimpseError(
            f"horizontal field of view {math.degrees(hfov):.1f} deg: expected more than 0, less than 180"
        )
    vfov = 2.0 * math.atan(math.tan(hfov / 2.0) * height / width)
    return SceneFrame("planar", h0=hfov, scene_fov=(hfov, vfov), mount=MountLimits(zoom=(1.0, MAX_ZOOM)))


class StillCamera:
    """What all cameras that do not move have in common."""

    kind: Literal["ptz", "wide"] = "wide"
    truth: NDArray[np.uint8] | None = None

    def command(self, ptz: PanTiltZoom, now: int) -> None:
        """It does not move."""

    def state(self, now: int) -> PanTiltZoom | None:
        """It has no pose."""
        return None

    def settled(self, now: int) -> bool:
        """Always."""
        return True


class WideCamera(StillCamera):
    """An image, a folder of images or a video.

    Frames are stamped on the reader's clock, one every `period` [ns] from the first read on. An image never ends.
    """

    def __init__(self, source: str, *, hfov: float = HFOV, rate: float | None = None, loop: bool = False) -> None:
        """
        source: path. hfov: horizontal field of view [rad]; the vertical one follows from the first frame's shape.
        rate: frames per second; None: the video's own, 2 for a folder, 10 for an image. loop: begin again at the end.
        Raises GlimpseError where there is nothing to see.
        """
        if rate is not None and not rate > 0:
            raise GlimpseError(f"frame rate {rate}: expected more than 0")
        self.skipped = Skipped()
        self._footage = open_footage(Path(source), loop, self.skipped)
        self.period = round(SECOND / (rate or self._footage.rate))
        first = self._footage.at(0)
        if first is None:
            raise GlimpseError(f"input {source} has no readable image: {self.skipped or 'it is empty'}")
        self.scene = wide_scene(hfov, first.shape[0], first.shape[1])
        self._image, self._index = first, 0
        self._elapsed = Elapsed()

    def read(self, now: int) -> Frame | None:
        """The newest frame at `now` [ns], the same one until the next is due; None after the last one's time."""
        due = self._elapsed(now) // self.period
        if due > self._index:
            image = self._footage.at(due)
            if image is None:
                return None
            self._image, self._index = image, due
        return Frame(self._image, self._elapsed.stamp(self._index * self.period))

    def close(self) -> None:
        """Let go of the file."""
        self._footage.close()


class UsbCamera(StillCamera):
    """A camera that OpenCV can open: `0`, `1`, … or a device's path."""

    def __init__(
        self,
        source: str,
        *,
        hfov: float = HFOV,
        width: int | None = None,
        height: int | None = None,
        rate: float | None = None,
    ) -> None:
        """
        source: number or path of the device. hfov: horizontal field of view [rad]. width, height [pixels], rate [Hz]:
        asked of the device, which may choose otherwise. Raises GlimpseError where it cannot be opened.
        """
        self._name = str(source)
        self._capture = cv2.VideoCapture(int(self._name) if self._name.isdigit() else self._name)
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, width),
            (cv2.CAP_PROP_FRAME_HEIGHT, height),
            (cv2.CAP_PROP_FPS, rate),
            (cv2.CAP_PROP_BUFFERSIZE, 1),  # the newest frame, not the oldest
        ):
            if value is not None:
                self._capture.set(key, value)
        first = self._grab() if self._capture.isOpened() else None
        if first is None:
            self._capture.release()
            raise GlimpseError(
                f"USB camera {self._name} cannot be opened: expected one that is plugged in, readable and not in use"
            )
        self.scene = wide_scene(hfov, first.shape[0], first.shape[1])

    def read(self, now: int) -> Frame | None:
        """The next frame of the device, stamped `now` [ns]; waits for it. None: it was unplugged."""
        image = self._grab()
        return None if image is None else Frame(image, now)

    def close(self) -> None:
        """Release the device."""
        self._capture.release()

    def _grab(self) -> NDArray[np.uint8] | None:
        ok, bgr = self._capture.read()
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8) if ok and bgr is not None else None
