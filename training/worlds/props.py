"""Things that stand about outdoors: tables, trees, a fountain, lamp posts, a column of posters, bicycles, crates."""

from __future__ import annotations

import math

import numpy as np

from . import decals, masonry, prints, signs, surfaces
from .houses import Kit, lantern
from .letters import RGB
from .paint import Color, vary
from .scene import Builder


def table(b: Builder, kit: Kit, rng: np.random.Generator, chair: Color) -> None:
    """A round café table with cups on it and two or three chairs."""
    top = surfaces.plain((232, 228, 218), mirror=0.08)
    b.cone((0, 0, 0), 0.24, 0.03, kit.iron, "table", taper=0.7)
    b.rod((0, 0, 0), (0, 0, 0.72), 0.03, kit.iron, "table")
    b.cone((0, 0, 0.72), 0.36, 0.028, top, "table")
    white = surfaces.plain((248, 246, 240), mirror=0.06)
    for _ in range(int(rng.integers(1, 4))):
        t = rng.uniform(0, 6.28)
        x, y = 0.2 * math.cos(t), 0.2 * math.sin(t)
        b.cone((x, y, 0.748), 0.07, 0.012, white, "container", taper=1.1)
        b.cone((x, y, 0.76), 0.026, 0.06, white, "container", taper=1.5)
    start = rng.uniform(0, 6.28)
    for k in range(int(rng.integers(2, 4))):
        t = start + k * 2.1 + rng.uniform(-0.3, 0.3)
        far = rng.uniform(0.62, 0.78)
        cafe_chair(b.at(far * math.cos(t), far * math.sin(t), yaw=t - math.pi / 2 + rng.uniform(-0.3, 0.3)), kit, chair)


def cafe_chair(b: Builder, kit: Kit, color: Color) -> None:
    """A bistro chair that faces -y."""
    seat = surfaces.wood(color, 0.06)
    for x, y in ((-0.18, -0.18), (0.18, -0.18)):
        b.rod((x, y, 0), (x * 0.9, y * 0.9, 0.44), 0.013, kit.iron, "seat")
    for x in (-0.18, 0.18):
        b.rod((x, 0.22, 0), (x, 0.17, 0.44), 0.013, kit.iron, "seat")
        b.rod((x, 0.17, 0.44), (x, 0.24, 0.86), 0.013, kit.iron, "seat")
    b.box((-0.21, 0.21), (-0.2, 0.2), (0.44, 0.465), seat, "seat")
    for z in (0.6, 0.7, 0.8):
        b.box((-0.19, 0.19), (0.185 + (z - 0.6) * 0.17, 0.2 + (z - 0.6) * 0.17), (z, z + 0.06), seat, "seat")


def parasol(b: Builder, kit: Kit, one: Color, two: Color) -> None:
    """A market umbrella on a pole."""
    b.cone((0, 0, 0), 0.3, 0.09, kit.dark_stone, "cloth", taper=0.8)
    b.rod((0, 0, 0), (0, 0, 2.55), 0.025, surfaces.wood((150, 110, 70), 0.2), "cloth")
    b.cone((0, 0, 2.0), 1.35, 0.48, surfaces.striped_cone(one, two, 12), "cloth", taper=0.02)
    b.cone((0, 0, 1.86), 1.35, 0.15, surfaces.striped_cone(two, one, 12), "cloth", taper=1.0,
           cutout=lambda unit, rnd: np.abs(unit[2]) < 0.999)  # fmt: skip
    b.ball((0, 0, 2.56), 0.05, surfaces.plain((200, 160, 90)), "cloth")


def tree(b: Builder, rng: np.random.Generator, size: float = 1.0, color: Color = (88, 124, 48)) -> None:
    """A trunk that forks into a crown of leafy balls."""
    bark = surfaces.wood(vary((112, 92, 74), rng, 8), 0.07, upright=True, length=0.5)
    b.rod((0, 0, 0), (0.05, 0.03, 2.1 * size), 0.17 * size, bark, "plant", taper=0.7)
    leaf = surfaces.foliage(vary(color, rng, 8), period=1.5)
    for k in range(17):
        t, layer = k * 2.4 + rng.uniform(-0.4, 0.4), k / 16
        r = (1.25 - 0.8 * layer) * size * (0.35 if k % 5 == 0 else 1) * rng.uniform(0.8, 1.15)
        at = (r * math.cos(t), r * math.sin(t), (2.45 + 1.8 * layer + 0.4 * rng.random()) * size)
        if k < 8:
            b.rod((0.05, 0.03, 1.9 * size), at, 0.07 * size, bark, "plant", taper=0.4)
        radius = rng.uniform(0.5, 0.8) * size
        for part, density in (
            (1.25, 0.3),
            (1.08, 0.5),
            (0.9, 0.7),
            (0.72, 0.95),
        ):  # skins of leaves, the outer ones thin
            shape = (radius * part, radius * part, radius * 0.8 * part)
            b.ball(at, shape, leaf, "plant", cutout=surfaces.leafy(1.5, density), coarse=part < 0.8)


