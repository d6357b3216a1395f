"""Tests of the nodes need ROS, from the system or from wheels; each process talks on a domain of its own."""

import importlib.util
import os
import threading
import time

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("rclpy") else ["test_*.py"]

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


@pytest.fixture(autouse=True)
def no_thread_left_behind():
    """Every executor and worker that a test starts has ended with it."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 3.0
    while left := set(threading.enumerate()) - before:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.02)
