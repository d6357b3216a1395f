"""Policies that follow a map: they look where it is large, do not stare, and box sums are right."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_ros.core.map_policy import FinestSeen, best_box, footprint
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import make_policy
from glimpse_ros.core.types import Episode, GlimpseSpec, Limits, SceneEstimate, SceneSpec, View

SPHERE = SceneSpec(64, 128, "spherical")
INFO = replace(Mosaic(SPHERE, GlimpseSpec(16)).info, outputs=frozenset({"reconstruction", "uncertainty", "attention"}))
PTZ = Limits(s=(1 / 16, 1 / 6))


def estimate(uncertainty=None, attention=None):
    u = np.ones((16, 32), np.float32) if uncertainty is None else uncertainty
    return SceneEstimate(np.zeros((1, 1), np.float32), uncertainty=u, attention=attention)


def start(name, limits=PTZ):
    policy = make_policy(name, "mosaic", INFO)
    policy.reset(Episode(limits, 8, None, SPHERE))
    return policy


def test_uncertainty_looks_where_it_is_largest():
    u = np.zeros((16, 32), np.float32)
    u[7:10, 23:26] = 1.0  # around x = 0.53, y = 0.06
    view = start("uncertainty").decide(estimate(u), View(-0.5, 0, 1 / 6)).view
    assert abs(view.x - 0.53) < 0.12 and abs(view.y - 0.06) < 0.2


def test_map_policies_do_not_stare():
    policy, seen = start("uncertainty"), View(0, 0, 1 / 6)
    places = []
    for _ in range(5):
        seen = policy.decide(estimate(), seen).view
        places.append((round(seen.x, 3), round(seen.y, 3)))
    assert len(set(places)) == 5


def test_saliency_prefers_the_odd_one_out():
    image = np.full((3, 64, 128), 0.5, np.float32)
    image[:, 28:36, 90:98] = 1.0
    scene = SceneEstimate(np.zeros((1, 1), np.float32), image)
    view = start("saliency").decide(scene, View(-0.5, 0, 1 / 16)).view
    assert abs((view.x + 1) * 64 - 94) < 12


@given(st.floats(-1, 1), st.floats(-0.6, 0.6), st.floats(0.08, 0.3))
def test_footprint_sums_to_the_area(x, y, s):
    area = footprint(View(x, y, s), SPHERE).sum()
    assert area <= s * 64 * s * 2 * 32 + 1e-3
    if abs(y) + 2 * s < 1:
        assert area == pytest.approx(s * 64 * s * 2 * 32, rel=1e-4)


def test_best_box_finds_a_box_across_the_seam():
    gain = np.zeros((32, 64), np.float32)
    gain[14:18, :3], gain[14:18, -3:] = 1, 1
    view, score = best_box(gain, 0.1, Limits(), SPHERE)
    assert score == pytest.approx(24) and abs(view.x) > 0.95


def test_attention_follows_the_attention_map_not_the_uncertainty():
    u, a = np.zeros((16, 32), np.float32), np.zeros((8, 16), np.float32)
    u[2, 2] = 1.0
    a[5, 12] = 1.0  # around x = 0.56, y = 0.38
    view = start("attention").decide(estimate(u, a), View(-0.5, 0, 1 / 6)).view
    assert abs(view.x - 0.56) < 0.12 and abs(view.y - 0.38) < 0.2


def test_the_finest_look_at_a_place_is_kept():
    seen = FinestSeen(SPHERE)
    for s in (0.5, 0.125, 0.25):
        seen.add(View(0.0, 0.0, s))
    assert seen.s[16, 32] == 0.125 and seen.s[16, 38] == 0.25 and np.isinf(seen.s[0, 0])
    assert not seen.coarser(0.12)[16, 32] and seen.coarser(0.0625)[16, 32]
    seen.add(View(0.0, 0.0, 1 / 200))
    assert seen.s.min() == np.float32(1 / 200), "a look narrower than a cell counts too"
