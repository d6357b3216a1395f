"""One wide look, then close looks of one fixed width where the scene model is least certain.

The first of the heuristics that AdaGlimpse (Pardyl et al., ECCV 2024) is compared with on its own backbone, with
uncertainty in the place of attention entropy.
"""

from __future__ import annotations

import numpy as np

from .map_policy import FinestSeen, MapPolicy, best_box
from .placement import fit_inside
from .types import Decision, Episode, SceneEstimate, SceneInfo, View

ZOOM = 4.0  # of the widest s over that of the close looks


class WideThenZoomPolicy(MapPolicy):
    """The widest look straight ahead, unless the episode names its first view; then only looks of a ZOOMth of it.

    Those are never under the smallest s of the limits, and lie where nothing was seen that closely. When all was, it
    begins again.
    """

    def __init__(self, info: SceneInfo) -> None:
        super().__init__(info, "wide-then-zoom", "uncertainty")

    def reset(self, episode: Episode) -> None:
        """Start over."""
        super().reset(episode)
        self.finest = FinestSeen(episode.scene)
        self.close = max(self.limits.s[0], self.limits.s[1] / ZOOM)

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """The box of the close looks' width with the greatest sum of uncertainty that is new."""
        scene = self.episode.scene
        if seen is None:
            ahead = fit_inside(View(0.0, 0.0, self.limits.s[1]), self.limits, scene, self.info.padding)
            return Decision(self.episode.first_view or ahead)
        self.see(seen)
        self.finest.add(seen)
        values = self.values(estimate) * self.apart()
        if not (values * self.finest.coarser(self.close)).any():
            self.finest = FinestSeen(scene)
        new = np.asarray(values * self.finest.coarser(self.close), np.float32)
        return Decision(best_box(new, self.close, self.limits, scene)[0])
