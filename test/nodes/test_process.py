"""Nodes as processes of their own: started like by `ros2 run`, ended by signals, large images between them."""

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from ros_bench import Bench, wait_for
from sensor_msgs.msg import Image, JointState

from glimpse_ros.nodes.base import IMAGES
from glimpse_ros.nodes.convert import ns_from_stamp
from glimpse_ros.nodes.scene_node import SceneNode

ROOT = Path(__file__).parents[2]
SECOND = 1_000_000_000


@contextmanager
def process(bench, node, *parameters):
    """A node, going to active by itself; killed at the end if it still runs."""
    given = [word for p in ("autostart:=true", *parameters) for word in ("-p", p)]
    command = [
        sys.executable,
        "-m",
        f"glimpse_ros.nodes.{node}",
        "--ros-args",
        "-r",
        f"__ns:=/{bench.kwargs['namespace']}",
    ]
    running = subprocess.Popen([*command, *given], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_the_policy_hold_the_camera_and_end_cleanly(number):
    with Bench() as bench:
        views = bench.probe.listen("next_view", JointState)
        bench.add(SceneNode, camera="ptz", hfov=1.0)
        bench.probe.out("image", Image, IMAGES)
        bench.probe.out("view_state", JointState)
        with process(bench, "policy_node", "policy:=random", "glimpses:=0") as policy:

            def fed():
                stamp = time.time_ns()
                bench.probe.state(stamp, 0.25, 0.125, 1.0)
                bench.probe.image(stamp)
                time.sleep(0.05)
                return views

            wait_for(fed, 30.0)
            bench.matched("view_state", subscribers=2)
            for _ in range(10):  # it is told where the mount is
                fed()
            began = time.monotonic()
            policy.send_signal(number)
            _, said = policy.communicate(timeout=5.0)
            assert time.monotonic() - began < 5.0 and policy.returncode == 0
            assert "Traceback" not in said and "ERROR" not in said, said
            wait_for(lambda: views[-1].header.frame_id == "hold")
            assert list(views[-1].position) == [0.25, 0.125, 1.0]


def test_a_signal_ends_a_node_that_refused_its_configuration_too():
    with Bench() as bench, process(bench, "scene_node", "model:=/nowhere") as scene:
        wait_for(lambda: bench.probe.diagnosis("scene_node")[0] == 2, 30.0)
        assert scene.poll() is None  # alive
        scene.terminate()
        _, said = scene.communicate(timeout=5.0)
        assert scene.returncode == 0 and "Traceback" not in said
        assert said.count("/nowhere: does not exist") == 1


def test_a_parameter_out_of_its_range_is_one_sentence():
    with Bench() as bench, process(bench, "scene_node", "settle_timeout:=-3.0") as scene:
        _, said = scene.communicate(timeout=30.0)
        assert scene.returncode == 1
        assert "Traceback" not in said and "cannot start" in said and "settle_timeout" in said


def test_1080p_images_arrive_from_a_camera_in_another_process(tmp_path, monkeypatch):
    # With a discovery range of LOCALHOST rmw_fastrtps overrides the transports; shared memory stays on this machine.
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SYSTEM_DEFAULT")
    monkeypatch.setenv("FASTDDS_BUILTIN_TRANSPORTS", "SHM?max_msg_size=8MB&sockets_size=32MB")
    path = str(tmp_path / "frame.png")
    cv2.imwrite(path, np.full((1080, 1920, 3), 90, np.uint8))
    with Bench() as bench:
        stamps = []
        bench.probe.create_subscription(Image, "image", lambda m: stamps.append(ns_from_stamp(m.header.stamp)), IMAGES)
        with process(bench, "camera_node", "camera:=wide", f"input:={path}", "rate:=10.0") as camera:
            wait_for(lambda: len(stamps) > 20, 30.0)
            assert camera.poll() is None
            assert np.median(np.diff(stamps[5:])) == pytest.approx(SECOND / 10, abs=1e6)
            camera.terminate()
            _, said = camera.communicate(timeout=5.0)
            assert camera.returncode == 0 and "Traceback" not in said
