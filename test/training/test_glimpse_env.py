"""The environment of AdaGlimpse: rewards are what a look gained, less what it cost."""

import math
from contextlib import nullcontext

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import GLIMPSE, WIDTH, network, places, scenes  # noqa: E402

from training import retina  # noqa: E402
from training.augment import VOID  # noqa: E402
from training.glimpse_env import Exploration, Rewards  # noqa: E402
from training.slew import slew_seconds  # noqa: E402

LIMITS = torch.tensor([[-1.0, 1.0], [-1.0, 1.0], [GLIMPSE / WIDTH, 1.0]])


def begun(net, maps=None, answers=None, count=2, seed=0, **rewards):
    """An exploration of `count` scenes before its first glimpse, and its belief."""
    world = Exploration(net, Rewards(**rewards), 2 * math.pi, nullcontext)
    images = (scenes(count, seed) * 255).round().to(torch.uint8)
    return world, world.reset((images, maps, answers), LIMITS.expand(count, 3, 2))


def walked(world, views):
    """Rewards (T, B) of looking at views (B, T, 3), and the scores (T, B) after each."""
    rewards, scores = [], []
    for view in views.unbind(1):
        rewards.append(world.step(view)[1])
        scores.append(world.score)
    return torch.stack(rewards), torch.stack(scores)


@pytest.mark.parametrize(
    "kind", [{}, {"labels": 3}, {"classes": 4}, {"spherical": False}, {"labels": 3, "spherical": False}]
)
def test_rewards_are_what_the_score_has_gained(kind):
    """They add up to the last score less that of the empty memory."""
    g = torch.Generator().manual_seed(0)
    maps = torch.randint(3, (2, 64, 128), generator=g) if "labels" in kind else None
    answers = torch.tensor([1, 3]) if "classes" in kind else None
    net = network(True, **kind)
    world, belief = begun(net, maps, answers)
    before = world.score
    rewards, scores = walked(world, places(2, 4))
    assert torch.allclose(rewards, 0.3 * torch.diff(torch.cat([before[None], scores]), dim=0), atol=1e-5)
    assert torch.allclose(rewards.sum(0), 0.3 * (scores[-1] - before), atol=1e-4) and (rewards != 0).all()
    assert torch.isfinite(belief).all() and belief.shape == world.step(places(2, 1)[:, 0])[0].shape


def test_the_score_of_a_reconstruction_is_its_rmse():
    net = network()
    world, _ = begun(net)
    image = world.scenes
    mean = net.prior.mean.T.reshape(1, 3, 4, 8).repeat_interleave(16, 2).repeat_interleave(16, 3)
    away = 255 * (mean - image).square().mean((1, 2, 3)).sqrt()
    assert torch.allclose(-world.score, away, rtol=0.03), "before the first glimpse: that of the prior's mean"
    for row in range(4):
        for col in range(8):
            at = (2 * (col + 0.5) / 8 - 1, 2 * (row + 0.5) / 4 - 1, GLIMPSE / WIDTH)
            world.step(torch.tensor([at]).expand(2, 3))
    assert world.score.abs().max() < 0.1, "all seen closely, nothing is left"


def test_the_score_of_a_segmentation_leaves_out_void():
    net = network(True, labels=3)
    maps = torch.randint(3, (2, 64, 128), generator=torch.Generator().manual_seed(0))
    some = maps.clone()
    some[:, :, 64:] = VOID
    world, _ = begun(net, some)
    strange = torch.where(some == VOID, 9, some)
    assert torch.equal(begun(net, strange)[0].score, world.score), "nor ids without a class"
    with torch.no_grad():
        logits = net.decode(world.memory, *net.look(world.memory).handed)["segmentation"][..., :64]
    expected = torch.nn.functional.cross_entropy(logits, maps[:, :, :64], reduction="none").mean((1, 2))
    assert torch.allclose(world.score, -10 * expected, atol=1e-4)
    assert not torch.allclose(begun(net, maps)[0].score, world.score, atol=1e-4)


def test_the_score_of_a_class_is_its_cross_entropy():
    net, answers = network(True, classes=4), torch.tensor([1, 3])
    world, _ = begun(net, answers=answers)
    with torch.no_grad():
        chances = net.classify(net.look(world.memory)).softmax(-1)
    assert torch.allclose(world.score, chances[torch.arange(2), answers].log(), atol=1e-5)


def test_a_belief_is_that_of_the_view_as_it_was_taken():
    net = network(True)
    world, before = begun(net)
    belief, _ = world.step(torch.tensor([[0.31, 2.0, 0.01], [-1.4, 0.0, 0.3]]))
    with torch.no_grad():
        expected = net.belief(world.memory, net.look(world.memory), world.taken)
    assert torch.equal(belief, expected) and not torch.allclose(belief, before, atol=1e-2)
    assert torch.equal(world.taken, retina.snap(world.taken, 64, WIDTH, GLIMPSE, True)), "inside, on whole pixels"


def test_a_new_reset_forgets():
    net = network(True)
    world, first = begun(net, slew=1.0)
    walked(world, places(2, 2))
    again = world.reset((world.scenes.mul(255).round().to(torch.uint8), None, None), LIMITS.expand(2, 3, 2))
    assert torch.equal(again, first) and world.taken is None


def test_motion_costs_from_the_second_look_on():
    net, views = network(), places(2, 3)
    plain, _ = walked(begun(net)[0], views)
    world, _ = begun(net, slew=2.0)
    found, _ = walked(world, views)
    taken = retina.snap(views.flatten(0, 1), 64, WIDTH, GLIMPSE, True).unflatten(0, (2, 3))
    assert torch.equal(found[0], plain[0]), "the first costs nothing"
    for t in (1, 2):
        seconds = slew_seconds(taken[:, t - 1], taken[:, t], torch.ones(2), True, 2 * math.pi, 2.0)
        assert (seconds > 0).all()
        assert torch.allclose(plain[t] - found[t], 0.3 * 2.0 * seconds, atol=1e-4)


def test_large_glimpses_cost():
    net, views = network(), places(2, 3)
    plain, _ = walked(begun(net)[0], views)
    found, _ = walked(begun(net, glimpse_size=5.0, per=0.1)[0], views)
    taken = retina.snap(views.flatten(0, 1), 64, WIDTH, GLIMPSE, True).unflatten(0, (2, 3))
    assert torch.allclose(found, plain / 3 - 0.1 * 5.0 * taken[..., 2].T, atol=1e-4)


def test_no_gradient_is_kept():
    world, belief = begun(network(True))
    after, reward = world.step(places(2, 1)[:, 0])
    assert not (belief.requires_grad or after.requires_grad or reward.requires_grad)
    assert not any(part.requires_grad for part in world.memory)
