"""What a report is made from: one exploration, and the numbers that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.classes import UNKNOWN, class_ids, class_name, likeliest
from ..core.metrics import ErrorSum
from ..core.types import Glimpse, GlimpseError, PanTiltZoom, SceneEstimate, SceneInfo, View

# [px] Errors are measured on the truth, area-resized to this width: 256x512 for a panorama. Never enlarged: of a tiny
# planar scene every pixel counts.
EVALUATION_WIDTH = 512


class Record(Protocol):
    """One glimpse of an exploration; `core.explorer.Step` and the records of the ROS graph are such."""

    @property
    def view(self) -> View:
        """Where it was really taken."""

    @property
    def glimpse(self) -> Glimpse:
        """What the camera saw."""

    @property
    def estimate(self) -> SceneEstimate:
        """What was believed after it."""

    @property
    def seconds(self) -> float:
        """Time spent on retina, scene model and policy."""

    @property
    def stop(self) -> float | None:
        """The policy's stop score after it, where it gave one."""


@dataclass(frozen=True)
class Curve:
    """RMSE (0-255) after each glimpse of one model and policy on the same scene."""

    name: str
    rmse: tuple[float, ...]


@dataclass(frozen=True)
class Exploration:
    """One run of the loop, with the truth where it is known."""

    source: str  # the input's name, as shown to people
    info: SceneInfo
    policy: str
    records: Sequence[Record]
    seed: int = 0
    truth: NDArray[np.uint8] | None = None  # (H, W, 3) RGB, any size
    frames: Sequence[NDArray[np.uint8]] | None = None  # the truth at each glimpse, where the scene itself changes
    baselines: tuple[Curve, ...] = ()
    max_fov: float | None = None  # [rad] widest the camera can see; None: a glimpse may span the scene
    camera: str = "a camera"  # in words
    seconds: dict[str, float] = field(default_factory=dict)  # load, explore, baselines ...
    notes: tuple[str, ...] = ()
    stopped: bool = False  # by the policy itself

    def __post_init__(self) -> None:
        if not self.records:
            raise GlimpseError(f"{self.source}: no glimpse was taken, a report needs at least one")
        if self.frames is not None and len(self.frames) != len(self.records):
            raise ValueError(f"{len(self.frames)} frames for {len(self.records)} glimpses")

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The glimpses, from 0, before which the memory was emptied: one for each frame explored on its own."""
        episodes = [getattr(record, "episode", "") for record in self.records]
        return tuple(k for k, episode in enumerate(episodes) if k == 0 or episode != episodes[k - 1])

    def start(self, k: int) -> int:
        """The first glimpse of the memory that glimpse k went into."""
        return max(start for start in self.starts if start <= k)

    @property
    def knows_truth(self) -> bool:
        """Whether there is anything to compare with."""
        return self.truth is not None or self.frames is not None

    def truth_at(self, k: int) -> NDArray[np.uint8] | None:
        """(H, W, 3) the scene as it was at glimpse k, of its own size."""
        return self.truth if self.frames is None else self.frames[k]

    def evaluation_size(self) -> tuple[int, int]:
        """Height, width [px] on which errors and the pixel budget are counted."""
        if self.info.scene.projection == "spherical":
            return EVALUATION_WIDTH // 2, EVALUATION_WIDTH
        height, width = self.info.scene.height, self.info.scene.width
        truth = self.truth_at(0)
        if truth is not None:
            height, width = truth.shape[:2]
        across = min(EVALUATION_WIDTH, width)
        return max(1, round(across * height / width)), across

    def evaluation_truth(self, k: int = 0) -> NDArray[np.uint8] | None:
        """(h, w, 3) the truth at glimpse k, area-resized to `evaluation_size`."""
        if self.frames is not None:
            return resized(self.frames[k], self.evaluation_size())
        return self._still

    @cached_property
    def _still(self) -> NDArray[np.uint8] | None:
        return None if self.truth is None else resized(self.truth, self.evaluation_size())

    @cached_property
    def _rmse(self) -> tuple[float, ...] | None:
        pictures = [r.estimate.reconstruction for r in self.records]
        if not self.knows_truth or any(p is None for p in pictures):
            return None
        truths = [self.evaluation_truth(k) for k in range(len(pictures))]
        return tuple(rmse(rgb(p), t) for p, t in zip(pictures, truths, strict=True) if p is not None and t is not None)

    def label(self, k: int) -> tuple[str, float] | None:
        """Name and probability of the likeliest class after glimpse k; None for a model that does not classify."""
        logits = self.records[k].estimate.classification
        return None if logits is None else likeliest(self.info, logits)

    def shares(self, k: int) -> dict[str, float] | None:
        """Share of the scene by name of class after glimpse k, the largest first; None for a model that does not
        segment. What nothing is said of is "unknown"."""
        logits = self.records[k].estimate.segmentation
        if logits is None:
            return None
        counts = np.bincount(class_ids(logits).ravel(), minlength=UNKNOWN + 1)
        found = sorted(np.flatnonzero(counts), key=lambda c: -counts[c])
        return {self.class_name(int(c)): float(counts[c] / counts.sum()) for c in found}

    def class_name(self, index: int) -> str:
        """Of a class id."""
        return "unknown" if index == UNKNOWN else class_name(self.info, index)

    def rmse(self) -> tuple[float, ...] | None:
        """Root mean squared error (0-255) of the reconstruction after each glimpse; None without truth."""
        return self._rmse

    def pixel_fraction(self) -> tuple[float, ...]:
        """Sensor pixels so far over the pixels of the scene, after each glimpse; overlaps are counted. Of each frame
        anew, where each is explored on its own."""
        height, width = self.evaluation_size()
        coarse, each = self.overview_pixels(), self.info.glimpse.pixels
        taken = (k + 1 - self.start(k) for k in range(len(self.records)))
        return tuple((coarse + each * n) / (height * width) for n in taken)

    def overview_pixels(self) -> int:
        """Of the coarse look at the whole scene; a PTZ camera cannot take one."""
        return 0 if getattr(self.records[0], "ptz", None) is not None else self.info.overview_pixels


def rmse(picture: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """RMSE (0-255) of a picture of any size, `resized` to the truth."""
    errors = ErrorSum()
    errors.add(resized(picture, (truth.shape[0], truth.shape[1])), truth)
    return errors.rmse


def rgb(tensor: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(3, H, W) in [0, 1] to (H, W, 3) uint8."""
    return np.rint(np.clip(tensor, 0.0, 1.0).transpose(1, 2, 0) * 255.0).astype(np.uint8)


def resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, 3) to `size` = (height, width): by area where it shrinks, bicubic where it grows."""
    if image.shape[:2] == size:
        return image
    how = cv2.INTER_AREA if size[0] <= image.shape[0] and size[1] <= image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size[::-1], interpolation=how), np.uint8)


def mount_degrees(record: Record, spherical: bool) -> dict[str, float] | None:
    """pan and tilt [deg], zoom [factor] of a glimpse, as shown to people; None where the camera has no mount."""
    ptz: PanTiltZoom | None = getattr(record, "ptz", None)
    if ptz is not None:
        return {"pan": math.degrees(ptz.pan), "tilt": math.degrees(ptz.tilt), "zoom": ptz.zoom}
    if spherical:  # the directions follow from the view; how far it zoomed is in `s`
        return {"pan": -180.0 * record.view.x, "tilt": 90.0 * record.view.y}
    return None


def metrics(exploration: Exploration) -> dict[str, Any]:
    """The content of metrics.json. Angles are in degrees, times in seconds, errors on 0-255."""
    spherical = exploration.info.scene.projection == "spherical"
    views = []
    for record in exploration.records:
        view: dict[str, Any] = {"x": record.view.x, "y": record.view.y, "s": record.view.s}
        view["mount"] = mount_degrees(record, spherical)
        view["seconds"] = record.seconds
        view["stop"] = record.stop
        views.append(view)
    labels = [exploration.label(k) for k in range(len(exploration.records))]
    shares = [exploration.shares(k) for k in range(len(exploration.records))]
    errors = exploration.rmse()
    height, width = exploration.evaluation_size()
    return {
        "model": exploration.info.name,
        "policy": exploration.policy,
        "glimpses": len(exploration.records),
        "stopped": exploration.stopped,
        "seed": exploration.seed,
        "input": exploration.source,
        "projection": exploration.info.scene.projection,
        "size": f"{height}x{width}",
        "max_fov": None if exploration.max_fov is None else round(math.degrees(exploration.max_fov), 3),
        "provider": exploration.info.provider,
        "starts": list(exploration.starts),
        "views": views,
        "pixel_fraction": list(exploration.pixel_fraction()),
        "rmse": None if errors is None else list(errors),
        "classes": [{"name": label[0], "probability": label[1]} for label in labels if label is not None] or None,
        "segmentation": shares if None not in shares else None,
        "baselines": {curve.name: list(curve.rmse) for curve in exploration.baselines},
        "seconds": dict(exploration.seconds),
        "notes": list(exploration.notes),
    }
