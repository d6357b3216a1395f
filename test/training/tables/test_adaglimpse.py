"""AdaGlimpse's tables: what `glimpse evaluate` measures, sums that answer for every stop, missing parts said."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import adaglimpse_table_making as making
import gae_table_making as scenes
import numpy as np
import pytest

pytest.importorskip("torch")

from glimpse_ros import evaluate  # noqa: E402
from glimpse_ros.core.types import GlimpseError, GlimpseSpec, SceneInfo, SceneSpec  # noqa: E402
from glimpse_ros.datasets.truth import load_truth  # noqa: E402
from training.tables import __main__ as tables  # noqa: E402
from training.tables import adaglimpse, adaglimpse_cost, adaglimpse_motion, adaglimpse_rows  # noqa: E402
from training.tables.adaglimpse_rows import CAMVID, PTZ, SQUARE  # noqa: E402
from training.tables.adaglimpse_runs import Found, Wanted, run_all  # noqa: E402
from training.tables.adaglimpse_stop import ended, sweep  # noqa: E402
from training.tables.adaglimpse_sums import Part, Run  # noqa: E402
from training.tables.runs import Plan  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    scenes.write_camvid(folder / "camvid", 3)
    scenes.write_panoramas(folder / "panoramas", 2)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return making.write_bundles(tmp_path_factory.mktemp("models"))


def made(data, models, *options):
    arguments = ["adaglimpse", "--data", str(data), "--models", str(models), "--seeds", "2", "--workers", "1", *options]
    return tables.run(tables.parser().parse_args(arguments))


def drawn(errors, slews=None, stops=None):
    """A run from RMSEs (seeds, N, T) of scenes of 2 values, their seconds and scores."""
    errors = np.asarray(errors, float)
    info = SceneInfo("made", SceneSpec(64, 128), GlimpseSpec(32), (1 / 16, 1.0), "id")
    slews = np.zeros(errors.shape) if slews is None else np.broadcast_to(slews, errors.shape)
    stops = np.full(errors.shape, np.nan, np.float32) if stops is None else np.asarray(stops, np.float32)
    nowhere, unknown = np.zeros((*errors.shape[1:], 3), np.float32), np.zeros((errors.shape[1], 0, 1, 1), np.int64)
    parts = [
        Part(nowhere, slew, stop, 2 * one**2, np.array(2), unknown)
        for one, slew, stop in zip(errors, slews, stops, strict=True)
    ]
    return Run(info, (256, 512), tuple(parts))


def test_rows_are_those_of_evaluate(data, models):
    plan = Plan(data, models, seeds=2)
    for regime, bundle, text in (
        (PTZ, "adaglimpse", f"{data}/panoramas/val"),
        (SQUARE, "adaglimpse", f"{data}/panoramas/val"),
        (CAMVID, "adaglimpse-street", f"camvid:{data}/camvid?split=test"),
    ):
        truth, seeds = load_truth(text, regime.size), regime.seeds or 2
        found = run_all([Wanted(regime, bundle, policy, 3) for policy in ("learned", "quadtree")], plan)
        setting = replace(regime.setting(3), seeds=seeds, stop_threshold=None)
        for policy in ("learned", "quadtree"):
            (told,) = evaluate.evaluate([str(models / bundle)], [policy], truth, setting, quiet=True)
            run = found.run(regime, bundle, policy, 3)
            keys = [key for key in ("rmse", "pixel_accuracy", "miou") if key in told]
            assert (
                keys == [key for key in ("rmse", "pixel_accuracy", "miou") if run.has(key)] and len(run.parts) == seeds
            )
            for key in keys:
                assert run.values(key).mean(0) == pytest.approx(np.array(told[key]), abs=1e-3)
                assert run.after(2, key)[0] == pytest.approx(told[key][1], abs=1e-3)
            assert run.slews.mean(0) == pytest.approx(told["slew_s"], abs=1e-3) and run.slews[0, -1] > 0
            assert [run.share(k) for k in (1, 2, 3)] == pytest.approx(told["pixel_fraction"], abs=1e-5)
            assert run.views.shape == (seeds * len(truth.images), 3, 3) and run.scenes == len(truth.images)
            assert np.isnan(run.stops).all() == (policy == "quadtree"), "a heuristic has no score"
        stops = found.run(regime, bundle, "learned", 3).stops
        assert stops.shape == (seeds, len(truth.images), 3) and (np.diff(stops, axis=2) >= 0).all()


def test_every_scene_ends_on_its_own():
    run = drawn([[[8, 6, 4], [8, 2, 0]], [[8, 6, 4], [8, 6, 4]]])
    assert run.values("rmse")[1] == pytest.approx([8, 6, 4])
    assert run.values("rmse")[0, 1] == pytest.approx(np.sqrt((36 + 4) / 2)), "pooled, not averaged"
    assert run.at("rmse", np.array([[0, 2], [1, 1]])) == pytest.approx([np.sqrt(32), 6])
    confusion = np.zeros((2, 2, 2, 2), np.int64)
    confusion[0, 0], confusion[0, 1], confusion[1] = [[1, 1], [0, 0]], [[2, 0], [0, 0]], [[0, 0], [3, 1]]
    part = replace(run.parts[0], matrices=confusion)
    assert part.figure("pixel_accuracy", np.array([0, 1])) == pytest.approx(2 / 6)
    assert part.figure("miou", np.array([1, 0])) == pytest.approx((2 / 5 + 1 / 4) / 2)


def test_a_threshold_ends_episodes_at_their_first_score():
    stops = np.array([[[0.1, 0.5, 0.2], [0.3, 0.2, 0.9]]], np.float32)
    assert ended(stops, 0.0).tolist() == [[0, 0]] and ended(stops, 0.5).tolist() == [[1, 2]]
    assert ended(stops, 0.3).tolist() == [[1, 0]] and ended(stops, 2.0).tolist() == [[2, 2]] and stops[0, 0, 2] < 1
    run = drawn([[[8, 6, 4], [8, 2, 0]]], stops=stops)
    swept = sweep(run, ("rmse",), 3)
    assert [one.threshold for one in swept] == pytest.approx([0.1, 0.5, 0.9])
    assert [one.glimpses for one in swept] == [1, 2.5, 3] and swept[1].share == pytest.approx(2.5 * 1024 / 131072)
    assert swept[1].figures["rmse"] == pytest.approx([np.sqrt(36 / 2)]), "6 after two, 0 after three"
    assert swept[1].even["rmse"] == pytest.approx((np.sqrt(20) + np.sqrt(8)) / 2)
    assert sweep(drawn([[[8, 6, 4]]]), ("rmse",), 3) == [], "no scores"


def test_the_same_error_in_other_seconds():
    plain = drawn(np.full((2, 1, 12), np.linspace(23, 1, 12)), slews=np.arange(12.0))
    aware = drawn(np.full((2, 1, 16), np.linspace(24, -6, 16)), slews=np.arange(16) / 2)
    taken, seconds = adaglimpse_motion.reached(aware, plain, 8)
    assert plain.after(8, "rmse")[0] == 9 and taken == pytest.approx([8.5] * 2) and seconds == pytest.approx([3.75] * 2)
    wanted = {row.bundle: row for row in adaglimpse_motion.motion() if row.policy == "learned"}
    found = Found({wanted["adaglimpse"]: plain, wanted["adaglimpse-motion"]: aware}, {})
    curves, equal = adaglimpse_motion.motion_tables(found)
    assert curves.rows[0][4] == "9.0 at 7.0 s" and curves.rows[1][6] == "6.0 at 7.5 s" and curves.rows[0][6] == "–"
    assert equal.rows[1] == ["9.0, after 8", "8.0 ± 0.0", "7.0 ± 0.0", "8.5 ± 0.0", "3.8 ± 0.0", "0.54 ± 0.00"]
    assert "0.54 ± 0.00 of the seconds (goal: at most 0.7)" in equal.notes[0]
    worse = replace(found, runs={**found.runs, wanted["adaglimpse-motion"]: drawn(np.full((2, 1, 16), 9.5))})
    equal = adaglimpse_motion.motion_tables(worse)[1]
    assert equal.rows[1][3:] == ["not reached"] * 3 and "never reached" in equal.notes[0]
    assert adaglimpse_motion.finished(np.array([5.0, 4.0]), 6.0) == 1 and np.isnan(
        adaglimpse_motion.finished(np.ones(3), 0.5)
    )


LEVELS = {"learned": 70.0, "random": 100.0, "quadtree": 80.0, "mosaic": 110.0}  # others 90


def rows_of(wanted):
    """Made-up runs of two seeds, the second of them a tenth worse; errors fall to half at the last glimpse."""
    runs = {}
    for row in wanted:
        level = LEVELS["mosaic"] if row.bundle == "mosaic" else LEVELS.get(row.policy, 90.0)
        errors = level * np.linspace(1, 0.5, row.glimpses)
        runs[row] = drawn(np.stack([errors, 1.1 * errors])[:, None], slews=np.arange(row.glimpses) * level / 100)
    return Found(runs, {})


def test_the_table_of_ptz():
    found = rows_of(row for row in adaglimpse_rows.ptz() if row.bundle != "panorama")
    found.lacking.update({row: "no bundle" for row in adaglimpse_rows.ptz() if row.bundle == "panorama"})
    table = adaglimpse_rows.ptz_table(found)
    assert table.columns[1:] == [*(f"after {k}" for k in (1, 2, 4, 8, 12)), "motion to 8 [s]", "to 12 [s]"]
    cells = {row[0]: row[1:] for row in table.rows}
    eighth = 1.05 * 70 * (1 - 0.5 * 7 / 11)
    assert cells["adaglimpse, learned"][3:] == [f"{eighth:.1f} ± {eighth / 21:.1f}", "36.8 ± 1.8", "4.9", "7.7"]
    grid = 1.05 * 90 * (1 - 0.5 / 7)
    assert cells["adaglimpse, grid (zigzag)"][1] == f"{grid:.1f} ± {grid / 21:.1f}", "of the grid of eight"
    assert cells["adaglimpse, grid (zigzag)"][3:] == ["47.2 ± 2.3"] * 2 + ["6.3", "9.9"], "each its own grid's last"
    assert cells["panorama, learned"] == ["no bundle"] * 7 and len(cells) == 12
    assert "8 glimpses: 0.700 ± 0.000 of its RMSE (goal: at most 0.80)" in table.notes[0]
    best = 90 / 2 / (70 * (1 - 0.5 * 7 / 11))  # the grid of eight has fallen to half by then
    assert f"heuristic there, grid: {1 / best:.3f} ± 0.000 (goal: at most 0.95)" in table.notes[0]
    assert "It moves for 4.9 s, random looks for 7.0, grid for 6.3" in table.notes[0] and "2 seeds" in table.notes[1]


def test_the_tables_of_any_zoom():
    found = rows_of(adaglimpse_rows.free())
    wide, square = adaglimpse_rows.free_tables(found)
    for table in (wide, square):
        cells = {row[0]: row[1:] for row in table.rows}
        assert cells["mosaic, grid"][4:] == ["57.8 ± 2.8", "12.1"] and cells["panorama, learned"][0] == "73.5 ± 3.5"
        assert "grid of 12: adaglimpse, learned, 0.636 ± 0.000 of its RMSE (goal: at most 0.92)" in table.notes[0]
    assert "256x512" in wide.notes[1] and "224x224" in square.notes[1] and "squashed" in square.title
    assert "bicubic from 128x96 pixels: 11.7" in wide.notes[2] and "8.95" in square.notes[2]
    assert "AdaGlimpse 11.1, AME 23.6, GlAtEx 33.8, AttSeg 37.6" in square.notes[3]
    assert "other panoramas" in square.notes[3] and len(wide.notes) == 3


def test_the_table_of_camvid_and_early_stopping(data, models, tmp_path):
    table, *stops = made(data, models, "--only", "camvid,stop", "--keep", str(tmp_path), "--count", "2", "--seeds", "1")
    cells = {row[0]: row[1:] for row in table.rows}
    assert cells["adaglimpse-street, learned"][0] == f"{100 * 8 * 256 / 76800:.1f}"
    assert cells["street, learned"][0] == "8.0" and 0 < float(cells["street, learned"][4]) < 1
    assert cells["street, uncertainty"] == ["–"] * 8, "it says nothing of its errors"
    runs = run_all(adaglimpse_rows.camvid(), Plan(data, models, 2, 1), tmp_path)
    run = runs.run(CAMVID, "adaglimpse-street", "learned", 8)
    assert len(run.parts) == 1
    assert cells["adaglimpse-street, learned"][1:5] == [
        f"{run.after(k, 'pixel_accuracy')[0]:.3f}" for k in (1, 2, 4, 8)
    ]
    assert cells["adaglimpse-street, learned"][5:7] == [
        f"{run.after(8, 'miou')[0]:.3f}",
        f"{run.after(8, 'rmse')[0]:.1f}",
    ]
    goal = runs.run(CAMVID, "street", "learned", 8).after(8, "pixel_accuracy")[0]
    assert f"Goal: above models/street, {goal:.3f}, from at most 8 %" in table.notes[0]
    assert [one.bundle for one in stops] == ["adaglimpse", "adaglimpse", "adaglimpse-street"]
    for one in stops:
        assert len(one.rows) == 9 and one.rows[0][1] == "1.00", "any score ends it"
        glimpses = [float(row[1]) for row in one.rows]
        assert glimpses == sorted(glimpses) and glimpses[-1] > 2
    assert stops[2].rows[0][3:] == ["{:.3f} ± 0.000".format(run.after(1, "pixel_accuracy")[0]),
                                    f"{run.after(1, 'pixel_accuracy')[0]:.3f}",
                                    "{:.3f} ± 0.000".format(run.after(1, "miou")[0]),
                                    f"{run.after(1, 'miou')[0]:.3f}"]  # fmt: skip


def test_what_was_run_is_kept_until_its_bundle_changes(data, models, tmp_path, capsys):
    shutil.copytree(models / "adaglimpse", tmp_path / "models" / "adaglimpse")
    plan, rows = (
        Plan(data, tmp_path / "models", 1, 1),
        [Wanted(PTZ, "adaglimpse", "learned", 2), Wanted(PTZ, "mosaic", "grid", 2)],
    )
    first, again = (run_all(rows, plan, tmp_path / "kept") for _ in range(2))
    assert capsys.readouterr().err.count("after") == 2 and len(list((tmp_path / "kept").iterdir())) == 2
    for row in rows:
        for field in ("views", "slews", "stops", "squared", "values", "matrices"):
            a, b = (getattr(found.runs[row].parts[0], field) for found in (first, again))
            assert a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    making.write_bundle(tmp_path / "models" / "adaglimpse", **making.PANORAMA, glimpse=16)
    other = run_all(rows, plan, tmp_path / "kept")
    assert capsys.readouterr().err.count("after") == 1, "not the mosaic"
    assert other.runs[rows[0]].values("rmse") != pytest.approx(first.runs[rows[0]].values("rmse"))
    for file in (tmp_path / "kept").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(GlimpseError, match="cannot be read .*; expected what --keep wrote: delete it"):
        run_all(rows, plan, tmp_path / "kept")


def test_processes_change_nothing(data, models):
    rows = [Wanted(PTZ, "mosaic", "random", 2)]
    alone, shared = (run_all(rows, Plan(data, models, 1, 2, workers)).runs[rows[0]] for workers in (1, 2))
    assert np.array_equal(alone.views, shared.views) and np.array_equal(alone.values("rmse"), shared.values("rmse"))


def test_what_is_missing_is_said(data, models, tmp_path):
    whole = made(tmp_path, tmp_path)
    assert all({*row[1:]} <= {"no data", "no bundle"} for table in whole[:5] for row in table.rows)
    assert (
        "There is no panoramas in the data's folder" in whole[0].notes[0] and "There is no camvid" in whole[5].notes[0]
    )
    parts = ("camvid", "stop", "motion")
    motion, equal, camvid, *stops = made(data, tmp_path, "--only", ",".join(parts), "--count", "1", "--seeds", "1")
    assert {cell for row in (*motion.rows, *camvid.rows) for cell in row[1:]} == {"no bundle"}
    assert "models/adaglimpse is not there yet: training.adaglimpse" in equal.notes[0]
    assert "models/adaglimpse-street is not there yet" in camvid.notes[0] and not any(one.rows for one in stops)
    shutil.copytree(models / "adaglimpse", tmp_path / "adaglimpse")
    (tmp_path / "adaglimpse" / "policy.onnx").unlink()
    row = Wanted(PTZ, "adaglimpse", "learned", 2)
    found = run_all([row], Plan(data, tmp_path))
    assert found.lacking == {row: "–"} and "has no policy" in adaglimpse_rows.absent("adaglimpse", found, PTZ)
    with pytest.raises(GlimpseError, match="--only ptz,rest: knows no 'rest'; expected some of ptz, free, motion"):
        adaglimpse.chosen("ptz,rest")


def test_the_cost_of_a_step(tmp_path, data):
    cost, published = made(data, tmp_path, "--only", "cost,published")
    assert len(cost.rows) == 1 and cost.columns == ["", "6", "12", "last over first"]
    assert cost.rows[0][1:] == ["119", "145", "–"] and "Nothing was measured yet" in cost.notes[0]
    cells = {tuple(row[:1] + row[3:]): row[1:3] for row in published.rows}
    assert cells["AdaGlimpse", "12 of 32x32", "24.49"] == ["14.5", "11.1"] and "23.2 to 25.9" in published.notes[0]
    file = making.write_cost(tmp_path / "adaglimpse" / "cost.json")
    making.write_cost(tmp_path / "adaglimpse" / "cost-official.json", (2, 12))
    (cost,) = made(data, tmp_path, "--only", "cost")
    assert cost.columns == ["", "1", "2", "6", "12", "last over first"]
    rows = {row[0]: row[1:] for row in cost.rows[5:]}
    names = [adaglimpse_cost.called(name, json.loads(file.read_text())) for name in ("tokens", "canvas")]
    assert names[0] == "tokens, 5 M weights (4 blocks of 192), scene of 256x512"
    assert rows[names[0]] == ["18.0", "–", "68.0", "128.0", "7.11"] and rows[names[1]][-1] == "1.00"
    assert rows[f"{names[1]}, drawn"] == ["13.0", "–", "13.0", "13.0", "1.00"]
    good = json.loads(file.read_text())
    for text in ("{", "[3]", json.dumps({**good, "glimpses": [1]}), json.dumps({**good, "tokens": {}})):
        file.write_text(text)
        with pytest.raises(GlimpseError, match="cost.json: is no measurement .*; expected what training.elastic_cost"):
            adaglimpse_cost.read(file.parent)
