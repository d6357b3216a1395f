"""Materials of things: wood, paint, metal, cloth, leaves, water, glass, and pictures put on faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .geometry import F32, Cutout
from .masonry import bond, coarser, joint
from .noise import cell_hash, fbm, leaves, look_up, smoothstep
from .paint import Color, Hit, Material, Surface, linear, material, mix, tint


def louvers(color: Color, slat: float = 0.055) -> Material:
    """Shutters: slats in a frame."""
    base = linear(color)

    @material(color)
    def shade(h: Hit) -> Surface:
        y = h.v / slat - np.floor(h.v / slat)
        rim = (np.abs(h.unit[:, [0, 2]]) * -1 + 1) * h.half[:, [0, 2]] < 0.05
        slats = ~rim.any(1)
        far = coarser(h.foot, slat)
        tone = np.where(slats, mix(0.55 + 0.5 * y, np.float32(0.78), far), 1.0)
        return Surface(
            tint(base, tone * (1 + 0.04 * fbm(h.u, h.v, 1.2))), (0 * y, np.where(slats, -0.5 * (1 - far), 0))
        )

    return shade


def plain(color: Color, spread: float = 0.04, mirror: float = 0.0) -> Material:
    """Paint: one colour, a little uneven."""
    base = linear(color)

    @material(color)
    def shade(h: Hit) -> Surface:
        return Surface(tint(base, 1 + spread * fbm(h.u, h.v, 1.7, 1.4, 1)), mirror=mirror)

    return shade


def glowing(color: Color, strength: float) -> Material:
    """A lamp's glass: its own light."""
    light = linear(color) * strength

    def shade(h: Hit) -> Surface:
        return Surface(np.tile(linear(color) * 0.5, (len(h.u), 1)), glow=np.tile(light, (len(h.u), 1)))

    return Material(shade, linear(color) * 0.5, light)


def wood(
    color: Color, board: float = 0.14, upright: bool = False, mirror: float = 0.0, length: float = 1.6
) -> Material:
    """Boards with grain, along u or upright along v; each board has its own tone."""
    base, dark = linear(color), linear(tuple(np.array(color) * 0.62))

    @material(color)
    def shade(h: Hit) -> Surface:
        u, v = (h.v, h.u) if upright else (h.u, h.v)
        i, j, x, y = bond(u, v, length, board, 0.37)
        gap, sx, sy = joint(x, y, length, board, 0.004)
        far = coarser(h.foot, 0.03)
        r = cell_hash(i, j, 1) * 7 + h.rnd * 3
        wave = fbm(u * 0.22 + r, v * 1.9 + r, 1.3, 1.5, 2)
        grain = fbm(u * 0.12 + r, v * 3.1, 0.35, 0.9, 3) * (1 - far)
        ring = 0.5 + 0.5 * np.sin(18 * wave)
        tone = 0.82 + 0.34 * cell_hash(i, j, 2) + 0.05 * grain
        c = mix(tint(base, tone), tint(dark, tone), 0.34 * ring * (1 - 0.6 * far) + 0.05 * grain)
        c = np.clip(c * (1 - 0.65 * (gap * (1 - coarser(h.foot, 0.02))))[:, None], 0, 1)
        slope = (0.02 * grain, 0.06 * grain + 0.4 * sy * gap)
        return Surface(c, slope[::-1] if upright else slope, mirror)

    return shade


def herringbone(color: Color, width: float = 0.09, mirror: float = 0.05) -> Material:
    """Parquet of blocks laid at right angles to each other, six times as long as wide, turned by 45 degrees."""
    base, dark = linear(color), linear(tuple(np.array(color) * 0.6))
    n = 6

    @material(color)
    def shade(h: Hit) -> Surface:
        a, b = (h.u + h.v) / np.sqrt(2) / width, (h.u - h.v) / np.sqrt(2) / width
        i, j = np.floor(a), np.floor(b)
        flat = (i - j) % (2 * n) < n  # lies along a, else along b
        along = np.where(flat, (i - j) % (2 * n) + a - i, (j - i - 1) % (2 * n) + b - j)
        across = np.where(flat, b - j, a - i)
        block_i = np.where(flat, i - (i - j) % (2 * n), i)
        block_j = np.where(flat, j, j - (j - i - 1) % (2 * n) + 9999)
        r = cell_hash(block_i, block_j, 1)
        edge = np.minimum(np.minimum(along, n - along), np.minimum(across, 1 - across)) * width
        gap = (1 - smoothstep(0.0008, 0.003, edge)) * (1 - coarser(h.foot, 0.02))
        wave = fbm(along * 0.014 + 9 * r, across * 0.16 + 5 * r, 1.3, 1.4, 2)
        grain = fbm(along * 0.02 + 3 * r, across * 0.5, 0.6, 0.9, 3) * (1 - coarser(h.foot, 0.02))
        c = mix(tint(base, 0.8 + 0.4 * r), dark, np.clip(0.22 + 0.2 * np.sin(9 * wave) + 0.06 * grain, 0, 1))
        return Surface(np.clip(c * (1 - 0.6 * gap)[:, None], 0, 1), mirror=mirror)

    return shade


