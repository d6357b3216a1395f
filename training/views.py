"""Random views for training without a policy: any place, any scale, any number, so that one model serves every policy.

Half of the episodes are PTZ-like (s up to a sixth of the horizon), half free (s up to the whole scene). Their places
are uniform, spread out (each the farthest of a few candidates from those before it), or a grid. Some of the free ones
may see all of the scene in tiles first and then parts of it closely, as who knows how many looks there are would.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.policies import grid_views
from glimpse_ros.core.types import Limits, SceneSpec

WIDEST_PTZ = 1 / 6


def episode(
    rng: np.random.Generator, most: int, scene: SceneSpec, narrowest: float, free: float = 0.5, tiled: float = 0.0
) -> NDArray[np.float32]:
    """(T, 3) views (x, y, s) of one episode; T is random, 1 to `most`; free: the share that may see the whole scene,
    tiled: the share of those that begin with all of it."""
    count = int(rng.integers(1, most + 1))
    wide = 1.0 if rng.random() < free else max(WIDEST_PTZ, narrowest)
    if tiled and wide == 1.0 and rng.random() < tiled:
        return in_tiles(rng, most, scene, narrowest)
    kind = rng.random()
    if kind < 0.2:
        limits = Limits(s=(narrowest, wide))
        planned = max(count, int(rng.choice([4, 6, 8, 10, 12, 16])))
        views = grid_views(planned, limits, scene, float(rng.uniform(-1, 1)))
        picks = rng.permutation(planned)[:count] if rng.random() < 0.5 else np.arange(count)
        chosen = np.array([(views[i].x, views[i].y, views[i].s) for i in picks])
        chosen[:, :2] += rng.normal(0, 0.03, (count, 2))
        return chosen.astype(np.float32)
    if rng.random() < 0.4:  # one zoom for the whole episode
        s = np.full(count, np.exp(rng.uniform(np.log(narrowest), np.log(wide))) if wide == 1.0 else wide)
    elif wide == 1.0:
        s = np.exp(rng.uniform(np.log(narrowest), 0.0, count))
    else:
        s = np.where(rng.random(count) < 0.6, wide, rng.uniform(narrowest, wide, count))
    candidates = 1 if kind < 0.55 else 6
    placed: list[NDArray[np.float64]] = []
    for width in s:
        room = max(0.0, 1.0 - width * scene.width / scene.height)
        options = np.stack([rng.uniform(-1, 1, candidates), rng.uniform(-room, room, candidates)], 1)
        if placed and candidates > 1:
            delta = np.abs(options[:, None] - np.array(placed)[None])  # (candidates, placed, 2)
            if scene.projection == "spherical":
                delta[..., 0] = np.minimum(delta[..., 0], 2 - delta[..., 0])
            away = np.hypot(delta[..., 0] * scene.width / scene.height, delta[..., 1]).min(1)
            options = options[[int(away.argmax())]]
        placed.append(options[0])
    return np.concatenate([np.array(placed), s[:, None]], 1).astype(np.float32)


def in_tiles(rng: np.random.Generator, most: int, scene: SceneSpec, narrowest: float) -> NDArray[np.float32]:
    """(T, 3): tiles that cover the scene, for two thirds of `most` looks or more, then parts of one."""
    planned = int(rng.integers(max(1, 2 * most // 3), most + 1))
    tiles = grid_views(planned, Limits(s=(narrowest, 1.0)), scene, float(rng.uniform(-1, 1)))
    widest = max(min(view.s for view in tiles), 2 * narrowest)
    s = np.exp(rng.uniform(np.log(narrowest), np.log(widest / 2), int(rng.integers(most - len(tiles) + 1))))
    room = np.maximum(0.0, 1.0 - s * scene.width / scene.height)
    closer = np.stack([rng.uniform(-1, 1, len(s)), rng.uniform(-room, room), s], 1)
    return np.concatenate([np.array([(v.x, v.y, v.s) for v in tiles]), closer]).astype(np.float32)


def batch(
    rng: np.random.Generator,
    size: int,
    most: int,
    scene: SceneSpec,
    narrowest: float,
    free: float = 0.5,
    tiled: float = 0.0,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """views (B, T, 3) and how many of them count (B,), longest episodes first; T is that of the longest."""
    most = most if rng.random() < 0.1 else min(12, most)  # a batch takes as long as its longest episode
    episodes = sorted((episode(rng, most, scene, narrowest, free, tiled) for _ in range(size)), key=len, reverse=True)
    views = np.tile(np.array([0, 0, 1], np.float32), (size, len(episodes[0]), 1))
    for i, e in enumerate(episodes):
        views[i, : len(e)] = e
    return views, np.array([len(e) for e in episodes])
