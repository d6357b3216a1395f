"""What `glimpse evaluate` sums up for one model and policy."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .core.metrics import ClassSum, ErrorSum
from .core.types import SceneEstimate, SceneInfo
from .datasets.fit import class_count
from .datasets.truth import Truth


class Row:
    """Sums of one model and policy over the images of one seed; a list entry per glimpse, empty for what is unknown."""

    def __init__(self, info: SceneInfo, truth: Truth, glimpses: int) -> None:
        self.truth, self.every = truth, range(glimpses)
        scored = truth.answers is not None and "classification" in info.outputs
        mapped = truth.maps is not None and "segmentation" in info.outputs
        self.errors = [ErrorSum() for _ in self.every if "reconstruction" in info.outputs]
        self.classes = [ClassSum(class_count(info, "segmentation")) for _ in self.every if mapped]
        self.hits = [0 for _ in self.every if scored]
        self.taken: list[int] = []  # glimpses of each image
        self.slews: list[NDArray[np.float64]] = []  # of each image, (glimpses,)

    def add(self, i: int, k: int, estimate: SceneEstimate) -> None:
        """What was believed of image i after glimpse k, from 0."""
        truth = self.truth
        if self.hits and estimate.classification is not None and truth.answers is not None:
            self.hits[k] += int(estimate.classification.argmax() == truth.answers[i])
        if self.errors and estimate.reconstruction is not None:
            self.errors[k].add(to_size(estimate.reconstruction, truth.size), truth.images[i])
        if self.classes and estimate.segmentation is not None and truth.maps is not None:
            logits = np.ascontiguousarray(estimate.segmentation.transpose(1, 2, 0))
            full = cv2.resize(logits, truth.size[::-1], interpolation=cv2.INTER_LINEAR)
            self.classes[k].add(full.argmax(-1), truth.maps[i])

    @property
    def accuracy(self) -> list[float]:
        """Share of the images that are in the right class."""
        return [hits / len(self.taken) for hits in self.hits]


def to_size(reconstruction: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(3, h, w) in [0, 1] -> (H, W, 3) on 0-255, bicubic where the sizes differ."""
    image = reconstruction.transpose(1, 2, 0)
    if image.shape[:2] != size:
        resized = cv2.resize(np.ascontiguousarray(image), size[::-1], interpolation=cv2.INTER_CUBIC)
        image = np.asarray(resized, np.float32)
    return np.asarray(np.clip(image, 0.0, 1.0) * 255.0, np.float32)
