"""Configure, activate, deactivate, clean up, refuse, and live on."""

import time

import onnxruntime
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from onnx_graphs import write_bundle
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from ros_bench import Bench, wait_for
from sensor_msgs.msg import Image, JointState

from glimpse_ros.nodes.base import LOOP
from glimpse_ros.nodes.camera_node import CameraNode
from glimpse_ros.nodes.policy_node import PolicyNode
from glimpse_ros.nodes.scene_node import SceneNode

FAILURE, SUCCESS = TransitionCallbackReturn.FAILURE, TransitionCallbackReturn.SUCCESS
SECOND = 1_000_000_000


def state(node) -> str:
    return node._state_machine.current_state[1]


@pytest.mark.parametrize(
    ("kind", "parameters", "sentence"),
    [
        (SceneNode, {"model": "/nowhere/at/all"}, "/nowhere/at/all: does not exist"),
        (SceneNode, {"model": "mosaic", "camera": "ptz", "projection": "planar"}, "needs a spherical scene model"),
        (SceneNode, {"memory": "per_frame", "camera": "ptz"}, "memory per_frame with camera ptz"),
        (SceneNode, {"memory": "sometimes"}, "'sometimes' is none of carried, per_frame, decay"),
        (SceneNode, {"hfov": "wide"}, "parameter hfov: 'wide' is not a float"),
        (SceneNode, {"pan_joint": "tilt"}, "expected three different ones"),
        (PolicyNode, {"pan_min": 1.0, "pan_max": -1.0}, "pan limits: min 1.0 is greater than max -1.0"),
        (PolicyNode, {"zoom_min": 3.0, "zoom_max": 2.0}, "zoom limits: min 3.0 is greater than max 2.0"),
        (PolicyNode, {"policy": "clairvoyant"}, "policy 'clairvoyant'"),
        (PolicyNode, {"policy": "learned"}, "the mosaic has no policy"),
        (PolicyNode, {"pan_sign": 0}, "expected 1 or -1"),
        (CameraNode, {"camera": "sim", "input": "/nowhere.png"}, "/nowhere.png"),
        (CameraNode, {"camera": "sim"}, "needs an input"),
        (CameraNode, {"camera": "sim", "input": "x", "tilt_min": 1.0, "tilt_max": 0.0}, "tilt limits: min 1.0"),
    ],
)
def test_configure_refuses_in_one_sentence_and_the_node_lives(kind, parameters, sentence):
    with Bench() as bench:
        node = bench.add(kind, "unconfigured", **parameters)
        assert node.trigger_configure() == FAILURE
        assert sentence in node.refusal and "\n" not in node.refusal
        assert state(node) == "unconfigured"
        level, text, _ = wait_for(
            lambda: bench.probe.diagnosis(node.get_name())[0] and bench.probe.diagnosis(node.get_name())
        )
        assert level == 2 and sentence in text  # it says so on /diagnostics, so it lives


def test_after_a_bad_bundle_another_one_can_be_configured(tmp_path):
    good = write_bundle(tmp_path / "good")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "scene.onnx").write_bytes(b"not a graph")
    with Bench() as bench:
        node = bench.add(SceneNode, "unconfigured", model=str(bad))
        assert node.trigger_configure() == FAILURE and str(bad / "scene.onnx") in node.refusal
        assert node.set_parameters([Parameter("model", value=str(good))])[0].successful
        assert node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS
        assert node.loop.model.info.name == "good"
        refused = node.set_parameters([Parameter("model", value="mosaic")])[0]
        assert not refused.successful and "clean up first" in refused.reason
        assert node.trigger_deactivate() == SUCCESS and node.trigger_cleanup() == SUCCESS
        assert node.set_parameters([Parameter("model", value="mosaic")])[0].successful
        assert node.trigger_configure() == SUCCESS and node.trigger_activate() == SUCCESS
        assert node.loop.model.info.name == "mosaic"


