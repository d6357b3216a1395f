"""What a row of AdaGlimpse's tables keeps of every scene and glimpse: sums that answer for every end of an episode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.metrics import ClassSum
from glimpse_ros.core.types import SceneInfo

from .runs import spread


@dataclass(frozen=True)
class Part:
    """What came of a job over N scenes and T glimpses; figures that the model gives nothing for have T = 0."""

    views: NDArray[np.float32]  # (N, T, 3)
    slews: NDArray[np.float64]  # (N, T) [s] of motion up to each glimpse
    stops: NDArray[np.float32]  # (N, T), NaN where the policy has no such score
    squared: NDArray[np.float64]  # (N, T) sum of the squared errors over a scene's values, 0-255
    values: NDArray[np.int64]  # () how many a scene has
    matrices: NDArray[np.int64]  # (N, T, K, K) confusion

    def figure(self, name: str, ends: NDArray[np.integer]) -> float:
        """Pooled over scenes, each after its own glimpse `ends` (N,), from 0."""
        scenes = np.arange(len(ends))
        if name == "rmse":
            return float(np.sqrt(self.squared[scenes, ends].sum() / (len(ends) * self.values)))
        classes = ClassSum(self.matrices.shape[-1])
        classes.matrix = self.matrices[scenes, ends].sum(0)
        return classes.miou if name == "miou" else classes.accuracy


@dataclass(frozen=True)
class Run:
    """A row over seeds."""

    info: SceneInfo
    size: tuple[int, int]  # [px] compared at
    parts: tuple[Part, ...]

    @property
    def scenes(self) -> int:
        """How many there were."""
        return len(self.parts[0].views)

    @property
    def glimpses(self) -> int:
        """How many each took."""
        return self.parts[0].views.shape[1]

    @property
    def views(self) -> NDArray[np.float32]:
        """(seeds * N, T, 3), x, y, s."""
        return np.concatenate([part.views for part in self.parts])

    @property
    def stops(self) -> NDArray[np.float32]:
        """(seeds, N, T)."""
        return np.array([part.stops for part in self.parts])

    @property
    def slews(self) -> NDArray[np.float64]:
        """(seeds, T) mean seconds of motion up to each glimpse."""
        return np.array([part.slews.mean(0) for part in self.parts])

    def has(self, figure: str) -> bool:
        """Whether the model gives what `figure` (rmse, pixel_accuracy, miou) is measured on."""
        part = self.parts[0]
        return (part.squared if figure == "rmse" else part.matrices).shape[1] > 0

    def values(self, figure: str) -> NDArray[np.float64]:
        """(seeds, T) of a figure."""
        every = np.ones((len(self.parts), self.scenes), np.int64)
        return np.stack([self.at(figure, k * every) for k in range(self.glimpses)], 1)

    def at(self, figure: str, ends: NDArray[np.integer]) -> NDArray[np.float64]:
        """(seeds,) where every scene's episode ends after glimpse `ends` (seeds, N), from 0."""
        return np.array([part.figure(figure, own) for part, own in zip(self.parts, ends, strict=True)])

    def after(self, glimpses: int, figure: str) -> tuple[float, float]:
        """Mean and spread over seeds after so many glimpses."""
        return spread(self.values(figure)[:, glimpses - 1])

    def share(self, glimpses: float) -> float:
        """Sensor pixels of so many glimpses, and of an overview, over those of the scene."""
        return (self.info.overview_pixels + self.info.glimpse.pixels * glimpses) / (self.size[0] * self.size[1])
