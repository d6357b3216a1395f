"""The papers' tables: what `glimpse evaluate` measures, missing parts said, broken ones refused."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from digit_making import REAL, needs_real, write_mnist

torch = pytest.importorskip("torch")
from recurrent_making import bundle, network  # noqa: E402

from glimpse_ros import evaluate  # noqa: E402
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from glimpse_ros.datasets.truth import load_truth  # noqa: E402
from training import ram, recurrent_export  # noqa: E402
from training.fovea import Fovea  # noqa: E402
from training.recurrent import Recurrent, RecurrentConfig  # noqa: E402
from training.tables import __main__ as tables  # noqa: E402
from training.tables import catch, published, runs  # noqa: E402
from training.tables.runs import Looks, Plan  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_mnist(tmp_path_factory.mktemp("mnist"))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """mnist-ram for 60 x 60 and mnist-ram-28, fresh; no other."""
    folder = tmp_path_factory.mktemp("models")
    bundle(folder / "mnist-ram-28", network())
    bundle(folder / "mnist-ram", network(fovea=ram.TASKS["cluttered60"].fovea()), "cluttered60")
    return folder


def made(which, data, models, *options):
    arguments = [which, "--data", str(data), "--models", str(models), "--count", "20", "--seeds", "2"]
    return tables.run(tables.parser().parse_args([*arguments, "--workers", "1", *options]))


def test_figures_are_those_of_evaluate(data, models):
    looks = Plan(data, models, 20, seeds=2).watch("mnist-ram-28", "28", 7)
    assert looks.right.shape == (2, 20, 7) and np.isnan(looks.stop).all()
    truth = load_truth(f"mnist:{data}?variant=28&count=20")
    setting = evaluate.Setting((28, 28), 7, None, 2, "planar")
    for policy in ("learned", "random"):
        looks = Plan(data, models, 20, seeds=2).watch("mnist-ram-28", "28", 7, policy)
        (row,) = evaluate.evaluate([str(models / "mnist-ram-28")], [policy], truth, setting, quiet=True)
        assert looks.accuracy() == pytest.approx(100 * np.array(row["accuracy"]))
        for n in (1, 7):
            mean, std = looks.error(n)
            assert mean == pytest.approx(100 - 100 * row["accuracy"][n - 1])
            assert std == pytest.approx(100 * row["accuracy_std"][n - 1], abs=1e-3)


def test_processes_change_nothing(data, models, monkeypatch):
    monkeypatch.setattr(runs, "CHUNK", 8)
    alone, shared = (Plan(data, models, 20, 2, workers).watch("mnist-ram-28", "28", 3) for workers in (1, 2))
    assert np.array_equal(alone.right, shared.right) and 0 < alone.right.mean() < 1


def test_the_tables_of_ram(data, models, capsys, tmp_path):
    rows = [{"task": "cluttered60", "model": "conv", "error": 8.1, "spread": 0.0}]
    rows += [{"task": "mnist28", "model": "conv", "error": 99.0}]
    (models / "mnist-ram" / "baselines.json").write_text(json.dumps(rows))
    first, translated, cluttered, wide = made("ram", data, models, "--json", str(tmp_path / "out" / "ram.json"))
    assert cluttered.columns[1:] == [
        "paper v1", "paper NIPS", "best public", "goal", "ours", "ours, random locations"
    ]  # fmt: skip
    cells = {row[0]: row[1:] for row in cluttered.rows}
    assert cells["RAM, 8 glimpses"][:4] == ["5.23", "4.04", "2.13 (bentrevett)", "≤ 2.50"]
    looks = Plan(data, models, 20, seeds=2).watch("mnist-ram", "cluttered60", 8)
    mean, std = looks.error(8)
    assert cells["RAM, 8 glimpses"][4] == f"{mean:.2f} ± {std:.2f}" and 0 < mean < 100
    assert cells["convolutional, 2 layers"][4] == "8.10", "the row of this task"
    assert cells["FC, 2 layers of 64"][4] == "not trained yet"
    assert cells["RAM trained on random locations, 8"][-1] == "no bundle"
    assert {row[-1] for row in wide.rows} == {"–", "no bundle"} and "is not there yet" in wide.notes[0]
    assert "after 8 glimpses: " in cluttered.notes[0] and "20 test scenes" in cluttered.notes[1]
    printed = capsys.readouterr().out
    assert "| RAM, 8 glimpses | 5.23 | 4.04 |" in printed and printed.count("test error in %") == 4
    kept = json.loads((tmp_path / "out" / "ram.json").read_text())
    assert kept["which"] == "ram" and kept["tables"][2]["rows"] == cluttered.rows and kept["count"] == 20


def test_the_control_is_a_bundle_of_its_own(data, models, tmp_path):
    line = published.Line("control", 2, ours="random")
    part = published.Section("title", "mnist28", "28", "mnist-ram-28", (line,))
    bundle(models / "mnist-ram-28-random", network(random_locations=True))
    table = tables.section(part, Plan(data, models, 20, 2), {})
    looks = Plan(data, models, 20, 2).watch("mnist-ram-28-random", "28", 2, "random")
    assert table.rows == [["control", "–", "–", f"{looks.error(2)[0]:.2f} ± {looks.error(2)[1]:.2f}"]]


def test_the_tables_of_top_down(data, tmp_path):
    fovea = ram.TASKS["cluttered100x10"].fovea()
    bundle(tmp_path / "mnist-top-down", network("top-down", fovea, top_down=True), "cluttered100x10", "top-down")
    first, ablation = made("top-down", data, tmp_path)
    cells = {row[0]: row[1:] for row in first.rows}
    ours = cells["top-down + entropy + context, 8 glimpses"]
    assert ours[:2] == ["17.30", "≤ 10.00"] and "±" in ours[2] and "±" in ours[3]
    assert cells["RAM, 8 glimpses"] == ["24.70", "–", "–", "–"]
    assert [row[0] for row in ablation.rows] == ["RAM", "+entropy", "+entropy+context"]
    assert "No run yet" in ablation.notes[0]


def test_the_table_of_catch(tmp_path, data):
    torch.manual_seed(0)
    fovea = Fovea(24, 6, 3)
    agent = recurrent_export.Agent(
        "catch", "catch", Recurrent(RecurrentConfig(fovea.size, 3, hidden=16)), fovea, 23,
        class_names=("left", "stay", "right"),
    )  # fmt: skip
    assert [row[1] for row in made("catch", data, tmp_path)[0].rows][2:4] == ["no bundle"] * 2
    recurrent_export.export(agent, tmp_path / "catch")
    (table,) = made("catch", data, tmp_path)
    shown = {row[0]: row[1] for row in table.rows}
    assert shown["Mnih et al. 2014"] == "85" and "±" in shown["ours"] and "±" in shown["ours, random locations"]
    still = float(shown["a paddle that never moves"].split(" ")[0])
    assert still < 30, "two of 24 columns, or a little more"
    with pytest.raises(GlimpseError, match="expected 24x24 and the 3 actions"):
        bundle(tmp_path / "other" / "catch", network())
        catch.played(tmp_path / "other" / "catch", "learned", 1, 0)


def test_what_cannot_be_tabled_is_refused(data, models, tmp_path):
    with pytest.raises(GlimpseError, match="--seeds 0: expected at least 1"):
        Plan(data, models, seeds=0)
    with pytest.raises(GlimpseError, match="--count 0: expected at least 1"):
        made("ram", data, models, "--count", "0")
    with pytest.raises(GlimpseError, match="28x28 px.*expected 60x60"):
        Plan(data, models).watch("mnist-ram-28", "cluttered60", 2)
    with pytest.raises(GlimpseError, match="does not exist; expected an IDX file"):
        made("ram", tmp_path, models)
    (models / "mnist-ram" / "scene.onnx").rename(models / "mnist-ram" / "kept")
    (models / "mnist-ram" / "scene.onnx").write_bytes(b"no graph")
    with pytest.raises(GlimpseError, match="expected an ONNX graph"):
        made("ram", data, models)
    (models / "mnist-ram" / "kept").replace(models / "mnist-ram" / "scene.onnx")
    for text in ("{", '[{"task": "mnist28"}]', '[{"task": "mnist28", "model": "conv", "error": "low"}]', "[3]"):
        (tmp_path / "baselines.json").write_text(text)
        with pytest.raises(GlimpseError, match="baselines.json: is no list of baselines"):
            tables.read_rows(tmp_path / "baselines.json", "mnist28")


def test_looks_answer_for_every_number_and_every_beta():
    right = np.array([[[0, 1, 1, 1], [0, 0, 1, 0]]], bool)  # one seed, two scenes, four glimpses
    stop = np.array([[[0.1, 0.5, 0.9, 0.2], [0.4, 0.1, 0.6, 0.1]]], np.float32)
    looks = Looks(right, stop)
    assert looks.error(1) == (100, 0) and looks.error(3) == (0, 0)
    assert looks.accuracy().tolist() == [0, 50, 100, 50]
    assert looks.stopped(0.0) == (1.0, 0.0, 0.0)
    assert looks.stopped(0.5) == (1.5, 50.0, 0.0), "1/3: after two and one"
    assert looks.stopped(1.0) == (2.5, 100.0, 0.0), "1/2: after two and three"
    assert looks.stopped(3.0) == (3.5, 50.0, 0.0), "3/4: after three and, never, at the end"


def test_published_figures_name_tasks_and_bundles_that_exist():
    parts = [*published.RAM, *published.TOP_DOWN]
    assert {part.task for part in parts} == set(ram.TASKS)
    for part in parts:
        assert part.variant == ram.TASKS[part.task].variant
        assert max(line.glimpses for line in part.lines) >= ram.TASKS[part.task].glimpses
        assert all(line.public is None or line.public[1] in published.PUBLIC for line in part.lines)


@pytest.mark.skipif(not REAL.is_dir(), reason=needs_real)
def test_the_command_on_real_digits(models):
    command = [sys.executable, "-m", "training.tables", "ram", "--count", "3", "--seeds", "1", "--workers", "1"]
    out = subprocess.run(
        [*command, "--data", str(REAL), "--models", str(models)], capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stderr
    assert "3 test scenes" in out.stdout and "mnist-ram learned" in out.stderr
