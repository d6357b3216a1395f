"""What one tile of rays sees: surfaces, their paint, direct light with shadows, and light from all around."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .classes import ID
from .culling import Beam, basis, between, in_pyramid, near_points, prominent
from .geometry import CONE, EPS, F32
from .light import Lamp
from .paint import Hit
from .scene import World

MAP = 384  # cells a side of the coarse sun map
CLIP = 6.0  # a sample is no brighter than this, so that edges against the sun stay smooth


@dataclass
class Traced:
    """Per ray of a tile (m, ...), but `light`, `lamps` (pixels, 3) and `lead` (pixels,), the ray that stands for it."""

    direct: F32
    albedo: F32
    light: F32
    lamps: F32
    point: F32
    normal: F32
    distance: F32
    label: NDArray[np.uint8]
    lead: NDArray[np.intp]


class Shader:
    """A world made ready for rays."""

    def __init__(self, world: World) -> None:
        self.w, self.s = world, world.solids
        everything = np.arange(len(world.classes))
        self.seen = everything[world.seen]
        self.coarse = everything[world.coarse]
        self.small = everything[world.seen & ~world.coarse & self.s.whole]
        self.mean = np.stack([m.mean for m in world.materials])[world.material]
        glow = [np.zeros(3, np.float32) if m.glow is None else m.glow for m in world.materials]
        self.glow = np.stack(glow)[world.material]
        self.half = 1 / np.linalg.norm(self.s.local, axis=2)  # (n, 3) metres
        self.beam = Beam(self.s, self.seen, world.sun.direction, world.sun.spread)
        self.sun_axes = basis(world.sun.direction)
        self._sun_map()

    def trace(self, d: F32, angle: F32, random: F32, samples: int, pattern: NDArray) -> Traced:
        """Rays d (3, m) of length 1 from the camera, `samples` in a row for each pixel.

        random: (2, m) in [0, 1); pattern: (pixels,) place of the pixel in its 4x4 block.
        """
        w, m = self.w, d.shape[1]
        t, which = self.s.nearest(in_pyramid(self.s, self.seen, w.camera, d), w.camera, d)
        hit = np.flatnonzero(which >= 0)
        label = np.full(m, ID["sky"], np.uint8)
        a, b, c, e, f, g = np.zeros((6, m, 3), np.float32)
        out = Traced(a, b, c, e, f, g, np.where(which >= 0, t, 0), label, lead=np.zeros(0, np.intp))
        out.label[hit] = w.classes[which[hit]]
        sky = np.flatnonzero(which < 0)
        if len(sky):
            out.direct[sky] = np.minimum(w.sky.radiance(d.T[sky], disc=True), CLIP)
        # One sample stands for its pixel where light from all around is concerned: the first that meets a surface.
        met = (which >= 0).reshape(-1, samples)
        out.lead = np.arange(0, m, samples) + met.argmax(1)
        if len(hit):
            self._surfaces(out, d, angle, random, t, which, hit)
            pixels = np.flatnonzero(met.any(1))
            out.lamps = out.lamps.reshape(-1, samples, 3).sum(1) / np.maximum(met.sum(1), 1)[:, None]
            out.light = out.light[::samples]
            out.light[pixels] = self._around(out, out.lead[pixels], pattern[pixels], random)
        else:
            out.light, out.lamps = out.light[::samples], out.lamps[::samples]
        return out

    def _surfaces(self, out: Traced, d: F32, angle: F32, random: F32, t: F32, which: NDArray, hit: NDArray) -> None:
        w, ids = self.w, which[hit]
        p = w.camera + (d[:, hit] * t[hit]).T  # (m, 3)
        unit = np.einsum("mij,mj->mi", self.s.local[ids], p - self.s.centre[ids])
        n = self.s.normals(ids, unit)
        facing = -np.einsum("mi,im->m", n, d[:, hit])
        n[facing < 0] *= -1  # the inside of a leaf crown
        facing = np.abs(facing)
        foot = angle[hit] * t[hit] / np.maximum(facing, 0.15)
        albedo, mirror, glow, bent = self._paint(p, n, unit, ids, foot)
        out.point[hit], out.normal[hit] = p, n
        out.albedo[hit] = albedo
        sun = w.sun.light * self._sun(p, n, bent, random[:, hit])[:, None]
        lit = sun * albedo + glow
        shiny = np.flatnonzero(mirror > 0)
        if len(shiny):
            cos = facing[shiny][:, None]
            part = (mirror[shiny] + (1 - mirror[shiny]) * (1 - facing[shiny]) ** 5 * 0.8)[:, None]
            r = d.T[hit][shiny] + 2 * cos * (0.7 * n[shiny] + 0.3 * bent[shiny])
            r /= np.linalg.norm(r, axis=1, keepdims=True)
            o = p[shiny] + EPS * 4 * n[shiny]
            seen = self._bounced(o.T, r.T.astype(np.float32), self.coarse, open_sky=True)
            lit[shiny] = lit[shiny] * (1 - part) + seen * part
            out.albedo[hit[shiny]] *= 1 - part
        # Far things fade into the air.
        air = (1 - np.exp(-np.maximum(t[hit] - 20, 0) / 420))[:, None]
        haze = 0.55 * w.sky.horizon + 0.45 * w.sky.zenith
        out.direct[hit] = np.minimum(lit, CLIP) * (1 - air) + haze * air
        out.albedo[hit] *= 1 - air
        out.lamps[hit] = self._lamps(p, n, random[:, hit])
        # Relief shows where there is no sun too: what leans up and towards the light is brighter.
        lean = (bent - n) @ (0.6 * w.sun.direction + np.array([0, 0, 0.6], np.float32))
        out.albedo[hit] *= np.clip(1 + 0.75 * lean, 0.5, 1.35)[:, None]

    def _paint(self, p: F32, n: F32, unit: F32, ids: NDArray, foot: F32) -> tuple[F32, F32, F32, F32]:
        """Colour (m, 3), mirror (m,), glow (m, 3) and the normal bent by relief (m, 3)."""
        w, m = self.w, len(ids)
        axes = w.frame_axes[w.frame[ids]]  # (m, 3, 3)
        q = np.einsum("mij,mj->mi", axes, p - w.frame_origin[w.frame[ids]])
        nq = np.einsum("mij,mj->mi", axes, n)
        u, v, tu, tv = _unroll(q, nq)
        side = np.flatnonzero((self.s.kind[ids] == CONE) & (1 - np.abs(unit[:, 2]) > 1e-3))
        if len(side):  # a cylinder is unrolled
            half = self.half[ids[side]]
            u[side] = np.arctan2(unit[side, 1], unit[side, 0]) * half[:, 0]
            v[side] = unit[side, 2] * half[:, 2]
            axis = self.s.local[ids[side], 2] * half[:, 2:]
            tv[side] = np.einsum("mij,mj->mi", axes[side], axis)
            tu[side] = np.cross(tv[side], nq[side])
        albedo, mirror = np.empty((m, 3), np.float32), np.zeros(m, np.float32)
        glow, slope = np.zeros((m, 3), np.float32), np.zeros((m, 2), np.float32)
        kinds = w.material[ids]
        for k in np.unique(kinds):
            sel = np.flatnonzero(kinds == k)
            hit = Hit(u[sel], v[sel], unit[sel], q[sel], nq[sel], self.half[ids[sel]], self.s.rnd[ids[sel]], foot[sel])
            surface = w.materials[k].shade(hit)
            albedo[sel], mirror[sel] = surface.albedo, surface.mirror
            if surface.glow is not None:
                glow[sel] = surface.glow
            if surface.slope is not None:
                slope[sel, 0], slope[sel, 1] = surface.slope
        bent = nq - slope[:, :1] * tu - slope[:, 1:] * tv
        bent = np.einsum("mji,mj->mi", axes, bent)
        bent /= np.maximum(np.linalg.norm(bent, axis=1, keepdims=True), 1e-6)
        return albedo, mirror, glow, bent.astype(np.float32)

    def _sun(self, p: F32, n: F32, bent: F32, random: F32) -> F32:
        """(m,) cosine times visibility of the sun; every sample looks at another place of it."""
        sun = self.w.sun
        cos = np.where(n @ sun.direction > 0, np.clip(bent @ sun.direction, 0, 1), 0).astype(np.float32)
        lit = np.flatnonzero(cos > 0)
        if len(lit) and sun.light.max() > 0:
            a, b = self.sun_axes
            r, phi = sun.spread * np.sqrt(random[0, lit]), 2 * math.pi * random[1, lit]
            d = sun.direction[:, None] + a[:, None] * (r * np.cos(phi)) + b[:, None] * (r * np.sin(phi))
            o = (p[lit] + EPS * n[lit]).T
            cos[lit[self.s.blocked(self.beam.towards(o), o, d.astype(np.float32))]] = 0
        return cos

    def _lamps(self, p: F32, n: F32, random: F32) -> F32:
        """(m, 3) light of the lamps: each ray asks one, the stronger ones more often, at one random place on it."""
        lamps = self.w.lamps
        if not lamps:
            return np.zeros_like(p)
        gains = np.stack([self._gain(p, n, lamp.centre[:, None], lamp)[1] * lamp.light.max() for lamp in lamps])
        # A little for each, because a large one may be seen by a point that does not see its middle.
        odds = gains + 0.02 * gains.sum(0) + 1e-6
        odds /= odds.sum(0)
        pick = (random[1] * 0.754877 + random[0] * 0.569840) % 1
        chosen = np.minimum((pick > np.cumsum(odds, 0)).sum(0), len(lamps) - 1)
        total = np.zeros_like(p)
        for k, lamp in enumerate(lamps):
            mine = np.flatnonzero(chosen == k)
            line, gain = self._gain(p[mine], n[mine], lamp.points(random[:, mine]), lamp)
            lit = np.flatnonzero(gain > 0)
            if not len(lit):
                continue
            at = mine[lit]
            o = (p[at] + EPS * n[at]).T
            among = between(self.s, self.seen, o, lamp.centre, lamp.radius)
            free = ~self.s.blocked(among, o, line[:, lit].astype(np.float32), reach=0.97)
            total[at[free]] = (gain[lit] / odds[k, at])[free, None] * lamp.light
        return total

    def _gain(self, p: F32, n: F32, place: F32, lamp: Lamp) -> tuple[F32, F32]:
        """(3, m) the way to places on a lamp and (m,) what part of its light arrives, were nothing between."""
        line = place - p.T
        distance = np.linalg.norm(line, axis=0)
        cos = np.einsum("mi,im->m", n, line) / distance
        return line, np.where(cos > 0, cos, 0) * lamp.strength(-line / distance, distance)

    def _around(self, out: Traced, ids: NDArray, pattern: NDArray, random: F32) -> F32:
        """(len(ids), 3) light from all around: one ray each; a 4x4 block of pixels covers the half sphere evenly."""
        n = out.normal[ids]
        cell = (pattern * 7) % 16
        a, b = (cell % 4 + random[0, ids]) / 4, (cell // 4 + random[1, ids]) / 4
        r, phi = np.sqrt(a), 2 * math.pi * b
        x = np.cross(n, np.where(np.abs(n[:, 2:]) < 0.9, [[0, 0, 1]], [[1, 0, 0]]))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        y = np.cross(n, x)
        d = x * (r * np.cos(phi))[:, None] + y * (r * np.sin(phi))[:, None] + n * np.sqrt(1 - a)[:, None]
        o = (out.point[ids] + 3 * EPS * n).T
        close = near_points(self.s, self.small, o, 0.25)
        close = close[np.argsort(-self.s.radius[close], kind="stable")[:30]]
        among = np.concatenate([prominent(self.s, self.coarse, o, n), close])
        return self._bounced(o, d.T.astype(np.float32), among, open_sky=False)

    def _bounced(self, o: F32, d: F32, among: NDArray, open_sky: bool) -> F32:
        """(m, 3) light that comes from directions d (3, m) to points o (3, m), from surfaces in their mean colours."""
        w = self.w
        t, which = self.s.nearest(among, o, d)
        got = np.zeros((d.shape[1], 3), np.float32)
        sky = np.flatnonzero(which < 0)
        if w.indoor is not None and not open_sky:  # daylight comes in by the lamps in the windows
            inside = ((o.T[sky] > w.indoor[0]) & (o.T[sky] < w.indoor[1])).all(1)
            sky = sky[~inside]
        if len(sky):
            got[sky] = np.minimum(w.sky.radiance(d.T[sky]), 2.5)
        hit = np.flatnonzero(which >= 0)
        if len(hit):
            ids = which[hit]
            p = (o[:, hit] + d[:, hit] * t[hit]).T
            unit = np.einsum("mij,mj->mi", self.s.local[ids], p - self.s.centre[ids])
            n = self.s.normals(ids, unit)
            cos = np.clip(n @ w.sun.direction, 0, 1) * self._sunny(p + 0.05 * n)
            light = w.ambient + w.sun.light * cos[:, None]
            for lamp in w.lamps:
                line = lamp.centre - p
                distance = np.linalg.norm(line, axis=1)
                ahead = np.clip(np.einsum("mi,mi->m", n, line) / distance, 0, 1)
                light = light + (ahead * lamp.strength(-line.T / distance, distance))[:, None] * lamp.light
            got[hit] = self.mean[ids] * light + self.glow[ids]
        return got

    def _sun_map(self) -> None:
        """How far along the sun's direction the first surface lies, on a square grid around the camera."""
        sun = self.w.sun
        beam = Beam(self.s, self.coarse, sun.direction, 0.0)
        reach = 16.0
        a, b = self.sun_axes
        axis = (np.arange(MAP, dtype=np.float32) + 0.5) / MAP * 2 - 1
        self.map_scale = MAP / (2 * reach)
        self.map = np.empty((MAP, MAP), np.float32)
        step = 32
        for i in range(0, MAP, step):
            for j in range(0, MAP, step):
                v, u = np.meshgrid(axis[i : i + step] * reach, axis[j : j + step] * reach, indexing="ij")
                start = self.w.camera + u[..., None] * a + v[..., None] * b + 200 * sun.direction
                o = start.reshape(-1, 3).T.astype(np.float32)
                d = np.repeat(-sun.direction[:, None], o.shape[1], 1)
                t, _ = self.s.nearest(beam.towards(o - 400 * sun.direction[:, None]), o, d)
                self.map[i : i + step, j : j + step] = (200 - t).reshape(v.shape)

    def _sunny(self, p: F32) -> F32:
        """(m,) 1 where the sun reaches points (m, 3), by the coarse map."""
        a, b = self.sun_axes
        q = p - self.w.camera
        i, j = (np.floor(q @ axis * self.map_scale + MAP / 2).astype(np.int64) for axis in (b, a))
        inside = (i >= 0) & (i < MAP) & (j >= 0) & (j < MAP)
        height = self.map[np.clip(i, 0, MAP - 1), np.clip(j, 0, MAP - 1)]
        return np.where(inside & (q @ self.w.sun.direction < height - 0.12), 0, 1).astype(np.float32)


def _unroll(q: F32, n: F32) -> tuple[F32, F32, F32, F32]:
    """Right and up on the face that a normal n (m, 3) belongs to: places u, v (m,) and their directions (m, 3)."""
    face = np.abs(n).argmax(1)
    sign = np.sign(n[np.arange(len(n)), face])
    tu, tv = np.zeros_like(n), np.zeros_like(n)
    x, y, z = (face == k for k in range(3))
    tu[x, 1], tv[x, 2] = sign[x], 1
    tu[y, 0], tv[y, 2] = -sign[y], 1
    tu[z, 0], tv[z, 1] = 1, 1
    return (q * tu).sum(1), (q * tv).sum(1), tu, tv
