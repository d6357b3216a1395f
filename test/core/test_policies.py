"""Heuristics: inside the limits, seeded, and each does what its name says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_ros.core.map_policy import footprint
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import POLICIES, first_view, grid_views, make_policy
from glimpse_ros.core.types import (
    Episode,
    GlimpseError,
    GlimpseSpec,
    Limits,
    SceneEstimate,
    SceneInfo,
    SceneSpec,
    View,
)

SPHERE = SceneSpec(64, 128, "spherical")
INFO = replace(Mosaic(SPHERE, GlimpseSpec(16)).info, outputs=frozenset({"reconstruction", "uncertainty", "attention"}))
PTZ = Limits(s=(1 / 16, 1 / 6))
PLANE = SceneSpec(60, 60, "planar")


def fixed(padding, s=0.8):
    """A planar model that knows one s."""
    return SceneInfo("m", PLANE, GlimpseSpec(12), (s, s), "m", "random", details={"padding": padding})


def estimate(uncertainty=None):
    u = np.ones((16, 32), np.float32) if uncertainty is None else uncertainty
    return SceneEstimate(
        np.zeros((1, 1), np.float32),
        np.random.default_rng(0).random((3, 64, 128), np.float32),
        uncertainty=u,
        attention=np.ones((2, 4), np.float32),
    )


def start(name, limits=PTZ, seed=0, first=None, glimpses=8, scene=SPHERE):
    policy = make_policy(name, "mosaic", INFO)
    policy.reset(Episode(limits, glimpses, first, scene, seed))
    return policy


@pytest.mark.parametrize("name", POLICIES)
@given(
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted),
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted),
    st.tuples(st.floats(0.07, 1), st.floats(0.07, 1)).map(sorted),
    st.integers(0, 9),
    st.sampled_from(["spherical", "planar"]),
)
@settings(max_examples=25, deadline=None)
def test_every_view_is_within_the_limits(name, x, y, s, seed, projection):
    limits = Limits(tuple(x), tuple(y), tuple(s))
    policy = start(name, limits, seed, scene=SceneSpec(64, 128, projection))
    seen = None
    for _ in range(4):
        seen = policy.decide(estimate(), seen).view
        assert x[0] <= seen.x <= x[1] and y[0] <= seen.y <= y[1]
        assert s[0] - 1e-9 <= seen.s <= s[1] + 1e-9


def test_random_is_seeded():
    a, b, c = (start("random", seed=k) for k in (1, 1, 2))
    views = [[p.decide(estimate(), View(0, 0, 0.1)).view for _ in range(5)] for p in (a, b, c)]
    assert views[0] == views[1] != views[2]


def test_a_grid_that_can_cover_covers_everything():
    for count in (2, 8, 12, 18):
        covered = sum(footprint(v, SPHERE) for v in grid_views(count, Limits(), SPHERE, 0.3))
        assert covered.min() > 0.99, f"{count} tiles leave a gap"
    assert len(grid_views(8, Limits(), SPHERE, 0)) == 8
    assert {v.s for v in grid_views(8, Limits(), SPHERE, 0)} == {0.25}


def test_a_grid_that_cannot_cover_is_a_zigzag_at_the_widest():
    views = grid_views(8, PTZ, SPHERE, 0.1)
    assert all(v.s == 1 / 6 for v in views) and views[0].x == pytest.approx(0.1)
    assert [np.sign(v.y) for v in views] == [-1, 1] * 4
    assert sorted(round((v.x - 0.1) % 2, 6) for v in views) == [0.25 * k for k in range(8)]


def test_the_grid_plans_around_a_first_look_that_it_did_not_choose():
    policy = start("grid", glimpses=8)
    first = View(0.4, 0.0, 1 / 6)
    views = [policy.decide(estimate(), first).view for _ in range(7)]
    assert views == grid_views(7, PTZ, SPHERE, 0.4)


def test_first_view_is_seeded_level_and_widest():
    view = first_view(INFO, PTZ, 3)
    assert view == first_view(INFO, PTZ, 3) != first_view(INFO, PTZ, 4)
    assert view.y == 0 and view.s == 1 / 6


def test_on_a_plane_a_random_first_view_is_uniform_in_x_and_y_and_may_reach_over_unless_clamped():
    views = [first_view(fixed("zero"), Limits(), seed) for seed in range(1000)]
    for name in ("x", "y"):
        values = np.sort([getattr(v, name) for v in views])
        assert np.abs(values - np.linspace(-1, 1, 1000)).max() < 0.1, f"{name} is not uniform over [-1, 1]"
    assert np.abs(np.corrcoef([(v.x, v.y) for v in views], rowvar=False)[0, 1]) < 0.15
    assert views[5] == first_view(fixed("zero"), Limits(), 5) and {v.s for v in views} == {0.8}
    clamped = np.array([(v.x, v.y) for v in (first_view(fixed("clamp"), Limits(), seed) for seed in range(50))])
    assert 0.15 < np.abs(clamped).max() <= 0.2 + 1e-9 and clamped.std(0).min() > 0.08


@pytest.mark.parametrize(("padding", "reach"), [("zero", 1.0), ("edge", 1.0), ("clamp", 0.2)])
def test_the_random_policy_reaches_over_the_border_unless_clamped(padding, reach):
    policy = make_policy("random", "mosaic", fixed(padding))
    policy.reset(Episode(Limits(), 8, None, PLANE))
    views = [policy.decide(estimate(), View(0, 0, 0.8)).view for _ in range(300)]
    x, y = np.array([(v.x, v.y) for v in views]).T
    for values in (x, y):
        assert 0.95 * reach < np.abs(values).max() <= reach + 1e-9 and np.abs(values.mean()) < 0.1 * reach
    narrow = Limits(x=(-0.5, 0.1), y=(0.3, 0.9))
    policy.reset(Episode(narrow, 8, None, PLANE))
    for _ in range(50):
        view = policy.decide(estimate(), View(0, 0, 0.8)).view
        assert -0.5 <= view.x <= 0.1 and 0.3 <= view.y <= 0.9


def test_a_fixed_first_view_and_a_grid_stay_where_they_are_put_unless_clamped():
    for padding, x in (("zero", 0.9), ("clamp", 0.2)):
        info = SceneInfo(**{**vars(fixed(padding)), "first_view": (0.9, -0.9, 0.8)})
        view = first_view(info, Limits(), 0)
        assert (view.x, view.y) == pytest.approx((x, -x))
    s = Limits(s=(0.4, 0.4))
    free, kept = (grid_views(8, s, PLANE, 0.0, padding) for padding in ("zero", "clamp"))
    assert max(v.x for v in free) == pytest.approx(7 / 8) and max(v.x for v in kept) == pytest.approx(0.6)


@pytest.mark.parametrize("name", ["attention", "uncertainty", "quadtree", "wide-then-zoom"])
def test_a_scene_model_without_the_map_is_refused(name):
    want = "attention" if name == "attention" else "uncertainty"
    with pytest.raises(GlimpseError, match=f"policy '{name}' needs {want}, which scene model 'm' lacks"):
        make_policy(name, "m", SceneInfo("m", PLANE, GlimpseSpec(12), (0.8, 0.8), "m", outputs=frozenset()))


def test_refusals():
    with pytest.raises(GlimpseError, match="the camera's s is 0.01 to 0.02, the scene model's 0.0625 to 1"):
        start("random", Limits(s=(0.01, 0.02)))
    with pytest.raises(GlimpseError, match="mosaic has no policy"):
        make_policy("learned", "mosaic", INFO)
    with pytest.raises(GlimpseError, match="policy 'nonsense': expected learned, random, grid"):
        make_policy("nonsense", "mosaic", INFO)
