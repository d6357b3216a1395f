"""Active sampling's tables and curves: both sweeps, the goal's beta chosen on held-out digits."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from digit_making import write_mnist

torch = pytest.importorskip("torch")
from recurrent_making import bundle, network  # noqa: E402

from training.tables import __main__ as tables  # noqa: E402
from training.tables import curves, published, runs, stopping  # noqa: E402
from training.tables.runs import Looks, Plan  # noqa: E402


def looks(right, stop):
    return Looks(np.array([right], bool), np.array([stop], np.float32))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_mnist(tmp_path_factory.mktemp("mnist"))


def test_the_goals_beta_is_chosen_on_held_out_digits():
    held_out = looks([[0] * 6] * 2, [[0.1, 0.2, 0.3, 0.4, 0.9, 0], [0.1, 0.2, 0.6, 0.7, 0.8, 0]])
    said = stopping.verdict(looks([[0, 0, 0, 1, 0, 0]] * 2, [[0, 0, 0, 0.7, 0.9, 0]] * 2), held_out)
    # up to 0.6 / 0.4 = 1.5 the digits take 5 and 3 glimpses, a mean of 4; up to 0.4 / 0.6 they take 4 and 3
    assert "beta" in said and "0.667" not in said
    beta = max(beta for beta in stopping.FINE if beta <= 0.4 / 0.6)
    assert f"mean glimpses on held-out training digits is {beta:.3g}" in said and "at most 3.9" in said
    assert "on the test digits 100.00 ± 0.00 % at 4.00 mean glimpses" in said


def test_held_out_digits_are_the_last_of_training(data, tmp_path, monkeypatch):
    bundle(tmp_path / "mnist-ram-28", network())
    seen = []
    answers = [(np.zeros((30, 2)), np.zeros((30, 2)))]
    monkeypatch.setattr(runs, "pooled", lambda work, jobs, workers: seen.extend(jobs) or answers)
    Plan(data, tmp_path, 30, seeds=2).watch("mnist-ram-28", "28", 2, held_out=True)
    from glimpse_ros.datasets import mnist

    images, labels = mnist.load(data, "train")
    assert len(seen) == 1, "one seed"
    assert np.array_equal(seen[0][-2], images[-5000:][:30]) and np.array_equal(seen[0][-1], labels[-5000:][:30])


def test_the_tables_and_the_curves(data, tmp_path, capsys):
    command = ["active-sampling", "--data", str(data), "--models", str(tmp_path), "--count", "5", "--seeds", "2"]
    command += ["--workers", "1", "--png", str(tmp_path / "out" / "sweep.png")]
    fixed, dynamic = tables.run(tables.parser().parse_args(command))
    assert {tuple(row[3:]) for row in fixed.rows} == {("no bundle",) * 3} and "is not there yet" in fixed.notes[-1]
    empty = cv2.imread(str(tmp_path / "out" / "sweep.png"))

    bundle(tmp_path / "mnist-active-sampling-28", network("active-sampling"), method="active-sampling")
    bundle(tmp_path / "mnist-ram-28", network())
    fixed, dynamic = tables.run(tables.parser().parse_args(command))
    assert [int(row[0]) for row in fixed.rows] == list(published.SWEEP)
    assert fixed.rows[5][1:3] == ["99.12", "98.99"] and all("±" in cell for row in fixed.rows for cell in row[3:])
    glimpses = [float(row[4]) for row in dynamic.rows]
    assert glimpses[0] == 1 and glimpses == sorted(glimpses) and glimpses[-1] <= 50, "wider bounds, more glimpses"
    assert dynamic.rows[0][5].split(" ")[0] == fixed.rows[0][4].split(" ")[0], "beta 0 stops after one glimpse"
    thresholds = {row[0]: row[1] for row in dynamic.rows}
    assert thresholds["1"] == "0.500" and thresholds["0.45"] == "0.310"
    assert {row[0]: row[2] for row in dynamic.rows}["0.3"] == "4.81, 97.92"
    assert "held-out training digits" in dynamic.notes[-1]
    assert "N glimpses" in capsys.readouterr().out
    drawn = cv2.imread(str(tmp_path / "out" / "sweep.png"))
    assert drawn.shape == empty.shape and drawn.shape[1] > 800 and (drawn != empty).any()


def test_curves_are_of_what_is_there(tmp_path):
    good, bad = (looks([[1] * 50] * n + [[0] * 50] * (4 - n), [[0.5] * 50] * 4) for n in (4, 1))
    for name, ours in (("good", good), ("bad", bad)):
        curves.draw(tmp_path / f"{name}.png", ours, None, None, stopping.curve(ours))
    a, b = (cv2.imread(str(tmp_path / f"{name}.png"))[:, :540] for name in ("good", "bad"))
    blue = np.array([180, 119, 31])  # C0, as OpenCV reads it

    def height(image):
        return np.nonzero((np.abs(image.astype(int) - blue) < 8).all(-1).sum(1) > 200)[0].mean()

    assert height(a) < height(b) - 200, "100 % is drawn above 25 %"
