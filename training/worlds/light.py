"""Where light comes from: a sky with clouds, the sun, and lamps, among them the windows of a room.

Brightness is that of a white matt surface lit by it: irradiance over pi. Directions have length 1, world frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .geometry import F32
from .noise import fbm, smoothstep


@dataclass(frozen=True)
class Sun:
    direction: F32  # (3,) towards it
    light: F32  # (3,)
    spread: float = 0.006  # [rad] half the angle it fills; a little more than the real one, for softer shadows


@dataclass(frozen=True)
class Lamp:
    """A small light, or a rectangle that shines to one side."""

    centre: F32  # (3,)
    light: F32  # (3,) at one metre, straight ahead
    radius: float  # [m] of a ball; of a rectangle, half its diagonal
    sides: tuple[F32, F32] | None = None  # half the rectangle's two sides
    facing: F32 | None = None  # (3,) the way that a rectangle shines

    def points(self, r: F32) -> F32:
        """(3, m) places on the lamp for random numbers (2, m) in [0, 1)."""
        if self.sides is not None:
            a, b = 2 * r - 1
            return self.centre[:, None] + a * self.sides[0][:, None] + b * self.sides[1][:, None]
        z = 2 * r[0] - 1
        side = np.sqrt(np.maximum(1 - z * z, 0))
        ball = np.stack([side * np.cos(2 * np.pi * r[1]), side * np.sin(2 * np.pi * r[1]), z])
        return (self.centre[:, None] + self.radius * ball).astype(np.float32)

    def strength(self, away: F32, distance: F32) -> F32:
        """(m,) falloff towards points that lie in directions `away` (3, m) at distances (m,)."""
        ahead = 1.0 if self.facing is None else np.maximum(self.facing @ away, 0)
        return ahead / (distance**2 + 0.06)


@dataclass(frozen=True)
class Sky:
    """A gradient with clouds and a glow around the sun."""

    zenith: F32  # (3,)
    horizon: F32  # (3,)
    ground: F32  # (3,) below the horizon, where the world ends
    sun: Sun
    cover: float = 0.4  # of clouds, 0 to 1
    shift: tuple[float, float] = (0.0, 0.0)  # which clouds

    def radiance(self, d: F32, disc: bool = False) -> F32:
        """(m, 3) for directions d (m, 3); with `disc` the sun itself is seen."""
        up = np.clip(d[:, 2], 0, 1)
        blend = (up**0.5)[:, None]
        c = self.horizon + (self.zenith - self.horizon) * blend
        cos = np.clip(d @ self.sun.direction, -1, 1)
        light = self.sun.light / max(float(self.sun.light.max()), 1e-6)
        c = c + light * (0.35 * np.clip(cos, 0, 1) ** 8 + 0.5 * np.clip(cos, 0, 1) ** 64)[:, None]
        c = self._clouds(c, d, up, cos, light)
        if disc:
            c = c + self.sun.light * 6 * smoothstep(math.cos(0.022), math.cos(0.016), cos)[:, None]
        below = smoothstep(0.0, -0.04, d[:, 2])[:, None]
        return (c + (self.ground - c) * below).astype(np.float32)

    def _clouds(self, c: NDArray, d: F32, up: F32, cos: F32, light: F32) -> NDArray:
        sel = np.flatnonzero(up > 0.015)
        if self.cover <= 0 or not len(sel):
            return c
        # A flat layer overhead, seen in perspective and bent down towards the horizon.
        far = 1 / (up[sel] + 0.16)
        u, v = d[sel, 0] * far + self.shift[0], d[sel, 1] * far + self.shift[1]
        s = self.sun.direction
        thick = fbm(u, v, 7.5, 1.55, 11) + 0.25 * fbm(v, u, 2.3, 1.3, 12)
        ahead = fbm(u + 0.12 * s[0], v + 0.12 * s[1], 7.5, 1.55, 11)
        edge = 1.25 - 2.2 * self.cover
        alpha = smoothstep(edge, edge + 1.0, thick) * smoothstep(0.015, 0.2, up[sel]) * 0.92
        lit = np.clip(0.9 + 0.4 * (thick - ahead) - 0.14 * np.clip(thick - edge, 0, 2.5), 0.35, 1.4)
        white = (0.45 + 0.85 * light) * lit[:, None] + light * (0.6 * np.clip(cos[sel], 0, 1) ** 16)[:, None]
        out = c.copy()
        out[sel] = c[sel] + (white - c[sel]) * alpha[:, None]
        return out


def direction(azimuth: float, elevation: float) -> F32:
    """(3,) unit vector; azimuth [rad] from x towards y, elevation [rad] up."""
    c = math.cos(elevation)
    return np.array([c * math.cos(azimuth), c * math.sin(azimuth), math.sin(elevation)], np.float32)
