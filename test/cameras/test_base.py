"""Cameras by name and by content; typos are refused, not swallowed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from bag_making import START, image, write_bag

from glimpse_ros.cameras.base import CAMERAS, Camera, guess_kind, open_camera, open_input
from glimpse_ros.cameras.sim import SimCamera
from glimpse_ros.core.types import GlimpseError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, str]:
    """One input of every kind, by what it should be taken for."""
    (tmp_path / "folder").mkdir()
    for name, (height, width) in {"panorama.png": (32, 64), "photo.jpg": (30, 40), "folder/a.png": (32, 64)}.items():
        cv2.imwrite(str(tmp_path / name), np.full((height, width, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "x.png"), np.full((32, 64, 3), 90, np.uint8))
    (tmp_path / "x.png").rename(tmp_path / "no_suffix")
    made = {name: str(tmp_path / name) for name in ("panorama.png", "photo.jpg", "folder", "no_suffix")}
    made["bag folder"] = str(write_bag(tmp_path / "bag", [image(0, START)]))
    made["bag file"] = str(next(f for f in (tmp_path / "bag").iterdir() if f.suffix == ".mcap"))
    made["ros1"] = str(write_bag(tmp_path / "one", [image(0, START)], "ros1"))
    return made


def test_inputs_are_taken_for_what_they_are(inputs):
    expected = {"panorama.png": "sim", "no_suffix": "sim", "photo.jpg": "wide", "folder": "wide"}
    expected |= {"bag folder": "bag", "bag file": "bag", "ros1": "bag"}
    assert {name: guess_kind(path) for name, path in inputs.items()} == expected
    for name, path in inputs.items():
        camera = open_input(path, ideal=True, loop=True, hfov=1.0, seed=3)
        assert isinstance(camera, CAMERAS[expected[name]])  # type: ignore[arg-type]
        frame = camera.read(0)
        assert frame is not None and frame.image.dtype == np.uint8 and frame.image.shape[2] == 3
        assert (camera.kind == "ptz") == (frame.ptz is not None) == (camera.state(0) is not None)
        assert (camera.truth is not None) == isinstance(camera, SimCamera)
        camera.close()


def test_typos_are_refused(inputs):
    with pytest.raises(GlimpseError, match="'simulated' is unknown: expected one of sim, wide, bag, usb"):
        open_camera("simulated", "x")
    with pytest.raises(GlimpseError, match="'wide' has no option 'lop': it has hfov, loop, rate"):
        open_camera("wide", inputs["photo.jpg"], lop=True)
    with pytest.raises(GlimpseError, match="'wide' has no option 'seed'"):
        open_camera("wide", inputs["photo.jpg"], seed=1)
    with pytest.raises(GlimpseError, match="no camera has an option 'lop'"):
        open_input(inputs["photo.jpg"], lop=True)
    for nothing in (None, ""):
        with pytest.raises(GlimpseError, match="'sim' needs an input"):
            open_camera("sim", nothing)


def test_none_keeps_the_default(inputs):
    camera: Camera = open_camera("wide", inputs["photo.jpg"], rate=None, loop=None)
    assert camera.read(0) is not None


def test_inputs_that_are_nothing(tmp_path):
    with pytest.raises(GlimpseError, match="does not exist"):
        open_input(str(tmp_path / "nowhere"))
    with pytest.raises(GlimpseError, match="has no images"):
        open_input(str(tmp_path))
    (tmp_path / "a.bin").write_bytes(b"hello")
    with pytest.raises(GlimpseError, match="neither an image, a folder of images, a video nor a bag"):
        open_input(str(tmp_path / "a.bin"))
    (tmp_path / "a.png").write_bytes(b"hello")
    with pytest.raises(GlimpseError, match=r"a\.png"):
        open_input(str(tmp_path / "a.png"))


SHARED = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not on this machine")
def test_real_inputs():
    panorama = sorted((SHARED / "panoramas" / "val").iterdir())[0]
    assert guess_kind(str(panorama)) == "sim"
    assert guess_kind(str(SHARED / "camvid" / "val")) == "wide"
    assert guess_kind(str(sorted((SHARED / "camvid" / "val").iterdir())[0])) == "wide"
    assert guess_kind(str(SHARED / "bags" / "recorded" / "klintan_sample" / "sample.db3")) == "bag"
