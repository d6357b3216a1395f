"""The words of the project as frozen dataclasses; everything imports this file, it imports nothing of ours.

Conventions
-----------
scene frame   (x, y, s): x right, y down, both in [-1, 1] over the canvas; s in (0, 1] is the width of the
              glimpse over the width of the scene. A spherical x wraps.
mount frame   pan [rad] about +z, left positive; tilt [rad] about +y, down positive; zoom factor >= 1.
images        uint8 (H, W, 3) RGB, pixel centres at half integers. Tensors: float32 (C, H, W) RGB in [0, 1].
time          integer nanoseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Projection = Literal["planar", "spherical"]


class GlimpseError(ValueError):
    """Input that cannot be used. Its text is one sentence: what, where, what was expected."""


@dataclass(frozen=True)
class View:
    """Where a glimpse is taken, in the scene frame."""

    x: float
    y: float
    s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and math.isfinite(self.s) and self.s > 0):
            raise GlimpseError(f"view ({self.x}, {self.y}, {self.s}) is not finite with s > 0")

    def array(self) -> NDArray[np.float32]:
        """(1, 3) float32, as the graphs take it."""
        return np.array([[self.x, self.y, self.s]], np.float32)


@dataclass(frozen=True)
class PanTiltZoom:
    """Where a camera looks, in the mount frame: rad, rad, factor."""

    pan: float
    tilt: float
    zoom: float


@dataclass(frozen=True)
class Limits:
    """Smallest and largest x, y and s that the camera can take."""

    x: tuple[float, float] = (-1.0, 1.0)
    y: tuple[float, float] = (-1.0, 1.0)
    s: tuple[float, float] = (1 / 16, 1.0)

    def __post_init__(self) -> None:
        for name in ("x", "y", "s"):
            low, high = getattr(self, name)
            if not low <= high:
                raise GlimpseError(f"limits of {name}: min {low} is greater than max {high}")

    def array(self) -> NDArray[np.float32]:
        """(1, 3, 2) float32, as the policy graph takes it."""
        return np.array([[self.x, self.y, self.s]], np.float32)


@dataclass(frozen=True)
class MountLimits:
    """Smallest and largest pan [rad], tilt [rad] and zoom [factor] of a mount."""

    pan: tuple[float, float] = (-math.pi, math.pi)
    tilt: tuple[float, float] = (-math.pi / 2, math.pi / 2)
    zoom: tuple[float, float] = (1.0, 4.0)

    def __post_init__(self) -> None:
        for name in ("pan", "tilt", "zoom"):
            low, high = getattr(self, name)
            if not low <= high:
                raise GlimpseError(f"{name} limits: min {low} is greater than max {high}")
        if self.zoom[0] < 1:
            raise GlimpseError(f"zoom limits: min {self.zoom[0]} is below 1, the widest")


@dataclass(frozen=True)
class SceneSpec:
    """The canvas: its size in pixels and how directions map onto it."""

    height: int
    width: int
    projection: Projection = "spherical"


@dataclass(frozen=True)
class GlimpseSpec:
    """The sensor: g pixels a side, and each scale as a fraction of the widest, finest first."""

    size: int = 32
    scales: tuple[float, ...] = (1.0,)

    @property
    def pixels(self) -> int:
        """Sensor pixels of one glimpse, overlaps counted."""
        return len(self.scales) * self.size**2


@dataclass(frozen=True)
class Frame:
    """One camera image and where the camera was looking when it was taken (None: a wide camera)."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    stamp: int  # ns
    ptz: PanTiltZoom | None = None


@dataclass(frozen=True)
class Glimpse:
    """The pixels taken at one view: float32 (S, 3, g, g), RGB in [0, 1], finest scale first."""

    pixels: NDArray[np.float32]
    view: View  # where it was really taken
    stamp: int = 0  # ns


@dataclass(frozen=True)
class SceneEstimate:
    """What a scene model believes after a glimpse. Optional maps are None where it has none."""

    belief: NDArray[np.float32]  # (N, D)
    reconstruction: NDArray[np.float32] | None = None  # (3, H, W) in [0, 1]
    segmentation: NDArray[np.float32] | None = None  # (K, h, w) logits
    classification: NDArray[np.float32] | None = None  # (C,) logits
    uncertainty: NDArray[np.float32] | None = None  # (h, w), larger is less certain
    attention: NDArray[np.float32] | None = None  # (h, w)


@dataclass(frozen=True)
class SceneInfo:
    """What a scene model tells about itself."""

    name: str
    scene: SceneSpec
    glimpse: GlimpseSpec
    s_range: tuple[float, float]  # the s it was made for
    belief_id: str
    first_view: str | tuple[float, float, float] = "random"  # "random", "policy" or a fixed (x, y, s)
    outputs: frozenset[str] = frozenset({"reconstruction", "uncertainty"})
    class_names: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    family: str = ""
    provider: str = "numpy"
    details: dict[str, object] = field(default_factory=dict)

    @property
    def padding(self) -> str:
        """What lies outside of the scene: "clamp" (a view is moved inside), "zero" or "edge" (it may reach over)."""
        return str(self.details.get("padding", "clamp"))

    @property
    def overview_pixels(self) -> int:
        """Of the coarse look that the model takes before its first glimpse; 0 where it takes none."""
        size = self.details.get("overview")
        return int(size[0]) * int(size[1]) if isinstance(size, tuple) else 0


@dataclass(frozen=True)
class Episode:
    """What a policy is told at reset."""

    limits: Limits
    glimpses: int
    first_view: View | None  # where the first glimpse is or will be taken; None: the policy decides
    scene: SceneSpec
    seed: int = 0


@dataclass(frozen=True)
class Decision:
    """A policy's answer: the next view, and a score that the runtime compares with `stop_threshold`."""

    view: View
    stop: float | None = None


class SceneModel(Protocol):
    """Perception: glimpse in, estimate out; the spatial memory lives inside."""

    info: SceneInfo

    def reset(self) -> None:
        """Forget everything."""

    def step(self, glimpse: Glimpse, decode: bool = True) -> SceneEstimate:
        """Take one glimpse in. Without `decode` only the belief is promised."""

    def empty(self) -> SceneEstimate:
        """What is believed before any glimpse."""


class Policy(Protocol):
    """Decision: estimate in, next view out, always inside the episode's limits."""

    wants: frozenset[str]  # estimate fields beyond `belief` that it reads

    def reset(self, episode: Episode) -> None:
        """Start over."""

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """The next view, given the estimate after the glimpse at `seen` (None before the first)."""
