"""The bundles of AdaGlimpse that ship: sound, small, better than random looks, of the same cost at any glimpse."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tree_making import REAL

from glimpse_ros.core.bundle import load_policy, load_scene
from glimpse_ros.core.explorer import explore, look_at_canvas
from glimpse_ros.core.motion import slew_seconds
from glimpse_ros.core.policies import first_view, make_policy
from glimpse_ros.core.types import Limits, SceneSpec
from glimpse_ros.datasets.camvid import CLASSES
from glimpse_ros.datasets.truth import load_truth
from glimpse_ros.evaluate import Setting, evaluate

ROOT = Path(__file__).parents[1]
PANORAMAS, MOTION, STREET = "adaglimpse", "adaglimpse-motion", "adaglimpse-street"
PTZ = Limits(s=(1 / 16, 1 / 6))
BALL = (2 * math.pi, math.pi)  # [rad]


def bundle(name: str) -> Path:
    """The bundle's folder; skips the test where it is not there."""
    folder = ROOT / "models" / name
    if not (folder / "scene.onnx").is_file():
        pytest.skip(f"there is no bundle {name}")
    return folder


@pytest.fixture(scope="module")
def courtyard() -> np.ndarray:
    """(256, 512, 3) rendered by the project: no panorama that was trained on."""
    image = cv2.imread(str(ROOT / "config" / "scenes" / "courtyard.jpg"))[..., ::-1]
    return cv2.resize(np.ascontiguousarray(image), (512, 256), interpolation=cv2.INTER_AREA)


def steps(truth, folder, name, limits, glimpses, seed=0):
    """An exploration of the canvas."""
    scene = load_scene(folder, "cpu", threads=1)
    policy = make_policy(name, str(folder), scene.info, "cpu", 1)
    look, first = look_at_canvas(truth, scene.info.glimpse, scene.info.scene), first_view(scene.info, limits, seed)
    return list(explore(look, scene, policy, limits=limits, glimpses=glimpses, seed=seed, first=first))


def rmse(step, truth) -> float:
    """On 0-255."""
    return float(np.sqrt(((step.estimate.reconstruction.transpose(1, 2, 0) * 255 - truth) ** 2).mean()))


@pytest.mark.parametrize("name", [PANORAMAS, MOTION, STREET])
def test_it_is_small_and_says_what_it_is(name):
    folder = bundle(name)
    info = load_scene(folder, "cpu", threads=1).info
    assert sum(file.stat().st_size for file in folder.glob("*.onnx")) <= 32 * 2**20
    assert {"reconstruction", "uncertainty", "attention"} <= info.outputs
    assert (folder / "README.md").read_text().startswith(f"# {name}")
    if name != STREET:
        assert info.scene == SceneSpec(256, 512, "spherical") and info.glimpse.size == 32
    else:
        assert info.scene == SceneSpec(240, 320, "planar") and info.class_names == tuple(CLASSES)
        assert 8 * info.glimpse.size**2 <= 0.08 * 240 * 320, "eight glimpses are at most 8 % of the pixels"


def test_the_policy_beats_random_looks_of_a_ptz_camera(courtyard):
    folder = bundle(PANORAMAS)
    learned, chance = (
        np.mean([rmse(steps(courtyard, folder, name, PTZ, 8, seed)[-1], courtyard) for seed in range(2)])
        for name in ("learned", "random")
    )
    assert learned < 0.9 * chance


def test_one_that_is_charged_for_motion_moves_less_and_sees_as_much(courtyard):
    seconds, errors = {}, {}
    for name in (PANORAMAS, MOTION):
        found = [steps(courtyard, bundle(name), "learned", PTZ, 8, seed) for seed in range(2)]
        ways = [[a.view, b.view] for taken in found for a, b in itertools.pairwise(taken)]
        seconds[name] = sum(slew_seconds(*way, widest=1 / 6, projection="spherical", fov=BALL) for way in ways)
        errors[name] = np.mean([rmse(taken[-1], courtyard) for taken in found])
    assert seconds[MOTION] < 0.8 * seconds[PANORAMAS] and errors[MOTION] < 1.1 * errors[PANORAMAS]


def test_it_begins_wide_and_zooms_where_a_glimpse_may_span_the_scene(courtyard):
    free = Limits(s=(1 / 16, 1.0))
    learned, chance = (steps(courtyard, bundle(PANORAMAS), name, free, 12) for name in ("learned", "random"))
    taken = [step.view.s for step in learned]
    assert taken[0] == 1.0 and np.mean(taken[6:]) < 0.5 * np.mean(taken[:3])
    assert rmse(learned[-1], courtyard) < 0.85 * rmse(chance[-1], courtyard)


def test_a_hundred_glimpses_leave_it_finite_and_no_worse(courtyard):
    """What never stops looking must not leave what was trained: its map is bounded."""
    found = steps(courtyard, bundle(PANORAMAS), "uncertainty", PTZ, 60)
    assert all(np.isfinite(step.estimate.belief).all() for step in found)
    assert rmse(found[-1], courtyard) < rmse(found[29], courtyard) + 0.3 < rmse(found[11], courtyard)
    assert np.abs(found[-1].estimate.belief).max() < 3 * np.abs(found[11].estimate.belief).max()


def test_confidence_rises_and_the_policy_stays_inside_narrow_limits(courtyard):
    folder = bundle(PANORAMAS)
    found = steps(courtyard, folder, "learned", PTZ, 12)
    assert found[-2].stop > found[0].stop and all(0 <= step.stop <= 1 for step in found[:-1])
    narrow = Limits(x=(-0.3, 0.2), y=(-0.1, 0.4), s=(0.1, 0.15))
    scene = load_scene(folder, "cpu", threads=1)
    policy = load_policy(folder, scene.info, "cpu", threads=1)
    look = look_at_canvas(courtyard, scene.info.glimpse, scene.info.scene)
    first = first_view(scene.info, narrow, 0)
    for step in list(explore(look, scene, policy, limits=narrow, glimpses=6, first=first))[1:]:
        assert -0.3 - 0.01 <= step.view.x <= 0.21 and -0.11 <= step.view.y <= 0.41 and 0.09 <= step.view.s <= 0.16


def test_streets_are_segmented():
    folder = bundle(STREET)
    if not (REAL / "camvid").is_dir():
        pytest.skip(f"needs camvid in {REAL}")
    truth = load_truth(f"camvid:{REAL / 'camvid'}?split=val", None)
    picks = np.linspace(0, len(truth.images) - 1, 12).round().astype(int)
    truth = replace(truth, images=[truth.images[i] for i in picks], maps=[truth.maps[i] for i in picks])
    setting = Setting(truth.size, 8, None, 1, truth.projection, 60.0)
    row = evaluate([str(folder)], ["learned"], truth, setting, quiet=True)[0]
    assert row["pixel_accuracy"][-1] > 0.85 and row["pixel_fraction"][-1] <= 0.08
