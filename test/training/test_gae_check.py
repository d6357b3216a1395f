"""What a network in training is measured by, beside figures by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from gae_training import TASKS, network  # noqa: E402

from training import gae, gae_check  # noqa: E402
from training.augment import VOID  # noqa: E402
from training.labelled import Labelled  # noqa: E402


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


def test_a_check_leaves_out_what_is_unknown():
    """Where all is grey that was seen; one of the scenes was not seen at all. Elsewhere the drawing is wrong."""
    images, known = [np.full((48, 64, 3), 128, np.uint8) for _ in range(3)], np.zeros((3, 48, 64), bool)
    known[0, :24] = known[1, :, :32] = True
    for image, seen in zip(images, known, strict=True):
        image[~seen] = 0
    maps = [np.where(seen, 1, 0).astype(np.uint8) for seen in known]
    made = constant(network(net=TASKS["both"]), [128 / 255] * 3 + [0.0, 1.0, 0.0])
    found = gae_check.check(made, Labelled("bag", images, maps, None, tuple("abc"), known=list(known)))
    assert found["rmse"] == pytest.approx(0, abs=0.1) and found["pixel_accuracy"] == found["miou"] == 1
    blind = gae_check.check(made, Labelled("bag", images, maps, None, tuple("abc")))
    assert blind["rmse"] == pytest.approx(128 * (2 / 3) ** 0.5, abs=1) and blind["pixel_accuracy"] == pytest.approx(
        1 / 3
    )
