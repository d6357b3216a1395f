"""The mosaic: a memory of what was really seen, and the scene model that needs no file.

Each glimpse is resampled bicubically from its own few pixels and pasted where it is at least as sharp as what is
there; the rest is filled by multi-scale normalised convolution (push-pull: Gortler et al., The Lumigraph, 1996,
section 3.4) that wraps in x on a spherical canvas. It is the baseline that every learned model has to beat at the
same pixel budget, and the fallback when there is no bundle.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .retina import box_px
from .types import Glimpse, GlimpseSpec, Projection, SceneEstimate, SceneInfo, SceneSpec, View

BELIEF_GRID = (16, 32)  # rows, columns of the coarse belief
SHARPEST_S = 1.0 / 16.0  # a glimpse this narrow counts as fully sharp


def sharpness(s: float) -> float:
    """How sharp a glimpse of width s is: 0.2 the whole scene at once, 1 at s = 1/16, log2 in between; 0 is unseen."""
    return float(np.clip((1.0 + np.log2(1.0 / s)) / (1.0 + np.log2(1.0 / SHARPEST_S)), 0.05, 1.0))


class Mosaic:
    """Pastes what was seen. A `SceneModel`; colours are float32 (H, W, 3) RGB in [0, 1] inside."""

    fades = True  # knows `forget`

    def __init__(self, scene: SceneSpec | None = None, glimpse: GlimpseSpec | None = None) -> None:
        self.scene = scene or SceneSpec(256, 512, "spherical")
        self.info = SceneInfo(
            name="mosaic",
            scene=self.scene,
            glimpse=glimpse or GlimpseSpec(32),
            s_range=(1.0 / 16.0, 1.0),
            belief_id="mosaic",
            family="mosaic",
        )
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        shape = (self.scene.height, self.scene.width)
        self.colour: NDArray[np.float32] = np.zeros((*shape, 3), np.float32)
        self.sharpness: NDArray[np.float32] = np.zeros(shape, np.float32)
        self.age: NDArray[np.int32] = np.zeros(shape, np.int32)  # glimpses since a pixel was last written
        self._filled: NDArray[np.float32] | None = None

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(H, W) where anything was seen."""
        return self.sharpness > 0

    def coverage(self) -> float:
        """Share of the canvas that was seen, 0 to 1."""
        return float(self.seen.mean())

    def paste(self, glimpse: Glimpse) -> None:
        """Write a glimpse, coarsest scale first, wherever it is at least as sharp as what is there."""
        self.age += self.seen
        scales = self.info.glimpse.scales
        for fraction, pixels in sorted(zip(scales, glimpse.pixels, strict=True), key=lambda pair: -pair[0]):
            self._paste_scale(pixels, View(glimpse.view.x, glimpse.view.y, glimpse.view.s * fraction))
        self._filled = None

    def _paste_scale(self, pixels: NDArray[np.float32], view: View) -> None:
        height, width = self.seen.shape
        left, top, w, h = box_px(view, height, width)
        enlarged = cv2.resize(pixels.transpose(1, 2, 0), (w, h), interpolation=cv2.INTER_CUBIC)
        patch = np.asarray(np.clip(enlarged, 0.0, 1.0), np.float32)
        rows, cols = np.arange(top, top + h), np.arange(left, left + w)
        keep_y = (rows >= 0) & (rows < height)
        keep_x = np.ones(w, bool) if self.scene.projection == "spherical" else (cols >= 0) & (cols < width)
        rows, cols, patch = rows[keep_y], cols[keep_x] % width, patch[keep_y][:, keep_x]
        box = np.ix_(rows, cols)
        sharp = sharpness(view.s)
        write = self.sharpness[box] <= sharp + 1e-6  # (h, w)
        self.colour[box] = np.where(write[..., None], patch, self.colour[box])
        self.age[box] = np.where(write, 0, self.age[box])
        self.sharpness[box] = np.maximum(self.sharpness[box], sharp)

    def forget(self, rate: float) -> None:
        """Let the memory fade: sharpness falls by the share `rate`, so that newer looks win over older ones."""
        self.sharpness *= np.float32(1.0 - rate)
        self._filled = None

    def filled(self) -> NDArray[np.float32]:
        """(H, W, 3) RGB in [0, 1]: what was seen, and a smooth guess elsewhere; mid grey before the first glimpse."""
        if self._filled is None:
            self._filled = fill(self.colour, self.seen, self.scene.projection)
        return self._filled

    def image(self) -> NDArray[np.uint8]:
        """The filled mosaic as (H, W, 3) uint8 RGB."""
        return np.rint(self.filled() * 255.0).astype(np.uint8)

    def step(self, glimpse: Glimpse, decode: bool = True) -> SceneEstimate:
        """Paste, then estimate."""
        self.paste(glimpse)
        return self._estimate(decode)

    def empty(self) -> SceneEstimate:
        """The estimate before anything was seen."""
        return Mosaic(self.scene, self.info.glimpse)._estimate(True)

    def _estimate(self, decode: bool) -> SceneEstimate:
        rows, cols = BELIEF_GRID
        filled = self.filled()
        coarse = np.asarray(cv2.resize(filled, (cols, rows), interpolation=cv2.INTER_AREA), np.float32)
        sharp = np.asarray(cv2.resize(self.sharpness, (cols, rows), interpolation=cv2.INTER_AREA), np.float32)
        belief = np.concatenate([coarse, sharp[..., None]], -1).reshape(rows * cols, 4)
        return SceneEstimate(
            belief=belief,
            reconstruction=filled.transpose(2, 0, 1) if decode else None,
            uncertainty=1.0 - sharp,
        )


