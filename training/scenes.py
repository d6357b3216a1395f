"""Scenes as batches: panoramas, planar images or a robot's own rosbags, held in memory, augmented on a thread.

The files are read once by `glimpse_ros.datasets`; every batch is (B, 3, H, W) float32 RGB in [0, 1], and a mask of what
is known of it: a scene stitched from a PTZ camera's bag has gaps, which no loss may count. Augmentation of a panorama
keeps what is true of one: it rolls (any heading), mirrors, changes its light, tilts a little, and stretches the band
around the horizon; it never turns upside down.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse_ros.cameras.base import open_camera
from glimpse_ros.core.explorer import glimpse_from_frame
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.retina import bounded
from glimpse_ros.core.scene_frame import SceneFrame
from glimpse_ros.core.types import Frame, GlimpseSpec, SceneSpec
from glimpse_ros.datasets.bag_reader import is_bag
from glimpse_ros.datasets.bags import frames
from glimpse_ros.datasets.images import images, read_rgb

Image = NDArray[np.uint8]


def split(images: list[Image], every: int = 10) -> tuple[list[Image], list[Image]]:
    """Train and held-out images: every `every`-th one is held out, so that no test data picks a model."""
    if len(images) < 2 * every:
        return images, images[-1:]
    return [im for i, im in enumerate(images) if i % every], images[::every]


def resize(image: Image, height: int, width: int) -> Image:
    """Area resize to (height, width, 3)."""
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def tilt(panorama: Image, pitch: float, roll: float) -> Image:
    """The panorama as a camera that leans by `pitch` and `roll` [rad] would have taken it."""
    rows, cols = panorama.shape[:2]
    lat, lon = np.mgrid[:rows, :cols].astype(np.float32) + 0.5
    lat, lon = (lat / rows - 0.5) * np.pi, (lon / cols * 2 - 1) * np.pi
    rays = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)
    cp, sp, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    turn = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]]) @ np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    rays = rays @ turn.T.astype(np.float32)
    u = ((np.arctan2(rays[..., 1], rays[..., 0]) / np.pi + 1) / 2 * cols - 0.5 + 1).astype(np.float32)
    v = ((np.arcsin(np.clip(rays[..., 2], -1, 1)) / np.pi + 0.5) * rows - 0.5).astype(np.float32)
    padded = cv2.copyMakeBorder(panorama, 0, 0, 1, 1, cv2.BORDER_WRAP)
    return np.asarray(cv2.remap(padded, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def stretch(image: Image, rng: np.random.Generator, spherical: bool) -> Image:
    """A crop as large as most of the image. A panorama keeps its full turn, or a part of it mirrored to close it."""
    rows, cols = image.shape[:2]
    if spherical and rng.random() < 0.3:  # half a turn and its mirror image: new layouts that still wrap
        image = np.roll(image, int(rng.integers(cols)), 1)
        part = image[:, : int(cols * rng.uniform(0.5, 0.75)) // 2 * 2]
        image = np.concatenate([part, part[:, ::-1]], 1)
        rows, cols = image.shape[:2]
    keep = rng.uniform(0.75, 1.0)
    top = int(rng.uniform(0, 1 - keep) * rows)
    image = image[top : top + max(2, int(keep * rows))]
    if not spherical:
        keep = rng.uniform(0.6, 1.0)
        left = int(rng.uniform(0, 1 - keep) * cols)
        image = image[:, left : left + max(2, int(keep * cols))]
    return np.ascontiguousarray(image)


def relight(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Gain, gamma, white balance and saturation, (H, W, 3) in [0, 1]."""
    image = image ** np.float32(np.exp(rng.normal(0, 0.2)))
    image = image * (np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.05, 3))).astype(np.float32)
    grey = image.mean(-1, keepdims=True)
    return np.clip(grey + (image - grey) * np.float32(np.exp(rng.normal(0, 0.25))), 0, 1)


def augmented(image: Image, height: int, width: int, spherical: bool, rng: np.random.Generator) -> NDArray[np.float32]:
    """One training scene (H, W, 4) float32 in [0, 1]: RGB, and 1 where it is known."""
    if image.shape[2] == 3:
        image = np.concatenate([image, np.full((*image.shape[:2], 1), 255, np.uint8)], 2)
    if spherical and rng.random() < 0.35:
        image = tilt(image, rng.normal(0, 0.08), rng.normal(0, 0.08))
    if rng.random() < 0.5:
        image = stretch(image, rng, spherical)
    image = resize(image, height, width)
    if spherical:
        image = np.roll(image, int(rng.integers(width)), 1)
    if rng.random() < 0.5:
        image = image[:, ::-1]
    scene = image.astype(np.float32) / 255.0
    if rng.random() < 0.7:
        scene[..., :3] = relight(scene[..., :3], rng)
    scene[..., 3] = scene[..., 3] > 0.99
    return scene


def batches(
    images: list[Image], batch: int, height: int, width: int, spherical: bool, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless augmented batches, made ahead on a thread: scenes (B, 3, H, W), and where they are known (B, 1, H, W)."""
    ready: queue.Queue[Tensor] = queue.Queue(2)

    def work() -> None:
        rng = np.random.default_rng(seed)
        while True:
            picks = rng.choice(len(images), batch, replace=len(images) < batch)
            scenes = np.stack([augmented(images[i], height, width, spherical, rng) for i in picks])
            ready.put(torch.from_numpy(scenes).permute(0, 3, 1, 2).contiguous())

    threading.Thread(target=work, daemon=True).start()
    while True:
        scenes = ready.get()  # (B, 4, H, W)
        yield scenes[:, :3], scenes[:, 3:]


def load(path: Path, widest: int = 1024, rate: float = 1.0, topic: str | None = None) -> list[Image]:
    """Scenes as uint8 (H, W, 3), or (H, W, 4) where not all of one is known, at most `widest` pixels wide.

    path: an image, a folder of images, a rosbag, or a folder of rosbags. A bag gives its frames, `rate` a second [Hz];
    one that tells where its camera looked (PTZ) gives one scene, stitched. Raises GlimpseError where nothing is found.
    """
    if is_bag(path):
        return from_bag(path, widest, rate, topic)
    if path.is_dir() and any(is_bag(entry) for entry in path.iterdir()):
        return [
            scene for entry in sorted(path.iterdir()) if is_bag(entry) for scene in from_bag(entry, widest, rate, topic)
        ]
    if path.is_file():
        return [bounded(read_rgb(path), widest)]
    return [bounded(image, widest) for _, image in images(path)]


def from_bag(path: Path, widest: int, rate: float, topic: str | None) -> list[Image]:
    """The frames of a bag, or their mosaic."""
    camera = open_camera("bag", str(path), topic=topic)
    camera.close()
    taken = frames(path, topic, rate)
    if camera.kind == "wide":
        return [bounded(frame.image, widest) for frame in taken]
    return [stitched(taken, camera.scene, SceneSpec(widest // 2, widest))]


def stitched(taken: Iterable[Frame], camera: SceneFrame, scene: SceneSpec) -> Image:
    """PTZ frames as one panorama (H, W, 4): the sharper frame wins; alpha is 255 where anything was seen."""
    memory = Mosaic(scene, GlimpseSpec(256))
    for frame in taken:
        memory.paste(glimpse_from_frame(frame, None, camera, memory.info.glimpse, scene))
    return np.concatenate([memory.image(), (memory.seen * np.uint8(255))[..., None]], 2)
