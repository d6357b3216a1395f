"""What the launch files make of their arguments. The launcher is stood in for, so this runs where there is none."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from bag_making import START, image, joints, write_bag

ROOT = Path(__file__).resolve().parents[2]


class Recorded:
    """An action or substitution that only remembers what it was made with."""

    def __init__(self, *args: Any, **words: Any) -> None:
        self.args, self.words = args, words


class ParameterValue(Recorded):
    """A parameter whose type is said."""


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Runs a launch file and gives its globals."""
    names = {
        "ament_index_python.packages": {"get_package_share_directory": lambda name: str(ROOT)},
        "launch": ("LaunchContext", "LaunchDescription"),
        "launch.actions": (
            "DeclareLaunchArgument",
            "ExecuteProcess",
            "IncludeLaunchDescription",
            "OpaqueFunction",
            "SetEnvironmentVariable",
        ),
        "launch.launch_description_sources": ("PythonLaunchDescriptionSource",),
        "launch.substitutions": ("EnvironmentVariable", "PathJoinSubstitution", "ThisLaunchFileDir"),
        "launch_ros": (),
        "launch_ros.actions": ("Node",),
        "launch_ros.parameter_descriptions": {"ParameterValue": ParameterValue},
    }
    for name, members in names.items():
        module = ModuleType(name)
        pairs = members.items() if isinstance(members, dict) else ((n, type(n, (Recorded,), {})) for n in members)
        for member, value in pairs:
            setattr(module, member, value)
        monkeypatch.setitem(sys.modules, name, module)
    return lambda name: runpy.run_path(str(ROOT / "launch" / f"{name}.launch.py"))