@pytest.mark.parametrize("parameters", [{"provider": "cuda"}, {"require_gpu": True}, {"provider": "abacus"}])
def test_a_missing_provider_is_refused_not_replaced(parameters, tmp_path):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    with Bench() as bench:
        node = bench.add(SceneNode, "unconfigured", model=str(write_bundle(tmp_path / "b")), **parameters)
        assert node.trigger_configure() == FAILURE and "\n" not in node.refusal
        assert "GPU" in node.refusal or parameters.get("provider", "CUDA") in node.refusal.lower(), node.refusal


def test_the_lifecycle_is_driven_over_its_services_too():
    with Bench() as bench:
        node = bench.add(PolicyNode, "unconfigured", policy="random")
        change = bench.probe.create_client(ChangeState, "policy_node/change_state")
        get = bench.probe.create_client(GetState, "policy_node/get_state")
        assert change.wait_for_service(10.0) and get.wait_for_service(10.0)
        for transition, after in (
            (Transition.TRANSITION_CONFIGURE, "inactive"),
            (Transition.TRANSITION_ACTIVATE, "active"),
            (Transition.TRANSITION_DEACTIVATE, "inactive"),
            (Transition.TRANSITION_CLEANUP, "unconfigured"),
        ):
            answer = change.call_async(ChangeState.Request(transition=Transition(id=transition)))
            wait_for(answer.done)
            assert answer.result().success
            now = get.call_async(GetState.Request())
            wait_for(now.done)
            assert now.result().current_state.label == after == state(node)


def test_autostart():
    with Bench() as bench:
        node = bench.add(SceneNode, "unconfigured", autostart=True)
        wait_for(lambda: state(node) == "active")
        bad = bench.add(PolicyNode, "unconfigured", autostart=True, policy="clairvoyant")
        wait_for(lambda: bad.refusal and state(bad) == "unconfigured")


def test_an_inactive_node_hears_but_does_nothing():
    with Bench() as bench:
        node = bench.add(SceneNode, "inactive", camera="ptz", hfov=1.0)
        beliefs = bench.probe.listen("belief", Image, LOOP)
        for k in range(10):
            bench.probe.state(k * SECOND, 0.1)
            bench.probe.image(k * SECOND)
            time.sleep(0.02)
        assert not beliefs and node.health.counted("frames received") == 0
        assert node.trigger_activate() == SUCCESS
        bench.matched("image", subscribers=1)
        bench.matched("belief", subscribers=1)
        stamps = iter(range(100, 10_000))

        def fed():
            stamp = next(stamps) * SECOND
            bench.probe.state(stamp, 0.1)
            bench.probe.image(stamp)
            time.sleep(0.02)
            return beliefs

        wait_for(fed)
        assert node.trigger_deactivate() == SUCCESS
        time.sleep(0.1)
        n, received = len(beliefs), node.health.counted("frames received")
        for _ in range(10):
            fed()
        assert len(beliefs) == n and node.health.counted("frames received") == received


def test_a_policy_that_never_got_a_belief_commands_nothing_even_on_the_way_out():
    with Bench() as bench:
        views = bench.probe.listen("next_view", JointState)
        node = bench.add(PolicyNode, policy="random")
        bench.probe.state(SECOND, 0.5)
        time.sleep(0.2)
        assert node.trigger_deactivate() == SUCCESS
        time.sleep(0.2)
        assert not views


def test_whole_numbers_serve_as_floats():
    with Bench() as bench:
        node = bench.add(SceneNode, "inactive", hfov=1)
        assert node.values["hfov"] == 1.0 and isinstance(node.values["hfov"], float)


def test_parameters_describe_themselves():
    with Bench() as bench:
        for kind in (CameraNode, SceneNode, PolicyNode):
            node = bench.add(kind, "unconfigured")
            for param in node.table:
                described = node.describe_parameter(param.name)
                assert described.description and "TODO" not in described.description
                if isinstance(param.default, (int, float)) and not isinstance(param.default, bool):
                    ranges = described.floating_point_range or described.integer_range
                    assert ranges or param.name == "stop_threshold", param.name
