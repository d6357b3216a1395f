"""A node's parameters as a table: name, default, what it is, and what it may be. Declared with descriptors from it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from ..core.types import GlimpseError, MountLimits

Value = bool | int | float | str


@dataclass(frozen=True)
class Param:
    """One parameter. Numbers need `low` and `high`; text may have `choices`."""

    name: str
    default: Value
    text: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def check(self, value: object) -> Value:
        """The value in the default's type; raises GlimpseError with the rule and the value got.

        A whole number serves where a float is expected: `-p hfov:=1` means 1.0.
        """
        kind = type(self.default)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind or not isinstance(value, (bool, int, float, str)):
            raise GlimpseError(f"parameter {self.name}: {value!r} is not a {kind.__name__}")
        if self.choices and value not in self.choices:
            raise GlimpseError(f"parameter {self.name}: {value!r} is none of {', '.join(self.choices)}")
        if self.low is not None and self.high is not None and not isinstance(value, (bool, str)):
            if math.isnan(value) or not self.low <= value <= self.high:
                raise GlimpseError(f"parameter {self.name}: {value} is not in [{self.low:g}, {self.high:g}]")
        return value

    def descriptor(self) -> ParameterDescriptor:
        """For `ros2 param describe`. rclpy enforces the range; type and choices are for `check`, which is kinder."""
        described = ParameterDescriptor(name=self.name, description=self.text, dynamic_typing=True)
        if self.choices:
            described.additional_constraints = "one of " + ", ".join(self.choices)
        if self.low is not None and self.high is not None:
            if isinstance(self.default, float):
                described.floating_point_range = [FloatingPointRange(from_value=self.low, to_value=self.high)]
            else:
                described.integer_range = [IntegerRange(from_value=int(self.low), to_value=int(self.high))]
        return described


def declare(node: Node, table: Iterable[Param]) -> None:
    """Declare all of a table on a node."""
    for param in table:
        if not node.has_parameter(param.name):
            node.declare_parameter(param.name, param.default, param.descriptor())


def values(node: Node, table: Iterable[Param]) -> dict[str, Any]:
    """The checked values by name; raises GlimpseError for the first that is not what it should be."""
    return {param.name: param.check(node.get_parameter(param.name).value) for param in table}


JOINTS = (
    Param("pan_joint", "pan", "name of the pan joint in view_state and next_view"),
    Param("tilt_joint", "tilt", "name of the tilt joint in view_state and next_view"),
    Param("zoom_joint", "zoom", "name of the zoom joint (a factor) in view_state and next_view"),
)

MOUNT = (
    Param("pan_min", -math.pi, "smallest pan of the mount [rad], left is positive", -8 * math.pi, 8 * math.pi),
    Param("pan_max", math.pi, "largest pan of the mount [rad]", -8 * math.pi, 8 * math.pi),
    Param("tilt_min", -math.pi / 2, "smallest tilt of the mount [rad], down is positive", -math.pi, math.pi),
    Param("tilt_max", math.pi / 2, "largest tilt of the mount [rad]", -math.pi, math.pi),
    Param("zoom_min", 1.0, "smallest zoom [factor], 1 is the widest", 1.0, 1000.0),
    Param("zoom_max", 4.0, "largest zoom [factor]", 1.0, 1000.0),
)


def joint_names(values: dict[str, Any]) -> tuple[str, str, str]:
    """Names of the pan, tilt and zoom joints; raises GlimpseError where two are alike."""
    names = (values["pan_joint"], values["tilt_joint"], values["zoom_joint"])
    if len(set(names)) < 3 or "" in names:
        raise GlimpseError(f"joint names {', '.join(map(repr, names))}: expected three different ones")
    return names


def mount_limits(values: dict[str, Any]) -> MountLimits:
    """The limits of the mount; raises GlimpseError where a min is greater than its max."""
    return MountLimits(
        (values["pan_min"], values["pan_max"]),
        (values["tilt_min"], values["tilt_max"]),
        (values["zoom_min"], values["zoom_max"]),
    )
