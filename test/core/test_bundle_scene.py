"""scene.onnx at work: what it computes, what it carries, what it refuses; against NumPy as the reference."""

import time
from dataclasses import replace

import numpy as np
import pytest
from onnx_builder import Builder, infos
from onnx_graphs import GRID, covered, edit_scene, plain_glimpse, write_bundle

from glimpse_ros.core.bundle import BundleError, GraphNaNError, OnnxScene, load_policy, load_scene
from glimpse_ros.core.bundle_file import encode_belief
from glimpse_ros.core.types import Episode, Glimpse, GlimpseError, Limits, SceneSpec, View

RED = np.array([0.9, 0.2, 0.1], np.float32)
SCENE = SceneSpec(64, 128, "spherical")
AHEAD = View(0.0, 0.0, 0.25)


def glimpse(view=AHEAD, colour=RED, **options) -> Glimpse:
    return plain_glimpse(view, colour, **options)


def test_a_step_paints_the_cells_that_it_covers_and_wraps(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b"))
    view = View(-1.0, 0.0, 0.25)
    estimate = model.step(glimpse(view))
    mask = covered(view)
    assert mask[:, 0].any() and mask[:, -1].any() and not mask[:, 3].any()
    expected = np.where(mask[..., None], [*RED, 1.0], [0.5, 0.5, 0.5, 0.0]).reshape(-1, 4)
    np.testing.assert_allclose(estimate.belief, expected, atol=1e-6)
    np.testing.assert_allclose(estimate.uncertainty, np.where(mask, 0.5, 1.0))
    assert estimate.reconstruction.shape == (3, 64, 128)
    np.testing.assert_allclose(estimate.reconstruction[:, 32, 0], RED, atol=1e-6)
    np.testing.assert_allclose(estimate.reconstruction[:, 32, 64], 0.5)
    assert estimate.segmentation is None and estimate.classification is None and estimate.attention is None


def test_state_is_carried_and_reset_forgets(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b"))
    whole = View(0.0, 0.0, 1.0)
    first = model.step(glimpse(whole, [1, 1, 1]))
    second = model.step(glimpse(whole, [0, 0, 0]))
    np.testing.assert_allclose(first.belief[:, :3], 1.0)
    np.testing.assert_allclose(second.belief[:, :3], 0.5)  # the mean of the two
    np.testing.assert_allclose(second.uncertainty, 1 / 3)
    model.reset()
    again = model.step(glimpse(whole, [1, 1, 1]))
    np.testing.assert_array_equal(again.belief, first.belief)


def test_an_estimate_is_not_changed_by_the_next_step(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b"))
    first = model.step(glimpse())
    kept = first.belief.copy(), first.reconstruction.copy()
    for i in range(5):
        model.step(glimpse(View(0.1 * i, 0.0, 0.5), [0, 0, 1]))
    np.testing.assert_array_equal(first.belief, kept[0])
    np.testing.assert_array_equal(first.reconstruction, kept[1])


def test_loading_leaves_the_state_at_zero(tmp_path):
    """The trial run of the load does not count: state_steps is 1 after one step."""
    model = load_scene(write_bundle(tmp_path / "b"))
    model.step(glimpse())
    assert model._state["state_steps"].tolist() == [1] and model._state["state_steps"].dtype == np.int64


def test_without_decode_there_is_the_same_belief_and_no_maps(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b"))
    on = model.step(glimpse())
    model.reset()
    off = model.step(glimpse(), decode=False)
    np.testing.assert_array_equal(on.belief, off.belief)
    assert off.reconstruction is None and off.uncertainty is None


def test_without_decode_the_decoder_does_not_run(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b", scene=(1024, 2048)))

    def fastest(decode: bool) -> float:
        seconds = []
        for _ in range(7):
            start = time.perf_counter()
            model.step(glimpse(), decode)
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    assert fastest(False) < 0.6 * fastest(True)


def test_a_graph_without_decode(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b", decode=False))
    assert model.step(glimpse()).reconstruction.shape == (3, 64, 128)
    assert model.step(glimpse(), decode=False).reconstruction is None


def test_classes(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b", segmentation=True, classification=True))
    estimate = model.step(glimpse(View(0.0, 0.0, 1.0), [0.9, 0.9, 0.9]))
    assert estimate.segmentation.shape == (2, *GRID) and estimate.classification.shape == (2,)
    np.testing.assert_allclose(estimate.classification, [-0.4, 0.4], atol=1e-6)
    assert model.info.class_names == ("dark", "bright") and model.info.palette == ((0, 0, 0), (255, 255, 255))


def test_info_comes_from_graph_and_metadata(tmp_path):
    fields = {"first_view": [0, 0.5, 0.25], "s_range": [0.1, 0.5], "padding": "zero", "glimpses": 6, "data": "mine"}
    folder = write_bundle(tmp_path / "b", glimpse=16, scales=(0.5, 1.0), scene_fields=fields)
    info = load_scene(folder).info
    assert (info.name, info.family, info.provider) == ("b", "test", "CPUExecutionProvider")
    assert info.scene == SCENE and info.glimpse.size == 16 and info.glimpse.scales == (0.5, 1.0)
    assert info.first_view == (0.0, 0.5, 0.25) and info.s_range == (0.1, 0.5)
    assert info.outputs == {"reconstruction", "uncertainty"}
    assert (info.details["padding"], info.details["glimpses"], info.details["data"]) == ("zero", 6, "mine")
    assert info.details["shapes"]["belief"] == (1, 32, 4)
    assert info.details["path"] == str(folder / "scene.onnx")


def test_only_the_widest_scale_is_painted(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b", glimpse=8, scales=(0.25, 1.0)))
    taken = glimpse(View(0.0, 0.0, 1.0), RED, size=8, scales=2)
    taken.pixels[0] = 0.0  # the finest
    np.testing.assert_allclose(model.step(taken).belief[:, :3], np.broadcast_to(RED, (32, 3)), atol=1e-6)


@pytest.mark.parametrize("decode", [True, False])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 255.0, -1.0])
def test_bad_pixels_are_refused_before_the_graph(tmp_path, bad, decode):
    model = load_scene(write_bundle(tmp_path / "b"))
    before = model.step(glimpse())
    taken = glimpse()
    taken.pixels[0, 1, 5, 7] = bad
    with pytest.raises(GlimpseError, match=r"b: glimpse has values from .* to .*; expected RGB in \[0, 1\]"):
        model.step(taken, decode)
    assert not np.array_equal(model.step(glimpse()).uncertainty, before.uncertainty)
    assert model._state["state_steps"].tolist() == [2]


def test_pixels_of_another_shape_are_refused(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b"))
    with pytest.raises(GlimpseError, match=r"b: glimpse has the shape \(1, 3, 16, 16\); expected \(1, 3, 32, 32\)"):
        model.step(glimpse(size=16))
    with pytest.raises(GlimpseError, match=r"\(2, 3, 32, 32\); expected \(1, 3, 32, 32\)"):
        model.step(glimpse(scales=2))


def test_float64_and_strided_pixels_are_taken(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b"))
    taken = glimpse()
    strided = np.asfortranarray(taken.pixels.astype(np.float64))
    expected = model.step(taken).belief
    model.reset()
    np.testing.assert_array_equal(model.step(replace(taken, pixels=strided)).belief, expected)


def test_nan_from_the_graph_raises_and_leaves_the_state(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b", nan=0.5))
    first = model.step(glimpse(View(0.0, 0.0, 0.25)))
    for _ in range(3):
        with pytest.raises(GraphNaNError, match=r"scene\.onnx: output `belief` has NaN or infinity; expected finite"):
            model.step(glimpse(View(0.75, 0.0, 0.25)))
    assert model._state["state_steps"].tolist() == [1]
    after = model.step(glimpse(View(0.0, 0.0, 0.25)))
    np.testing.assert_array_equal(after.belief, first.belief)  # the mean of twice the same
    assert issubclass(GraphNaNError, BundleError) and issubclass(BundleError, GlimpseError)


def test_nan_in_the_state_alone_raises_too(tmp_path):
    def change(model):
        b = Builder("more_")
        b("Log", b("Sub", "state_x", b.const(1.0)), out="next_state_x")
        b.append_to(model, infos({"next_state_x": (1, 2)}))
        model.graph.input.extend(infos({"state_x": (1, 2)}))

    model = load_scene(edit_scene(write_bundle(tmp_path / "b"), change))
    with pytest.raises(GraphNaNError, match="next_state_x"):
        model.step(glimpse(), decode=False)
    assert (model._state["state_x"] == 0).all()


def test_overview_is_given_once(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b", overview=True))
    assert isinstance(model, OnnxScene)
    assert model.overview_size == (8, 16) and model.info.details["overview"] == (8, 16)
    far = View(0.0, 0.0, 0.25)
    unseen = ~covered(far).reshape(-1)
    model.set_overview(np.full((3, 8, 16), 0.75, np.float32))
    np.testing.assert_allclose(model.step(glimpse(far)).belief[unseen, :3], 0.75)
    np.testing.assert_allclose(model.step(glimpse(far)).belief[unseen, :3], 0.0)  # zeros after the first
    model.set_overview(np.full((3, 8, 16), 0.75, np.float32))
    model.reset()
    np.testing.assert_allclose(model.step(glimpse(far)).belief[unseen, :3], 0.0)
    with pytest.raises(GlimpseError, match=r"overview has the shape \(3, 4, 4\); expected \(3, 8, 16\)"):
        model.set_overview(np.zeros((3, 4, 4), np.float32))


def test_with_an_overview_empty_is_what_the_graph_makes_of_it_alone(tmp_path):
    belief = np.full((32, 4), 0.25, np.float32)
    model = load_scene(
        write_bundle(tmp_path / "b", overview=True, scene_fields={"empty_belief": encode_belief(belief)})
    )
    np.testing.assert_array_equal(model.empty().belief, belief)  # none is set: the stored one
    coarse = np.random.default_rng(0).random((3, 8, 16), np.float32)
    cells = coarse.reshape(3, 4, 2, 8, 2).mean((2, 4)).reshape(3, 32).T
    model.set_overview(coarse)
    for _ in range(2):  # and asking changes nothing
        empty = model.empty()
        np.testing.assert_allclose(empty.belief, np.concatenate([cells, np.zeros((32, 1))], 1), atol=1e-6)
        assert (empty.uncertainty == 1).all() and empty.reconstruction.shape == (3, 64, 128)
        assert model._state["state_steps"].tolist() == [0]
    unseen = ~covered(AHEAD).reshape(-1)
    first = model.step(glimpse())
    np.testing.assert_allclose(first.belief[unseen, :3], cells[unseen], atol=1e-6)  # the first step is given it too
    assert model._state["state_steps"].tolist() == [1]
    np.testing.assert_array_equal(model.empty().belief, belief)  # it was used up
    model.set_overview(coarse)
    np.testing.assert_allclose(model.empty().belief[:, :3], cells, atol=1e-6)  # states of zero, not those carried
    model.reset()
    np.testing.assert_array_equal(model.empty().belief, belief)


def test_an_answer_to_the_overview_that_is_not_finite_is_refused(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b", overview=True, nan=True))
    model.set_overview(np.zeros((3, 8, 16), np.float32))
    with pytest.raises(GraphNaNError, match=r"scene\.onnx: output `belief` has NaN or infinity; expected finite"):
        model.empty()


def test_overview_for_a_model_that_takes_none(tmp_path):
    model = load_scene(write_bundle(tmp_path / "b"))
    assert model.overview_size is None
    with pytest.raises(GlimpseError, match="an overview was given, but the model takes none"):
        model.set_overview(np.zeros((3, 8, 16), np.float32))


def test_empty_is_zeros_or_what_is_stored(tmp_path):
    nothing = load_scene(write_bundle(tmp_path / "a", segmentation=True)).empty()
    assert nothing.belief.shape == (32, 4) and not nothing.belief.any()
    assert nothing.uncertainty.shape == GRID and (nothing.uncertainty == 1).all()
    assert nothing.reconstruction.shape == (3, 64, 128) and (nothing.reconstruction == 0.5).all()
    assert nothing.segmentation.shape == (2, *GRID) and nothing.attention is None
    belief = np.random.default_rng(0).random((32, 4), np.float32)
    stored = load_scene(write_bundle(tmp_path / "b", scene_fields={"empty_belief": encode_belief(belief)})).empty()
    np.testing.assert_array_equal(stored.belief, belief)


def test_the_overhead_of_a_step_is_small(tmp_path):
    folder = write_bundle(tmp_path / "b")
    model = load_scene(folder)
    policy = load_policy(folder, model.info)
    policy.reset(Episode(Limits(), 8, None, SCENE))
    taken, seconds = glimpse(), []
    for _ in range(200):
        start = time.perf_counter()
        policy.decide(model.step(taken), taken.view)
        seconds.append(time.perf_counter() - start)
    assert sorted(seconds)[20] < 1e-3  # 0.1 ms here; two graphs of 30 nodes each included
