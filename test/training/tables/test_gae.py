"""The tables of Glimpse-Attend-and-Explore: what `glimpse evaluate` measures, beside the published figures."""

from __future__ import annotations

import json

import gae_table_making as making
import numpy as np
import pytest
from onnx_graphs import write_bundle

pytest.importorskip("torch")

from glimpse_ros import evaluate  # noqa: E402
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from glimpse_ros.datasets.truth import load_truth  # noqa: E402
from training.tables import __main__ as tables  # noqa: E402
from training.tables import gae, gae_ablations, gae_cost, gae_panoramas, gae_published, gae_rows, gae_runs  # noqa: E402
from training.tables.gae_rows import Job, Part, Row, Source, explore_all, truth_of  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    making.write_camvid(folder / "camvid")
    making.write_panoramas(folder / "panoramas")
    making.write_scenes(folder / "scene15")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return making.write_bundles(tmp_path_factory.mktemp("models"))


def made(data, models, *options):
    arguments = ["gae", "--data", str(data), "--models", str(models), "--seeds", "2", "--workers", "1", *options]
    return tables.run(tables.parser().parse_args(arguments))


def run(row, seed, task="segment", split="test", **figures):
    made = {"row": row, "seed": seed, "task": task, "data": "camvid test", "split": split, "scenes": 9, "minutes": 2.0}
    return {**made, "steps": 7, "figures": figures}


def test_rows_are_those_of_evaluate(data, models):
    for name, folder, size, fov in (
        ("street", f"camvid:{data}/camvid?split=test", (240, 320), None),
        ("panorama-gae", f"{data}/panoramas/val", (256, 512), 60.0),
        ("scene15", f"scene15:{data}/scene15?split=test", (160, 160), None),
    ):
        source, bundle = Source(folder, size, fov), str(models / name)
        jobs = [Job(bundle, policy, source, seed, 3) for policy in ("learned", "random") for seed in range(2)]
        found = explore_all(jobs)
        truth = load_truth(folder, size)
        setting = evaluate.Setting(size, 3, fov, 2, truth.projection, 360.0 if fov else 60.0)
        for policy in ("learned", "random"):
            (told,) = evaluate.evaluate([bundle], [policy], truth, setting, quiet=True)
            row = found[bundle, policy, source]
            keys = [key for key in gae_rows.FIGURES if key in told]
            assert set(keys) == set(row.parts[0].figures) and keys
            for key in keys:
                assert row.values(key).mean(0) == pytest.approx(np.array(told[key]), abs=1e-4)
                assert row.after(3, key)[0] == pytest.approx(told[key][-1], abs=1e-4)
            assert row.views.shape == (2 * len(truth.images), 3, 3) and row.scenes == len(truth.images)
    with pytest.raises(GlimpseError, match="scene15: gives attention.*; expected what rmse is measured on"):
        row.values("rmse")


def test_views_are_where_was_looked(data, models):
    source = Source(f"camvid:{data}/camvid?split=test", (240, 320))
    (row,) = explore_all([Job(str(models / "street"), "learned", source, 0)]).values()
    assert row.views.shape == (4, 8, 3) and row.views[..., 2] == pytest.approx(0.25)
    assert (np.abs(row.views[..., :2]) <= 1 - 0.25 + 1e-6).all(), "inside the frame"
    assert len(np.unique(row.views[:, 0], axis=0)) == 4, "every scene starts elsewhere"
    assert row.views[:, 1, :2] == pytest.approx(np.tile([-0.75, -2 / 3], (4, 1)), abs=0.01), "the first unseen cell"


def test_so_many_scenes_are_spread_over_the_data(data):
    whole, some = (truth_of(Source(f"scene15:{data}/scene15?split=test", (160, 160), count=n)) for n in (None, 3))
    assert whole.answers.tolist() == [0, 0, 1, 1, 2, 2] and some.answers.tolist() == [0, 1, 2]
    assert all(np.array_equal(some.images[k], whole.images[2 * k]) for k in range(3))
    frames = truth_of(Source(f"camvid:{data}/camvid?split=test", (240, 320), count=2))
    assert len(frames.maps) == 2 and (frames.maps[1] == 3).sum() == 110 * 2, "the third frame's road"


