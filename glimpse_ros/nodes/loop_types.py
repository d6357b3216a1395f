"""What the scene node's loop takes and gives. No ROS in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.memory import Mosaic
from ..core.types import Glimpse, PanTiltZoom, SceneEstimate, View


@dataclass(frozen=True)
class LoopSettings:
    """See the parameters of the same names."""

    memory: str = "carried"
    forget_rate: float = 0.1
    glimpses_per_frame: int = 1
    maps_every: int = 1
    loop: bool = False
    ask_again: float = 0.5
    max_frame_age: float = 1.0
    settle_tolerance: float = 0.01
    zoom_tolerance: float = 0.02
    settle_time: float = 0.0
    settle_timeout: float = 5.0
    state_hold: float = 1.5
    joints: tuple[str, str, str] = ("pan", "tilt", "zoom")


@dataclass(frozen=True)
class Record:
    """One glimpse of the running graph, for whoever listens. Reads like `core.explorer.Step`."""

    view: View  # where it was really taken
    ptz: PanTiltZoom | None  # where the camera looked; None: a wide one
    glimpse: Glimpse
    estimate: SceneEstimate
    seconds: float  # retina and scene model
    stamp: int  # of the image
    step: int  # glimpses in this episode, this one included
    episode: str = ""  # whose memory it went into
    stop: float | None = None  # the policy's score when it chose what comes next


class Output(Protocol):
    """Where questions go."""

    def ask(self, estimate: SceneEstimate, tag: str, stamp: int, shown: bool) -> None:
        """Publish the belief, its maps, and where `shown` all else there is to see."""

    def again(self) -> None:
        """Publish the last belief once more."""

    def show_mosaic(self, mosaic: Mosaic, stamp: int) -> None:
        """Publish what was really seen."""


@dataclass
class Shot:
    """A frame on its way through the loop."""

    message: Any  # not decoded until it is known to be used
    stamp: int  # ns
    arrived: float  # steady clock [s]
    canvas: NDArray[np.uint8] | None = None  # of a wide camera: (H, W, 3), decoded, bounded, of the scene's aspect
    size: tuple[int, int] = (1, 1)  # height, width of the image as it came, before it was squeezed
    used: int = 0  # glimpses taken from it
