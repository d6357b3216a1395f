"""A watched camera remembers the scene at each glimpse, and stands still where its source has ended."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from glimpse_ros.cameras.base import open_input
from glimpse_ros.cameras.sim import SimCamera
from glimpse_ros.core.types import PanTiltZoom
from glimpse_ros.watched import RECENT, SIDE, Watched

SECOND = 1_000_000_000


def save(path: Path, value: int, width: int = 64) -> str:
    cv2.imwrite(str(path), np.full((48, width, 3), value, np.uint8))
    return str(path)


def test_an_image_is_one_still_scene(tmp_path: Path) -> None:
    camera = Watched(open_input(save(tmp_path / "a.png", 90)))
    assert camera.still() is None and camera.moving() is None  # nothing was looked at yet
    for k in range(3):
        frame = camera.read(k * SECOND)
        assert frame is not None
        camera.keep(frame.stamp)
    still = camera.still()
    assert still is not None and np.all(still == 90) and camera.moving() is None


def test_a_folder_changes_and_then_stands_still(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(2):
        save(folder / f"{k}.png", 50 + 100 * k)
    camera = Watched(open_input(str(folder)))
    stamps = []
    for k in range(4):
        frame = camera.read(k * SECOND // 2)
        assert frame is not None
        stamps.append(frame.stamp)
        camera.keep(frame.stamp)
    assert stamps == sorted(set(stamps)), "ever new stamps"
    assert camera.still() is None and camera.held == 2
    moving = camera.moving()
    assert moving is not None and [int(image[0, 0, 0]) for image in moving] == [50, 150, 150, 150]


def test_a_late_glimpse_is_matched_with_its_own_frame(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(3):
        save(folder / f"{k}.png", 50 * k)
    camera = Watched(open_input(str(folder)))
    stamps = [camera.read(k * SECOND // 2).stamp for k in range(3)]  # type: ignore[union-attr]
    camera.keep(stamps[1])
    camera.keep(12345)  # never read: the newest
    assert [int(image[0, 0, 0]) for image in camera.moving() or []] == [50, 100]


def test_many_glimpses_of_one_frame_are_matched_with_it_however_long_ago_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(2 * RECENT):
        save(folder / f"{k:03}.png", k)
    camera = Watched(open_input(str(folder)))
    first = camera.read(0)
    assert first is not None
    camera.keep(first.stamp)
    for k in range(1, 2 * RECENT):
        camera.read(k * SECOND // 2)
    camera.keep(first.stamp)
    camera.keep(first.stamp + 31 * SECOND)
    assert camera.still() is None and [int(image[0, 0, 0]) for image in camera.moving() or []] == [0, 0, 62]


def test_without_repeating_the_last_frame_stands_only_until_it_was_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    save(folder / "0.png", 50)
    camera = Watched(open_input(str(folder)))
    camera.repeats = False
    frames = [camera.read(k * SECOND) for k in range(3)]
    assert all(frame is not None for frame in frames), "it may have been lost on its way"
    camera.keep(frames[0].stamp)  # type: ignore[union-attr]
    assert camera.read(3 * SECOND) is None and camera.held == 0


def test_memory_is_bounded() -> None:
    class Endless:
        scene, kind, truth = SimCamera(np.zeros((8, 16, 3), np.uint8)).scene, "wide", None

        def read(self, now: int) -> object:
            from glimpse_ros.core.types import Frame

            return Frame(np.full((20, 2 * SIDE, 3), now % 256, np.uint8), now)

    camera = Watched(Endless())  # type: ignore[arg-type]
    for k in range(3 * RECENT):
        camera.read(k)
    assert len(camera._recent) == RECENT
    assert all(image.shape == (10, SIDE, 3) for image in camera._recent.values())


def test_a_simulated_camera_knows_its_scene_and_is_moved() -> None:
    panorama = np.zeros((64, 128, 3), np.uint8)
    camera = Watched(SimCamera(panorama, ideal=True))
    camera.command(PanTiltZoom(0.5, 0.1, 2.0), 0)
    assert camera.state(SECOND) == PanTiltZoom(0.5, 0.1, 2.0) and camera.settled(SECOND)
    frame = camera.read(SECOND)
    assert frame is not None
    camera.keep(frame.stamp)
    assert camera.still() is panorama and camera.moving() is None
    camera.close()
