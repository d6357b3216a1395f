"""Scene coordinates to views and back, and camera images onto the canvas. The only module that does.

Conventions
-----------
spherical  x = -pan / pi (wraps), y = tilt / (pi / 2): the canvas is equirectangular, its centre straight ahead.
planar     the canvas is a pinhole image of `scene_fov`: x = -tan(pan) / tan(hfov / 2),
           y = tan(tilt) / (cos(pan) * tan(vfov / 2)).
s          is the camera's field of view over the scene's, hfov(zoom) = 2 atan(tan(h0 / 2) / zoom). A glimpse is
           square, so for a sensor wider than high `h0` is the smaller of its two fields of view.
camera     x right, y down, z along the optical axis; a pixel's centre is at half integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .types import GlimpseError, Limits, MountLimits, PanTiltZoom, Projection, View

S_SLACK = 1e-6  # ranges of s that only rounding keeps apart do meet: many models know a single s


def wrap(x: float) -> float:
    """x onto [-1, 1)."""
    return (x + 1.0) % 2.0 - 1.0


def fov_from_zoom(h0: float, zoom: float) -> float:
    """Field of view [rad] at a zoom factor; `h0` [rad] is that of zoom 1."""
    return 2.0 * math.atan(math.tan(h0 / 2.0) / zoom)


def zoom_from_fov(h0: float, fov: float) -> float:
    """Zoom factor whose field of view is `fov` [rad]; `h0` [rad] is that of zoom 1."""
    return math.tan(h0 / 2.0) / math.tan(fov / 2.0)


def clamp_view(view: View, limits: Limits, projection: Projection) -> View:
    """The nearest view inside the limits; a spherical x wraps first, and goes to the nearer end."""
    x = wrap(view.x) if projection == "spherical" else view.x
    low, high = limits.x
    if projection == "spherical" and not low <= x <= high:
        x = low if abs(wrap(x - low)) <= abs(wrap(x - high)) else high
    return View(
        min(max(x, low), high),
        min(max(view.y, limits.y[0]), limits.y[1]),
        min(max(view.s, limits.s[0]), limits.s[1]),
    )


def overlap(limits: Limits, s_range: tuple[float, float], who: str) -> Limits:
    """The camera's limits, their s narrowed to the scene model's range. Raises GlimpseError where they do not meet."""
    low, high = max(limits.s[0], s_range[0]), min(limits.s[1], s_range[1])
    if low > high + S_SLACK:
        raise GlimpseError(
            f"{who}: the camera's s is {limits.s[0]:.3g} to {limits.s[1]:.3g}, the scene model's {s_range[0]:.3g} to "
            f"{s_range[1]:.3g}; expected ranges that overlap"
        )
    return Limits(limits.x, limits.y, (min(low, high), high))


@dataclass(frozen=True)
class SceneFrame:
    """One camera in one scene.

    h0: field of view [rad] at zoom 1 (the smaller of the sensor's two).
    scene_fov: horizontal, vertical extent [rad] of the scene; (2 pi, pi) when spherical.
    mount: the limits of the mount in its own units.
    """

    projection: Projection = "spherical"
    h0: float = math.radians(60.0)
    scene_fov: tuple[float, float] = (2.0 * math.pi, math.pi)
    mount: MountLimits = MountLimits()

    def __post_init__(self) -> None:
        if not 0.0 < self.h0 < math.pi:
            raise GlimpseError(f"field of view {math.degrees(self.h0):.1f} deg: expected more than 0, less than 180")
        if self.projection == "planar" and not all(0.0 < f < math.pi for f in self.scene_fov):
            raise GlimpseError(
                f"planar scene of {math.degrees(self.scene_fov[0]):.1f} x {math.degrees(self.scene_fov[1]):.1f} deg: "
                "expected more than 0, less than 180"
            )

    def view_from_ptz(self, ptz: PanTiltZoom) -> View:
        """Mount frame to scene frame."""
        s = fov_from_zoom(self.h0, ptz.zoom) / self.scene_fov[0]
        if self.projection == "spherical":
            return View(wrap(-ptz.pan / math.pi), ptz.tilt / (math.pi / 2.0), s)
        half_w, half_h = (math.tan(f / 2.0) for f in self.scene_fov)
        return View(-math.tan(ptz.pan) / half_w, math.tan(ptz.tilt) / (math.cos(ptz.pan) * half_h), s)

    def ptz_from_view(self, view: View, near: float = 0.0) -> PanTiltZoom:
        """Scene frame to mount frame, clamped last; of equal pans [rad] the one nearest to `near` that can be reached.

        near: the mount's present pan [rad], so that it does not unwind without need.
        """
        zoom = zoom_from_fov(self.h0, min(view.s * self.scene_fov[0], math.pi * 0.999))
        if self.projection == "spherical":
            pan = self._reachable_pan(-view.x * math.pi, near)
            tilt = view.y * (math.pi / 2.0)
        else:
            half_w, half_h = (math.tan(f / 2.0) for f in self.scene_fov)
            pan = -math.atan(view.x * half_w)
            tilt = math.atan(view.y * half_h * math.cos(pan))
        return self.clamp(PanTiltZoom(pan, tilt, zoom))

    def clamp(self, ptz: PanTiltZoom) -> PanTiltZoom:
        """Into the limits of the mount."""
        m = self.mount
        return PanTiltZoom(
            min(max(ptz.pan, m.pan[0]), m.pan[1]),
            min(max(ptz.tilt, m.tilt[0]), m.tilt[1]),
            min(max(ptz.zoom, m.zoom[0]), m.zoom[1]),
        )

    def limits(self) -> Limits:
        """The limits of the mount in scene coordinates."""
        m = self.mount
        s = (
            fov_from_zoom(self.h0, m.zoom[1]) / self.scene_fov[0],
            fov_from_zoom(self.h0, m.zoom[0]) / self.scene_fov[0],
        )
        if self.projection == "spherical":
            full_turn = m.pan[1] - m.pan[0] >= 2.0 * math.pi - 1e-9
            # A range of pans that crosses straight behind is not an interval of wrapped x: leave it to `clamp`.
            inside = -math.pi - 1e-9 <= m.pan[0] and m.pan[1] <= math.pi + 1e-9
            x = (-m.pan[1] / math.pi, -m.pan[0] / math.pi) if inside and not full_turn else (-1.0, 1.0)
            y = (m.tilt[0] / (math.pi / 2.0), m.tilt[1] / (math.pi / 2.0))
        else:
            half_w, half_h = (math.tan(f / 2.0) for f in self.scene_fov)
            edge = math.pi / 2.0 - 1e-6
            x = (-math.tan(min(m.pan[1], edge)) / half_w, -math.tan(max(m.pan[0], -edge)) / half_w)
            y = (math.tan(max(m.tilt[0], -edge)) / half_h, math.tan(min(m.tilt[1], edge)) / half_h)
        return Limits((max(x[0], -1.0), min(x[1], 1.0)), (max(y[0], -1.0), min(y[1], 1.0)), (s[0], min(s[1], 1.0)))

    def _reachable_pan(self, pan: float, near: float) -> float:
        low, high = self.mount.pan
        turn = 2.0 * math.pi
        branches = [pan + k * turn for k in range(math.ceil((low - pan) / turn), math.floor((high - pan) / turn) + 1)]
        if branches:
            return min(branches, key=lambda p: abs(p - near))
        # Out of reach: the end of the range that is nearer on the circle, for `clamp` to keep.
        return min((low, high), key=lambda p: abs((pan - p + math.pi) % turn - math.pi))


def rotation(ptz: PanTiltZoom) -> NDArray[np.float64]:
    """(3, 3): mount_from_camera, columns are the camera's x right, y down, z forward in the mount frame."""
    cp, sp, ct, st = math.cos(ptz.pan), math.sin(ptz.pan), math.cos(ptz.tilt), math.sin(ptz.tilt)
    return np.array([[sp, -cp * st, cp * ct], [-cp, -sp * st, sp * ct], [0.0, -ct, -st]])


def perspective_from_equirect(
    panorama: NDArray[np.uint8], ptz: PanTiltZoom, fov: float, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """What a pinhole camera sees: (H, W, 3) of `size` = (height, width); `fov` [rad] spans the smaller side.

    Wraps in x; beyond a pole it comes back on the other side. Where the panorama is finer than the image it is
    read from an area-averaged copy, so that a wide view does not alias.
    """
    height, width = size
    focal = min(height, width) / 2.0 / math.tan(fov / 2.0)
    shrink = panorama.shape[1] / (2.0 * math.pi) / focal
    if shrink > 1.5:
        small = (max(2, round(panorama.shape[1] / shrink)), max(1, round(panorama.shape[0] / shrink)))
        panorama = np.asarray(cv2.resize(panorama, small, interpolation=cv2.INTER_AREA), np.uint8)
    v, u = np.mgrid[:height, :width] + 0.5
    rays = np.stack([u - width / 2.0, v - height / 2.0, np.full_like(u, focal)], -1) @ rotation(ptz).T  # (H, W, 3)
    lon = np.arctan2(-rays[..., 1], rays[..., 0])  # right positive
    lat = np.arctan2(-rays[..., 2], np.hypot(rays[..., 0], rays[..., 1]))  # down positive
    rows, cols = panorama.shape[:2]
    map_x = ((lon / math.pi + 1.0) / 2.0 * cols - 0.5).astype(np.float32) + 1.0  # one column of wrap on the left
    map_y = ((lat / (math.pi / 2.0) + 1.0) / 2.0 * rows - 0.5).astype(np.float32)
    padded = cv2.copyMakeBorder(panorama, 0, 0, 1, 1, cv2.BORDER_WRAP)
    return np.asarray(cv2.remap(padded, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def canvas_crop_from_perspective(
    image: NDArray[np.uint8], ptz: PanTiltZoom, fov: float, view: View, size: int
) -> NDArray[np.uint8]:
    """The spherical warp: a pinhole image as the (size, size, 3) equirectangular crop at `view`.

    `fov` [rad] spans the smaller side of `image`. The corners of a wide crop see a little past the image: its edge
    is repeated there.
    """
    height, width = image.shape[:2]
    focal = min(height, width) / 2.0 / math.tan(fov / 2.0)
    half_lon, half_lat = view.s * math.pi, min(view.s, 0.5) * math.pi
    ticks = (np.arange(size) + 0.5) / size * 2.0 - 1.0
    lon = view.x * math.pi + ticks[None, :] * half_lon  # right positive
    lat = view.y * math.pi / 2.0 + ticks[:, None] * half_lat  # down positive
    x = np.cos(lat) * np.cos(lon)
    y = -np.cos(lat) * np.sin(lon)
    z = np.broadcast_to(-np.sin(lat), x.shape)
    camera = np.stack([x, y, z], -1) @ rotation(ptz)  # (size, size, 3)
    depth = np.maximum(camera[..., 2], 1e-3)
    map_x = (camera[..., 0] / depth * focal + width / 2.0 - 0.5).astype(np.float32)
    map_y = (camera[..., 1] / depth * focal + height / 2.0 - 0.5).astype(np.float32)
    return np.asarray(cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
