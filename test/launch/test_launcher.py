"""The launch files under the real launcher: all nodes reach active, the loop runs, and Ctrl-C ends it in time.

Skipped where ROS comes as wheels, which hold no launcher.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("launch_ros", reason="the launcher is not installed")
pytest.importorskip("ros2launch", reason="`ros2 launch` is not installed")
pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState

try:
    get_package_prefix("glimpse_ros")
except PackageNotFoundError:
    pytest.skip("glimpse_ros is in no prefix of AMENT_PREFIX_PATH", allow_module_level=True)

ROS2 = shutil.which("ros2") or str(Path(sys.executable).with_name("ros2"))
Launcher = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launcher]:
    """Starts `ros2 launch glimpse_ros ...` in a process group of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        env = {key: value for key, value in os.environ.items() if key != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
        log = (tmp_path / "log").open("w")
        process = subprocess.Popen(
            [ROS2, "launch", "glimpse_ros", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**env, "ROS_LOG_DIR": str(tmp_path / "ros")},
            start_new_session=True,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def heard(topic: str, n: int, seconds: float) -> list[JointState]:
    """Up to n messages on a topic."""
    got: list[JointState] = []
    context = Context()
    context.init()
    node = Node("listener", context=context)
    node.create_subscription(JointState, topic, got.append, 10)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    until = time.monotonic() + seconds
    while len(got) < n and time.monotonic() < until:
        executor.spin_once(timeout_sec=0.1)
    node.destroy_node()
    context.shutdown()
    return got


def interrupt(process: subprocess.Popen[str]) -> float:
    """Ctrl-C, as a terminal sends it: to the whole group. Gives the seconds until all was over."""
    begun = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(10.0)
    while time.monotonic() - begun < 10.0:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    return time.monotonic() - begun


def panorama(tmp_path: Path) -> Path:
    path = tmp_path / "panorama.png"
    noise = np.random.default_rng(0).integers(0, 256, (8, 16, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(noise, (256, 128), interpolation=cv2.INTER_CUBIC))
    return path


def test_explore_runs_and_ctrl_c_ends_it(launch: Launcher, tmp_path: Path) -> None:
    process = launch(
        "explore.launch.py", "camera:=sim", f"input:={panorama(tmp_path)}", "glimpses:=0", "namespace:=front"
    )
    views = heard("/front/next_view", 3, 40.0)
    assert len(views) == 3, (tmp_path / "log").read_text()
    assert list(views[0].name) == ["pan", "tilt", "zoom"]
    assert interrupt(process) < 5.0
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    assert log.count("process has finished cleanly") == 3, log


@pytest.mark.parametrize("early", [0.5, 1.0, 1.5])
def test_ctrl_c_while_starting_up(launch: Launcher, tmp_path: Path, early: float) -> None:
    process = launch("explore.launch.py", "camera:=sim", f"input:={panorama(tmp_path)}")
    while "process started" not in (tmp_path / "log").read_text():
        time.sleep(0.05)
    time.sleep(early)
    assert interrupt(process) < 5.0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_playback_of_what_is_no_bag_says_so_and_stays(launch: Launcher, tmp_path: Path) -> None:
    (tmp_path / "not.bag").write_bytes(b"no bag")
    process = launch("playback.launch.py", f"input:={tmp_path}/not.bag")
    until = time.monotonic() + 30.0
    while "cannot configure" not in (tmp_path / "log").read_text() and time.monotonic() < until:
        time.sleep(0.1)
    assert "not.bag" in (tmp_path / "log").read_text().split("cannot configure")[1]
    assert process.poll() is None
    assert interrupt(process) < 5.0


def test_a_wrong_argument_is_one_sentence(launch: Launcher, tmp_path: Path) -> None:
    assert launch("explore.launch.py", "glimpses:=many").wait(30.0) != 0
    assert "glimpses:=many cannot be used: expected a whole number" in (tmp_path / "log").read_text()
