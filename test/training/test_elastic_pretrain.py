"""The elastic scene model trains on random glimpses of panoramas and of streets, and goes on from where it was."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
tyro = pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import (  # noqa: E402
    HEIGHT,
    SMALL,
    WIDTH,
    believed,
    network,
    panoramas,
    places,
    pretraining,
    scenes,
)
from gae_training import named, street  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import augment, elastic_pretrain, loop  # noqa: E402
from training.elastic_vit import ElasticConfig  # noqa: E402


@pytest.fixture(scope="module")
def hills(tmp_path_factory) -> str:
    return str(panoramas(tmp_path_factory.mktemp("data") / "hills"))


@pytest.fixture(scope="module")
def roads(tmp_path_factory) -> str:
    return f"camvid:{street(tmp_path_factory.mktemp('data') / 'roads', 4, (64, 128))}"


@pytest.fixture(scope="module")
def begun(roads, tmp_path_factory):
    """The checkpoint of a model that segments, after one step."""
    out = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elastic_pretrain, "validate", lambda *given: {})
        return elastic_pretrain.train(pretraining(out, roads, labels=True, steps=1, most=2))


def refuse(args, *words):
    with pytest.raises(GlimpseError) as err:
        elastic_pretrain.train(args)
    sentence = str(err.value)
    assert all(word in sentence for word in words) and "\n" not in sentence, sentence


def test_panoramas_train_and_load_again(hills, tmp_path, capsys):
    path = elastic_pretrain.train(pretraining(tmp_path, hills))
    state = loop.read_checkpoint(path)
    assert state["step"] == 2 and state["config"]["method"] == "elastic" and state["config"]["spherical"]
    assert all(torch.isfinite(value).all() for value in state["average"].values())
    net = elastic_pretrain.load_scene_model(path)
    usual = {"spherical": True, "segmenter": ElasticConfig.segmenter}  # nothing is segmented
    assert net.config == ElasticConfig(**{**SMALL, **usual}) and not net.training
    own = net.state_dict()
    assert {f"scene.{name}" for name in own} == set(state["average"])
    assert all(torch.equal(value, state["average"][f"scene.{name}"]) for name, value in own.items())
    assert net.prior.basis.any() and net.prior.mean.std() > 0, "the prior was fitted"
    said = capsys.readouterr().err
    assert "5 scenes, 1 held out" in said and "held_out/free" in said and "held_out/ptz" in said


def test_streets_train_with_labels(roads, tmp_path, capsys):
    state = loop.read_checkpoint(elastic_pretrain.train(pretraining(tmp_path, roads, labels=True)))
    assert state["config"]["labels"] == 11 and not state["config"]["spherical"]
    assert any(name.startswith("scene.segmenter") for name in state["average"])
    said = capsys.readouterr().err
    assert "pixel_accuracy" in said and "held_out/free_accuracy" in said
    net = elastic_pretrain.load_scene_model(tmp_path / "checkpoint.pt")
    with torch.no_grad():
        memory = net.empty(1)
        drawn = net.decode(memory, *net.look(memory).handed)
    assert drawn["segmentation"].shape == (1, 11, HEIGHT, WIDTH)


def test_classes_train(tmp_path):
    walls = named(tmp_path / "walls")
    args = pretraining(tmp_path / "out", f"classes:{walls}", classes=True, height=64, width=64, steps=1)
    state = loop.read_checkpoint(elastic_pretrain.train(args))
    assert state["config"]["classes"] == 2 and state["average"]["scene.class_head.1.weight"].shape == (2, 32)


def test_the_whole_scene_as_a_first_phase(hills, tmp_path):
    """No glimpse is taken, so that what embeds them rests; the phase after it starts from its weights."""
    first = elastic_pretrain.train(pretraining(tmp_path / "first", hills, whole=True, squash=0.0, steps=1))
    after = loop.read_checkpoint(first)["net"]
    args = pretraining(tmp_path / "then", hills, steps=1, lr=0.0, weight_decay=0.0, init=first, seed=7)
    then = loop.read_checkpoint(elastic_pretrain.train(args))["net"]
    before = loop.read_checkpoint(first)["average"]
    assert all(torch.equal(then[name], before[name]) for name in then)
    torch.manual_seed(0)
    begun = elastic_pretrain.Pretrain(ElasticConfig(**{**SMALL, "spherical": True})).state_dict()
    moved = {name for name, value in begun.items() if (after[name] - value).abs().max() > 2e-5}
    assert any("belief_head" in name for name in moved)
    assert not any(".layers." in name or ".embed." in name for name in moved)


@pytest.mark.parametrize("part", ["drawing", "sharpening"])
def test_what_draws_can_be_trained_alone(roads, begun, tmp_path, part, monkeypatch):
    """Beliefs are what they were, and so a policy's world is."""
    monkeypatch.setattr(elastic_pretrain, "validate", lambda *given: {})
    then = elastic_pretrain.train(pretraining(tmp_path, roads, labels=True, steps=2, most=2, part=part, init=begun))
    before, after = (loop.read_checkpoint(path)["average"] for path in (begun, then))
    moved = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert {"dec0", "leave", "segmenter"} <= moved <= set(elastic_pretrain.DRAWING)
    assert ("dream" in moved) == (part == "drawing")
    image, views = scenes(2), places(2, 2)
    a, b = (believed(elastic_pretrain.load_scene_model(path), image, views)[0] for path in (begun, then))
    assert torch.equal(a, b)


