"""The worlds: rays meet shapes where they should, pictures repeat, wrap, carry true labels, and the command refuses."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from glimpse_ros.core.scene_frame import perspective_from_equirect
from glimpse_ros.core.types import GlimpseError, PanTiltZoom
from training.worlds import CLASSES, ID, KIND_CLASSES, KINDS, UNLABELLED, Camera, render
from training.worlds.__main__ import camera_for, main, parse_size
from training.worlds.light import Sky, Sun, direction
from training.worlds.scene import Builder, World
from training.worlds.surfaces import plain

SCENES = Path(__file__).parents[2] / "config" / "scenes"
STREET_SEED, ROOM_SEED = 16, 4  # the first is that of the scene that ships


@pytest.fixture(scope="module")
def worlds() -> dict[str, World]:
    return {"street": KINDS["street"](STREET_SEED), "room": KINDS["room"](ROOM_SEED)}


@pytest.fixture(scope="module")
def pictures(worlds: dict[str, World]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """One panorama of each kind with its labels."""
    return {kind: render(world, Camera(160, 320, world.heading), samples=4) for kind, world in worlds.items()}


def tiny(azimuth: float = 0.0, elevation: float = 0.5) -> World:
    """A grey floor with a red block ahead of the camera, two metres tall."""
    b = Builder(np.random.default_rng(0))
    b.box((-20, 20), (-20, 20), (-1, 0), plain((150, 150, 150)), "paving")
    b.box((4, 5), (-0.5, 0.5), (0, 2), plain((200, 40, 40)), "wall")
    sun = Sun(direction(azimuth, elevation), np.full(3, 2.0, np.float32))
    blue = np.array([0.2, 0.4, 0.8], np.float32)
    return b.world(Sky(blue, blue, blue, sun, cover=0.0), sun, (0.2, 0.2, 0.2), (0, 0, 1.5), 0.0)


@pytest.mark.parametrize(
    ("add", "distance"),
    [
        (lambda b, m: b.box((3, 5), (-1, 1), (-1, 1), m, "wall"), 3.0),
        (lambda b, m: b.ball((4, 0, 0), (1.5, 1, 1), m, "wall"), 2.5),
        (lambda b, m: b.cone((4, 0, -1), 1.0, 2.0, m, "wall"), 3.0),
        (lambda b, m: b.cone((4, 0, -1), 1.0, 2.0, m, "wall", taper=0.0), 3.5),  # half its radius half way up
        (lambda b, m: b.rod((2, 0, 0), (6, 0, 0), 0.2, m, "wall"), 2.0),
        (lambda b, m: b.gable((3, 5), (-1, 1), (-1, 1), m, "wall"), 3.5),
        (lambda b, m: b.pyramid((3, 5), (-1, 1), (-1, 1), m, "wall"), 3.5),
        (lambda b, m: b.at(4, 0, 0, yaw=math.pi / 4).box((-1, 1), (-1, 1), (-1, 1), m, "wall"), 4 - math.sqrt(2)),
    ],
)
def test_a_ray_meets_each_shape_where_geometry_says(add, distance: float) -> None:
    b = Builder(np.random.default_rng(0))
    add(b, plain((100, 100, 100)))
    sun = Sun(direction(0, 1), np.ones(3, np.float32))
    grey = np.full(3, 0.5, np.float32)
    solids = b.world(Sky(grey, grey, grey, sun), sun, (0, 0, 0), (0, 0, 0), 0).solids
    d = np.array([[1, 0, 1e-4], [-1, 0, 0], [0, 1, 0]], np.float32).T  # at it, away from it, past it
    t, which = solids.nearest(np.array([0]), np.zeros(3, np.float32), d)
    assert t[0] == pytest.approx(distance, abs=2e-3)
    assert which.tolist() == [0, -1, -1]
    unit = solids.local[0] @ (d[:, 0] * t[0] - solids.centre[0])
    normal = solids.normals(which[:1], unit[None].astype(np.float32))[0]
    assert np.linalg.norm(normal) == pytest.approx(1, abs=1e-5)
    assert normal @ d[:, 0] < 0  # it faces the viewer
    blocked = solids.blocked(np.array([0]), np.zeros(3, np.float32), d, reach=distance - 0.1)
    assert not blocked.any()
    assert solids.blocked(np.array([0]), np.zeros(3, np.float32), d, reach=distance + 0.1).tolist() == [
        True,
        False,
        False,
    ]


def test_a_seed_repeats_exactly_and_another_differs(worlds: dict[str, World]) -> None:
    camera = Camera(24, 48)
    for kind, seed in (("street", STREET_SEED), ("room", ROOM_SEED)):
        image, labels = render(worlds[kind], camera, samples=1)
        again, labels_again = render(KINDS[kind](seed), camera, samples=1)
        np.testing.assert_array_equal(image, again)
        np.testing.assert_array_equal(labels, labels_again)
    other = KINDS["room"](ROOM_SEED + 1)
    assert (render(other, camera, samples=1)[1] != labels).mean() > 0.1
    assert not np.allclose(other.camera, worlds["room"].camera)
    assert not np.allclose(other.sun.direction, worlds["room"].sun.direction)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_class_of_a_kind_appears_and_no_pixel_is_unlabelled(kind: str, pictures: dict) -> None:
    image, labels = pictures[kind]
    assert image.shape == (160, 320, 3) and image.dtype == np.uint8
    assert labels.shape == (160, 320) and labels.dtype == np.uint8
    assert labels.max() < len(CLASSES) <= UNLABELLED
    seen = {CLASSES[i].name for i in np.unique(labels)}
    assert KIND_CLASSES[kind] <= seen, f"missing: {KIND_CLASSES[kind] - seen}"


def test_classes_have_names_and_colours_of_their_own() -> None:
    assert len({c.name for c in CLASSES}) == len({c.color for c in CLASSES}) == len(CLASSES)
    assert all(CLASSES[i].name == name for name, i in ID.items())
    assert set.union(*map(set, KIND_CLASSES.values())) <= set(ID)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_left_and_right_edge_continue_each_other(kind: str, pictures: dict) -> None:
    image = pictures[kind][0].astype(float)
    steps = np.abs(np.diff(image, axis=1)).mean((0, 2))  # between neighbouring columns
    seam = np.abs(image[:, 0] - image[:, -1]).mean()
    assert seam <= np.percentile(steps, 99)


@pytest.mark.parametrize(("kind", "above", "below"), [("street", "sky", "paving"), ("room", "ceiling", "floor")])
def test_poles_are_one_colour_with_sky_up_and_ground_down(kind: str, above: str, below: str, pictures: dict) -> None:
    image, labels = pictures[kind]
    assert (labels[:8] == ID[above]).all()
    assert np.isin(labels[-3:], [ID[below], ID["cloth"], ID["table"]]).all()  # a rug may lie where one stands
    upper, lower = labels[: len(labels) // 2], labels[len(labels) // 2 :]
    assert (upper == ID[below]).sum() == 0 == (lower == ID[above]).sum()
    assert image[0].astype(float).std(0).max() < 12


def test_the_picture_is_lit_and_varied(pictures: dict) -> None:
    for image, _ in pictures.values():
        assert 70 < image.mean() < 190
        assert image.astype(float).std() > 35
        assert (image.max(2) < 4).mean() < 0.03 and (image.min(2) > 253).mean() < 0.1


def test_a_shadow_falls_away_from_the_sun_and_moves_with_it() -> None:
    camera = Camera(64, 128)
    left = np.s_[37:39, 54:59]
    towards, _ = render(tiny(azimuth=math.pi), camera)  # the sun is behind the camera: the shadow hides
    against, labels = render(tiny(azimuth=0.0), camera)  # it stands behind the block: the shadow comes towards us
    ground = labels == ID["paving"]
    shadow = ground & (against.mean(2) < 0.75 * towards.mean(2))
    assert 40 < shadow.sum() < 0.2 * ground.sum()
    rows, columns = np.nonzero(shadow)
    assert abs(columns.mean() - 63.5) < 4  # below the block, which stands in the middle
    sideways, _ = render(tiny(azimuth=-math.pi / 2), camera)  # from the right: it falls to the left
    assert sideways[left].mean() < 0.8 * towards[left].mean()
    block = labels == ID["wall"]
    assert against[block].mean() < 0.6 * towards[block].mean()


def test_bands_and_tiles_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    world, camera = tiny(azimuth=2.0), Camera(64, 128)
    whole, _ = render(world, camera, samples=4)
    monkeypatch.setattr(sys.modules["training.worlds.render"], "BAND", 16)
    monkeypatch.setattr(sys.modules["training.worlds.render"], "RAYS", 900)
    parts, _ = render(world, camera, samples=4)
    assert np.abs(whole.astype(int) - parts).max() <= 2


@pytest.mark.parametrize(("pan", "tilt"), [(35, 0), (-50, 15)])
def test_a_planar_picture_agrees_with_the_panorama(pan: float, tilt: float, worlds: dict, pictures: dict) -> None:
    """Left and down are positive, as in glimpse_ros.core.scene_frame: a flipped sign shows something else."""
    world = worlds["street"]
    camera = camera_for((72, 72), "planar", 70, pan, tilt)
    flat, _ = render(world, replace(camera, heading=camera.heading + world.heading), samples=1)

    def differs(p: float, t: float) -> float:
        ptz = PanTiltZoom(math.radians(p), math.radians(t), 1.0)
        warped = perspective_from_equirect(pictures["street"][0], ptz, math.radians(70), (72, 72))
        return float(np.abs(cv2.blur(warped, (3, 3)).astype(float) - cv2.blur(flat, (3, 3))).mean())

    assert differs(pan, tilt) < 16
    assert differs(pan, tilt) < 0.5 * differs(-pan, tilt)


def test_the_shipped_scene_is_2_to_1_and_fits_its_labels() -> None:
    path = SCENES / "courtyard.jpg"
    image = cv2.imread(str(path))
    labels = cv2.imread(str(SCENES / "courtyard_labels.png"), cv2.IMREAD_UNCHANGED)
    assert image.shape == (1024, 2048, 3) and labels.shape == (1024, 2048) and labels.dtype == np.uint8
    assert path.stat().st_size <= 900 * 1024
    assert KIND_CLASSES["street"] <= {CLASSES[i].name for i in np.unique(labels)}


def test_the_shipped_scene_is_what_its_readme_says(pictures: dict) -> None:
    assert f"--kind street --seed {STREET_SEED} --size 1024x2048" in (SCENES / "README.md").read_text()
    image, labels = pictures["street"]
    shipped = cv2.imread(str(SCENES / "courtyard.jpg"))[..., ::-1]
    small = cv2.resize(np.ascontiguousarray(shipped), (320, 160), interpolation=cv2.INTER_AREA)
    assert np.abs(image.astype(float) - small).mean() < 8
    ids = cv2.imread(str(SCENES / "courtyard_labels.png"), cv2.IMREAD_UNCHANGED)
    ids = cv2.resize(ids, (320, 160), interpolation=cv2.INTER_NEAREST_EXACT)
    assert (ids == labels).mean() > 0.9


def test_command_writes_pictures_and_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--kind", "room", "--seed", "1", "--size", "16x32", "--samples", "1", "--count", "2", "--classes"]
    out, labels = tmp_path / "new" / "w.png", tmp_path / "labels.png"
    assert main([*args, "--out", str(out), "--labels", str(labels)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[:2] == ["0", "sky"] and len(said) == len(CLASSES) + 2
    for seed in (1, 2):
        assert cv2.imread(str(out.with_name(f"w_{seed:04d}.png"))).shape == (16, 32, 3)
        ids = cv2.imread(str(tmp_path / f"labels_{seed:04d}.png"), cv2.IMREAD_UNCHANGED)
        assert ids.shape == (16, 32) and ids.max() < len(CLASSES)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--size", "512"], "HEIGHTxWIDTH"),
        (["--size", "64x100"], "twice as wide"),
        (["--size", "8x16"], "16 to 8192"),
        (["--size", "99999x199998"], "16 to 8192"),
        (["--projection", "planar", "--size", "32x32", "--fov", "179"], "5 to 150 degrees"),
        (["--size", "16x32", "--labels", "labels.jpg"], "ends with .png"),
        (["--size", "16x32", "--samples", "0"], "samples"),
        (["--size", "16x32", "--count", "0"], "at least one picture"),
    ],
)
def test_command_refuses_with_one_sentence(
    args: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*args, "--out", str(tmp_path / "w.png")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_command_refuses_what_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--size", "16x32", "--samples", "1", "--out", str(tmp_path / "w.xyz")]) == 2
    assert ".png or .jpg" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["--size", "16x32", "--samples", "1", "--out", str(tmp_path / "file" / "w.png")]) == 2
    assert "file" in capsys.readouterr().err


def test_parse_size() -> None:
    assert parse_size("512x1024") == (512, 1024)
    with pytest.raises(GlimpseError, match="HEIGHTxWIDTH"):
        parse_size("-4x8")
