"""`glimpse evaluate` on data with classes, `camvid:`, `scene15:` and `classes:`: void is out, misfits are refused."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx_graphs import write_bundle
from tree_making import REAL, camvid, class_tree, labels, picture

from glimpse_ros import evaluate
from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.fit import check_fit
from glimpse_ros.datasets.truth import Truth, load_truth

SIZE = (48, 64)
DARK_BRIGHT = {"first_view": [0, 0, 1.0], "s_range": [1.0, 1.0], "padding": "clamp"}  # sees all of a scene at once


def run(data: str, model: Path | str, tmp_path: Path, *options: str) -> list[dict]:
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    out = tmp_path / "rows.json"
    arguments = ["--data", data, "--model", str(model), "--json", str(out), "--seeds", "1", "--policy", "grid"]
    assert evaluate.run(parser.parse_args([*arguments, *options])) == 0
    return json.loads(out.read_text())


def halves(folder: Path, void: int = 0) -> Path:
    """CamVid's layout: two frames, dark left and bright right, ids 0 and 1; the last `void` columns are void."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[:, 32:] = 255
    ids = (image[..., 0] > 0).astype(np.uint8)
    if void:
        ids[:, -void:] = 11
    for split in ("test", "testannot"):
        (folder / split).mkdir(parents=True)
    for name in ("a", "b"):
        cv2.imwrite(str(folder / "test" / f"{name}.png"), image)
        cv2.imwrite(str(folder / "testannot" / f"{name}.png"), ids)
    return folder


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """CamVid of the two classes that the bundle of the tests tells apart."""
    monkeypatch.setattr("glimpse_ros.datasets.camvid.CLASSES", {"dark": (0, 0, 0), "bright": (255, 255, 255)})


def bundle(path: Path, **options) -> Path:
    return write_bundle(path, scene=SIZE, projection="planar", segmentation=True, **options)


def test_camvid_has_figures_of_pixels_at_its_own_size(tmp_path: Path, two: None, capsys) -> None:
    model = bundle(tmp_path / "b")
    (row,) = run(f"camvid:{halves(tmp_path / 'data')}?split=test", model, tmp_path, "--glimpses", "8")
    assert row["data"] == "camvid test" and row["size"] == "48x64" and row["images"] == 2
    assert len(row["pixel_accuracy"]) == len(row["miou"]) == 8 and row["pixel_accuracy"][7] > 0.85
    assert row["miou"][7] > 0.75 and row["pixel_accuracy"][7] > row["pixel_accuracy"][0] and row["rmse"][7] < 100
    said = capsys.readouterr().out
    assert "Pix@1   Pix@2" in said and "mIoU" in said and "RMSE@1" in said
    assert f"{100 * row['pixel_accuracy'][7]:.2f}" in said and f"{100 * row['miou'][7]:.2f}" in said


def test_void_is_left_out_of_every_figure(tmp_path: Path, two: None) -> None:
    """Truth says class 0 everywhere but in the last 32 columns, which are bright: void there, all is right."""
    data = halves(tmp_path / "data", void=32)
    model = bundle(tmp_path / "b")
    (row,) = run(f"camvid:{data}", model, tmp_path, "--glimpses", "8")
    truth = load_truth(f"camvid:{data}")
    assert truth.maps is not None and [int((m == 255).sum()) for m in truth.maps] == [48 * 32] * 2
    for name in ("a", "b"):  # void becomes a class that is wrong there
        labels(data / "testannot" / f"{name}.png", (0,), SIZE)
    (wrong,) = run(f"camvid:{data}", model, tmp_path, "--glimpses", "8")
    assert row["pixel_accuracy"][7] > 0.9 > 0.6 > wrong["pixel_accuracy"][7]
    assert row["rmse"] == wrong["rmse"], "the same pictures, looked at in the same way"


def test_another_size_may_be_asked_for_and_a_model_of_any_size_takes_part(tmp_path: Path, two: None) -> None:
    model = write_bundle(tmp_path / "b", scene=(64, 128), projection="planar", segmentation=True)
    (row,) = run(f"camvid:{halves(tmp_path / 'data')}", model, tmp_path, "--glimpses", "8", "--size", "96x128")
    assert row["size"] == "96x128" and row["pixel_accuracy"][7] > 0.8


def test_a_model_of_other_classes_is_refused(tmp_path: Path) -> None:
    tree = camvid(tmp_path / "data", {"test": 1})
    model = bundle(tmp_path / "b")
    with pytest.raises(GlimpseError) as error:
        run(f"camvid:{tree}", model, tmp_path, "--size", "48x64")
    assert str(error.value) == f"{model}: segments 2 classes; expected the 11 of camvid test"


def test_a_model_with_its_classes_in_another_order_is_refused(tmp_path: Path, two: None) -> None:
    data = halves(tmp_path / "data")
    model = bundle(tmp_path / "b", scene_fields={"class_names": ["bright", "dark"]})
    with pytest.raises(GlimpseError) as error:
        run(f"camvid:{data}", model, tmp_path)
    assert str(error.value) == f"{model}: its class 0 is 'bright'; expected 'dark', as in camvid test"
    same = bundle(tmp_path / "c", scene_fields={"class_names": ["Dark", "Bright"]})
    assert run(f"camvid:{data}", same, tmp_path, "--glimpses", "1")[0]["pixel_accuracy"]


