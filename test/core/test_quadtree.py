"""The quad-tree: its roots cover the scene, quadrants their tile, and it grows where the uncertainty is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_ros.core.map_policy import footprint
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.quadtree import QuadtreePolicy, quadrants, root_tiles
from glimpse_ros.core.types import Episode, GlimpseSpec, Limits, SceneEstimate, SceneSpec, View

SPHERE = SceneSpec(64, 128, "spherical")
PLANE = SceneSpec(96, 128, "planar")
PTZ = Limits(s=(1 / 16, 1 / 6))


def estimate(at=None):
    u = np.full((16, 32), 0.1 if at else 1.0, np.float32)
    if at:
        u[at] = 1.0
    return SceneEstimate(np.zeros((1, 1), np.float32), uncertainty=u)


def start(limits=PTZ, scene=SPHERE, first=None):
    policy = QuadtreePolicy(Mosaic(scene, GlimpseSpec(16)).info)
    policy.reset(Episode(limits, 8, first, scene))
    return policy


@pytest.mark.parametrize("scene", [SPHERE, PLANE, SceneSpec(64, 64, "planar")])
@given(st.floats(0.07, 1.0), st.floats(-1, 1))
@settings(max_examples=25, deadline=None)
def test_roots_cover_the_scene_and_quadrants_their_tile(scene, widest, x):
    limits = Limits(s=(0.02, widest))
    roots = root_tiles(limits, scene, x)
    assert {tile.s for tile in roots} == {widest}
    assert sum(footprint(tile, scene) for tile in roots).min() > 0.999
    for tile in roots[:3]:
        children = quadrants(tile, limits, scene)
        covered = sum(footprint(child, scene) for child in children)
        assert len(children) in (2, 4) and (covered >= footprint(tile, scene) - 1e-3).all()


def test_the_whole_is_one_root_and_a_narrow_camera_starts_at_the_first_view():
    assert root_tiles(Limits(), SPHERE, 0.25) == [View(0.25, 0.0, 1.0)]
    assert len(quadrants(View(0.25, 0.0, 1.0), Limits(), SPHERE)) == 2, "a half of it spans the height"
    assert len(quadrants(View(0.0, 0.0, 1.0), Limits(), PLANE)) == 4
    assert quadrants(View(0.0, 0.0, 0.12), Limits(), PLANE) == []
    roots = root_tiles(PTZ, SPHERE, 0.25)
    assert len(roots) == 18 and View(0.25, 0.0, 1 / 6) in roots


def test_it_zooms_into_the_uncertain_corner_level_by_level():
    policy, seen, views = start(Limits()), None, []
    for _ in range(5):
        seen = policy.decide(estimate(at=(slice(2, 4), slice(26, 28))), seen).view
        views.append(seen)
    assert [v.s for v in views] == [1.0, 0.5, 0.25, 0.125, 0.0625]
    share = [float(footprint(v, SPHERE)[4:8, 52:56].sum()) for v in views]
    assert share == pytest.approx([16.0] * 5, abs=0.1), "all of the corner is in every look"


def test_a_first_view_that_is_a_root_is_not_looked_at_again():
    first = View(0.25, 0.0, 1 / 6)
    policy, seen, views = start(first=first), first, []
    assert policy.decide(estimate(), None).view == first
    for _ in range(17):
        seen = policy.decide(estimate(), seen).view
        views.append(seen)
    assert first not in views and {v.s for v in views} == {1 / 6} and len(set(views)) == 17


def test_it_goes_on_where_the_camera_does_not_follow_and_begins_again_at_the_end():
    policy = start(Limits(s=(0.25, 0.5)))
    views = [policy.decide(estimate(), View(0.0, 0.0, 0.5)).view for _ in range(24)]
    assert len(set(views[:9])) == 9 == [v.s for v in views[:9]].count(0.25) + 1, "it looks at the one root but once"
    assert len(set(views)) <= 10 and views[9].s == 0.5
