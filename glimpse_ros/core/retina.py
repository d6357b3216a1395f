"""The sensor: a canvas seen at (x, y, s) as S scales of g x g pixels.

Conventions
-----------
A glimpse covers s*W x min(s*W, H) pixels of a W x H canvas, centred at ((x + 1) / 2 * W, (y + 1) / 2 * H) with pixel
centres at half integers. The box is snapped to whole canvas pixels, so that area averaging is exact; the view that
comes back is that of the snapped box. `padding` says what lies outside: "clamp" moves the view inside, "zero" is
black, "edge" repeats the border. A spherical canvas always wraps in x.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .scene_frame import wrap
from .types import GlimpseError, GlimpseSpec, Projection, SceneSpec, View

PADDINGS = ("clamp", "zero", "edge")
MAX_SIDE = 2048  # [px] of a canvas that is kept; finer than any glimpse of 32 px at s = 1/16 needs


def bounded(canvas: NDArray[np.uint8], max_side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """The one resize when a large frame is taken in: (H, W, 3), its longer side at most `max_side` pixels."""
    longest = max(canvas.shape[:2])
    if longest <= max_side:
        return canvas
    height, width = (max(1, round(n * max_side / longest)) for n in canvas.shape[:2])
    return shrunk(canvas, height, width)


def shrunk(canvas: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """(height, width, 3), no larger than the canvas, by area.

    Halved first as often as that goes: OpenCV's area resize is many times faster by exactly two than by a fraction
    (32 megapixels to 2048 px: 32 ms of CPU time instead of 69). Between pixels of the result the halves' own pixels are
    shared, not the canvas's: exact where the factor is a power of two, else softer by less than a pixel of the canvas.
    """
    while canvas.shape[0] >= 2 * height and canvas.shape[1] >= 2 * width and not any(n % 2 for n in canvas.shape[:2]):
        canvas = np.asarray(cv2.resize(canvas, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    if canvas.shape[:2] == (height, width):
        return canvas
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def canvas_for(image: NDArray[np.uint8], scene: SceneSpec) -> NDArray[np.uint8]:
    """A wide frame (H, W, 3) as a canvas of the scene's aspect, its longer side at most MAX_SIDE: one resize or none.

    Boxes are s*W wide and as many pixels high, on the frame as on the model's canvas: so their aspects must agree. A
    frame of another aspect is squeezed, so that all of it can be looked at, and nothing else.
    """
    height, width = image.shape[:2]
    longest = max(scene.height, scene.width)
    scale = min(max(height, width), MAX_SIDE) / longest
    h, w = max(1, round(scene.height * scale)), max(1, round(scene.width * scale))
    if abs(h - height) <= 1 and abs(w - width) <= 1:
        return image
    # Area averaging is four times slower, and where it hardly shrinks linear does not alias.
    if max(height / h, width / w) > 1.5:
        return shrunk(image, h, w)
    return np.asarray(cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR), np.uint8)


def box_px(view: View, height: int, width: int, smallest: int = 1) -> tuple[int, int, int, int]:
    """left, top, width, height [px] of the view's box on the canvas; it may reach beyond the canvas."""
    w = min(max(round(view.s * width), min(smallest, width)), width)
    h = min(w, height)
    left = round((view.x + 1.0) / 2.0 * width - w / 2.0)
    top = round((view.y + 1.0) / 2.0 * height - h / 2.0)
    return left, top, w, h


def view_from_box(left: int, top: int, w: int, h: int, height: int, width: int, projection: Projection) -> View:
    """The view whose box is exactly this one."""
    x = (left + w / 2.0) / width * 2.0 - 1.0
    return View(wrap(x) if projection == "spherical" else x, (top + h / 2.0) / height * 2.0 - 1.0, w / width)


def crop(
    canvas: NDArray[np.generic], left: int, top: int, w: int, h: int, projection: Projection, padding: str
) -> NDArray[np.generic]:
    """(h, w, ...) pixels of the canvas, wrapped in x when spherical, padded elsewhere."""
    height, width = canvas.shape[:2]
    if 0 <= left and left + w <= width and 0 <= top and top + h <= height:
        return canvas[top : top + h, left : left + w]
    if projection == "spherical" and 0 <= top and top + h <= height and w <= width:
        left %= width  # at most two slices: ten times faster than a gather
        if left + w <= width:
            return canvas[top : top + h, left : left + w]
        return np.concatenate([canvas[top : top + h, left:], canvas[top : top + h, : left + w - width]], 1)
    if padding == "zero" and projection == "planar":  # one slice: five times faster than a gather
        patch = np.zeros((h, w, *canvas.shape[2:]), canvas.dtype)
        y0, y1, x0, x1 = max(top, 0), min(top + h, height), max(left, 0), min(left + w, width)
        if y0 < y1 and x0 < x1:
            patch[y0 - top : y1 - top, x0 - left : x1 - left] = canvas[y0:y1, x0:x1]
        return patch
    cols, rows = np.arange(left, left + w), np.arange(top, top + h)
    if projection == "spherical":
        cols %= width
    patch = canvas[np.clip(rows, 0, height - 1)[:, None], np.clip(cols, 0, width - 1)[None, :]]
    if padding == "zero":  # what lies beyond a pole
        patch[(rows < 0) | (rows >= height)] = 0
    return patch


def sample(
    canvas: NDArray[np.generic], view: View, spec: GlimpseSpec, projection: Projection, padding: str = "clamp"
) -> tuple[NDArray[np.float32], View]:
    """One glimpse.

    canvas: (H, W, 3), uint8, or float32 in [0, 1].
    Returns (S, 3, g, g) float32 in [0, 1], finest scale first, and the view where it was really taken.
    Raises GlimpseError for an unknown padding.
    """
    if padding not in PADDINGS:
        raise GlimpseError(f"padding {padding!r}: expected one of {', '.join(PADDINGS)}")
    height, width = canvas.shape[:2]
    left, top, w, h = box_px(view, height, width, smallest=spec.size)
    if padding == "clamp":
        top = min(max(top, 0), height - h)
        if projection == "planar":
            left = min(max(left, 0), width - w)
    if projection == "spherical":
        left %= width
    taken = view_from_box(left, top, w, h, height, width, projection)
    pixels = np.empty((len(spec.scales), 3, spec.size, spec.size), np.float32)
    for i, fraction in enumerate(spec.scales):
        w_i, h_i = max(1, round(w * fraction)), max(1, round(h * fraction))
        patch = crop(canvas, left + (w - w_i) // 2, top + (h - h_i) // 2, w_i, h_i, projection, padding)
        pixels[i] = averaged(patch, spec.size, spec.size)
    return pixels, taken


def averaged(patch: NDArray[np.generic], height: int, width: int) -> NDArray[np.float32]:
    """(h, w, 3), uint8 or float in [0, 1], to (3, height, width) in [0, 1]: by area where it shrinks, else linear."""
    resized = cv2.resize(np.ascontiguousarray(patch), (width, height), interpolation=cv2.INTER_AREA)
    return resized.astype(np.float32).transpose(2, 0, 1) / (255.0 if patch.dtype == np.uint8 else 1.0)