def tree_bench(b: Builder, kit: Kit, rng: np.random.Generator) -> None:
    """A round bed with a stone rim, grass and a tree."""
    b.cone((0, 0, 0), 1.5, 0.34, kit.stone, "stonework")
    b.cone((0, 0, 0.34), 1.56, 0.07, kit.stone, "stonework")
    b.cone((0, 0, 0.41), 1.22, 0.02, masonry.grass(), "grass", taper=0.98)
    tree(b.at(0, 0, 0.4), rng, 1.12)
    leaf = kit.leaves[rng.integers(len(kit.leaves))]
    for k in range(9):
        t = k * 0.7
        b.ball((0.95 * math.cos(t), 0.95 * math.sin(t), 0.5), (0.22, 0.22, 0.17), leaf, "plant",
               cutout=surfaces.leafy(2.2, 0.7))  # fmt: skip


def bench(b: Builder, kit: Kit, color: Color) -> None:
    """A park bench of slats that faces -y."""
    slat = surfaces.wood(color, 0.3)
    for x in (-0.7, 0.7):
        b.rod((x, -0.22, 0), (x, -0.2, 0.42), 0.025, kit.iron, "seat")
        b.rod((x, 0.24, 0), (x, 0.2, 0.42), 0.025, kit.iron, "seat")
        b.rod((x, 0.2, 0.42), (x, 0.34, 0.92), 0.025, kit.iron, "seat")
        b.rod((x, -0.24, 0.62), (x, 0.28, 0.64), 0.022, kit.iron, "seat")
        b.rod((x, -0.22, 0.4), (x, -0.24, 0.62), 0.02, kit.iron, "seat")
    for k in range(4):
        y = -0.22 + 0.115 * k
        b.box((-0.85, 0.85), (y, y + 0.09), (0.43, 0.46), slat, "seat")
    for k in range(4):
        back = b.at(0, 0.215 + 0.035 * k, 0.54 + 0.105 * k, pitch=-0.28)
        back.box((-0.85, 0.85), (-0.015, 0.015), (0, 0.085), slat, "seat")


def fountain(b: Builder, kit: Kit) -> None:
    """A basin with a column, a bowl and falling water."""
    water = surfaces.water()
    b.cone((0, 0, 0), 1.75, 0.14, kit.stone, "stonework")
    for k in range(12):  # a ring of blocks: the basin's wall
        t = k * math.pi / 6
        block = b.at(1.42 * math.cos(t), 1.42 * math.sin(t), 0.1, yaw=t - math.pi / 2)
        block.box((-0.385, 0.385), (-0.12, 0.12), (0, 0.5), kit.stone, "stonework")
        block.box((-0.415, 0.415), (-0.17, 0.15), (0.5, 0.58), kit.stone, "stonework")
    b.cone((0, 0, 0.1), 1.38, 0.36, water, "water")
    b.cone((0, 0, 0.4), 0.34, 0.22, kit.stone, "stonework", taper=0.7)
    b.cone((0, 0, 0.6), 0.19, 0.75, kit.stone, "stonework", taper=0.75)
    b.cone((0, 0, 1.3), 0.2, 0.2, kit.stone, "stonework", taper=3.3)
    b.cone((0, 0, 1.5), 0.68, 0.06, kit.stone, "stonework")
    b.cone((0, 0, 1.55), 0.6, 0.02, water, "water")
    b.cone((0, 0, 1.55), 0.13, 0.42, kit.stone, "stonework", taper=0.6)
    b.ball((0, 0, 2.06), 0.17, kit.stone, "stonework")
    spray = surfaces.plain((214, 230, 236), 0.2, 0.2)
    for k in range(8):
        t = k * math.pi / 4 + 0.2
        path = [(0.62 + 0.3 * s, 1.52 + 0.12 * s - 1.22 * s * s) for s in np.linspace(0, 0.98, 7)]
        for (r0, z0), (r1, z1) in zip(path, path[1:], strict=False):
            c, s = math.cos(t), math.sin(t)
            b.rod((r0 * c, r0 * s, z0), (r1 * c, r1 * s, z1), 0.013, spray, "water")


def lamp_post(b: Builder, kit: Kit, clock: np.random.Generator | None = None) -> None:
    """Cast iron, with a lantern on top; with a generator, a two-faced clock hangs on it."""
    b.cone((0, 0, 0), 0.16, 0.2, kit.iron, "lamp", taper=0.8)
    b.cone((0, 0, 0.2), 0.11, 0.7, kit.iron, "lamp", taper=0.55)
    b.cone((0, 0, 0.9), 0.055, 2.3, kit.iron, "lamp", taper=0.75)
    for z in (0.9, 2.9):
        b.ball((0, 0, z), (0.09, 0.09, 0.05), kit.iron, "lamp")
    lantern(b, 0, 0, 3.25, kit, 0.17)
    b.rod((-0.3, 0, 2.98), (0.3, 0, 2.98), 0.018, kit.iron, "lamp")
    if clock is not None:
        picture = prints.clock_face(clock)
        b.box((-0.34, 0.34), (-0.07, 0.07), (2.0, 2.68), decals.pasted(picture), "clock",
              cutout=decals.stencil(picture))  # fmt: skip
        b.rod((0, 0, 1.9), (0, 0, 2.75), 0.06, kit.iron, "lamp")


