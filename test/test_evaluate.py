"""`glimpse evaluate`: the figures mean what the docstring says, pairs are skipped, bad input is refused."""

import argparse
import json

import cv2
import numpy as np
import pytest
from onnx_graphs import write_bundle

from glimpse_ros import evaluate
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.types import GlimpseError, SceneSpec


@pytest.fixture
def data(tmp_path):
    """Three blocky panoramas."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        blocks = rng.integers(0, 256, (8, 16, 3), np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), cv2.resize(blocks, (512, 256), interpolation=cv2.INTER_CUBIC))
    return folder


def run(data, *options):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    out = data.parent / "rows.json"
    status = evaluate.run(parser.parse_args(["--data", str(data), "--json", str(out), *options]))
    return status, json.loads(out.read_text())


def test_rows_have_the_promised_keys_and_fall(data):
    status, rows = run(data, "--model", "mosaic", "--policy", "grid,random", "--glimpses", "8", "--seeds", "2")
    assert status == 0 and [r["policy"] for r in rows] == ["grid", "random"]
    grid = rows[0]
    assert grid | {"model": "mosaic", "glimpses": 8, "size": "256x512", "images": 3, "max_fov": None} == grid
    assert grid["pixel_fraction"] == pytest.approx([1024 * (k + 1) / (256 * 512) for k in range(8)], abs=1e-6)
    assert len(grid["rmse"]) == len(grid["rmse_std"]) == len(grid["rgb_l2"]) == 8
    assert len(grid["slew_s"]) == 8 and grid["slew_s"][0] == 0.0 and (np.diff(grid["slew_s"]) > 0).all()
    assert grid["rmse"][7] < rows[1]["rmse"][7] < rows[1]["rmse"][0] < 128


def test_the_narrow_camera_is_worse_and_its_limit_is_kept(data):
    wide, narrow = (
        run(data, "--model", "mosaic", "--policy", "grid", "--glimpses", "4", "--seeds", "1", *fov)[1][0]
        for fov in ((), ("--max-fov", "60"))
    )
    assert narrow["max_fov"] == 60 and narrow["rmse"][3] > wide["rmse"][3]


def test_seconds_of_motion_are_those_between_the_views(data, capsys):
    _, (row,) = run(data, "--model", "mosaic", "--policy", "grid", "--glimpses", "9", "--max-fov", "60", "--seeds", "1")
    # a zigzag of eight columns about the first view, which the grid plans itself: pan and tilt together
    between = max(2 / 9 * np.pi / 2.0, 0.8 * np.pi / 2 / 1.5)
    assert np.diff(row["slew_s"]) == pytest.approx([between] * 8, abs=0.02)
    assert f"slew s\n{'mosaic':<20} {'grid':<14}" in capsys.readouterr().out


def test_after_an_episode_stopped_nothing_moves(data, tmp_path):
    bundle = write_bundle(tmp_path / "tiny", scene=(64, 128), stop=True)
    options = ("--model", str(bundle), "--policy", "learned", "--glimpses", "6", "--seeds", "1")
    (row,) = run(data, *options, "--stop-threshold", "0")[1]
    assert row["mean_glimpses"] == 1 and row["slew_s"] == [0.0] * 6


class Squashed(Mosaic):
    """The mosaic on a 2:1 canvas, whatever the size that is compared at."""

    def __init__(self, scene, glimpse):
        super().__init__(SceneSpec(64, 128, "spherical"), glimpse)


def test_a_model_of_another_aspect_sees_the_scene_in_its_own(tmp_path, monkeypatch):
    folder = tmp_path / "smooth"
    folder.mkdir()
    x, y = np.meshgrid(np.arange(512) / 512 * 2 * np.pi, np.arange(256) / 256 * np.pi)
    image = np.stack([np.sin(x), np.cos(x) * np.sin(y), np.cos(2 * y)], -1) * 100 + 128
    cv2.imwrite(str(folder / "a.png"), image.astype(np.uint8))
    options = ("--model", "mosaic", "--policy", "grid", "--glimpses", "8", "--size", "128x128", "--seeds", "1")
    (square,) = run(folder, *options)[1]
    monkeypatch.setattr(evaluate, "Mosaic", Squashed)
    (wide,) = run(folder, *options)[1]
    assert wide["pixel_fraction"] == square["pixel_fraction"] and wide["rmse"][7] < 3, (
        "eight square tiles are all of it"
    )
    monkeypatch.setattr(evaluate, "stretched", lambda image, scene: image)
    assert run(folder, *options)[1][0]["rmse"][7] > 10, "pasted as if its boxes were the square's"


def test_a_seed_gives_the_same_figures(data):
    rows = [
        run(data, "--model", "mosaic", "--policy", "random", "--glimpses", "3", "--seeds", "2")[1] for _ in range(2)
    ]
    assert rows[0] == rows[1]
    assert rows[0][0]["rmse_std"][2] > 0, "and another seed others"


def test_a_bundle_of_another_size_is_compared_at_the_same_size(data, tmp_path):
    bundle = write_bundle(tmp_path / "tiny", scene=(64, 128))
    _, rows = run(data, "--model", f"{bundle},mosaic", "--policy", "learned,random", "--glimpses", "3", "--seeds", "1")
    assert [(r["model"], r["policy"]) for r in rows] == [
        (str(bundle), "learned"), (str(bundle), "random"), ("mosaic", "random")
    ]  # fmt: skip


def test_mosaic_with_learned_is_skipped_and_said(data, capsys):
    status, rows = run(data, "--model", "mosaic", "--policy", "learned", "--glimpses", "2")
    assert status == 0 and rows == []
    assert "skipped: policy 'learned' with model 'mosaic'" in capsys.readouterr().err


def test_labels_beside_the_images_are_scored(tmp_path):
    folder = tmp_path / "test"
    folder.mkdir()
    (tmp_path / "testannot").mkdir()
    image = np.zeros((128, 256, 3), np.uint8)
    image[:, 128:] = 255
    cv2.imwrite(str(folder / "a.png"), image)
    cv2.imwrite(str(tmp_path / "testannot" / "a.png"), (image[..., 0] > 0).astype(np.uint8))
    bundle = write_bundle(tmp_path / "tiny", scene=(64, 128), segmentation=True)
    _, rows = run(folder, "--model", str(bundle), "--policy", "grid", "--glimpses", "8", "--size", "128x256")
    assert rows[0]["pixel_accuracy"][7] > 0.8 and rows[0]["miou"][7] > 0.7
    cv2.imwrite(str(tmp_path / "testannot" / "a.png"), image)
    with pytest.raises(GlimpseError, match="a.png: expected an 8-bit PNG of class ids"):
        run(folder, "--model", str(bundle), "--policy", "grid", "--size", "128x256")


def test_planar_images_skip_a_spherical_model(tmp_path, capsys):
    folder = tmp_path / "frames"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.zeros((90, 120, 3), np.uint8))
    bundle = write_bundle(tmp_path / "tiny")
    _, rows = run(folder, "--model", f"{bundle},mosaic", "--policy", "grid", "--size", "96x128", "--glimpses", "2")
    assert [r["model"] for r in rows] == ["mosaic"] and "is spherical, the images are planar" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--glimpses", "0"), "--glimpses 0: expected at least 1"),
        (("--max-fov", "5"), "expected at least 22.5 degrees"),
        (("--model", "nowhere/to/be/found"), "nowhere/to/be/found"),
        (("--model", "mosaic", "--policy", "clever"), "policy 'clever': expected learned, random, grid"),
    ],
)
def test_refusals(data, options, sentence):
    with pytest.raises(GlimpseError, match=sentence):
        run(data, *options)


def test_unreadable_files_are_skipped_by_name(data, capsys):
    (data / "broken.png").write_bytes(b"not a picture")
    _, rows = run(data, "--model", "mosaic", "--policy", "grid", "--glimpses", "1", "--seeds", "1")
    assert rows[0]["images"] == 3 and "broken.png" in capsys.readouterr().err


def test_a_size_is_height_by_width():
    assert evaluate.size_from_text("224x448") == (224, 448)
    with pytest.raises(argparse.ArgumentTypeError, match="expected HEIGHTxWIDTH"):
        evaluate.size_from_text("256")
