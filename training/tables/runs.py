"""Bundles over frozen test scenes, with the runtime that robots have: one greedy episode a scene and a seed.

An episode is that of `glimpse evaluate`: the same seeds, first views and noise. What comes out is kept for every scene
and glimpse, so that one pass answers for every number of glimpses and every stop threshold.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.explorer import explore, look_at_canvas
from glimpse_ros.core.policies import first_view, make_policy
from glimpse_ros.core.types import GlimpseError, Limits
from glimpse_ros.datasets import mnist

from .pool import pooled

CHUNK = 500  # scenes a job
NEVER = 2.0  # a stop threshold that no score reaches; with it the policy is asked after the last glimpse too


@dataclass(frozen=True)
class Looks:
    """What was said of N scenes after each of T glimpses, per seed. All of it was run to the end; nothing stopped."""

    right: NDArray[np.bool_]  # (seeds, N, T) whether the most probable class is the true one
    stop: NDArray[np.float32]  # (seeds, N, T), NaN where the policy has no such score

    def error(self, glimpses: int) -> tuple[float, float]:
        """Mean and standard deviation [%] over seeds."""
        return spread(100 * (1 - self.right[:, :, glimpses - 1].mean(1)))

    def accuracy(self) -> NDArray[np.float64]:
        """(T,) [%], mean over seeds."""
        return 100 * self.right.mean((0, 1))

    def stopped(self, beta: float) -> tuple[float, float, float]:
        """Where each scene stops at its first score of at least beta / (1 + beta), or after T glimpses: mean number of
        glimpses; mean and standard deviation over seeds of the accuracy [%].
        """
        stops = self.stop >= beta / (1 + beta)
        stops[..., -1] = True
        first = stops.argmax(-1)  # (seeds, N)
        right = np.take_along_axis(self.right, first[..., None], -1)[..., 0]
        return (float((first + 1).mean()), *spread(100 * right.mean(1)))


def spread(values: NDArray[np.floating]) -> tuple[float, float]:
    """Mean and standard deviation (of the values themselves, not of their mean)."""
    return float(np.mean(values)), float(np.std(values))


@dataclass(frozen=True)
class Plan:
    """What all bundles are run over."""

    data: Path
    models: Path
    count: int | None = None  # the first so many scenes; None: all
    seeds: int = 3
    workers: int = 1

    def __post_init__(self) -> None:
        for name, value in (("count", self.count), ("seeds", self.seeds), ("workers", self.workers)):
            if value is not None and value < 1:
                raise GlimpseError(f"--{name} {value}: expected at least 1")

    def watch(
        self, bundle: str, variant: str, glimpses: int, policy: str = "learned", held_out: bool = False
    ) -> Looks | None:
        """Run `models/<bundle>` over the test scenes of a variant of MNIST; None where there is no such bundle.

        held_out: over the training digits that nothing was trained on instead, one seed, variant "28" only.
        Raises GlimpseError for a broken bundle, for one made for other scenes, and for what is no MNIST.
        """
        path = self.models / bundle
        if not (path / "scene.onnx").exists():
            return None
        side, info = mnist.variant(variant).side, load_scene(path, "cpu", threads=1).info
        if (info.scene.height, info.scene.width) != (side, side) or "classification" not in info.outputs:
            raise GlimpseError(
                f"{path}: made for scenes of {info.scene.height}x{info.scene.width} px, giving "
                f"{', '.join(sorted(info.outputs)) or 'no maps'}; expected {side}x{side}, giving classification"
            )
        if held_out:
            from ..digits import HELD_OUT  # late: it brings torch

            scenes, labels = (array[-HELD_OUT:][: self.count] for array in mnist.load(self.data, "train"))
        else:
            scenes, labels = mnist.test_scenes(self.data, variant, self.count)
        seeds = 1 if held_out else self.seeds
        started, parts = time.monotonic(), []
        jobs = [
            (path, policy, glimpses, seed, at, scenes[at : at + CHUNK], labels[at : at + CHUNK])
            for seed in range(seeds)
            for at in range(0, len(scenes), CHUNK)
        ]
        for done, part in enumerate(pooled(episodes, jobs, self.workers), 1):
            parts.append(part)
            if sys.stderr.isatty():
                print(f"\r{bundle} {policy}: {done}/{len(jobs)} ", end="", file=sys.stderr)
        end = "\r" if sys.stderr.isatty() else ""
        print(f"{end}{bundle} {policy}: {time.monotonic() - started:.0f} s{' ' * 8}", file=sys.stderr)
        right, stop = (np.concatenate(lists) for lists in zip(*parts, strict=True))
        shape = (seeds, len(scenes), glimpses)
        return Looks(right.reshape(shape), stop.reshape(shape))


def episodes(
    job: tuple[Path, str, int, int, int, NDArray[np.uint8], NDArray[np.uint8]],
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """`Looks` of one seed over scenes (N, side, side) that begin with number `at`: right and stop, (N, T) each."""
    path, name, glimpses, seed, at, scenes, labels = job
    scene = load_scene(path, "cpu", threads=1)
    policy = make_policy(name, str(path), scene.info, provider="cpu", threads=1)
    info, limits = scene.info, Limits(s=scene.info.s_range)
    right = np.zeros((len(scenes), glimpses), bool)
    stop = np.full((len(scenes), glimpses), np.nan, np.float32)
    for i, grey in enumerate(scenes):
        own = seed * 100_003 + at + i
        canvas = np.repeat(grey[..., None], 3, 2)
        steps = explore(
            look_at_canvas(canvas, info.glimpse, info.scene, info.padding),
            scene,
            policy,
            limits=limits,
            glimpses=glimpses,
            seed=own,
            first=first_view(info, limits, own),
            stop_threshold=NEVER,
            overview=canvas,
        )
        for t, step in enumerate(steps):
            assert step.estimate.classification is not None
            right[i, t] = step.estimate.classification.argmax() == labels[i]
            if step.stop is not None:
                stop[i, t] = step.stop
    return right, stop


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))
