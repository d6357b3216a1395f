"""What every camera can do, and the dict of those there are.

Conventions
-----------
time   integer nanoseconds on the camera's own clock, always given: a wall clock, /clock, or a test's counter.
kinds  `ptz` cameras are moved and their frames carry the pose; `wide` ones see the whole scene and are cropped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.scene_frame import SceneFrame
from ..core.types import Frame, GlimpseError, PanTiltZoom
from .sim import SimCamera


class Camera(Protocol):
    """A source of frames that may be moved."""

    scene: SceneFrame  # how its views map to the scene
    kind: Literal["ptz", "wide"]
    truth: NDArray[np.uint8] | None  # (H, W, 3) RGB, the whole scene; simulated cameras only

    def command(self, ptz: PanTiltZoom, now: int) -> None:
        """Ask it to look there; clamped to its limits, axes that are not finite ignored. Wide cameras ignore it."""

    def read(self, now: int) -> Frame | None:
        """The newest frame at `now` [ns]; None: the source has ended."""

    def state(self, now: int) -> PanTiltZoom | None:
        """Where it really looks; None: wide."""

    def settled(self, now: int) -> bool:
        """Whether it stands still where it was sent."""

    def close(self) -> None:
        """Let go of files and devices."""


CAMERAS: dict[str, Callable[..., Camera]] = {
    "sim": SimCamera,
}


def open_camera(kind: str, source: str | None, **options: Any) -> Camera:
    """The camera of that kind on that source (a path; a number or device for `usb`).

    options: keyword arguments of its class; those that are None keep their default. Raises GlimpseError for an
    unknown kind or option, and for whatever the camera cannot use.
    """
    if kind not in CAMERAS:
        raise GlimpseError(f"camera {kind!r} is unknown: expected one of {', '.join(CAMERAS)}")
    if source is None or source == "":
        raise GlimpseError(f"camera {kind!r} needs an input to read from")
    known = _options(kind)
    for name in options:
        if name not in known:
            raise GlimpseError(f"camera {kind!r} has no option {name!r}: it has {', '.join(sorted(known))}")
    return CAMERAS[kind](source, **{k: v for k, v in options.items() if v is not None})


def _options(kind: str) -> set[str]:
    return {p.name for p in inspect.signature(CAMERAS[kind]).parameters.values() if p.kind is p.KEYWORD_ONLY}
