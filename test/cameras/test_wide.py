"""Wide cameras: an image, a folder, a video, a device; in time, in order, to the end."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from glimpse_ros.cameras.wide import UsbCamera, WideCamera, wide_scene
from glimpse_ros.core.types import Frame, GlimpseError, PanTiltZoom, View

SECOND = 1_000_000_000
T0 = 5 * SECOND


def value(frame: Frame | None) -> int:
    assert frame is not None
    return int(frame.image[4, 4, 0])


def folder(path: Path, count: int = 4) -> Path:
    for i in range(count):
        cv2.imwrite(str(path / f"{i}.png"), np.full((12, 16, 3), 10 * i, np.uint8))
    return path


def video(path: Path, count: int = 8, rate: float = 4.0) -> Path:
    """Grey frames of 30 i, 64 x 48; MJPG, which every OpenCV can write."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no MJPG video")
    for i in range(count):
        writer.write(np.full((48, 64, 3), 30 * i, np.uint8))
    writer.release()
    return path


def test_an_image_never_ends(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), rgb[..., ::-1])
    camera = WideCamera(str(tmp_path / "a.png"), rate=10.0)
    for now, stamp in ((0, 0), (99_999_999, 0), (SECOND, SECOND), (10**15, 10**15)):
        frame = camera.read(T0 + now)
        assert frame is not None and frame.stamp == T0 + stamp and frame.ptz is None
        np.testing.assert_array_equal(frame.image, rgb)
    assert camera.kind == "wide" and camera.truth is None and camera.state(0) is None and camera.settled(0)
    camera.command(PanTiltZoom(1, 1, 1), 0)
    camera.close()


def test_a_folder_plays_in_order_and_ends(tmp_path):
    camera = WideCamera(str(folder(tmp_path)), rate=2.0)
    assert [value(camera.read(T0 + i * SECOND // 2)) for i in range(4)] == [0, 10, 20, 30]
    assert camera.read(T0 + 2 * SECOND) is None


def test_a_folder_loops(tmp_path):
    camera = WideCamera(str(folder(tmp_path)), rate=2.0, loop=True)
    assert [value(camera.read(i * SECOND // 2)) for i in range(9)] == [0, 10, 20, 30, 0, 10, 20, 30, 0]


def test_a_slow_reader_drops_frames_but_not_the_last(tmp_path):
    camera = WideCamera(str(folder(tmp_path)), rate=2.0)
    assert value(camera.read(0)) == 0
    assert value(camera.read(SECOND)) == 20
    assert value(camera.read(100 * SECOND)) == 30
    assert camera.read(101 * SECOND) is None


def test_a_clock_set_back_does_not_stall(tmp_path):
    camera = WideCamera(str(folder(tmp_path)), rate=1.0)
    assert value(camera.read(100 * SECOND)) == 0
    assert value(camera.read(101 * SECOND)) == 10
    assert value(camera.read(0)) == 10
    assert value(camera.read(SECOND)) == 20


def test_an_untidy_folder_counts_and_names_what_it_skips(tmp_path):
    folder(tmp_path)
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "2.png").write_bytes(b"\x89PNG not")
    (tmp_path / "notes.txt").write_text("hello")
    camera = WideCamera(str(tmp_path), rate=1.0)
    assert [value(camera.read(i * SECOND)) for i in range(2)] == [10, 30]
    assert camera.read(2 * SECOND) is None
    assert camera.skipped.count == 3
    for name in ("0.png", "2.png", "notes.txt"):
        assert name in str(camera.skipped)


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(GlimpseError, match="has no images"):
        WideCamera(str(tmp_path))
    (tmp_path / "a.jpg").write_bytes(b"no")
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(GlimpseError, match=r"no readable image: 2 skipped .*a\.jpg.*b\.png"):
        WideCamera(str(tmp_path), loop=True)


def test_a_video_plays_at_its_own_rate_and_ends(tmp_path):
    camera = WideCamera(str(video(tmp_path / "v.avi")))
    assert camera.period == SECOND // 4
    values = [value(camera.read(T0 + i * SECOND // 4)) for i in range(8)]
    np.testing.assert_allclose(values, [30 * i for i in range(8)], atol=3)
    assert camera.read(T0 + 2 * SECOND) is None
    camera.close()


def test_a_video_drops_frames_and_loops(tmp_path):
    camera = WideCamera(str(video(tmp_path / "v.avi")), loop=True)
    at = [0, 3, 7, 8, 9, 17, 1000 * 8 + 5]  # frames
    values = [value(camera.read(i * SECOND // 4)) for i in at]
    np.testing.assert_allclose(values, [30 * (i % 8) for i in at], atol=3)


def test_a_slow_reader_sees_the_last_frame_of_a_video(tmp_path):
    camera = WideCamera(str(video(tmp_path / "v.avi")))
    assert abs(value(camera.read(0)) - 0) <= 3
    assert abs(value(camera.read(3600 * SECOND)) - 210) <= 3
    assert camera.read(3601 * SECOND) is None


@pytest.mark.parametrize(("name", "data"), [("a.mp4", b""), ("b.mp4", b"rubbish" * 99), ("c.txt", b"hello")])
def test_what_is_no_footage_is_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(GlimpseError, match=f"{name} is neither an image, a folder of images, a video nor a bag"):
        WideCamera(str(tmp_path / name))


def test_other_refusals(tmp_path):
    with pytest.raises(GlimpseError, match="does not exist"):
        WideCamera(str(tmp_path / "nowhere"))
    for wrong in ({"rate": 0.0}, {"rate": -1.0}, {"hfov": 0.0}, {"hfov": 3.2}):
        with pytest.raises(GlimpseError, match="expected"):
            WideCamera(str(folder(tmp_path)), **wrong)


def test_the_scene_is_the_image():
    scene = wide_scene(math.radians(90), 100, 200)
    assert scene.scene_fov[1] == pytest.approx(2 * math.atan(0.5))
    limits = scene.limits()
    assert limits.x == limits.y == (-1.0, 1.0) and limits.s[1] == 1.0 and limits.s[0] < 1 / 16
    whole = scene.ptz_from_view(View(0.0, 0.0, 1.0))
    assert (whole.pan, whole.tilt, whole.zoom) == (0.0, 0.0, pytest.approx(1.0))
    for view in (View(0.5, -0.7, 0.25), View(-1.0, 1.0, 1.0)):
        back = scene.view_from_ptz(scene.ptz_from_view(view))
        assert (back.x, back.y, back.s) == pytest.approx((view.x, view.y, view.s))


def test_a_device_plays_until_it_is_unplugged(tmp_path):
    # What OpenCV opens by path stands in for a device; it ends like one that is unplugged.
    camera = UsbCamera(str(video(tmp_path / "v.avi")), hfov=math.radians(70), width=640, height=480, rate=30.0)
    assert camera.kind == "wide" and camera.scene.h0 == math.radians(70)
    frames = [camera.read(i) for i in range(7)]
    assert [f.stamp for f in frames if f] == list(range(7))
    np.testing.assert_allclose([value(f) for f in frames], [30 * i for i in range(1, 8)], atol=3)
    assert camera.read(9) is None
    camera.close()


@pytest.mark.parametrize("source", ["73", "/dev/no-such-video"])
def test_a_device_that_is_not_there(source):
    with pytest.raises(GlimpseError, match=f"USB camera {source} cannot be opened: expected"):
        UsbCamera(source)