def test_processes_change_nothing(data, models):
    source = Source(f"camvid:{data}/camvid?split=test", (240, 320), count=2)
    jobs = [Job(str(models / "street"), "random", source, seed, 2) for seed in range(2)]
    alone, shared = (explore_all(jobs, workers) for workers in (1, 2))
    for key, row in alone.items():
        assert np.array_equal(row.values("miou"), shared[key].values("miou"))
        assert np.array_equal(row.views, shared[key].views)
    other = Source(f"{data}/nothing", (240, 320))
    with pytest.raises(GlimpseError, match="nothing"):
        explore_all([Job("mosaic", "grid", other, seed) for seed in range(2)], 2)


def test_what_does_not_fit_is_refused(data, models, tmp_path):
    flat, round_ = Source(f"camvid:{data}/camvid?split=test", (240, 320)), Source(f"{data}/panoramas/val", (256, 512))
    with pytest.raises(GlimpseError, match="panorama-gae: is spherical; expected planar"):
        explore_all([Job(str(models / "panorama-gae"), "grid", flat, 0)])
    with pytest.raises(GlimpseError, match="street: is planar; expected spherical"):
        explore_all([Job(str(models / "street"), "grid", round_, 0)])
    write_bundle(tmp_path / "two", scene=(240, 320), projection="planar", segmentation=True)
    with pytest.raises(GlimpseError, match="two: segments 2 classes; expected the 11 of camvid test"):
        explore_all([Job(str(tmp_path / "two"), "grid", flat, 0)])
    with pytest.raises(GlimpseError, match="--only camvid,rest: knows no 'rest'; expected some of camvid, panoramas"):
        made(data, models, "--only", "camvid,rest")


def test_the_table_of_camvid(data, models):
    (table,) = made(data, models, "--only", "camvid")
    assert table.bundle == "street" and table.columns[4] == "accuracy after 8" and table.columns[8] == "mIoU after 8"
    cells = {row[0]: row[1:] for row in table.rows}
    assert cells["paper: Glimpse-Attend-and-Explore, ImageNet weights"] == ["–"] * 3 + ["0.823"] + ["–"] * 4
    assert cells["paper: Attend-and-Segment, ImageNet weights"][3] == "0.832"
    source = Source(f"camvid:{data}/camvid?split=test", (240, 320))
    for policy, name in (("learned", "attention"), ("random", "random looks"), ("grid", "grid")):
        (row,) = explore_all([Job(str(models / "street"), policy, source, 0)]).values()
        shown = [f"{row.after(k, what)[0]:.3f}" for what in ("pixel_accuracy", "miou") for k in (1, 2, 4, 8)]
        assert cells[f"street, {name}"] == shown and 0 < float(shown[3]) < 1
    assert float(cells["street, grid"][3]) > 0.7, "the grid sees dark and bright, and void does not count"
    assert cells["the whole image, same encoder and decoder"][3] == "not trained yet"
    assert "0.84" in table.notes[0] and "4 frames" in table.notes[0]


def test_the_ceiling_comes_from_its_file(data, models, tmp_path):
    (tmp_path / "street").mkdir()
    rows = [run("whole", seed, pixel_accuracy=0.9 + seed / 10, miou=0.5) for seed in range(2)]
    rows += [run("whole", 0, split="val", pixel_accuracy=0.1, miou=0.1)]
    (tmp_path / "street" / "ceiling.json").write_text(json.dumps(rows))
    (table,) = made(data, tmp_path, "--only", "camvid")
    cells = {row[0]: row[1:] for row in table.rows}
    assert cells["the whole image, same encoder and decoder"] == ["–"] * 3 + ["0.950"] + ["–"] * 3 + ["0.500"]
    assert cells["street, attention"] == ["no bundle"] * 8


