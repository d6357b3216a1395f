"""From a world to a picture and its labels: rays through pixels, a tile at a time.

A picture is made in bands of rows, so that memory stays bounded. In each band light that falls directly is traced
for every sample; light that comes from all around by one random ray per pixel, then smoothed over each surface.
Random numbers are hashes of the pixel's place, so bands and tiles leave no trace and a seed repeats exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .classes import CLASSES
from .geometry import F32
from .noise import cell_hash
from .paint import srgb
from .scene import World
from .shade import Shader

HALO = 15  # rows around a band that its smoothing reaches
BAND = 256  # rows
RAYS = 8192  # in a tile


@dataclass(frozen=True)
class Camera:
    """Where a picture's rays go.

    fov: horizontal field of view [rad] of a planar picture; None: the whole sphere, equirectangular 2:1.
    tilt: [rad] down, of a planar picture.
    """

    height: int
    width: int
    heading: float = 0.0  # pan of the centre [rad], left positive
    fov: float | None = None
    tilt: float = 0.0

    def rays(self, x: F32, y: F32) -> tuple[F32, F32]:
        """(3, m) unit directions through image places (m,) in pixels, and (m,) the angle a pixel spans [rad]."""
        if self.fov is None:
            lon = self.heading - (x / self.width * 2 - 1) * math.pi  # left positive
            lat = (0.5 - y / self.height) * math.pi
            c = np.cos(lat)
            d = np.stack([c * np.cos(lon), c * np.sin(lon), np.sin(lat)])
            return d.astype(np.float32), np.full(x.shape, math.pi / self.height, np.float32)
        focal = self.width / 2 / math.tan(self.fov / 2)
        right, down = (x - self.width / 2) / focal, (y - self.height / 2) / focal
        ch, sh, ct, st = math.cos(self.heading), math.sin(self.heading), math.cos(self.tilt), math.sin(self.tilt)
        ahead, up = ct - down * st, -st - down * ct
        d = np.stack([ch * ahead + sh * right, sh * ahead - ch * right, up])
        length = np.linalg.norm(d, axis=0)
        return (d / length).astype(np.float32), (1 / (focal * length)).astype(np.float32)


def render(
    world: World, camera: Camera, samples: int = 4, progress: Callable[[float], None] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The picture (H, W, 3) sRGB and its labels (H, W) class ids.

    samples: rays per pixel, rounded to a square number; the label is the class of most of them.
    progress: called with the finished fraction, now and then.
    """
    side = max(1, round(math.sqrt(samples)))
    shader = Shader(world)
    image = np.empty((camera.height, camera.width, 3), np.uint8)
    labels = np.empty((camera.height, camera.width), np.uint8)
    for top in range(0, camera.height, BAND):
        bottom = min(top + BAND, camera.height)
        low, high = max(top - HALO, 0), min(bottom + HALO, camera.height)
        layers = _Layers(high - low, camera.width)
        tile = max(4, int(math.sqrt(RAYS) / side))
        for y in range(low, high, tile):
            for x in range(0, camera.width, tile):
                _tile(shader, camera, layers, low, y, min(y + tile, high), x, min(x + tile, camera.width), side)
            if progress is not None:
                progress(min((top + (y - low) / (high - low) * (bottom - top)) / camera.height, 1.0))
        light = smooth(layers, layers.light, (1, 2, 4, 8), wraps=camera.fov is None)
        light += smooth(layers, layers.lamps, (1, 2, 4), wraps=camera.fov is None)
        keep = slice(top - low, bottom - low)
        image[top:bottom] = develop(layers.direct[keep] + layers.albedo[keep] * light[keep], world.exposure)
        labels[top:bottom] = layers.label[keep]
    if progress is not None:
        progress(1.0)
    return image, labels


class _Layers:
    """What is known of each pixel of a band before the light from all around is smoothed."""

    def __init__(self, height: int, width: int) -> None:
        self.direct = np.zeros((height, width, 3), np.float32)  # light that needs no smoothing
        self.albedo = np.zeros((height, width, 3), np.float32)
        self.light = np.zeros((height, width, 3), np.float32)  # from all around
        self.lamps = np.zeros((height, width, 3), np.float32)
        self.point = np.zeros((height, width, 3), np.float32)  # world
        self.normal = np.zeros((height, width, 3), np.float32)
        self.distance = np.zeros((height, width), np.float32)
        self.label = np.zeros((height, width), np.uint8)


