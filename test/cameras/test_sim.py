"""The simulated PTZ camera: it takes the time it should, shows what it saw then, and keeps its limits."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_ros.cameras.base import Camera, open_camera
from glimpse_ros.cameras.sim import SimCamera
from glimpse_ros.core.scene_frame import fov_from_zoom, perspective_from_equirect
from glimpse_ros.core.types import GlimpseError, MountLimits, PanTiltZoom

MS = 1_000_000
PANORAMA = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8), (0, 0), 1.5)
SIZE = (24, 32)


def camera(**options) -> SimCamera:
    plain = {"size": SIZE, "pan_rate": 1.0, "tilt_rate": 0.5, "zoom_rate": 2.0, "settling": 0.2, "latency": 0.0}
    return SimCamera(PANORAMA, **(plain | {"noise": 0.0, "rate": 100.0} | options))


def pose(camera: Camera, now: int) -> tuple[float, float, float]:
    ptz = camera.state(now)
    assert ptz is not None
    return ptz.pan, ptz.tilt, ptz.zoom


def test_every_axis_moves_at_its_own_rate_and_stops():
    cam = camera()
    cam.command(PanTiltZoom(0.4, -0.3, 2.0), 0)
    assert pose(cam, 0) == (0.0, 0.0, 1.0)
    np.testing.assert_allclose(pose(cam, 100 * MS), (0.1, -0.05, 1.2))
    np.testing.assert_allclose(pose(cam, 500 * MS), (0.4, -0.25, 2.0))
    np.testing.assert_allclose(pose(cam, 600 * MS), (0.4, -0.3, 2.0))
    assert pose(cam, 10_000 * MS) == (0.4, -0.3, 2.0)


def test_it_is_settled_after_the_slowest_axis_and_the_settling_time():
    cam = camera()
    assert cam.settled(0)
    cam.command(PanTiltZoom(0.4, -0.3, 2.0), 0)  # tilt: 0.6 s
    assert not cam.settled(0) and not cam.settled(799 * MS) and cam.settled(801 * MS)
    cam.command(PanTiltZoom(0.4, -0.3, 2.0), 900 * MS)
    assert cam.settled(900 * MS), "the same command again moves nothing"


def test_a_new_command_starts_from_where_it_is():
    cam = camera()
    cam.command(PanTiltZoom(1.0, 0.0, 1.0), 0)
    cam.command(PanTiltZoom(0.0, 0.0, 1.0), 300 * MS)
    np.testing.assert_allclose(pose(cam, 200 * MS)[0], 0.2)
    np.testing.assert_allclose(pose(cam, 300 * MS)[0], 0.3)
    np.testing.assert_allclose(pose(cam, 400 * MS)[0], 0.2)
    assert not cam.settled(799 * MS) and cam.settled(801 * MS)


def test_latency_shows_the_past_with_its_own_stamp_and_pose():
    cam = camera(latency=0.1)
    cam.command(PanTiltZoom(1.0, 0.0, 1.0), 1000 * MS)
    early, late = cam.read(1090 * MS), cam.read(1400 * MS)
    assert early is not None and late is not None and early.ptz is not None and late.ptz is not None
    assert (early.stamp, early.ptz.pan) == (990 * MS, 0.0)
    assert late.stamp == 1300 * MS and late.ptz.pan == pytest.approx(0.3)
    np.testing.assert_array_equal(late.image, seen(late.ptz))
    assert pose(cam, 1400 * MS)[0] == pytest.approx(0.4), "the state is not late"


def test_late_frames_survive_many_commands():
    cam = camera(latency=0.5)
    for i in range(5000):
        cam.command(PanTiltZoom(0.3 * (i % 2), 0.0, 1.0), i * MS)
    frame = cam.read(4999 * MS)
    assert frame is not None and frame.ptz is not None and 4490 * MS <= frame.stamp <= 4499 * MS
    assert 0.0 <= frame.ptz.pan <= 0.01
    assert len(cam._moves) <= 1024


def test_frames_come_at_the_frame_rate():
    cam = camera(rate=10.0)
    stamps = [frame.stamp for now in range(0, 1000, 10) if (frame := cam.read(now * MS))]
    assert sorted(set(stamps)) == [i * 100 * MS for i in range(10)]
    assert cam.read(990 * MS) is cam.read(991 * MS), "no new frame, no new work"


def test_a_frame_is_stamped_no_later_than_it_is_read():
    cam = camera(rate=30.0, latency=0.05)
    for now in range(0, 2000, 7):
        frame = cam.read(now * MS)
        assert frame is not None and 0 <= frame.stamp <= max(0, now - 50) * MS + 1
        assert now < 60 or frame.stamp > (now - 50 - 34) * MS


def seen(ptz: PanTiltZoom) -> np.ndarray:
    return perspective_from_equirect(PANORAMA, ptz, fov_from_zoom(math.radians(60), ptz.zoom), SIZE)


def test_ideal_is_there_at_once_and_sees_exactly():
    cam = camera(ideal=True, latency=0.3, noise=9.0, rate=1.0)
    for i, ptz in enumerate([PanTiltZoom(0.3, 0.2, 1.5), PanTiltZoom(-3.0, -1.2, 4.0), PanTiltZoom(3.1, 1.5, 1.0)]):
        cam.command(ptz, i)
        frame = cam.read(i)
        assert cam.settled(i) and frame is not None and cam.state(i) == frame.ptz == ptz and frame.stamp == i
        np.testing.assert_array_equal(frame.image, seen(ptz))


def test_the_first_view_is_the_start():
    start = PanTiltZoom(1.0, 0.3, 2.0)
    frame = camera(start=start).read(0)
    assert frame is not None and frame.ptz == start and frame.image.shape == (*SIZE, 3)
    np.testing.assert_array_equal(frame.image, seen(start))


def test_noise_is_seeded_and_has_its_strength():
    def run(seed: int, order: list[int]) -> dict[int, np.ndarray]:
        cam = camera(noise=4.0, seed=seed, rate=10.0)
        return {now: frame.image for now in order if (frame := cam.read(now * 100 * MS))}

    a, b, other = run(1, [0, 1, 2, 3]), run(1, [3, 1, 0, 2]), run(2, [0, 1, 2, 3])
    clean = seen(PanTiltZoom(0.0, 0.0, 1.0)).astype(float)
    for k in range(4):
        np.testing.assert_array_equal(a[k], b[k])
        assert not np.array_equal(a[k], other[k])
        assert (a[k] - clean).std() == pytest.approx(4.0, rel=0.1)
    assert not np.array_equal(a[0], a[1]), "new noise in every frame"


def test_nan_and_infinite_axes_are_ignored():
    cam = camera(ideal=True, start=PanTiltZoom(0.1, 0.2, 1.5))
    cam.command(PanTiltZoom(math.nan, math.inf, -math.inf), 0)
    assert pose(cam, 0) == (0.1, 0.2, 1.5)
    cam.command(PanTiltZoom(0.4, math.nan, math.nan), 1)
    assert pose(cam, 1) == (0.4, 0.2, 1.5)


axis = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(axis, axis, axis, st.integers(0, 10**9)), max_size=6), st.booleans())
def test_no_command_leads_out_of_the_limits(commands, ideal):
    mount = MountLimits((-0.5, 1.0), (-0.2, 0.3), (1.0, 2.5))
    cam = camera(ideal=ideal, mount=mount, start=PanTiltZoom(9.0, 9.0, 9.0))
    now = 0
    for pan, tilt, zoom, wait in commands:
        cam.command(PanTiltZoom(pan, tilt, zoom), now)
        now += wait
        for t in (now, now + wait, 0):
            p = pose(cam, t)
            for value, (low, high) in zip(p, (mount.pan, mount.tilt, mount.zoom), strict=True):
                assert low <= value <= high
    limits = cam.scene.limits()
    assert limits.x == pytest.approx((-1 / math.pi, 0.5 / math.pi))


def test_a_clock_set_back_forgets_what_has_not_happened():
    cam = camera()
    cam.command(PanTiltZoom(1.0, 0.0, 1.0), 1000 * MS)
    cam.command(PanTiltZoom(-1.0, 0.0, 1.0), 500 * MS)
    assert pose(cam, 600 * MS)[0] == pytest.approx(-0.1)
    assert pose(cam, 5000 * MS)[0] == -1.0


def test_a_large_panorama_is_resized_once():
    cam = SimCamera(np.zeros((600, 1200, 3), np.uint8), max_width=400)
    assert cam.truth is not None and cam.truth.shape == (200, 400, 3)


def test_from_a_file_and_what_is_refused(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "p.png"), PANORAMA[..., ::-1])
    cam = open_camera("sim", str(tmp_path / "p.png"), size=SIZE, seed=None)
    assert cam.kind == "ptz" and cam.truth is not None
    np.testing.assert_array_equal(cam.truth, PANORAMA)
    cv2.imwrite(str(tmp_path / "q.png"), PANORAMA[:, :100])
    with pytest.raises(GlimpseError, match=r"q\.png is 100x64 pixels: expected twice as wide as high"):
        open_camera("sim", str(tmp_path / "q.png"))
    for wrong in ({"pan_rate": 0.0}, {"latency": -1.0}, {"size": (0, 5)}, {"h0": 4.0}):
        with pytest.raises(GlimpseError, match="expected"):
            camera(**wrong)
