"""The upper part of houses: roofs along and across the street, dormers, chimneys; and whole houses put together."""

from __future__ import annotations

import math

import numpy as np

from . import decals, prints, signs, surfaces
from .houses import WALL, Kit, Opening, Style, door, shop, wall, window
from .paint import Color
from .scene import Builder


def eaves_roof(
    b: Builder, width: float, depth: float, z: float, kit: Kit, style: Style, rng: np.random.Generator
) -> None:
    """A roof whose ridge runs along the street, with a gutter and perhaps dormers."""
    angle = rng.uniform(0.62, 0.82)
    rise = depth / 2 * math.tan(angle)
    tiles = kit.roofs[rng.integers(len(kit.roofs))]
    attic = b.at(width / 2, depth / 2, z, yaw=math.pi / 2)
    attic.gable((-depth / 2, depth / 2), (-width / 2, width / 2), (0, rise), style.side, "wall")
    over = 0.38
    front = b.at(0, -over, z - over * math.tan(angle) + 0.1, pitch=angle)
    length = (depth / 2 + over) / math.cos(angle)
    front.box((-0.08, width + 0.08), (0, length), (-0.1, 0.06), tiles, "roof")
    back = b.at(width, depth + over, z - over * math.tan(angle) + 0.1, yaw=math.pi, pitch=angle)
    back.box((-0.08, width + 0.08), (0, length), (-0.1, 0.06), tiles, "roof")
    b.rod((-0.08, depth / 2, z + rise + 0.13), (width + 0.08, depth / 2, z + rise + 0.13), 0.11, tiles, "roof")
    edge = z - over * math.tan(angle) + 0.05
    b.rod((0, -over - 0.04, edge), (width, -over - 0.04, edge), 0.065, kit.zinc, "roof")
    pipe = width - 0.12
    b.rod((pipe, -over, edge), (pipe, -0.09, edge - 0.35), 0.042, kit.zinc, "roof")
    b.rod((pipe, -0.09, edge - 0.35), (pipe, -0.09, 0), 0.042, kit.zinc, "wall")
    if width > 3.2:
        for x in [width / 2] if width < 5 else [width * 0.3, width * 0.7]:
            if rng.random() < 0.65:
                dormer(b, x, z + 0.25, angle, kit, style, rng)
    chimney(b, rng.uniform(0.6, width - 0.6), depth / 2 + 0.5, z + rise - 0.5, kit, rng)


def dormer(b: Builder, x: float, z: float, angle: float, kit: Kit, style: Style, rng: np.random.Generator) -> None:
    """A window of its own little house in the roof."""
    y = 0.25 / math.tan(angle) + 0.1
    c = b.at(x, y, z)
    c.box((-0.55, 0.55), (0, 2.0), (-0.3, 1.15), style.plaster, "wall")
    c.box(
        (-0.38, 0.38), (-0.03, 0.02), (0.05, 1.0), style.panes[rng.integers(len(style.panes))], "window", coarse=False
    )
    c.box((-0.46, 0.46), (-0.08, 0.02), (-0.02, 0.05), style.trim, "wall")
    c.gable((-0.6, 0.6), (-0.02, 2.0), (1.15, 1.65), style.trim, "wall")
    for side in (-1, 1):
        slope = c.at(side * 0.72, 1.0, 1.08, yaw=side * math.pi / 2, pitch=math.atan2(0.5, 0.6))
        slope.box((-1.12, 1.12), (0, 0.96), (-0.02, 0.06), kit.roofs[0], "roof", coarse=False)


def chimney(b: Builder, x: float, y: float, z: float, kit: Kit, rng: np.random.Generator) -> None:
    """Brick, with clay pots."""
    top = z + rng.uniform(1.1, 1.7)
    b.box((x - 0.42, x + 0.42), (y - 0.28, y + 0.28), (z - 1, top), kit.brick, "roof")
    b.box((x - 0.48, x + 0.48), (y - 0.34, y + 0.34), (top - 0.16, top - 0.04), kit.stone, "roof")
    for dx in (-0.2, 0.2):
        b.cone((x + dx, y, top), 0.12, 0.36, surfaces.plain((180, 100, 70)), "roof", taper=0.8)


def gable_roof(
    b: Builder, width: float, depth: float, z: float, kit: Kit, style: Style, rng: np.random.Generator
) -> float:
    """A roof whose gable faces the street; returns the gable's height."""
    angle = rng.uniform(0.75, 0.95)
    rise = width / 2 * math.tan(angle)
    b.gable((0, width), (0, depth), (z, z + rise), style.plaster, "wall")
    tiles = kit.roofs[rng.integers(len(kit.roofs))]
    over = 0.25
    length = (width / 2 + over) / math.cos(angle)
    for side, x in ((1, width + over), (-1, -over)):
        slope = b.at(x, depth / 2 - 0.1, z - over * math.tan(angle) + 0.08, yaw=side * math.pi / 2, pitch=angle)
        slope.box((-depth / 2 - 0.1, depth / 2 + 0.1), (0, length), (-0.05, 0.09), tiles, "roof")
        # The verge: a board along the gable's edge.
        a = (x, -0.26, z - over * math.tan(angle) + 0.06)
        b.rod(a, (width / 2, -0.26, z + rise + 0.08), 0.07, style.trim, "roof")
    return rise


