"""Joint messages merged, views interpolated at a stamp, and when a camera has arrived."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_ros.core.types import PanTiltZoom
from glimpse_ros.nodes.views import JointMerger, Settling, ViewRing

SECOND = 1_000_000_000
NAN = math.nan


def test_partial_and_nan_joints_are_merged_and_others_ignored():
    joints = JointMerger(("p", "t", "z"))
    assert joints.merge(["p"], [0.5]) is None
    assert joints.merge(["wheel", "t"], [9.0, -0.25]) == PanTiltZoom(0.5, -0.25, 1.0)
    assert joints.merge(["t", "p", "z"], [NAN, 0.75, 3.0]) == PanTiltZoom(0.75, -0.25, 3.0)
    assert joints.merge(["p", "t", "z"], [math.inf, NAN, NAN]) == PanTiltZoom(0.75, -0.25, 3.0)
    assert joints.merge(["p", "t"], [0.1]) == PanTiltZoom(0.1, -0.25, 3.0)
    assert joints.merge(["z"], [0.2]).zoom == 1.0


def test_a_command_leaves_open_axes_as_they_are():
    here = PanTiltZoom(1.0, 0.5, 2.0)
    commands = JointMerger()
    assert commands.follow(["pan", "tilt"], [NAN, NAN], here) is None
    assert commands.follow(["pan"], [0.25], here) == PanTiltZoom(0.25, 0.5, 2.0)
    assert commands.follow(["zoom"], [4.0], here) == PanTiltZoom(0.25, 0.5, 4.0)
    assert JointMerger().follow(["pan"], [0.25], None) is None


def test_the_ring_interpolates_and_is_exact_at_a_state():
    ring = ViewRing()
    ring.add(10 * SECOND, PanTiltZoom(0.0, 0.1, 1.0))
    ring.add(12 * SECOND, PanTiltZoom(1.0, 0.3, 3.0))
    ring.add(13 * SECOND, PanTiltZoom(0.1 + 0.2, 1 / 3, 2.0))
    at = ring.at(11 * SECOND, 0)
    assert (at.pan, at.tilt, at.zoom) == pytest.approx((0.5, 0.2, 2.0))
    assert ring.at(13 * SECOND, 0) == PanTiltZoom(0.1 + 0.2, 1 / 3, 2.0)  # every bit
    assert ring.at(12 * SECOND, 0) == PanTiltZoom(1.0, 0.3, 3.0)
    assert ring.at(13 * SECOND + 5, 4) is None and ring.at(13 * SECOND + 4, 4).zoom == 2.0
    assert ring.at(10 * SECOND - 5, 4) is None and ring.at(10 * SECOND - 4, 4).pan == 0.0
    assert ViewRing().at(0, SECOND) is None


def test_pan_is_interpolated_the_short_way_round():
    ring = ViewRing()
    ring.add(0, PanTiltZoom(3.1, 0.0, 1.0))
    ring.add(10, PanTiltZoom(-3.1, 0.0, 1.0))
    assert abs(ring.at(5, 0).pan) == pytest.approx(math.pi)


def test_the_ring_is_bounded_and_starts_over_when_time_is_set_back():
    ring = ViewRing(capacity=8)
    for i in range(1000):
        ring.add(i, PanTiltZoom(i, 0.0, 1.0))
    assert len(ring) == 8
    ring.add(500, PanTiltZoom(0.5, 0.0, 1.0))
    assert len(ring) == 1 and ring.newest() == (500, PanTiltZoom(0.5, 0.0, 1.0))
    ring.add(500, PanTiltZoom(0.6, 0.0, 1.0))
    assert len(ring) == 1 and ring.at(500, 0).pan == 0.6


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=20), st.floats(0, 1))
def test_an_interpolated_view_is_between_its_neighbours(pans, where):
    ring = ViewRing()
    for i, pan in enumerate(pans):
        ring.add(i * 1000, PanTiltZoom(pan, 0.0, 1.0))
    stamp = int(where * (len(pans) - 1) * 1000)
    low = min(stamp // 1000, len(pans) - 2)
    a, b = pans[low], pans[low + 1]
    if abs(a - b) < math.pi:
        assert min(a, b) - 1e-9 <= ring.at(stamp, 0).pan <= max(a, b) + 1e-9


def test_frames_on_the_way_do_not_count():
    settling = Settling(PanTiltZoom(1.0, 0.0, 2.0), began=100.0, tolerance=0.01, timeout=5.0)
    for k, pan in enumerate(np.linspace(0.0, 0.98, 20)):
        assert settling.judge(k, PanTiltZoom(float(pan), 0.0, 2.0), 100.1) == "moving"
    assert settling.judge(30, PanTiltZoom(1.0, 0.0, 2.2), 100.2) == "moving"  # still zooming
    assert settling.judge(40, PanTiltZoom(0.995, 0.0, 2.01), 100.3) == "settled"


def test_settling_waits_out_the_dwell_and_begins_it_again_after_an_overshoot():
    settling = Settling(PanTiltZoom(0.0, 0.0, 1.0), 0.0, dwell=SECOND)
    here, off = PanTiltZoom(0.0, 0.0, 1.0), PanTiltZoom(0.1, 0.0, 1.0)
    assert settling.judge(0, here, 0.0) == "moving"
    assert settling.judge(SECOND // 2, off, 0.5) == "moving"
    assert settling.judge(SECOND, here, 1.0) == "moving"
    assert settling.judge(2 * SECOND - 1, here, 2.0) == "moving"
    assert settling.judge(2 * SECOND, here, 2.0) == "settled"


def test_a_camera_that_never_arrives_is_not_waited_for_for_ever():
    settling = Settling(PanTiltZoom(1.0, 0.0, 1.0), began=10.0, timeout=2.0)
    assert settling.judge(0, PanTiltZoom(0.5, 0.0, 1.0), 11.9) == "moving"
    assert settling.judge(1, PanTiltZoom(0.5, 0.0, 1.0), 12.1) == "timeout"


def test_a_full_turn_away_is_the_same_view():
    assert Settling(PanTiltZoom(math.pi, 0.0, 1.0), 0.0).near(PanTiltZoom(-math.pi, 0.0, 1.0))
