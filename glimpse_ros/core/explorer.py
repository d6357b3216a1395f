"""The loop in one process: look, remember, decide. Used by tests, evaluation and the command line.

The ROS nodes run the same functions: `glimpse_from_frame` in the scene node, `Policy.decide` in the policy node.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .policies import fit_inside
from .retina import averaged, sample
from .scene_frame import SceneFrame, canvas_crop_from_perspective, fov_from_zoom
from .types import (
    Episode,
    Frame,
    Glimpse,
    GlimpseError,
    GlimpseSpec,
    Limits,
    Policy,
    SceneEstimate,
    SceneModel,
    SceneSpec,
    View,
)


@dataclass(frozen=True)
class Step:
    """One turn of the loop."""

    view: View  # where the glimpse was really taken
    glimpse: Glimpse
    estimate: SceneEstimate
    stop: float | None  # the policy's score when it chose what comes next
    seconds: float  # scene model and policy, without the camera


def explore(
    look: Callable[[View], Glimpse],
    scene: SceneModel,
    policy: Policy,
    *,
    limits: Limits,
    glimpses: int,
    seed: int = 0,
    first: View | None = None,
    forced: bool = False,
    stop_threshold: float | None = None,
    decode: bool = True,
    overview: NDArray[np.generic] | None = None,
) -> Iterator[Step]:
    """Yield `glimpses` steps, fewer where the policy's stop score reaches `stop_threshold`.

    look: takes the glimpse at a view.
    first: the episode's first view; with `forced` (a camera that already looks there) the policy is not asked.
    overview: the whole scene (H, W, 3), uint8 or float32 in [0, 1], for scene models that take a coarse look at it.
    """
    scene.reset()
    if overview is not None:
        give_overview(scene, overview)
    policy.reset(Episode(limits, glimpses, first, scene.info.scene, seed))
    view = first if forced and first is not None else policy.decide(scene.empty(), None).view
    for taken in range(glimpses):
        glimpse = look(view)
        started = time.perf_counter()
        estimate = scene.step(glimpse, decode)
        stop = None
        if taken + 1 < glimpses or stop_threshold is not None:
            decision = policy.decide(estimate, glimpse.view)
            view, stop = decision.view, decision.stop
        yield Step(glimpse.view, glimpse, estimate, stop, time.perf_counter() - started)
        if stop is not None and stop_threshold is not None and stop >= stop_threshold:
            return


def give_overview(scene: SceneModel, canvas: NDArray[np.generic]) -> None:
    """Set the coarse look of a scene model that takes one: the canvas (H, W, 3), averaged by area."""
    size = getattr(scene, "overview_size", None)
    if size is not None:
        scene.set_overview(averaged(canvas, *size))  # type: ignore[attr-defined]


def look_at_canvas(
    canvas: NDArray[np.generic], spec: GlimpseSpec, scene: SceneSpec, padding: str = "clamp"
) -> Callable[[View], Glimpse]:
    """A camera that takes glimpses straight from a canvas (H, W, 3), uint8 or float32 in [0, 1]."""

    def look(view: View) -> Glimpse:
        pixels, taken = sample(canvas, view, spec, scene.projection, padding)
        return Glimpse(pixels, taken)

    return look


def glimpse_from_frame(
    frame: Frame, view: View | None, camera: SceneFrame, spec: GlimpseSpec, scene: SceneSpec, padding: str = "clamp"
) -> Glimpse:
    """A camera's image as a glimpse.

    A PTZ frame (`frame.ptz`) is warped onto the canvas at the view where the camera really looked; a wide frame is
    cropped at `view`. Raises GlimpseError for a wide frame without a view, and for a PTZ in a planar scene model.
    """
    if frame.ptz is None:
        if view is None:
            raise GlimpseError("a wide camera's frame needs the view to crop it at")
        pixels, taken = sample(frame.image, view, spec, scene.projection, padding)
        return Glimpse(pixels, taken, frame.stamp)
    fov = fov_from_zoom(camera.h0, frame.ptz.zoom)
    wanted = camera.view_from_ptz(frame.ptz)
    taken = fit_inside(wanted, Limits(s=(min(wanted.s, 1.0), 1.0)), scene)
    # Warp at about the frame's own resolution, then average areas: the warp alone would alias.
    fine = spec.size * max(1, math.ceil(min(frame.image.shape[:2]) / spec.size))
    fine = min(fine, 16 * spec.size)
    widest = canvas_crop_from_perspective(frame.image, frame.ptz, fov, taken, fine)
    pixels = np.empty((len(spec.scales), 3, spec.size, spec.size), np.float32)
    for i, fraction in enumerate(spec.scales):
        side = max(1, round(fine * fraction))
        start = (fine - side) // 2
        patch = widest[start : start + side, start : start + side]
        small = cv2.resize(patch, (spec.size, spec.size), interpolation=cv2.INTER_AREA)
        pixels[i] = small.transpose(2, 0, 1).astype(np.float32) / 255.0
    return Glimpse(pixels, taken, frame.stamp)
