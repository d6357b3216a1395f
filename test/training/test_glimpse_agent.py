"""The agent of AdaGlimpse: where its actions look, what its critics see of them, and its density."""

import itertools
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import HEIGHT, WIDTH, agent_sizes, beliefs, bounds, critics  # noqa: E402

from glimpse_ros.core.placement import fit_inside  # noqa: E402
from glimpse_ros.core.types import Limits, SceneSpec, View  # noqa: E402
from training import retina  # noqa: E402
from training.elastic_vit import CELL  # noqa: E402
from training.footprint import fine_maps  # noqa: E402
from training.glimpse_agent import LEAST_STD, Actor, Critic, expected_drop, to_views  # noqa: E402

ROWS, COLS = HEIGHT // CELL, WIDTH // CELL
GRID = torch.tensor(list(itertools.product((-1.0, -0.5, 0.0, 0.3, 1.0), repeat=3)))  # (125, 3)
EVERYWHERE = ((-1.0, 1.0), (-1.0, 1.0), (1 / 8, 1.0))
LIMITS = [
    EVERYWHERE,
    ((-1.0, 1.0), (-0.3, 0.1), (1 / 8, 1 / 4)),
    ((-0.5, 0.25), (-1.0, 1.0), (1 / 8, 1 / 2)),
    ((-0.1, 0.1), (-0.2, 0.2), (1 / 4, 1 / 4)),
    ((0.2, 0.2), (0.1, 0.1), (1 / 8, 1 / 8)),
    ((-1.0, 1.0), (-1.0, 1.0), (1.0, 1.0)),
]


@pytest.mark.parametrize("spherical", [True, False])
@pytest.mark.parametrize("limits", LIMITS)
def test_actions_stay_inside_the_limits_and_the_scene(spherical, limits):
    belief, _ = beliefs(spherical)
    views = to_views(GRID.expand(3, -1, -1), belief, bounds(limits, 3), agent_sizes(spherical))  # (3, 125, 3)
    assert views.shape == (3, 125, 3) and torch.isfinite(views).all()
    for axis, (low, high) in enumerate(limits):
        assert (views[..., axis] >= low - 1e-5).all() and (views[..., axis] <= high + 1e-5).all(), "xys"[axis]
    x, y, s = views.unbind(-1)
    tall = (s * WIDTH / HEIGHT).clamp(max=1)
    assert (y.abs() + tall <= 1 + 1e-5).all()
    assert spherical or (x.abs() + s <= 1 + 1e-5).all()
    boxes = retina.snap(views.flatten(0, 1), HEIGHT, WIDTH, 16, spherical).reshape(views.shape)
    off = (boxes - views)[..., :2]
    off[..., 0] = (off[..., 0] + 1) % 2 - 1 if spherical else off[..., 0]
    assert off.abs().max() <= 2 / HEIGHT, "the retina moves them by rounding only"


@pytest.mark.parametrize("spherical", [True, False])
def test_the_ends_of_the_zoom_are_the_limits(spherical):
    belief, _ = beliefs(spherical)
    for limits in LIMITS:
        low, high = limits[2]
        action = torch.zeros(3, 3, 3)
        action[..., 2] = torch.tensor([-1.0, 0.0, 1.0])
        s = to_views(action, belief, bounds(limits, 3), agent_sizes(spherical))[..., 2]
        assert s[0].tolist() == pytest.approx([low, math.sqrt(low * high), high], rel=1e-5), "on a logarithmic scale"


