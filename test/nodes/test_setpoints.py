"""No setpoint leaves the limits or outruns a rate, whatever is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_ros.core.types import MountLimits, PanTiltZoom
from glimpse_ros.nodes.setpoints import Device

MOUNT = MountLimits((-1.0, 2.0), (-0.3, 0.8), (1.0, 5.0))
number = st.floats(-1e3, 1e3)
sign = st.sampled_from((-1, 1))


def test_signs_turn_the_limits_round():
    device = Device(MOUNT, pan_sign=-1, tilt_sign=-1)
    assert device.axes(PanTiltZoom(1.5, 0.5, 2.0)) == (-1.5, -0.5, 2.0)
    assert device.axes(PanTiltZoom(9.0, 9.0, 9.0)) == (-2.0, -0.8, 5.0)
    assert device.axes(PanTiltZoom(-9.0, -9.0, -9.0)) == (1.0, 0.3, 1.0)


@given(number, number, number, sign, sign)
def test_nothing_escapes_the_limits(pan, tilt, zoom, pan_sign, tilt_sign):
    p, t, z = Device(MOUNT, pan_sign, tilt_sign).axes(PanTiltZoom(pan, tilt, zoom))
    assert -1.0 <= p * pan_sign <= 2.0 and -0.3 <= t * tilt_sign <= 0.8 and 1.0 <= z <= 5.0


@given(st.tuples(number, number, number), st.tuples(number, number, number), st.floats(0.001, 1.0))
def test_no_step_is_faster_than_the_rates(here, goal, seconds):
    device = Device(MountLimits((-1e3, 1e3), (-1e3, 1e3), (1.0, 1e3)), rates=(2.0, 1.0, 0.0))
    here, goal = device.clamp(here), device.clamp(goal)
    step = device.towards(here, goal, seconds)
    assert abs(step[0] - here[0]) <= 2.0 * seconds + 1e-9
    assert abs(step[1] - here[1]) <= 1.0 * seconds + 1e-9
    assert step[2] == goal[2]  # no rate: the driver's own


def test_steps_arrive_exactly_when_the_time_says():
    device = Device(MOUNT, rates=(0.5, 0.5, 1.0))
    here, goal = (0.0, 0.0, 1.0), (1.0, 0.25, 3.0)
    assert device.seconds(here, goal) == pytest.approx(2.0)
    steps = 0
    while here != goal:
        here, steps = device.towards(here, goal, 0.05), steps + 1
    assert steps in (40, 41)  # the last step may be a rounding
    assert Device(MOUNT).seconds(here, goal) == 0.0 and not Device(MOUNT).limited
