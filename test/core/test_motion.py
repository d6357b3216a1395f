"""Seconds of motion: the slowest axis, the short way round, angles as the mount has them."""

import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_ros.cameras.sim import SimCamera
from glimpse_ros.core.motion import SlewRates, scene_fov, slew_seconds
from glimpse_ros.core.scene_frame import SceneFrame
from glimpse_ros.core.types import MountLimits, View

BALL = {"widest": 1 / 6, "projection": "spherical", "fov": scene_fov("spherical", 0.0, 0.5)}
places = st.builds(View, st.floats(-1, 0.99), st.floats(-1, 1), st.floats(0.05, 1.0))


def test_the_slowest_axis_counts():
    a = View(0.0, 0.0, 1 / 6)
    assert slew_seconds(a, a, **BALL) == 0.0
    assert slew_seconds(a, View(0.5, 0.1, 1 / 6), **BALL) == pytest.approx(math.pi / 2 / 2.0)
    assert slew_seconds(a, View(0.1, 0.5, 1 / 6), **BALL) == pytest.approx(math.pi / 4 / 1.5)
    assert slew_seconds(a, View(0.1, 0.1, 1 / 24), **BALL) == pytest.approx(3.0 / 3.0), "from zoom 1 to 4"
    slow = SlewRates(pan=0.1)
    assert slew_seconds(a, View(0.1, 0.1, 1 / 24), **BALL, rates=slow) == pytest.approx(math.pi)


def test_pan_takes_the_short_way_on_a_sphere_only():
    a, b = View(-0.9, 0.0, 0.5), View(0.9, 0.0, 0.5)
    assert slew_seconds(a, b, **BALL) == pytest.approx(0.2 * math.pi / 2.0)
    fov = scene_fov("planar", math.radians(60), 0.75)
    assert fov[1] == pytest.approx(2 * math.atan(math.tan(math.radians(30)) * 0.75))
    ends = View(-1.0, 0.0, 0.5), View(1.0, 0.0, 0.5)
    assert slew_seconds(*ends, widest=1.0, projection="planar", fov=fov) == pytest.approx(math.radians(60) / 2.0)


@given(places, places)
def test_planar_angles_are_those_of_the_scene_frame(a, b):
    fov = scene_fov("planar", math.radians(80), 0.6)
    still = SlewRates(zoom=math.inf)
    frame = SceneFrame("planar", scene_fov=fov, mount=MountLimits())
    one, other = frame.ptz_from_view(a), frame.ptz_from_view(b)
    seconds = max(abs(one.pan - other.pan) / still.pan, abs(one.tilt - other.tilt) / still.tilt)
    found = slew_seconds(a, b, widest=1.0, projection="planar", fov=fov, rates=still)
    assert found == pytest.approx(seconds) == slew_seconds(b, a, widest=1.0, projection="planar", fov=fov, rates=still)


def test_the_simulated_camera_has_these_rates():
    defaults = {name: p.default for name, p in inspect.signature(SimCamera.__init__).parameters.items()}
    rates = SlewRates()
    assert (rates.pan, rates.tilt, rates.zoom) == tuple(defaults[f"{name}_rate"] for name in ("pan", "tilt", "zoom"))
