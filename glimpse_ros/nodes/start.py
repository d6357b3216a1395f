"""What `ros2 run` and the launch files start: a node's `main`, quiet where it is told to stop while still importing.

Importing takes a second, longer on a robot's board. Until `main` has its own signal handling nothing moves and nothing
is open, so there is nothing to do but to go.
"""

from __future__ import annotations

import os
import signal
from importlib import import_module


def _start(node: str) -> int:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: os._exit(0))
    return int(import_module(f"{__package__}.{node}").main())


def camera_node() -> int:
    """The camera node, until SIGINT or SIGTERM; gives the exit status."""
    return _start("camera_node")


def scene_node() -> int:
    """The scene node, likewise."""
    return _start("scene_node")


def policy_node() -> int:
    """The policy node, likewise."""
    return _start("policy_node")
