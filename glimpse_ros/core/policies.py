"""Where to look next without learning: random, grid, saliency and uncertainty, behind one protocol and one dict.

All views are in the scene frame (see `types`). s is drawn from the overlap of the camera's range and the scene
model's; where there is none, `reset` refuses. A first view that the episode names is taken as it is, except by the
grid, which only starts from its x.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from .memory import sharpness
from .scene_frame import clamp_view, overlap
from .types import Decision, Episode, GlimpseError, Limits, Policy, SceneEstimate, SceneInfo, SceneSpec, View

MAP_GRID = (32, 64)  # rows, columns on which map policies score candidates
TIE_BREAK = 0.1  # how much more a place counts that is far from every look
ZIGZAG_Y = 0.4  # rows of a grid that cannot cover the scene; the best on the training panoramas


def half_height(s: float, scene: SceneSpec) -> float:
    """Half the height of a glimpse of width s, in units of y."""
    return min(s * scene.width / scene.height, 1.0)


def room(s: float, scene: SceneSpec, padding: str = "clamp") -> tuple[float, float]:
    """How far from the middle, in x and in y, a view of width s may be.

    With "clamp" its box stays on the canvas (in x only where that does not wrap); any other padding lets it reach over.
    """
    if padding != "clamp":
        return 1.0, 1.0
    return 1.0 if scene.projection == "spherical" else 1.0 - s, 1.0 - half_height(s, scene)


def fit_inside(view: View, limits: Limits, scene: SceneSpec, padding: str = "clamp") -> View:
    """The nearest view inside the limits and the `room` that the padding leaves."""
    view = clamp_view(view, limits, scene.projection)
    room_x, room_y = room(view.s, scene, padding)
    inner = View(min(max(view.x, -room_x), room_x), min(max(view.y, -room_y), room_y), view.s)
    return clamp_view(inner, limits, scene.projection)


def first_view(info: SceneInfo, limits: Limits, seed: int) -> View | None:
    """Where an episode starts by the scene model's card; None leaves it to the policy.

    "random" is seeded and at the widest. On a sphere it is a heading, level: a robot that wakes up somewhere and looks
    ahead. On a planar scene, which has no ahead, it is uniform in x and y.
    """
    if info.first_view == "policy":
        return None
    limits = overlap(limits, info.s_range, "first view")
    if info.first_view == "random":
        rng, s = np.random.default_rng(seed), limits.s[1]
        if info.scene.projection == "spherical":
            view = View(float(rng.uniform(*limits.x)), 0.0, s)
        else:
            view = random_place(rng, s, info.scene, info.padding)
        return fit_inside(view, limits, info.scene, info.padding)
    x, y, s = (float(value) for value in info.first_view)
    return fit_inside(View(x, y, s), limits, info.scene, info.padding)


def random_place(rng: np.random.Generator, s: float, scene: SceneSpec, padding: str) -> View:
    """A view of width s, its place uniform over the `room` that there is."""
    room_x, room_y = room(s, scene, padding)
    return View(float(rng.uniform(-room_x, room_x)), float(rng.uniform(-room_y, room_y)), s)


class RandomPolicy:
    """x, y and s uniform over what the camera can reach; boxes inside the canvas where the padding is "clamp"."""

    wants: frozenset[str] = frozenset()

    def __init__(self, info: SceneInfo) -> None:
        self.info = info

    def reset(self, episode: Episode) -> None:
        """Start over with the episode's seed."""
        self.episode = episode
        self.limits = overlap(episode.limits, self.info.s_range, "random policy")
        self.rng = np.random.default_rng([episode.seed, 1])

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """A random view."""
        if seen is None and self.episode.first_view is not None:
            return Decision(self.episode.first_view)
        scene, s = self.episode.scene, float(self.rng.uniform(*self.limits.s))
        view = random_place(self.rng, s, scene, self.info.padding)
        return Decision(fit_inside(view, self.limits, scene, self.info.padding))


class GridPolicy:
    """Square tiles over the whole scene, for a number of glimpses that it knows.

    Where the tiles can cover the scene they are as small as the budget allows, and what is left of the budget zooms
    in along the horizon. Where they cannot, they lie in staggered rows (two: a zigzag) at the widest s.
    """

    wants: frozenset[str] = frozenset()

    def __init__(self, info: SceneInfo) -> None:
        self.info = info

    def reset(self, episode: Episode) -> None:
        """Start over."""
        self.episode = episode
        self.limits = overlap(episode.limits, self.info.s_range, "grid policy")
        self.plan: list[View] = []
        self.next = 0

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        """The next tile; after the last, the first again."""
        if not self.plan:
            start = seen or self.episode.first_view
            count = max(1, self.episode.glimpses - (seen is not None))
            x, padding = start.x if start else -1.0, self.info.padding
            self.plan = grid_views(count, self.limits, self.episode.scene, x, padding)
        view = self.plan[self.next % len(self.plan)]
        self.next += 1
        return Decision(view)


