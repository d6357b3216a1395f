"""The whole scene in tiles first, then closer looks where the scene model is least certain.

For a number of glimpses that it knows: where square tiles can cover the scene, they come first, and what is left of
the budget goes to where the expected error is, instead of along the horizon as the plain grid's does. Where they
cannot, it is the grid. The best of the heuristics where a glimpse may span the scene.
"""

from __future__ import annotations

import numpy as np

from .map_policy import FinestSeen, MapPolicy, best_box
from .placement import grid_views
from .types import Decision, Episode, SceneEstimate, SceneInfo, View

SCALES = 4  # widths of a closer look, from half a tile's down to the smallest


class TileThenZoomPolicy(MapPolicy):
    """Tiles, then the box with the most squared error that a closer look would sharpen, per look."""

    def __init__(self, info: SceneInfo) -> None:
        super().__init__(info, "tile-then-zoom", "uncertainty")

    def reset(self, episode: Episode) -> None:
        """Start over."""
        super().reset(episode)
        self.finest = FinestSeen(episode.scene)
        self.tiles: list[View] | None = None

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """The next tile; when there is none left, a closer look."""
        if seen is not None:
            self.see(seen)
            self.finest.add(seen)
        if self.tiles is None:
            start = seen or self.episode.first_view
            count = max(1, self.episode.glimpses - (seen is not None))
            x = start.x if start else -1.0
            plan = grid_views(count, self.limits, self.episode.scene, x, self.info.padding)
            self.tiles = [view for view in plan if view.s == plan[0].s]  # the grid's closer looks come last
            self.side = plan[0].s
        if self.tiles:
            return Decision(self.tiles.pop(0))
        values = np.square(self.values(estimate)) * self.apart()
        best, best_view = -1.0, None
        for s in np.geomspace(self.limits.s[0], max(self.side / 2.0, self.limits.s[0]), SCALES):
            gain = np.asarray(values * self.finest.coarser(float(s)), np.float32)
            view, score = best_box(gain, float(s), self.limits, self.episode.scene)
            # What a look leaves grows about with its width: of what lies under it, that share it does not take away.
            score *= 1.0 - float(s) / (2.0 * self.side)
            if score > best:
                best, best_view = score, view
        assert best_view is not None
        return Decision(best_view)
