"""Where to look next by a map of the scene: what a map policy remembers, and how it picks a box."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from .memory import sharpness
from .placement import fit_inside, half_height
from .scene_frame import overlap
from .types import Decision, Episode, GlimpseError, Limits, SceneEstimate, SceneInfo, SceneSpec, View

MAP_GRID = (32, 64)  # rows, columns on which map policies score candidates
TIE_BREAK = 0.1  # how much more a place counts that is far from every look
SHARPER = 1.2  # a look sharpens what was seen by this factor more widely; a box snapped to pixels is not that far off
Read = Callable[[SceneEstimate], NDArray[np.float32]]


class MapPolicy:
    """Looks where a map is large and a look would add sharpness: argmax over a box of map * added sharpness."""

    def __init__(self, info: SceneInfo, name: str, want: str, read: Read | None = None) -> None:
        """want: the field of `SceneEstimate` that it needs; read: (h, w) of an estimate, by default that field.

        Raises GlimpseError for a scene model that does not give it.
        """
        if want not in info.outputs:
            raise GlimpseError(f"policy {name!r} needs {want}, which scene model {info.name!r} lacks")
        self.info, self.name, self.wants = info, name, frozenset({want})
        self.read: Read = read or (lambda estimate: getattr(estimate, want))

    def reset(self, episode: Episode) -> None:
        """Start over; remembers only how sharply each place was seen."""
        self.episode = episode
        self.limits = overlap(episode.limits, self.info.s_range, f"{self.name} policy")
        self.sharp = np.zeros(MAP_GRID, np.float32)
        self.looks: list[View] = []  # the newest 32

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """The best of a grid of positions at eight scales from the narrowest to the widest."""
        if seen is None and self.episode.first_view is not None:
            return Decision(self.episode.first_view)
        if seen is not None:
            self.see(seen)
        values = self.values(estimate)
        values = (values - values.min() + 1e-6) * self.apart()
        best, best_view = -1.0, None
        for s in np.geomspace(self.limits.s[0], self.limits.s[1], 8):
            gain = values * np.maximum(sharpness(float(s)) - self.sharp, 0.0)
            view, score = best_box(np.asarray(gain, np.float32), float(s), self.limits, self.episode.scene)
            if score > best:
                best, best_view = score, view
        assert best_view is not None
        return Decision(best_view)

    def see(self, view: View) -> None:
        """Remember a look."""
        self.looks = [*self.looks[-31:], view]
        covered = footprint(view, self.episode.scene) > 0.5
        self.sharp = np.maximum(self.sharp, np.float32(sharpness(view.s)) * covered)

    def values(self, estimate: SceneEstimate) -> NDArray[np.float32]:
        """The map on MAP_GRID."""
        rows, cols = MAP_GRID
        return np.asarray(cv2.resize(self.read(estimate), (cols, rows), interpolation=cv2.INTER_AREA), np.float32)

    def apart(self) -> NDArray[np.float32]:
        """MAP_GRID, 1 to 1 + TIE_BREAK, grows with the way to the nearest look: where a map is level, looks spread."""
        rows, cols = MAP_GRID
        scene = self.episode.scene
        y, x = np.mgrid[:rows, :cols].astype(np.float32) + 0.5
        away = np.full(MAP_GRID, 2.0, np.float32)
        for view in self.looks:
            dx = np.abs(x / cols * 2.0 - 1.0 - view.x)
            if scene.projection == "spherical":
                dx = np.minimum(dx, 2.0 - dx)
            dy = y / rows * 2.0 - 1.0 - view.y
            away = np.minimum(away, np.hypot(dx * scene.width / scene.height, dy))
        return np.asarray(1.0 + TIE_BREAK * away / 2.0, np.float32)


class FinestSeen:
    """The narrowest s at which each cell of MAP_GRID was seen, infinite where it was not."""

    def __init__(self, scene: SceneSpec) -> None:
        self.scene = scene
        self.s = np.full(MAP_GRID, np.inf, np.float32)

    def add(self, view: View) -> None:
        """Remember a look. One that is narrower than a cell counts for the cells that it covers most."""
        weights = footprint(view, self.scene)
        self.s = np.where(weights > 0.5 * weights.max(), np.minimum(self.s, np.float32(view.s)), self.s)

    def coarser(self, s: float) -> NDArray[np.bool_]:
        """MAP_GRID: where a look of width s would sharpen what was seen."""
        return np.asarray(self.s > SHARPER * s)


def footprint(view: View, scene: SceneSpec) -> NDArray[np.float32]:
    """(rows, columns) of MAP_GRID: the share of each cell that the view covers."""
    rows, cols = MAP_GRID

    def share(centre: float, width: float, n: int, wraps: bool) -> NDArray[np.float64]:
        edges = np.arange(n)
        low, high = centre - width / 2.0, centre + width / 2.0
        shifts = (-n, 0, n) if wraps else (0,)
        return np.sum([np.clip(np.minimum(edges + 1, high + k) - np.maximum(edges, low + k), 0, 1) for k in shifts], 0)

    x = share((view.x + 1) / 2 * cols, view.s * cols, cols, scene.projection == "spherical")
    y = share((view.y + 1) / 2 * rows, half_height(view.s, scene) * rows, rows, False)
    return np.asarray(y[:, None] * x[None, :], np.float32)


def best_box(gain: NDArray[np.float32], s: float, limits: Limits, scene: SceneSpec) -> tuple[View, float]:
    """The view of width s with the largest sum of `gain` (MAP_GRID) under it, and that sum."""
    rows, cols = MAP_GRID
    w, h = max(1, round(s * cols)), max(1, round(half_height(s, scene) * rows))
    border = cv2.BORDER_WRAP if scene.projection == "spherical" else cv2.BORDER_CONSTANT
    padded = cv2.copyMakeBorder(gain, h, h, 0, 0, cv2.BORDER_CONSTANT)
    padded = cv2.copyMakeBorder(padded, 0, 0, w, w, border)
    sums = cv2.boxFilter(padded, -1, (w, h), normalize=False, borderType=cv2.BORDER_CONSTANT)[h:-h, w:-w]
    # A box filter of even width is centred half a cell to the left of the cell's own centre.
    off_x, off_y = (0.0 if w % 2 == 0 else 0.5), (0.0 if h % 2 == 0 else 0.5)
    x = (np.arange(cols) + off_x) / cols * 2.0 - 1.0
    y = (np.arange(rows) + off_y) / rows * 2.0 - 1.0
    room_y = max(1.0 - half_height(s, scene), 1e-6)
    room_x = 1.0 if scene.projection == "spherical" else max(1.0 - s, 1e-6)
    allowed = ((y >= limits.y[0]) & (y <= limits.y[1]) & (np.abs(y) <= room_y + 1.0 / rows))[:, None]
    allowed = allowed & ((x >= limits.x[0]) & (x <= limits.x[1]) & (np.abs(x) <= room_x + 1.0 / cols))[None, :]
    scored = np.where(allowed, sums, -np.inf)
    row, col = divmod(int(np.argmax(scored)), cols)
    score = float(scored[row, col])
    view = fit_inside(View(float(x[col]), float(y[row]), s), limits, scene)
    return view, score if math.isfinite(score) else 0.0


def contrast_saliency(estimate: SceneEstimate) -> NDArray[np.float32]:
    """(64, 128) centre minus surround of the reconstruction's colour (Itti, Koch & Niebur, PAMI 1998, one scale)."""
    assert estimate.reconstruction is not None
    image = cv2.resize(estimate.reconstruction.transpose(1, 2, 0), (128, 64), interpolation=cv2.INTER_AREA)
    centre, surround = cv2.GaussianBlur(image, (0, 0), 1.0), cv2.GaussianBlur(image, (0, 0), 6.0)
    return np.asarray(np.linalg.norm(centre - surround, axis=-1), np.float32)