@pytest.fixture
def explore(load: Callable[[str], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """explore.launch.py with arguments: the nodes' keywords by executable; strings unwrapped from ParameterValue."""

    def run(**arguments: str) -> dict[str, Any]:
        file = load("explore")
        known = {argument.name: argument.default for argument in file["ARGUMENTS"]}
        assert set(arguments) <= set(known)
        made = file["bring_up"](SimpleNamespace(launch_configurations={**known, **arguments}))
        nodes = {action.words["executable"]: action.words for action in made}
        for words in nodes.values():
            if "parameters" in words:
                words["set"] = {k: getattr(v, "args", (v,))[0] for k, v in words["parameters"][1].items()}
        return nodes

    return run


def test_a_drivers_camera_needs_no_camera_node(explore: Callable[..., dict[str, Any]]) -> None:
    nodes = explore()
    assert set(nodes) == {"scene_node", "policy_node"}
    assert nodes["scene_node"]["set"] == {"autostart": True}
    assert nodes["scene_node"]["parameters"][0] == f"{ROOT}/config/params.yaml"


@pytest.mark.parametrize(("camera", "kind"), [("sim", "ptz"), ("wide", "wide"), ("usb", "wide")])
def test_our_cameras_are_of_a_known_kind(explore: Callable[..., dict[str, Any]], camera: str, kind: str) -> None:
    nodes = explore(camera=camera, input="x")
    assert set(nodes) == {"camera_node", "scene_node", "policy_node"}
    assert nodes["camera_node"]["set"] == {"autostart": True, "camera": camera, "input": "x"}
    assert nodes["scene_node"]["set"]["camera"] == kind


def test_the_simulated_camera_has_a_model_of_its_own(explore: Callable[..., dict[str, Any]]) -> None:
    nodes = explore(camera="sim")
    assert nodes["scene_node"]["set"]["model"] == nodes["policy_node"]["set"]["model"]
    assert nodes["scene_node"]["set"]["model"].endswith("models/panorama")
    assert nodes["policy_node"]["set"]["policy"] == "learned"
    assert explore(camera="sim", policy="grid")["policy_node"]["set"]["policy"] == "grid"
    assert "model" not in explore()["scene_node"]["set"], "what an unknown camera needs, nobody knows"


@pytest.fixture
def street(load: Callable[[str], dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of an installed bundle of that name."""
    bundle = tmp_path / "share" / "models" / "adaglimpse-street"
    bundle.mkdir(parents=True)
    for role in ("scene", "policy"):
        (bundle / f"{role}.onnx").touch()
    (tmp_path / "share" / "models" / "plain").mkdir()
    packages = sys.modules["ament_index_python.packages"]
    monkeypatch.setattr(packages, "get_package_share_directory", lambda name: str(tmp_path / "share"))
    return str(bundle)


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, str]:
    """A photograph, a folder of two, a bag of a wide camera, and one of a PTZ."""
    (tmp_path / "folder").mkdir()
    for file in ("photo.png", "folder/0.png", "folder/1.png"):
        cv2.imwrite(str(tmp_path / file), np.zeros((9, 16, 3), np.uint8))
    write_bag(tmp_path / "drive", [image(0, START)])
    write_bag(tmp_path / "ptz", [image(0, START), joints(START, pan=0.1, tilt=0.0)])
    return {name: str(tmp_path / name) for name in ("photo.png", "folder", "drive", "ptz", "nowhere")}


def values(nodes: dict[str, Any], *names: str) -> list[object]:
    """Of parameters `node.name`; None where they are not set."""
    return [nodes[f"{name.split('.')[0]}_node"]["set"].get(name.split(".")[1]) for name in names]


FOLLOWS = ("scene.camera", "scene.memory", "scene.glimpses_per_frame", "policy.glimpses")


@pytest.mark.parametrize(
    ("camera", "name", "model", "expected"),
    [
        ("wide", "folder", True, ["wide", "per_frame", 8, 8]),
        ("wide", "photo.png", True, ["wide", None, None, None]),  # looked at once, and then it is known
        ("usb", "nowhere", True, ["wide", "per_frame", 8, 8]),
        ("bag", "drive", True, ["wide", "per_frame", 8, 8]),
        ("bag", "ptz", False, [None, None, None, 0]),
        ("bag", "nowhere", False, [None, None, None, 0]),  # the node says so
        ("wide", "nowhere", True, ["wide", None, None, None]),
        ("topic", "nowhere", False, [None, None, None, None]),
    ],
)
def test_a_wide_camera_has_a_model_of_its_own_and_the_scene_follows_what_it_sees(
    explore: Callable[..., dict[str, Any]],
    street: str,
    inputs: dict[str, str],
    camera: str,
    name: str,
    model: bool,
    expected: list[object],
) -> None:
    nodes = explore(camera=camera, input=inputs[name])
    assert values(nodes, *FOLLOWS) == expected
    chosen = [street, street, "learned"] if model else [None] * 3
    assert values(nodes, "scene.model", "policy.model", "policy.policy") == chosen


@pytest.mark.usefixtures("street")
def test_what_is_said_is_done(explore: Callable[..., dict[str, Any]], inputs: dict[str, str], tmp_path: Path) -> None:
    folder = {"camera": "wide", "input": inputs["folder"]}
    assert values(explore(**folder, model="mosaic"), "scene.model", "policy.policy") == ["mosaic", None]
    assert values(explore(**folder, memory="carried"), *FOLLOWS) == ["wide", "carried", None, None]
    assert values(explore(**folder, glimpses="3"), *FOLLOWS) == ["wide", "per_frame", 3, 3]
    assert values(explore(**folder, glimpses_per_frame="4", glimpses="2"), *FOLLOWS) == ["wide", "per_frame", 4, 2]
    assert values(explore(**folder, glimpses="0"), *FOLLOWS) == ["wide", "per_frame", 8, 0]
    driver = explore(image="/front/image_raw", model="adaglimpse-street", memory="per_frame")
    assert values(driver, *FOLLOWS, "policy.policy") == [None, "per_frame", 8, 8, "learned"]
    assert values(explore(model="plain"), "scene.model", "policy.policy") == ["plain", None], "it has no policy"
    assert values(explore(camera="bag", input=inputs["drive"], memory="decay"), *FOLLOWS) == ["wide", "decay", None, 0]
    own = explore(**folder, params_file=str(tmp_path / "own.yaml"))
    assert values(own, *FOLLOWS, "scene.model", "policy.policy") == ["wide", *[None] * 5]


def test_without_the_bundle_a_wide_camera_has_the_files_model(
    explore: Callable[..., dict[str, Any]], street: str, inputs: dict[str, str]
) -> None:
    Path(street, "scene.onnx").unlink()
    nodes = explore(camera="bag", input=inputs["drive"])
    assert values(nodes, "scene.model", "policy.policy", *FOLLOWS) == [None, None, "wide", "per_frame", 8, 8]


def test_the_simulated_camera_has_a_scene_of_its_own(explore: Callable[..., dict[str, Any]]) -> None:
    assert Path(explore(camera="sim")["camera_node"]["set"]["input"]).is_file()


def test_arguments_reach_the_nodes_that_have_them_in_their_types(explore: Callable[..., dict[str, Any]]) -> None:
    nodes = explore(
        camera="sim", input="7", model="panorama", policy="grid", glimpses="12", hfov="1", seed="3", loop="True"
    )
    camera, scene, policy = (nodes[name]["set"] for name in ("camera_node", "scene_node", "policy_node"))
    assert (camera["input"], camera["hfov"], camera["seed"], camera["loop"]) == ("7", 1.0, 3, True)
    assert type(camera["hfov"]) is float and type(camera["input"]) is str
    assert (scene["model"], scene["hfov"], scene["loop"]) == ("panorama", 1.0, True)
    assert (policy["model"], policy["policy"], policy["glimpses"], policy["seed"]) == ("panorama", "grid", 12, 3)
    assert "glimpses" not in scene and "policy" not in scene and "loop" not in policy


def test_text_is_said_to_be_text(explore: Callable[..., dict[str, Any]]) -> None:
    """The launcher would hand `0` over as a number."""
    given = explore(camera="usb", input="0")["camera_node"]["parameters"][1]["input"]
    assert isinstance(given, ParameterValue) and given.words == {"value_type": str}


@pytest.mark.parametrize(
    ("argument", "wanted"),
    [({"glimpses": "many"}, "a whole number"), ({"hfov": "wide"}, "a number"), ({"loop": "maybe"}, "true or false")],
)
def test_a_wrong_value_is_refused(explore: Callable[..., dict[str, Any]], argument: dict, wanted: str) -> None:
    with pytest.raises(RuntimeError, match=f"cannot be used: expected {wanted}"):
        explore(**argument)


def test_a_bag_is_never_stale_and_may_give_the_time(explore: Callable[..., dict[str, Any]]) -> None:
    nodes = explore(camera="bag", input="x")
    assert nodes["scene_node"]["set"]["max_frame_age"] == 0.0
    nodes = explore(camera="bag", input="x", use_sim_time="true")
    assert nodes["camera_node"]["set"]["publish_clock"] is True
    assert "use_sim_time" not in nodes["camera_node"]["set"], "it would wait for the clock that it publishes"
    assert nodes["scene_node"]["set"]["use_sim_time"] is True and nodes["policy_node"]["set"]["use_sim_time"] is True
    assert "max_frame_age" not in nodes["scene_node"]["set"]


def test_topics_are_renamed(explore: Callable[..., dict[str, Any]]) -> None:
    nodes = explore(image="/front/image_raw", view_state="/ptz/joint_states", joint_command="/ptz/joint_trajectory")
    scene, policy = (nodes[name]["remappings"] for name in ("scene_node", "policy_node"))
    assert ("image", "/front/image_raw") in scene and ("view_state", "/ptz/joint_states") in scene
    assert ("~/joint_trajectory", "/ptz/joint_trajectory") in policy
    assert not any(name.startswith("~") for name, _ in scene)


def test_a_compressed_topic_is_subscribed_to_as_such(explore: Callable[..., dict[str, Any]]) -> None:
    scene = explore(image="/front/image_raw/compressed")["scene_node"]
    assert scene["set"]["image_transport"] == "compressed"
    assert scene["remappings"] == [("image/compressed", "/front/image_raw/compressed")]


def test_ctrl_c_ends_it_within_five_seconds(explore: Callable[..., dict[str, Any]]) -> None:
    for words in explore(camera="sim", input="x").values():
        assert float(words["sigterm_timeout"]) + float(words["sigkill_timeout"]) < 5.0


def test_rviz_follows_the_namespace(explore: Callable[..., dict[str, Any]]) -> None:
    rviz = explore(rviz="true", namespace="front", image="/cam/image_raw")["rviz2"]
    assert rviz["namespace"] == "front"
    assert ("/image", "/cam/image_raw") in rviz["remappings"]
    assert ("/reconstruction", "reconstruction") in rviz["remappings"]


def test_the_buffers_are_set_where_nobody_has(load: Callable[[str], dict[str, Any]]) -> None:
    actions = load("explore")["generate_launch_description"]().args[0]
    (setting,) = (action for action in actions if type(action).__name__ == "SetEnvironmentVariable")
    name, value = setting.args
    assert value.args == (name,) and value.words["default_value"].startswith("DEFAULT?")
    assert type(actions[-1]).__name__ == "OpaqueFunction", "the nodes come last, or they miss the environment"


@pytest.mark.parametrize("name", ["explore", "playback", "record"])
def test_every_argument_is_explained(load: Callable[[str], dict[str, Any]], name: str) -> None:
    actions = load(name)["generate_launch_description"]().args[0]
    declared = [action for action in actions if type(action).__name__ == "DeclareLaunchArgument"]
    assert len(declared) > 5
    assert all(action.words["description"] for action in declared)


def test_playback_declares_nothing_that_explore_does_not_know(load: Callable[[str], dict[str, Any]]) -> None:
    known = {argument.name for argument in load("explore")["ARGUMENTS"]}
    assert {name for name, *_ in load("playback")["ARGUMENTS"]} <= known


def test_record_names_the_topics_that_training_reads(load: Callable[[str], dict[str, Any]]) -> None:
    file = load("record")
    given = {name: default for name, default, _ in file["ARGUMENTS"]}
    given |= {"namespace": "front", "camera_info": "/cam/info", "out": "bags/one", "storage": "mcap", "split_mib": "1"}
    (action,) = file["record"](SimpleNamespace(launch_configurations=given))
    assert action.words["cmd"] == [
        *("ros2", "bag", "record", "--max-bag-size", "1048576", "--storage", "mcap", "--output", "bags/one"),
        *("--regex", "^(/front/image|/cam/info|/front/view_state|/front/next_view)$"),
    ]
