"""A camera that plays a bag. Where the bag tells pan, tilt and zoom it is a PTZ camera on its recorded way.

Frames keep their header stamps, as they are: a bag that jumps back in time, or begins again, shows it. The pace is that
of the recording.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..core.pixels import ImageError
from ..core.scene_frame import SceneFrame
from ..core.types import Frame, GlimpseError, MountLimits, PanTiltZoom
from ..datasets.bag_poses import Lens, read_lens
from ..datasets.bag_reader import Bag, BagError
from ..datasets.bags import JOINTS, camera_of, choose_topic, frame_from, thin
from ..datasets.skipped import Skipped
from .playback import SECOND, Elapsed, Reel
from .wide import HFOV, wide_scene


class BagCamera:
    """See the module. `topic` is the one that plays; `skipped` counts the images on it that could not be used."""

    truth: NDArray[np.uint8] | None = None

    def __init__(
        self,
        source: str,
        *,
        topic: str | None = None,
        rate: float | None = None,
        speed: float = 1.0,
        loop: bool = False,
        ptz: bool = True,
        joints: tuple[str, str, str] = JOINTS,
        states: str | None = None,
        h0: float | None = None,
        hfov: float | None = None,
        max_gap: float = 5.0,
    ) -> None:
        """
        source: a bag file, or the folder of a ROS 2 bag. topic: of images; None chooses one.
        rate: at most so many frames per recorded second [Hz]; None: all. speed: seconds recorded per second played.
        ptz: whether joint states make it a PTZ camera; joints: their names; states: their topic, None finds it.
        h0 [rad] at zoom 1 over the smaller side (PTZ), hfov [rad] (wide): None takes CameraInfo's, else 60 deg.
        max_gap [s]: longer pauses of the recording are cut to it. Raises BagError where there is nothing to play.
        """
        if not (speed > 0 and max_gap > 0 and (rate is None or rate > 0)):
            raise GlimpseError(f"bag camera: expected speed, rate and max_gap above 0, not {speed}, {rate}, {max_gap}")
        self.skipped = Skipped()
        self._rate, self._speed, self._loop, self._gap = rate, speed, loop, round(max_gap * SECOND)
        self._bag = Bag(source)
        try:
            self.topic = choose_topic(self._bag, topic)
            if ptz:
                self._poses, lens = camera_of(self._bag, self.topic, joints, states)
            else:
                self._poses, lens = None, read_lens(self._bag, self.topic, every=False)
            self._frame = self._first()
            self._reel = self._begin()
        except BaseException:
            self._bag.close()
            raise
        self.kind: Literal["ptz", "wide"] = "wide" if self._poses is None else "ptz"
        self.scene = self._scene(lens, h0, hfov)
        self._elapsed = Elapsed()

    def command(self, ptz: PanTiltZoom, now: int) -> None:
        """What is recorded cannot be moved."""

    def read(self, now: int) -> Frame | None:
        """The newest frame at `now` [ns], the same one until the next is due; None when the bag has ended."""
        elapsed = self._elapsed(now)
        if self._reel.over(elapsed):
            if not self._loop:
                return None
            self._elapsed.restart()
            elapsed = self._elapsed(now)
            self._reel = self._begin()
        message = self._reel.newest(elapsed)
        if message is not None:
            try:
                self._frame = frame_from(message, self._poses)
            except ImageError as err:
                self.skipped.add(f"{self.topic} at {message.time}", str(err), err.reason)
        if self._reel.broken is not None:
            self.skipped.add(self.topic, str(self._reel.broken), "broken bag")
            self._reel.broken = None
        return self._frame

    def state(self, now: int) -> PanTiltZoom | None:
        """Where it looked in the newest frame read; None: wide."""
        return self._frame.ptz

    def settled(self, now: int) -> bool:
        """Always: every frame carries the pose of its own stamp."""
        return True

    def clock(self, now: int) -> int:
        """The time of the recording [ns] at `now` [ns], for a /clock."""
        return self._reel.clock(self._elapsed(now))

    def close(self) -> None:
        """Close the bag."""
        self._bag.close()

    def _begin(self) -> Reel:
        return Reel(thin(self._bag.messages([self.topic]), self._rate), self._speed, self._gap)

    def _first(self) -> Frame:
        """The first frame that can be used."""
        error: ImageError | None = None
        for message in self._bag.messages([self.topic]):
            try:
                return frame_from(message, self._poses)
            except ImageError as err:
                error = err
        raise BagError(f"{self._bag} has no image on {self.topic} that can be used: {error}")

    def _scene(self, lens: Lens | None, h0: float | None, hfov: float | None) -> SceneFrame:
        if self._poses is None:
            height, width = self._frame.image.shape[:2]
            if hfov is None:
                hfov = lens.fov(lens.width, lens.focal[0]) if lens is not None else HFOV
            return wide_scene(hfov, height, width)
        if h0 is None:
            h0 = math.radians(60.0)
            if lens is not None:
                pose = self._poses.at(int(lens.stamps[0]))
                widest = lens.focal[0] / pose.zoom if pose is not None else lens.focal.min()
                h0 = lens.fov(min(lens.height, lens.width), widest)
        zoom = max(MountLimits().zoom[1], float(self._poses.zoom.max()))
        return SceneFrame("spherical", h0=h0, mount=MountLimits(zoom=(1.0, zoom)))
