"""Commands for existing pan-tilt drivers: their messages, signs, limits, slew rates, and the hold on the way out."""

import itertools
import time

import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from ros_bench import Bench, wait_for
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory
from visualization_msgs.msg import MarkerArray

from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.scene_frame import SceneFrame
from glimpse_ros.core.types import PanTiltZoom
from glimpse_ros.nodes.convert import image_from_map
from glimpse_ros.nodes.policy_node import PolicyNode
from glimpse_ros.nodes.tag import BeliefTag

INFO, CAMERA = Mosaic().info, SceneFrame("spherical", 1.0)
AHEAD = PanTiltZoom(0.0, 0.0, 1.0)
BELIEF = Mosaic().empty().belief


class Asker:
    """A policy node that is asked by hand, for a mount that stands at `here`."""

    def __init__(self, bench: Bench, **parameters) -> None:
        self.bench, self.steps = bench, itertools.count(1)
        self.views = bench.probe.listen("next_view", JointState)
        self.out = bench.probe.out("belief", Image)
        self.node = bench.add(PolicyNode, policy="random", glimpses=0, seed=3, **parameters)
        bench.matched("belief", subscribers=1)
        bench.matched("next_view")

    def ask(self, here=AHEAD) -> JointState:
        step = next(self.steps)
        tag = BeliefTag.of(INFO, "e", step, CAMERA, CAMERA.view_from_ptz(here), here)
        n = len(self.views)
        self.out.publish(image_from_map(BELIEF, step, tag.text()))
        return wait_for(lambda: self.views[n:])[0]


def test_joint_trajectory_takes_as_long_as_the_rates_say():
    with Bench() as bench:
        sent = bench.probe.listen("policy_node/joint_trajectory", JointTrajectory)
        zooms = bench.probe.listen("policy_node/zoom", Float64)
        asker = Asker(bench, command_interface="joint_trajectory", pan_rate=0.5, tilt_rate=0.25, pan_joint="yaw")
        bench.matched("policy_node/joint_trajectory")
        bench.matched("policy_node/zoom")
        view = asker.ask()
        pan, tilt, zoom = view.position
        (message,) = wait_for(lambda: sent)
        assert message.joint_names == ["yaw", "tilt"] and (message.header.stamp.sec, message.header.stamp.nanosec) == (
            0,
            0,
        )
        (point,) = message.points
        assert list(point.positions) == [pan, tilt]
        seconds = point.time_from_start.sec + point.time_from_start.nanosec / 1e9
        assert seconds == pytest.approx(max(abs(pan) / 0.5, abs(tilt) / 0.25, 0.1), abs=1e-6)
        assert wait_for(lambda: zooms)[0].data == zoom


def test_joint_state_with_signs_of_the_device():
    with Bench() as bench:
        sent = bench.probe.listen("policy_node/joint_command", JointState)
        asker = Asker(bench, command_interface="joint_state", pan_sign=-1, tilt_sign=-1)
        bench.matched("policy_node/joint_command")
        view = asker.ask()
        (message,) = wait_for(lambda: sent)
        assert list(message.name) == ["pan", "tilt"]
        assert list(message.position) == [-view.position[0], -view.position[1]]


def test_float64_goes_in_steps_no_faster_than_the_rates():
    with Bench() as bench:
        pans = bench.probe.listen("policy_node/pan", Float64)
        asker = Asker(bench, command_interface="float64", pan_rate=4.0, tilt_rate=4.0)
        bench.matched("policy_node/pan")
        goal = asker.ask().position[0]
        wait_for(lambda: pans and pans[-1].data == goal)
        ways = [abs(b.data - a.data) for a, b in itertools.pairwise(pans)]
        assert max(ways) <= 4.0 * 0.05 + 1e-9 and len(pans) >= abs(goal) / 4.0 / 0.05 - 1
        n = len(pans)
        time.sleep(0.3)
        assert len(pans) == n  # arrived: nothing more to say


def test_the_hold_stops_a_slew_where_the_mount_is():
    with Bench() as bench:
        pans = bench.probe.listen("policy_node/pan", Float64)
        asker = Asker(bench, command_interface="float64", pan_rate=0.2)
        bench.probe.out("view_state", JointState)
        bench.matched("view_state", subscribers=1)
        bench.matched("policy_node/pan")
        asker.ask()
        wait_for(lambda: len(pans) > 3)
        bench.probe.state(5, 0.01, 0.02, 1.0)
        wait_for(lambda: asker.node.merger.last)
        assert asker.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        wait_for(lambda: pans[-1].data == 0.01)
        n = len(pans)
        time.sleep(0.3)
        assert len(pans) == n and asker.views[-1].header.frame_id == "hold"


def test_next_view_alone_is_the_default():
    with Bench() as bench:
        Asker(bench).ask()
        names = [name for name, _ in bench.probe.get_topic_names_and_types() if bench.kwargs["namespace"] in name]
        assert not any(name.endswith(("/pan", "/zoom", "joint_trajectory", "joint_command")) for name in names)


def test_markers_show_the_frustum_and_the_trail_in_the_mounts_frame():
    with Bench() as bench:
        heard = bench.probe.listen("markers", MarkerArray)
        asker = Asker(bench, frame_id="pan_tilt_base")
        bench.matched("markers")
        asker.ask(PanTiltZoom(0.0, 0.0, 1.0))
        view = asker.ask(PanTiltZoom(1.5707963267948966, 0.0, 1.0))
        frustum, trail, _ = wait_for(lambda: heard and len(heard[-1].markers[1].points) == 2 and heard)[-1].markers
        assert frustum.header.frame_id == "pan_tilt_base" and len(frustum.points) == 16
        ahead, left = trail.points
        assert (ahead.x, ahead.y, ahead.z) == pytest.approx((1, 0, 0), abs=1e-9)
        assert (left.x, left.y, left.z) == pytest.approx((0, 1, 0), abs=1e-9)
        assert view.header.frame_id  # stamped with the belief's header


def test_malformed_beliefs_are_counted_and_get_no_answer():
    with Bench() as bench:
        asker = Asker(bench)
        tag = BeliefTag.of(INFO, "e", 1, CAMERA, None, PanTiltZoom(0.0, 0.0, 1.0)).text()
        good = image_from_map(BELIEF, 1, tag)
        for name, value in (("encoding", "rgb8"), ("step", 3), ("width", 0), ("height", 7)):
            bad = image_from_map(BELIEF, 1, tag)
            setattr(bad, name, value)
            n = asker.node.health.counted("beliefs malformed")
            asker.out.publish(bad)
            wait_for(lambda n=n: asker.node.health.counted("beliefs malformed") == n + 1)
        nan = BELIEF.copy()
        nan[3, 1] = float("nan")
        asker.out.publish(image_from_map(nan, 1, tag))
        wait_for(lambda: "not finite" in asker.node.health.report()[1])
        assert not asker.views
        asker.out.publish(good)
        wait_for(lambda: asker.views)
