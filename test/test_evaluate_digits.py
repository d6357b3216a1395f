"""`glimpse evaluate --data mnist:...`: accuracy per glimpse, stops, and a model that has to be made for the scenes."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest
from digit_making import write_idx
from onnx_graphs import write_bundle

from glimpse_ros import evaluate
from glimpse_ros.core.types import GlimpseError

CENTRE = {"first_view": [0, 0, 1.0], "s_range": [1.0, 1.0], "padding": "clamp"}  # sees all of a scene at once
HALF = {"first_view": "random", "s_range": [0.5, 0.5], "padding": "zero"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """30 test "digits", each as bright all over as its label says; the last three have wrong labels."""
    folder = tmp_path_factory.mktemp("mnist")
    labels = np.arange(30, dtype=np.uint8) % 10
    images = np.broadcast_to(((labels + 0.5) / 10 * 255).astype(np.uint8)[:, None, None], (30, 28, 28))
    labels[-3:] = 0
    write_idx(folder / "t10k-images-idx3-ubyte", np.ascontiguousarray(images))
    write_idx(folder / "t10k-labels-idx1-ubyte", labels)
    return folder


def bundle(path, side=28, **options):
    shape = {"glimpse": 8, "scene": (side, side), "projection": "planar", "reconstruction": False}
    return write_bundle(path, **{**shape, "classification": True, "classes": 10, **options})


def run(data, model, *options):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    out = model.parent / "rows.json" if model != "mosaic" else data.parent / "rows.json"
    arguments = [
        "--data",
        str(data) if ":" in str(data) else f"mnist:{data}",
        "--model",
        str(model),
        "--json",
        str(out),
    ]
    assert evaluate.run(parser.parse_args([*arguments, *options])) == 0
    return json.loads(out.read_text())


def test_accuracy_is_the_share_of_right_answers(folder, tmp_path, capsys):
    model = bundle(tmp_path / "b", scene_fields=CENTRE)
    (row,) = run(folder, model, "--policy", "learned", "--glimpses", "2", "--seeds", "2")
    assert row["accuracy"] == [0.9, 0.9] and row["accuracy_std"] == [0.0, 0.0]
    assert "rmse" not in row and "mean_glimpses" not in row
    assert (row["data"], row["size"], row["images"]) == ("mnist 28 test", "28x28", 30)
    assert row["pixel_fraction"] == pytest.approx([64 / 784, 128 / 784], abs=1e-6)
    said = capsys.readouterr().out
    assert "Acc@1   Acc@2" in said and "90.00" in said and "RMSE" not in said and "30 images of mnist 28 test" in said


def test_it_rises_with_glimpses_and_has_a_spread(folder, tmp_path, capsys):
    model = bundle(tmp_path / "b", scene_fields={**HALF, "padding": "clamp"})
    rows = run(folder, model, "--policy", "learned,random", "--glimpses", "6", "--seeds", "3")
    for row in rows:
        assert len(row["accuracy"]) == len(row["accuracy_std"]) == 6 and max(row["accuracy_std"]) > 0
    assert run(folder, model, "--policy", "learned,random", "--glimpses", "6", "--seeds", "3") == rows
    learned, random = rows
    assert learned["accuracy"][0] == random["accuracy"][0], "the same first views"
    assert learned["accuracy"][5] > max(learned["accuracy"][0], random["accuracy"][5]) + 0.15
    lines = capsys.readouterr().out.splitlines()[1:3]
    assert "learned" in lines[0] and "random" in lines[1], "the best one first"


def test_episodes_stop_by_themselves_and_keep_their_answer(folder, tmp_path, capsys):
    model = bundle(tmp_path / "b", scene_fields=HALF, stop=True)
    options = ("--policy", "learned", "--glimpses", "9", "--seeds", "2")
    (free,) = run(folder, model, *options)
    (row,) = run(folder, model, *options, "--stop-threshold", "0.5")  # once half of all cells were seen
    assert 2 < row["mean_glimpses"] < 7 and row["stop_threshold"] == 0.5
    assert row["accuracy"][0] == free["accuracy"][0] and row["accuracy"][-1] < free["accuracy"][-1]
    assert row["accuracy_at_stop"] == row["accuracy"][-1] == row["accuracy"][-2]
    assert row["accuracy_at_stop_std"] == row["accuracy_std"][-1]
    assert row["pixel_fraction"][-1] == pytest.approx(row["mean_glimpses"] * 64 / 784, abs=1e-4)
    assert row["pixel_fraction"][1] == pytest.approx(2 * 64 / 784, abs=1e-6), "nobody stops before the second"
    assert "stopping at a score of 0.5" in capsys.readouterr().out
    (never,) = run(folder, model, *options, "--stop-threshold", "1.5")
    assert never["mean_glimpses"] == 9 and never["accuracy"] == free["accuracy"]
    (once,) = run(folder, model, *options, "--stop-threshold", "0")
    assert once["mean_glimpses"] == 1 and len(set(once["accuracy"])) == 1


@pytest.mark.parametrize(("padding", "predicted"), [("zero", 4), ("clamp", 6)])
def test_what_lies_outside_is_what_the_models_padding_says(tmp_path, padding, predicted):
    """White scenes, looked at from the corner: by hand, the mean brightness is 0.48 with black outside, else 0.61."""
    write_idx(tmp_path / "t10k-images-idx3-ubyte", np.full((4, 28, 28), 242, np.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.full(4, predicted, np.uint8))
    fields = {"first_view": [1, 1, 0.5], "s_range": [0.5, 0.5], "padding": padding}
    model = bundle(tmp_path / "b", scene_fields=fields)
    (row,) = run(tmp_path, model, "--policy", "learned", "--glimpses", "1", "--seeds", "1")
    assert row["accuracy"] == [1.0]


def test_an_overview_is_given_and_its_pixels_are_counted(folder, tmp_path):
    fields = {**HALF, "first_view": "policy"}
    model = bundle(tmp_path / "b", scene_fields=fields, overview=True)
    (row,) = run(folder, model, "--policy", "learned", "--glimpses", "2", "--seeds", "1")
    assert row["pixel_fraction"] == pytest.approx([(128 + 64 * k) / 784 for k in (1, 2)], abs=1e-6)
    blind = bundle(tmp_path / "blind", scene_fields=fields)
    (other,) = run(folder, blind, "--policy", "learned", "--glimpses", "2", "--seeds", "1")
    assert row["accuracy"][0] > 0.6 > other["accuracy"][0] + 0.3, "the overview alone tells how bright a scene is"


def test_a_model_that_reconstructs_too_has_both_figures_and_the_mosaic_is_lent_its_sensor(folder, tmp_path, capsys):
    model = bundle(tmp_path / "b", scene_fields=CENTRE, reconstruction=True)
    rows = run(folder, model, "--policy", "random", "--glimpses", "2", "--seeds", "1")
    assert rows[0]["accuracy"][1] == 0.9 and rows[0]["rmse"][1] < 1
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    line = ["--data", f"mnist:{folder}", "--model", f"{model},mosaic", "--policy", "grid", "--glimpses", "2"]
    capsys.readouterr()
    assert evaluate.run(parser.parse_args([*line, "--seeds", "1"])) == 0
    said = capsys.readouterr().out
    assert "Acc@2" in said and "RMSE@2" in said
    (alone,) = run(folder, "mosaic", "--policy", "grid", "--glimpses", "2", "--seeds", "1")
    assert "accuracy" not in alone and alone["pixel_fraction"][0] == pytest.approx(64 / 784, abs=1e-6)


def test_variants_and_counts(folder, tmp_path):
    model = bundle(tmp_path / "b", side=60, scene_fields=HALF)
    data = f"mnist:{folder}?variant=cluttered60&count=5&split=test"
    (row,) = run(data, model, "--policy", "random", "--glimpses", "1", "--seeds", "1", "--size", "60x60")
    assert (row["data"], row["size"], row["images"]) == ("mnist cluttered60 test", "60x60", 5)


@pytest.mark.parametrize(
    ("query", "options", "sentence"),
    [
        ("variant=cluttered60", (), r"b: its scenes are 28x28 pixels, those of mnist cluttered60 test are 60x60; exp"),
        ("variant=cluttered", (), "variant 'cluttered' of MNIST: expected one of 28, translated60"),
        ("variant=28&split=train", (), "split 'train'; expected test"),
        ("count=0", (), "count '0'; expected a whole number, at least 1"),
        ("count=ten", (), "count 'ten'; expected a whole number"),
        ("colour=red", (), "option 'colour' is unknown; expected some of variant, split, count"),
        ("", ("--size", "60x60"), "--size 60x60: mnist:.* has scenes of 28x28; leave it out"),
        ("", ("--stop-threshold", "-1"), "--stop-threshold -1: expected at least 0"),
        ("", ("--stop-threshold", "nan"), "--stop-threshold nan: expected at least 0"),
        ("", ("--max-fov", "30"), "random policy: the camera's s is 0.286 to 0.5, the scene model's 1 to 1; expected"),
    ],
)
def test_refusals(folder, tmp_path, query, options, sentence):
    model = bundle(tmp_path / "b", scene_fields={**CENTRE, "first_view": "policy"})
    data = f"mnist:{folder}?{query}" if query else f"mnist:{folder}"
    with pytest.raises(GlimpseError, match=sentence):
        run(data, model, "--policy", "random", "--glimpses", "1", *options)


def test_a_model_of_other_classes_and_data_that_are_not_there_are_refused(folder, tmp_path):
    model = bundle(tmp_path / "b", classes=3, scene_fields=CENTRE)
    with pytest.raises(GlimpseError, match="b: knows 3 classes; expected the 10 of mnist 28 test"):
        run(folder, model, "--policy", "random")
    with pytest.raises(GlimpseError, match=r"none/t10k-images-idx3-ubyte.gz: does not exist; expected an IDX file"):
        run(tmp_path / "none", model, "--policy", "random")
    with pytest.raises(GlimpseError, match="kind 'minst' is unknown; expected a folder that exists, or mnist:PATH"):
        run(f"minst:{folder}", model)


def test_a_spherical_model_is_skipped_and_a_folder_may_be_small_only_so_far(folder, tmp_path, capsys):
    model = write_bundle(tmp_path / "b")
    assert run(folder, model, "--policy", "random") == []
    assert "is spherical, the images are planar" in capsys.readouterr().err
    with pytest.raises(GlimpseError, match="--size 16x16: expected at least 32 pixels of either for a folder"):
        run(f"{folder}/a:b", model, "--size", "16x16")