def test_the_tables_of_panoramas(data, models):
    true, lengths = made(data, models, "--only", "panoramas", "--count", "2")
    assert true.columns[1:] == ["pixels a glimpse", *(f"after {k}" for k in (1, 2, 4, 8)), "after 6144 pixels"]
    cells = {row[0]: row[1:] for row in true.rows}
    assert [cells[f"{n}, grid"][0] for n in ("panorama-gae", "mosaic", "panorama")] == ["768", "1024", "–"]
    assert cells["panorama, learned"][1:] == ["no bundle"] * 5
    assert cells["panorama-gae, grid"][4] == cells["panorama-gae, grid"][5], "eight glimpses are the budget"
    source = Source(f"{data}/panoramas/val", (256, 512), 60.0, 2)
    jobs = [Job("mosaic", "grid", source, seed) for seed in range(2)]
    (row,) = explore_all(jobs).values()
    for table, name in ((true, "rmse"), (lengths, "rgb_l2")):
        shown = {r[0]: r[1:] for r in table.rows}["mosaic, grid"]
        wanted = [row.after(k, name) for k in (1, 2, 4, 8, 6)]
        assert shown[1:] == [f"{mean:.1f} ± {std:.1f}" for mean, std in wanted], "six glimpses of 1024 pixels are 6144"
        assert row.views[..., 2].max() <= 1 / 6 + 1e-3, "60 of 360 degrees"
    assert "2 panoramas" in true.notes[1] and "2 seeds" in true.notes[1]
    assert "33.8 with attention" in lengths.notes[-1] and 'the paper\'s "RMSE"' in lengths.title


def test_attention_is_compared_with_random_looks_seed_by_seed():
    def row(*last):
        views = np.zeros((1, 2, 3), np.float32)
        return Row(tuple(Part({"rmse": np.array([50.0, value])}, views, None) for value in last))

    rows = {("panorama-gae", "learned"): row(45.0, 18.0), ("panorama-gae", "random"): row(50.0, 20.0)}
    said = gae_panoramas.relative(rows, "rmse")
    assert "-10.0 ± 0.0 %" in said and "at most -8 %" in said and "the paper: -12 %" in said
    rows["panorama-gae", "learned"] = row(55.0, 18.0)
    assert "+0.0 ± 10.0 %" in gae_panoramas.relative(rows, "rmse"), "not the ratio of the means"
    assert "is not there yet" in gae_panoramas.relative({}, "rmse")


