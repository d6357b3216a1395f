"""The parameter table: one type each, ranges, choices, one sentence."""

import math

import pytest

from glimpse_ros.core.types import GlimpseError, MountLimits
from glimpse_ros.nodes.camera_node import CAMERA, options
from glimpse_ros.nodes.parameters import MOUNT, Param, joint_names, mount_limits
from glimpse_ros.nodes.policy_node import POLICY
from glimpse_ros.nodes.scene_parameters import SCENE, loop_settings

SPEED = Param("speed", 1.0, "[m/s]", 0.0, 2.0)


@pytest.mark.parametrize("value", [0.0, 2.0, 1])
def test_values_in_range_pass_and_whole_numbers_become_floats(value):
    assert SPEED.check(value) == value and isinstance(SPEED.check(value), float)


@pytest.mark.parametrize("value", [-0.1, 2.1, math.nan, math.inf, "1.0", True, None, [1.0]])
def test_others_are_refused_with_the_rule_and_the_value(value):
    with pytest.raises(GlimpseError, match="parameter speed: .*") as err:
        SPEED.check(value)
    assert repr(value) in str(err.value) or str(value) in str(err.value)


def test_a_bool_is_no_number_and_a_number_no_bool():
    with pytest.raises(GlimpseError):
        Param("n", 1, "", 0, 9).check(True)
    with pytest.raises(GlimpseError):
        Param("b", True, "").check(1)


def test_choices():
    param = Param("memory", "a", "", choices=("a", "b"))
    assert param.check("b") == "b"
    with pytest.raises(GlimpseError, match="'c' is none of a, b"):
        param.check("c")
    assert "one of a, b" in param.descriptor().additional_constraints


@pytest.mark.parametrize("table", [CAMERA, SCENE, POLICY])
def test_every_default_passes_its_own_check(table):
    assert len({p.name for p in table}) == len(table)
    for param in table:
        assert param.check(param.default) == param.default


def test_the_defaults_are_the_types_defaults():
    values = {p.name: p.default for p in SCENE}
    settings = loop_settings(values)
    assert settings == type(settings)()
    assert mount_limits({p.name: p.default for p in MOUNT}) == MountLimits()


def test_joint_names_must_differ():
    assert joint_names({"pan_joint": "a", "tilt_joint": "b", "zoom_joint": "c"}) == ("a", "b", "c")
    for bad in ("a", ""):
        with pytest.raises(GlimpseError):
            joint_names({"pan_joint": "a", "tilt_joint": bad, "zoom_joint": "c"})


@pytest.mark.parametrize("kind", ["sim", "wide", "bag", "usb"])
def test_every_option_of_the_camera_node_is_one_of_the_camera(kind):
    from glimpse_ros.cameras.base import _options

    given = options({**{p.name: p.default for p in CAMERA}, "camera": kind, "width": 64, "height": 48})
    assert set(given) <= _options(kind)


def test_a_simulated_frame_needs_both_sides():
    with pytest.raises(GlimpseError, match="both or none"):
        options({**{p.name: p.default for p in CAMERA}, "width": 64})