def test_class_folders_have_accuracies(tmp_path: Path) -> None:
    """Classes by brightness, which the bundle tells; one image of class 2 lies in the folder of class 0."""
    for k, name in enumerate(("0", "1", "2")):
        for i in range(2):
            picture(tmp_path / "d" / "test" / name / f"{i}.png", round((k + 0.5) / 3 * 255) - 20, SIZE)
    picture(tmp_path / "d" / "test" / "0" / "9.png", 210, SIZE)
    shape = {"scene": SIZE, "projection": "planar", "reconstruction": False, "classification": True}
    model = write_bundle(tmp_path / "b", classes=3, scene_fields=DARK_BRIGHT, **shape)
    (row,) = run(f"classes:{tmp_path / 'd'}", model, tmp_path, "--glimpses", "2", "--policy", "learned")
    assert row["accuracy"] == pytest.approx([6 / 7] * 2) and row["data"] == "d test" and "rmse" not in row
    other = write_bundle(tmp_path / "c", classes=4, scene_fields=DARK_BRIGHT, **shape)
    with pytest.raises(GlimpseError, match="c: knows 4 classes; expected the 3 of d test"):
        run(f"classes:{tmp_path / 'd'}", other, tmp_path)


def test_panoramas_in_class_folders_are_for_spherical_models(tmp_path: Path, capsys) -> None:
    class_tree(tmp_path / "d" / "test", {"0": 1, "1": 1}, (48, 96))
    assert load_truth(f"classes:{tmp_path / 'd'}").projection == "spherical"
    model = write_bundle(tmp_path / "b", scene=SIZE, projection="planar")
    assert run(f"classes:{tmp_path / 'd'}", model, tmp_path) == []
    assert "is planar, the images are spherical" in capsys.readouterr().err


def test_what_is_skipped_is_said(tmp_path: Path, capsys) -> None:
    tree = camvid(tmp_path, {"test": 3})
    (tree / "testannot" / "0001TP_000001.png").unlink()
    with pytest.raises(GlimpseError, match="1 missing .testannot/0001TP_000001.png"):
        load_truth(f"camvid:{tree}")
    assert len(load_truth(f"camvid:{tree}?missing=skip").images) == 2
    said = capsys.readouterr().err
    assert (
        said.startswith("camvid test: 1 skipped (1 missing): testannot/0001TP_000001.png: ") and said.count("\n") == 1
    )


def test_labels_beside_a_folder_may_have_a_palette_but_not_another_size(tmp_path: Path, capsys) -> None:
    tree = camvid(tmp_path, {"test": 2})
    assert load_truth(str(tree / "test"), (32, 64)).maps is not None
    labels(tree / "testannot" / "0001TP_000000.png", (0,), (24, 24))
    with pytest.raises(GlimpseError, match="000000.png: has 24x24 pixels, its image 0001TP_000000.png has 12x16"):
        load_truth(str(tree / "test"))
    (tree / "testannot" / "0001TP_000000.png").unlink()
    assert load_truth(str(tree / "test")).maps is None
    assert "testannot: not used, 1 of 2 files are missing: 0001TP_000000.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("camvid:{}?split=all", "split 'all'; expected one of train, val, test"),
        ("camvid:{}?missing=no", "missing 'no'; expected one of refuse, skip"),
        ("camvid:{}?variant=28", "option 'variant' is unknown; expected some of split, missing"),
        ("scene15:{}", "train_test_duplicates.txt: cannot be read"),
        ("kitti:{}", "kind 'kitti' is unknown; .* camvid:PATH, scene15:PATH, classes:PATH"),
    ],
)
def test_refusals(tmp_path: Path, word: str, sentence: str) -> None:
    camvid(tmp_path, {"test": 1})
    class_tree(tmp_path / "test", {"a": 1, "b": 1})
    with pytest.raises(GlimpseError, match=sentence):
        load_truth(word.format(tmp_path))


def test_data_that_say_nothing_of_their_classes_fit_every_model(tmp_path: Path) -> None:
    info = load_scene(bundle(tmp_path / "b")).info
    maps = [np.zeros(SIZE, np.uint8)]
    check_fit("b", info, Truth("folder", maps, SIZE, "planar", maps))
    check_fit("b", info, Truth("without names", maps, SIZE, "planar", maps, classes=2))
    with pytest.raises(GlimpseError, match="^b: segments 2 classes; expected the 3 of other$"):
        check_fit("b", info, Truth("other", maps, SIZE, "planar", maps, classes=3))


@pytest.mark.skipif(not (REAL / "scene15").is_dir(), reason="../shared/data/scene15 is not on this machine")
def test_the_real_scene15(capsys) -> None:
    truth = load_truth(f"scene15:{REAL / 'scene15'}?split=test", (32, 32))
    assert len(truth.images) == 2974 and truth.classes == 15 and truth.size == (32, 32)
    assert truth.class_names[:2] == ("bedroom", "coast") and truth.projection == "planar"
    assert "11 skipped (11 duplicate)" in capsys.readouterr().err
