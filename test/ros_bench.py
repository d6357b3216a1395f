"""A bench for nodes: a context and a namespace of its own, a camera driver to play, and an ear on every topic."""

from __future__ import annotations

import itertools
import os
import time
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState

from glimpse_ros.nodes.base import IMAGES, LOOP
from glimpse_ros.nodes.convert import header, image_from_array
from glimpse_ros.nodes.run import Spinner, end, new_context

_numbers = itertools.count()


def wait_for(condition: Callable[[], Any], timeout: float = 10.0, what: str = "") -> Any:
    """Poll until it holds; gives what it gave."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {timeout} s for {what or condition}"
        time.sleep(0.005)
    return value


class Probe(Node):
    """Hears topics and plays a camera driver."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("probe", **kwargs)
        self.heard: dict[str, list[Any]] = {}
        self.errors: list[Exception] = []
        self.outs: dict[str, Any] = {}
        self.listen("/diagnostics", DiagnosticArray, 10)

    def failed(self, err: Exception) -> None:
        """As of a GlimpseNode."""
        self.errors.append(err)

    def listen(self, topic: str, kind: type, qos: Any = LOOP) -> list[Any]:
        """The messages that come, as they come."""
        messages = self.heard.setdefault(topic, [])
        self.create_subscription(kind, topic, messages.append, qos)
        return messages

    def out(self, topic: str, kind: type, qos: Any = LOOP) -> Any:
        """A publisher, made once."""
        if topic not in self.outs:
            self.outs[topic] = self.create_publisher(kind, topic, qos)
        return self.outs[topic]

    def image(
        self, stamp: int, value: int = 100, size: tuple[int, int] = (48, 64), lower: int | None = None, **fields: Any
    ) -> None:
        """A grey frame, its lower half of another grey where that is said; fields spoil it."""
        pixels = np.full((*size, 3), value, np.uint8)
        pixels[size[0] // 2 :] = value if lower is None else lower
        message = image_from_array(pixels, "rgb8", stamp, "camera")
        for name, field in fields.items():
            setattr(message, name, field)
        self.out("image", Image, IMAGES).publish(message)

    def state(self, stamp: int, pan: float, tilt: float = 0.0, zoom: float = 1.0) -> None:
        """Where the camera looks."""
        message = JointState(header=header(stamp, ""), name=["pan", "tilt", "zoom"])
        message.position = array("d", (pan, tilt, zoom))
        self.out("view_state", JointState).publish(message)

    def diagnosis(self, node: str) -> tuple[int, str, dict[str, str]]:
        """Level, text and values of the newest diagnostics of a node."""
        for message in reversed(self.heard["/diagnostics"]):
            for status in message.status:
                if status.name == f"{self.get_namespace().strip('/')}/{node}: loop":
                    return status.level[0], status.message, {v.key: v.value for v in status.values}
        return 0, "", {}


class Bench:
    """Nodes that spin, all ended on the way out. A context manager."""

    def __enter__(self) -> Bench:
        self._stack = ExitStack()
        context = new_context()
        self._stack.callback(context.try_shutdown)
        self.kwargs = {"context": context, "namespace": f"bench_{os.getpid()}_{next(_numbers)}"}
        self.probe = Probe(**self.kwargs)
        self._stack.callback(self.probe.destroy_node)
        self._stack.enter_context(Spinner(self.probe))
        return self

    def __exit__(self, *err: object) -> None:
        self._stack.close()
        assert not self.probe.errors

    def stranger(self) -> Probe:
        """A probe in a context of its own, as in another process."""
        context = new_context()
        self._stack.callback(context.try_shutdown)
        probe = Probe(context=context, namespace=self.kwargs["namespace"])
        self._stack.callback(probe.destroy_node)
        self._stack.enter_context(Spinner(probe))
        return probe

    def add(self, kind: type, state: str = "active", **parameters: Any) -> Any:
        """A node of that kind, spinning; brought to `state`."""
        extra = {k: parameters.pop(k) for k in ("camera_object", "listener", "info", "name") if k in parameters}
        if "camera_object" in extra:
            extra["camera"] = extra.pop("camera_object")
        node = kind(parameters=parameters, use_global_arguments=False, **extra, **self.kwargs)
        self._stack.callback(end, node)
        self._stack.enter_context(Spinner(node))
        if state in ("inactive", "active"):
            assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS, node.refusal
        if state == "active":
            assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS, node.refusal
        return node

    def matched(self, topic: str, publishers: int = 1, subscribers: int = 0) -> None:
        """Wait until DDS has found them."""
        full = f"/{self.kwargs['namespace']}/{topic}"
        wait_for(
            lambda: (
                self.probe.count_publishers(full) >= publishers and self.probe.count_subscribers(full) >= subscribers
            ),
            what=f"{publishers} publishers and {subscribers} subscribers of {full}",
        )
