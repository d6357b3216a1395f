"""How long a camera takes from one view to the next.

Conventions
-----------
axes    pan and tilt as in `scene_frame`, each axis at its own rate, all at once: the slowest one counts.
zoom    the factor over the widest view, widest s / s, as a mount counts it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .scene_frame import wrap
from .types import Projection, View


@dataclass(frozen=True)
class SlewRates:
    """How fast a mount moves: rad/s, rad/s, factor/s."""

    pan: float = 2.0
    tilt: float = 1.5
    zoom: float = 3.0


def scene_fov(projection: Projection, across: float, aspect: float) -> tuple[float, float]:
    """Horizontal and vertical extent [rad] of a scene; of a planar one it is `across` wide [rad], below pi.

    aspect: height over width in pixels of equal sides.
    """
    if projection == "spherical":
        return 2.0 * math.pi, math.pi
    return across, 2.0 * math.atan(math.tan(across / 2.0) * aspect)


def slew_seconds(
    a: View,
    b: View,
    *,
    widest: float,
    projection: Projection,
    fov: tuple[float, float],
    rates: SlewRates | None = None,
) -> float:
    """Seconds from view a to view b, without latency and settling; on a sphere pan takes the short way.

    widest: s at zoom 1. fov: of the scene, across and down [rad], as `scene_fov` has it.
    """
    rates = rates or SlewRates()
    if projection == "spherical":
        pan, tilt = abs(wrap(b.x - a.x)) * math.pi, abs(b.y - a.y) * math.pi / 2.0
    else:
        (pan_a, tilt_a), (pan_b, tilt_b) = (_planar_angles(view, fov) for view in (a, b))
        pan, tilt = abs(pan_b - pan_a), abs(tilt_b - tilt_a)
    zoom = abs(widest / b.s - widest / a.s)
    return max(pan / rates.pan, tilt / rates.tilt, zoom / rates.zoom)


def _planar_angles(view: View, fov: tuple[float, float]) -> tuple[float, float]:
    """Pan to the right and tilt down [rad] at the view's centre: `SceneFrame.ptz_from_view` without a mount."""
    pan = math.atan(view.x * math.tan(fov[0] / 2.0))
    return pan, math.atan(view.y * math.tan(fov[1] / 2.0) * math.cos(pan))
