"""The configuration files say what the nodes know: parameters with their defaults, topics that exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML comes with ROS")
CONFIG = Path(__file__).resolve().parents[2] / "config"
NODES = ("camera_node", "scene_node", "policy_node")
TOPICS = {  # of the design's interface, as a viewer without a namespace sees them
    "/image",
    "/mosaic",
    "/reconstruction",
    "/uncertainty",
    "/segmentation/color",
    "/markers",
    "/view_state",
    "/next_view",
    "/diagnostics",
}


def tables() -> dict[str, dict[str, Any]]:
    """Each node's parameters by name."""
    pytest.importorskip("rclpy", reason="the parameters are declared with rclpy's descriptors")
    from glimpse_ros.nodes.camera_node import CameraNode
    from glimpse_ros.nodes.policy_node import PolicyNode
    from glimpse_ros.nodes.scene_node import SceneNode

    kinds = {"camera_node": CameraNode, "scene_node": SceneNode, "policy_node": PolicyNode}
    return {name: {param.name: param for param in kind.TABLE} for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def written() -> dict[str, dict[str, Any]]:
    """What config/params.yaml gives each node, the shared part included."""
    file = yaml.safe_load((CONFIG / "params.yaml").read_text())
    assert set(file) == {"/**", *(f"/**/{node}" for node in NODES)}
    shared = file["/**"]["ros__parameters"]
    return {node: {**shared, **file[f"/**/{node}"]["ros__parameters"]} for node in NODES}


@pytest.mark.parametrize("node", NODES)
def test_every_parameter_stands_in_the_file(written: dict, node: str) -> None:
    assert set(tables()[node]) - set(written[node]) == set()


def test_nothing_in_the_file_is_unknown(written: dict) -> None:
    known = tables()
    shared = set(yaml.safe_load((CONFIG / "params.yaml").read_text())["/**"]["ros__parameters"])
    for node in NODES:
        assert set(written[node]) - shared - set(known[node]) == set()
    assert shared - {"autostart"} - set().union(*known.values()) == set()


@pytest.mark.parametrize("node", NODES)
def test_the_file_says_the_defaults(written: dict, node: str) -> None:
    for name, param in tables()[node].items():
        assert param.check(written[node][name]) == param.default, name
        assert type(written[node][name]) is type(param.default), f"{name}: rcl does not turn one type into another"


def texts(value: object) -> Iterator[str]:
    """All strings within."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def test_rviz_shows_topics_that_exist() -> None:
    file = yaml.safe_load((CONFIG / "glimpse.rviz").read_text())
    displays = file["Visualization Manager"]["Displays"]
    shown = {display["Topic"]["Value"] for display in displays if "Topic" in display}
    assert {"/reconstruction", "/mosaic", "/uncertainty", "/markers", "/image"} <= shown <= TOPICS
    assert file["Visualization Manager"]["Global Options"]["Fixed Frame"] == "mount"


def test_rviz_asks_for_the_qos_that_is_offered() -> None:
    file = yaml.safe_load((CONFIG / "glimpse.rviz").read_text())
    for display in file["Visualization Manager"]["Displays"]:
        topic = display.get("Topic", {})
        if topic.get("Value") in ("/reconstruction", "/mosaic", "/uncertainty", "/segmentation/color"):
            assert topic["Durability Policy"] == "Transient Local", "a map published before RViz came would be missed"
        elif topic:
            assert topic["Durability Policy"] == "Volatile", "its publisher keeps nothing"
        if topic.get("Value") == "/image":
            assert topic["Reliability Policy"] == "Best Effort"


def test_foxglove_layout_is_whole() -> None:
    file = json.loads((CONFIG / "foxglove.json").read_text())
    placed = [text for text in texts(file["layout"]) if "!" in text]
    assert sorted(placed) == sorted(file["configById"])
    for text in texts(file["configById"]):
        if text.startswith("/"):
            assert text.split(".")[0] in TOPICS
