"""Model, policy and memory of an exploration where nobody says."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import cv2
import numpy as np
import pytest
from bag_making import START, image, joints, write_bag
from explorations import world
from onnx_graphs import write_bundle, write_street

from glimpse_ros import explore_choice
from glimpse_ros.cameras.base import Camera, open_input
from glimpse_ros.core.types import GlimpseError
from glimpse_ros.explore_choice import choose, choose_memory


def arguments(**given: object) -> Namespace:
    """The command's, as they are where nothing is said."""
    nothing = {"model": None, "policy": None, "memory": None, "frames": None, "stop_threshold": None, "provider": "cpu"}
    return Namespace(**{**nothing, **given})


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, str]:
    """A panorama, a photograph, a folder of two, a video, a bag of a wide camera, and one of a PTZ."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for file, size in (
        (tmp_path / "panorama.png", (64, 128)),
        (tmp_path / "photo.png", (90, 160)),
        *((photos / f"{k}.png", (96, 128)) for k in range(2)),
    ):
        cv2.imwrite(str(file), world(*size))
    video = cv2.VideoWriter(str(tmp_path / "video.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for k in range(3):
        video.write(np.full((48, 64, 3), 80 * k, np.uint8))
    video.release()
    seen = [image(k, START + k) for k in range(2)]
    write_bag(tmp_path / "drive", seen)
    write_bag(tmp_path / "ptz", [*seen, joints(START, pan=0.1, tilt=0.0)])
    names = {"panorama": "panorama.png", "photo": "photo.png", "folder": "photos", "video": "video.avi"}
    return {name: str(tmp_path / file) for name, file in {**names, "drive": "drive", "ptz": "ptz"}.items()}


@pytest.fixture
def inputs(paths: dict[str, str]) -> dict[str, Camera]:
    """A camera on each."""
    return {name: open_input(path) for name, path in paths.items()}


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones in place of those that ship."""
    monkeypatch.setitem(explore_choice.BUNDLES, "planar", str(write_street(tmp_path / "street")))
    monkeypatch.setitem(explore_choice.BUNDLES, "spherical", str(write_bundle(tmp_path / "sphere", policy=False)))


@pytest.mark.usefixtures("bundles")
def test_a_wide_input_gets_the_street_bundle_and_a_panorama_its_own(inputs: dict[str, Camera]) -> None:
    for name, model, policy in (
        ("panorama", "sphere", "uncertainty"),
        ("photo", "street", "learned"),
        ("folder", "street", "learned"),
        ("video", "street", "learned"),
        ("drive", "street", "learned"),
        ("ptz", "sphere", "uncertainty"),
    ):
        path, chosen, scene, notes = choose(arguments(), inputs[name])
        assert (Path(path).name, chosen, scene.info.name, notes) == (model, policy, model, [])
    assert choose(arguments(policy="random"), inputs["photo"])[1] == "random"
    model, policy, scene, _ = choose(arguments(model="mosaic"), inputs["photo"])
    assert (model, policy) == ("mosaic", "grid") and (scene.info.scene.height, scene.info.scene.width) == (288, 512)


def test_without_the_bundle_it_is_the_mosaic_and_it_is_said(
    inputs: dict[str, Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(explore_choice.BUNDLES, "planar", "models/nowhere")
    model, policy, _, notes = choose(arguments(), inputs["folder"])
    assert (model, policy) == ("mosaic", "grid")
    assert notes == ["there is no bundle models/nowhere: exploring with the mosaic"]


def test_a_model_of_another_projection_is_refused(inputs: dict[str, Camera], tmp_path: Path) -> None:
    with pytest.raises(GlimpseError, match="is planar, the input is spherical: expected a model of that kind"):
        choose(arguments(model=str(write_street(tmp_path / "street"))), inputs["panorama"])


def test_each_frame_of_a_sequence_is_a_scene_of_its_own_where_nobody_says_otherwise(paths: dict[str, str]) -> None:
    for name in ("folder", "video", "drive"):
        assert choose_memory(arguments(), paths[name]) == ("per_frame", 2)
    for name in ("photo", "panorama", "ptz"):
        assert choose_memory(arguments(), paths[name]) == ("carried", None)
    assert choose_memory(arguments(frames=5), paths["video"]) == ("per_frame", 5)
    assert choose_memory(arguments(memory="decay"), paths["video"]) == ("decay", None)
    assert choose_memory(arguments(memory="per_frame"), paths["photo"]) == ("per_frame", 1)
    with pytest.raises(GlimpseError, match="--frames 3: memory is carried, so nothing is explored frame by frame"):
        choose_memory(arguments(memory="carried", frames=3), paths["folder"])
    for name in ("photo", "panorama", "ptz"):
        with pytest.raises(GlimpseError, match="--frames 3: the input is not a sequence of a wide camera"):
            choose_memory(arguments(frames=3), paths[name])
