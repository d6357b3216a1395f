"""What kind of camera it is, and its field of view."""

import math

import pytest

from glimpse_ros.core.scene_frame import fov_from_zoom
from glimpse_ros.nodes.lens import NOMINAL_HFOV, Calibration, Lens


def test_auto_is_ptz_once_a_state_is_published_and_wide_after_some_patience():
    lens = Lens("auto", 0.0, patience=1.0)
    assert lens.decide(False, 5.0) is None and lens.decide(False, 5.9) is None
    assert lens.decide(True, 5.95) == "ptz" and lens.decide(False, 99.0) == "ptz"
    lens = Lens("auto", 0.0, patience=1.0)
    lens.decide(False, 5.0)
    assert lens.decide(False, 6.0) == "wide" and lens.decide(True, 7.0) == "wide"
    assert Lens("ptz", 0.0).decide(False, 0.0) == "ptz"


def test_the_field_of_view_comes_from_camera_info_and_is_that_of_zoom_1():
    lens = Lens("ptz", 0.0)
    assert lens.ptz(1.0) is None
    h0 = math.radians(50.0)
    focal = 240 / math.tan(fov_from_zoom(h0, 2.5) / 2)
    lens.calibration = Calibration(640, 480, focal, focal)
    assert lens.ptz(2.5).h0 == pytest.approx(h0)
    lens.calibration = Calibration(640, 480, 1.0, 1.0)
    assert lens.ptz(1.0).h0 == pytest.approx(h0)  # found out once


def test_a_parameter_beats_camera_info_and_a_wide_camera_needs_neither():
    lens = Lens("ptz", 0.7)
    lens.calibration = Calibration(640, 480, 500.0, 500.0)
    assert lens.ptz(3.0).h0 == 0.7
    wide = Lens("wide", 0.0)
    assert wide.wide(480, 640).h0 == NOMINAL_HFOV
    wide.calibration = Calibration(640, 480, 320.0, 320.0)
    assert wide.wide(480, 640).scene_fov == pytest.approx((math.pi / 2, 2 * math.atan(0.75)))


@pytest.mark.parametrize("bad", [(0, 480, 1.0, 1.0), (640, 480, 0.0, 0.0), (640, 480, math.nan, 1.0)])
def test_an_uncalibrated_camera_info_is_none(bad):
    assert not Calibration(*bad).valid()