def test_drawing_takes_new_scenes_now_and_then(hills, tmp_path, monkeypatch):
    made, rolled = [], elastic_pretrain.roll_out

    def seen(net, image, *places):
        made.append(len(image))
        return rolled(net, image, *places)

    monkeypatch.setattr(elastic_pretrain, "roll_out", seen)
    monkeypatch.setattr(elastic_pretrain, "KEPT", 4)
    monkeypatch.setattr(elastic_pretrain, "validate", lambda *given: {})
    elastic_pretrain.train(pretraining(tmp_path / "out", hills, steps=11, batch=2, most=2, part="drawing", again=5))
    assert made == [2] * 4  # at 0, at 1 until four are kept, at 5 and at 10


def test_drawing_learns_from_what_is_kept(hills, tmp_path, monkeypatch):
    """Of two scenes, which it sees again and again."""
    lost, drawing_loss = [], elastic_pretrain.drawing_loss

    def loss(*given):
        lost.append(drawing_loss(*given))
        return lost[-1]

    monkeypatch.setattr(elastic_pretrain, "drawing_loss", loss)
    monkeypatch.setattr(elastic_pretrain, "KEPT", 2)
    monkeypatch.setattr(elastic_pretrain, "validate", lambda *given: {})
    options = {"batch": 2, "most": 2, "part": "drawing", "again": 99}
    elastic_pretrain.train(pretraining(tmp_path / "out", hills, steps=30, **options))
    lost = [float(value) for value, _ in lost]
    assert sum(lost[-8:]) < 0.95 * sum(lost[:8])


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(hills, tmp_path, monkeypatch):
    options = {"steps": 3, "save_every": 0.0, "batch": 1, "most": 2}
    whole = loop.read_checkpoint(elastic_pretrain.train(pretraining(tmp_path / "whole", hills, **options)))
    calls = []
    batches = augment.Batches.__call__

    def stopping(self, step, part):
        calls.append(step)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return batches(self, step, part)

    monkeypatch.setattr(augment.Batches, "__call__", stopping)
    with pytest.raises(KeyboardInterrupt):
        elastic_pretrain.train(pretraining(tmp_path / "parts", hills, **options))
    parts = loop.read_checkpoint(elastic_pretrain.train(pretraining(tmp_path / "parts", hills, **options)))
    assert calls == [0, 1, 2, 2] and parts["step"] == 3
    for part in ("net", "average"):
        assert all(torch.equal(parts[part][name], value) for name, value in whole[part].items())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depth": 1}, "depth 2, expected 1"),
        ({"glimpse": 24}, "glimpse 16, expected 24"),
        ({"widths": (16, 16, 24, 40)}, "expected (16, 16, 24, 40)"),
    ],
)
def test_another_configuration_at_the_same_place_is_refused(hills, tmp_path, options, words):
    path = elastic_pretrain.train(pretraining(tmp_path, hills, steps=1, batch=1, most=1))
    before = path.read_bytes()
    refuse(pretraining(tmp_path, hills, **options), str(path), words, "choose another --out")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"height": 60}, "--height 60: expected a multiple of 32 pixels, at least 64"),
        ({"width": 32}, "--width 32: expected a multiple of 32 pixels, at least 64"),
        ({"glimpse": 20}, "--glimpse 20: expected a multiple of --patch 8"),
        ({"patch": 0}, "--patch 0"),
        ({"depth": -1}, "--depth -1"),
        ({"size": "huge"}, "tiny, small, base"),
        ({"part": "drawing", "memory": "tokens"}, "expected the memory canvas"),
        ({"part": "drawing", "again": 0}, "--again 0: expected at least 1"),
        ({"labels": True}, "has no label maps; expected data with segmentations"),
        ({"classes": True}, "has no classes; expected data with one class an image"),
        ({"batch": 0}, "--batch 0"),
        ({"data": "elsewhere"}, "elsewhere"),
        ({"memory": "tokens", "map": False}, "--no-map --memory tokens: expected the memory canvas"),
    ],
)
def test_what_cannot_be_trained_is_refused(hills, tmp_path, options, words):
    refuse(pretraining(tmp_path / "out", **{"data": hills, **options}), words)
    assert not (tmp_path / "out").exists()