def cloth(color: Color, second: Color | None = None, stripe: float = 0.0, weave: float = 0.02) -> Material:
    """Fabric with a weave; with `stripe` metres wide stripes of a second colour, across u."""
    one, two = linear(color), linear(second if second is not None else color)
    mean = color if second is None else tuple((np.array(color) + np.array(second)) / 2)

    @material(mean)
    def shade(h: Hit) -> Surface:
        t = (np.floor(h.u / stripe) % 2).astype(np.float32) if stripe else np.zeros_like(h.u)
        thread = (np.sin(h.u * 6.28 / weave) * np.sin(h.v * 6.28 / weave)) * (1 - coarser(h.foot, weave / 2))
        tone = 1 + 0.12 * thread + 0.07 * fbm(h.u, h.v, 1.3, 1.6, 2)
        fold = 0.35 * fbm(h.u, h.v, 1.1, 2.0, 6)
        return Surface(np.clip(mix(one[None], two, t) * tone[:, None], 0, 1), (fold, 0.5 * fold))

    return shade


def folds(color: Color, second: Color, width: float = 0.11) -> Material:
    """A curtain that hangs in waves, with thin stripes of a second colour."""
    one, two = linear(color), linear(second)

    @material(color)
    def shade(h: Hit) -> Surface:
        phase = h.u / width * 6.28 + 0.8 * fbm(h.u, h.v * 0.1, 3.0, 1.8, 4)
        t = smoothstep(0.75, 0.85, np.sin(h.u / width * 2.1 + 1.0))
        return Surface(
            tint(mix(one[None], two, t), 0.86 + 0.16 * np.sin(phase)), (0.9 * np.cos(phase), np.zeros_like(phase))
        )

    return shade


def metal(color: Color, mirror: float = 0.25) -> Material:
    """Painted or bare metal that shines a little."""
    return plain(color, 0.03, mirror)


def foliage(color: Color, flowers: Color | None = None, share: float = 0.2, period: float = 1.1) -> Material:
    """Leaves, to be used with the cutout `leafy` of the same period; some may be flowers."""
    base = linear(color)
    flower = linear(flowers if flowers is not None else color)

    @material(tuple(np.array(color) * 0.62))
    def shade(h: Hit) -> Surface:
        u, v = _leaf_place(h.unit, h.rnd)
        tone = look_up(leaves(), u / period, v / period)[:, 1]
        c = tint(base, (0.35 + 0.85 * tone) * (0.86 + 0.28 * h.rnd))
        yellow = (cell_hash(np.floor(tone * 311), 1) - 0.5)[:, None] * np.array([0.35, 0.1, -0.1], np.float32)
        c = c * (1 + yellow)
        if flowers is not None:
            on = cell_hash(np.floor(tone * 733), 2) < share
            c[on] = flower * (0.6 + 0.5 * tone[on])[:, None]
        return Surface(np.clip(c, 0, 1), (1.1 * np.cos(tone * 97), 1.1 * np.sin(tone * 61)))

    return shade


def leafy(period: float = 1.1, density: float = 0.5) -> Cutout:
    """Holes between the leaves of a crown."""

    def there(unit: F32, rnd: float) -> NDArray[np.bool_]:
        u, v = _leaf_place(unit.T, np.float32(rnd))
        return look_up(leaves(), u / period, v / period)[:, 0] > 1 - 0.95 * density

    return there


def _leaf_place(unit: F32, rnd: F32 | np.float32) -> tuple[F32, F32]:
    """Where on the picture of leaves a point (m, 3) of a crown lies: seen along its main axis."""
    face = np.abs(unit).argmax(1)
    u = np.where(face == 0, unit[:, 1], unit[:, 0])
    v = np.where(face == 2, unit[:, 1], unit[:, 2])
    return u + rnd * 3.7 + 0.21 * face, v + rnd * 5.3


def water(color: Color = (58, 110, 122)) -> Material:
    """A basin's surface with ripples."""
    base = linear(color)

    @material(color)
    def shade(h: Hit) -> Surface:
        x, y = h.p[:, 0], h.p[:, 1]
        a, b = fbm(x, y, 0.9, 1.7, 8), fbm(x + 0.4, y + 0.2, 0.9, 1.7, 9)
        return Surface(tint(base, 1 + 0.1 * a), (0.07 * a, 0.07 * b), 0.35)

    return shade


def striped_cone(one: Color, two: Color, sectors: int) -> Material:
    """A parasol: sectors in turn."""
    a, b = linear(one), linear(two)

    @material(tuple((np.array(one) + np.array(two)) / 2))
    def shade(h: Hit) -> Surface:
        k = np.floor((np.arctan2(h.unit[:, 1], h.unit[:, 0]) / (2 * np.pi) + 0.5) * sectors)
        edge = (h.unit[:, 2] < -0.9) & (k % 2 == 0)
        return Surface(tint(np.where(((k % 2 == 0) ^ edge)[:, None], a, b), 1 + 0.05 * fbm(h.u, h.v, 1.0, 1.5)))

    return shade
