"""The pictures of AdaGlimpse: what is in them is where it was."""

from __future__ import annotations

import adaglimpse_table_making as making
import cv2
import gae_table_making as scenes
import numpy as np
import pytest

pytest.importorskip("torch")

from glimpse_ros.core.types import GlimpseSpec, SceneInfo, SceneSpec  # noqa: E402
from training.tables import adaglimpse_looks, adaglimpse_pictures, gae_figure  # noqa: E402
from training.tables.adaglimpse_motion import MOST, MOTION  # noqa: E402
from training.tables.adaglimpse_rows import CAMVID, FREE, PTZ  # noqa: E402
from training.tables.adaglimpse_runs import Found, Wanted, run_all  # noqa: E402
from training.tables.adaglimpse_sums import Part, Run  # noqa: E402
from training.tables.runs import Plan  # noqa: E402

BLUE, RED, GREY = (31, 119, 180), (214, 39, 40), (127, 127, 127)


def read(path):
    image = cv2.imread(str(path))
    assert image is not None
    return image[..., ::-1]


def pixels(image, colour, off=6):
    """(H, W) bool: where it is that colour."""
    return (np.abs(image.astype(int) - np.array(colour)) <= off).all(-1)


def info(projection="spherical", first="random"):
    scene = SceneSpec(64, 128, projection) if projection == "spherical" else SceneSpec(96, 128, projection)
    return SceneInfo("made", scene, GlimpseSpec(32), (1 / 16, 1.0), "id", first)


def run(scene, views, rmse=9.0, accuracy=None, stops=np.nan):
    """Two seeds of two scenes, looked at views (T, 3); rmse falls to half from first to last."""
    count = len(views)
    squared = np.broadcast_to((rmse * np.linspace(1, 0.5, count)) ** 2 * 6, (2, count))
    matrices = np.zeros((2, 0, 1, 1), np.int64)
    if accuracy is not None:
        matrices = np.broadcast_to(np.array([[accuracy, 100 - accuracy], [0, 0]]), (2, count, 2, 2))
    every = np.broadcast_to(np.array(views, np.float32), (2, count, 3))
    slews, scores = np.broadcast_to(np.arange(count), (2, count)), np.broadcast_to(np.float32(stops), (2, count))
    part = Part(every, slews, scores, squared, np.array(6), matrices)
    return Run(scene, (256, 512), (part, part))


@pytest.fixture(scope="module")
def found():
    ball, flat = info(), info("planar")
    near = [(0.5, 0.0, 1 / 6)] + [(0.75, -0.5, 1 / 12)] * 11
    aware, far = [(0.5, 0.0, 1 / 6)] * MOST, [(0.5, 0.0, 1 / 6)] + [(-0.5, 0.5, 1 / 6)] * 11
    runs = {
        Wanted(PTZ, "adaglimpse", "learned", 12): run(ball, near, 9, stops=np.linspace(0, 1, 12)),
        Wanted(PTZ, "adaglimpse", "random", 12): run(ball, far, 30),
        Wanted(PTZ, "adaglimpse", "grid", 12): run(ball, far, 20),
        Wanted(PTZ, "adaglimpse", "grid", 8): run(ball, far[:8], 20),
        Wanted(PTZ, MOTION, "learned", MOST): run(ball, aware, 10),
        Wanted(CAMVID, "adaglimpse-street", "learned", 8): run(
            flat, [(0, 0, 0.25)] * 8, 9, 80, stops=np.linspace(0, 1, 8)
        ),
        Wanted(CAMVID, "adaglimpse-street", "random", 8): run(flat, [(0.5, 0.5, 0.25)] * 8, 9, 40),
    }
    return Found(runs, {})


def test_looks_are_told_from_the_first_heading(found):
    views = adaglimpse_looks.chosen(found.run(PTZ, "adaglimpse", "random", 12), PTZ)
    assert views.shape == (4, 11, 3) and views[..., 0] == pytest.approx(-1) and views[..., 1] == pytest.approx(0.5)
    free = run(info(first="policy"), [(0.5, 0.1, 0.5), (0.7, 0.1, 0.5)])
    assert adaglimpse_looks.chosen(free, FREE)[0, :, 0] == pytest.approx([0.5, 0.7]), "all of them were chosen"


def test_density_is_one_on_average_and_weighs_looks_alike():
    scene = info().scene
    views = np.array([[(0.0, 0.0, 1.0), (0.0, 0.0, 1 / 8)]], np.float32)
    density = adaglimpse_looks.density(views, scene)
    assert density.mean() == pytest.approx(1, abs=1e-6) and density[0, 0] == pytest.approx(0.5)
    assert density[48, 96] == pytest.approx(0.5 + 0.5 * 32, rel=0.05), "an eighth of the width, a quarter of the height"


