"""Which kind of camera it is, and how its views map to the scene: from parameters, or from what is heard. No ROS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..cameras.wide import wide_scene
from ..core.scene_frame import SceneFrame, fov_from_zoom

NOMINAL_HFOV = math.radians(60.0)  # of a wide camera that never tells: any value serves, its views are its own
Kind = Literal["ptz", "wide"]


@dataclass(frozen=True)
class Calibration:
    """What a CameraInfo says: size and focal lengths [px]."""

    width: int
    height: int
    fx: float
    fy: float

    def valid(self) -> bool:
        """An uncalibrated driver sends zeros."""
        return min(self.width, self.height) > 0 and all(math.isfinite(f) and f > 0.0 for f in (self.fx, self.fy))

    def smaller_fov(self) -> float:
        """[rad] over the smaller side."""
        side, focal = min((self.width, self.fx), (self.height, self.fy))
        return 2.0 * math.atan(side / 2.0 / focal)

    def hfov(self) -> float:
        """[rad] over the width."""
        return 2.0 * math.atan(self.width / 2.0 / self.fx)


class Lens:
    """The camera as the scene node sees it; what it has found out stays."""

    def __init__(self, camera: str, hfov: float, patience: float = 1.0) -> None:
        """camera: "ptz", "wide" or "auto". hfov: field of view at zoom 1 [rad] (of a PTZ over the smaller side), 0:
        from CameraInfo. patience: how long [s] `auto` waits for a view_state before it takes a camera for a wide one.
        """
        self.kind: Kind | None = "ptz" if camera == "ptz" else "wide" if camera == "wide" else None
        self.hfov, self.patience = hfov, patience
        self.calibration: Calibration | None = None
        self._first: float | None = None
        self._h0: float | None = hfov or None

    def decide(self, states: bool, now: float) -> Kind | None:
        """The kind, None while that is open; `states`: somebody publishes where the camera looks; now: steady [s]."""
        if self.kind is None:
            self._first = now if self._first is None else self._first
            if states:
                self.kind = "ptz"
            elif now - self._first >= self.patience:
                self.kind = "wide"
        return self.kind

    def ptz(self, zoom: float) -> SceneFrame | None:
        """The frame of a PTZ camera that stands at `zoom`; None until its field of view is known."""
        if self._h0 is None and self.calibration is not None:
            fov = self.calibration.smaller_fov()
            self._h0 = fov_from_zoom(fov, 1.0 / zoom)  # back to zoom 1
        return None if self._h0 is None else SceneFrame("spherical", self._h0)

    def wide(self, height: int, width: int) -> SceneFrame:
        """The frame of a wide camera whose images are of this size."""
        hfov = self.hfov or (self.calibration.hfov() if self.calibration else NOMINAL_HFOV)
        return wide_scene(hfov, height, width)
