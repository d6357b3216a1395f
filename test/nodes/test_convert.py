"""Messages to words and back; every field from outside is checked."""

import math

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from glimpse_ros.core.scene_frame import fov_from_zoom
from glimpse_ros.core.types import GlimpseError, PanTiltZoom
from glimpse_ros.nodes import convert
from glimpse_ros.nodes.lens import Calibration

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("ns", [0, 1, 999_999_999, 1_700_000_000_123_456_789])
def test_stamps_are_exact(ns):
    assert convert.ns_from_stamp(convert.stamp_from_ns(ns)) == ns


def test_a_stamp_beyond_32_bits_of_seconds_is_cut_not_raised():
    assert convert.stamp_from_ns(10**20).sec == 2**31 - 1


def test_an_image_goes_there_and_back():
    pixels = RNG.integers(0, 255, (7, 5, 3)).astype(np.uint8)
    message = convert.image_from_array(pixels, "rgb8", 5, "camera")
    assert (message.height, message.width, message.step, message.encoding) == (7, 5, 15, "rgb8")
    np.testing.assert_array_equal(convert.rgb_from_image(message, 1 << 20), pixels)
    part = convert.image_from_array(pixels[:, 1:4], "rgb8", 5)  # a view that is not contiguous
    np.testing.assert_array_equal(convert.rgb_from_image(part, 1 << 20), pixels[:, 1:4])


def test_a_compressed_image_decodes():
    pixels = np.full((8, 8, 3), (200, 30, 60), np.uint8)
    data = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(convert.rgb_from_image(CompressedImage(format="png", data=data), 1 << 20), pixels)


def test_a_map_keeps_every_bit():
    values = RNG.standard_normal((6, 4)).astype(np.float32)
    message = convert.image_from_map(values, 9, "tag")
    back = convert.map_from_image(message, "belief")
    np.testing.assert_array_equal(back, values)
    assert back.flags.writeable and message.header.frame_id == "tag"


@pytest.mark.parametrize(
    ("field", "value"),
    [("encoding", "64FC1"), ("height", 0), ("width", 1 << 31), ("step", 15), ("is_bigendian", 1)],
)
def test_a_map_that_is_not_one_is_refused(field, value):
    message = convert.image_from_map(np.ones((6, 4), np.float32), 0)
    setattr(message, field, value)
    with pytest.raises(GlimpseError, match="belief"):
        convert.map_from_image(message, "belief")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_map_with_nan_is_refused(bad):
    with pytest.raises(GlimpseError, match="not finite"):
        convert.map_from_image(convert.image_from_map(np.full((2, 2), bad, np.float32), 0), "belief")
    short = convert.image_from_map(np.ones((2, 2), np.float32), 0)
    short.data = short.data[:-1]
    with pytest.raises(GlimpseError, match="15 bytes, expected 16"):
        convert.map_from_image(short, "belief")


def test_colours_are_rounded_and_clipped():
    tensor = np.array([[[-0.5, 0.0, 0.5, 1.0, 1.5]]] * 3, np.float32)
    assert convert.rgb_from_chw(tensor)[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    pixels = RNG.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    back = convert.rgb_from_chw(convert.chw_from_image(convert.image_from_array(pixels, "rgb8", 0), 1 << 20))
    np.testing.assert_array_equal(back, pixels)


def test_joints_are_float64():
    message = convert.joints_from_ptz(PanTiltZoom(0.1, -1 / 3, 1.7), convert.header(3, ""), ("a", "b", "c"))
    assert list(message.position) == [0.1, -1 / 3, 1.7] and message.name == ["a", "b", "c"]


@pytest.mark.parametrize("size", [(480, 640), (640, 480)])
def test_camera_info_says_the_field_of_view_over_the_smaller_side(size):
    message = convert.camera_info(0, "camera", size, math.radians(40.0))
    calibration = Calibration(message.width, message.height, message.k[0], message.k[4])
    assert calibration.smaller_fov() == pytest.approx(math.radians(40.0))
    assert fov_from_zoom(calibration.smaller_fov(), 1.0) == pytest.approx(math.radians(40.0))
    hfov = 2 * math.atan(math.tan(math.radians(20.0)) * size[1] / min(size))
    assert convert.smaller_fov(hfov, size) == pytest.approx(math.radians(40.0))


def test_a_1080p_frame_is_filled_and_read_in_milliseconds():
    import time

    pixels = np.zeros((1080, 1920, 3), np.uint8)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        message = convert.image_from_array(pixels, "rgb8", 0)
        convert.rgb_from_image(message, 1 << 26)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05 and isinstance(message, Image)
