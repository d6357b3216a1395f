"""policy.onnx at work: what it decides, what it carries, what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from onnx_builder import Builder, infos
from onnx_graphs import GRID, centres, covered, plain_glimpse, write_bundle

from glimpse_ros.core.bundle import GraphNaNError, describe, load_policy, load_scene
from glimpse_ros.core.types import Episode, Glimpse, GlimpseError, Limits, SceneEstimate, SceneSpec, View

RED = np.array([0.9, 0.2, 0.1], np.float32)
SCENE = SceneSpec(64, 128, "spherical")
AHEAD = View(0.0, 0.0, 0.25)
ANYWHERE = Limits()


def glimpse(view=AHEAD, colour=RED, **options) -> Glimpse:
    return plain_glimpse(view, colour, **options)


def episode(limits=ANYWHERE, seed=0, scene=SCENE) -> Episode:
    return Episode(limits, 8, None, scene, seed)


def loaded(tmp_path, sample=False, **options):
    folder = write_bundle(tmp_path / "b", **options)
    model = load_scene(folder)
    policy = load_policy(folder, model.info, sample=sample)
    return model, policy


def test_the_policy_looks_at_the_first_unseen_cell(tmp_path):
    model, policy = loaded(tmp_path)
    policy.reset(episode())
    first = policy.decide(model.empty(), None)
    assert (first.view.x, first.view.y, first.view.s) == pytest.approx((-0.875, -0.75, 0.25))
    assert first.stop is None
    seen = View(first.view.x, first.view.y, 0.125)
    second = policy.decide(model.step(glimpse(seen)), seen)
    unseen = np.argwhere(~covered(seen))[0]
    expected = centres(GRID[1])[unseen[1]], centres(GRID[0])[unseen[0]]
    assert (second.view.x, second.view.y) == pytest.approx(expected)
    assert policy._state["state_count"].tolist() == [[2.0]]
    policy.reset(episode())
    assert policy._state["state_count"].tolist() == [[0.0]]


@pytest.mark.parametrize("takes_limits", [True, False])
def test_the_view_is_inside_the_limits_whether_the_graph_takes_them_or_not(tmp_path, takes_limits):
    model, policy = loaded(tmp_path, limits=takes_limits)
    limits = Limits(x=(-0.25, 0.5), y=(0.0, 0.125), s=(0.05, 0.1))
    policy.reset(episode(limits))
    view = policy.decide(model.empty(), None).view
    assert (view.x, view.y, view.s) == pytest.approx((-0.25, 0.0, 0.1))


def test_stop_is_passed_on(tmp_path):
    model, policy = loaded(tmp_path, stop=True)
    policy.reset(episode())
    assert policy.decide(model.empty(), None).stop == 0.0
    assert policy.decide(model.step(glimpse(View(0.0, 0.0, 1.0))), None).stop == 1.0


def test_the_stop_threshold_is_that_of_the_metadata(tmp_path):
    _, policy = loaded(tmp_path, stop=True, policy_fields={"stop_threshold": 0.25})
    assert policy.stop_threshold == 0.25 and describe(tmp_path / "b")["policy"]["stop_threshold"] == 0.25
    _, policy = loaded(tmp_path, stop=True)
    assert policy.stop_threshold is None and describe(tmp_path / "b")["policy"]["stop_threshold"] is None


def test_noise_is_off_unless_sampling_and_is_seeded(tmp_path):
    folder = write_bundle(tmp_path / "b", noise=True, limits=False)
    model = load_scene(folder)

    def xs(sample: bool, seed: int) -> list[float]:
        policy = load_policy(folder, model.info, sample=sample)
        policy.reset(episode(seed=seed))
        return [policy.decide(model.empty(), None).view.x for _ in range(4)]

    assert xs(False, 0) == xs(False, 1) == [-0.875] * 4
    assert xs(True, 3) == xs(True, 3) != xs(True, 4)
    assert len(set(xs(True, 3))) == 4
    shift = np.random.default_rng(3).standard_normal((1, 3), np.float32)[0, 0] * 0.1
    assert (xs(True, 3)[0] + 0.875 - shift + 1) % 2 - 1 == pytest.approx(0, abs=1e-6)  # wraps


def test_nan_from_the_policy_raises_and_leaves_its_state(tmp_path):
    model, policy = loaded(tmp_path, policy_nan=True)
    policy.reset(episode())
    with pytest.raises(GraphNaNError, match=r"policy\.onnx: output `next_view` has NaN"):
        policy.decide(model.empty(), None)
    assert policy._state["state_count"].tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("raw", "projection", "good"),
    [
        ((1.5, 0.0, 0.2), "spherical", True),  # wraps
        ((1.5, 0.0, 0.2), "planar", False),
        ((0.0, -1.5, 0.2), "spherical", False),
        ((0.0, 0.0, 0.0), "spherical", False),
        ((0.0, 0.0, -0.1), "spherical", False),
        ((0.0, 0.0, 1.5), "planar", False),
        ((1.0005, -1.0005, 1.0005), "planar", True),  # rounding
    ],
)
def test_a_view_that_is_none_of_the_scene_is_dropped(tmp_path, raw, projection, good):
    from onnx_graphs import write_model

    folder = write_bundle(tmp_path / "b", projection=projection)
    model = load_scene(folder)
    b = Builder()
    b(
        "Add",
        b("Mul", b("ReduceMean", "belief", axes=[1, 2], keepdims=0), b.const(0.0)),
        b.const([raw]),
        out="next_view",
    )
    graph = b.model("policy", infos({"belief": (1, 32, 4)}), infos({"next_view": (1, 3)}))
    write_model(folder / "policy.onnx", graph, {"role": "policy", "belief_id": model.info.belief_id})
    policy = load_policy(folder, model.info)
    policy.reset(episode(scene=model.info.scene))
    if good:
        view = policy.decide(model.empty(), None).view
        assert -1 <= view.x <= 1 and -1 <= view.y <= 1 and view.s <= 1
        assert projection == "planar" or view.x == pytest.approx(-0.5)
    else:
        with pytest.raises(GraphNaNError, match=r"policy\.onnx: next_view is \(.*\); expected a view of the scene"):
            policy.decide(model.empty(), None)


def test_an_estimate_that_does_not_fit_is_refused(tmp_path):
    model, policy = loaded(tmp_path, wants=("uncertainty",))
    assert policy.wants == {"uncertainty"}
    policy.reset(episode())
    estimate = model.empty()
    with pytest.raises(
        GlimpseError, match=r"estimate's `uncertainty` is missing; expected one that fits \(1, 1, 4, 8\)"
    ):
        policy.decide(SceneEstimate(estimate.belief), None)
    with pytest.raises(GlimpseError, match=r"estimate's `belief` has the shape \(16, 4\); expected .* \(1, 32, 4\)"):
        policy.decide(replace(estimate, belief=estimate.belief[:16]), None)
    with pytest.raises(GlimpseError, match=r"estimate's `belief` has the shape \(4, 32\)"):
        policy.decide(replace(estimate, belief=estimate.belief.T), None)
    with pytest.raises(GlimpseError, match="estimate's `belief` has NaN or infinity"):
        policy.decide(replace(estimate, belief=np.full((32, 4), np.nan, np.float32)), None)
    assert policy.decide(estimate, None).view.s == 0.25


def test_the_first_view_of_the_episode_comes_before_the_graph(tmp_path):
    model, policy = loaded(tmp_path)
    first = View(0.5, 0.25, 0.5)
    policy.reset(Episode(Limits(), 8, first, SCENE))
    assert policy.decide(model.empty(), None).view == first
    assert policy.decide(model.step(glimpse(first)), first).view.x == pytest.approx(-0.875)
    assert policy._state["state_count"].tolist() == [[1.0]]


def test_the_camera_and_the_scene_model_have_to_meet(tmp_path):
    model, policy = loaded(tmp_path, limits=True, scene_fields={"s_range": [0.1, 0.2]})
    policy.reset(episode(Limits(s=(0.05, 0.5))))
    assert policy.decide(model.empty(), None).view.s == pytest.approx(0.2)  # it would be 0.25
    with pytest.raises(GlimpseError, match=r"policy\.onnx: the camera's s is 0\.3 to 0\.5, the scene model's 0\.1 to"):
        policy.reset(episode(Limits(s=(0.3, 0.5))))