@pytest.mark.parametrize("spherical", [True, False])
def test_the_ends_of_an_action_reach_the_ends_of_the_room(spherical):
    belief, taken = beliefs(spherical)
    config, s = agent_sizes(spherical), 1 / 8
    limits = bounds((*EVERYWHERE[:2], (s, s)), 3)
    ends = torch.tensor([[-1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]).expand(3, -1, -1)
    views = to_views(ends, belief, limits, config)
    room = 1 - s * WIDTH / HEIGHT
    assert torch.allclose(views[..., 1], torch.tensor([-room, room, 0.0]).expand(3, -1), atol=1e-5)
    if spherical:  # x is a step from the last view
        step = (views[..., 0] - taken[:, :1] + 1) % 2 - 1
        assert step.abs()[:, :2].tolist() == pytest.approx(np.ones((3, 2)), abs=1e-5) and step[:, 2].abs().max() < 1e-5
    else:
        assert torch.allclose(views[..., 0], torch.tensor([s - 1, 1 - s, 0.0]).expand(3, -1), atol=1e-5)
    one = to_views(ends[:, 0], belief, limits, config)
    assert torch.equal(one, views[:, 0]), "one action or many"


def test_a_mount_that_does_not_turn_all_around_is_told_a_place():
    belief, _ = beliefs()
    limits = bounds(((-0.5, 0.25), *EVERYWHERE[1:]), 3)
    action = torch.tensor([[-1.0, 0.0, -1.0], [0.0, 0.0, -1.0], [1.0, 0.0, -1.0]])
    assert to_views(action, belief, limits, agent_sizes())[:, 0].tolist() == pytest.approx(
        [-0.5, -0.125, 0.25], abs=1e-6
    )


@pytest.mark.parametrize("spherical", [True, False])
def test_limits_count_where_the_scene_leaves_no_room_within_them(spherical):
    """As in the runtime: a box of half the width is as high as the scene, and may lie in the middle alone."""
    belief, _ = beliefs(spherical)
    limits = bounds(((0.7, 0.9), (0.3, 0.6), (0.5, 0.5)), 3)
    views = to_views(GRID.expand(3, -1, -1), belief, limits, agent_sizes(spherical))
    for view in views.flatten(0, 1)[::25].tolist():
        inside = fit_inside(
            View(*view), Limits(*limits[0].tolist()), SceneSpec(HEIGHT, WIDTH, "spherical" if spherical else "planar")
        )
        assert [inside.x, inside.y, inside.s] == pytest.approx(view, abs=1e-5)
    assert torch.allclose(views[..., 1], torch.tensor(0.3)) and (views[..., 0] >= 0.7 - 1e-6).all()


def test_a_blind_critic_is_smaller_and_sees_no_footprint():
    blind = critics(blind=True)
    belief, limits, action = beliefs()[0], bounds(EVERYWHERE, 3), torch.rand(3, 5, 3) * 2 - 1
    assert blind(belief, limits, action).shape == (2, 3, 5)
    sizes = [sum(w.numel() for w in critic.parameters()) for critic in (blind, critics())]
    assert sizes[0] < sizes[1]


def test_critics_begin_with_what_the_scene_model_expects():
    """In units of reward: 0.3 for each grey level of RMSE that a look would take away."""
    torch.manual_seed(0)
    critic, (belief, _), limits = Critic(agent_sizes()), beliefs(), bounds(EVERYWHERE, 3)
    action = torch.rand(3, 9, 3) * 2 - 1
    q, drop = critic(belief, limits, action), expected_drop(action, belief, limits, agent_sizes()) / 10
    assert torch.equal(q[0], q[1]) and torch.allclose(q[0], 0.3 * 255 * drop, rtol=1e-4) and drop.std() > 0
    views = to_views(action, belief, limits, agent_sizes())
    total = fine_maps(belief, agent_sizes())[:, :1].square().mean((1, 2, 3))[:, None].sqrt()
    assert (drop >= 0).all() and (drop <= total).all() and drop.shape == views.shape[:2]


def test_twin_critics_differ_and_share_how_they_read():
    critic, (belief, _), limits = critics(), beliefs(), bounds(EVERYWHERE, 3)
    action = torch.rand(3, 7, 3) * 2 - 1
    q = critic(belief, limits, action)
    assert q.shape == (2, 3, 7) and not torch.allclose(q[0], q[1])
    assert torch.equal(critic.value(critic.pool(belief, limits), belief, limits, action), q)
    alone = critic(belief, limits, action[:, 3:4])
    assert torch.allclose(alone[..., 0], q[..., 3], atol=1e-6), "one action or many"


def test_a_turned_panorama_is_worth_as_much():
    """Scene and last view turned together by whole cells: cells come in another order, nothing else changes."""
    config = agent_sizes()
    critic, actor, limits = critics(), Actor(config), bounds(EVERYWHERE, 3)
    belief, _ = beliefs()
    action = torch.rand(3, 6, 3) * 2 - 1
    q, (loc, std) = critic(belief, limits, action), actor(belief, limits)
    views = to_views(action, belief, limits, config)
    for cells in (1, 3):
        rolled = belief.unflatten(1, (ROWS, COLS)).roll(cells, 2).flatten(1, 2)
        moved = to_views(action, rolled, limits, config)
        turn = (moved[..., 0] - views[..., 0] - 2 * cells / COLS + 1) % 2 - 1
        assert turn.abs().max() < 1e-5 and torch.allclose(moved[..., 1:], views[..., 1:])
        assert torch.allclose(critic(rolled, limits, action), q, atol=1e-4)
        again = actor(rolled, limits)
        assert torch.allclose(again[0], loc, atol=1e-5) and torch.allclose(again[1], std, atol=1e-5)
    upside_down = belief.unflatten(1, (ROWS, COLS)).flip(1).flatten(1, 2)
    assert not torch.allclose(actor(upside_down, limits)[0], loc, atol=1e-3), "up and down are not alike"


def test_the_density_of_a_sample_is_the_slope_of_its_distribution():
    """P(action <= a) by the normal distribution's, in doubles, and its difference quotient."""
    torch.manual_seed(0)
    actor, (belief, _), limits = Actor(agent_sizes()), beliefs(count=8), bounds(EVERYWHERE, 8)
    with torch.no_grad():
        action, log = actor.sample(belief, limits)
        loc, std = (part.double() for part in actor(belief, limits))

    def below(a):
        return 0.5 * (1 + torch.erf((torch.atanh(a) - loc) / std / math.sqrt(2)))

    a, step = action.double(), 1e-5
    density = ((below(a + step) - below(a - step)) / (2 * step)).prod(-1)
    assert torch.allclose(log.double(), density.log(), atol=2e-2)
    assert action.abs().max() < 1 and log.shape == (8,)


def test_samples_spread_as_they_should_and_pass_gradients_on():
    torch.manual_seed(0)
    actor, (belief, _) = Actor(agent_sizes()), beliefs(count=1)
    many, limits = belief.expand(4000, -1, -1), bounds(EVERYWHERE, 4000)
    with torch.no_grad():
        action, _ = actor.sample(many, limits)
        loc, std = actor(belief, limits[:1])
    raw = torch.atanh(action.clamp(-1 + 1e-6, 1 - 1e-6))
    assert torch.allclose(raw.mean(0), loc[0], atol=0.08) and torch.allclose(raw.std(0), std[0], rtol=0.08)
    action, log = actor.sample(belief, limits[:1])
    (action.sum() + log.sum()).backward()
    silent = [name for name, w in actor.named_parameters() if w.grad is None or not w.grad.any()]
    assert silent in ([], ["pool.logits.2.bias"]), silent  # a softmax does not see what all share


def test_an_actor_begins_about_as_wide_as_its_range_and_never_stands_still():
    torch.manual_seed(0)
    actor, (belief, _), limits = Actor(agent_sizes()), beliefs(), bounds(EVERYWHERE, 3)
    _, std = actor(belief, limits)
    assert (std - 1).abs().max() < 0.5
    with torch.no_grad():
        actor.head[-1].bias[3:] = -50
    assert torch.equal(actor(belief, limits)[1], torch.full((3, 3), LEAST_STD))
    action, log = actor.sample(belief, limits)
    assert torch.isfinite(action).all() and torch.isfinite(log).all()


def test_the_limits_are_part_of_the_state():
    torch.manual_seed(0)
    actor, (belief, _) = Actor(agent_sizes()), beliefs()
    one, other = (actor(belief, bounds((*EVERYWHERE[:2], s), 3))[0] for s in ((1 / 8, 1.0), (1 / 8, 1 / 6)))
    assert not torch.allclose(one, other, atol=1e-4)
