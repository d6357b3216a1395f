"""Where a view of some width may lie on a scene. All views are in the scene frame (see `types`)."""

from __future__ import annotations

import numpy as np

from .scene_frame import clamp_view
from .types import Limits, SceneSpec, View


def half_height(s: float, scene: SceneSpec) -> float:
    """Half the height of a glimpse of width s, in units of y."""
    return min(s * scene.width / scene.height, 1.0)


def room(s: float, scene: SceneSpec, padding: str = "clamp") -> tuple[float, float]:
    """How far from the middle, in x and in y, a view of width s may be.

    With "clamp" its box stays on the canvas (in x only where that does not wrap); any other padding lets it reach over.
    """
    if padding != "clamp":
        return 1.0, 1.0
    return 1.0 if scene.projection == "spherical" else 1.0 - s, 1.0 - half_height(s, scene)


def fit_inside(view: View, limits: Limits, scene: SceneSpec, padding: str = "clamp") -> View:
    """The nearest view inside the limits and the `room` that the padding leaves."""
    view = clamp_view(view, limits, scene.projection)
    room_x, room_y = room(view.s, scene, padding)
    inner = View(min(max(view.x, -room_x), room_x), min(max(view.y, -room_y), room_y), view.s)
    return clamp_view(inner, limits, scene.projection)


def random_place(rng: np.random.Generator, s: float, scene: SceneSpec, padding: str) -> View:
    """A view of width s, its place uniform over the `room` that there is."""
    room_x, room_y = room(s, scene, padding)
    return View(float(rng.uniform(-room_x, room_x)), float(rng.uniform(-room_y, room_y)), s)
