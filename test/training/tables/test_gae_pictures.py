"""The pictures of Glimpse-Attend-and-Explore: what is in them is where it was."""

from __future__ import annotations

import cv2
import gae_table_making as making
import numpy as np
import pytest

pytest.importorskip("torch")

from glimpse_ros.core.types import GlimpseSpec, SceneInfo, SceneSpec, View  # noqa: E402
from training.tables import __main__ as tables  # noqa: E402
from training.tables import gae_figure, gae_panels, gae_pictures, gae_steps  # noqa: E402
from training.tables.gae_panels import Explored  # noqa: E402
from training.tables.gae_rows import Part, Row, Source  # noqa: E402

AMBER, BLUE = (255, 176, 0), (0, 194, 255)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    making.write_camvid(folder / "camvid", 3)
    making.write_panoramas(folder / "panoramas", 2)
    making.write_scenes(folder / "scene15")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return making.write_bundles(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def street(data, models):
    """Two scenes, two starts each."""
    source = Source(f"camvid:{data}/camvid?split=test", (240, 320))
    made = gae_panels.episodes(
        str(models / "street"), "learned", source, [(i, seed) for i in (0, 2) for seed in (0, 1)]
    )
    return [made[:2], made[2:]]


def read(path):
    image = cv2.imread(str(path))
    assert image is not None
    return image[..., ::-1]


def pixels(image, colour, off=12):
    """(H, W) bool: where it is that colour."""
    return (np.abs(image.astype(int) - np.array(colour)) <= off).all(-1)


def info(projection="planar", height=240, width=320):
    return SceneInfo("made", SceneSpec(height, width, projection), GlimpseSpec(16), (0.25, 0.25), "id")


def row(scene, *episodes):
    views = np.array(episodes, np.float32)
    figures = {"rmse": np.linspace(9, 2, 8), "pixel_accuracy": np.linspace(0.1, 0.8, 8), "accuracy": np.zeros(8)}
    return Row((Part(figures, views, scene),))


def test_covered_is_the_whole_glimpse_and_wraps():
    flat, round_ = info().scene, info("spherical", 144, 288).scene
    seen = gae_panels.covered(np.array([[0.0, 0.0, 0.25]]), flat)
    assert seen.shape == (144, 192) and seen.sum() == 48 * 48 and seen[48:96, 72:120].all()
    seen = gae_panels.covered(np.array([[1.0, 0.0, 1 / 6]]), round_)
    assert seen.shape == (96, 192) and seen[32:64, :16].all() and seen[32:64, -16:].all() and seen.sum() == 32 * 32
    edge = gae_panels.covered(np.array([[-0.9, -0.9, 0.25]]), flat)
    assert edge[:30, :32].all() and not edge[40:].any(), "what reaches over the border does not come in elsewhere"


def test_the_average_counts_a_scene_once():
    here, there = (0.0, 0.0, 0.25), (-0.75, -2 / 3, 0.25)
    share = gae_panels.average_map(np.array([[here, here], [here, there]]), info().scene)
    assert share[72, 96] == 1 and share[24, 24] == 0.5 and share.min() == 0
    assert gae_panels.share_covered(np.array([[here, here], [here, there]]), info().scene) == pytest.approx(0.125)
    maps = [share == 1, share == 1, share == 0.5]
    assert gae_panels.agreement(maps) == pytest.approx(1 / 3) and gae_panels.agreement(maps[:1]) == 1


def test_the_brightest_place_of_the_average_picture(tmp_path):
    scene = info()
    looked = row(scene, [(0.5, 0.5, 0.25)] * 8, [(0.5, 0.5, 0.25), *[(-0.75, -2 / 3, 0.25)] * 7])
    share = gae_panels.average_map(looked.views, scene.scene)
    assert gae_pictures.brightest(share, scene) == pytest.approx((240, 180), abs=1), "pixels of the scene"
    ball = info("spherical", 144, 288)
    share = gae_panels.average_map(np.array([[(0.5, -0.5, 1 / 6)]]), ball.scene)
    assert gae_pictures.brightest(share, ball) == pytest.approx((90, 45), abs=1), "degrees, up is positive"

    image = read(gae_pictures.average(tmp_path / "average.png", looked, "made"))
    assert 600 < image.shape[1] < 1000 and 450 < image.shape[0] < 800
    top = pixels(image, (252, 255, 164))[:, : image.shape[1] * 6 // 7]  # inferno's last colour; the bar is beside it
    axes = np.argwhere(pixels(image, (0, 0, 3), 1)[:, : image.shape[1] * 6 // 7])  # and its first
    (y0, x0), (y1, x1) = axes.min(0), axes.max(0)
    y, x = np.argwhere(top).mean(0)
    assert (x - x0) / (x1 - x0) == pytest.approx(0.75, abs=0.02)
    assert (y - y0) / (y1 - y0) == pytest.approx(0.75, abs=0.02)
    assert top.sum() / ((x1 - x0) * (y1 - y0)) == pytest.approx(1 / 12, rel=0.1), "48 x 48 of 144 x 192"


def test_boxes_are_where_glimpses_were(tmp_path):
    figure, axes = gae_figure.canvas(1, 1, (4, 3))
    axis = axes[0, 0]
    axis.imshow(np.zeros((240, 320, 3), np.uint8))
    gae_steps.bare(axis)
    gae_steps.boxes(axis, [View(0.0, 0.0, 0.25), View(-0.75, -2 / 3, 0.25)], (240, 320), info(), numbers=False)
    image = read(gae_figure.save(figure, tmp_path / "boxes.png"))
    frame = np.argwhere(pixels(image, (0, 0, 0)))
    (y0, x0), (y1, x1) = frame.min(0), frame.max(0)
    for colour, left, top in ((BLUE, 120 / 320, 80 / 240), (AMBER, 0, 0)):
        box = np.argwhere(pixels(image, colour))
        assert (box[:, 1].min() - x0) / (x1 - x0) == pytest.approx(left, abs=0.02)
        assert (box[:, 1].max() - x0) / (x1 - x0) == pytest.approx(left + 0.25, abs=0.02)
        assert (box[:, 0].min() - y0) / (y1 - y0) == pytest.approx(top, abs=0.02)
        assert (box[:, 0].max() - y0) / (y1 - y0) == pytest.approx(top + 1 / 3, abs=0.02)


def test_episodes_are_measured_as_the_table_is(street, data, models):
    (one, _), (other, again) = street
    assert isinstance(one, Explored) and len(one.steps) == 8 and one.index == 0 and other.index == 2
    assert one.views[0] == other.views[0] and again.views[0] != one.views[0], "starts are matched between scenes"
    assert one.row.taken == [8] and 0 < one.row.classes[7].accuracy <= 1
    assert gae_steps.said(one, 7) == f"{100 * one.row.classes[7].accuracy:.1f} %"
    source = Source(f"scene15:{data}/scene15?split=test", (160, 160))
    (named,) = gae_panels.episodes(str(models / "scene15"), "learned", source, [(0, 0)])
    assert gae_steps.said(named, 0).split(" ")[0] in making.KINDS and gae_steps.said(named, 0).endswith(" %")


def test_panels_show_what_was_believed(street):
    one = street[1][0]
    for kind, shape in (("reconstruction", (240, 320, 3)), ("segmentation", (240, 320, 3))):
        assert gae_steps.panel(one, kind, 7).shape == shape
    truth = gae_steps.truth_panel(one, "segmentation")
    assert tuple(truth[0, 0]) == (128, 128, 128) and tuple(truth[-1, 0]) == (0, 0, 0), "sky, and void in black"
    assert tuple(truth[125, 0]) == (128, 64, 128) and tuple(truth[125, 9]) == (128, 0, 0), "road and building"
    believed = gae_steps.panel(one, "segmentation", 7)
    assert set(map(tuple, np.unique(believed.reshape(-1, 3), axis=0))) <= {(128, 128, 128), (128, 0, 0), (0, 0, 0)}
    assert np.array_equal(gae_steps.truth_panel(one, "reconstruction"), one.image)
    assert gae_steps.truth_panel(one, "attention") is None
    first, last = (gae_steps.panel(one, "glimpses so far", k) for k in (0, 7))
    view = one.views[0]
    y, x = round((view.y + 1) / 2 * 240), round((view.x + 1) / 2 * 320)
    assert np.abs(first[y, x].astype(int) - one.image[y, x]).max() < 40, "the fovea is the scene"
    assert (last != first).any(-1).mean() > 0.2
    assert {name for name, _ in gae_steps.occurring(one)} == {"sky", "building", "road"}


def test_step_by_step(street, tmp_path):
    image = read(gae_steps.steps(tmp_path / "steps.png", street[1][0]))
    assert image.shape[1] > 1400 and 500 < image.shape[0] < 900
    edge = round(0.1225 * image.shape[1])  # between the truth and the first glimpse
    left, right = image[:, :edge], image[:, edge:]
    assert pixels(left, BLUE).sum() > 40 and pixels(left, AMBER).sum() > 200, "the boxes are on the truth"
    assert not pixels(right, AMBER, 4).any()
    assert pixels(right, (252, 255, 164)).sum() > 5000, "attention, all of it before anything was seen"
    columns = np.array_split(pixels(right, (252, 255, 164)), 8, axis=1)
    assert columns[0].sum() > columns[7].sum() > 0, "and less of it after every glimpse"


def test_random_starts(street, tmp_path):
    image = read(gae_steps.starts(tmp_path / "starts.png", street))
    assert image.shape[1] > 700 and image.shape[0] > 700
    rows = np.array_split(np.arange(image.shape[0]), 3)
    blue = [pixels(image[part], BLUE).sum() for part in rows]
    assert blue[0] < 20 and blue[1] > 200 and blue[2] > 200, "the scene has no boxes, every start has"
    own, others = gae_steps.agreements(street)
    assert others == 1 and 0 < own < 1, "this policy looks at cells in order, whatever is in them"
    assert gae_steps.agreements([street[0][:1], street[1][:1]]) == (1, 1)


def test_curves(tmp_path):
    scene = info()
    good, bad = row(scene, [(0, 0, 0.25)] * 8), row(scene, [(0, 0, 0.25)] * 8)
    bad.parts[0].figures["pixel_accuracy"] = np.full(8, 0.1)
    rows = {"camvid": {("street", "learned"): good, ("street", "random"): bad}}
    image = read(gae_pictures.curves(tmp_path / "curves.png", rows))
    assert image.shape[1] > 1200 and image.shape[0] > 350
    third = image[:, : image.shape[1] // 3]
    blue, grey = (np.argwhere(pixels(third, c, 6)) for c in ((31, 119, 180), (127, 127, 127)))
    half = third.shape[1] // 2
    assert blue[blue[:, 1] > half][:, 0].mean() < grey[grey[:, 1] > half][:, 0].mean(), "80 % is above 10 %"
    assert not pixels(image[:, image.shape[1] // 3 :], (31, 119, 180), 6).any(), "nothing else was measured"


def test_the_bias_of_labels(data, tmp_path):
    image = read(gae_pictures.bias(tmp_path / "bias.png", data / "camvid"))
    assert image.shape[1] > 1000 and image.shape[0] > 300
    mode = image[:, : image.shape[1] // 3]
    sky, building = (np.argwhere(pixels(mode, c, 2))[:, 0] for c in ((128, 128, 128), (128, 0, 0)))
    assert len(sky) > 5000 and len(building) > 5000 and np.median(sky) < np.median(building), "above the building"
    bright = pixels(image[:, image.shape[1] * 2 // 3 : image.shape[1] * 8 // 9], (253, 231, 36), 6)  # viridis: 100 %
    assert bright.sum() > 20000, "all frames agree almost everywhere"


@pytest.mark.slow
def test_the_command_draws_all_of_them(data, models, tmp_path, capsys):
    def command(*more):
        options = [
            "gae",
            "--data",
            str(data),
            "--models",
            str(models),
            "--seeds",
            "1",
            "--workers",
            "1",
            "--count",
            "2",
        ]
        tables.run(tables.parser().parse_args([*options, *more]))
        return capsys.readouterr().err

    command("--only", "camvid,panoramas,scene15", "--pictures", str(tmp_path / "all"))
    names = {f"{kind}-{bundle}" for kind in ("average", "steps", "starts") for bundle in gae_pictures.BUNDLES.values()}
    assert {path.stem for path in (tmp_path / "all").iterdir()} == {*names, "label-bias", "glimpses"}
    assert all(read(path).std() > 10 for path in (tmp_path / "all").iterdir()), "none is blank"
    said = command("--only", "scene15", "--pictures", str(tmp_path / "few"))
    assert "no pictures of street: nothing was explored with it" in said
    assert not (tmp_path / "few" / "steps-street.png").exists() and (tmp_path / "few" / "steps-scene15.png").exists()
