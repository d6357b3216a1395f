"""Where a bag's camera looked: interpolated at the image's stamp, merged, straight behind, by focal length."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from bag_making import SECOND, START, camera_info, image, joints, write_bag

from glimpse_ros.datasets.bag_poses import Poses, read_lens, read_poses, state_topic
from glimpse_ros.datasets.bag_reader import Bag, BagError
from glimpse_ros.datasets.bags import JOINTS, camera_of, frames
from glimpse_ros.datasets.skipped import Skipped

STEP = SECOND // 10


@pytest.mark.parametrize("kind", ["ros1", "sqlite3", "mcap"])
def test_each_frame_carries_the_pose_at_its_own_stamp(tmp_path, kind):
    rows = [joints(START + i * STEP, pan=0.1 * i, tilt=-0.02 * i, zoom=1.0 + 0.1 * i) for i in range(11)]
    # Recorded in one order, stamped in another: the stamp is what counts.
    rows += [image(i, START + 2 * SECOND + i, stamp=START + i * STEP + STEP // 4) for i in range(10)]
    found = list(frames(write_bag(tmp_path / "bag", sorted(rows, key=lambda row: row[2]), kind)))
    for i, frame in enumerate(found):
        ptz = frame.ptz
        assert ptz is not None
        expected = (0.1 * (i + 0.25), -0.02 * (i + 0.25), 1.0 + 0.1 * (i + 0.25))
        np.testing.assert_allclose((ptz.pan, ptz.tilt, ptz.zoom), expected, atol=1e-6)
    assert len(found) == 10


def test_partial_and_nan_joints_are_merged(tmp_path):
    rows = [
        joints(START, pan=0.5),
        joints(START + STEP, tilt=0.1, other=9.0),
        joints(START + 2 * STEP, pan=math.nan, zoom=2.0),
        joints(START + 3 * STEP, pan=0.7),
    ]
    with Bag(write_bag(tmp_path / "bag", rows)) as bag:
        poses = read_poses(bag, "/view_state", JOINTS, None)
    assert poses is not None
    np.testing.assert_array_equal(poses.pan, [0.5, 0.5, 0.7])
    np.testing.assert_array_equal(poses.tilt, [0.1, 0.1, 0.1])
    np.testing.assert_array_equal(poses.zoom, [2.0, 2.0, 2.0])  # held back to before it was told


def test_pan_is_interpolated_straight_behind():
    stamps = np.array([0, SECOND], np.int64)
    poses = Poses(stamps, np.unwrap([3.1, -3.1]), np.zeros(2), np.ones(2))
    middle = poses.at(SECOND // 2)
    assert middle is not None and middle.pan == pytest.approx(math.pi)


def test_the_pose_is_unknown_far_from_the_recorded_states(tmp_path):
    rows = [joints(START, pan=0.0, tilt=0.0), joints(START + SECOND, pan=1.0, tilt=0.0)]
    rows += [image(i, START + i * SECOND) for i in range(4)]
    skipped = Skipped()
    found = list(frames(write_bag(tmp_path / "bag", sorted(rows, key=lambda row: row[2])), skipped=skipped))
    assert [f.ptz.pan for f in found if f.ptz] == [0.0, 1.0]
    assert skipped.reasons == {"pose": 2}


def test_zoom_from_the_focal_length_where_no_joint_tells_it(tmp_path):
    rows = [joints(START + i * STEP, pan=0.0, tilt=0.0) for i in range(5)]
    rows += [camera_info(START + i * STEP, 100.0 * (1 + i), 12, 16) for i in range(5)]
    rows += [image(i, START + i * STEP) for i in range(5)]
    path = write_bag(tmp_path / "bag", sorted(rows, key=lambda row: row[2]))
    assert [f.ptz.zoom for f in frames(path) if f.ptz] == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0])


def test_joints_of_something_else_make_no_ptz_camera(tmp_path):
    rows = [joints(START, "/arm/joint_states", elbow=1.0, pan=2.0), image(0, START)]
    path = write_bag(tmp_path / "bag", rows)
    (frame,) = frames(path)
    assert frame.ptz is None
    with Bag(path) as bag:
        assert state_topic(bag, JOINTS) is None
        with pytest.raises(BagError, match="no joints 'pan' and 'tilt' on /arm"):
            state_topic(bag, JOINTS, "/arm/joint_states")
        with pytest.raises(BagError, match="no joint states on /nowhere"):
            state_topic(bag, JOINTS, "/nowhere")
        assert state_topic(bag, ("elbow", "pan", "zoom")) == "/arm/joint_states"


def test_view_state_is_preferred(tmp_path):
    rows = [joints(START, "/a_command", pan=1.0, tilt=1.0), joints(START, "/ptz/view_state", pan=0.5, tilt=0.0)]
    with Bag(write_bag(tmp_path / "bag", rows)) as bag:
        assert state_topic(bag, JOINTS) == "/ptz/view_state"
        assert state_topic(bag, JOINTS, "/a_command") == "/a_command"


def test_many_states_are_thinned(tmp_path):
    rows = [joints(START + i * 1_000_000, pan=i / 1000, tilt=0.0) for i in range(1000)]
    with Bag(write_bag(tmp_path / "bag", rows)) as bag:
        poses = read_poses(bag, "/view_state", JOINTS, None)
    assert poses is not None and len(poses.stamps) == 200
    middle = poses.at(START + 500_000_000)
    assert middle is not None and middle.pan == pytest.approx(0.5)


@pytest.mark.parametrize("kind", ["ros1", "mcap"])
def test_the_lens(tmp_path, kind):
    rows = [
        camera_info(START, 0.0, 12, 16),  # not calibrated
        camera_info(START + 1, 8.0, 12, 16),
        camera_info(START + 2, 99.0, 12, 16, "/other/camera_info"),
        image(0, START + 3),
    ]
    with Bag(write_bag(tmp_path / "bag", rows, kind)) as bag:
        lens = read_lens(bag, "/camera/image", every=False)
        assert lens is not None and lens.focal.tolist() == [8.0]
        assert lens.fov(lens.width, 8.0) == pytest.approx(math.radians(90))
        assert read_lens(bag, "/third/image", every=False) is None, "two others: neither is meant"


REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bags" / "constructed" / "soccer_ptz_telemetry"


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/bags is not on this machine")
def test_real_ptz_telemetry():
    with Bag(REAL) as bag:
        poses, lens = camera_of(bag, "/ptz/image")
    assert poses is not None and lens is not None
    assert len(poses.stamps) == len(lens.stamps) == 330
    assert (lens.height, lens.width) == (720, 1280)
    table = np.genfromtxt(REAL.with_suffix(".csv"), delimiter=",", names=True)
    assert len(table) == 330
    assert poses.pan[0] == pytest.approx(0.93139205) and poses.tilt[0] == pytest.approx(-0.10238455)
    assert poses.zoom.min() == 1.0
    np.testing.assert_allclose(poses.zoom, lens.focal / lens.focal.min())
    assert np.abs(np.diff(poses.pan)).max() < 0.05, "a camera operator turns smoothly"
