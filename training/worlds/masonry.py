"""Materials that streets and houses are built of: plaster, brick, ashlar, cobbles, slabs, roof tiles, grass."""

from __future__ import annotations

import numpy as np

from .geometry import F32
from .noise import cell_hash, fbm, smoothstep, worley
from .paint import Color, Hit, Material, Surface, linear, material, mix, tint


def coarser(foot: F32, size: float) -> F32:
    """(m,) 0 where a pixel is finer than a detail of `size` metres, 1 where it is too coarse to show it."""
    return np.clip(foot / size - 0.3, 0, 1)


def bond(u: F32, v: F32, length: float, height: float, shift: float = 0.5) -> tuple[F32, F32, F32, F32]:
    """Rows of bricks: column and row numbers (m,), and the place in the brick in metres from its corner."""
    row = np.floor(v / height)
    along = u / length + shift * row
    column = np.floor(along)
    return column, row, (along - column) * length, (v / height - row) * height


def joint(x: F32, y: F32, length: float, height: float, width: float) -> tuple[F32, F32, F32]:
    """Mortar: how much (m,) [0, 1] of it, and the slope of a brick's rounded edge along x and y."""
    dx, dy = np.minimum(x, length - x), np.minimum(y, height - y)
    mortar = 1 - smoothstep(width * 0.4, width, np.minimum(dx, dy))
    edge = width * 1.8
    sx = np.where(dx < edge, np.sign(length / 2 - x), 0) * 0.8
    sy = np.where(dy < edge, np.sign(height / 2 - y), 0) * 0.8
    return mortar, sx, sy


def plaster(color: Color, stain: float = 1.0, rough: float = 0.12, brick: Color | None = None) -> Material:
    """Rendered wall: cloudy, darker and damp at its foot, streaked from above; `brick`: flaked off in places."""
    base = linear(color)

    @material(color)
    def shade(h: Hit) -> Surface:
        big, fine = fbm(h.u, h.v, 7.0), fbm(h.u, h.v, 0.9, 1.2, 1)
        streak = fbm(h.u * 3, h.v * 0.22, 9.0, 1.3, 2)
        light = 1 + stain * (0.07 * big + 0.05 * streak) + 0.045 * fine * (1 - coarser(h.foot, 0.05))
        damp = stain * 0.45 * smoothstep(0.75 + 0.35 * big, 0.0, h.v)
        c = mix(tint(base, light), linear((95, 88, 74)), np.clip(damp, 0, 0.6))
        su, sv = rough * fine, rough * fbm(h.u + 0.37, h.v + 0.11, 0.9, 1.2, 3)
        if brick is not None:
            gone = smoothstep(1.55, 1.62, big + 0.35 * fine + 0.5 * (h.v < 0.8))
            under = bricks(brick).shade(h)
            assert under.slope is not None
            c = mix(c, under.albedo * 0.8, gone)
            su, sv = mix(su, under.slope[0], gone), mix(sv, under.slope[1], gone)
        return Surface(np.clip(c, 0, 1), (su, sv))

    return shade


def bricks(color: Color, mortar: Color = (176, 168, 152), length: float = 0.25, height: float = 0.075) -> Material:
    """Running bond; every brick has a tone of its own."""
    base, fill = linear(color), linear(mortar)

    @material(tuple(np.array(color) * 0.85 + np.array(mortar) * 0.15))
    def shade(h: Hit) -> Surface:
        i, j, x, y = bond(h.u, h.v, length, height)
        far = coarser(h.foot, height)
        m, sx, sy = joint(x, y, length, height, 0.011)
        tone = 0.72 + 0.5 * cell_hash(i, j) + 0.06 * fbm(h.u, h.v, 0.5, 1.0, 1)
        warm = (cell_hash(i, j, 1) - 0.5)[:, None] * np.array([0.16, -0.02, -0.12], np.float32)
        c = tint(base, mix(tone, np.float32(0.97), far)) * (1 + warm * (1 - far[:, None]))
        c = mix(c, fill, mix(m, np.float32(0.17), far)) * (1 + 0.06 * fbm(h.u, h.v, 6.0))[:, None]
        return Surface(np.clip(c, 0, 1), (sx * (1 - far), sy * (1 - far)))

    return shade


