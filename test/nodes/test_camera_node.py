"""The camera node: frames, where they were taken, commands, its clock, its end."""

import math
import time

import cv2
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from ros_bench import Bench, wait_for
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState

from glimpse_ros.cameras.sim import SimCamera
from glimpse_ros.core.scene_frame import fov_from_zoom
from glimpse_ros.core.types import GlimpseError, MountLimits, PanTiltZoom
from glimpse_ros.nodes.base import IMAGES
from glimpse_ros.nodes.camera_node import CameraNode
from glimpse_ros.nodes.convert import header, joints_from_ptz, ns_from_stamp, rgb_from_image
from glimpse_ros.nodes.lens import Calibration

NAMES = ("pan", "tilt", "zoom")
MOUNT = MountLimits((-1.0, 1.0), (-0.5, 0.5), (1.0, 3.0))
PANORAMA = np.random.default_rng(0).integers(0, 255, (64, 128, 3)).astype(np.uint8)


def simulated(**options):
    return SimCamera(PANORAMA, size=(24, 32), mount=MOUNT, **{"ideal": True, **options})


class Listener:
    """What a camera node says."""

    def __init__(self, bench, camera, **parameters):
        self.bench = bench
        self.images = bench.probe.listen("image", Image, IMAGES)
        self.states = bench.probe.listen("view_state", JointState)
        self.infos = bench.probe.listen("camera_info", CameraInfo, IMAGES)
        self.out = bench.probe.out("next_view", JointState)
        self.node = bench.add(CameraNode, "inactive", camera_object=camera, **parameters)
        bench.matched("next_view", subscribers=1)

    def activate(self):
        assert self.node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        wait_for(lambda: self.images)
        return self

    def command(self, pan, tilt, zoom):
        """Gives the state after it."""
        n = self.node.health.counted("commands")
        self.out.publish(joints_from_ptz(PanTiltZoom(pan, tilt, zoom), header(0, ""), NAMES))
        wait_for(lambda: self.node.health.counted("commands") > n)
        m = len(self.states)
        return tuple(wait_for(lambda: self.states[m:])[0].position)


def test_nothing_is_published_before_activate():
    with Bench() as bench:
        heard = Listener(bench, simulated(), fast=True)
        heard.out.publish(joints_from_ptz(PanTiltZoom(0.5, 0.0, 1.0), header(0, ""), NAMES))
        time.sleep(0.3)
        assert not heard.images and not heard.states
        heard.activate()
        assert tuple(heard.states[0].position) == (0.0, 0.0, 1.0)  # it did not move


def test_a_frame_its_state_and_its_info_have_one_stamp():
    with Bench() as bench:
        heard = Listener(bench, simulated(), fast=True).activate()
        assert heard.command(0.25, -0.125, 2.0) == (0.25, -0.125, 2.0)  # every bit
        wait_for(lambda: len(heard.images) > 3 and len(heard.infos) > 3)
        states = {ns_from_stamp(m.header.stamp): m.position[2] for m in heard.states}
        for message in heard.images:
            assert ns_from_stamp(message.header.stamp) in states
            assert rgb_from_image(message, 1 << 20).shape == (24, 32, 3) and message.header.frame_id == "camera"
        info = heard.infos[-1]
        fov = Calibration(info.width, info.height, info.k[0], info.k[4]).smaller_fov()
        zoom = states[ns_from_stamp(info.header.stamp)]
        assert fov == pytest.approx(fov_from_zoom(heard.node.camera.scene.h0, zoom))


@pytest.mark.parametrize(
    ("command", "state"),
    [
        ((9.0, -9.0, 9.0), (1.0, -0.5, 3.0)),  # clamped last
        ((math.nan, 0.2, math.nan), (0.1, 0.2, 1.5)),
        ((math.inf, math.nan, 2.0), (0.1, 0.0, 2.0)),
        ((math.nan, math.nan, math.nan), (0.1, 0.0, 1.5)),
    ],
)
def test_no_command_leaves_the_limits_and_what_is_not_finite_stays(command, state):
    with Bench() as bench:
        heard = Listener(bench, simulated(start=PanTiltZoom(0.1, 0.0, 1.5)), fast=True).activate()
        assert heard.command(*command) == state


def test_a_slow_camera_plays_at_its_rate_and_is_held_where_it_is_on_deactivate():
    with Bench() as bench:
        camera = simulated(ideal=False, pan_rate=0.5, rate=20.0)
        heard = Listener(bench, camera).activate()
        heard.command(1.0, 0.0, 1.0)
        wait_for(lambda: heard.states[-1].position[0] > 0.1)
        assert heard.node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
        now = time.time_ns()
        assert 0.1 < camera.state(now).pan < 0.9
        assert camera.state(now + 10**10) == camera.state(now + 10**9)  # it does not go on
        stamps = np.array([ns_from_stamp(m.header.stamp) for m in heard.images])
        assert np.median(np.diff(stamps)) == pytest.approx(5e7, rel=0.01)
        n = len(heard.images)
        time.sleep(0.2)
        assert len(heard.images) == n


def test_the_clock_follows_the_stamps():
    with Bench() as bench:
        clocks = bench.probe.listen("/clock", Clock)
        heard = Listener(bench, simulated(), fast=True, publish_clock=True).activate()
        wait_for(lambda: clocks)
        stamps = {ns_from_stamp(m.header.stamp) for m in heard.states}
        assert ns_from_stamp(clocks[0].clock) in stamps


def test_faults_of_the_camera_are_told_and_it_is_asked_again():
    class Flaky(SimCamera):
        broken = True

        def read(self, now):
            if self.broken:
                raise GlimpseError("the cable is loose")
            return super().read(now)

    with Bench() as bench:
        camera = Flaky(PANORAMA, size=(24, 32), ideal=True)
        node = bench.add(CameraNode, camera_object=camera)
        wait_for(lambda: "the cable is loose" in node.health.report()[1])
        assert node.health.report()[0] == 2
        camera.broken = False
        wait_for(lambda: node.health.report()[0] == 0)


def test_a_recording_begins_when_somebody_subscribes_to_its_images(tmp_path):
    for i in range(4):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((12, 16, 3), 60 * i, np.uint8))
    with Bench() as bench:
        node = bench.add(CameraNode, camera="wide", input=str(tmp_path), rate=20.0)
        time.sleep(0.5)  # longer than it plays
        assert node.health.counted("frames") == 0 and not node.ended
        images = bench.probe.listen("image", Image, IMAGES)
        wait_for(lambda: node.ended)
        assert [image.data[0] for image in images] == [0, 60, 120, 180]
        assert np.diff([ns_from_stamp(image.header.stamp) for image in images]) == pytest.approx(5e7, abs=1e6)


def test_the_end_of_a_source_is_told():
    class Short(SimCamera):
        left = 3

        def read(self, now):
            self.left -= 1
            return super().read(now) if self.left > 0 else None

    with Bench() as bench:
        node = bench.add(CameraNode, camera_object=Short(PANORAMA, size=(24, 32), ideal=True))
        wait_for(lambda: node.ended)
        assert "has ended" in node.health.report()[1]
        assert node.health.counted("frames") == 2
