"""What makes walls into rooms: papers, window frames, curtains, rugs."""

from __future__ import annotations

import cv2
import numpy as np

from .furniture import Fittings
from .letters import RGB, Picture
from .masonry import coarser
from .noise import fbm, smoothstep
from .paint import Color, Hit, Material, Surface, linear, material, mix
from .prints import AA, blank
from .scene import Builder


def wallpaper(color: Color, kind: int, rng: np.random.Generator) -> Material:
    """Paint (0), stripes (1), a trellis of diamonds (2) or leaves on stems (3), a little lighter or darker."""
    base = linear(color)
    other = linear(tuple(np.clip(np.array(color) * rng.choice([0.86, 1.1]), 0, 250)))

    @material(color)
    def shade(h: Hit) -> Surface:
        u, v = h.u, h.v
        fine = fbm(u, v, 0.6, 1.0, 1) * (1 - coarser(h.foot, 0.03))
        if kind == 1:
            t = smoothstep(0.46, 0.5, np.abs((u / 0.16) % 1 - 0.5) * 2)
        elif kind == 2:
            a, b = np.abs((u / 0.22 + v / 0.3) % 1 - 0.5), np.abs((u / 0.22 - v / 0.3) % 1 - 0.5)
            line = np.minimum(0.5 - a, 0.5 - b)
            t = (1 - smoothstep(0.02, 0.045, line)) + (1 - smoothstep(0.06, 0.09, np.hypot(a, b)))
        elif kind == 3:
            row = np.floor(v / 0.16)
            x, y = (u / 0.2 + 0.5 * (row % 2)) % 1 - 0.5, (v / 0.16) % 1 - 0.5
            petal = np.abs(np.abs(x) - 0.2 - 0.25 * y) * 1.6 + np.abs(y - 0.05) * 0.8
            stem = np.abs(x + 0.05 * np.sin(v * 39)) < 0.018
            t = np.maximum(1 - smoothstep(0.2, 0.26, petal), stem)
        else:
            t = np.zeros_like(u)
        c = mix(base[None], other, np.clip(t, 0, 1) * (1 - 0.7 * coarser(h.foot, 0.06)))
        return Surface(
            np.clip(c * (1 + 0.015 * fine + 0.012 * fbm(u, v, 4.0))[:, None], 0, 1), (0.04 * fine, 0.03 * fine)
        )

    return shade


def glazing(b: Builder, width: float, low: float, high: float, f: Fittings) -> None:
    """Frame and bars of a window in a wall 0.3 m deep, with its sill inside; x = 0 is its middle."""
    w, y = width / 2, (0.14, 0.2)
    for x in (-w, w - 0.06, -0.035):
        b.box((x, x + (0.07 if x == -0.035 else 0.06)), y, (low, high), f.white, "window")
    for z in (low, high - 0.06):
        b.box((-w, w), y, (z, z + 0.06), f.white, "window")
    cross = low + 0.7 * (high - low)
    b.box((-w, w), (0.15, 0.19), (cross - 0.02, cross + 0.02), f.white, "window")
    for x in (-w / 2, w / 2):
        b.box((x - 0.012, x + 0.012), (0.16, 0.18), (low, high), f.white, "window")
    b.box((-w - 0.08, w + 0.08), (-0.2, 0.14), (low - 0.02, low + 0.025), f.white, "window")
    b.rod((0.02, 0.12, low + 0.62), (0.02, 0.12, low + 0.74), 0.012, f.metal, "window")


def curtains(b: Builder, width: float, top: float, drape: Material, f: Fittings) -> None:
    """A rod with rings over a window, and cloth at both sides."""
    w, z = width / 2, top + 0.16
    b.rod((-w - 0.42, -0.12, z), (w + 0.42, -0.12, z), 0.014, f.dark, "cloth")
    for x in (-w - 0.44, w + 0.44):
        b.ball((x, -0.12, z), 0.03, f.dark, "cloth")
    for x0, x1 in ((-w - 0.36, -w + 0.08), (w - 0.08, w + 0.36)):
        for x in np.arange(x0 + 0.02, x1, 0.055):  # the waves are real: each is a thin roll of cloth
            b.cone((x, -0.12, 0.04), 0.036, z - 0.06, drape, "cloth")


def rug(rng: np.random.Generator, one: Color, two: Color) -> Picture:
    """A woven rug: borders, a field of diamonds, fringes."""
    h, w = 620, 950
    inks: list[RGB] = [
        (int(c[0]), int(c[1]), int(c[2])) for c in (one, two, (232, 220, 196), (44, 42, 50), np.array(one) * 0.6)
    ]
    p = blank(h, w, inks[0])
    for k, inset in enumerate((0, 26, 62, 78)):
        cv2.rectangle(p, (inset, inset), (w - 1 - inset, h - 1 - inset), inks[(2, 3, 1, 0)[k]], -1)
    for x in range(26, w - 40, 36):
        for y in (44, h - 45):
            cv2.fillPoly(p, [np.array([[x, y + 15], [x + 18, y - 15], [x + 36, y + 15]])], inks[1], AA)
    for y in range(60, h - 60, 36):
        for x in (44, w - 45):
            cv2.fillPoly(p, [np.array([[x + 15, y], [x - 15, y + 18], [x + 15, y + 36]])], inks[1], AA)
    columns = int(rng.integers(3, 6))
    for i in range(columns):
        cx = int(78 + (w - 156) * (i + 0.5) / columns)
        r = (w - 156) / columns / 2
        for k, (scale, ink) in enumerate(((1.0, 4), (0.86, 2), (0.7, 3), (0.52, 1), (0.3, 2), (0.14, 0))):
            tall = min(r * 1.6, (h - 170) / 2) * scale
            n = 9 if k < 4 else 1
            for s in range(n):  # stepped edges, as woven
                a, c = r * scale * (1 - s / n), tall * (s + 1) / n
                cv2.rectangle(p, (int(cx - a), int(h / 2 - c)), (int(cx + a), int(h / 2 + c)), inks[ink], -1)
    weave = rng.normal(0, 5, (h, w, 1))
    return np.clip(p + weave, 0, 255).astype(np.uint8)
