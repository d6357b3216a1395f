"""How long a camera takes from one view to the next, for many at once: `glimpse_ros.core.motion` in torch.

A test compares the two. Views are (x, y, s) in the scene frame.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

PAN_RATE, TILT_RATE, ZOOM_RATE = 2.0, 1.5, 3.0  # [rad/s], [rad/s], [factor/s], of the simulated camera
PLANAR_FOV = 60.0  # [deg] across a planar scene, as in `glimpse evaluate`


def scene_fov(spherical: bool) -> float:
    """[rad] across a scene."""
    return math.radians(360.0 if spherical else PLANAR_FOV)


def slew_seconds(before: Tensor, after: Tensor, widest: Tensor, spherical: bool, fov: float, aspect: float) -> Tensor:
    """views (..., 3), widest s (...), fov [rad] across the scene -> (...) seconds; the slowest axis counts.

    aspect: width over height of the scene. A planar scene is what a pinhole camera sees.
    """
    pan, tilt = (b - a for a, b in zip(*(angles(v, spherical, fov, aspect) for v in (before, after)), strict=True))
    if spherical:
        pan = pan - 2 * math.pi * torch.floor(pan / (2 * math.pi) + 0.5)
    zoom = widest / after[..., 2] - widest / before[..., 2]
    return torch.stack([pan.abs() / PAN_RATE, tilt.abs() / TILT_RATE, zoom.abs() / ZOOM_RATE]).amax(0)


def angles(views: Tensor, spherical: bool, fov: float, aspect: float) -> tuple[Tensor, Tensor]:
    """views (..., 3) -> pan to the right and tilt downwards (...) [rad]."""
    if spherical:
        return views[..., 0] / 2 * fov, views[..., 1] / 2 * fov / aspect
    half = math.tan(fov / 2)
    pan = (views[..., 0] * half).atan()
    return pan, (views[..., 1] * half / aspect * pan.cos()).atan()
