"""Runs with and without a part of top-down attention: measured, kept as JSON, tabled on matched seeds."""

from __future__ import annotations

import json

import pytest
from digit_making import write_mnist

torch = pytest.importorskip("torch")
from recurrent_making import network, save  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from glimpse_ros.datasets import mnist  # noqa: E402
from training import ablation, ram, top_down  # noqa: E402
from training.tables import ablations  # noqa: E402

WIDE = ram.TASKS["cluttered60"].fovea()


def run(row, seed, error, **more):
    return {"row": row, "seed": seed, "error": error, "minutes": 10.0, **more}


def test_a_run_is_measured_and_named_by_its_parts(tmp_path):
    data = write_mnist(tmp_path / "mnist")
    for parts, name in (
        ({}, "RAM"),
        ({"entropy": True}, "+entropy"),
        ({"entropy": True, "context": True}, "+entropy+context"),
        ({"entropy": True, "context": True, "top_down": True}, "+entropy+context+top-down"),
    ):
        made = network("top-down", WIDE, **parts)
        path = save(made, tmp_path / "checkpoint.pt", "cluttered60", "top-down")
        row = ablation.measure(path, 3, data, 40)
        assert (row["row"], row["seed"], row["task"], row["scenes"]) == (name, 3, "cluttered60", 40)
        assert (row["minutes"], row["steps"]) == (1.5, 7)
        scenes, labels = mnist.test_scenes(data, "cluttered60", 40)
        pixels, truth = torch.from_numpy(scenes).float(), torch.from_numpy(labels.copy()).long()
        right = [top_down.accuracy(made, pixels, truth, 5, seed) for seed in range(3)]
        assert row["error"] == pytest.approx(100 - 100 * sum(right) / 3, abs=1e-3)


def test_another_checkpoint_is_refused(tmp_path):
    path = save(network(), tmp_path / "checkpoint.pt")
    with pytest.raises(GlimpseError, match="method 'ram', task 'mnist28'; expected top-down"):
        ablation.measure(path, 0, tmp_path)


def test_rows_are_replaced_not_repeated(tmp_path):
    report = tmp_path / "new" / "ablation.json"
    ablation.put([run("RAM", 0, 20.0, task="cluttered100x10"), run("RAM", 1, 21.0, task="cluttered100x10")], report)
    ablation.put([run("RAM", 1, 19.0, task="cluttered100x10"), run("RAM", 1, 5.0, task="mnist28")], report)
    rows = [(r["row"], r["seed"], r["error"], r["task"]) for r in json.loads(report.read_text())]
    assert rows == [
        ("RAM", 0, 20.0, "cluttered100x10"), ("RAM", 1, 19.0, "cluttered100x10"), ("RAM", 1, 5.0, "mnist28")
    ]  # fmt: skip


def test_the_table_says_on_how_many_seeds_the_order_holds(tmp_path):
    runs = [run("RAM", 0, 10.0), run("+entropy", 0, 9.0), run("+entropy+context", 0, 8.0)]
    runs += [run("RAM", 1, 10.0), run("+entropy", 1, 9.0), run("+entropy+context", 1, 9.5)]
    runs += [run("RAM", 2, 13.0), run("+top-down", 0, 7.0), run("RAM", 0, 3.0, task="mnist28")]
    (tmp_path / "ablation.json").write_text(json.dumps(runs))
    main, other = ablations.ablations(tmp_path / "ablation.json", "mnist-top-down")
    assert main.columns == ["", "paper", "seed 0", "seed 1", "seed 2", "mean ± seeds", "minutes a run"]
    assert main.rows[0] == ["RAM", "24.70", "10.00", "10.00", "13.00", "11.00 ± 1.41", "10.0"]
    assert main.rows[2][2:5] == ["8.00", "9.50", "–"] and main.rows[3][:2] == ["+top-down", "20.70"]
    assert "holds on 1 of 2 matched seeds" in main.notes[0]
    assert "mnist28" in other.title and other.rows[0][:3] == ["RAM", "1.12", "3.00"]


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "ablation.json"
    assert ablations.read(path) == []
    for text in ("{", "[1]", '[{"row": "RAM"}]', '[{"row": "RAM", "seed": 0, "error": "low"}]'):
        path.write_text(text)
        with pytest.raises(GlimpseError, match="ablation.json: is no list of runs"):
            ablations.read(path)