def test_files_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "other.pt"
    with pytest.raises(GlimpseError, match="does not exist"):
        elastic_pretrain.load_scene_model(path)
    torch.save({"config": {"method": "gae"}, "average": {}}, path)
    with pytest.raises(GlimpseError, match="was not made by training.elastic_pretrain or training.adaglimpse"):
        elastic_pretrain.load_scene_model(path)


def test_squashing_leaves_the_others_alone():
    image = (scenes(3) * 255).round().to(torch.uint8)
    before = image.clone()
    made = elastic_pretrain.squashed(image, torch.tensor([False, True, False]))
    assert torch.equal(image, before), "not in place"
    assert torch.equal(made[[0, 2]], image[[0, 2]]) and made.dtype == torch.uint8 and made.shape == image.shape
    wide = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 3, 32, 512), np.uint8))
    soft = elastic_pretrain.squashed(wide, torch.tensor([True])).float()
    assert soft.diff(dim=-1).abs().mean() < 0.7 * wide.float().diff(dim=-1).abs().mean(), "half its columns are gone"
    assert abs(soft.mean() - wide.float().mean()) < 2
    assert elastic_pretrain.squashed(image, torch.zeros(3, dtype=torch.bool)) is image


def test_episodes_that_end_early_are_as_if_they_were_alone():
    net, image, views = network(True), scenes(3), places(3, 3)
    with torch.no_grad():
        together = elastic_pretrain.roll_out(net, image, views, torch.tensor([3, 2, 1]))
        for i, length in enumerate((3, 2, 1)):
            alone = elastic_pretrain.roll_out(net, image[i : i + 1], views[i : i + 1, :length], torch.tensor([length]))
            for a, b in zip(alone, together, strict=True):
                assert torch.allclose(a[0], b[i], atol=1e-5)


def test_help_says_what_the_options_mean(capsys):
    with pytest.raises(SystemExit) as done:
        tyro.cli(elastic_pretrain.Args, args=["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert done.value.code == 0 and "--whole" in said and "--patch" in said and "averaged weights" in said
