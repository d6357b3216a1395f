"""What Glimpse-Attend-and-Explore learns from: the loss of a batch, and what does not count in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
from gae_training import TASKS, batch, network  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from training.augment import VOID  # noqa: E402


@pytest.mark.parametrize("projector", ["lean", "paper"])
@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_finite_loss_that_reaches_its_weights(task, projector):
    made = network(net={**TASKS[task], "projector": projector}, decode_steps=2)
    loss, figures = made(**batch(made))
    loss.backward()
    assert loss.shape == () and torch.isfinite(loss) and all(torch.isfinite(value) for value in figures.values())
    assert not any(value.requires_grad for value in figures.values())
    expected = {"loss/contrast"} | ({"loss/class", "train/accuracy"} if "class" in task else set())
    assert set(figures) == expected | (set() if task == "classify" else {"loss/drawing"})
    without = [name for name, weight in made.named_parameters() if weight.requires_grad and weight.grad is None]
    assert not without, "several processes would wait for them"


def test_a_reconstruction_is_weighed_by_length_or_square():
    made = network()
    scenes, drawing = torch.rand(2, 2, 3, 48, 64).unbind()
    known = torch.ones(2, 1, 48, 64)
    squared = (drawing - scenes).square().sum(1)
    loss, each = made.task_loss(drawing, scenes, known, None)
    assert loss.item() == pytest.approx(squared.sqrt().mean().item(), rel=1e-3)
    assert each.shape == (2, 1, 48, 64) and torch.allclose(each[:, 0], squared.sqrt(), atol=4e-3)
    made.config = replace(made.config, pixel_loss="square", pixels=0.5)
    assert made.task_loss(drawing, scenes, known, None)[0].item() == pytest.approx(
        0.5 * squared.mean().item(), rel=1e-5
    )


def test_unknown_pixels_do_not_count():
    made = network()
    scenes, drawing = torch.rand(2, 2, 3, 48, 64).unbind()
    known = torch.ones(2, 1, 48, 64)
    known[:, :, 10:] = 0
    loss, each = made.task_loss(drawing, scenes, known, None)
    top = made.task_loss(drawing[:, :, :10], scenes[:, :, :10], known[:, :, :10], None)[0]
    assert loss.item() == pytest.approx(top.item(), rel=1e-6) and not each[:, :, 10:].any()
    assert made.task_loss(drawing, scenes, torch.zeros_like(known), None)[0] == 0, (
        "nothing known is no division by zero"
    )


def test_void_pixels_do_not_count():
    made = network(net=TASKS["segment"])
    drawing, known = torch.randn(2, 3, 48, 64, requires_grad=True), torch.ones(2, 1, 48, 64)
    scenes, maps = torch.rand(2, 3, 48, 64), torch.randint(3, (2, 48, 64))
    maps[:, 10:] = VOID
    loss, each = made.task_loss(drawing, scenes, known, maps)
    expected = F.cross_entropy(drawing[:, :, :10], maps[:, :10])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    assert not drawing.grad[:, :, 10:].any() and drawing.grad[:, :, :10].abs().min() > 0
    assert not each[:, :, 10:].any() and each.shape == (2, 1, 48, 64)
    assert made.task_loss(drawing, scenes, known, torch.full_like(maps, VOID))[0] == 0


def test_both_is_the_sum_of_both():
    made = network(net=TASKS["both"], pixels=2.0)
    drawing, scenes, known = torch.randn(2, 6, 48, 64), torch.rand(2, 3, 48, 64), torch.ones(2, 1, 48, 64)
    maps = torch.randint(3, (2, 48, 64))
    colours = network(pixels=2.0).task_loss(drawing[:, :3], scenes, known, None)
    labels = network(net=TASKS["segment"]).task_loss(drawing[:, 3:], scenes, known, maps)
    loss, each = made.task_loss(drawing, scenes, known, maps)
    assert loss.item() == pytest.approx((colours[0] + labels[0]).item(), rel=1e-5)
    assert torch.allclose(each, colours[1] + labels[1], atol=1e-5)


def test_the_loss_is_the_mean_over_the_drawn_steps():
    """Of the merged drawing and of each stream; 0 steps are all of them."""
    inputs = batch(network(), seed=3)
    weighed = []

    def loss_of(decode_steps, start=0):
        made = network(net={"contrast": False}, decode_steps=decode_steps).eval()
        told = made.task_loss

        def watched(*given):
            out = told(*given)
            weighed.append(out[0].item())
            return out

        made.task_loss = watched
        weighed.clear()
        return made(**{**inputs, "start": start})[0].item(), list(weighed)

    every, parts = loss_of(0)
    assert len(parts) == 9 and every == pytest.approx(sum(parts) / 3, rel=1e-5)
    assert loss_of(3) == loss_of(0) == loss_of(7), "no more than there are"
    some, two = loss_of(2)
    assert len(two) == 6 and some == pytest.approx(sum(two) / 2, rel=1e-5) and two == pytest.approx(parts[:6], rel=1e-5)
    last, three = loss_of(1, start=2)
    assert len(three) == 3 and last == pytest.approx(sum(three), rel=1e-5)


def test_what_is_drawn_first_in_a_run_has_no_drawing_before_it():
    made = network(decode_steps=2).eval()
    before = []
    decode = made.net.decode

    def watched(memories, code, attention, previous):
        before.append(previous)
        return decode(memories, code, attention, previous)

    made.net.decode = watched
    made(**{**batch(made), "start": 1})
    assert not before[0].any() and before[1].any()


def test_the_contrastive_loss_is_weighed_and_can_be_left_out():
    inputs = batch(network())
    losses = {c: network(contrast=c).eval()(**inputs) for c in (0.0, 1.0, 3.0)}
    away = losses[0.0][1]["loss/contrast"].item()
    assert -1 <= away <= 1
    none, one, three = (losses[c][0].item() for c in (0.0, 1.0, 3.0))
    assert three - none == pytest.approx(3 * (one - none), rel=1e-3) and one != none
    without = network(net={"contrast": False})
    assert without.project is None and "loss/contrast" not in without(**inputs)[1]


def test_the_whole_image_gives_a_target_and_nothing_else():
    """No gradient, and running statistics that are those of glimpses."""
    made = network()
    made.train()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    whole = made.whole_features(torch.rand(2, 3, 48, 64))
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())
    assert not any(feature.requires_grad for feature in whole) and [f.shape[1] for f in whole] == [8, 8, 16, 32]
    assert all(module.training for module in made.modules()), "as it was"
    made.eval().whole_features(torch.rand(2, 3, 48, 64))
    assert not any(module.training for module in made.modules())


def test_glimpses_do_change_the_running_statistics():
    made = network()
    before = made.net.encoder.bn1.running_mean.clone()
    made(**batch(made))
    assert not torch.equal(made.net.encoder.bn1.running_mean, before)
    assert made.net.encoder.bn1.num_batches_tracked == 2, "one for each glimpse up to the last drawn step"


@pytest.mark.parametrize("follows", [True, False])
def test_attention_that_predicts_the_loss_goes_where_that_is(follows):
    """Half of each scene is flat, half a pattern that no glimpse can foretell. No other ablation needs to tell."""
    made = network(net={"width": 96, "contrast": False, "gated": False, "merge": 1}, predicts_loss=follows)
    generator = torch.Generator().manual_seed(0)

    def scenes(count):
        image = torch.full((count, 3, 48, 96), 128.0)
        pattern = torch.where(torch.rand(count, 1, 12, 12, generator=generator) < 0.5, -100.0, 100.0)
        image[..., 48:] += pattern.repeat_interleave(4, -1).repeat_interleave(4, -2)
        return image.to(torch.uint8)

    def looks(count):
        return torch.rand(3, count, 2, generator=generator) * 2 - 1

    optimizer = torch.optim.AdamW(made.parameters(), 3e-3)
    for step in range(20):
        strays = torch.rand(3, 4, generator=generator) < 0.25
        known = torch.ones(4, 1, 48, 96, dtype=torch.bool)
        loss = made(scenes(4), known, None, None, looks(4), strays, step % 2)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made.eval()
    with torch.no_grad():
        *_, (_, _, _, attention) = made.episode(
            scenes(16).float() / 255, looks(16), torch.ones(3, 16, dtype=torch.bool)
        )
    flat, pattern = attention[..., :3].mean().item(), attention[..., 3:].mean().item()
    assert (pattern > 2 * flat) == follows
