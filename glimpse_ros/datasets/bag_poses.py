"""Where a bag's camera looked: JointState topics with pan, tilt, zoom, and the focal lengths of CameraInfo.

Conventions
-----------
joints  named `pan`, `tilt`, `zoom`, unless told otherwise; in the mount frame (rad, rad, factor >= 1). A message may
        hold some of them: they are merged. Values that are not finite are passed over.
zoom    where no joint tells it, the focal length over the smallest one of the bag.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.types import GlimpseError, PanTiltZoom
from .bag_reader import Bag, BagError, BagMessage

JOINT_STATE = "sensor_msgs/msg/JointState"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
NEAR = 500_000_000  # a pose is known up to this long [ns] before the first and after the last state
SPACING = 5_000_000  # states closer than this [ns] are thinned: 200 a second are plenty, and memory stays small
PEEK = 20  # messages looked at to tell what a topic holds


@dataclass(frozen=True)
class Poses:
    """A camera's way: stamps (N,) int64 [ns], ascending; pan, tilt [rad], zoom [factor], each (N,)."""

    stamps: NDArray[np.int64]
    pan: NDArray[np.float64]  # unwrapped, so that it can be interpolated straight behind
    tilt: NDArray[np.float64]
    zoom: NDArray[np.float64]

    def at(self, stamp: int) -> PanTiltZoom | None:
        """Interpolated at `stamp` [ns]; None where that is not within half a second of what was recorded."""
        first, last = int(self.stamps[0]), int(self.stamps[-1])
        if not first - NEAR <= stamp <= last + NEAR:
            return None
        t = (self.stamps - first) / 1e9
        now = (stamp - first) / 1e9
        pan, tilt, zoom = (float(np.interp(now, t, axis)) for axis in (self.pan, self.tilt, self.zoom))
        return PanTiltZoom(pan, tilt, max(zoom, 1.0))


@dataclass(frozen=True)
class Lens:
    """What CameraInfo tells: stamps (N,) [ns], focal lengths (N,) [pixels], and the image's size [pixels]."""

    stamps: NDArray[np.int64]
    focal: NDArray[np.float64]
    height: int
    width: int

    def fov(self, side: int, focal: float) -> float:
        """Field of view [rad] over `side` pixels."""
        return 2.0 * math.atan(side / 2.0 / focal)


def header_stamp(value: object, recorded: int) -> int:
    """A message's own stamp [ns], or the time of its recording where it has none."""
    stamp = value.header.stamp  # type: ignore[attr-defined]
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec) or recorded


def state_topic(bag: Bag, joints: tuple[str, str, str], named: str | None = None) -> str | None:
    """The topic that tells pan and tilt; one called view_state is preferred. Raises BagError where `named` does not."""
    found = [name for name, kind in bag.topics.items() if kind == JOINT_STATE]
    if named is not None:
        if named not in found:
            raise BagError(f"{bag} has no joint states on {named}: its topics are {bag.listing()}")
        found = [named]
    for topic in sorted(found, key=lambda name: (not name.endswith("view_state"), name)):
        names: set[str] = set()
        for _, message in zip(range(PEEK), bag.messages([topic]), strict=False):
            names.update(_joints(message))
        if {joints[0], joints[1]} <= names:
            return topic
    if named is not None:
        raise BagError(f"{bag} has no joints {joints[0]!r} and {joints[1]!r} on {named}")
    return None


def read_poses(bag: Bag, topic: str, joints: tuple[str, str, str], lens: Lens | None) -> Poses | None:
    """All poses on a topic; None where it never tells both pan and tilt. `lens` gives the zoom where no joint does."""
    held = [math.nan, math.nan, math.nan]
    rows: list[tuple[int, float, float, float]] = []
    for message in bag.messages([topic]):
        values = _joints(message)
        for axis, name in enumerate(joints):
            if math.isfinite(values.get(name, math.nan)):
                held[axis] = values[name]
        if not values or math.isnan(held[0]) or math.isnan(held[1]):
            continue
        stamp = header_stamp(message.value(), message.time)
        if rows and 0 <= stamp - rows[-1][0] < SPACING:
            continue
        rows.append((stamp, held[0], held[1], held[2]))
    if not rows:
        return None
    rows.sort(key=lambda row: row[0])
    stamps = np.array([row[0] for row in rows], np.int64)
    pan, tilt, zoom = np.array([row[1:] for row in rows], np.float64).T
    if np.isnan(zoom).all():
        zoom = np.ones_like(pan)
        if lens is not None:
            zoom = np.interp(stamps - stamps[0], lens.stamps - stamps[0], lens.focal) / lens.focal.min()
    zoom = np.where(np.isnan(zoom), zoom[~np.isnan(zoom)][0], zoom)
    return Poses(stamps, np.unwrap(pan), tilt, zoom)


def read_lens(bag: Bag, image_topic: str, every: bool) -> Lens | None:
    """The CameraInfo beside an image topic (in its namespace, or the bag's only one); None where it is not calibrated.

    every: read them all, for a lens that zooms; else the first that is calibrated is enough.
    """
    topic = _info_topic(bag, image_topic)
    if topic is None:
        return None
    rows: list[tuple[int, float]] = []
    size = (0, 0)
    for count, message in enumerate(bag.messages([topic])):
        if not every and (rows or count >= PEEK):
            break
        try:
            value = message.value()
        except GlimpseError:
            continue
        focal = float(value.k[0]) if hasattr(value, "k") else float(value.K[0])  # ROS 1 writes it large
        if math.isfinite(focal) and focal > 0 and value.width > 0 and value.height > 0:
            rows.append((header_stamp(value, message.time), focal))
            size = (int(value.height), int(value.width))
    if not rows:
        return None
    rows.sort()
    return Lens(np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows]), *size)


def _info_topic(bag: Bag, image_topic: str) -> str | None:
    infos = [name for name, kind in bag.topics.items() if kind == CAMERA_INFO]
    base = image_topic.removesuffix("/compressed").rpartition("/")[0]
    if f"{base}/camera_info" in infos:
        return f"{base}/camera_info"
    return infos[0] if len(infos) == 1 else None


def _joints(message: BagMessage) -> dict[str, float]:
    """Names and positions; empty where the message is malformed."""
    try:
        value = message.value()
    except GlimpseError:
        return {}
    return {str(n): float(p) for n, p in zip(value.name, value.position, strict=False)}
