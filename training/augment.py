"""Scenes with their labels as augmented batches, made one step ahead on a thread.

What is known of a scene beside its pixels moves with them: the label map of a segmentation is cropped and mirrored
with its image, by nearest neighbour; a class stays what it is.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .labelled import Labelled
from .scenes import augmented, relight

VOID = 255  # of a label map; no loss counts it


def planar(
    image: NDArray[np.uint8], labels: NDArray[np.uint8] | None, height: int, width: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """A part of a planar scene, mirrored or not, in another light: (H, W, 3) in [0, 1], and its labels (H, W)."""
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
        scene = relight(scene, rng)
    if labels is None:
        return scene, None
    labels = np.asarray(
        cv2.resize(labels[top : top + h, left : left + w], (width, height), interpolation=cv2.INTER_NEAREST), np.uint8
    )
    return scene, labels[:, ::-1] if mirrored else labels


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
        (height, width), data = self.size, self.data
        scenes, maps, answers = [], [], []
        for place, i in list(enumerate(self.picks(step)))[part]:
            rng = np.random.default_rng((self.seed, step, place))
            image, labels = data.images[i], data.maps[i] if data.maps is not None else None
            if data.known is not None:  # what a moving camera never saw
                image = np.concatenate([image, data.known[i][..., None] * np.uint8(255)], 2)
            if data.projection == "spherical" and self.augment:
                scene = augmented(image, height, width, True, rng)
            else:
                if self.augment:
                    pixels, labels = planar(image[..., :3], labels, height, width, rng)
                else:
                    pixels = cv2.resize(image[..., :3], (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
                    labels = None if labels is None else cv2.resize(labels, (width, height), interpolation=0)
                scene = np.concatenate([pixels, np.ones((height, width, 1), np.float32)], 2)
            scenes.append(scene)
            if labels is not None:
                maps.append(labels)
            if data.answers is not None:
                answers.append(data.answers[i])
        # Bytes, as cameras give them; and the loop would hand floating point over in half precision.
        stack = (torch.from_numpy(np.stack(scenes)).permute(0, 3, 1, 2) * 255).round().to(torch.uint8)
        return (
            stack[:, :3].contiguous(),
            stack[:, 3:] > 0,
            torch.from_numpy(np.stack(maps).astype(np.int64)) if maps else None,
            torch.from_numpy(np.array(answers, np.int64)) if answers else None,
        )