def grid_views(count: int, limits: Limits, scene: SceneSpec, start_x: float, padding: str = "clamp") -> list[View]:
    """`count` tiles within the limits; on a spherical scene the first column is centred at `start_x`."""
    aspect = scene.height / scene.width
    covering = [c for c in range(1, count + 1) if c * math.ceil(c * aspect - 1e-9) <= count]
    covering = [c for c in covering if limits.s[0] <= 1.0 / c <= limits.s[1]]
    if covering:
        cols = covering[-1]
        rows, s = math.ceil(cols * aspect - 1e-9), 1.0 / cols
        tiles = [(i, (2 * j + 1) / rows - 1.0, 2.0 / cols, s) for i in range(cols) for j in range(rows)]
        rest = count - len(tiles)
        tiles += [(i, 0.0, 2.0 / max(rest, 1), s / 2.0) for i in range(rest)]
    else:
        s = limits.s[1]
        rows = min(max(2, math.ceil(count * s - 1e-9)), max(1, math.ceil(aspect / s - 1e-9)))
        heights = [-ZIGZAG_Y, ZIGZAG_Y] if rows == 2 else list(np.linspace(-1.0, 1.0, 2 * rows + 1)[1::2])
        tiles = [(i, heights[i % rows], 2.0 / count, s) for i in range(count)]
    views = []
    for i, y, step, s in tiles:
        x = start_x + i * step if scene.projection == "spherical" else (i + 0.5) * step - 1.0
        views.append(fit_inside(View(x, y, s), limits, scene, padding))
    return views


class MapPolicy:
    """Looks where a map is large and a look would add sharpness: argmax over a box of map * added sharpness."""

    def __init__(self, info: SceneInfo, name: str, read: Callable[[SceneEstimate], NDArray[np.float32]]) -> None:
        self.info, self.name, self.read = info, name, read
        self.wants = frozenset({"reconstruction"} if name == "saliency" else {"uncertainty"})
        if not self.wants <= info.outputs:
            raise GlimpseError(f"policy {name!r} needs {', '.join(self.wants)}, which scene model {info.name!r} lacks")

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
        scene = self.episode.scene
        if seen is not None:
            weights = footprint(seen, scene)
            self.looks = [*self.looks[-31:], seen]
            self.sharp = np.maximum(self.sharp, np.float32(sharpness(seen.s)) * (weights > 0.5))
        rows, cols = MAP_GRID
        values = cv2.resize(self.read(estimate), (cols, rows), interpolation=cv2.INTER_AREA)
        values = (values - values.min() + 1e-6) * (1.0 + TIE_BREAK * self._away())
        best, best_view = -1.0, None
        for s in np.geomspace(self.limits.s[0], self.limits.s[1], 8):
            gain = values * np.maximum(sharpness(float(s)) - self.sharp, 0.0)
            view, score = best_box(np.asarray(gain, np.float32), float(s), self.limits, scene)
            if score > best:
                best, best_view = score, view
        assert best_view is not None
        return Decision(best_view)

    def _away(self) -> NDArray[np.float32]:
        """MAP_GRID, 0 to 1: how far each place is from every look. Where a map says nothing, looks spread out."""
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
        return np.asarray(away / 2.0, np.float32)


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


def _uncertainty(estimate: SceneEstimate) -> NDArray[np.float32]:
    assert estimate.uncertainty is not None
    return estimate.uncertainty


POLICIES: dict[str, Callable[[SceneInfo], Policy]] = {
    "random": RandomPolicy,
    "grid": GridPolicy,
    "saliency": lambda info: MapPolicy(info, "saliency", contrast_saliency),
    "uncertainty": lambda info: MapPolicy(info, "uncertainty", _uncertainty),
}


def make_policy(
    name: str, scene_path: str, info: SceneInfo, provider: str = "auto", threads: int | None = None
) -> Policy:
    """A policy by name; "learned" is the one in the bundle at `scene_path`, or a path to another bundle.

    Raises GlimpseError for an unknown name or a pair that makes no sense (mosaic with "learned").
    """
    if name in POLICIES:
        return POLICIES[name](info)
    if name == "learned" and scene_path == "mosaic":
        raise GlimpseError("policy 'learned' with model 'mosaic': the mosaic has no policy; expected a bundle")
    from .bundle import load_policy  # late: heuristics need no ONNX Runtime

    if name == "learned":
        return load_policy(scene_path, info, provider=provider, threads=threads)
    if "/" in name:
        return load_policy(name, info, provider=provider, threads=threads)
    raise GlimpseError(f"policy {name!r}: expected learned, {', '.join(POLICIES)} or the path of a bundle")