def poster_column(b: Builder, kit: Kit, rng: np.random.Generator) -> None:
    """A round column pasted with posters, under a green dome."""
    cells = [[prints.concert(rng), prints.eye_chart(rng) if k == 1 else prints.concert(rng)] for k in range(4)]
    sheet = prints.blank(1760, 2640, (206, 198, 178))
    for k, pair in enumerate(cells):
        for row, poster in enumerate(pair):
            h, w = poster.shape[:2]
            y, x = 24 + row * 860, 660 * k + 30 + int(rng.integers(-10, 11))
            h = min(h, 840)
            sheet[y : y + h, x : x + w] = poster[:h]
    b.cone((0, 0, 0), 0.66, 0.25, kit.dark_stone, "sign", taper=0.95)
    b.cone((0, 0, 0.25), 0.58, 2.25, decals.pasted(sheet, around=1), "sign")
    green = surfaces.metal((52, 84, 70), 0.06)
    b.cone((0, 0, 2.5), 0.7, 0.12, green, "sign")
    b.cone((0, 0, 2.62), 0.66, 0.42, green, "sign", taper=0.25)
    b.ball((0, 0, 3.1), 0.13, green, "sign")


def bicycle(b: Builder, color: RGB) -> None:
    """Leant against what stands at y = 0."""
    picture = signs.bicycle(color)
    lean = b.at(0, -0.06, 0.0, pitch=-0.1)
    lean.box((-0.9, 0.9), (-0.17, -0.155), (-0.01, 1.09), decals.pasted(picture, through=True), "bicycle",
             cutout=decals.stencil(picture))  # fmt: skip


def pot(b: Builder, kit: Kit, rng: np.random.Generator, size: float = 1.0) -> None:
    """A clay pot or a wooden tub with a bush, a ball on a stem, or a cypress."""
    clay = surfaces.plain(vary((178, 98, 66), rng, 8), 0.06)
    b.cone((0, 0, 0), 0.19 * size, 0.38 * size, clay, "container", taper=1.4)
    b.cone((0, 0, 0.34 * size), 0.285 * size, 0.07 * size, clay, "container")
    b.cone((0, 0, 0.4 * size), 0.25 * size, 0.012, kit.soil, "container")
    kind = rng.integers(3)
    if kind == 0:
        leaf = kit.leaves[rng.integers(len(kit.leaves))]
        for k in range(4):
            at = (0.12 * size * math.cos(k * 1.6), 0.12 * size * math.sin(k * 1.6), (0.55 + 0.07 * k) * size)
            b.ball(at, 0.25 * size, leaf, "plant", cutout=surfaces.leafy(2.2, 0.75))
        return
    leaf = surfaces.foliage(vary((58, 98, 50), rng, 6), period=2.4)
    if kind == 1:
        b.rod((0, 0, 0.4 * size), (0, 0, 1.1 * size), 0.025, surfaces.plain((104, 80, 58)), "plant")
        for part in (1.0, 0.8):
            b.ball((0, 0, 1.25 * size), 0.36 * size * part, leaf, "plant", cutout=surfaces.leafy(2.4, 0.85))
    else:
        for part in (1.0, 0.78):
            shape = (0.27 * size * part, 0.27 * size * part, 0.85 * size * part)
            b.ball((0, 0, 1.15 * size), shape, leaf, "plant", cutout=surfaces.leafy(2.4, 0.85))


def garland(b: Builder, start: tuple, end: tuple, colors: list[Color], sag: float = 0.6, gap: float = 0.42) -> None:
    """Flags on a line between two points."""
    a, z = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(z - a))
    n = max(2, int(length / gap))
    at = [a + (z - a) * t - [0, 0, 4 * sag * t * (1 - t)] for t in np.linspace(0, 1, n + 1)]
    line = surfaces.plain((60, 56, 52))
    yaw = math.atan2(z[1] - a[1], z[0] - a[0])
    flags = [surfaces.cloth(c) for c in colors]
    for k, (p, q) in enumerate(zip(at, at[1:], strict=False)):
        b.rod(tuple(p), tuple(q), 0.008, line, "cloth")
        m = (p + q) / 2
        flag = b.at(m[0], m[1], m[2], yaw=yaw, roll=math.pi)
        flag.gable((-0.13, 0.13), (-0.006, 0.006), (0.0, 0.32), flags[k % len(flags)], "cloth")