def fill(colour: NDArray[np.float32], seen: NDArray[np.bool_], projection: Projection) -> NDArray[np.float32]:
    """Fill (H, W, 3) where `seen` (H, W) is False, by normalised convolution at doubling scales.

    Every scale blurs what was seen by a Gaussian twice as wide as the one before and divides by the blurred mask; an
    unseen pixel takes a blend that the finest scales with any evidence dominate.
    """
    if not seen.any():
        return np.full_like(colour, 0.5)
    if seen.all():
        return colour.copy()  # not the memory itself, which later glimpses change
    height, width = seen.shape
    levels = [(colour * seen[..., None], seen.astype(np.float32))]
    while min(levels[-1][1].shape) > 2:
        c, m = levels[-1]
        half = (max(2, m.shape[1] // 2), max(1, m.shape[0] // 2))
        levels.append((_smooth_half(c, half, projection), _smooth_half(m, half, projection)))
    c, m = levels[-1]
    mean = c.sum((0, 1)) / m.sum()
    estimate = np.where(m[..., None] > 1e-4, c / np.maximum(m, 1e-4)[..., None], mean)
    for c, m in reversed(levels[:-1]):
        estimate = _resize_wrapped(estimate, (m.shape[1], m.shape[0]), projection)
        weight = np.clip(m * 2.0, 0.0, 1.0)[..., None]  # trust a scale once half of its support was seen
        estimate = weight * c / np.maximum(m, 1e-4)[..., None] + (1.0 - weight) * estimate
    return np.asarray(np.where(seen[..., None], colour, np.clip(estimate, 0.0, 1.0)), np.float32)


def _pad(image: NDArray[np.float32], n: int, projection: Projection) -> NDArray[np.float32]:
    tall = cv2.copyMakeBorder(image, n, n, 0, 0, cv2.BORDER_REPLICATE)
    side = cv2.BORDER_WRAP if projection == "spherical" else cv2.BORDER_REPLICATE
    return np.asarray(cv2.copyMakeBorder(tall, 0, 0, n, n, side), np.float32)


def _smooth_half(image: NDArray[np.float32], size: tuple[int, int], projection: Projection) -> NDArray[np.float32]:
    """Blur, then halve to `size` = (width, height)."""
    blurred = cv2.GaussianBlur(_pad(image, 4, projection), (5, 5), 1.0)[4:-4, 4:-4]
    return np.asarray(cv2.resize(blurred, size, interpolation=cv2.INTER_AREA), np.float32)


def _resize_wrapped(image: NDArray[np.float32], size: tuple[int, int], projection: Projection) -> NDArray[np.float32]:
    """Linear resize to `size` = (width, height), continuous across the seam."""
    width, height = size
    factor_x, factor_y = width / image.shape[1], height / image.shape[0]
    padded = _pad(image, 1, projection)
    u = ((np.arange(width) + 0.5) / factor_x + 0.5).astype(np.float32)
    v = ((np.arange(height) + 0.5) / factor_y + 0.5).astype(np.float32)
    map_x, map_y = np.meshgrid(u, v)
    return np.asarray(cv2.remap(padded, map_x, map_y, cv2.INTER_LINEAR), np.float32)