def test_where_and_how_closely(found, tmp_path):
    image = read(adaglimpse_looks.where(tmp_path / "where.png", None, found))
    assert image.shape[1] > 1400 and 500 < image.shape[0] < 800
    corner = image[: image.shape[0] // 2, : image.shape[1] // 4]
    bright, dark = pixels(corner, (252, 255, 164)), pixels(corner, (0, 0, 3), 1)
    columns, rows = (bright | dark).sum(0) > 150, (bright | dark).sum(1) > 150  # of the picture, not of its frame
    left, top, bottom = columns.argmax(), rows.argmax(), len(rows) - rows[::-1].argmax()
    right = left + (~columns[left:]).argmax()  # where the first of the pictures ends
    y, x = (np.argwhere(bright).mean(0) - (top, left)) / (bottom - top, right - left)
    assert (x, y) == pytest.approx((0.625, 0.25), abs=0.02), "45 degrees to the right of the first look, and above it"
    image = read(adaglimpse_looks.zoom(tmp_path / "zoom.png", None, found))
    panel = image[:, : image.shape[1] // 2]
    blue, red = (np.argwhere(pixels(panel, colour)) for colour in (BLUE, RED))
    right = panel.shape[1] // 2
    assert blue[blue[:, 1] > right][:, 0].mean() > red[red[:, 1] > right][:, 0].mean() + 20, "half as wide is lower"
    assert adaglimpse_looks.where(tmp_path / "no.png", None, Found({}, {})) is None


def test_curves(found, tmp_path):
    image = read(adaglimpse_pictures.curves(tmp_path / "glimpses.png", found, "glimpses"))
    height, width = (size // 2 for size in image.shape[:2])
    ptz, camvid = image[:height, : width * 9 // 10], image[height:, width:]
    for panel, lower in ((ptz, True), (camvid, False)):
        blue, grey = (np.argwhere(pixels(panel, colour))[:, 0] for colour in (BLUE, GREY))
        assert (np.median(blue) > np.median(grey)) == lower, "less error is lower, more right pixels are higher"
    assert not pixels(image[height:, :width], RED).any(), "nothing was run at 224x224"
    one = found.run(CAMVID, "adaglimpse-street", "learned", 8)
    x = {kind: adaglimpse_pictures.points(one, "pixel_accuracy", kind)[0] for kind in adaglimpse_pictures.AXES}
    assert x["glimpses"].tolist() == [*range(1, 9)] and x["seconds"].tolist() == [*range(8)]
    assert x["pixels"] == pytest.approx(100 * np.arange(1, 9) * 1024 / 256 / 512)
    assert adaglimpse_pictures.points(one, "pixel_accuracy", "pixels")[1] == pytest.approx(80)


def test_stopping_and_cost(found, tmp_path, capsys):
    image = read(adaglimpse_pictures.stops(tmp_path / "stop.png", found))
    assert image.shape[1] > 900 and pixels(image, BLUE).sum() > 300 and pixels(image, GREY).sum() > 100
    assert adaglimpse_pictures.stops(tmp_path / "no.png", Found({}, {})) is None
    assert adaglimpse_pictures.cost(tmp_path / "no.png", tmp_path) is None
    assert "there is no models/adaglimpse/cost.json" in capsys.readouterr().err
    making.write_cost(tmp_path / "adaglimpse" / "cost.json")
    image = read(adaglimpse_pictures.cost(tmp_path / "cost.png", tmp_path))
    orange, blue = (np.argwhere(pixels(image, colour))[:, 0] for colour in ((255, 127, 14), BLUE))
    assert np.median(orange) < np.median(blue) - 50, "tokens grow"


def test_the_command_draws_all_that_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(gae_figure, "DPI", 40)
    scenes.write_panoramas(tmp_path / "data" / "panoramas", 2)
    making.write_bundle(tmp_path / "models" / "adaglimpse", **making.PANORAMA)
    plan = Plan(tmp_path / "data", tmp_path / "models", 2, 1)
    rows = [Wanted(FREE, "adaglimpse", policy, 12) for policy in ("learned", "random")]
    found = run_all(rows, plan)
    made = adaglimpse_pictures.draw(tmp_path / "out", plan, found)
    names = {path.stem for path in made}
    assert names == {"glimpses", "pixels", "seconds", "where", "zoom", "filmstrip", "stop"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{name}.png" for name in names}
    assert all(read(path).std() > 10 for path in made), "none is blank"
    one = adaglimpse_looks.episode(plan, FREE, "adaglimpse", 1, 12)
    assert np.array([[v.x, v.y, v.s] for v in one.views]) == pytest.approx(found.runs[rows[0]].views[1], abs=1e-6)
    assert adaglimpse_pictures.draw(tmp_path / "none", Plan(tmp_path, tmp_path), Found({}, {})) == []
