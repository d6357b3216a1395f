"""Scenes as batches: whole panoramas or planar images held in memory, augmented and area-resized, on threads.

The files are read once by `glimpse_ros.datasets`; every batch is (B, 3, H, W) float32 RGB in [0, 1]. Augmentation of
a panorama keeps what is true of one: it rolls (any heading), mirrors, changes its light, tilts a little, and stretches
the band around the horizon; it never turns upside down.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
    """One training scene (H, W, 3) float32 in [0, 1]."""
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
    return relight(scene, rng) if rng.random() < 0.7 else scene


def batches(images: list[Image], batch: int, height: int, width: int, spherical: bool, seed: int) -> Iterator[Tensor]:
    """Endless augmented batches (B, 3, H, W), made one ahead on a thread."""
    ready: queue.Queue[Tensor] = queue.Queue(2)

    def work() -> None:
        rng = np.random.default_rng(seed)
        while True:
            picks = rng.choice(len(images), batch, replace=len(images) < batch)
            scenes = np.stack([augmented(images[i], height, width, spherical, rng) for i in picks])
            ready.put(torch.from_numpy(scenes).permute(0, 3, 1, 2).contiguous())

    threading.Thread(target=work, daemon=True).start()
    while True:
        yield ready.get()


def load(path: Path, widest: int = 1024) -> list[Image]:
    """Every readable image of a folder as uint8 RGB, at most `widest` pixels wide, in the order of names."""
    from glimpse_ros.core.retina import bounded
    from glimpse_ros.datasets.images import images

    return [bounded(image, widest) for _, image in images(path)]
