"""Where to look next without learning: random views, a grid, and the dict of all policies that need no bundle.

All views are in the scene frame (see `types`). s is drawn from the overlap of the camera's range and the scene
model's; where there is none, `reset` refuses. A first view that the episode names is taken as it is, except by the
grid, which only starts from its x.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .map_policy import MapPolicy, contrast_saliency
from .placement import fit_inside, grid_views, random_place
from .quadtree import QuadtreePolicy
from .scene_frame import overlap
from .tile_then_zoom import TileThenZoomPolicy
from .types import Decision, Episode, GlimpseError, Limits, Policy, SceneEstimate, SceneInfo, View
from .wide_then_zoom import WideThenZoomPolicy


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


POLICIES: dict[str, Callable[[SceneInfo], Policy]] = {
    "random": RandomPolicy,
    "grid": GridPolicy,
    "saliency": lambda info: MapPolicy(info, "saliency", "reconstruction", contrast_saliency),
    "uncertainty": lambda info: MapPolicy(info, "uncertainty", "uncertainty"),
    # The criterion of AME (Pardyl et al., IJCAI 2023) where the model's attention is an entropy.
    "attention": lambda info: MapPolicy(info, "attention", "attention"),
    "quadtree": QuadtreePolicy,
    "wide-then-zoom": WideThenZoomPolicy,
    "tile-then-zoom": TileThenZoomPolicy,
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
