"""Shelves full of books and things, and pictures on walls. Frames as in houses: x right, y away, z up."""

from __future__ import annotations

import math

import numpy as np

from . import decals, prints, surfaces
from .letters import Picture
from .masonry import coarser
from .noise import cell_hash, fbm
from .paint import Color, Hit, Material, Surface, linear, material, vary
from .scene import Builder

SPINES: tuple[Color, ...] = (
    (142, 44, 40), (30, 62, 92), (214, 196, 158), (48, 84, 62), (206, 148, 54), (64, 48, 78), (226, 222, 210),
    (36, 36, 42), (176, 92, 56), (96, 128, 148), (120, 34, 62), (88, 98, 58), (196, 170, 182), (240, 214, 120),
)  # fmt: skip


def book_cover() -> Material:
    """Bound books: the solid's random number picks the colour, the bands and the title on the spine."""
    palette = np.stack([linear(c) for c in SPINES])
    paper, gold = linear((228, 220, 198)), linear((222, 184, 96))

    @material((130, 104, 88))
    def shade(h: Hit) -> Surface:
        n = len(palette)
        k = np.minimum((h.rnd * n).astype(int), n - 1)
        c = palette[k] * (0.85 + 0.3 * cell_hash(np.floor(h.rnd * 9973), 1))[:, None]
        x, z = h.unit[:, 0], h.unit[:, 2]  # across and along the spine
        style = cell_hash(np.floor(h.rnd * 9973), 2)
        ink = np.where((c.sum(1) > 0.9)[:, None], c * 0.15, gold)
        band = (np.abs(np.abs(z) - 0.78) < 0.025) & (style < 0.6)
        title = (np.abs(x) < 0.45) & (np.abs(z - 0.1) < 0.45)
        rows = (np.abs(x) < 0.2) | (style > 0.7)
        letters = title & rows & (cell_hash(np.floor(z * 26 + h.rnd * 999), np.floor(x * 2.2), 3) > 0.35)
        label = (np.abs(z - 0.35) < 0.16) & (style > 0.8)
        spine = h.unit[:, 1] < -0.99
        c = np.where((label & spine)[:, None], paper, c)
        far = 1 - coarser(h.foot, 0.012)
        c = c + (ink - c) * ((band | letters) & spine & ~label)[:, None] * far[:, None] * 0.85
        pages = h.unit[:, 2] > 0.99
        c = np.where((pages & (np.abs(x) < 0.8))[:, None], paper, c)
        curve = np.where(spine, 0.5 * x, 0)
        return Surface(np.clip(c * (1 + 0.05 * fbm(h.u, h.v, 0.4))[:, None], 0, 1), (-curve, 0 * curve))

    return shade


def books(b: Builder, x0: float, x1: float, z: float, height: float, rng: np.random.Generator, cover: Material) -> None:
    """Books on a board at height z, between x0 and x1; the last ones lean, or lie in a heap."""
    x = x0 + 0.01
    end = x1 - (rng.uniform(0.05, 0.3) if rng.random() < 0.5 else 0.01)
    tall = rng.uniform(0.72, 0.9)
    while x < end - 0.05:
        w = rng.uniform(0.018, 0.05)
        h = height * min(tall * rng.uniform(0.8, 1.1), 0.96)
        b.box((x, x + w), (-0.22 + rng.uniform(0, 0.03), 0), (z, z + h), cover, "book")
        x += w + 0.0015
        if rng.random() < 0.06:
            tall = rng.uniform(0.66, 0.92)
    if end < x1 - 0.2:
        top = z
        for _ in range(int(rng.integers(1, 5))):
            t = rng.uniform(0.025, 0.045)
            pile = b.at((x + x1) / 2, -0.11, top, yaw=rng.uniform(-0.15, 0.15))
            half = min(0.115, (x1 - x) / 2 - 0.02)
            pile.box((-half, half), (-0.09, 0.09), (0, t), cover, "book")
            top += t
    elif end < x1 - 0.08:
        h = height * 0.75
        lean = b.at(x + 0.05, 0, z, roll=0.16)
        lean.box((0, 0.03), (-0.2, 0), (0, h), cover, "book")


