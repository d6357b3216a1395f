"""A quad-tree of the scene that grows where the scene model is least certain.

The second of the heuristics that AdaGlimpse (Pardyl et al., ECCV 2024) is compared with on its own backbone, with
squared uncertainty, which is expected error, in the place of attention entropy.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .map_policy import MAP_GRID, FinestSeen, MapPolicy, footprint
from .placement import fit_inside, half_height
from .types import Decision, Episode, Limits, SceneEstimate, SceneInfo, SceneSpec, View

SMALLEST = 1.0 / MAP_GRID[1]  # s of the finest tiles: a cell
SLIVER = 0.1  # share of a tile that may be left unseen and the tile count as seen


def root_tiles(limits: Limits, scene: SceneSpec, start_x: float, padding: str = "clamp") -> list[View]:
    """The fewest views of the widest s that cover the scene, evenly spread; on a sphere the first column is at start_x.

    Where the limits keep the camera from an edge of the scene, those next to it move inside, and no two are the same.
    """
    s = limits.s[1]
    cols = math.ceil(1.0 / s - 1e-9)
    xs = [start_x + 2.0 * i / cols for i in range(cols)] if scene.projection == "spherical" else spread(s, cols)
    half = half_height(s, scene)
    ys = spread(half, math.ceil(1.0 / half - 1e-9))
    return list(dict.fromkeys(fit_inside(View(x, y, s), limits, scene, padding) for y in ys for x in xs))


def spread(half: float, count: int) -> list[float]:
    """Centres of `count` boxes, `half` their half side, evenly from one end of [-1, 1] to the other."""
    return [0.0] if count == 1 else [float(c) for c in np.linspace(half - 1.0, 1.0 - half, count)]


def quadrants(tile: View, limits: Limits, scene: SceneSpec, padding: str = "clamp") -> list[View]:
    """The views of half the tile's s that cover it; none where the camera or the map is not that fine.

    Four, but two, side by side, where half of a tile still spans the scene's height, as on the whole of a 2:1 scene.
    """
    s = tile.s / 2.0
    if s < max(limits.s[0], SMALLEST) - 1e-9:
        return []
    half, child = half_height(tile.s, scene), half_height(s, scene)
    ys = [tile.y + half * y for y in spread(child / half, math.ceil(half / child - 1e-9))]
    views = [fit_inside(View(tile.x + dx, y, s), limits, scene, padding) for y in ys for dx in (-s, s)]
    return list(dict.fromkeys(views))


class QuadtreePolicy(MapPolicy):
    """Looks at the tile with the greatest sum of squared uncertainty that a look would sharpen, then at its quadrants.

    It starts from the widest tiles, the whole scene if the limits allow it. A tile that was looked at, or seen as
    sharply by other looks, gives its place to its quadrants. When all is as fine as it gets, it begins again.
    """

    def __init__(self, info: SceneInfo) -> None:
        super().__init__(info, "quadtree", "uncertainty")

    def reset(self, episode: Episode) -> None:
        """Start over."""
        super().reset(episode)
        self.finest = FinestSeen(episode.scene)
        self.tiles: dict[View, NDArray[np.float32]] = {}  # not looked at yet, each with its footprint
        self.aim: View | None = None

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """The next tile."""
        first = self.episode.first_view
        if seen is None and first is not None:
            return Decision(first)
        if seen is not None:
            self.see(seen)
            self.finest.add(seen)
        if self.aim is not None:
            self._split(self.aim)  # wherever the camera really went, so that it does not stare
        self._split_seen()
        start_x = (first or seen or View(0.0, 0.0, 1.0)).x
        if not self.tiles:
            self._plant(start_x)
            self._split_seen()
        if not self.tiles:  # all is as fine as it gets
            self.finest = FinestSeen(self.episode.scene)
            self._plant(start_x)
        error = self.values(estimate) ** 2 * self.apart()
        new = {s: error * self.finest.coarser(s) for s in {tile.s for tile in self.tiles}}
        self.aim = max(self.tiles, key=lambda tile: float((new[tile.s] * self.tiles[tile]).sum()))
        return Decision(self.aim)

    def _plant(self, start_x: float) -> None:
        """The roots."""
        scene = self.episode.scene
        roots = root_tiles(self.limits, scene, start_x, self.info.padding)
        self.tiles = {tile: footprint(tile, scene) for tile in roots}

    def _split_seen(self) -> None:
        """Split every tile that was seen as sharply as a look at it would, and its quadrants in turn."""
        waiting = list(self.tiles)
        while waiting:
            tile = waiting.pop()
            weights = self.tiles[tile]
            if float((weights * self.finest.coarser(tile.s)).sum()) <= SLIVER * float(weights.sum()):
                waiting += self._split(tile)

    def _split(self, tile: View) -> list[View]:
        """Put its quadrants in the place of a tile; returns those that are new."""
        del self.tiles[tile]
        scene, padding = self.episode.scene, self.info.padding
        new = [child for child in quadrants(tile, self.limits, scene, padding) if child not in self.tiles]
        self.tiles |= {child: footprint(child, scene) for child in new}
        return new