def _tile(
    shader: Shader, camera: Camera, out: _Layers, low: int, y0: int, y1: int, x0: int, x1: int, side: int
) -> None:
    h, w, n = y1 - y0, x1 - x0, side * side
    ys, xs = (a.reshape(-1) for a in np.mgrid[y0:y1, x0:x1])
    # Samples of a pixel lie next to each other: (pixels, samples) flattened.
    k = np.arange(n)
    # Shear the square grid, so that no two samples of a pixel share a row or column: near-level edges get all steps.
    sx = (k % side + (k // side + 0.5) / side) / side
    sy = (k // side + (k % side + 0.5) / side) / side
    d, angle = camera.rays((xs[:, None] + sx).reshape(-1), (ys[:, None] + sy).reshape(-1))
    px, py = np.repeat(xs, n), np.repeat(ys, n)
    # Stratified: the samples of a pixel take different parts of the unit square.
    part = np.stack([k % side, k // side]).astype(np.float32)
    jitter = np.stack([cell_hash(px * 64 + np.tile(k, h * w), py, salt) for salt in (21, 22)])
    random = (np.tile(part, h * w) + jitter) / side
    got = shader.trace(d, angle, random, samples=n, pattern=(xs % 4) + 4 * (ys % 4))
    rows, cols = slice(y0 - low, y1 - low), slice(x0, x1)
    out.light[rows, cols], out.lamps[rows, cols] = got.light.reshape(h, w, 3), got.lamps.reshape(h, w, 3)
    for name in ("direct", "albedo"):
        getattr(out, name)[rows, cols] = getattr(got, name).reshape(h, w, n, 3).mean(2)
    for name in ("point", "normal"):
        getattr(out, name)[rows, cols] = getattr(got, name)[got.lead].reshape(h, w, 3)
    out.distance[rows, cols] = got.distance[got.lead].reshape(h, w)
    votes = got.label.reshape(h * w, n)
    present = np.unique(votes)
    counts = np.stack([(votes == c).sum(1) for c in present])
    out.label[rows, cols] = present[counts.argmax(0)].reshape(h, w)
    assert present[-1] < len(CLASSES)


def smooth(layers: _Layers, light: F32, steps: tuple[int, ...], wraps: bool) -> F32:
    """Light averaged over neighbours on the same surface: (h, w, 3).

    Passes of a 3x3 kernel with holes, each of `steps` pixels, reach as far as their sum; a neighbour counts when it
    lies in the plane of the middle one and faces the same way.
    """
    point, normal = layers.point, layers.normal
    h, w = light.shape[:2]
    near = 0.02 + 0.012 * layers.distance
    for step in steps:
        pad = ((step, step), (step, step), (0, 0))
        padded = [_pad(a, pad, wraps) for a in (light, point, normal)]
        total, weight = np.zeros_like(light), np.zeros((h, w), np.float32)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                at = (slice(step + dy * step, step + dy * step + h), slice(step + dx * step, step + dx * step + w))
                other, p, n = (a[at] for a in padded)
                k = np.float32((2 - abs(dy)) * (2 - abs(dx)))
                if dx or dy:
                    flat = np.abs(np.einsum("hwc,hwc->hw", p - point, normal)) < near
                    k = k * (flat & (np.einsum("hwc,hwc->hw", n, normal) > 0.85))
                weight += k
                total += other * np.asarray(k)[..., None]
        light = total / weight[..., None]
    return light


def _pad(a: F32, pad: tuple, wraps: bool) -> F32:
    a = np.pad(a, (pad[0], (0, 0), (0, 0)), mode="edge")
    return np.pad(a, ((0, 0), pad[1], (0, 0)), mode="wrap" if wraps else "edge")


def develop(light: F32, exposure: float) -> NDArray[np.uint8]:
    """Linear light to sRGB bytes along a film-like curve (Narkowicz's fit of the ACES tone curve)."""
    x = light * np.float32(exposure)
    return np.round(srgb(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)) * 255).astype(np.uint8)
