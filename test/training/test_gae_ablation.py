"""Ablations trained for a table: resumed, measured where it was said, on random looks where these trained them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import gae_training
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import gae, gae_ablation, gae_check, labelled, loop  # noqa: E402
from training.tables import gae_ablations, gae_runs  # noqa: E402


@pytest.fixture(scope="module")
def camvid(tmp_path_factory):
    return gae_training.street(tmp_path_factory.mktemp("data") / "camvid")


def args(folder, camvid, **options):
    quick = {"steps": 2, "batch": 2, "glimpses": 3, "precision": "32-true", "accelerator": "cpu", "seeds": 1}
    made = {**gae_training.SMALL, **quick, **options}
    return gae_ablation.Args(data=f"camvid:{camvid}", out=folder / "runs", json=folder / "ablation.json", **made)


def test_every_variant_is_trained_and_kept(camvid, tmp_path):
    runs = gae_ablation.run(args(tmp_path, camvid, split="test"))
    assert [run["row"] for run in runs] == list(gae_ablations.published.ABLATIONS)
    kept = gae_runs.read(tmp_path / "ablation.json")
    assert sorted(run["row"] for run in kept) == sorted(run["row"] for run in runs)
    for run in kept:
        assert (run["task"], run["split"], run["scenes"], run["steps"]) == ("segment", "test", 4, 2)
        assert run["data"] == "camvid test" and run["budget_steps"] == 2
        looks = {name.partition("/")[2] for name in run["figures"]}
        assert looks == ({""} if run["row"].startswith("random") else {"", "random"})
        assert all(0 <= value <= 1 for value in run["figures"].values())
        config = loop.read_checkpoint(tmp_path / "runs" / "segment" / f"{run['row']}-0" / "checkpoint.pt")["config"]
        foresees = run["row"] == "foresight"
        assert config["ablation"] == ("full" if foresees else run["row"]) and config["foresight"] == 20.0 * foresees
        assert config["random_looks"] == run["row"].startswith("random")
    street = tmp_path / "models" / "street"
    street.mkdir(parents=True)
    (tmp_path / "ablation.json").rename(street / "ablation.json")
    table = gae_ablations.tables(tmp_path / "models")[0]
    assert [row[-2] for row in table.rows] == ["1"] * 7 and "(camvid test)" in table.title


def test_figures_are_those_of_the_check(camvid, tmp_path):
    (run,) = gae_ablation.run(args(tmp_path, camvid, rows=("full",), firsts=2))
    net, state = gae_ablation.load_gae(tmp_path / "runs" / "segment" / "full-0" / "checkpoint.pt")
    assert isinstance(net, gae.Gae) and state["step"] == 2
    data = labelled.load(f"camvid:{camvid}", "val", (48, 64))
    for suffix, random in (("", False), ("/random", True)):
        each = [gae_check.figures(net, data, random, seed)["pixel_accuracy"] for seed in range(2)]
        assert run["figures"][f"pixel_accuracy{suffix}"] == pytest.approx(np.mean(each), abs=1e-4)
    assert run["split"] == "val"


def test_what_is_done_is_not_done_again(camvid, tmp_path, monkeypatch):
    trained = []
    train = gae.train
    monkeypatch.setattr(gae, "train", lambda a: trained.append((a.ablation, a.seed, a.steps)) or train(a))
    options = {"rows": ("full", "random-sa")}
    first = gae_ablation.run(args(tmp_path, camvid, **options))
    again = gae_ablation.run(args(tmp_path, camvid, **options, seeds=2))
    assert trained == [("full", 0, 2), ("random-sa", 0, 2), ("full", 1, 2), ("random-sa", 1, 2)]
    assert [run["seed"] for run in again] == [0, 0, 1, 1] and again[:2] == first
    gae_ablation.run(args(tmp_path, camvid, rows=("full",), steps=3))
    assert trained[-1] == ("full", 0, 3), "a larger budget goes on from the checkpoint"
    kept = {(run["row"], run["seed"]): run["steps"] for run in gae_runs.read(tmp_path / "ablation.json")}
    assert kept == {("full", 0): 3, ("random-sa", 0): 2, ("full", 1): 2, ("random-sa", 1): 2}, "one run of each"


def test_the_whole_image_is_a_row_of_its_own(camvid, tmp_path):
    (run,) = gae_ablation.run(args(tmp_path, camvid, whole=True, task="both", count=3))
    assert run["row"] == "whole" and set(run["figures"]) == {"pixel_accuracy", "miou", "rmse"} and run["scenes"] == 3
    net, _ = gae_ablation.load_gae(tmp_path / "runs" / "both" / "whole-0" / "checkpoint.pt")
    assert net.config.whole and net.config.glimpses == 1


def test_so_many_scenes(camvid):
    data = labelled.load(f"camvid:{camvid}", "val", (48, 64))
    some = gae_ablation.evenly(data, 2)
    assert len(some.images) == len(some.maps) == 2 and np.array_equal(some.maps[1], data.maps[2])
    assert gae_ablation.evenly(data, 0) is data and gae_ablation.evenly(data, 9) is data
    known = [np.full((48, 64), k == 2) for k in range(4)]
    assert gae_ablation.evenly(replace(data, known=known), 2).known[1].all(), "what was seen stays with its scene"


def test_what_makes_no_sense_is_refused(camvid, tmp_path):
    for options, said in (
        ({"rows": ("fulll",)}, "--rows fulll: is none of task segment; expected some of foresight, full, no-contrast"),
        ({"task": "classify", "rows": ("attend-and-segment",)}, "--rows attend-and-segment: is none of task classify"),
        ({"height": 0}, "--height 0 --width 64: expected multiples of 16, at least 48"),
        ({"seeds": 0}, "--seeds 0: expected at least 1"),
        ({"firsts": 0}, "--firsts 0: expected at least 1"),
        ({"minutes": 3.0}, "--minutes 3: expected --minutes-each"),
        ({"minutes_each": 0.0}, "--minutes-each 0: expected more than 0"),
        ({"ablation": "random-sa"}, "--ablation random-sa: expected --rows random-sa"),
    ):
        with pytest.raises(GlimpseError, match=said):
            gae_ablation.run(args(tmp_path, camvid, **options))
    torch.save({"config": {"method": "ram"}, "average": {}}, tmp_path / "other.pt")
    with pytest.raises(GlimpseError, match="a checkpoint of method 'ram'; expected one of training.gae"):
        gae_ablation.load_gae(tmp_path / "other.pt")
    assert gae_ablation.variants(args(tmp_path, camvid, task="classify")) == (
        "foresight", "full", "no-contrast", "random-sa", "random-no-sa", "random-no-sac"
    )  # fmt: skip


@pytest.mark.slow
def test_the_command(camvid, tmp_path):
    command = [sys.executable, "-m", "training.gae_ablation", "--data", f"camvid:{camvid}", "--rows", "full"]
    command += ["--json", str(tmp_path / "a.json"), "--out", str(tmp_path / "runs"), "--seeds", "1", "--steps", "1"]
    command += ["--height", "48", "--width", "64", "--encoder", "8", "--decoder", "8", "--batch", "2"]
    out = subprocess.run([*command, "--glimpses", "2"], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    assert "full, seed 0: {'pixel_accuracy'" in out.stderr and len(json.loads((tmp_path / "a.json").read_text())) == 1
    out = subprocess.run([*command, "--seeds", "0"], capture_output=True, text=True, check=False)
    assert out.returncode == 1 and out.stderr.strip() == "--seeds 0: expected at least 1"
