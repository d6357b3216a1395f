"""Pictures put on things: on the faces of boxes, around cylinders, and as the holes of what one can see through."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry import F32, Cutout
from .paint import Hit, Material, Surface, linear, srgb


class Decal:
    """A picture (H, W, 3|4) sRGB uint8 in ever smaller copies; a fourth channel is its cover.

    Bytes, not linear light: a street holds some hundred pictures.
    """

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self.levels = [picture]
        level = _light(picture)
        while min(level.shape[:2]) > 8:
            level = np.asarray(
                cv2.resize(level, (level.shape[1] // 2, level.shape[0] // 2), interpolation=cv2.INTER_AREA)
            )
            self.levels.append(_bytes(level))
        self.mean = level[..., :3].reshape(-1, 3).mean(0)

    def read(self, u: F32, v: F32, texel: F32 | float = 0.0) -> F32:
        """(m, C) at u right and v up in [0, 1]; `texel` is the width that a point stands for, in pictures."""
        width = self.levels[0].shape[1]
        which = np.clip(np.floor(np.log2(np.maximum(np.asarray(texel) * width, 1e-6)) + 0.2), 0, len(self.levels) - 1)
        which = np.broadcast_to(which, u.shape)
        out = np.empty((len(u), self.levels[0].shape[2]), np.float32)
        for k in np.unique(which):
            sel, level = which == k, self.levels[int(k)]
            x = (u[sel] * level.shape[1] - 0.5).astype(np.float32)
            y = ((1 - v[sel]) * level.shape[0] - 0.5).astype(np.float32)
            for i in range(0, len(x), 30000):  # OpenCV's maps are narrower than 32768
                part = slice(i, i + 30000)
                got = cv2.remap(level, x[part, None], y[part, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                out[np.flatnonzero(sel)[part]] = _light(got.reshape(-1, out.shape[1]))
        return out


_LINEAR = linear(np.arange(256))


def _light(picture: NDArray[Any]) -> F32:
    """Linear light of sRGB bytes (..., 3|4); a fourth channel is only scaled to [0, 1]."""
    out = _LINEAR[picture]
    if picture.shape[-1] == 4:
        out[..., 3] = picture[..., 3] / np.float32(255)
    return out


def _bytes(light: F32) -> NDArray[np.uint8]:
    """The inverse of `_light`."""
    c = srgb(light)
    if light.shape[-1] == 4:
        c[..., 3] = light[..., 3]
    return np.round(c * 255).astype(np.uint8)


def pasted(
    picture: NDArray[np.uint8],
    rest: Material | None = None,
    mirror: float = 0.0,
    glow: float = 0.0,
    around: int = 0,
    through: bool = False,
) -> Material:
    """A picture on the front (y = -1) and back of a box, or wound `around` a cylinder so many times; else `rest`.

    mirror, glow: of the whole picture, or of its glass where it has a fourth channel.
    through: the back shows the front's picture from behind, as with things that one sees through.
    """
    decal = Decal(picture)
    mean_glow = None if glow == 0 else decal.mean * np.float32(glow)

    def shade(h: Hit) -> Surface:
        front = np.abs(h.unit[:, 1]) > 0.999 if not around else np.abs(h.unit[:, 2]) < 0.999
        out = rest.shade(h) if rest is not None else Surface(np.tile(decal.mean * 0.6, (len(h.u), 1)))
        if around:
            u = (np.arctan2(h.unit[:, 1], h.unit[:, 0]) / (2 * np.pi) * around) % 1
        else:
            flip = np.where((h.unit[:, 1] > 0) & (not through), -1, 1)
            u = 0.5 + flip * h.unit[:, 0] / 2
        width = 2 * h.half[front, 0] * (np.pi / around if around else 1)
        got = decal.read(u[front], h.unit[front, 2] / 2 + 0.5, h.foot[front] / width * 0.6)
        glass = got[:, 3] if got.shape[1] == 4 else np.ones(len(got), np.float32)
        out.albedo[front] = got[:, :3]
        out.mirror = np.broadcast_to(np.float32(out.mirror), h.u.shape).copy()
        out.mirror[front] = mirror * glass
        if glow:
            out.glow = np.zeros_like(out.albedo)
            out.glow[front] = got[:, :3] * (glow * glass)[:, None]
        if out.slope is not None:
            out.slope = tuple(np.where(front, 0, s) for s in out.slope)  # type: ignore[assignment]
        return out

    return Material(shade, decal.mean, mean_glow)


def stencil(picture: NDArray[np.uint8]) -> Cutout:
    """Holes through a flat box where the picture's fourth channel is empty."""
    cover = Decal(picture)

    def there(unit: F32, rnd: float) -> NDArray[np.bool_]:
        return cover.read(unit[0] / 2 + 0.5, unit[2] / 2 + 0.5)[:, 3] > 0.5

    return there
