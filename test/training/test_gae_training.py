"""Glimpse-Attend-and-Explore trains: every task and ablation, on from where it was, and it learns."""

from __future__ import annotations

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from gae_training import ABLATIONS, TASKS, arguments, named, network, refuse, street  # noqa: E402

from training import gae, gae_check, labelled, loop  # noqa: E402
from training.labelled import Labelled  # noqa: E402


@pytest.fixture(scope="module")
def roads(tmp_path_factory) -> str:
    return f"camvid:{street(tmp_path_factory.mktemp('data') / 'roads')}"


@pytest.fixture(scope="module")
def walls(tmp_path_factory) -> str:
    return f"classes:{named(tmp_path_factory.mktemp('data') / 'walls')}"


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
