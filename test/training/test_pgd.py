"""The attack: inside its box, uphill, and nothing at all where it may not move."""

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training.pgd import Attack, pgd, random_start  # noqa: E402


@pytest.fixture
def batch():
    """A linear classifier, images with pixels at both ends of [0, 1], labels, and a random start."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 3 * 6 * 6, generator=generator)
    images = torch.rand(16, 3, 6, 6, generator=generator)
    images[:, 0], images[:, 1] = 0.0, 1.0
    labels = torch.randint(5, (16,), generator=generator)
    return lambda x: x.flatten(1) @ weight.T, images, labels, random_start(images.shape, generator)


@pytest.mark.parametrize("attack", [Attack(8 / 255), Attack(0.3), Attack(0.1, 1), Attack(0.05, 5, 1.0), Attack(1.0, 3)])
def test_it_stays_in_its_box_and_in_the_range_of_pixels(batch, attack):
    logits, images, labels, start = batch
    attacked = pgd(logits, images, labels, attack, start)
    assert (attacked - images).abs().max() <= attack.eps + 1e-6
    assert attacked.min() >= 0 and attacked.max() <= 1
    assert not attacked.requires_grad and attacked.shape == images.shape


def test_it_raises_every_loss_and_more_the_further_it_may_go(batch):
    logits, images, labels, start = batch
    losses = [F.cross_entropy(logits(images), labels, reduction="none")]
    for eps in (0.02, 0.1, 0.3):
        attacked = pgd(logits, images, labels, Attack(eps), start)
        losses.append(F.cross_entropy(logits(attacked), labels, reduction="none"))
    for less, more in zip(losses, losses[1:], strict=False):
        assert (more > less).all()


def test_of_a_linear_loss_it_finds_the_worst_corner():
    weight = torch.linspace(-1, 1, 3 * 4 * 4).view(3, 4, 4)
    logits = lambda x: torch.stack([(x * weight).sum((1, 2, 3)), torch.zeros(len(x))], 1)  # noqa: E731
    images = torch.full((2, 3, 4, 4), 0.5)
    attacked = pgd(logits, images, torch.tensor([0, 1]), Attack(0.1, 10), torch.zeros_like(images))
    assert torch.allclose(attacked[0], 0.5 - 0.1 * weight.sign(), atol=1e-6)
    assert torch.allclose(attacked[1], 0.5 + 0.1 * weight.sign(), atol=1e-6)


def test_no_radius_or_no_step_changes_nothing(batch):
    logits, images, labels, start = batch
    assert torch.equal(pgd(logits, images, labels, Attack(0.0, 30, 0.1), start), images)
    assert torch.equal(pgd(logits, images, labels, Attack(0.3, 0), start), images)


def test_the_start_is_random_and_seeded(batch):
    logits, images, labels, start = batch
    again = random_start(images.shape, torch.Generator().manual_seed(1))
    assert torch.equal(again, random_start(images.shape, torch.Generator().manual_seed(1)))
    assert not torch.equal(again, start) and again.min() >= -1 and again.max() <= 1
    one = [pgd(logits, images, labels, Attack(0.2, 1, 0.01), s) for s in (start, again)]
    assert not torch.equal(*one)


def test_it_leaves_no_gradients_behind_in_the_network(batch):
    _, images, labels, start = batch
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 5))
    with torch.no_grad():
        pgd(net, images, labels, Attack(0.1, 2), start)
    assert all(p.grad is None for p in net.parameters())


def test_the_size_of_a_step():
    assert Attack(0.3).stride == pytest.approx(0.025)
    assert Attack(0.3, 1).stride == pytest.approx(0.375)
    assert Attack(0.3, 30, 0.01).stride == 0.01


@pytest.mark.parametrize("numbers", [(-0.1,), (1.5,), (float("nan"),), (0.1, -1), (0.1, 3, -0.1), (8.0, 30)])
def test_what_is_no_attack_is_refused(numbers):
    with pytest.raises(GlimpseError, match="expected eps and a step's size from 0 to 1"):
        Attack(*numbers)
