"""Image messages to pixels, without cv_bridge: (encoding, size, step, bytes) or a compressed file -> uint8 RGB.

Conventions
-----------
encodings  those of sensor_msgs/image_encodings that carry a picture. `8UC3` and `8UC4` are taken as BGR(A), OpenCV's
           order. 16-bit values keep their high byte (a fixed scale: two frames of one camera stay comparable).
           YUV 4:2:2 is BT.601, limited range, as cv_bridge converts it.
trust      the bytes come from anywhere: every size is checked before memory is taken for it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .image_size import FORMATS, compressed_size, is_cut_short
from .types import GlimpseError

MAX_PIXELS = 1 << 26  # 67 megapixels: 8192 x 8192

# encoding -> (channels, bytes per channel, OpenCV conversion to RGB, None: it is RGB already)
_ENCODINGS: dict[str, tuple[int, int, int | None]] = {
    "rgb8": (3, 1, None),
    "bgr8": (3, 1, cv2.COLOR_BGR2RGB),
    "rgba8": (4, 1, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, 1, cv2.COLOR_BGRA2RGB),
    "mono8": (1, 1, cv2.COLOR_GRAY2RGB),
    "8uc1": (1, 1, cv2.COLOR_GRAY2RGB),
    "8uc3": (3, 1, cv2.COLOR_BGR2RGB),
    "8uc4": (4, 1, cv2.COLOR_BGRA2RGB),
    "rgb16": (3, 2, None),
    "bgr16": (3, 2, cv2.COLOR_BGR2RGB),
    "rgba16": (4, 2, cv2.COLOR_RGBA2RGB),
    "bgra16": (4, 2, cv2.COLOR_BGRA2RGB),
    "mono16": (1, 2, cv2.COLOR_GRAY2RGB),
    "16uc1": (1, 2, cv2.COLOR_GRAY2RGB),
    "yuv422": (2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (2, 1, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (2, 1, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (2, 1, cv2.COLOR_YUV2RGB_YUY2),
    # OpenCV names a Bayer pattern by its second row, second and third pixel; RGGB2RGB and the like came with 4.5.5.
    "bayer_rggb8": (1, 1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": (1, 1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": (1, 1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": (1, 1, cv2.COLOR_BayerGB2RGB),
    "bayer_rggb16": (1, 2, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr16": (1, 2, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg16": (1, 2, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg16": (1, 2, cv2.COLOR_BayerGB2RGB),
}

ENCODINGS = tuple(_ENCODINGS)


class ImageError(GlimpseError):
    """An image that cannot be used; `reason` is one word for counters: encoding, size, step, length or data."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


def decode_image(
    encoding: str,
    height: int,
    width: int,
    step: int,
    data: Any,
    big_endian: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> NDArray[np.uint8]:
    """The fields of a sensor_msgs/Image as (H, W, 3) uint8 RGB in memory of its own.

    step: bytes from row to row. data: anything with the buffer protocol, at least `step * height` bytes.
    Raises ImageError, before any large allocation, for an unknown encoding, a size of zero or above `max_pixels`, a
    step shorter than a row, or too few bytes.
    """
    name = str(encoding).strip().lower()
    if name not in _ENCODINGS:
        raise ImageError(f"image has the unknown encoding {str(encoding)[:40]!r}", "encoding")
    channels, item, conversion = _ENCODINGS[name]
    what = f"image of {width}x{height} {name}"
    _check_size(what, height, width, max_pixels)
    if name.startswith("bayer") and (height < 4 or width < 4):
        raise ImageError(f"{what}: expected at least 4x4 to interpolate the colours", "size")
    if name in ("yuv422", "uyvy", "yuv422_yuy2", "yuyv") and width % 2:
        raise ImageError(f"{what}: expected an even width", "size")
    row = width * channels * item
    if step < row:
        raise ImageError(f"{what}: step {step} is shorter than a row of {row} bytes", "step")
    try:
        flat = np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError) as err:
        raise ImageError(f"{what}: its data are not bytes", "data") from err
    if flat.size < step * height:
        raise ImageError(f"{what}: {flat.size} bytes of data, expected {step} x {height} = {step * height}", "length")
    pixels = flat[: step * height].reshape(height, step)[:, :row]  # (H, row), a view
    if item == 2:  # the high byte alone
        pixels = pixels[:, 0 if big_endian else 1 :: 2]
    pixels = np.ascontiguousarray(pixels).reshape(height, width, channels)  # (H, W, C)
    if conversion is None:
        return np.array(pixels)
    return np.asarray(cv2.cvtColor(pixels, conversion), np.uint8)


def decode_compressed(data: Any, max_pixels: int = MAX_PIXELS, file_format: str = "") -> NDArray[np.uint8]:
    """A JPEG, PNG, WebP, BMP, TIFF, GIF or PNM as (H, W, 3) uint8 RGB; alpha is dropped, 16 bits keep their high byte.

    data: anything with the buffer protocol. file_format: CompressedImage's field, for the message only, save that
    `compressedDepth` (distances, not a picture) is refused. Raises ImageError where it does not decode.
    """
    if "compresseddepth" in file_format.lower():
        raise ImageError("compressed image holds depth, expected a picture", "encoding")
    try:
        flat = np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError) as err:
        raise ImageError("compressed image: its data are not bytes", "data") from err
    if not flat.size:
        raise ImageError("compressed image is empty", "length")
    label = f" ({file_format[:40]!r})" if file_format else ""
    what = f"compressed image of {flat.size} bytes{label}"
    size = compressed_size(flat.data)
    if size is None or is_cut_short(flat.data):
        raise ImageError(f"{what} does not decode: expected a whole {FORMATS}", "data")
    _check_size("compressed image of {1}x{0}".format(*size), *size, max_pixels)
    try:
        bgr = cv2.imdecode(flat, cv2.IMREAD_COLOR)
    except cv2.error as err:
        raise ImageError(f"{what} does not decode", "data") from err
    if bgr is None:
        raise ImageError(f"{what} does not decode", "data")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _check_size(what: str, height: int, width: int, max_pixels: int) -> None:
    if height <= 0 or width <= 0:
        raise ImageError(f"{what}: expected a size above zero", "size")
    if height * width > max_pixels or max(height, width) > 1 << 20:
        raise ImageError(f"{what}: expected at most {max_pixels} pixels", "size")
