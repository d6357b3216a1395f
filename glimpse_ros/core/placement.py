"""Where a view of some width may lie on a scene. All views are in the scene frame (see `types`)."""

from __future__ import annotations

import math

import numpy as np

from .scene_frame import clamp_view
from .types import Limits, SceneSpec, View

ZIGZAG_Y = 0.4  # rows of a grid that cannot cover the scene; the best on the training panoramas


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


def grid_views(count: int, limits: Limits, scene: SceneSpec, start_x: float, padding: str = "clamp") -> list[View]:
    """`count` tiles within the limits; on a spherical scene the first column is centred at `start_x`."""
    aspect = scene.height / scene.width
    covering = [c for c in range(1, count + 1) if c * math.ceil(c * aspect - 1e-9) <= count]
    covering = [c for c in covering if limits.s[0] <= 1.0 / c <= limits.s[1]]
    if covering:
        cols = covering[-1]
        rows, s = math.ceil(cols * aspect - 1e-9), 1.0 / cols
        tiles = [(i, (2 * j + 1) / rows - 1.0, 2.0 / cols, s) for i in range(cols) for j in range(rows)]
        rest = count - len(tiles)
        tiles += [(i, 0.0, 2.0 / max(rest, 1), s / 2.0) for i in range(rest)]
    else:
        s = limits.s[1]
        rows = min(max(2, math.ceil(count * s - 1e-9)), max(1, math.ceil(aspect / s - 1e-9)))
        heights = [-ZIGZAG_Y, ZIGZAG_Y] if rows == 2 else list(np.linspace(-1.0, 1.0, 2 * rows + 1)[1::2])
        tiles = [(i, heights[i % rows], 2.0 / count, s) for i in range(count)]
    views = []
    for i, y, step, s in tiles:
        x = start_x + i * step if scene.projection == "spherical" else (i + 0.5) * step - 1.0
        views.append(fit_inside(View(x, y, s), limits, scene, padding))
    return views
