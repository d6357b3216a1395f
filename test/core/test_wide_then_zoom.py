"""One wide look, then close ones where it is uncertain and new."""

import numpy as np
import pytest

from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.types import Episode, GlimpseSpec, Limits, SceneEstimate, SceneSpec, View
from glimpse_ros.core.wide_then_zoom import WideThenZoomPolicy

SPHERE = SceneSpec(64, 128, "spherical")


def looks(count, limits, first=None, uncertainty=None, scene=SPHERE):
    policy = WideThenZoomPolicy(Mosaic(scene, GlimpseSpec(16)).info)
    policy.reset(Episode(limits, count, first, scene))
    u = np.ones((16, 32), np.float32) if uncertainty is None else uncertainty
    seen, views = None, []
    for _ in range(count):
        seen = policy.decide(SceneEstimate(np.zeros((1, 1), np.float32), uncertainty=u), seen).view
        views.append(seen)
    return views


@pytest.mark.parametrize(("s", "close"), [((1 / 16, 1.0), 0.25), ((1 / 16, 1 / 6), 1 / 16), ((0.5, 0.5), 0.5)])
def test_the_first_is_the_widest_and_the_others_a_quarter_but_never_under_the_limit(s, close):
    views = looks(4, Limits(s=s))
    assert views[0] == View(0.0, 0.0, s[1]) and [v.s for v in views[1:]] == [close] * 3
    assert looks(2, Limits(s=s), View(0.3, 0.1, s[1]))[0] == View(0.3, 0.1, s[1])


def test_close_looks_go_where_it_is_uncertain_and_new():
    u = np.full((16, 32), 0.01, np.float32)
    u[4:8, 24:32] = 1.0  # two boxes of an eighth of the width, side by side
    views = looks(3, Limits(s=(1 / 16, 0.5)), View(0.0, 0.0, 0.5), u)
    assert {v.s for v in views[1:]} == {0.125}
    for v in views[1:]:
        assert 0.5 <= v.x - 0.125 + 0.02 and v.x + 0.125 <= 1.02 and abs(v.y + 0.25) < 0.04
    assert abs(views[1].x - views[2].x) >= 0.24, "side by side"


def test_all_of_the_scene_is_seen_before_it_begins_again():
    views = looks(1 + 8 + 8, Limits(s=(0.25, 1.0)))
    assert len(set(views[1:9])) == 8 and len(set(views[9:])) >= 7
