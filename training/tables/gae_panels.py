"""What the pictures of Glimpse-Attend-and-Explore are made of: episodes to draw, and maps of where was looked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glimpse_ros import evaluate
from glimpse_ros.core.explorer import Step, explore, look_at_canvas
from glimpse_ros.core.policies import make_policy, random_place
from glimpse_ros.core.retina import box_px
from glimpse_ros.core.scene_frame import overlap
from glimpse_ros.core.types import SceneInfo, SceneSpec, View
from glimpse_ros.datasets.truth import Truth

from .gae_rows import GLIMPSES, Source, scene_of, truth_of

MAP_WIDTH = 192  # [px] of maps of where was looked


@dataclass(frozen=True)
class Explored:
    """One episode over one scene of a data set."""

    truth: Truth
    index: int  # of the scene
    info: SceneInfo
    steps: list[Step]
    row: evaluate.Row  # its figures after each glimpse

    @property
    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) the scene."""
        return self.truth.images[self.index]

    @property
    def views(self) -> list[View]:
        """Where was looked."""
        return [step.view for step in self.steps]


def episodes(model: str, policy: str, source: Source, starts: list[tuple[int, int]]) -> list[Explored]:
    """Episodes of a bundle on scenes by (number, seed): the first look is anywhere, which the seed decides.

    Raises GlimpseError for what cannot be used.
    """
    truth = truth_of(source)
    scene = scene_of(model, truth)
    info, chosen = scene.info, make_policy(policy, model, scene.info, provider="cpu", threads=1)
    fov = 360.0 if truth.projection == "spherical" else 60.0
    setting = evaluate.Setting(truth.size, GLIMPSES, source.max_fov, 1, truth.projection, fov)
    limits = overlap(setting.limits(evaluate.SENSOR), info.s_range, "pictures")
    made = []
    for index, seed in starts:
        image = truth.images[index]
        rng = np.random.default_rng([seed, 10])
        steps = explore(
            look_at_canvas(image, info.glimpse, info.scene, info.padding),
            scene,
            chosen,
            limits=limits,
            glimpses=GLIMPSES,
            seed=seed,
            first=random_place(rng, limits.s[1], info.scene, info.padding),
            forced=True,
            overview=image,
        )
        row, kept = evaluate.Row(info, truth, GLIMPSES), []
        for k, step in enumerate(steps):
            kept.append(step)
            row.add(index, k, step.estimate)
        row.taken.append(len(kept))
        made.append(Explored(truth, index, info, kept, row))
    return made


def map_size(scene: SceneSpec) -> tuple[int, int]:
    """height, width [px] of a map of where was looked."""
    return max(1, round(MAP_WIDTH * scene.height / scene.width)), MAP_WIDTH


def covered(views: NDArray[np.float32], scene: SceneSpec) -> NDArray[np.bool_]:
    """(h, w) of `map_size`: where the glimpses at (T, 3) reach, all of their scales."""
    height, width = map_size(scene)
    seen = np.zeros((height, width), bool)
    for x, y, s in views:
        left, top, w, h = box_px(View(float(x), float(y), float(s)), height, width)
        rows = slice(max(top, 0), max(top + h, 0))
        if scene.projection == "spherical":
            seen[rows, np.arange(left, left + w) % width] = True
        else:
            seen[rows, max(left, 0) : max(left + w, 0)] = True
    return seen


def average_map(views: NDArray[np.float32], scene: SceneSpec) -> NDArray[np.float64]:
    """(h, w) in [0, 1]: in which share of the episodes (N, T, 3) a place was inside a glimpse."""
    total = np.zeros(map_size(scene))
    for episode in views:
        total += covered(episode, scene)
    return total / len(views)


def agreement(maps: list[NDArray[np.bool_]]) -> float:
    """Intersection over union of maps of where was looked, mean over pairs; 1 for a single one."""
    pairs = [(a, b) for i, a in enumerate(maps) for b in maps[i + 1 :]]
    return float(np.mean([(a & b).sum() / max((a | b).sum(), 1) for a, b in pairs])) if pairs else 1.0


def share_covered(views: NDArray[np.float32], scene: SceneSpec) -> float:
    """The share of the canvas that an episode's glimpses reach, mean over episodes (N, T, 3)."""
    return float(np.mean([covered(episode, scene).mean() for episode in views]))
