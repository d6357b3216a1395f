"""The view as markers: the frustum where the camera is sent, and the trail of where glimpses were taken."""

from __future__ import annotations

import math
from collections import deque

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from ..core.scene_frame import SceneFrame, fov_from_zoom, rotation
from ..core.types import PanTiltZoom, View
from .convert import header

RADIUS = 1.0  # [m] of the sphere of directions that is drawn on
TRAIL = 64  # glimpses


class Markers:
    """Makes the messages; remembers the trail, a fixed length of it."""

    def __init__(self, frame_id: str) -> None:
        """frame_id: of the mount, x forward, y left, z up."""
        self.frame_id = frame_id
        self.trail: deque[Point] = deque(maxlen=TRAIL)

    def clear(self) -> None:
        """A new episode."""
        self.trail.clear()

    def message(self, target: PanTiltZoom, seen: View | None, camera: SceneFrame, stamp: int) -> MarkerArray:
        """Frustum of `target`, trail up to the glimpse at `seen`."""
        if seen is not None:
            self.trail.append(_point(camera.ptz_from_view(seen), 0.0, 0.0))
        frustum = self._marker("frustum", Marker.LINE_LIST, stamp, ColorRGBA(r=0.1, g=0.7, b=1.0, a=1.0))
        half = math.tan(fov_from_zoom(camera.h0, target.zoom) / 2.0)
        corners = [_point(target, sx * half, sy * half) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        sides = zip(corners, corners[1:] + corners[:1], strict=True)
        frustum.points = [point for corner, after in sides for point in (Point(), corner, corner, after)]
        trail = self._marker("trail", Marker.LINE_STRIP, stamp, ColorRGBA(r=1.0, g=0.6, b=0.0, a=1.0))
        trail.points = list(self.trail)
        dots = self._marker("glimpses", Marker.SPHERE_LIST, stamp, ColorRGBA(r=1.0, g=0.6, b=0.0, a=1.0), 0.05)
        dots.points = list(self.trail)
        return MarkerArray(markers=[frustum, trail, dots])

    def _marker(self, name: str, kind: int, stamp: int, color: ColorRGBA, size: float = 0.01) -> Marker:
        marker = Marker(header=header(stamp, self.frame_id), ns=name, id=0, type=kind, action=Marker.ADD, color=color)
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = size
        return marker


def _point(ptz: PanTiltZoom, right: float, down: float) -> Point:
    """In the mount's frame, RADIUS away; right and down in units of the distance along the optical axis."""
    x, y, z = rotation(ptz) @ (right, down, 1.0)
    scale = RADIUS / math.sqrt(x * x + y * y + z * z)
    return Point(x=x * scale, y=y * scale, z=z * scale)
