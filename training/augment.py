"""Scenes with their labels as augmented batches, made one step ahead on a thread.

What is known of a scene beside its pixels moves with them: where anything was seen, as a fourth channel (255: seen),
and the label map of a segmentation, cropped, turned and mirrored with its image, by nearest neighbour; a class stays
what it is.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .labelled import Labelled
from .scenes import augmented, relight, resize, stretch

VOID = 255  # of a label map; no loss counts it
SEEN = 252  # of the fourth channel: what blends less than a hundredth of the unseen counts as seen
Image = NDArray[np.uint8]
Scene = tuple[NDArray[np.float32], Image | None]


def nearest(labels: Image, height: int, width: int) -> Image:
    """A label map (H, W) at another size."""
    return np.asarray(cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def with_known(image: Image, known: NDArray[np.bool_] | None) -> Image:
    """(H, W, 3) and where anything was seen, none: everywhere -> (H, W, 4)."""
    seen = np.full(image.shape[:2], 255, np.uint8) if known is None else known * np.uint8(255)
    return np.concatenate([image[..., :3], seen[..., None]], 2)


def planar(image: Image, labels: Image | None, height: int, width: int, rng: np.random.Generator) -> Scene:
    """A part of a planar scene (H, W, 3 or 4), mirrored or not, in another light: as many channels in [0, 1], and its
    labels (H, W).
    """
    rows, cols = image.shape[:2]
    keep = rng.uniform(0.55, 1.0)
    tall, wide = (min(1.0, keep * float(np.exp(rng.normal(0, 0.1)))) for _ in range(2))
    h, w = max(2, round(rows * tall)), max(2, round(cols * wide))
    top, left = int(rng.integers(rows - h + 1)), int(rng.integers(cols - w + 1))
    image = image[top : top + h, left : left + w]
    mirrored = rng.random() < 0.5
    how = cv2.INTER_AREA if h >= height else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)
    scene = (image[:, ::-1] if mirrored else image).astype(np.float32) / 255.0
    if rng.random() < 0.7:
        scene[..., :3] = relight(scene[..., :3], rng)
    if labels is None:
        return scene, None
    labels = nearest(labels[top : top + h, left : left + w], height, width)
    return scene, labels[:, ::-1] if mirrored else labels


def spherical(image: Image, labels: Image | None, height: int, width: int, rng: np.random.Generator) -> Scene:
    """A panorama (H, W, 4), turned, mirrored or not, in another light: (H, W, 4) in [0, 1], and its labels (H, W).

    One with labels does not lean: that blends pixels, and ids do not blend.
    """
    if labels is None:
        return augmented(image, height, width, True, rng), None
    image = np.concatenate([image, labels[..., None]], 2)
    if rng.random() < 0.5:
        image = stretch(image, rng, True)
    image = np.concatenate([resize(image[..., :4], height, width), nearest(image[..., 4], height, width)[..., None]], 2)
    image = np.roll(image, int(rng.integers(width)), 1)
    if rng.random() < 0.5:
        image = image[:, ::-1]
    scene = image[..., :4].astype(np.float32) / 255.0
    if rng.random() < 0.7:
        scene[..., :3] = relight(scene[..., :3], rng)
    return scene, image[..., 4]


def plain(image: Image, labels: Image | None, height: int, width: int) -> Scene:
    """As it is, at another size: (H, W, 4) in [0, 1], and its labels (H, W)."""
    scene = resize(image, height, width).astype(np.float32) / 255.0
    return scene, None if labels is None else nearest(labels, height, width)


class Batches:
    """Called with a step and a share of the batch: scenes (B, 3, H, W) uint8, where they are known (B, 1, H, W) bool,
    label maps (B, H, W) or none, classes (B,) or none. The same seed and step give the same batch in every process.
    """

    def __init__(self, data: Labelled, batch: int, height: int, width: int, seed: int, augment: bool = True) -> None:
        self.data, self.batch, self.size, self.seed, self.augment = data, batch, (height, width), seed, augment
        self.worker = ThreadPoolExecutor(1)
        self.ready: tuple[int, Future] | None = None

    def __call__(self, step: int, part: slice) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        ahead, self.ready = self.ready, None
        made = ahead[1].result() if ahead and ahead[0] == step else self.make(step, part)
        self.ready = (step + 1, self.worker.submit(self.make, step + 1, part))
        return made

    def picks(self, step: int) -> NDArray[np.int64]:
        """Which scenes: every one once before any comes twice."""
        count = len(self.data.images)
        places = np.arange(step * self.batch, (step + 1) * self.batch)
        orders = {int(e): np.random.default_rng((self.seed, int(e))).permutation(count) for e in set(places // count)}
        return np.array([orders[int(p // count)][p % count] for p in places])

    def make(self, step: int, part: slice) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """The batch of a step, from nothing but the seed."""
        data = self.data
        scenes, maps, answers = [], [], []
        for place, i in list(enumerate(self.picks(step)))[part]:
            rng = np.random.default_rng((self.seed, step, place))
            image = with_known(data.images[i], None if data.known is None else data.known[i])
            labels = None if data.maps is None else data.maps[i]
            if self.augment:
                how = spherical if data.projection == "spherical" else planar
                scene, labels = how(image, labels, *self.size, rng)
            else:
                scene, labels = plain(image, labels, *self.size)
            scenes.append(scene)
            if labels is not None:
                maps.append(labels)
            if data.answers is not None:
                answers.append(data.answers[i])
        # Bytes, as cameras give them; and the loop would hand floating point over in half precision.
        stack = (torch.from_numpy(np.stack(scenes)).permute(0, 3, 1, 2) * 255).round().to(torch.uint8)
        return (
            stack[:, :3].contiguous(),
            stack[:, 3:] > SEEN,
            torch.from_numpy(np.stack(maps).astype(np.int64)) if maps else None,
            torch.from_numpy(np.array(answers, np.int64)) if answers else None,
        )
