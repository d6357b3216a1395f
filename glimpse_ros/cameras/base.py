"""What every camera can do, and the dict of those there are.

Conventions
-----------
time   integer nanoseconds on the camera's own clock, always given: a wall clock, /clock, or a test's counter.
kinds  `ptz` cameras are moved and their frames carry the pose; `wide` ones see the whole scene and are cropped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core.image_size import compressed_size
from ..core.scene_frame import SceneFrame
from ..core.types import Frame, GlimpseError, PanTiltZoom
from ..datasets.bag_poses import state_topic
from ..datasets.bag_reader import Bag, is_bag
from ..datasets.bags import JOINTS
from ..datasets.images import is_panorama, read_rgb
from .bag import BagCamera
from .footage import is_still
from .sim import SimCamera
from .wide import UsbCamera, WideCamera


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
    "wide": WideCamera,
    "bag": BagCamera,
    "usb": UsbCamera,
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


def open_input(path: str, **options: Any) -> Camera:
    """A camera on whatever is at `path`, see `guess_kind`.

    options: those of any camera; the ones that do not apply to this input are left out. Raises GlimpseError for an
    option that no camera has, and for an input that cannot be used.
    """
    known = {name for kind in CAMERAS for name in _options(kind)}
    for name in options:
        if name not in known:
            raise GlimpseError(f"no camera has an option {name!r}: they have {', '.join(sorted(known))}")
    kind = guess_kind(path)
    return open_camera(kind, path, **{name: value for name, value in options.items() if name in _options(kind)})


def guess_kind(path: str) -> str:
    """By content: `sim` for a 2:1 image, `wide` for another image, a folder of images or a video, `bag` for a bag."""
    file = Path(path)
    if not file.exists():
        raise GlimpseError(f"input {path} does not exist")
    if is_bag(file):
        return "bag"
    if not is_still(file):
        return "wide"
    with file.open("rb") as stream:
        size = compressed_size(stream.read(1 << 20))
    height, width = size or read_rgb(file).shape[:2]
    return "sim" if is_panorama(height, width) else "wide"


def is_sequence(path: str) -> bool:
    """Whether a wide camera's images are at `path`, one after the other: a folder, a video, or a bag that does not tell
    where its camera looked. Raises GlimpseError where nothing is there."""
    kind = guess_kind(path)
    if kind == "bag":
        with Bag(path) as bag:
            return state_topic(bag, JOINTS) is None
    return kind == "wide" and not is_still(Path(path))


def _options(kind: str) -> set[str]:
    return {p.name for p in inspect.signature(CAMERAS[kind]).parameters.values() if p.kind is p.KEYWORD_ONLY}