def house(
    b: Builder, width: float, storeys: int, color: Color, kit: Kit, rng: np.random.Generator, *,
    trade: str | None = None, number: int = 1, gable: bool = False, depth: float = 5.0, clock: bool = False,
) -> float:  # fmt: skip
    """A whole house at the origin of its frame, with a shop on the ground floor where it has a trade; its height."""
    style = Style.make(rng, kit, color)
    openings: list[Opening] = []
    ground = 3.3
    if trade is not None:
        holes, ground = shop(b, width, trade, kit, rng)
        wall(b, width, 0, ground, holes, style.plaster)
    else:
        x = 0.5 if rng.random() < 0.5 else width - 1.6
        hole = door(b, x, kit, rng, number)
        wall(b, width, 0, ground, [hole], style.plaster)
        at = (x + 1.9 if x < 1 else 0.5, width - 0.7 if x < 1 else x - 0.8)
        if at[1] - at[0] > 1.2:
            _ground_window(b, at, style, kit)
        b.box((0, x - 0.25), (-0.05, 0), (0, 0.5), kit.dark_stone, "wall", coarse=False)
        b.box((x + 1.3, width), (-0.05, 0), (0, 0.5), kit.dark_stone, "wall", coarse=False)
    b.box((0, width), (-0.07, 0.02), (ground, ground + 0.16), style.trim, "wall", coarse=False)
    w, h = style.window
    count = max(1, int((width - 0.3) // (2.0 if style.shutter is not None else 1.7)))
    storey = h + 1.2
    for k in range(storeys):
        z = ground + 0.75 + storey * k
        row = [((i + 0.5) / count * width - w / 2, (i + 0.5) / count * width + w / 2, z, z + h) for i in range(count)]
        balcony = k == 0 and trade is None and rng.random() < 0.35
        for i, o in enumerate(row):
            window(b, o, style, kit, rng, flowers=not balcony and rng.random() < 0.4)
            if balcony and i == count // 2:
                _balcony(b, (o[0] + o[1]) / 2, z - 0.1, kit, rng)
        openings += row
    top = ground + storey * storeys + 0.35
    wall(b, width, ground, top, openings, style.plaster)
    b.box((0, width), (WALL, depth), (0, top), style.side, "wall")
    b.box((-0.03, width + 0.03), (-0.16, 0.05), (top - 0.22, top), style.trim, "wall", coarse=False)
    b.box((-0.03, width + 0.03), (-0.09, 0.05), (top - 0.36, top - 0.22), style.trim, "wall", coarse=False)
    if not gable:
        eaves_roof(b, width, depth, top, kit, style, rng)
        return top
    rise = gable_roof(b, width, depth, top, kit, style, rng)
    middle, z = width / 2, top + rise * 0.36
    if clock:
        picture = prints.clock_face(rng)
        b.box((middle - 0.72, middle + 0.72), (-0.09, 0.05), (z - 0.72, z + 0.72), decals.pasted(picture),
              "clock", coarse=False, cutout=decals.stencil(picture))  # fmt: skip
    else:
        o = (middle - w / 2, middle + w / 2, z - 0.45, z + 0.45)
        b.box(o[:2], (-0.03, 0.05), o[2:], style.panes[0], "window", coarse=False)
        b.box((o[0] - 0.1, o[1] + 0.1), (-0.1, 0.05), (o[2] - 0.08, o[2]), style.trim, "wall")
        b.box((o[0] - 0.1, o[1] + 0.1), (-0.06, 0.05), (o[3], o[3] + 0.1), style.trim, "wall")
    return top


def _ground_window(b: Builder, x: tuple[float, float], style: Style, kit: Kit) -> None:
    """A window by the door; it is set on the wall, so that the door's wall stays whole."""
    w = min(style.window[0], x[1] - x[0])
    x0 = (x[0] + x[1] - w) / 2
    b.box((x0, x0 + w), (-0.025, 0.02), (1.0, 2.4), style.panes[0], "window", coarse=False)
    b.box((x0 - 0.12, x0 + w + 0.12), (-0.12, 0.02), (0.92, 1.0), kit.stone, "wall")
    for a in (x0 - 0.12, x0 + w):
        b.box((a, a + 0.12), (-0.06, 0.02), (1.0, 2.4), kit.stone, "wall")
    b.box((x0 - 0.14, x0 + w + 0.14), (-0.08, 0.02), (2.4, 2.54), kit.stone, "wall")


def _balcony(b: Builder, x: float, z: float, kit: Kit, rng: np.random.Generator) -> None:
    """A slab on brackets with an iron railing and pots behind it."""
    w, d = 1.15, 0.75
    b.box((x - w, x + w), (-d, 0), (z - 0.12, z), kit.stone, "wall")
    for dx in (-0.8, 0.8):
        b.box((x + dx - 0.07, x + dx + 0.07), (-0.5, 0), (z - 0.34, z - 0.12), kit.stone, "wall")
    rail = signs.railing(8)
    b.box((x - w, x + w), (-d, -d + 0.02), (z, z + 0.95), kit.rail, "wall", cutout=decals.stencil(rail))
    for side, yaw in ((-w, math.pi / 2), (w, -math.pi / 2)):
        end = b.at(x + side, -d / 2, z, yaw=yaw)
        end.box((-d / 2, d / 2), (-0.01, 0.01), (0, 0.95), kit.rail, "wall", cutout=decals.stencil(signs.railing(3)))
    b.rod((x - w, -d, z + 0.96), (x + w, -d, z + 0.96), 0.022, kit.iron, "wall")
    leaf = kit.leaves[rng.integers(len(kit.leaves))]
    for dx in (-0.75, 0.75):
        b.cone((x + dx, -0.45, z), 0.11, 0.26, surfaces.plain((176, 96, 66)), "container", taper=1.35)
        b.ball((x + dx, -0.45, z + 0.48), (0.26, 0.26, 0.3), leaf, "plant", cutout=surfaces.leafy(2.2, 0.7))