def test_the_table_of_scene15(data, models, tmp_path):
    (table,) = made(data, models, "--only", "scene15")
    cells = {row[0]: row[1:] for row in table.rows}
    source = Source(f"scene15:{data}/scene15?split=test", (160, 160))
    rows = explore_all([Job(str(models / "scene15"), p, source, s) for p in ("learned", "random") for s in range(2)])
    accuracy = [100 * row.values("accuracy")[:, -1] for row in rows.values()]
    assert cells["No-Decoder, attention"][0] == "67.2" and cells["No-Decoder, attention"][5] == "bundle, 2 seeds"
    assert cells["No-Decoder, attention"][4] == f"{accuracy[0].mean():.1f} ± {accuracy[0].std():.1f}"
    gain = accuracy[0] - accuracy[1]
    assert f"same network, 8 glimpses: {gain.mean():+.1f} ± {gain.std():.1f} points" in table.notes[0]
    assert "at least +3; the paper: +4.6" in table.notes[0] and "6 test images" in table.notes[1]
    assert cells["No-Decoder, trained on random"] == ["62.6", "–", "–", "–", "not trained yet", "–"]
    assert [cells[name][0] for name in ("Full, attention", "Full, trained on random")] == ["56.4", "49.6"]
    assert cells["the whole image, same encoder"][4] == "not trained yet"

    (tmp_path / "scene15").mkdir()
    named = [run("random-sa", seed, "classify", accuracy=0.5 + 0.1 * seed) for seed in range(3)]
    named += [
        run("full", 0, "classify-full", accuracy=0.4, **{"accuracy/random": 0.3}),
        run("full", 0, "classify-full", "val", accuracy=0.9),
    ]
    (tmp_path / "scene15" / "ablation.json").write_text(json.dumps(named))
    (tmp_path / "scene15" / "ceiling.json").write_text(json.dumps([run("whole", 0, "classify", accuracy=0.8)]))
    (table,) = made(data, tmp_path, "--only", "scene15")
    cells = {row[0]: row[1:] for row in table.rows}
    assert cells["No-Decoder, trained on random"][4:] == ["60.0 ± 8.2", "3 training runs"]
    assert cells["Full, attention"][4:] == ["40.0", "1 training run"], "of the test alone"
    assert cells["Full, random looks"][4] == "30.0", "the same networks"
    ours = [{**one, "row": "foresight"} if one["task"] == "classify-full" else one for one in named]
    (tmp_path / "scene15" / "ablation.json").write_text(json.dumps(ours))
    (table,) = made(data, tmp_path, "--only", "scene15")
    cells = {row[0]: row[1:] for row in table.rows}
    assert cells["Full, attention"][4:] == ["40.0", "1 training run, foresight"]
    assert cells["the whole image, same encoder"][4] == "80.0" and "is not there yet" in table.notes[0]
    making.scene15(tmp_path / "scene15-random")
    (table,) = made(data, tmp_path, "--only", "scene15")
    control = {row[0]: row[1:] for row in table.rows}["No-Decoder, trained on random"]
    assert control[5] == "bundle, 2 seeds" and control[4] == f"{accuracy[1].mean():.1f} ± {accuracy[1].std():.1f}"


def test_the_table_of_ablations(tmp_path):
    empty = gae_ablations.tables(tmp_path)
    assert [table.bundle for table in empty] == ["street", "panorama-gae", "scene15"]
    assert all("No run yet" in table.notes[0] and len(table.rows) == 7 for table in empty)
    rows = []
    for seed, (ours, other) in enumerate(((0.8, 0.7), (0.6, 0.65))):
        rows.append(run("full", seed, pixel_accuracy=ours, miou=0.4, **{"pixel_accuracy/random": ours - 0.1}))
        rows.append(run("random-no-sac", seed, pixel_accuracy=other, miou=0.3))
    rows.append(run("no-contrast", 5, pixel_accuracy=0.9, miou=0.1))
    drawn = [run("full", 0, "reconstruct", rmse=30.0), run("random-sa", 0, "reconstruct", rmse=33.0)]
    for bundle, runs in (("street", rows), ("panorama-gae", drawn)):
        (tmp_path / bundle).mkdir()
        (tmp_path / bundle / "ablation.json").write_text(json.dumps(runs))
    street, panorama, _ = gae_ablations.tables(tmp_path)
    assert street.columns[4:] == [
        "paper, ADE20k", "paper, COCO-Stuff", "paper, CamVid", "pixel accuracy [%]", "mIoU [%]",
        "pixel accuracy [%], random looks", "runs", "minutes a run",
    ]  # fmt: skip
    cells = {row[0]: row[1:] for row in street.rows}
    assert cells["as the paper"] == [
        "yes", "yes", "attention", "52.4", "47.8", "82.3", "70.0 ± 10.0", "40.0 ± 0.0", "60.0 ± 10.0", "2", "2.0"
    ]  # fmt: skip
    assert cells["random (no SAC)"][:3] == ["no", "no", "random"] and cells["random (no SAC)"][8] == "–"
    assert cells["Attend-and-Segment"][3:] == ["47.9", "45.6", "83.2", "–", "–", "–", "0", "–"]
    assert "pixel accuracy: ours is better than random (no SAC) 1 of 2 matched seeds." in street.notes
    assert "RMSE: ours is better than random (SA) 1 of 1 matched seeds." in panorama.notes, "less is better"
    assert {row[0]: row for row in panorama.rows}["random (SA)"][4:7] == ["39.4", "47.8", "33.0"]


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "runs.json"
    good = run("full", 0, rmse=3.0)
    for text in ("{", "[3]", '[{"row": "full"}]', json.dumps([{**good, "figures": [1]}])):
        path.write_text(text)
        with pytest.raises(GlimpseError, match="runs.json: is no list of runs .*; expected what training.gae_ablation"):
            gae_runs.read(path)
    path.write_text(json.dumps([{**good, "figures": {"rmse": "low"}}]))
    with pytest.raises(GlimpseError, match="is no list of runs"):
        gae_runs.read(path)
    assert gae_runs.read(tmp_path / "none.json") == []
    assert gae_runs.figure([good, run("full", 1, rmse=5.0)], "full", "rmse") == (4.0, 1.0, 2)
    assert gae_runs.figure([good], "full", "miou") is None and gae_runs.figure([good], "full", "rmse", "both") is None