def ashlar(color: Color, length: float = 0.62, height: float = 0.31, width: float = 0.012) -> Material:
    """Dressed stone blocks with thin joints."""
    base = linear(color)

    @material(color)
    def shade(h: Hit) -> Surface:
        i, j, x, y = bond(h.u, h.v, length, height)
        m, sx, sy = joint(x, y, length, height, width)
        grain = fbm(h.u, h.v, 1.3, 1.1, 4) * (1 - coarser(h.foot, 0.03))
        tone = 0.84 + 0.28 * cell_hash(i, j, 5) + 0.06 * grain + 0.06 * fbm(h.u, h.v, 8.0)
        c = tint(base, tone * (1 - 0.5 * m))
        return Surface(np.clip(c, 0, 1), (sx + 0.15 * grain, sy))

    return shade


def _setts(u: F32, v: F32, foot: F32, base: F32, salt: int) -> tuple[F32, F32, F32]:
    """Rounded stones of about one unit in u and v: colour (m, 3) and slopes along u and v."""
    d1, border, a, b = worley(u, v, salt, 0.3)
    far = coarser(foot, 1.3)
    gap = 1 - smoothstep(0.04, 0.15, border)
    tone = 0.68 + 0.55 * a
    warm = 1 + (b - 0.5)[:, None] * np.array([0.22, 0.04, -0.2], np.float32)
    c = tint(base, mix(tone, 0.95, far))
    c = c * mix(warm, 1.0, far)
    c = mix(c, linear((92, 86, 74)), mix(gap * 0.85, np.float32(0.2), far))
    # The stone falls towards its border: the slope of the distance field, by differences.
    dome = smoothstep(0.3, 0.0, border) * (1 - far)
    e = 0.04
    du = (worley(u + e, v, salt, 0.3)[0] - d1) / e
    dv = (worley(u, v + e, salt, 0.3)[0] - d1) / e
    return c, -du * dome, -dv * dome


def cobbles(color: Color, rings: list[tuple[float, float, float, float]], bands: float = 4.2) -> Material:
    """A paved square: setts in rows, divided by bands of slabs, laid in circles (x, y, inner, outer) around things."""
    base, slab = linear(color), linear(tuple(np.array(color) * 1.12))
    size = 0.085

    @material(color)
    def shade(h: Hit) -> Surface:
        x, y = h.p[:, 0], h.p[:, 1]
        u, v = x / (size * 1.25), y / size
        u = u + 0.5 * (np.floor(v) % 2)
        edge = np.full(x.shape, 9.0, np.float32)
        circle = np.zeros(x.shape, bool)
        for cx, cy, inner, outer in rings:
            r = np.hypot(x - cx, y - cy)
            sel = (r < outer) & (r > inner)
            n = np.floor(r / size)
            stones = np.maximum(np.round(2 * np.pi * (n + 0.5) / 1.25), 3)
            u = np.where(sel, (np.arctan2(y - cy, x - cx) / (2 * np.pi) + 0.5) * stones + n * 17, u)
            v = np.where(sel, r / size, v)
            circle |= sel
            edge = np.minimum(edge, np.abs(r - outer))
        bx, by = np.abs((x / bands) % 1 - 0.5) * bands, np.abs((y / bands) % 1 - 0.5) * bands
        edge = np.where(circle, edge, np.minimum(edge, np.minimum(bx, by)))
        c, su, sv = _setts(u, v, h.foot / size, base, 3)
        on_band = edge < 0.17
        along = np.where(bx < by, y, x)
        i = np.floor(along / 0.55)
        slot = np.minimum(np.minimum(along / 0.55 - i, 1 - (along / 0.55 - i)) * 0.55, np.abs(0.17 - edge))
        m = (1 - smoothstep(0.006, 0.016, slot)) * (1 - coarser(h.foot, 0.05))
        grain = fbm(x, y, 0.9, 1.0, 4)
        s = tint(slab, (0.9 + 0.2 * cell_hash(i, np.floor(x / bands) * 31 + np.floor(y / bands)) + 0.05 * grain))
        c = mix(c, s * (1 - 0.6 * m)[:, None], on_band.astype(np.float32))
        worn = fbm(x, y, 11.0, 1.8, 5)
        moss = smoothstep(1.2, 2.2, fbm(x, y, 5.0, 1.5, 6) - 0.3 * worn)[:, None] * 0.35
        c = c * (1 + 0.09 * worn)[:, None] * (1 - moss) + moss * linear((86, 98, 52)) * 0.8
        flat = np.where(on_band, 0.12 * grain, su), np.where(on_band, 0.0, sv)
        shine = 0.05 * smoothstep(-1.1, -2.0, worn)  # a little wet in the hollows
        return Surface(np.clip(c, 0, 1), flat, shine)

    return shade


