"""What a belief is the belief of, as text in its frame_id. No ROS in here."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..core.scene_frame import SceneFrame
from ..core.types import GlimpseError, MountLimits, PanTiltZoom, Projection, SceneInfo, SceneSpec, View


@dataclass(frozen=True)
class BeliefTag:
    """JSON in a belief's frame_id: one message then holds all that a policy needs.

    An answer repeats the belief's header as it is, so a policy of somebody else's need not read this.
    """

    episode: str  # a new one after every reset
    step: int  # glimpses taken so far
    belief_id: str  # of the scene model
    scene: tuple[int, int, str]  # height, width [px], projection of its canvas
    fov: tuple[float, float, float]  # h0, and horizontal and vertical extent of the scene [rad]
    frame: str  # projection of the camera's frame
    view: tuple[float, float, float] | None = None  # (x, y, s) of the last glimpse; None before the first
    ptz: tuple[float, float, float] | None = None  # where the camera looks; None: a wide one

    @staticmethod
    def of(
        info: SceneInfo, episode: str, step: int, camera: SceneFrame, view: View | None, ptz: PanTiltZoom | None
    ) -> BeliefTag:
        """The tag of a belief of the scene model `info` describes."""
        return BeliefTag(
            episode,
            step,
            info.belief_id,
            (info.scene.height, info.scene.width, info.scene.projection),
            (camera.h0, *camera.scene_fov),
            camera.projection,
            None if view is None else (view.x, view.y, view.s),
            None if ptz is None else (ptz.pan, ptz.tilt, ptz.zoom),
        )

    def text(self) -> str:
        """For frame_id. Floats keep every bit."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def parse(text: str) -> BeliefTag:
        """The inverse of `text`; raises GlimpseError for anything else."""
        try:
            raw = json.loads(text)
            tag = BeliefTag(
                str(raw["episode"]),
                int(raw["step"]),
                str(raw["belief_id"]),
                (int(raw["scene"][0]), int(raw["scene"][1]), str(raw["scene"][2])),
                _three(raw["fov"]),
                str(raw["frame"]),
                None if raw["view"] is None else _three(raw["view"]),
                None if raw["ptz"] is None else _three(raw["ptz"]),
            )
            tag.camera(MountLimits())
            tag.spec()
            tag.seen()
            return tag
        except (ValueError, KeyError, TypeError, IndexError, OverflowError) as err:
            raise GlimpseError(
                f"belief with the frame_id {text[:60]!r}: expected the tag that scene_node writes"
            ) from err

    def spec(self) -> SceneSpec:
        """The canvas."""
        height, width, projection = self.scene
        return SceneSpec(height, width, _projection(projection))

    def seen(self) -> View | None:
        """Where the last glimpse was taken."""
        return None if self.view is None else View(*self.view)

    def looking(self) -> PanTiltZoom | None:
        """Where the camera looked at the belief's stamp."""
        return None if self.ptz is None else PanTiltZoom(*self.ptz)

    def camera(self, mount: MountLimits) -> SceneFrame:
        """The camera in its scene, within the limits of a mount."""
        return SceneFrame(_projection(self.frame), self.fov[0], (self.fov[1], self.fov[2]), mount)


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
        raise ValueError("not finite")
    return a, b, c


def _projection(name: str) -> Projection:
    if name == "planar":
        return "planar"
    if name == "spherical":
        return "spherical"
    raise GlimpseError(f"projection {name[:20]!r}: expected planar or spherical")
