"""Foresight: attention hears what a look at each unvisited cell would gain, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
from gae_training import TASKS, batch, network  # noqa: E402

from training.gae_seen import Seen  # noqa: E402


def seen(visited: torch.Tensor) -> Seen:
    return Seen(network().config.net, [[], [], [], []], [], torch.zeros_like(visited), visited)


def test_a_hint_is_zero_and_its_gradient_is_a_gain_beside_the_mean():
    """d(weight * sum g a u / sum a u) / da, by hand; u is what was not visited."""
    generator = torch.Generator().manual_seed(0)
    attention, gain = (torch.rand(2, 1, 3, 4, generator=generator) + 0.1 for _ in range(2))
    free = torch.rand(2, 1, 3, 4, generator=generator)
    free[:, :, 0], free[:, :, 1] = 0, 1
    attention.requires_grad_()
    hint = seen(1 - free).hint(attention, 2.5)
    assert hint.shape == (2, 1, 3, 4) and not hint.any()
    (hint * gain).sum().backward()
    total = (attention * free).sum((2, 3), keepdim=True)
    mean = (attention * free * gain).sum((2, 3), keepdim=True) / total
    assert torch.allclose(attention.grad, 2.5 * free * (gain - mean) / total, atol=1e-6)
    assert not attention.grad[:, :, 0].any(), "none for what was visited"


def test_where_all_was_visited_there_is_no_hint():
    attention = torch.rand(2, 1, 3, 4, requires_grad=True)
    hint = seen(torch.ones(2, 1, 3, 4)).hint(attention, 1.0)
    hint.sum().backward()
    assert not hint.any() and not attention.grad.any()


@pytest.mark.parametrize("task", TASKS)
def test_foresight_changes_no_value(task):
    """To the last bit: neither the loss in training nor what the norms have counted."""
    without, foresees = (network(net=TASKS[task], foresight=weight) for weight in (0.0, 3.0))
    inputs, losses = batch(without), []
    for made in (without, foresees):
        torch.manual_seed(1)
        losses.append(made(**inputs)[0])
    assert torch.equal(*losses)
    buffers = dict(foresees.named_buffers())
    assert all(torch.equal(value, buffers[name]) for name, value in without.named_buffers())
    assert all(module.track_running_stats for module in foresees.modules() if isinstance(module, torch.nn.BatchNorm2d))
    for loss in losses:
        loss.backward()
    ours, old = (made.net.attend.all.weight.grad for made in (foresees, without))
    assert not torch.allclose(ours, old, rtol=1e-2), "but attention's gradient"


@pytest.mark.parametrize("task", ["classify", "both"])
def test_it_reaches_attention_that_gates_nothing(task):
    """Of a class nothing else does."""
    made = network(net={**TASKS[task], "gated": False, "contrast": False})
    inputs = batch(made)
    grads = []
    for weight in (0.0, 1.0):
        made.config = replace(made.config, foresight=weight)
        made.zero_grad(set_to_none=True)
        torch.manual_seed(1)
        made(**inputs)[0].backward()
        grads.append(made.net.attend.all.weight.grad)
    assert (grads[0] is None) == (task == "classify") and grads[1].abs().max() > 0
    assert grads[0] is None or not torch.allclose(grads[0], grads[1], rtol=1e-2)


@pytest.mark.parametrize("foresight", [0.0, 3.0])
def test_attention_goes_where_scenes_differ(foresight):
    """The left half is the same in all scenes, the right half is not; what gates tell does not lead there so soon."""
    made = network(net={"width": 96, "contrast": False, "merge": 1}, foresight=foresight)
    generator = torch.Generator().manual_seed(0)

    def scenes(count):
        image = torch.full((count, 3, 48, 96), 128.0)
        tiles = torch.where(torch.rand(count, 1, 3, 3, generator=generator) < 0.5, -100.0, 100.0)
        image[..., 48:] += tiles.repeat_interleave(16, -1).repeat_interleave(16, -2)
        return image.to(torch.uint8)

    def looks(count):
        return torch.rand(3, count, 2, generator=generator) * 2 - 1

    optimizer, known = torch.optim.AdamW(made.parameters(), 3e-3), torch.ones(4, 1, 48, 96, dtype=torch.bool)
    anywhere = torch.ones(3, 16, dtype=torch.bool)
    for step in range(16):
        loss = made(scenes(4), known, None, None, looks(4), anywhere[:, :4], step % 2)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made.eval()
    left, right = [], []
    with torch.no_grad():
        for _, so_far, _, attention in made.episode(scenes(16).float() / 255, looks(16), anywhere):
            free = so_far.visited == 0
            left.append(attention[..., :3][free[..., :3]])
            right.append(attention[..., 3:][free[..., 3:]])
    left, right = torch.cat(left).mean().item(), torch.cat(right).mean().item()
    assert right > 2 * left if foresight else left > right
