"""Which solids can a bundle of rays meet at all? Conservative answers for a tile of rays, from corners and spheres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .geometry import F32, Solids

Ids = NDArray[np.intp]


def basis(m: F32) -> tuple[F32, F32]:
    """Two directions at right angles to `m` (3,) and to each other."""
    a = np.cross(m, [0, 0, 1] if abs(m[2]) < 0.9 else [1, 0, 0])
    a = (a / np.linalg.norm(a)).astype(np.float32)
    return a, np.cross(m, a).astype(np.float32)


def in_pyramid(solids: Solids, among: Ids, o: F32, d: F32) -> Ids:
    """Those that rays from one point `o` (3,) along `d` (3, m) may meet."""
    m = d.mean(1)
    length = np.linalg.norm(m)
    if length < 0.5:
        return among
    m = (m / length).astype(np.float32)
    depth = m @ d
    if depth.min() < 0.2:
        return among
    a, b = basis(m)
    corners = (solids.corners[among] - o).reshape(-1, 3)
    z = corners @ m
    outside = (z < 0).reshape(-1, 8).all(1)
    for axis in (a, b):
        ray, x = axis @ d / depth, corners @ axis
        outside |= (x < (ray.min() - 1e-4) * z).reshape(-1, 8).all(1)
        outside |= (x > (ray.max() + 1e-4) * z).reshape(-1, 8).all(1)
    return among[~outside]


class Beam:
    """Solids as seen along one direction (the sun's): prepared once, asked for every tile."""

    def __init__(self, solids: Solids, among: Ids, direction: F32, spread: float) -> None:
        """direction (3,) of length 1 towards the light; spread: how far a ray may lean from it [rad]."""
        self.among, self.spread = among, spread
        a, b = basis(direction)
        self.axes = np.stack([a, b, direction]).astype(np.float32)  # (3, 3)
        seen = solids.corners[among] @ self.axes.T  # (n, 8, 3)
        self.low, self.high = seen.min(1), seen.max(1)

    def towards(self, p: F32) -> Ids:
        """Those that may shade points p (3, m)."""
        q = self.axes @ p
        low, high = q.min(1), q.max(1)
        lean = self.spread * np.clip(self.high[:, 2] - low[2], 0, None)
        keep = self.high[:, 2] > low[2]
        for i in range(2):
            keep &= (self.high[:, i] > low[i] - lean) & (self.low[:, i] < high[i] + lean)
        return self.among[keep]


def near_points(solids: Solids, among: Ids, p: F32, reach: float) -> Ids:
    """Those whose bounding sphere comes within `reach` [m] of the box around points p (3, m)."""
    c = solids.centre[among]
    gap = np.maximum(np.maximum(p.min(1) - c, c - p.max(1)), 0)
    return among[np.linalg.norm(gap, axis=1) < reach + solids.radius[among]]


def between(solids: Solids, among: Ids, p: F32, lamp: F32, lamp_radius: float) -> Ids:
    """Those that may stand between points p (3, m) and a lamp (3,) of a radius [m]."""
    middle = (p.min(1) + p.max(1)) / 2
    radius = np.linalg.norm(p - middle[:, None], axis=0).max()
    line = lamp - middle
    c = solids.centre[among] - middle
    along = np.clip(c @ line / max(float(line @ line), 1e-9), 0, 1)
    away = np.linalg.norm(c - along[:, None] * line, axis=1)
    return among[away < radius * (1 - along) + lamp_radius * along + solids.radius[among]]


def prominent(solids: Solids, among: Ids, p: F32, n: F32) -> Ids:
    """Those that colour the light at points p (3, m) with normals n (m, 3): large or near, and not behind them."""
    c = solids.centre[among]
    gap = np.maximum(np.maximum(p.min(1)[None] - c, c - p.max(1)[None]), 0)
    keep = solids.radius[among] > 0.14 * np.linalg.norm(gap, axis=1)
    if (n @ n[0]).min() > 0.95:
        keep &= (solids.corners[among] @ n[0]).max(1) > (n[0] @ p).min() - 0.05
    return among[keep]
