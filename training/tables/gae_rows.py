"""Bundles over the scenes of a data set, one job a bundle, policy and seed, by the loop of `glimpse evaluate` itself:
the same seeds, first views and sums. Beside the figures each job keeps where it looked, for the pictures.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_ros import evaluate
from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import make_policy
from glimpse_ros.core.types import Glimpse, GlimpseError, SceneEstimate, SceneInfo, SceneModel, SceneSpec
from glimpse_ros.datasets.fit import check_fit
from glimpse_ros.datasets.truth import Truth, load_truth

from .pool import pooled
from .runs import spread

GLIMPSES = 8
MOSAIC = "mosaic"
FIGURES = ("rmse", "rgb_l2", "pixel_accuracy", "miou", "accuracy")


@dataclass(frozen=True)
class Source:
    """Scenes to explore. text: as `load_truth` takes it; size: (height, width) [px] to compare at."""

    text: str
    size: tuple[int, int]
    max_fov: float | None = None  # [deg] the camera's widest view; None: the whole scene
    count: int | None = None  # so many scenes, evenly spaced: data sets come sorted by class and by time


@dataclass(frozen=True)
class Job:
    """One bundle's folder (or MOSAIC), one policy, one seed."""

    model: str
    policy: str
    source: Source
    seed: int
    glimpses: int = GLIMPSES


@dataclass(frozen=True)
class Part:
    """What came of a job: figures (T,) by name, and the views (N, T, 3) where the N scenes were looked at."""

    figures: dict[str, NDArray[np.float64]]
    views: NDArray[np.float32]
    info: SceneInfo


@dataclass(frozen=True)
class Row:
    """A bundle and policy over seeds."""

    parts: tuple[Part, ...]

    @property
    def info(self) -> SceneInfo:
        """Of its scene model."""
        return self.parts[0].info

    @property
    def scenes(self) -> int:
        """How many there were."""
        return len(self.parts[0].views)

    def values(self, name: str) -> NDArray[np.float64]:
        """(seeds, T) of a figure. Raises GlimpseError where the model gives nothing to measure it on."""
        if name not in self.parts[0].figures:
            raise GlimpseError(
                f"{self.info.name}: gives {', '.join(sorted(self.info.outputs))}; expected what {name} is measured on"
            )
        return np.array([part.figures[name] for part in self.parts])

    def after(self, glimpses: int, name: str) -> tuple[float, float]:
        """Mean and spread over seeds after so many glimpses."""
        return spread(self.values(name)[:, glimpses - 1])

    @property
    def views(self) -> NDArray[np.float32]:
        """(seeds * N, T, 3), x, y, s."""
        return np.concatenate([part.views for part in self.parts])


class Recorded:
    """A scene model that remembers where it was shown."""

    def __init__(self, scene: SceneModel) -> None:
        self.scene, self.info = scene, scene.info
        self.views: list[list[tuple[float, float, float]]] = []

    def reset(self) -> None:
        """A new scene."""
        self.views.append([])
        self.scene.reset()

    def step(self, glimpse: Glimpse, decode: bool = True) -> SceneEstimate:
        """Remember, and pass on."""
        self.views[-1].append((glimpse.view.x, glimpse.view.y, glimpse.view.s))
        return self.scene.step(glimpse, decode)

    def empty(self) -> SceneEstimate:
        """Of the model."""
        return self.scene.empty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.scene, name)  # the overview of models that take one


@lru_cache(2)
def truth_of(source: Source) -> Truth:
    """The scenes, kept: jobs of one data set follow each other. Raises GlimpseError for what cannot be used."""
    truth = load_truth(source.text, source.size)
    total = len(truth.images)
    if source.count is None or source.count >= total:
        return truth
    chosen = [i * total // source.count for i in range(source.count)]
    maps = None if truth.maps is None else [truth.maps[i] for i in chosen]
    answers = None if truth.answers is None else truth.answers[chosen]
    return replace(truth, images=[truth.images[i] for i in chosen], maps=maps, answers=answers)


def scene_of(model: str, truth: Truth) -> SceneModel:
    """A bundle, or the mosaic. Raises GlimpseError for a broken one and one that is made for other data."""
    if model == MOSAIC:
        return Mosaic(SceneSpec(*truth.size, truth.projection), evaluate.SENSOR)
    scene = load_scene(model, "cpu", threads=1)
    if scene.info.scene.projection != truth.projection:
        raise GlimpseError(f"{model}: is {scene.info.scene.projection}; expected {truth.projection}, as {truth.name}")
    check_fit(model, scene.info, truth)
    return scene


def explored(job: Job) -> Part:
    """Run one job. Raises GlimpseError for what cannot be used."""
    truth = truth_of(job.source)
    scene = Recorded(scene_of(job.model, truth))
    policy = make_policy(job.policy, job.model, scene.info, provider="cpu", threads=1)
    fov = 360.0 if truth.projection == "spherical" else 60.0
    setting = evaluate.Setting(truth.size, job.glimpses, job.source.max_fov, 1, truth.projection, fov)
    row = [*evaluate.run_seed(truth, scene, policy, setting, job.seed)][-1]  # it grows, scene by scene
    every: dict[str, list[float]] = {
        "rmse": [error.rmse for error in row.errors],
        "rgb_l2": [error.rgb_l2 for error in row.errors],
        "pixel_accuracy": [classes.accuracy for classes in row.classes],
        "miou": [classes.miou for classes in row.classes],
        "accuracy": row.accuracy,
    }
    found = {name: np.array(values) for name, values in every.items() if values}
    return Part(found, np.array(scene.views, np.float32), scene.info)


def explore_all(jobs: list[Job], workers: int = 1) -> dict[tuple[str, str, Source], Row]:
    """All jobs, in as many processes; rows by model, policy and source. Raises GlimpseError as `explored` does."""
    started = time.monotonic()
    parts: dict[Job, Part] = {}
    for job, part in zip(jobs, pooled(explored, jobs, workers), strict=True):
        name = f"{Path(job.model).name} {job.policy}, seed {job.seed}, {len(part.views)} scenes"
        print(f"{len(parts) + 1}/{len(jobs)} {name}: after {time.monotonic() - started:.0f} s", file=sys.stderr)
        parts[job] = part
    rows: dict[tuple[str, str, Source], tuple[Part, ...]] = {}
    for job, part in parts.items():
        key = (job.model, job.policy, job.source)
        rows[key] = (*rows.get(key, ()), part)
    return {key: Row(kept) for key, kept in rows.items()}
