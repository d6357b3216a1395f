"""Tiles over the whole scene, then closer looks where it is uncertain."""

import numpy as np

from glimpse_ros.core.map_policy import footprint
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import grid_views
from glimpse_ros.core.tile_then_zoom import TileThenZoomPolicy
from glimpse_ros.core.types import Episode, GlimpseSpec, Limits, SceneEstimate, SceneSpec

SPHERE = SceneSpec(64, 128, "spherical")


def looks(count, limits, uncertainty):
    policy = TileThenZoomPolicy(Mosaic(SPHERE, GlimpseSpec(8)).info)
    policy.reset(Episode(limits, count, None, SPHERE))
    seen, views = None, []
    for _ in range(count):
        seen = policy.decide(SceneEstimate(np.zeros((1, 1), np.float32), uncertainty=uncertainty), seen).view
        views.append(seen)
    return views


def test_tiles_cover_the_scene_and_the_rest_zooms_where_it_is_uncertain():
    u = np.full((32, 64), 0.05, np.float32)
    u[4:8, 40:48] = 1.0  # x 0.25 to 0.5, y -0.75 to -0.5
    views = looks(12, Limits(s=(1 / 16, 1.0)), u)
    assert [v.s for v in views[:8]] == [0.25] * 8
    assert min(sum(footprint(v, SPHERE) for v in views[:8]).ravel()) > 0.99, "all of the scene"
    for v in views[8:]:
        assert v.s <= 0.125
    assert footprint(views[8], SPHERE)[4:8, 40:48].min() > 0.99, "all of the spot"
    assert len(set(views[8:])) == 4, "never twice"


def test_where_tiles_cannot_cover_the_scene_it_is_the_grid():
    limits = Limits(s=(1 / 16, 1 / 6))
    assert looks(8, limits, np.ones((4, 8), np.float32)) == grid_views(8, limits, SPHERE, -1.0)