def slabs(color: Color, size: float = 0.5) -> Material:
    """Square paving stones on a floor, steps and kerbs."""
    base = linear(color)

    @material(color)
    def shade(h: Hit) -> Surface:
        i, j, x, y = bond(h.u, h.v, size, size, 0.0)
        m, sx, sy = joint(x, y, size, size, 0.012)
        m = m * (1 - coarser(h.foot, 0.06))
        grain = fbm(h.u, h.v, 1.1, 1.0, 4) * (1 - coarser(h.foot, 0.03))
        c = tint(base, (0.86 + 0.24 * cell_hash(i, j, 9) + 0.06 * grain + 0.05 * fbm(h.u, h.v, 6.0)) * (1 - 0.5 * m))
        return Surface(np.clip(c, 0, 1), (sx * (m > 0), sy * (m > 0)))

    return shade


def roof_tiles(color: Color, width: float = 0.24, height: float = 0.3) -> Material:
    """Rounded tiles in rows that overlap: each row shades the next below."""
    base = linear(color)

    @material(tuple(np.array(color) * 0.8))
    def shade(h: Hit) -> Surface:
        u, v = h.p[:, 0], h.p[:, 1]
        i, j, x, y = bond(u, v, width, height)
        far = coarser(h.foot, height)
        # A tile hangs down to its round lip; below the lip the next tile is seen.
        lip = 0.055 * (1 - np.sqrt(np.clip(1 - (x / width * 2 - 1) ** 2, 0, 1)))
        under = y < lip
        i, j = np.where(under, np.floor(u / width + 0.5 * (j - 1)), i), np.where(under, j - 1, j)
        shadow = np.where(under, 0.55, 1) * (0.78 + 0.22 * smoothstep(height, height * 0.75, y))
        tone = (0.74 + 0.46 * cell_hash(i, j, 2)) * shadow
        warm = 1 + (cell_hash(i, j, 3) - 0.5)[:, None] * np.array([0.1, 0.0, -0.15], np.float32)
        c = tint(base, mix(tone, np.float32(0.85), far)) * warm
        lichen = smoothstep(1.0, 1.9, fbm(u, v, 2.6, 1.3, 5))[:, None] * 0.4
        c = c * (1 - lichen) + lichen * linear((128, 126, 96))
        curve = (x / width - 0.5) * 1.1 * (1 - far)
        return Surface(np.clip(c * (1 + 0.08 * fbm(u, v, 9.0))[:, None], 0, 1), (-curve, np.full_like(curve, -0.12)))

    return shade


def grass(color: Color = (92, 124, 50), flowers: bool = True) -> Material:
    """A meadow seen from above: blades, patches, a few flowers."""
    base = linear(color)

    @material(color)
    def shade(h: Hit) -> Surface:
        x, y = h.p[:, 0], h.p[:, 1]
        far = coarser(h.foot, 0.06)
        blade = fbm(x * 1.0, y * 2.3, 0.42, 0.7, 7) * (1 - far)
        c = tint(base, np.clip(1 + 0.4 * blade + 0.12 * fbm(x, y, 3.1, 1.5, 8), 0.25, 2))
        dry = smoothstep(0.4, 2.0, fbm(x, y, 1.9, 1.5, 9))[:, None] * 0.5
        c = c * (1 - dry) + dry * linear((150, 142, 74)) * (1 + 0.3 * blade)[:, None]
        if flowers:
            d, _, a, b = worley(x / 0.16, y / 0.16, 5)
            on = (d < 0.12) & (a > 0.72)
            c[on] = np.where((b[on] > 0.5)[:, None], linear((245, 240, 235)), linear((240, 200, 60)))
        return Surface(np.clip(c, 0, 1), (0.5 * blade, 0.3 * blade))

    return shade
