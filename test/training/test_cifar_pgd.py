"""CIFAR-10 under PGD: what the attack sees of the attention model, and a run of seconds from images to the table."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402

from glimpse_ros.core import retina  # noqa: E402
from glimpse_ros.core.types import GlimpseError, GlimpseSpec, View  # noqa: E402
from training import cifar_pgd, robust  # noqa: E402
from training.fovea import Fovea  # noqa: E402
from training.pgd import Attack, pgd, random_start  # noqa: E402
from training.robust import MODELS, Config  # noqa: E402

CONFIG = Config("attention", Attack(8 / 255, 2), width=0.125, hidden=32)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Reddish and bluish images, 120 to train on and 40 to test on: no attack of 0.1 makes one the other."""
    path, rng = tmp_path_factory.mktemp("cifar"), np.random.default_rng(0)
    for split, count in (("train", 60), ("test", 20)):
        for name, colour in (("red", (190, 120, 70)), ("sea", (70, 120, 190))):
            (path / split / name).mkdir(parents=True)
            for i in range(count):
                image = np.clip(rng.normal(colour, 25, (32, 32, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(path / split / name / f"{i}.png"), image[..., ::-1])
    return path


def some_images(count: int = 6) -> torch.Tensor:
    return torch.rand((count, 3, 32, 32), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("scales", [1, 2])
def test_a_glimpse_is_the_core_retinas(scales):
    fovea, images = Fovea(32, 12, scales), some_images(4)
    at = torch.tensor([[0.0, 0.0], [-0.3, 0.45], [1.0, -1.0], [-0.9, 0.2]])
    glimpse, taken = robust.look(fovea, robust.integral(images), at)
    assert glimpse.shape == (4, 3 * scales, 12, 12) and taken.shape == (4, 2)
    spec = GlimpseSpec(12, tuple(0.5 ** (scales - 1 - k) for k in range(scales)))
    for image, shown, (x, y) in zip(images, glimpse, taken.tolist(), strict=True):
        canvas = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        expected, _ = retina.sample(canvas, View(x, y, fovea.s), spec, "planar", padding="zero")
        np.testing.assert_allclose(shown.view(scales, 3, 12, 12).numpy(), expected, atol=2e-6)


def test_the_gradient_of_a_glimpse_is_the_crops_and_elsewhere_nothing():
    images = some_images(2).requires_grad_()
    weight = torch.randn((2, 3, 12, 12), generator=torch.Generator().manual_seed(1))
    at = torch.tensor([[0.0, 0.0], [-0.5, 0.25]])
    glimpse, _ = robust.look(CONFIG.fovea, robust.integral(images), at)
    (found,) = torch.autograd.grad((glimpse * weight).sum(), images)
    expected = torch.zeros(2, 3, 32, 32)
    expected[0, :, 10:22, 10:22] = weight[0]
    expected[1, :, 14:26, 2:14] = weight[1]
    assert torch.allclose(found, expected, atol=1e-6)
    assert found[expected == 0].abs().max() < 1e-9, (
        "so that a sign taken of it would be noise, but of nothing that counts"
    )


@pytest.mark.parametrize("model", ["vgg", "attention"])
def test_an_untrained_network_without_chance(model):
    torch.manual_seed(0)
    net, images = MODELS[model](replace(CONFIG, model=model)), some_images()
    first = torch.zeros(6, 2)
    logits = net.logits(images, first)
    assert logits.shape == (6, 10) and torch.equal(logits, net.logits(images, first))
    moved = net.logits(images, first + 0.5)
    assert torch.equal(moved, logits) == (model == "vgg"), "where the first glimpse lies matters to attention"
    one = net.logits(images[:1], first[:1])
    assert torch.allclose(one, logits[:1], atol=1e-5), "images of a batch do not know of each other"


@pytest.mark.parametrize("model", ["vgg", "attention"])
def test_the_attack_raises_the_loss_of_both(model):
    torch.manual_seed(0)
    net, images = MODELS[model](replace(CONFIG, model=model)), some_images()
    labels, first = torch.arange(6), torch.zeros(6, 2)
    start = random_start(images.shape, torch.Generator().manual_seed(0))
    attacked = pgd(lambda x: net.logits(x, first), images, labels, Attack(8 / 255, 5), start)
    with torch.no_grad():
        clean, after = (F.cross_entropy(net.logits(x, first), labels).item() for x in (images, attacked))
    assert after > clean + 0.01
    assert (attacked - images).abs().max() <= 8 / 255 + 1e-6


def test_attention_reaches_the_pixels_by_its_glimpses_too():
    torch.manual_seed(0)
    net, images = MODELS["attention"](replace(CONFIG, glimpses=1)), some_images(1).requires_grad_()
    feat = torch.zeros(1, net.vgg.size)
    hidden, drawn, shown = net.roll_out(images, feat, torch.zeros(1, 2), torch.zeros(0, 1, 2))
    assert hidden.shape == (1, 1, 32) and drawn.shape == (0, 1, 2) and shown.shape == (1, 1)
    (found,) = torch.autograd.grad(hidden.square().sum(), images)
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[10:22, 10:22] = True
    assert (found[0, :, inside].abs() > 0).float().mean() > 0.9 and found[0, :, ~inside].abs().max() < 1e-9


def test_every_weight_of_attention_learns_and_one_glimpse_is_enough():
    torch.manual_seed(0)
    for glimpses in (6, 1):
        net = MODELS["attention"](replace(CONFIG, glimpses=glimpses))
        noise = torch.randn(glimpses - 1, 6, 2)
        start = random_start((6, 3, 32, 32), torch.Generator().manual_seed(0))
        loss, figures = net(some_images(), torch.arange(6), torch.full((6, 2), 0.1), noise, start, 0.5)
        loss.backward()
        assert loss.isfinite() and 0 <= figures["train/attacked"] <= 1
        still = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is None or not p.grad.any()}
        assert still == (set() if glimpses > 1 else {"locator", "baseline"})


def test_batches_are_shifted_and_mirrored_and_their_slices_are_theirs():
    images = torch.arange(1, 3 * 32 * 32 + 1).remainder(251).to(torch.uint8).view(1, 3, 32, 32)
    data = cifar_pgd.Pictures(images, torch.tensor([7]))
    whole, labels = data.batch(64, torch.Generator().manual_seed(0), slice(None))
    part, _ = data.batch(64, torch.Generator().manual_seed(0), slice(16, 32))
    assert torch.equal(part, whole[16:32]) and labels.tolist() == [7] * 64
    padded = F.pad(images[0].float() / 255, (4,) * 4)
    views = [padded[:, y : y + 32, x : x + 32] for y in range(9) for x in range(9)]
    views += [view.flip(-1) for view in views]
    found = [next(i for i, view in enumerate(views) if torch.allclose(view, image)) for image in whole]
    assert len(set(found)) > 40 and min(found) < 81 <= max(found)


def test_images_named_wrongly_are_lost_and_a_harmless_attack_loses_none():
    torch.manual_seed(0)
    net = MODELS["vgg"](replace(CONFIG, model="vgg"))
    pictures = cifar_pgd.Pictures((255 * some_images(30)).to(torch.uint8), torch.arange(30) % 10)
    clean, kept = cifar_pgd.accuracy(net, pictures, Attack(0.0, 3))
    assert clean == kept
    clean, kept = cifar_pgd.accuracy(net, pictures, Attack(0.3, 10))
    assert kept < clean


def small(folder: Path, out: Path, model: str, steps: int) -> cifar_pgd.Args:
    args = cifar_pgd.Args(out, data=folder, model=model, steps=steps, width=0.125, batch=16, precision="32-true")
    args.accelerator, args.lr, args.ema, args.eps, args.train_steps = "cpu", 0.002, 0.9, 0.05, 1
    args.test_eps, args.test_steps = (0.05, 1.0), 3
    return args


def test_from_images_to_the_table(folder, tmp_path):
    path = cifar_pgd.train(small(folder, tmp_path / "vgg", "vgg", 50))
    assert path == tmp_path / "vgg" / "accuracy.json"
    found = json.loads(path.read_text())
    assert found["data"] == "2 classes, image files" and found["steps"] == 50 and found["test_images"] == 40
    near, far = (attack["accuracy"] for attack in found["attacks"])
    assert found["clean"] >= 90 and near >= 80, "colours this far apart survive 0.05"
    assert far <= 50, "nothing survives a radius of the whole range"
    cifar_pgd.train(small(folder, tmp_path / "attention", "attention", 2))
    command = [sys.executable, "-m", "training.cifar_pgd", "--table", tmp_path / "vgg", tmp_path / "attention"]
    printed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=150).stdout
    assert "| VGG16 + PGD | 47.76 |" in printed and "| attention + VGG16 + PGD | 54.3 |" in printed
    assert "PGD, 3 steps, eps 0.05" in printed and f"{near:.2f}" in printed
    with pytest.raises(GlimpseError, match=r"a checkpoint of another task \(.*model 'vgg', expected 'attention'"):
        cifar_pgd.train(small(folder, tmp_path / "vgg", "attention", 50))


def test_a_run_that_stopped_goes_on_and_a_finished_one_is_tested_again(folder, tmp_path):
    args, steps = small(folder, tmp_path, "attention", 2), []
    for args.steps, args.test_images in ((2, 4), (3, 4), (3, 8)):
        found = json.loads(cifar_pgd.train(args).read_text())
        steps.append((found["steps"], found["test_images"]))
    assert steps == [(2, 4), (3, 4), (3, 8)]


def test_attention_can_begin_as_a_trained_vgg(folder, tmp_path):
    cifar_pgd.train(small(folder, tmp_path / "vgg", "vgg", 1))
    args = small(folder, tmp_path / "attention", "attention", 1)
    args.init, args.lr = tmp_path / "vgg" / "checkpoint.pt", 0.0
    cifar_pgd.train(args)
    before, after = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["average"] for name in ("vgg", "attention")
    )
    features = before["classifier.weight"].shape[1]
    assert all(torch.equal(after[name], value) for name, value in before.items() if name.startswith("vgg."))
    assert torch.equal(after["classifier.weight"][:, :features], before["classifier.weight"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"glimpses": 0}, "expected at least 1 glimpse"),
        ({"width": 0.0}, "a width above 0"),
        ({"eps": 8.0}, "expected eps and a step's size from 0 to 1"),
        ({"test_eps": (0.1, -0.3)}, "expected eps and a step's size from 0 to 1"),
        ({"test_images": -1}, "no negative number"),
        ({"ramp": 1.5}, "a share from 0 to 1"),
        ({"batch": 0}, "--batch 0"),
        ({"data": Path("no/such/folder")}, "no/such/folder: does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused(change, words):
    with pytest.raises(GlimpseError, match=words) as caught:
        cifar_pgd.train(cifar_pgd.Args(**{"accelerator": "cpu", **change}))
    assert "\n" not in str(caught.value)


def test_too_few_images_and_other_classes_in_the_test_are_refused(folder, tmp_path):
    (tmp_path / "train").symlink_to(folder / "train")
    for name in ("red", "tree"):
        (tmp_path / "test" / name).mkdir(parents=True)
        (tmp_path / "test" / name / "0.png").symlink_to(folder / "test" / "red" / "0.png")
    with pytest.raises(GlimpseError, match=r"training classes \('red', 'sea'\) are not the test's \('red', 'tree'\)"):
        cifar_pgd.train(cifar_pgd.Args(data=tmp_path, accelerator="cpu"))
    (tmp_path / "train").unlink()
    (tmp_path / "train").symlink_to(tmp_path / "test")
    with pytest.raises(GlimpseError, match="holds 2 training images; expected at least 50"):
        cifar_pgd.train(cifar_pgd.Args(data=tmp_path, accelerator="cpu"))


def test_the_table_beside_the_paper(tmp_path):
    attacks = [{"eps": 8 / 255, "steps": 30, "accuracy": 41.5}, {"eps": 0.3, "steps": 30, "accuracy": 0.25}]
    about = {"width": 1.0, "minutes": 61.2, "seed": 3, "test_images": 10000, "data": "CIFAR-10, JPEG-compressed"}
    found = cifar_pgd.table([{"model": "vgg", "clean": 70.0, "attacks": attacks, **about}]).splitlines()
    assert found[0].split(" | ")[1:5] == [
        "paper (eps 0.3, of no scale)",
        "clean",
        "PGD, 30 steps, eps 0.0314",
        "PGD, 30 steps, eps 0.3",
    ]
    assert found[2].startswith(
        "| VGG16 + PGD | 47.76 | 70.00 | 41.50 | 0.25 | CIFAR-10, JPEG-compressed; width 1, 61 min"
    )
    assert (
        found[3].startswith("| attention + VGG16 + PGD | 54.3 | – |") and len({line.count("|") for line in found}) == 1
    )
    with pytest.raises(GlimpseError, match="accuracy.json: does not exist"):
        cifar_pgd.read_results(tmp_path)
    for text in ("{}", "[1]", "no", '{"model": "vgg", "attacks": [1]}', '{"model": "x", "attacks": []}'):
        (tmp_path / "accuracy.json").write_text(text)
        with pytest.raises(GlimpseError, match="accuracy.json: is not what training.cifar_pgd writes"):
            cifar_pgd.read_results(tmp_path)
