"""Commands for existing pan-tilt drivers: a JointTrajectory, a JointState or Float64s, beside `next_view`."""

from __future__ import annotations

import threading
from array import array
from typing import Any

from builtin_interfaces.msg import Duration
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ..core.types import PanTiltZoom
from .base import LOOP, GlimpseNode
from .setpoints import Axes, Device

INTERFACES = ("view", "joint_trajectory", "joint_state", "float64")
PERIOD = 0.05  # [s] between the setpoints of a slew that is limited here
SHORTEST = 0.1  # [s] that a trajectory is given


class Driver:
    """Publishes setpoints by one command interface; zoom always as a factor on `~/zoom`.

    A trajectory carries the slew limit in its `time_from_start`; the others get the way in small steps.
    """

    def __init__(self, node: GlimpseNode, interface: str, joints: tuple[str, str, str], device: Device) -> None:
        self.interface, self.joints, self.device = interface, joints, device
        self._lock = threading.Lock()
        self._at: Axes | None = None  # the newest setpoint
        self._goal: Axes | None = None  # where the steps lead
        self._publishers: dict[str, Any] = {}
        if interface == "view":
            return
        self._publishers["zoom"] = node.publisher(Float64, "~/zoom", LOOP)
        if interface == "joint_trajectory":
            self._publishers["trajectory"] = node.publisher(JointTrajectory, "~/joint_trajectory", LOOP)
        elif interface == "joint_state":
            self._publishers["joints"] = node.publisher(JointState, "~/joint_command", LOOP)
        else:
            self._publishers["pan"] = node.publisher(Float64, "~/pan", LOOP)
            self._publishers["tilt"] = node.publisher(Float64, "~/tilt", LOOP)
        if interface != "joint_trajectory" and device.limited:
            node.timer(PERIOD, self._step)

    def command(self, ptz: PanTiltZoom, here: PanTiltZoom | None) -> None:
        """Go there; `here` is where the mount is, None where that is unknown."""
        if self.interface == "view":
            return
        goal = self.device.axes(ptz)
        with self._lock:
            start = self.device.axes(here) if here is not None else self._at or goal
            if self.interface != "joint_trajectory" and self.device.limited:
                self._at, self._goal = self._at or start, goal
                return
            self._at = goal
            self._publish(goal, self.device.seconds(start, goal))

    def hold(self, here: PanTiltZoom) -> None:
        """Stay where the mount is: no step follows."""
        if self.interface == "view":
            return
        with self._lock:
            self._goal, self._at = None, self.device.axes(here)
            self._publish(self._at, 0.0)

    def _step(self) -> None:
        with self._lock:
            if self._goal is None or self._at is None:
                return
            self._at = self.device.towards(self._at, self._goal, PERIOD)
            if self._at == self._goal:
                self._goal = None
            self._publish(self._at, 0.0)

    def _publish(self, axes: Axes, seconds: float) -> None:
        pan, tilt, zoom = axes
        self._publishers["zoom"].publish(Float64(data=zoom))
        if self.interface == "joint_trajectory":
            message = JointTrajectory(joint_names=list(self.joints[:2]))  # stamp zero: at once
            point = JointTrajectoryPoint(positions=array("d", (pan, tilt)))
            sec, rest = divmod(max(seconds, SHORTEST), 1.0)
            point.time_from_start = Duration(sec=int(sec), nanosec=int(rest * 1e9))
            message.points = [point]
            self._publishers["trajectory"].publish(message)
        elif self.interface == "joint_state":
            command = JointState(name=list(self.joints[:2]), position=array("d", (pan, tilt)))
            self._publishers["joints"].publish(command)
        else:
            self._publishers["pan"].publish(Float64(data=pan))
            self._publishers["tilt"].publish(Float64(data=tilt))
