"""What a wide camera can play: a still image, a folder of images, a video. Each hands out images by index.

`at(index)` gives the newest image at or before the index that was not given yet, so that a slow reader drops images
but never the last one; None when there is none left. Indices only grow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.types import GlimpseError
from ..datasets.images import image_paths, is_image_name, read_rgb
from ..datasets.skipped import Skipped

Image = NDArray[np.uint8]  # (H, W, 3) RGB


class Footage(Protocol):
    """See the module."""

    rate: float  # its own frames per second

    def at(self, index: int) -> Image | None:
        """The newest image at or before `index` that was not given yet."""

    def close(self) -> None:
        """Let go of the file."""


class Still:
    """One image, for ever."""

    rate = 10.0

    def __init__(self, path: Path) -> None:
        self._image = read_rgb(path)

    def at(self, index: int) -> Image | None:
        return self._image

    def close(self) -> None:
        """Nothing is open."""


class Folder:
    """The images of a folder by name; files that do not read are counted and left out."""

    rate = 2.0

    def __init__(self, folder: Path, loop: bool, skipped: Skipped) -> None:
        self._paths = image_paths(folder, recursive=False, skipped=skipped)
        self._loop, self._skipped = loop, skipped
        self._given = -1  # index of the newest image given

    def at(self, index: int) -> Image | None:
        while self._paths:
            last = len(self._paths) - 1
            if not self._loop and min(index, last) <= self._given:
                return None
            at = index % len(self._paths) if self._loop else min(index, last)
            try:
                image = read_rgb(self._paths[at])
            except GlimpseError as err:
                self._skipped.add(self._paths.pop(at).name, str(err), getattr(err, "reason", "unreadable"))
                continue
            self._given = at
            return image
        return None

    def close(self) -> None:
        """Nothing is open."""


class Video:
    """A video file, through OpenCV."""

    def __init__(self, path: Path, loop: bool) -> None:
        self._path, self._loop = path, loop
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise GlimpseError(f"input {path} is neither an image, a folder of images, a video nor a bag")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = float(rate) if 0 < rate < 1000 else 25.0
        self._count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._next = 0  # index of the frame that would be grabbed next

    def at(self, index: int) -> Image | None:
        steps = index - self._next + 1
        if self._loop and self._count > 0 and steps > self._count:  # whole rounds change nothing
            steps = steps % self._count or self._count
        self._next = max(self._next, index + 1)
        newest = None
        for _ in range(steps):  # each is retrieved: after the last one a failing grab would lose it
            ok, bgr = self._capture.read()
            if not ok and self._loop:
                self._capture.release()
                self._capture = cv2.VideoCapture(str(self._path))
                ok, bgr = self._capture.read()
            if not ok:
                break
            newest = bgr
        return None if newest is None else np.asarray(cv2.cvtColor(newest, cv2.COLOR_BGR2RGB), np.uint8)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


def open_footage(path: Path, loop: bool, skipped: Skipped) -> Footage:
    """Whatever is at `path`. Raises GlimpseError where it is not there or not footage."""
    if not path.exists():
        raise GlimpseError(f"input {path} does not exist")
    if path.is_dir():
        return Folder(path, loop, skipped)
    return Still(path) if is_still(path) else Video(path, loop)


def is_still(path: Path) -> bool:
    """Whether the file is one image."""
    return path.is_file() and (is_image_name(path) or cv2.haveImageReader(str(path)))
