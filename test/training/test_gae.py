"""Glimpse-Attend-and-Explore: its losses, its episodes, what each task and ablation is made of, and training."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
tyro = pytest.importorskip("tyro")
from gae_training import VOID_ID, arguments, batch, named, network, street  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import gae, gae_check, gae_choice, labelled, loop, spatial  # noqa: E402
from training.augment import VOID  # noqa: E402
from training.labelled import Labelled  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
TASKS = {
    "segment": {"colours": 0, "labels": 3},
    "reconstruct": {"colours": 3},
    "both": {"colours": 3, "labels": 3},
    "classify": {"colours": 0, "classes": 4, "decoder": 0},
    "classify-full": {"colours": 3, "classes": 4},
}
ABLATIONS = ("full", "no-contrast", "random-sa", "random-no-sa", "random-no-sac", "attend-and-segment")


@pytest.fixture(scope="module")
def roads(tmp_path_factory) -> str:
    return f"camvid:{street(tmp_path_factory.mktemp('data') / 'roads')}"


@pytest.fixture(scope="module")
def walls(tmp_path_factory) -> str:
    return f"classes:{named(tmp_path_factory.mktemp('data') / 'walls')}"


# The loss of a batch


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
    without = [name for name, weight in made.named_parameters() if weight.grad is None]
    assert all(name.startswith("project.of_target") for name in without), without


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


# Where an episode looks


def looks_of(made, strays, places, scenes):
    """(T, B, 3) the views taken, and the attention after each look."""
    with torch.no_grad():
        steps = [(seen.views[-1], attention) for _, seen, _, attention in made.eval().episode(scenes, places, strays)]
    return torch.stack([view for view, _ in steps]), [attention for _, attention in steps]


@pytest.mark.parametrize("spherical", [False, True])
def test_stray_looks_go_to_their_places_and_others_to_attention(spherical):
    made = network(glimpses=5, net={"width": 96, "spherical": spherical})
    scenes, places = torch.rand(6, 3, 48, 96), torch.rand(5, 6, 2) * 2 - 1
    strays = torch.rand(5, 6, generator=torch.Generator().manual_seed(0)) < 0.5
    views, attentions = looks_of(made, strays, places, scenes)
    assert views.shape == (5, 6, 3) and (views[..., 2] == 0.5).all()
    visited = torch.zeros(6, 1, 3, 6)
    for t in range(5):
        if t:
            x, y = gae_choice.choose(attentions[t - 1], visited, spherical)
            expected = torch.where(strays[t][:, None], places[t], torch.stack([x, y], 1))
        else:
            expected = places[0]
        s = torch.full((6, 1), 0.5)
        taken = spatial.look(scenes, torch.cat([expected, s], 1), spherical)[1]
        assert torch.allclose(views[t], taken, atol=1e-6), t
        visited = torch.maximum(visited, spatial.footprint(taken, 3, 6, spherical))


def test_random_looks_do_not_mind_attention():
    made = network(glimpses=4, net={"width": 192})
    scenes, places = torch.rand(6, 3, 48, 192), torch.rand(4, 6, 2) * 2 - 1
    anywhere, there = torch.ones(4, 6, dtype=torch.bool), torch.zeros(4, 6, dtype=torch.bool)
    random, driven = (looks_of(made, strays, places, scenes)[0] for strays in (anywhere, there))
    for weight in made.net.attend.parameters():
        weight.data.normal_(generator=torch.Generator().manual_seed(5))
    assert torch.equal(looks_of(made, anywhere, places, scenes)[0], random)
    again = looks_of(made, there, places, scenes)[0]
    assert torch.equal(again[0], driven[0]) and not torch.equal(again[1:], driven[1:])
    expected = torch.cat([places, torch.full((4, 6, 1), 0.25)], 2).flatten(0, 1)
    assert torch.equal(random.flatten(0, 1), spatial.look(scenes.repeat(4, 1, 1, 1), expected, False)[1])


def test_no_gradient_goes_through_the_choice():
    made = network(glimpses=3)
    scenes = torch.rand(2, 3, 48, 64)
    for t, seen, _, attention in made.episode(scenes, torch.rand(3, 2, 2) * 2 - 1, torch.zeros(3, 2, dtype=torch.bool)):
        assert not seen.views[-1].requires_grad and attention.requires_grad, t


@pytest.mark.parametrize("spherical", [False, True])
def test_memories_hold_the_features_of_what_was_looked_at(spherical):
    """What an episode remembers is what writing its glimpses one by one gives."""
    made = network(glimpses=3, net={"width": 96, "spherical": spherical}).eval()
    scenes, places = torch.rand(2, 3, 48, 96), torch.rand(3, 2, 2) * 2 - 1
    memories = made.net.empty(2)
    with torch.no_grad():
        for _, seen, code, _ in made.episode(scenes, places, torch.ones(3, 2, dtype=torch.bool)):
            glimpse, taken = spatial.look(scenes, seen.views[-1], spherical)
            features = made.net.encoder(spatial.composite(glimpse))
            memories = [spatial.write(m, f, taken, spherical) for m, f in zip(memories, features, strict=True)]
            for kept, expected in zip((*seen.finer(), seen.bottom), memories, strict=True):
                assert torch.allclose(kept, expected, atol=1e-5)
            assert torch.allclose(code, made.net.think(memories[-1])[0], atol=1e-5)


def test_the_ceiling_sees_the_whole_image_at_once():
    made = network(glimpses=1, net=TASKS["both"], whole=True).eval()
    scenes, places = torch.rand(2, 3, 48, 64), torch.zeros(1, 2, 2)
    with torch.no_grad():
        ((t, seen, code, attention),) = made.episode(scenes, places, torch.zeros(1, 2, dtype=torch.bool))
        features = made.net.encoder(scenes)
    assert t == 0 and all(torch.equal(a, b) for a, b in zip((*seen.finer(), seen.bottom), features, strict=True))
    assert set(made(**batch(made))[1]) == {"loss/drawing", "loss/contrast"}


# What the options make of it


def labels_of(text: str) -> Labelled:
    return labelled.load(text, "train", (48, 64))


@pytest.mark.parametrize(
    ("ablation", "gated", "contrast", "random", "follows"),
    [
        ("full", True, True, False, False),
        ("no-contrast", True, False, False, False),
        ("random-sa", True, True, True, False),
        ("random-no-sa", False, True, True, False),
        ("random-no-sac", False, False, True, False),
        ("attend-and-segment", False, False, False, True),
    ],
)
def test_what_an_ablation_leaves_out(roads, ablation, gated, contrast, random, follows):
    config = gae.configure(arguments(Path("unused"), roads, ablation=ablation), labels_of(roads))
    assert (config.net.gated, config.net.contrast, config.random_looks, config.predicts_loss) == (
        gated,
        contrast,
        random,
        follows,
    )
    assert not config.net.spherical and (config.glimpses, config.decode_steps) == (3, 2)


@pytest.mark.parametrize(
    ("task", "colours", "labels", "classes", "decoder"),
    [
        ("segment", 0, 11, 0, 8),
        ("reconstruct", 3, 0, 0, 8),
        ("both", 3, 11, 0, 8),
        ("classify", 0, 0, 2, 0),
        ("classify-full", 3, 0, 2, 8),
    ],
)
def test_what_a_task_draws_and_tells(roads, walls, task, colours, labels, classes, decoder):
    data = walls if "class" in task else roads
    net = gae.configure(arguments(Path("unused"), data, task=task), labels_of(data)).net
    assert (net.colours, net.labels, net.classes, net.decoder) == (colours, labels, classes, decoder)


def test_panoramas_are_spheres(roads):
    data = Labelled("round", [np.zeros((48, 96, 3), np.uint8)], projection="spherical")
    assert gae.configure(arguments(Path("unused"), roads, task="reconstruct"), data).net.spherical


REFUSED = {
    "no maps": ("walls", {"task": "segment"}, "--task segment: walls train has no label maps"),
    "no maps for both": ("walls", {"task": "both"}, "--task both: walls train has no label maps"),
    "no classes": ("roads", {"task": "classify"}, "--task classify: camvid train has no classes"),
    "no decoder to predict": (
        "walls",
        {"task": "classify", "ablation": "attend-and-segment"},
        "expected --task classify-full",
    ),
    "odd height": ("roads", {"height": 50}, "--height 50 --width 64: expected multiples of 16, at least 48"),
    "odd width": ("roads", {"width": 72}, "--height 48 --width 72: expected multiples of 16, at least 48"),
    "too small": ("roads", {"height": 32}, "--height 32 --width 64: expected multiples of 16, at least 48"),
    "no glimpse": ("roads", {"glimpses": 0}, "--glimpses 0"),
    "negative steps": ("roads", {"decode_steps": -1}, "--decode-steps -1"),
    "no batch": ("roads", {"batch": 0}, "--batch 0"),
    "no such folder": (None, {"data": "camvid:/nowhere"}, "/nowhere"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused(roads, walls, tmp_path, case):
    where, options, words = REFUSED[case]
    given = {"data": {"roads": roads, "walls": walls}.get(where, ""), **options}
    refuse(arguments(tmp_path, **given), words)


def refuse(given: gae.Args, *words: str) -> None:
    with pytest.raises(GlimpseError) as err:
        gae.train(given)
    sentence = str(err.value)
    assert all(word in sentence for word in words) and "\n" not in sentence, sentence


@pytest.mark.xfail(strict=True, reason="found out by OpenCV or torch, after the data were read")
@pytest.mark.parametrize(
    "options", [{"height": 0}, {"width": -64}, {"merge": 0}, {"decoder": 0}, {"encoder": 0}, {"encoder": -8}]
)
def test_sizes_that_no_network_has_are_refused(roads, tmp_path, options):
    refuse(arguments(tmp_path, roads, **options), f"--{next(iter(options))}")


# Training


@pytest.mark.parametrize("task", TASKS)
def test_each_task_trains(roads, walls, tmp_path, capsys, task):
    data = walls if "class" in task else roads
    state = loop.read_checkpoint(gae.train(arguments(tmp_path, data, task=task)))
    said = capsys.readouterr().err
    count = sum(value.numel() for name, value in state["net"].items() if not re.search("running|tracked", name))
    assert re.search(rf"^{count / 1e6:.1f} million weights, \d.\d of them in the bundle; [46] scenes$", said, re.M)
    config = state["config"]
    assert state["step"] == 2 and (config["method"], config["task"], config["ablation"]) == ("gae", task, "full")
    names = ["brick", "grass"] if "class" in task else ["sky", "building", "pole"]
    assert config["class_names"][: len(names)] == names
    assert len(config["palette"]) == (0 if "class" in task else 11) and config["net"]["height"] == 48
    figures = set(re.findall(r"held_out/([\w/]+) [-\d.]", said))
    own = {"segment": {"pixel_accuracy", "miou"}, "reconstruct": {"rmse"}, "classify": {"accuracy"}}
    own |= {"both": own["segment"] | own["reconstruct"], "classify-full": own["classify"] | own["reconstruct"]}
    assert figures == own[task] | {f"{name}/random" for name in own[task]}
    assert all(torch.isfinite(value).all() for part in ("net", "average") for value in state[part].values())


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_each_ablation_trains_to_segment(roads, tmp_path, ablation):
    state = loop.read_checkpoint(gae.train(arguments(tmp_path, roads, ablation=ablation)))
    assert state["step"] == 2 and state["config"]["ablation"] == ablation
    assert any(name.startswith("project.") for name in state["net"]) == ("contrast" in state["config"]["net"]) * (
        ablation in ("full", "random-sa", "random-no-sa")
    )


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_each_ablation_trains_to_classify(walls, tmp_path, ablation):
    task = "classify-full" if ablation == "attend-and-segment" else "classify"
    state = loop.read_checkpoint(gae.train(arguments(tmp_path, walls, task=task, ablation=ablation)))
    assert state["step"] == 2 and state["config"]["net"]["decoder"] == (8 if task == "classify-full" else 0)


@pytest.mark.parametrize(
    "options",
    [
        {"whole": True},
        {"projector": "paper"},
        {"decode_steps": 0, "pixel_loss": "square", "task": "both"},
        {"choice": "cell", "anchor": "topleft"},
        {"glimpses": 1},
        {"precision": "bf16-mixed"},
        {"batch": 1, "stray": 1.0},
    ],
)
def test_each_option_trains(roads, tmp_path, options):
    state = loop.read_checkpoint(gae.train(arguments(tmp_path, roads, **options)))
    assert state["step"] == 2 and all(torch.isfinite(value).all() for value in state["average"].values())


def test_panoramas_without_labels_train(tmp_path):
    import cv2

    folder = tmp_path / "panoramas"
    folder.mkdir()
    for i in range(4):
        assert cv2.imwrite(str(folder / f"{i}.png"), np.full((48, 96, 3), 40 + 40 * i, np.uint8))
    config = loop.read_checkpoint(
        gae.train(arguments(tmp_path / "out", str(folder), task="reconstruct", width=96))
    )["config"]  # fmt: skip
    assert config["net"]["spherical"] and config["class_names"] == [] and config["data"] == "panoramas train"


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(roads, tmp_path, monkeypatch):
    whole = loop.read_checkpoint(gae.train(arguments(tmp_path / "whole", roads, steps=4, save_every=0.0)))
    calls = []
    batches = gae.Batches.__call__

    def stopping(self, step, part):
        calls.append(step)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return batches(self, step, part)

    monkeypatch.setattr(gae.Batches, "__call__", stopping)
    with pytest.raises(KeyboardInterrupt):
        gae.train(arguments(tmp_path / "parts", roads, steps=4, save_every=0.0))
    parts = loop.read_checkpoint(gae.train(arguments(tmp_path / "parts", roads, steps=4, save_every=0.0)))
    assert calls == [0, 1, 2, 2, 3] and parts["step"] == 4
    for name, value in whole["net"].items():
        assert torch.equal(parts["net"][name], value), name
    floating = [name for name, value in whole["average"].items() if value.is_floating_point()]
    assert all(torch.equal(parts["average"][name], whole["average"][name]) for name in floating)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "both"}, "task 'segment', expected 'both'"),
        ({"ablation": "no-contrast"}, "ablation 'full', expected 'no-contrast'"),
        ({"glimpses": 2}, "glimpses 3, expected 2"),
        ({"decoder": 16}, "'decoder': 8"),
        ({"contrast": 0.5}, "contrast 0.05, expected 0.5"),
    ],
)
def test_another_configuration_at_the_same_place_is_refused(roads, tmp_path, options, words):
    path = gae.train(arguments(tmp_path, roads, steps=1))
    before = path.read_bytes()
    refuse(arguments(tmp_path, roads, **options), str(path), words, "choose another --out")
    assert path.read_bytes() == before


def test_a_class_list_that_does_not_fit_the_checkpoint_is_refused(walls, tmp_path):
    """As many classes by other names, and one class more."""
    gae.train(arguments(tmp_path / "out", walls, task="classify", steps=1))
    renamed = named(tmp_path / "a" / "walls", ("brick", "stone"))
    more = named(tmp_path / "b" / "walls", ("brick", "grass", "stone"))
    refuse(
        arguments(tmp_path / "out", f"classes:{renamed}", task="classify"), "class_names ['brick', 'grass'], expected"
    )
    refuse(arguments(tmp_path / "out", f"classes:{more}", task="classify"), "class_names", "'classes': 3")


def test_an_encoders_weights_are_the_beginning(roads, tmp_path):
    net = network().net.encoder
    torch.save(net.state_dict() | {"fc.bias": torch.ones(3)}, tmp_path / "resnet.pth")
    given = arguments(tmp_path / "out", roads, steps=1, lr=0.0, encoder_weights=tmp_path / "resnet.pth", seed=9)
    state = loop.read_checkpoint(gae.train(given))["net"]
    for name, value in net.named_parameters():
        assert torch.equal(state[f"net.encoder.{name}"], value), name


def test_the_weights_of_another_network_are_refused(roads, tmp_path):
    path = tmp_path / "resnet.pth"
    refuse(arguments(tmp_path / "out", roads, encoder_weights=path), f"{path}: does not exist", "ResNet-18")
    torch.save(network(net={"encoder": 16}).net.encoder.state_dict(), path)
    refuse(arguments(tmp_path / "out", roads, encoder_weights=path), str(path), "has in another shape bn1.bias")
    torch.save({"features.0.weight": torch.ones(3)}, path)
    refuse(arguments(tmp_path / "out", roads, encoder_weights=path), str(path), "lacks bn1.bias")
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


def drawn_by(given: gae.Args, monkeypatch, turns: range) -> list[tuple]:
    """What `train` would feed the network at these steps."""
    found: list[tuple] = []

    def fit(fabric, args, config, net, draw, validate):
        for step in turns:
            generator = torch.Generator().manual_seed(step)
            found.append(draw(loop.Turn(step, 0.0, generator, slice(0, args.batch), torch.device("cpu"))))
        return args.out

    monkeypatch.setattr(loop, "fit", fit)
    gae.train(given)
    return found


@pytest.mark.parametrize(("options", "share"), [({}, 0.25), ({"stray": 0.6}, 0.6), ({"ablation": "random-sa"}, 1.0)])
def test_the_share_of_stray_looks(roads, tmp_path, monkeypatch, options, share):
    given = arguments(tmp_path, roads, glimpses=8, batch=4, **options)
    turns = drawn_by(given, monkeypatch, range(40))
    strays = torch.stack([turn[5] for turn in turns]).float()
    assert strays.shape == (40, 8, 4) and strays.mean().item() == pytest.approx(share, abs=0.05)
    places = torch.stack([turn[4] for turn in turns])
    assert places.shape == (40, 8, 4, 2) and -1 <= places.min() < -0.95 and 0.95 < places.max() <= 1


@pytest.mark.parametrize(("steps", "most"), [(2, 6), (1, 7), (0, 0), (8, 0), (20, 0)])
def test_runs_of_drawn_steps_begin_anywhere_and_end_last_half_of_the_time(roads, tmp_path, monkeypatch, steps, most):
    given = arguments(tmp_path, roads, glimpses=8, decode_steps=steps)
    starts = [turn[6] for turn in drawn_by(given, monkeypatch, range(150))]
    assert set(starts) == set(range(most + 1))
    assert not most or 0.4 < starts.count(most) / 150 < 0.7


def test_processes_draw_shares_of_one_batch(roads, tmp_path, monkeypatch):
    def fit(fabric, args, config, net, draw, validate):
        def turn(part):
            generator = torch.Generator().manual_seed(3)
            return draw(loop.Turn(3, 0.0, generator, part, torch.device("cpu")))

        whole, halves = turn(slice(0, 4)), [turn(slice(0, 2)), turn(slice(2, 4))]
        for k, value in enumerate(whole[:6]):
            if value is not None:
                axis = 1 if k >= 4 else 0  # places and strays: (T, B, ...)
                assert torch.equal(torch.cat([half[k] for half in halves], axis), value), k
        assert whole[6] == halves[0][6] == halves[1][6]
        return args.out

    monkeypatch.setattr(loop, "fit", fit)
    assert gae.train(arguments(tmp_path, roads, batch=4)) == tmp_path


def test_it_learns_to_segment(roads, tmp_path):
    """Sky above road, told apart by colour: nearly every pixel after 50 steps, half of them or less before."""
    data = labelled.load(roads, "val", (48, 64))

    def accuracy(steps):
        path = gae.train(arguments(tmp_path / str(steps), roads, steps=steps, glimpses=2, lr=4e-3, ema=0.9))
        state = loop.read_checkpoint(path)
        made = gae.Gae(gae.configure(arguments(tmp_path, roads, glimpses=2), data))
        made.load_state_dict(state["average"])
        return gae_check.check(made, data)

    before, after = accuracy(1), accuracy(50)
    assert before["pixel_accuracy"] < 0.7 and after["pixel_accuracy"] > 0.9 and after["miou"] > 0.8
    assert after["pixel_accuracy/random"] > 0.85


def test_looks_that_attention_drives_tell_more_than_random_ones():
    """The class is the colour of one place in a long scene, and two looks may both miss it. Not to look twice at the
    same place is a part of what attention-driven looks gain.
    """
    rng = np.random.default_rng(2)

    def scenes(count):
        answers = rng.integers(0, 2, count)
        images = np.full((count, 48, 144, 3), 120, np.float32) + rng.normal(0, 20, (count, 1, 1, 3))
        images[:, :, 104:136] = np.where(answers[:, None], (220, 40, 40), (40, 40, 220))[:, None, None]
        return images.clip(0, 255).astype(np.uint8), answers

    made = network(2, {"width": 144, "colours": 0, "classes": 2, "decoder": 0, "contrast": False})
    generator = torch.Generator().manual_seed(2)
    optimizer = torch.optim.AdamW(made.parameters(), 3e-3)
    for _ in range(80):
        images, answers = scenes(12)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
        places = torch.rand(2, 12, 2, generator=generator) * 2 - 1
        strays = torch.rand(2, 12, generator=generator) < 0.25
        known = torch.ones(12, 1, 48, 144, dtype=torch.bool)
        loss, _ = made(pixels, known, None, torch.from_numpy(answers), places, strays, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    images, answers = scenes(200)
    found = gae_check.check(made, Labelled("places", list(images), None, answers, ("blue", "red")))
    assert found["accuracy"] > found["accuracy/random"] + 0.03 and found["accuracy"] > 0.75


# The figures of a check


def constant(made: gae.Gae, values: list[float]) -> gae.Gae:
    """A network that draws these values everywhere."""

    def decode(memories, code, attention, previous):
        drawing = torch.tensor(values).view(1, -1, 1, 1).expand_as(previous)
        return drawing, drawing, drawing, ()

    made.net.decode = decode
    return made


def test_figures_of_a_drawing_by_hand():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (48, 64, 3)).astype(np.uint8) for _ in range(3)]
    maps = [rng.choice([0, 1, 2, VOID], (48, 64), p=[0.2, 0.5, 0.2, 0.1]).astype(np.uint8) for _ in range(3)]
    made = constant(network(net=TASKS["both"]), [0.5, 0.5, 2.0, -1.0, 3.0, 0.0])
    found = gae_check.check(made, Labelled("x", images, maps, None, ("a", "b", "c")))
    true, ids = np.stack(images) / 255, np.stack(maps)
    drawn = np.array([0.5, 0.5, 1.0])  # no colour is brighter than white
    assert found["rmse"] == pytest.approx(255 * np.sqrt(((true - drawn) ** 2).mean()), rel=1e-3)
    share = (ids == 1).sum() / (ids != VOID).sum()
    assert found["pixel_accuracy"] == pytest.approx(share, abs=1e-6) and found["miou"] == pytest.approx(
        share / 3, abs=1e-6
    )
    assert {name: found[f"{name}/random"] for name in ("rmse", "miou")} == {k: found[k] for k in ("rmse", "miou")}
    assert all(module.training for module in made.modules()), "training goes on"


def test_figures_of_classes_by_hand():
    made = network(net=TASKS["classify"])
    made.net.classify = lambda bottom, code, attention: torch.tensor([0.0, 0.0, 1.0, 0.0]).expand(len(bottom), -1)
    images, answers = [np.zeros((60, 80, 3), np.uint8)] * 30, np.array([2] * 12 + [0] * 18)
    found = gae_check.check(made, Labelled("x", images, None, answers, tuple("abcd")))
    assert found == {"accuracy": pytest.approx(0.4), "accuracy/random": pytest.approx(0.4)}


def test_a_check_is_repeatable_and_does_not_train():
    made = network(glimpses=2, net={"width": 96})
    before = {name: value.clone() for name, value in made.state_dict().items()}
    rng = np.random.default_rng(0)
    data = Labelled("x", [rng.integers(0, 256, (48, 96, 3)).astype(np.uint8) for _ in range(3)])
    first = gae_check.check(made, data)
    assert gae_check.check(made, data) == first and set(first) == {"rmse", "rmse/random"}
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())
    assert set(gae_check.check(network(glimpses=1, whole=True), data)) == {"rmse"}, "nothing is left to look at"


@pytest.mark.xfail(strict=True, reason="what a moving camera never saw is counted as black")
def test_a_check_leaves_out_what_is_unknown():
    images, known = [np.full((48, 64, 3), 128, np.uint8)], np.zeros((48, 64), bool)
    images[0][24:] = 0
    known[:24] = True
    made = constant(network(), [128 / 255] * 3)
    assert gae_check.check(made, Labelled("bag", images, known=[known]))["rmse"] == pytest.approx(0, abs=0.1)


def test_the_command_says_what_it_can_do(capsys):
    with pytest.raises(SystemExit) as end:
        tyro.cli(gae.Args, args=["--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0
    for word in (*ABLATIONS, *TASKS, "--encoder-weights", "--projector", "--anchor", "--decode-steps"):
        assert word in said, word


def test_the_command_refuses_in_one_sentence(tmp_path):
    command = [sys.executable, "-m", "training.gae", "--data", f"camvid:{tmp_path}", "--accelerator", "cpu"]
    done = subprocess.run([*command, "--out", str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert str(tmp_path) in done.stderr.strip().splitlines()[-1]


def test_void_of_camvid_is_not_a_class(roads):
    assert VOID_ID not in np.unique(labels_of(roads).maps) and VOID in np.unique(labels_of(roads).maps)