def test_the_table_of_cost(tmp_path):
    table = gae_cost.table(tmp_path)
    assert table.rows[0][1:6] == ["not measured yet"] * 5 and table.rows[2][-3:] == ["2.2", "2.2", "13.8"]
    figures = {"train_seconds": 9.0, "test_seconds": 3.0, "train_held": 3e9, "train_peak": 4e9, "test_peak": 1e8}
    small = {"train_seconds": 3.0, "test_seconds": 0.5, "train_held": 6e7, "train_peak": 2e8, "test_peak": 4e7}
    cost = {"attend-and-segment": figures, "no-decoder": small, "device": "a CPU"}
    cost |= dict.fromkeys(gae_cost.SIZES, 6)
    (tmp_path / "scene15").mkdir()
    (tmp_path / "scene15" / "cost.json").write_text(json.dumps(cost))
    table = gae_cost.table(tmp_path)
    assert table.rows[0] == ["Attend-and-Segment", "9.000", "3.000", "3000", "4000", "100", "474", "45", "5.5"]
    assert table.rows[1] == ["No-Decoder", "3.000", "0.500", "60.0", "200", "40.0", "213", "20", "0.4"]
    assert table.rows[2] == ["times less", "3.0", "6.0", "50.0", "20.0", "2.5", "2.2", "2.2", "13.8"]
    assert "resident size" in table.notes[1] and "max_memory_allocated" not in table.notes[1]
    for broken in ({**cost, "no-decoder": {**small, "test_peak": 0}}, {**cost, "batch": None}, {"no-decoder": small}):
        (tmp_path / "scene15" / "cost.json").write_text(json.dumps(broken))
        with pytest.raises(GlimpseError, match="cost.json: is no measurement"):
            gae_cost.table(tmp_path)


def test_all_of_it_where_nothing_is(tmp_path, capsys):
    everything = made(tmp_path, tmp_path, "--json", str(tmp_path / "gae.json"))
    assert [table.bundle for table in everything] == [
        "street", "panorama-gae", "panorama-gae", "scene15", "street", "panorama-gae", "scene15", "scene15"
    ]  # fmt: skip
    assert sum("nothing was explored" in note for table in everything for note in table.notes) == 3
    assert json.loads((tmp_path / "gae.json").read_text())["which"] == "gae"
    assert "Cost of classification" in capsys.readouterr().out
    assert set(gae_published.ABLATIONS) == {
        "foresight", "full", "no-contrast", "random-sa", "random-no-sa", "random-no-sac", "attend-and-segment"
    }  # fmt: skip
    assert gae.chosen(None) == gae.PARTS and gae.chosen("cost,camvid") == ("cost", "camvid")
