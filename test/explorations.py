"""Small explorations to report on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.explorer import explore, look_at_canvas
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import make_policy
from glimpse_ros.core.types import Glimpse, GlimpseSpec, Limits, PanTiltZoom, SceneEstimate, SceneSpec, View
from glimpse_ros.report import Exploration

PTZ = Limits(s=(1 / 24, 1 / 6))


def world(height: int = 128, width: int = 256) -> NDArray[np.uint8]:
    """A colourful scene, uint8 (height, width, 3), that wraps."""
    v, u = np.mgrid[:height, :width]
    angle = 2 * np.pi * u / width
    rgb = np.stack([np.sin(angle), np.cos(2 * angle), np.sin(3 * angle + v / 20)], -1)
    return np.rint(127.5 + 90 * rgb + 30 * (v[..., None] / height - 0.5)).clip(0, 255).astype(np.uint8)


def explored(glimpses: int = 3, policy: str = "grid", truth: bool = True, first: float = 0.98) -> Exploration:
    """A run of the mosaic whose first glimpse lies across the seam."""
    scene = Mosaic(SceneSpec(128, 256), GlimpseSpec(16))
    canvas = world()
    look = look_at_canvas(canvas, scene.info.glimpse, scene.info.scene)
    start = View(first, 0.0, 1 / 6)
    chosen = make_policy(policy, "mosaic", scene.info)
    steps = list(explore(look, scene, chosen, limits=PTZ, glimpses=glimpses, seed=5, first=start, forced=True))
    return Exploration("world.png", scene.info, policy, steps, 5, canvas if truth else None, max_fov=math.radians(60))


@dataclass(frozen=True)
class Posed:
    """A record with a pose, as the ROS graph makes them."""

    view: View
    glimpse: Glimpse
    estimate: SceneEstimate
    seconds: float
    ptz: PanTiltZoom | None
    stop: float | None = None
