"""REINFORCE's arithmetic against sums done by hand."""

import math

import pytest

torch = pytest.importorskip("torch")

from training import reinforce  # noqa: E402


def test_rewards_are_the_true_classs_probability_or_its_being_the_answer():
    logits = torch.tensor([[[math.log(3.0), 0.0], [0.0, math.log(3.0)]]])  # (1, 2, 2)
    truth = torch.tensor([0, 0])
    assert reinforce.rewards(logits, truth, "probability")[0].tolist() == pytest.approx([0.75, 0.25])
    assert reinforce.rewards(logits, truth, "correct")[0].tolist() == [1.0, 0.0]


def test_a_step_is_worth_the_mean_of_what_comes_from_it_on():
    reward = torch.tensor([[0.0], [0.5], [1.0]])
    assert reinforce.mean_after(reward).flatten().tolist() == pytest.approx([0.5, 0.75, 1.0])


def test_leave_one_out_takes_off_the_mean_of_the_others():
    advantage = torch.tensor([[1.0, 0.0, 0.5, 7.0, 7.0, 7.0]])  # two images of three roll-outs
    less = reinforce.leave_one_out(advantage, 3)
    assert less[0].tolist() == pytest.approx([1 - 0.25, 0 - 0.75, 0.5 - 0.5, 0.0, 0.0, 0.0])
    assert torch.equal(reinforce.leave_one_out(advantage, 1), advantage)
    assert reinforce.leave_one_out(torch.zeros(0, 6), 3).shape == (0, 6)  # one glimpse leaves no choice


def test_log_density_has_the_gaussians_slope():
    mean = torch.zeros(1, 2, requires_grad=True)
    reinforce.log_density(torch.tensor([[0.3, -0.1]]), mean, 0.1).sum().backward()
    assert mean.grad[0].tolist() == pytest.approx([30.0, -10.0])
