"""Figures, as the papers define them: errors on 0-255, pooled over all pixels of all images.

`rmse` is the root of the mean squared error; `rgb_l2` is the mean length of the RGB difference, which the
Glimpse-Attend-and-Explore tables print as "RMSE".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 255  # class id that no metric counts


class ErrorSum:
    """Pools errors of (H, W, 3) images; `add` takes values on 0-255."""

    def __init__(self) -> None:
        self.squared = 0.0
        self.lengths = 0.0
        self.values = 0

    def add(self, estimate: NDArray[np.generic], truth: NDArray[np.generic]) -> None:
        """Count one image, both (H, W, 3) on 0-255."""
        if estimate.shape != truth.shape:
            raise ValueError(f"estimate is {estimate.shape}, truth {truth.shape}: expected the same shape")
        square = (estimate.astype(np.float64) - truth.astype(np.float64)) ** 2
        self.squared += float(square.sum())
        self.lengths += float(np.sqrt(square.sum(-1)).sum())
        self.values += square.size

    @property
    def rmse(self) -> float:
        """Root of the mean squared error, 0-255."""
        return float(np.sqrt(self.squared / self.values)) if self.values else float("nan")

    @property
    def rgb_l2(self) -> float:
        """Mean Euclidean length of the RGB difference, 0-441."""
        return self.lengths / (self.values / 3) if self.values else float("nan")


class ClassSum:
    """Pools a confusion matrix (truth, predicted) of K classes; UNKNOWN and ids >= K of the truth are left out."""

    def __init__(self, classes: int) -> None:
        self.matrix = np.zeros((classes, classes), np.int64)

    def add(self, predicted: NDArray[np.integer], truth: NDArray[np.integer]) -> None:
        """Count one label map or one array of labels; both of the same shape."""
        k = len(self.matrix)
        known = truth < k
        pairs = truth[known].astype(np.int64) * k + predicted[known].astype(np.int64)
        self.matrix += np.bincount(pairs, minlength=k * k).reshape(k, k)

    @property
    def accuracy(self) -> float:
        """Share of all counted pixels (or images) that are right."""
        return float(np.trace(self.matrix) / max(self.matrix.sum(), 1))

    @property
    def miou(self) -> float:
        """Intersection over union, averaged over the classes that occur."""
        hit = np.diag(self.matrix)
        union = self.matrix.sum(0) + self.matrix.sum(1) - hit
        return float((hit[union > 0] / union[union > 0]).mean()) if (union > 0).any() else float("nan")
