"""Houses: walls with openings, windows, doors, shops, roofs. A house is built in a frame that faces the street:

x along the wall to the right, y into the house, z up; the wall's face is y = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import decals, masonry, signs, surfaces
from .letters import RGB
from .paint import Color, Material, vary
from .scene import Builder

WALL = 0.3  # [m] thick
Opening = tuple[float, float, float, float]  # x from, to, z from, to

PLASTERS: tuple[Color, ...] = (
    (222, 184, 122), (206, 132, 98), (226, 206, 170), (164, 178, 158), (190, 202, 210), (214, 160, 140),
    (232, 218, 196), (196, 170, 116), (152, 168, 186), (206, 116, 84),
)  # fmt: skip
TRIMS: tuple[RGB, ...] = ((232, 228, 216), (240, 236, 228), (86, 60, 44), (70, 92, 84), (60, 70, 84))
SHUTTERS: tuple[RGB, ...] = ((58, 96, 86), (70, 104, 136), (124, 54, 46), (92, 112, 72), (70, 76, 88))
DOORS: tuple[RGB, ...] = ((52, 88, 78), (128, 44, 40), (44, 66, 106), (104, 66, 40), (180, 132, 54))


@dataclass(frozen=True)
class Kit:
    """Materials that houses share."""

    stone: Material
    dark_stone: Material
    roofs: tuple[Material, ...]
    brick: Material
    iron: Material
    zinc: Material
    soil: Material
    leaves: tuple[Material, ...]
    lantern: Material
    rail: Material

    @staticmethod
    def make(rng: np.random.Generator) -> Kit:
        flowers: tuple[Color, ...] = ((214, 54, 70), (236, 120, 160), (250, 210, 80), (238, 236, 240), (150, 90, 190))
        picks = rng.permutation(len(flowers))
        return Kit(
            stone=masonry.ashlar(vary((204, 194, 172), rng, 6)),
            dark_stone=masonry.ashlar(vary((150, 144, 134), rng, 6)),
            roofs=tuple(masonry.roof_tiles(vary(c, rng, 8)) for c in ((178, 92, 62), (150, 84, 66), (104, 98, 98))),
            brick=masonry.bricks(vary((162, 88, 66), rng, 8)),
            iron=surfaces.metal((42, 44, 48), 0.06),
            zinc=surfaces.metal((128, 134, 138), 0.12),
            soil=surfaces.plain((84, 62, 46)),
            leaves=tuple(surfaces.foliage((84, 124, 52), flowers[k], 0.3, 2.2) for k in picks[:3]),
            lantern=surfaces.glowing((255, 214, 150), 1.6),
            rail=surfaces.plain((40, 42, 46)),
        )


def wall(
    b: Builder,
    width: float,
    low: float,
    high: float,
    openings: list[Opening],
    m: Material,
    depth: float = WALL,
    coarse: bool = False,
) -> None:
    """A wall with rectangular holes; holes whose heights overlap must share them."""
    bands: list[tuple[float, float, list[Opening]]] = []
    z = low
    for bottom, top in sorted({o[2:] for o in openings}):
        bands += [(z, bottom, []), (bottom, top, [o for o in openings if o[2:] == (bottom, top)])]
        z = top
    for bottom, top, holes in [*bands, (z, high, [])]:
        x = 0.0
        for left, right, *_ in [*sorted(holes), (width, width)]:
            if left > x and top > bottom:
                b.box((x, left), (0, depth), (bottom, top), m, "wall", coarse=coarse)
            x = right


@dataclass(frozen=True)
class Style:
    """The look of one house."""

    plaster: Material
    side: Material
    panes: tuple[Material, ...]  # window pictures of this house
    trim: Material
    shutter: Material | None
    window: tuple[float, float]  # width, height [m]
    bars: tuple[int, int]

    @staticmethod
    def make(rng: np.random.Generator, kit: Kit, color: Color) -> Style:
        frame = TRIMS[rng.integers(len(TRIMS))]
        window = (float(rng.uniform(0.85, 1.1)), float(rng.uniform(1.35, 1.65)))
        bars = (2, int(rng.integers(2, 5)))
        panes = tuple(
            decals.pasted(signs.pane(rng, frame, *bars, window[1], window[0]), mirror=0.14, glow=0.05) for _ in range(3)
        )
        kind = rng.integers(4)
        if kind == 0:
            face: Material = masonry.bricks(vary((168, 96, 74), rng, 12))
        elif kind == 1:
            face = masonry.plaster(color, 1.3, brick=(160, 92, 70))
        else:
            face = masonry.plaster(color)
        trim = kit.stone if rng.random() < 0.6 else surfaces.plain(vary((230, 224, 208), rng, 6))
        shutter = surfaces.louvers(SHUTTERS[rng.integers(len(SHUTTERS))]) if rng.random() < 0.62 and kind else None
        return Style(face, masonry.plaster(vary(color, rng, 8)), panes, trim, shutter, window, bars)


def window(b: Builder, o: Opening, style: Style, kit: Kit, rng: np.random.Generator, flowers: bool) -> None:
    """A window in its opening, with sill, surround, perhaps shutters and a box of flowers."""
    x0, x1, z0, z1 = o
    pane = style.panes[rng.integers(len(style.panes))]
    b.box((x0, x1), (0.15, 0.2), (z0, z1), pane, "window", coarse=False)
    b.box((x0 - 0.12, x1 + 0.12), (-0.1, 0.16), (z0 - 0.07, z0), style.trim, "wall")
    b.box((x0 - 0.1, x1 + 0.1), (-0.04, 0.06), (z1, z1 + 0.14), style.trim, "wall")
    middle = (x0 + x1) / 2
    b.box((middle - 0.08, middle + 0.08), (-0.07, 0.05), (z1 - 0.01, z1 + 0.19), style.trim, "wall")
    if style.shutter is not None:
        w = (x1 - x0) / 2
        for x in (x0 - w - 0.02, x1 + 0.02):
            b.box((x, x + w), (-0.055, -0.012), (z0, z1), style.shutter, "window", coarse=False)
    else:
        for x in (x0 - 0.1, x1):
            b.box((x, x + 0.1), (-0.03, 0.06), (z0, z1), style.trim, "wall")
    if flowers:
        flower_box(b, x0, x1, z0, kit, rng)


def flower_box(b: Builder, x0: float, x1: float, z: float, kit: Kit, rng: np.random.Generator) -> None:
    """A box of flowers on a sill at height z, hanging over its rim."""
    b.box((x0, x1), (-0.32, -0.1), (z - 0.04, z + 0.14), surfaces.wood((120, 76, 50), 0.09), "container")
    leaf = kit.leaves[rng.integers(len(kit.leaves))]
    for x in np.arange(x0 + 0.08, x1, 0.17):
        size = (0.17, 0.17, 0.15 + 0.06 * rng.random())
        b.ball((x, -0.23 + 0.05 * rng.random(), z + 0.18), size, leaf, "plant", cutout=surfaces.leafy(2.2, 0.7))


def door(b: Builder, x: float, kit: Kit, rng: np.random.Generator, number: int) -> Opening:
    """A door with steps, surround, number and lantern at x; returns the hole it needs."""
    w, h = 1.05, 2.5
    color = DOORS[rng.integers(len(DOORS))]
    m = decals.pasted(signs.door(rng, color, rng.random() < 0.5), mirror=0.1)
    b.box((x, x + w), (0.14, 0.2), (0.16, h), m, "door", coarse=False)
    b.box((x - 0.25, x + w + 0.25), (-0.38, 0.25), (0, 0.16), kit.stone, "paving")
    for side in (x - 0.18, x + w):
        b.box((side, side + 0.18), (-0.06, 0.1), (0.16, h + 0.02), kit.stone, "wall")
    b.box((x - 0.28, x + w + 0.28), (-0.12, 0.1), (h + 0.02, h + 0.2), kit.stone, "wall")
    plate = decals.pasted(signs.plate(str(number)))
    b.box((x + w + 0.3, x + w + 0.52), (-0.02, 0), (1.75, 1.95), plate, "sign", coarse=False)
    lantern(b, x - 0.36, -0.22, 2.05, kit)
    return (x, x + w, 0.16, h)


def lantern(b: Builder, x: float, y: float, z: float, kit: Kit, size: float = 0.09) -> None:
    """A small lantern on a bracket from the wall."""
    b.rod((x, 0, z + 4.6 * size), (x, y, z + 4.6 * size), 0.014, kit.iron, "lamp")
    b.cone((x, y, z), size * 0.7, 2.6 * size, kit.lantern, "lamp", taper=1.35)
    b.cone((x, y, z + 2.6 * size), size * 1.3, size * 1.5, kit.iron, "lamp", taper=0.12)
    b.cone((x, y, z - 0.4 * size), size * 0.6, 0.5 * size, kit.iron, "lamp", taper=1.3)
    low, top = size * 0.52, size * 0.7
    for dx, dy in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        a, c = (x + dx * low, y + dy * low, z), (x + dx * top, y + dy * top, z + 2.6 * size)
        b.rod(a, c, 0.009, kit.iron, "lamp")


def shop(b: Builder, width: float, name: str, kit: Kit, rng: np.random.Generator) -> tuple[list[Opening], float]:
    """A shop front: display, door, sign, perhaps an awning; returns the holes and how high it reaches."""
    ground, ink = signs.TRADES[name]
    paint = surfaces.wood(ground, 0.2, upright=True)
    left = rng.random() < 0.5
    dx = 0.35 if left else width - 1.4
    x0, x1 = (1.75, width - 0.35) if left else (0.35, width - 1.75)
    show = decals.pasted(signs.display(name, rng), mirror=0.1, glow=0.35)
    b.box((x0, x1), (0.12, 0.18), (0.62, 2.5), show, "window", coarse=False)
    b.box((x0 - 0.06, x1 + 0.06), (-0.05, 0.14), (0, 0.62), paint, "wall")
    b.box((x0 - 0.1, x1 + 0.1), (-0.14, 0.14), (0.6, 0.67), kit.stone, "wall")
    glazed = decals.pasted(signs.door(rng, tuple(int(c * 0.9) for c in ground), True), mirror=0.1)  # type: ignore[arg-type]
    b.box((dx, dx + 1.05), (0.14, 0.2), (0.06, 2.5), glazed, "door", coarse=False)
    b.box((dx - 0.1, dx + 1.15), (-0.2, 0.25), (0, 0.06), kit.stone, "paving")
    for x in (0.06, width - 0.28, (dx + 1.15) if left else dx - 0.34):
        b.box((x, x + 0.22), (-0.08, 0.12), (0, 2.62), paint, "wall", coarse=False)
    b.box((0.02, width - 0.02), (-0.12, 0.14), (2.5, 2.64), paint, "wall", coarse=False)
    b.box((0.2, width - 0.2), (-0.1, 0.1), (2.64, 3.16), decals.pasted(signs.fascia(name)), "sign", coarse=False)
    b.box((0.02, width - 0.02), (-0.2, 0.1), (3.16, 3.26), paint, "wall", coarse=False)
    side = -0.05 if left else width + 0.05
    b.rod((side, 0, 3.55), (side, -0.95, 3.55), 0.02, kit.iron, "sign")
    b.rod((side, 0, 3.2), (side, -0.5, 3.55), 0.014, kit.iron, "sign")
    board = b.at(side, -0.6, 3.12, yaw=math.pi / 2 + rng.uniform(-0.08, 0.08))
    board.box((-0.32, 0.32), (-0.025, 0.025), (-0.34, 0.34), decals.pasted(signs.hanging(name)), "sign")
    if rng.random() < 0.75:
        awning(b, x0 - 0.1, x1 + 0.1, ground, ink, kit, rng)
    return [(x0, x1, 0.06, 2.5), (dx, dx + 1.05, 0.06, 2.5)], 3.3


def awning(b: Builder, x0: float, x1: float, one: RGB, two: RGB, kit: Kit, rng: np.random.Generator) -> None:
    """Striped cloth that slopes out over the pavement, with a valance and its rods."""
    reach, drop = rng.uniform(1.0, 1.35), rng.uniform(0.38, 0.55)
    stripes = surfaces.cloth(one, two, 0.24)
    slope = b.at(x0, -reach, 2.58 - drop, pitch=math.atan2(drop, reach))
    slope.box((0, x1 - x0), (0, math.hypot(reach, drop)), (-0.012, 0.012), stripes, "cloth")
    front = b.at(x0, -reach, 2.58 - drop)
    front.box((0, x1 - x0), (-0.012, 0.012), (-0.22, 0.01), stripes, "cloth")
    for x in (x0 + 0.05, x1 - 0.05):
        b.rod((x, 0, 2.0), (x, -reach, 2.56 - drop), 0.014, kit.iron, "cloth")
