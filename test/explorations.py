"""Small explorations to report on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.explorer import explore, look_at_canvas
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import make_policy
from glimpse_ros.core.retina import canvas_for
from glimpse_ros.core.types import (
    Glimpse,
    GlimpseSpec,
    Limits,
    PanTiltZoom,
    SceneEstimate,
    SceneInfo,
    SceneSpec,
    View,
)
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
    episode: str = ""
    step: int = 0


ROAD, SKY = (128, 64, 128), (70, 130, 180)


def driven(frames: int = 2, glimpses: int = 4, size: tuple[int, int] = (120, 160)) -> Exploration:
    """Frames of a road, explored one by one by a model that segments: sky above, road below, a column for each glimpse.

    Its attention is 1 right of what it has seen, where the next column begins, else 0. The frames are of `size`, the
    model's scene is 120 x 160.
    """
    scene = Mosaic(SceneSpec(120, 160, "planar"), GlimpseSpec(16, (1 / 3, 2 / 3, 1.0)))
    info = SceneInfo(
        "street", scene.info.scene, scene.info.glimpse, (0.25, 0.25), "street", class_names=("road", "car", "sky"),
        palette=(ROAD, (64, 0, 128), SKY), outputs=frozenset({"reconstruction", "segmentation", "attention"}),
    )  # fmt: skip
    truths, records = [], []
    for frame in range(frames):
        canvas = np.full((*size, 3), 60 + 100 * frame, np.uint8)
        look = look_at_canvas(canvas_for(canvas, info.scene), info.glimpse, info.scene)
        scene.reset()
        for k in range(glimpses):
            glimpse = look(View(2 * (k + 0.5) / glimpses - 1, 0.0, 0.25))
            logits, attention = np.zeros((3, 6, 8), np.float32), np.zeros((6, 8), np.float32)
            seen = 8 * (k + 1) // glimpses
            logits[2, :3, :seen] = logits[0, 3:, :seen] = 1.0
            attention[:, seen : seen + 1] = 1.0
            drawn = scene.step(glimpse).reconstruction
            estimate = SceneEstimate(np.zeros((1, 4), np.float32), drawn, logits, attention=attention)
            records.append(Posed(glimpse.view, glimpse, estimate, 0.01, None, None, str(frame), k + 1))
            truths.append(canvas)
    return Exploration("drive", info, "learned", records, frames=truths)
