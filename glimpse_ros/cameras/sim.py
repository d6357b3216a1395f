"""A simulated pan-tilt-zoom camera inside an equirectangular panorama.

It has what makes real mounts awkward: slew rates, a time to settle, latency, a frame rate, sensor noise, limits. All
time comes in through `now`, so a run is the same every time, at any speed. With `ideal=True` it moves in no time and
sees at once, without noise.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.scene_frame import SceneFrame, fov_from_zoom, perspective_from_equirect
from ..core.types import Frame, GlimpseError, MountLimits, PanTiltZoom
from ..datasets.images import is_panorama, read_rgb

SECOND = 1_000_000_000
MAX_MOVES = 1024  # moves remembered for late frames; a flood of commands forgets the oldest


@dataclass(frozen=True)
class _Move:
    """A straight way from one pose to another, every axis at its own rate, from `begin` [ns] on."""

    begin: int
    start: PanTiltZoom
    goal: PanTiltZoom
    rates: tuple[float, float, float]  # rad/s, rad/s, factor/s

    def at(self, now: int) -> PanTiltZoom:
        seconds = max(0, now - self.begin) / SECOND
        return PanTiltZoom(
            _towards(self.start.pan, self.goal.pan, self.rates[0], seconds),
            _towards(self.start.tilt, self.goal.tilt, self.rates[1], seconds),
            _towards(self.start.zoom, self.goal.zoom, self.rates[2], seconds),
        )

    @property
    def end(self) -> int:
        """When the last axis arrives [ns]."""
        ways = (
            abs(self.goal.pan - self.start.pan),
            abs(self.goal.tilt - self.start.tilt),
            abs(self.goal.zoom - self.start.zoom),
        )
        return self.begin + math.ceil(max(way / rate for way, rate in zip(ways, self.rates, strict=True)) * SECOND)


class SimCamera:
    """See the module. Its frames are stamped with the time at which they were taken, `latency` before they are read."""

    kind: Literal["ptz", "wide"] = "ptz"

    def __init__(
        self,
        source: str | NDArray[np.uint8],
        *,
        size: tuple[int, int] = (480, 640),
        h0: float = math.radians(60.0),
        mount: MountLimits | None = None,
        start: PanTiltZoom | None = None,
        pan_rate: float = 2.0,
        tilt_rate: float = 1.5,
        zoom_rate: float = 3.0,
        settling: float = 0.1,
        latency: float = 0.05,
        noise: float = 2.0,
        rate: float = 30.0,
        seed: int = 0,
        ideal: bool = False,
        max_width: int = 4096,
    ) -> None:
        """
        source: path of a 2:1 panorama, or the panorama itself, uint8 (H, 2H, 3) RGB.
        size: (height, width) of a frame [pixels]. h0: field of view [rad] over the smaller side at zoom 1.
        start: the first view; straight ahead at the widest. pan_rate, tilt_rate [rad/s], zoom_rate [factor/s].
        settling, latency [s]. noise: standard deviation on 0-255. rate: frames per second.
        max_width: a wider panorama is resized once. Raises GlimpseError for a panorama that is not 2:1.
        """
        where = source if isinstance(source, str) else "the array given"
        panorama = read_rgb(source) if isinstance(source, str) else source
        height, width = panorama.shape[:2]
        if not is_panorama(height, width):
            raise GlimpseError(f"panorama {where} is {width}x{height} pixels: expected twice as wide as high")
        if min(size) < 1 or min(pan_rate, tilt_rate, zoom_rate, rate) <= 0 or min(settling, latency, noise) < 0:
            raise GlimpseError("simulated camera: expected a size and rates above 0, and settling, latency, noise >= 0")
        if width > max_width:
            panorama = np.asarray(
                cv2.resize(panorama, (max_width, max_width // 2), interpolation=cv2.INTER_AREA), np.uint8
            )
        self.truth: NDArray[np.uint8] | None = panorama
        self._panorama = panorama
        self.scene = SceneFrame("spherical", h0=h0, mount=mount or MountLimits())
        self._size, self._ideal, self._seed = size, ideal, seed
        self._rates = (math.inf,) * 3 if ideal else (pan_rate, tilt_rate, zoom_rate)
        self._settling = 0 if ideal else round(settling * SECOND)
        self._latency = 0 if ideal else round(latency * SECOND)
        self._noise = 0.0 if ideal else noise
        self._rate = rate
        first = self.scene.clamp(start or PanTiltZoom(0.0, 0.0, 1.0))
        self._moves = [_Move(-(1 << 62), first, first, (math.inf,) * 3)]
        self._last: Frame | None = None

    def command(self, ptz: PanTiltZoom, now: int) -> None:
        """Go there from wherever it is at `now` [ns]. An axis that is not finite stays as commanded before."""
        held = self._moves[-1].goal
        goal = self.scene.clamp(
            PanTiltZoom(
                ptz.pan if math.isfinite(ptz.pan) else held.pan,
                ptz.tilt if math.isfinite(ptz.tilt) else held.tilt,
                ptz.zoom if math.isfinite(ptz.zoom) else held.zoom,
            )
        )
        if goal == held:
            return  # said again: it neither restarts the move nor the settling
        here = self._pose(now)
        # A clock set back: what was to happen after `now` has not happened.
        moves = [m for m in self._moves if m.begin <= now] or [_Move(-(1 << 62), here, here, (math.inf,) * 3)]
        moves.append(_Move(now, here, goal, self._rates))
        # Frames come late, so moves are kept as long as one that began before the latency remains.
        while len(moves) > 1 and (moves[1].begin < now - self._latency - SECOND or len(moves) > MAX_MOVES):
            moves.pop(0)
        self._moves = moves

    def read(self, now: int) -> Frame | None:
        """The newest frame there is at `now` [ns]; it never ends. The same frame again until the next is due."""
        taken = max(0, now - self._latency)
        index = taken
        if not self._ideal:
            index = math.floor(taken * self._rate / SECOND + 1e-6)
            taken = round(index * SECOND / self._rate)
        ptz = self._pose(taken)
        if self._last is None or self._last.stamp != taken or self._last.ptz != ptz:
            self._last = Frame(self._image(ptz, index), taken, ptz)
        return self._last

    def state(self, now: int) -> PanTiltZoom | None:
        """Where it looks at `now` [ns], without latency."""
        return self._pose(now)

    def settled(self, now: int) -> bool:
        """Whether it has arrived, and stood still for the settling time."""
        return now >= self._moves[-1].end + self._settling

    def close(self) -> None:
        """Nothing to let go of."""

    def _pose(self, now: int) -> PanTiltZoom:
        at = bisect_right(self._moves, now, key=lambda m: m.begin) - 1
        return self._moves[max(at, 0)].at(now)

    def _image(self, ptz: PanTiltZoom, index: int) -> NDArray[np.uint8]:
        image = perspective_from_equirect(self._panorama, ptz, fov_from_zoom(self.scene.h0, ptz.zoom), self._size)
        if self._noise <= 0:
            return image
        # Seeded by the frame's number: the noise is the same whatever was read before.
        noise = np.random.default_rng([self._seed, index]).standard_normal(image.shape, np.float32)
        noisy = image + self._noise * noise
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _towards(start: float, goal: float, rate: float, seconds: float) -> float:
    if math.isinf(rate) or abs(goal - start) <= rate * seconds:
        return goal
    return start + math.copysign(rate * seconds, goal - start)
