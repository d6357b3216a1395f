"""The papers' baselines: the layers that they name, a smoke run on real digits, the report, refusals."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import digit_baselines  # noqa: E402
from training.digit_baselines import Args, Baseline, Config  # noqa: E402

MNIST = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason="../shared/data/mnist is not on this machine")


def weights(model, side):
    return sum(w.numel() for w in Baseline(Config(model, side)).parameters())


def test_the_layers_are_the_papers():
    assert weights("fc256", 28) == 784 * 256 + 256 + 256 * 256 + 256 + 2570
    assert weights("fc64", 60) == 3600 * 64 + 64 + 64 * 64 + 64 + 650
    assert weights("conv", 60) == 8 * 100 + 8 + 8 * 121 * 256 + 256 + 2570
    assert weights("conv", 100) == 8 * 100 + 8 + 8 * 361 * 86 + 86 + 870
    kinds = [type(layer).__name__ for layer in Baseline(Config("conv5", 100)).net]
    assert kinds.count("Conv2d") == 4 and kinds.count("Linear") == 2, "five layers, and one that names the digit"


@pytest.mark.parametrize("model", ["fc64", "fc256", "conv", "conv5", "glimpse"])
@pytest.mark.parametrize("side", [28, 60, 100])
def test_every_model_takes_every_scene(model, side):
    scenes, at = torch.randint(0, 256, (3, side, side)), torch.zeros(3, 2)
    assert Baseline(Config(model, side)).name(scenes.float(), at).shape == (3, 10)


def test_only_the_glimpse_depends_on_where_it_looks():
    torch.manual_seed(0)
    scene, places = torch.randint(0, 256, (2, 28, 28)).float(), torch.tensor([[[-0.5, 0.0]] * 2, [[0.5, 0.0]] * 2])
    for model, depends in (("glimpse", True), ("conv", False)):
        net = Baseline(Config(model, 28))
        assert torch.equal(net.name(scene, places[0]), net.name(scene, places[1])) is not depends


@needs_mnist
def test_a_smoke_run_learns_and_is_reported(tmp_path):
    args = Args(
        out=tmp_path / "run",
        data=MNIST,
        model="fc64",
        steps=120,
        batch=64,
        images=500,
        augment=0.0,
        accelerator="cpu",
    )
    row = digit_baselines.test(digit_baselines.train(args), MNIST, 300)
    assert row["error"] < 45, "of 90 by chance"
    assert (row["task"], row["model"], row["scenes"], row["steps"]) == ("mnist28", "fc64", 300, 120)
    assert row["weights"] == weights("fc64", 28) and 0 <= row["minutes"] < 5 and row["spread"] == 0
    report = tmp_path / "models" / "baselines.json"
    digit_baselines.put(row, report)
    digit_baselines.put({**row, "model": "conv"}, report)
    digit_baselines.put({**row, "error": 3.0}, report)
    assert [(r["model"], r["error"]) for r in json.loads(report.read_text())] == [("conv", row["error"]), ("fc64", 3.0)]


def test_a_report_that_is_none_is_refused(tmp_path):
    report = tmp_path / "report.json"
    for text in ("{", '{"a": 1}', "[1]"):
        report.write_text(text)
        with pytest.raises(GlimpseError, match="report.json: is no list of baselines"):
            digit_baselines.put({"task": "mnist28", "model": "conv"}, report)
        assert report.read_text() == text
