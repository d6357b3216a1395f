"""The bundles of Glimpse-Attend-and-Explore that ship, on a few real images: what they see, and that attention pays."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tree_making import REAL

from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.explorer import look_at_canvas
from glimpse_ros.core.types import GlimpseSpec, SceneSpec, View
from glimpse_ros.datasets.camvid import CLASSES
from glimpse_ros.datasets.images import image_paths
from glimpse_ros.datasets.truth import Truth, load_truth
from glimpse_ros.evaluate import Setting, evaluate

MODELS = Path(__file__).parents[1] / "models"
SENSOR = GlimpseSpec(16, (1 / 3, 2 / 3, 1.0))
OUTPUTS = {
    "street": {"reconstruction", "segmentation", "attention"},
    "panorama-gae": {"reconstruction", "attention"},
    "scene15": {"classification", "attention"},
}
SCENES = {"street": (240, 320), "panorama-gae": (144, 288), "scene15": (160, 160)}
GLIMPSES = 8


def bundle(name: str) -> Path:
    """The bundle's folder; skips the test where it is not there."""
    folder = MODELS / name
    if not (folder / "scene.onnx").is_file():
        pytest.skip(f"there is no bundle {name}")
    return folder


def data(name: str) -> Path:
    """The real data's folder; skips the test where it is not there."""
    if not (REAL / name).is_dir():
        pytest.skip(f"needs {name} in {REAL}")
    return REAL / name


def some(truth: Truth, count: int) -> Truth:
    """That many images of it, evenly spread."""
    chosen = np.linspace(0, len(truth.images) - 1, count).round().astype(int)
    maps = None if truth.maps is None else [truth.maps[i] for i in chosen]
    answers = None if truth.answers is None else truth.answers[chosen]
    return replace(truth, images=[truth.images[i] for i in chosen], maps=maps, answers=answers)


def learned_and_random(name: str, truth: Truth, max_fov: float | None = None, seeds: int = 1) -> list[dict]:
    """What `glimpse evaluate` says of the bundle with its own policy, and with random looks."""
    setting = Setting(truth.size, GLIMPSES, max_fov, seeds, truth.projection)
    return evaluate([str(bundle(name))], ["learned", "random"], truth, setting, quiet=True)


@pytest.mark.parametrize("name", OUTPUTS)
def test_it_is_small_and_says_what_it_is(name: str) -> None:
    folder = bundle(name)
    info = load_scene(folder, "cpu", threads=1).info
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 24 * 2**20
    assert info.outputs == OUTPUTS[name] and info.glimpse == SENSOR
    projection = "spherical" if name.startswith("panorama") else "planar"
    assert info.scene == SceneSpec(*SCENES[name], projection)
    if name == "street":
        assert info.class_names == tuple(CLASSES) and info.palette == tuple(CLASSES.values())
    if name == "scene15":
        assert len(info.class_names) == 15 and info.class_names == tuple(sorted(info.class_names))


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_step_is_the_same_each_time_and_of_finite_numbers(name: str) -> None:
    scene = load_scene(bundle(name), "cpu", threads=1)
    canvas = np.random.default_rng(0).integers(0, 256, (*SCENES[name], 3)).astype(np.uint8)
    look = look_at_canvas(canvas, scene.info.glimpse, scene.info.scene, scene.info.padding)
    found = []
    for _ in range(2):
        scene.reset()
        estimate = scene.step(look(View(0.1, -0.2, scene.info.s_range[1])))
        found.append([getattr(estimate, output) for output in sorted(OUTPUTS[name])])
    for first, second in zip(*found, strict=True):
        assert np.isfinite(first).all() and np.array_equal(first, second)


def test_street_segments_a_street_and_attention_looks_where_it_helps() -> None:
    truth = some(load_truth(f"camvid:{data('camvid')}?split=test"), 12)
    learned, random = learned_and_random("street", truth)
    pixels = learned["pixel_accuracy"]
    assert pixels[-1] >= 0.80 and pixels[-1] >= random["pixel_accuracy"][-1] + 0.03
    assert pixels[0] + 0.05 < pixels[3] < pixels[-1] and min(np.diff(pixels)) > -0.01
    assert learned["miou"][-1] > max(learned["miou"][0], random["miou"][-1]) + 0.02
    assert learned["rmse"][-1] < 0.8 * min(learned["rmse"][0], random["rmse"][-1])


def test_panorama_gae_imagines_better_by_attention_than_by_chance() -> None:
    paths = image_paths(data("panoramas") / "val")
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, 8).round().astype(int)]
    images = [cv2.resize(cv2.imread(str(p))[..., ::-1], (512, 256), interpolation=cv2.INTER_AREA) for p in chosen]
    learned, random = learned_and_random("panorama-gae", Truth("val", images, (256, 512), "spherical"), max_fov=60.0)
    assert learned["rmse"][-1] <= 0.95 * random["rmse"][-1]
    assert learned["rmse"][-1] < 0.75 * learned["rmse"][0]


def test_scene15_names_places() -> None:
    learned, random = learned_and_random("scene15", some(load_truth(f"scene15:{data('scene15')}"), 60))
    assert learned["accuracy"][-1] >= 0.45  # a fifteenth by chance
    assert learned["accuracy"][-1] > learned["accuracy"][0] + 0.1
    assert learned["accuracy"][-1] >= random["accuracy"][-1] - 0.05
