"""Where to look next without learning: random views, a grid, and the dict of all policies that need no bundle.

All views are in the scene frame (see `types`). s is drawn from the overlap of the camera's range and the scene
model's; where there is none, `reset` refuses. A first view that the episode names is taken as it is, except by the
grid, which only starts from its x.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .map_policy import MapPolicy, contrast_saliency
from .placement import fit_inside, random_place
from .quadtree import QuadtreePolicy
from .scene_frame import overlap
from .types import Decision, Episode, GlimpseError, Limits, Policy, SceneEstimate, SceneInfo, SceneSpec, View
from .wide_then_zoom import WideThenZoomPolicy

ZIGZAG_Y = 0.4  # rows of a grid that cannot cover the scene; the best on the training panoramas


def first_view(info: SceneInfo, limits: Limits, seed: int) -> View | None:
    """Where an episode starts by the scene model's card; None leaves it to the policy.

    "random" is seeded and at the widest. On a sphere it is a heading, level: a robot that wakes up somewhere and looks
    ahead. On a planar scene, which has no ahead, it is uniform in x and y.
    """
    if info.first_view == "policy":
        return None
    limits = overlap(limits, info.s_range, "first view")
    if info.first_view == "random":
        rng, s = np.random.default_rng(seed), limits.s[1]
        if info.scene.projection == "spherical":
            view = View(float(rng.uniform(*limits.x)), 0.0, s)
        else:
            view = random_place(rng, s, info.scene, info.padding)
        return fit_inside(view, limits, info.scene, info.padding)
    x, y, s = (float(value) for value in info.first_view)
    return fit_inside(View(x, y, s), limits, info.scene, info.padding)


class RandomPolicy:
    """x, y and s uniform over what the camera can reach; boxes inside the canvas where the padding is "clamp"."""

    wants: frozenset[str] = frozenset()

    def __init__(self, info: SceneInfo) -> None:
        self.info = info

    def reset(self, episode: Episode) -> None:
        """Start over with the episode's seed."""
        self.episode = episode
        self.limits = overlap(episode.limits, self.info.s_range, "random policy")
        self.rng = np.random.default_rng([episode.seed, 1])

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """A random view."""
        if seen is None and self.episode.first_view is not None:
            return Decision(self.episode.first_view)
        scene, s = self.episode.scene, float(self.rng.uniform(*self.limits.s))
        view = random_place(self.rng, s, scene, self.info.padding)
        return Decision(fit_inside(view, self.limits, scene, self.info.padding))


class GridPolicy:
    """Square tiles over the whole scene, for a number of glimpses that it knows.

    Where the tiles can cover the scene they are as small as the budget allows, and what is left of the budget zooms
    in along the horizon. Where they cannot, they lie in staggered rows (two: a zigzag) at the widest s.
    """

    wants: frozenset[str] = frozenset()

    def __init__(self, info: SceneInfo) -> None:
        self.info = info

    def reset(self, episode: Episode) -> None:
        """Start over."""
        self.episode = episode
        self.limits = overlap(episode.limits, self.info.s_range, "grid policy")
        self.plan: list[View] = []
        self.next = 0

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """The next tile; after the last, the first again."""
        if not self.plan:
            start = seen or self.episode.first_view
            count = max(1, self.episode.glimpses - (seen is not None))
            x, padding = start.x if start else -1.0, self.info.padding
            self.plan = grid_views(count, self.limits, self.episode.scene, x, padding)
        view = self.plan[self.next % len(self.plan)]
        self.next += 1
        return Decision(view)


def grid_views(count: int, limits: Limits, scene: SceneSpec, start_x: float, padding: str = "clamp") -> list[View]:
    """`count` tiles within the limits; on a spherical scene the first column is centred at `start_x`."""
    aspect = scene.height / scene.width
    covering = [c for c in range(1, count + 1) if c * math.ceil(c * aspect - 1e-9) <= count]
    covering = [c for c in covering if limits.s[0] <= 1.0 / c <= limits.s[1]]
    if covering:
        cols = covering[-1]
        rows, s = math.ceil(cols * aspect - 1e-9), 1.0 / cols
        tiles = [(i, (2 * j + 1) / rows - 1.0, 2.0 / cols, s) for i in range(cols) for j in range(rows)]
        rest = count - len(tiles)
        tiles += [(i, 0.0, 2.0 / max(rest, 1), s / 2.0) for i in range(rest)]
    else:
        s = limits.s[1]
        rows = min(max(2, math.ceil(count * s - 1e-9)), max(1, math.ceil(aspect / s - 1e-9)))
        heights = [-ZIGZAG_Y, ZIGZAG_Y] if rows == 2 else list(np.linspace(-1.0, 1.0, 2 * rows + 1)[1::2])
        tiles = [(i, heights[i % rows], 2.0 / count, s) for i in range(count)]
    views = []
    for i, y, step, s in tiles:
        x = start_x + i * step if scene.projection == "spherical" else (i + 0.5) * step - 1.0
        views.append(fit_inside(View(x, y, s), limits, scene, padding))
    return views


POLICIES: dict[str, Callable[[SceneInfo], Policy]] = {
    "random": RandomPolicy,
    "grid": GridPolicy,
    "saliency": lambda info: MapPolicy(info, "saliency", "reconstruction", contrast_saliency),
    "uncertainty": lambda info: MapPolicy(info, "uncertainty", "uncertainty"),
    # The criterion of AME (Pardyl et al., IJCAI 2023) where the model's attention is an entropy.
    "attention": lambda info: MapPolicy(info, "attention", "attention"),
    "quadtree": QuadtreePolicy,
    "wide-then-zoom": WideThenZoomPolicy,
}


def make_policy(
    name: str, scene_path: str, info: SceneInfo, provider: str = "auto", threads: int | None = None
) -> Policy:
    """A policy by name; "learned" is the one in the bundle at `scene_path`, or a path to another bundle.

    Raises GlimpseError for an unknown name or a pair that makes no sense (mosaic with "learned").
    """
    if name in POLICIES:
        return POLICIES[name](info)
    if name == "learned" and scene_path == "mosaic":
        raise GlimpseError("policy 'learned' with model 'mosaic': the mosaic has no policy; expected a bundle")
    from .bundle import load_policy  # late: heuristics need no ONNX Runtime

    if name == "learned":
        return load_policy(scene_path, info, provider=provider, threads=threads)
    if "/" in name:
        return load_policy(name, info, provider=provider, threads=threads)
    raise GlimpseError(f"policy {name!r}: expected learned, {', '.join(POLICIES)} or the path of a bundle")
