"""The bag camera: paced like the recording, header stamps as they are, PTZ where the bag tells the pose."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from bag_making import SECOND, START, camera_info, image, joints, picture, write_bag

from glimpse_ros.cameras.bag import BagCamera
from glimpse_ros.core.types import Frame, GlimpseError, PanTiltZoom
from glimpse_ros.datasets.bags import BagError, went_back

STEP = SECOND // 10


def bag(tmp_path: Path, count: int = 5, **options) -> BagCamera:
    rows = [image(i, START + i * STEP, stamp=START - SECOND + i * STEP) for i in range(count)]
    return BagCamera(str(write_bag(tmp_path / "bag", rows)), **options)


def which(frame: Frame | None) -> int:
    """Index of the picture of a frame."""
    assert frame is not None
    return next(i for i in range(100) if np.array_equal(frame.image, picture(i)))


def test_it_plays_at_the_pace_of_the_recording_and_ends(tmp_path):
    camera = bag(tmp_path)
    got = [(which(f), f.stamp - START) for t in range(0, 500, 50) if (f := camera.read(7 + t * 1_000_000))]
    assert [i for i, _ in got] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [s for _, s in got] == [-SECOND + i * STEP for i, _ in got], "header stamps, not those of recording"
    assert camera.read(7 + 5 * STEP) is not None and camera.read(7 + 5 * STEP + 1) is None
    assert camera.kind == "wide" and camera.truth is None and camera.settled(0) and camera.state(0) is None
    camera.command(PanTiltZoom(1, 1, 1), 0)
    camera.close()


def test_speed(tmp_path):
    camera = bag(tmp_path, speed=2.0)
    assert [which(camera.read(i * STEP // 2)) for i in range(5)] == [0, 1, 2, 3, 4]


def test_rate(tmp_path):
    camera = bag(tmp_path, rate=5.0)
    assert [which(camera.read(i * STEP)) for i in range(5)] == [0, 0, 2, 2, 4]


def test_loop_begins_again_and_time_goes_back_once_a_round(tmp_path):
    camera = bag(tmp_path, count=3, loop=True)
    frames = [frame for i in range(12) if (frame := camera.read(i * STEP))]
    assert len(frames) == 12
    stamps = [f.stamp for f in frames]
    backs = sum(went_back(a, b) for a, b in zip(stamps, stamps[1:], strict=False))
    assert backs == 2 and [which(f) for f in frames[:3]] == [0, 1, 2]


def test_a_slow_reader_drops_frames_but_not_the_last(tmp_path):
    camera = bag(tmp_path)
    assert which(camera.read(0)) == 0
    assert which(camera.read(2 * STEP)) == 2
    assert which(camera.read(100 * STEP)) == 4
    assert camera.read(101 * STEP) is None


def test_a_lone_image_stays_a_second(tmp_path):
    camera = bag(tmp_path, count=1)
    assert which(camera.read(0)) == which(camera.read(SECOND)) == 0
    assert camera.read(SECOND + 1) is None


def test_long_pauses_are_cut(tmp_path):
    rows = [image(0, START), image(1, START + 3600 * SECOND), image(2, START + 3601 * SECOND)]
    camera = BagCamera(str(write_bag(tmp_path / "bag", rows)), max_gap=2.0)
    assert [which(camera.read(i * SECOND)) for i in range(4)] == [0, 0, 1, 2]


def test_the_clock_is_that_of_the_recording(tmp_path):
    camera = bag(tmp_path, speed=2.0)
    camera.read(0)
    assert camera.clock(0) == START
    assert camera.clock(STEP // 4) == START + STEP // 2
    assert camera.clock(STEP) == START + STEP, "not past a frame that was not read yet"
    camera.read(STEP)
    assert camera.clock(STEP) == START + 2 * STEP


def test_malformed_images_are_counted_and_the_last_good_frame_stays(tmp_path):
    rows = [image(0, START, step=1), image(1, START + STEP), image(2, START + 2 * STEP, encoding="no")]
    camera = BagCamera(str(write_bag(tmp_path / "bag", rows)))
    assert [which(camera.read(i * STEP)) for i in range(3)] == [1, 1, 1]
    assert camera.skipped.reasons == {"step": 1, "encoding": 1}
    assert "/camera/image at" in str(camera.skipped)


def test_a_bag_that_breaks_off_ends_and_says_so(tmp_path):
    rows = [image(i, START + i * STEP, height=64, width=64, step=192, data=noise(i)) for i in range(40)]
    path = write_bag(tmp_path / "bag", rows, "ros1")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 100_000] = bytes(100_000)
    path.write_bytes(data)
    camera = BagCamera(str(path))
    count = sum(camera.read(i * STEP) is not None for i in range(60))
    assert 5 < count < 50
    assert camera.skipped.count >= 1 and str(path) in str(camera.skipped) or camera.skipped.reasons


def noise(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, 64 * 64 * 3, np.uint8)


def test_a_ptz_bag_is_a_ptz_camera_on_its_way(tmp_path):
    rows = [joints(START + i * STEP, pan=0.1 * i, tilt=0.05, zoom=1.0 + i) for i in range(6)]
    rows += [camera_info(START + i * STEP, 10.0 * (1 + i), 12, 16) for i in range(6)]
    rows += [image(i, START + i * STEP) for i in range(6)]
    path = str(write_bag(tmp_path / "bag", sorted(rows, key=lambda row: row[2])))
    camera = BagCamera(path)
    assert camera.kind == "ptz" and camera.scene.projection == "spherical"
    assert camera.scene.h0 == pytest.approx(2 * math.atan(6 / 10)), "over the smaller side, at zoom 1"
    assert camera.scene.mount.zoom == (1.0, 6.0)
    for i in range(6):
        frame = camera.read(i * STEP)
        assert frame is not None and frame.ptz is not None
        assert (frame.ptz.pan, frame.ptz.zoom) == pytest.approx((0.1 * i, 1.0 + i))
        assert camera.state(i * STEP) == frame.ptz
    assert BagCamera(path, h0=1.0).scene.h0 == 1.0
    wide = BagCamera(path, ptz=False)
    assert wide.kind == "wide" and wide.scene.projection == "planar"
    assert wide.scene.scene_fov[0] == pytest.approx(2 * math.atan(8 / 10)), "from CameraInfo"
    assert BagCamera(path, ptz=False, hfov=1.2).scene.scene_fov[0] == 1.2


def test_images_none_of_which_has_a_pose(tmp_path):
    rows = [image(0, START), joints(START + 60 * SECOND, pan=0.0, tilt=0.0)]
    with pytest.raises(BagError, match="no image on /camera/image that can be used: no view state"):
        BagCamera(str(write_bag(tmp_path / "bag", rows)))


def test_refusals(tmp_path):
    path = str(write_bag(tmp_path / "bag", [image(0, START)]))
    for wrong in ({"speed": 0.0}, {"rate": -1.0}, {"max_gap": 0.0}):
        with pytest.raises(GlimpseError, match="above 0"):
            BagCamera(path, **wrong)
    with pytest.raises(BagError, match="has no topic /nowhere"):
        BagCamera(path, topic="/nowhere")
    with pytest.raises(BagError, match="no joint states on /nowhere"):
        BagCamera(path, states="/nowhere")


REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bags"


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/bags is not on this machine")
@pytest.mark.parametrize(
    ("name", "seconds"), [("constructed/udacity_road", 8.8), ("constructed/davis_tennis_pan", 2.875)]
)
def test_a_real_bag_takes_its_time(name, seconds):
    camera = BagCamera(str(REAL / name), rate=5.0)
    now, stamps = 0, []
    while (frame := camera.read(now)) is not None:
        stamps.append(frame.stamp)
        now += SECOND // 5
    assert now / SECOND == pytest.approx(seconds, abs=0.6)
    assert (stamps[-1] - stamps[0]) / SECOND == pytest.approx(seconds, abs=0.2)
    assert camera.skipped.count == 0
