"""The digit bundles that ship, on the first frozen test scenes: what they answer, and that their policies look."""

from pathlib import Path

import numpy as np
import pytest
from digit_making import REAL, needs_real

from glimpse_ros.core.bundle import load_policy, load_scene
from glimpse_ros.core.explorer import explore, look_at_canvas
from glimpse_ros.core.policies import first_view, make_policy
from glimpse_ros.core.types import Limits
from glimpse_ros.datasets import mnist

MODELS = Path(__file__).parents[1] / "models"
BUNDLES = {  # variant, glimpses, errors allowed among 200 scenes, learned and random
    "mnist-ram": ("cluttered60", 8, 20),
    "mnist-ram-28": ("28", 6, 6),
    "mnist-ram-translated60": ("translated60", 8, 8),
    "mnist-ram-cluttered100": ("cluttered100", 8, 30),
    "mnist-active-sampling": ("cluttered60", 8, 24),
    "mnist-active-sampling-28": ("28", 6, 8),
    "mnist-top-down": ("cluttered100x10", 8, 36),
}

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=needs_real)


def episodes(name, count, policy="learned", stop_threshold=None):
    """Steps of an episode over each of the first scenes, and the labels."""
    variant, glimpses, _ = BUNDLES[name]
    scenes, labels = mnist.test_scenes(REAL, variant, count)
    scene = load_scene(MODELS / name, "cpu", threads=1)
    chosen = make_policy(policy, str(MODELS / name), scene.info, "cpu", threads=1)
    limits = Limits(s=scene.info.s_range)
    for i, (canvas, label) in enumerate(zip(scenes, labels, strict=True)):
        rgb = np.repeat(canvas[..., None], 3, 2)
        look = look_at_canvas(rgb, scene.info.glimpse, scene.info.scene, scene.info.padding)
        steps = explore(
            look, scene, chosen, limits=limits, glimpses=glimpses, seed=i, first=first_view(scene.info, limits, i),
            stop_threshold=stop_threshold, overview=rgb,
        )  # fmt: skip
        yield list(steps), label


def errors(name, count, policy="learned"):
    """Wrong answers at the end of the episodes."""
    return sum(steps[-1].estimate.classification.argmax() != label for steps, label in episodes(name, count, policy))


@pytest.mark.parametrize("name", BUNDLES)
def test_it_names_digits(name):
    assert errors(name, 200) <= BUNDLES[name][2]


@pytest.mark.parametrize("name", ["mnist-ram", "mnist-ram-28", "mnist-ram-cluttered100"])
def test_learned_looks_beat_random_ones(name):
    assert errors(name, 200, "random") - errors(name, 200) >= 10  # five points


@pytest.mark.parametrize("name", BUNDLES)
def test_the_policy_reacts_to_what_it_sees(name):
    """From one place, over different scenes: the second looks spread, and an empty scene is looked at in one way."""
    scene = load_scene(MODELS / name, "cpu", threads=1)
    policy = load_policy(MODELS / name, scene.info, threads=1)
    limits, (variant, _, _) = Limits(s=scene.info.s_range), BUNDLES[name]
    canvases, _ = mnist.test_scenes(REAL, variant, 20)
    nexts = []
    for canvas in [*canvases, np.zeros_like(canvases[0]), np.zeros_like(canvases[0])]:
        rgb = np.repeat(canvas[..., None], 3, 2)
        look = look_at_canvas(rgb, scene.info.glimpse, scene.info.scene, scene.info.padding)
        first = first_view(scene.info, limits, 7)
        first = type(first)(0.0, 0.0, scene.info.s_range[1]) if first is not None else None
        steps = list(explore(look, scene, policy, limits=limits, glimpses=2, first=first, overview=rgb))
        nexts.append((steps[1].view.x, steps[1].view.y))
    assert np.std(nexts[:20], 0).max() > 0.1  # of [-1, 1]
    assert nexts[20] == nexts[21]


@pytest.mark.parametrize("name", ["mnist-active-sampling", "mnist-active-sampling-28"])
def test_active_sampling_stops_by_itself(name):
    """At the bundle's own threshold: earlier than the budget, not always at the same step, and at little cost."""
    scene = load_scene(MODELS / name, "cpu", threads=1)
    own = load_policy(MODELS / name, scene.info, threads=1).stop_threshold
    stopped = [(len(steps), steps[-1].estimate.classification.argmax() == label)
               for steps, label in episodes(name, 200, stop_threshold=own)]  # fmt: skip
    taken, right = np.array(stopped).T
    assert taken.mean() < 6 and len(set(taken)) >= 3
    assert right.mean() >= 1 - BUNDLES[name][2] / 200 - 0.02
