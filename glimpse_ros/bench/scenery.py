"""Something to look at, made up: pictures of any size, and a camera that shows them."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..cameras.wide import StillCamera, wide_scene
from ..core.types import Frame

SECOND = 1_000_000_000


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """(height, width, 3) RGB: blotches of colour, seeded."""
    blotches = np.random.default_rng(seed).integers(0, 256, (16, 32, 3), np.uint8)
    return np.asarray(cv2.resize(blotches, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


class Slides(StillCamera):
    """A wide camera whose picture changes with every frame. A frame is stamped when it is handed out."""

    kind: Literal["ptz", "wide"] = "wide"

    def __init__(self, height: int, width: int, rate: float | None, slides: int = 8) -> None:
        """rate: frames per second; None: a new one at every read."""
        self.scene = wide_scene(1.0, height, width)
        self.period = 0 if rate is None else round(SECOND / rate)  # [ns]
        self.handed_out = 0
        self._slides = [picture(height, width, seed) for seed in range(slides)]
        self._frame: Frame | None = None
        self._due = 0  # [ns]

    def read(self, now: int) -> Frame | None:
        """The newest frame at `now` [ns]; it never ends."""
        if self._frame is None or now >= self._due:
            self._frame = Frame(self._slides[self.handed_out % len(self._slides)], now)
            self.handed_out += 1
            due = self._due + self.period  # in time with the first, but what was missed is not made up for
            self._due = due if due > now else now + self.period
        return self._frame

    def close(self) -> None:
        """Nothing to let go of."""
