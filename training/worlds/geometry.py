"""Convex solids and the rays that meet them, many at a time in numpy.

Every solid is a unit shape in a frame of its own (an affine map away), so that a batch of n solids and m rays
is one matrix product followed by the same arithmetic on (n, m) arrays.

Conventions
-----------
world   metres, x forward, y left, z up (the mount frame of glimpse_ros.core.types).
unit    a solid's own coordinates: a box is [-1, 1]^3, a ball the unit ball, a cone has |z| <= 1 and radius 1 at
        z = -1, `taper` at z = 1; a prism is a gable (base at z = -1, ridge along y at z = 1); a pyramid has its tip
        at z = 1.
rays    o + t d; o and d are (3, m) or, for o, (3,). The length of d is free: t counts in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.floating[Any]]  # float32, but for a step here and there
BOX, BALL, CONE, PRISM, PYRAMID = range(5)
CACHED = 32768  # pairs of a solid and a ray at a time
EPS = 1e-3  # [m] nearer than this a ray has not left its surface

# Half spaces n . p <= offset of the polyhedra in unit coordinates, rows (nx, ny, nz, offset).
PLANES = {
    PRISM: np.array([[2, 0, 1, 1], [-2, 0, 1, 1], [0, 0, -1, 1], [0, 1, 0, 1], [0, -1, 0, 1]], np.float32),
    PYRAMID: np.array([[2, 0, 1, 1], [-2, 0, 1, 1], [0, 2, 1, 1], [0, -2, 1, 1], [0, 0, -1, 1]], np.float32),
}
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)

# A hole pattern: unit coordinates (3, m) and the solid's random number -> True where there is something to hit.
Cutout = Callable[[F32, float], NDArray[np.bool_]]


@dataclass(frozen=True)
class Solids:
    """n convex solids."""

    kind: NDArray[np.int8]  # (n,)
    local: F32  # (n, 3, 3) unit_from_world, the linear part
    centre: F32  # (n, 3) world
    taper: F32  # (n,) of cones
    rnd: F32  # (n,) a random number in [0, 1) of each solid
    cutouts: dict[int, Cutout]

    def __post_init__(self) -> None:
        world_from_unit = np.linalg.inv(self.local.astype(np.float64))
        corners = _CORNERS @ world_from_unit.transpose(0, 2, 1) + self.centre[:, None]
        object.__setattr__(self, "corners", corners.astype(np.float32))  # (n, 8, 3)
        object.__setattr__(self, "radius", np.linalg.norm(corners - self.centre[:, None], axis=2).max(1))
        solid = np.ones(len(self.kind), bool)
        solid[list(self.cutouts)] = False
        object.__setattr__(self, "whole", solid)
        object.__setattr__(self, "shift", np.einsum("nij,nj->ni", self.local, self.centre)[..., None])  # (n, 3, 1)

    corners: F32 = None  # type: ignore[assignment]
    shift: F32 = None  # type: ignore[assignment]
    radius: F32 = None  # type: ignore[assignment]
    whole: NDArray[np.bool_] = None  # type: ignore[assignment]

    def spans(self, ids: NDArray[np.intp], o: F32, d: F32) -> tuple[F32, F32]:
        """Where rays are inside the solids `ids`, all of one kind: (n, m) entry and exit.

        A miss has entry inf and exit -inf.
        """
        kind = self.kind[ids[0]]
        a = self.local[ids]
        n, m = len(ids), d.shape[1]
        ld = (a.reshape(-1, 3) @ d).reshape(n, 3, m)
        lo = (a.reshape(-1, 3) @ o.reshape(3, -1)).reshape(n, 3, -1) - self.shift[ids]
        if kind == BOX:
            near, far = _box(lo, ld)
        elif kind == BALL:
            near, far = _ball(lo, ld)
        elif kind == CONE:
            near, far = _cone(lo, ld, self.taper[ids][:, None])
        else:
            near, far = _polyhedron(PLANES[int(kind)], lo, ld)
        miss = ~(near <= far)
        np.copyto(near, np.inf, where=miss)
        np.copyto(far, -np.inf, where=miss)
        return near, far

    def groups(self, ids: NDArray[np.intp], m: int) -> list[NDArray[np.intp]]:
        """Solids of one kind each, few enough that their work with m rays stays in the processor's cache."""
        kinds, n = self.kind[ids], max(1, CACHED // m)
        same = (ids[kinds == k] for k in range(5))
        return [group[i : i + n] for group in same for i in range(0, len(group), n)]

    def nearest(self, ids: NDArray[np.intp], o: F32, d: F32) -> tuple[F32, NDArray[np.int32]]:
        """The first surface along each ray: (m,) distance, inf where there is none, and (m,) the solid, then -1."""
        m = d.shape[1]
        best, which = np.full(m, np.inf, np.float32), np.full(m, -1, np.int32)
        for group in self.groups(ids[self.whole[ids]], d.shape[1]):
            near, _ = self.spans(group, o, d)
            np.copyto(near, np.inf, where=near < EPS)
            t = near.min(0)
            closer = np.flatnonzero(t < best)
            best[closer] = t[closer]
            which[closer] = group[near[:, closer].argmin(0)]
        for i in ids[~self.whole[ids]]:
            for t in self.spans(np.array([i]), o, d):  # a ray may fall through the front and meet the back
                sel = np.flatnonzero((t[0] > EPS) & (t[0] < best) & np.isfinite(t[0]))
                sel = sel[self._kept(i, o, d, t[0], sel)]
                best[sel], which[sel] = t[0][sel], i
        return best, which

    def blocked(self, ids: NDArray[np.intp], o: F32, d: F32, reach: float = np.inf) -> NDArray[np.bool_]:
        """(m,) whether anything stands between a point and `reach` times d."""
        hit = np.zeros(d.shape[1], bool)
        for group in self.groups(ids[self.whole[ids]], d.shape[1]):
            near, far = self.spans(group, o, d)
            hit |= ((near < reach) & (far > EPS) & (near > -EPS)).any(0)
        for i in ids[~self.whole[ids]]:
            for t in self.spans(np.array([i]), o, d):
                sel = np.flatnonzero((t[0] > EPS) & (t[0] < reach) & ~hit)
                hit[sel[self._kept(i, o, d, t[0], sel)]] = True
        return hit

    def _kept(self, i: int, o: F32, d: F32, t: F32, sel: NDArray[np.intp]) -> NDArray[np.bool_]:
        if not len(sel):
            return np.zeros(0, bool)
        p = (o[:, sel] if o.ndim == 2 else o[:, None]) + d[:, sel] * t[sel]
        unit = self.local[i] @ (p - self.centre[i][:, None])
        return self.cutouts[int(i)](unit, float(self.rnd[i]))

    def normals(self, which: NDArray[np.int32], unit: F32) -> F32:
        """(m, 3) outward normals of length 1, world, at points in the unit coordinates (m, 3) of solids (m,)."""
        kind = self.kind[which]
        n = unit.copy()  # right for balls
        box = kind == BOX
        size = np.abs(unit[box])
        n[box] = np.sign(unit[box]) * (size == size.max(1, keepdims=True))
        cone = np.flatnonzero(kind == CONE)
        slope = (self.taper[which[cone]] - 1) / 2
        radius = 1 + slope * (unit[cone, 2] + 1)
        side = np.stack([unit[cone, 0], unit[cone, 1], -slope * radius], 1)
        cap = np.zeros_like(side)
        cap[:, 2] = np.sign(unit[cone, 2])
        on_cap = 1 - np.abs(unit[cone, 2]) < np.abs(radius - np.hypot(unit[cone, 0], unit[cone, 1]))
        n[cone] = np.where(on_cap[:, None], cap, side)
        for k, planes in PLANES.items():
            sel = kind == k
            n[sel] = planes[(unit[sel] @ planes[:, :3].T - planes[:, 3]).argmax(1), :3]
        world = np.einsum("mij,mi->mj", self.local[which], n)  # normals go with the inverse transpose
        return world / np.maximum(np.linalg.norm(world, axis=1, keepdims=True), 1e-12)


def _box(lo: F32, ld: F32) -> tuple[F32, F32]:
    ld += np.float32(1e-20)  # an exact zero would make 0 / 0 below
    inv = np.reciprocal(ld, out=ld)
    middle = lo * inv
    half = np.abs(inv, out=inv)
    near = np.minimum(*(middle[:, :2] + half[:, :2]).swapaxes(0, 1))
    np.negative(np.minimum(near, middle[:, 2] + half[:, 2], out=near), out=near)
    half -= middle
    far = np.minimum(half[:, 0], half[:, 1])
    return near, np.minimum(far, half[:, 2], out=far)


def _ball(lo: F32, ld: F32) -> tuple[F32, F32]:
    a = (ld * ld).sum(1)
    b = (lo * ld).sum(1) / a
    # The squared distance of the line from the centre: b^2 - a c loses all digits far away.
    foot = lo - b[:, None] * ld
    gap = 1 - (foot * foot).sum(1)
    root = np.sqrt(np.maximum(gap, 0) / a)
    return np.where(gap > 0, -b - root, np.inf).astype(np.float32), -b + root


def _cone(lo: F32, ld: F32, taper: F32) -> tuple[F32, F32]:
    slope = (taper - 1) / 2
    if not slope.any():
        return _cylinder(lo, ld)
    r0, r1 = 1 + slope * (lo[:, 2] + 1), slope * ld[:, 2]  # radius along the ray
    a = ld[:, 0] ** 2 + ld[:, 1] ** 2 - r1**2
    a = np.where(np.abs(a) < 1e-12, np.float32(1e-12), a)
    b = (lo[:, 0] * ld[:, 0] + lo[:, 1] * ld[:, 1] - r0 * r1) / a
    c = (lo[:, 0] ** 2 + lo[:, 1] ** 2 - r0**2) / a
    gap = b * b - c
    root = np.sqrt(np.maximum(gap, 0))
    near, far = np.full_like(b, np.inf), np.full_like(b, -np.inf)
    for t in (-b - root, -b + root):
        ok = (gap > 0) & (np.abs(lo[:, 2] + t * ld[:, 2]) <= 1)
        near, far = np.where(ok & (t < near), t, near), np.where(ok & (t > far), t, far)
    dz = np.where(np.abs(ld[:, 2]) < 1e-12, np.float32(1e-12), ld[:, 2])
    for z, radius in ((-1, np.float32(1)), (1, taper)):
        t = (z - lo[:, 2]) / dz
        ok = (lo[:, 0] + t * ld[:, 0]) ** 2 + (lo[:, 1] + t * ld[:, 1]) ** 2 <= radius**2
        near, far = np.where(ok & (t < near), t, near), np.where(ok & (t > far), t, far)
    return near, far


def _cylinder(lo: F32, ld: F32) -> tuple[F32, F32]:
    """A round pipe and a flat slab: convex both, so their spans meet."""
    a = 1 / (ld[:, 0] ** 2 + ld[:, 1] ** 2 + np.float32(1e-20))
    b = (lo[:, 0] * ld[:, 0] + lo[:, 1] * ld[:, 1]) * a
    gap = b * b - (lo[:, 0] ** 2 + lo[:, 1] ** 2 - 1) * a
    root = np.sqrt(np.maximum(gap, 0))
    inv = 1 / (ld[:, 2] + np.float32(1e-20))
    middle, half = lo[:, 2] * inv, np.abs(inv)
    near = np.maximum(-b - root, -middle - half)
    return np.where(gap > 0, near, np.inf).astype(np.float32), np.minimum(root - b, half - middle)


def _polyhedron(planes: F32, lo: F32, ld: F32) -> tuple[F32, F32]:
    normal = planes[:, :3]
    speed = np.matmul(normal, ld) + np.float32(1e-20)  # (n, 5, m)
    t = (planes[:, 3:] - np.matmul(normal, lo)) / speed
    inward = speed < 0
    return np.where(inward, t, -np.inf).max(1), np.where(inward, np.inf, t).min(1)