def bookcase(
    b: Builder, width: float, height: float, rng: np.random.Generator, wood: Material, plant: Material
) -> None:
    """Boards and uprights against the wall y = 0, with books and a few other things."""
    depth, columns, rows = 0.32, max(1, round(width / 0.85)), max(3, round(height / 0.36))
    cover = book_cover()
    step, storey = width / columns, (height - 0.08) / rows
    b.box((0, width), (-0.03, 0), (0, height), wood, "shelf")
    for k in range(columns + 1):
        x = k * step
        b.box((x - 0.014, x + 0.014), (-depth, 0), (0, height), wood, "shelf")
    for k in range(rows + 1):
        z = 0.08 + k * storey
        b.box((-0.014, width + 0.014), (-depth - (0.02 if k in (0, rows) else 0), 0), (z - 0.025, z), wood, "shelf")
    for i in range(columns):
        for j in range(rows):
            x0, x1, z = i * step + 0.014, (i + 1) * step - 0.014, 0.08 + j * storey
            if rng.random() < 0.8 or j == 0:
                books(b.at(0, -0.035), x0, x1, z, storey - 0.03, rng, cover)
                continue
            ornament(b.at((x0 + x1) / 2, -0.16, z), int(rng.integers(5)), storey - 0.05, rng, plant)
            books(b.at(0, -0.035), x0, x0 + step * 0.3, z, storey - 0.03, rng, cover)


def ornament(b: Builder, kind: int, h: float, rng: np.random.Generator, plant: Material) -> None:
    """A globe, a plant, a vase, a small picture or two boxes: not higher than h."""
    if kind == 0:
        globe = decals.pasted(prints.world_map(rng), around=1)
        b.cone((0.1, 0, 0), 0.07, 0.02, surfaces.wood((96, 60, 40), 0.2), "container")
        b.ball((0.1, 0, 0.02 + h * 0.4), h * 0.38, globe, "container")
    elif kind == 1:
        b.cone((0.12, 0, 0), 0.05, 0.09, surfaces.plain(vary((206, 198, 180), rng)), "container", taper=1.3)
        b.ball((0.12, 0, 0.17), (0.13, 0.12, 0.11), plant, "plant", cutout=surfaces.leafy(2.2, 0.8))
        b.ball((0.2, -0.08, 0.06), (0.06, 0.05, 0.13), plant, "plant", cutout=surfaces.leafy(2.2, 0.6))
    elif kind == 2:
        glaze = surfaces.plain(vary((70, 116, 132), rng, 24), 0.08, 0.1)
        b.ball((0.1, 0, 0.1), (0.075, 0.075, 0.1), glaze, "container")
        b.cone((0.1, 0, 0.17), 0.035, 0.09, glaze, "container", taper=1.4)
    elif kind == 3:
        lean = b.at(0.1, 0, 0, pitch=-0.15)
        framed(lean, 0.26, min(0.24, h), prints.painting(rng), (60, 44, 34), 0.02)
    else:
        for k in range(2):
            box = surfaces.plain(vary((170, 140, 100), rng, 24))
            b.box((-0.02, 0.26), (-0.12, 0.12), (0.1 * k, 0.1 * k + 0.095), box, "container")


def framed(b: Builder, width: float, height: float, picture: Picture, color: Color, rim: float = 0.035) -> None:
    """A picture in a frame on the wall y = 0; the middle of its lower edge is the frame's origin."""
    frame = surfaces.wood(color, 0.5, mirror=0.04)
    x, z = width / 2, height
    b.box((-x, x), (-0.02, -0.002), (0, z), decals.pasted(picture), "picture")
    for side in (-x, x - rim):
        b.box((side, side + rim), (-0.04, 0), (0, z), frame, "picture")
    for low in (0.0, z - rim):
        b.box((-x, x), (-0.041, 0), (low, low + rim), frame, "picture")


def wall_clock(b: Builder, radius: float, rng: np.random.Generator) -> None:
    """A round clock on the wall, its middle at the origin."""
    picture = prints.clock_face(rng, dark=bool(rng.random() < 0.3))
    b.box((-radius, radius), (-0.05, -0.01), (-radius, radius), decals.pasted(picture), "clock",
          cutout=decals.stencil(picture))  # fmt: skip


def flat(b: Builder, x: float, y: float, z: float, yaw: float = 0.0) -> Builder:
    """A frame whose front (-y) looks up: what is a picture on a wall there lies on a table here."""
    return b.at(x, y, z, yaw=yaw).at(0, 0, 0, pitch=-math.pi / 2)
