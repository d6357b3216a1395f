"""ROS messages to the project's words and back. Every field that comes from outside is checked here.

Conventions
-----------
stamps    integer nanoseconds; a message's own stamp is never replaced by the time of arrival.
arrays    `Image.data` is filled as array('B').frombytes: 0.5 ms for 1080p, where a plain assignment can take 650.
belief    an Image 32FC1 of N rows and D columns. Its frame_id carries a `tag.BeliefTag`; the answer repeats the header.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from std_msgs.msg import Header

from ..core.pixels import decode_compressed, decode_image
from ..core.types import GlimpseError, PanTiltZoom

SECOND = 1_000_000_000
MAX_FLOATS = 1 << 24  # of one 32FC1 message


def ns_from_stamp(stamp: Time) -> int:
    """Nanoseconds."""
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def stamp_from_ns(ns: int) -> Time:
    """A stamp; what does not fit into its 32 bits of seconds is cut to their ends."""
    sec, nanosec = divmod(ns, SECOND)
    return Time(sec=min(max(sec, -(1 << 31)), (1 << 31) - 1), nanosec=nanosec)


def header(stamp: int, frame_id: str) -> Header:
    """A header of `stamp` [ns]."""
    return Header(stamp=stamp_from_ns(stamp), frame_id=frame_id)


def rgb_from_image(message: Image | CompressedImage, max_pixels: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB. Raises ImageError (a GlimpseError) where encoding, step, length or size are off."""
    if isinstance(message, CompressedImage):
        return decode_compressed(message.data, max_pixels, message.format)
    return decode_image(
        message.encoding,
        message.height,
        message.width,
        message.step,
        message.data,
        big_endian=bool(message.is_bigendian),
        max_pixels=max_pixels,
    )


def image_from_array(pixels: NDArray[np.generic], encoding: str, stamp: int, frame_id: str = "") -> Image:
    """(H, W) or (H, W, C) as a message; the dtype must be the encoding's."""
    pixels = np.ascontiguousarray(pixels)
    data = array("B")
    data.frombytes(memoryview(pixels).cast("B"))  # type: ignore[arg-type]
    message = Image(header=header(stamp, frame_id), height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
    message.step = pixels.strides[0]
    message.is_bigendian = int(sys.byteorder == "big")
    message.data = data
    return message


def image_from_map(values: NDArray[np.float32], stamp: int, frame_id: str = "") -> Image:
    """(H, W) numbers as 32FC1."""
    return image_from_array(np.asarray(values, np.float32), "32FC1", stamp, frame_id)


def map_from_image(message: Image, what: str) -> NDArray[np.float32]:
    """(H, W) float32, copied, of a 32FC1 image; raises GlimpseError where it is not one or holds NaN or inf."""
    rows, cols = int(message.height), int(message.width)
    if message.encoding != "32FC1" or bool(message.is_bigendian) != (sys.byteorder == "big"):
        raise GlimpseError(f"{what}: encoding {message.encoding[:20]!r}, expected 32FC1 of this machine's byte order")
    if rows < 1 or cols < 1 or rows * cols > MAX_FLOATS or message.step != cols * 4:
        raise GlimpseError(f"{what}: {cols}x{rows} with step {message.step}, expected rows of 4 bytes a column")
    if len(message.data) != rows * cols * 4:
        raise GlimpseError(f"{what}: {len(message.data)} bytes, expected {rows * cols * 4}")
    values = np.frombuffer(message.data, np.float32).reshape(rows, cols).copy()
    if not np.isfinite(values).all():
        raise GlimpseError(f"{what}: holds numbers that are not finite")
    return values


def chw_from_image(message: Image, max_pixels: int) -> NDArray[np.float32]:
    """An rgb8 map as float32 (3, H, W) in [0, 1]."""
    pixels = rgb_from_image(message, max_pixels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / np.float32(255.0)


def rgb_from_chw(tensor: NDArray[np.float32]) -> NDArray[np.uint8]:
    """float32 (3, H, W) in [0, 1] as (H, W, 3) uint8."""
    hwc = np.ascontiguousarray(tensor.transpose(1, 2, 0), np.float32)
    return np.asarray(cv2.convertScaleAbs(np.maximum(hwc, 0.0), alpha=255.0), np.uint8)


def joints_from_ptz(ptz: PanTiltZoom, head: Header, names: Sequence[str]) -> JointState:
    """Names and positions of pan, tilt and zoom; float64, so a view survives the way exactly."""
    message = JointState(header=head)
    message.name = list(names)
    message.position = array("d", (ptz.pan, ptz.tilt, ptz.zoom))
    return message


def camera_info(stamp: int, frame_id: str, size: tuple[int, int], fov: float) -> CameraInfo:
    """A pinhole camera without distortion; size (height, width) [px], `fov` [rad] spans the smaller side."""
    height, width = size
    focal = min(height, width) / 2.0 / math.tan(fov / 2.0)
    message = CameraInfo(header=header(stamp, frame_id), height=height, width=width, distortion_model="plumb_bob")
    cx, cy = width / 2.0, height / 2.0
    message.d = array("d", [0.0] * 5)
    message.k = np.array([focal, 0, cx, 0, focal, cy, 0, 0, 1], np.float64)
    message.r = np.eye(3).reshape(-1)
    message.p = np.array([focal, 0, cx, 0, 0, focal, cy, 0, 0, 0, 1, 0], np.float64)
    return message


def smaller_fov(hfov: float, size: tuple[int, int]) -> float:
    """Field of view [rad] over the smaller side of an image (height, width) whose width spans `hfov` [rad]."""
    height, width = size
    return 2.0 * math.atan(math.tan(hfov / 2.0) * min(height, width) / width)
