"""A room to live and work in: windows onto the street, shelves, a sofa, a desk, pictures, lamps."""

from __future__ import annotations

import math

import numpy as np

from . import decals, furniture, masonry, prints, shelves, signs, surfaces
from .furniture import Fittings
from .houses import PLASTERS, Kit, wall
from .interior import curtains, glazing, rug, wallpaper
from .light import Lamp, Sky
from .paint import Color, Material, vary
from .props import tree
from .roofs import house
from .scene import Builder, World
from .street import daylight

SILL, LINTEL = 0.85, 2.3  # [m] of the windows


def room(seed: int) -> World:
    """The world of a seed: another size, arrangement, papers and woods, light and place to stand."""
    rng, light, place = (np.random.default_rng([seed, 2, k]) for k in range(3))
    b, f = Builder(rng), Fittings.make(rng)
    a, c, h = float(rng.uniform(2.9, 3.5)), float(rng.uniform(2.4, 2.9)), float(rng.uniform(2.6, 2.85))
    mirrored = 1 if rng.random() < 0.5 else -1
    # The sun stands before the windows, which are to the left.
    sun, sky = daylight(light, math.pi / 2 + light.uniform(-0.9, 0.9), float(light.uniform(0.45, 0.8)))
    evening = float(light.uniform(0.35, 1.0))  # how bright the lamps are
    _shell(b, a, c, h, rng)
    papers: list[Color] = [(214, 206, 190), (176, 190, 178), (206, 180, 160), (168, 182, 196), (226, 214, 180)]
    color = vary(papers[rng.integers(5)], rng, 6)
    paper = wallpaper(color, int(rng.integers(4)), rng)
    accent = (
        masonry.bricks(vary((172, 112, 88), rng, 8)) if rng.random() < 0.4 else wallpaper(vary(color, rng, 20), 0, rng)
    )
    half = math.pi / 2
    _window_side(b.at(-a, c), 2 * a, h, paper, f, sky, rng)
    ends = [(b.at(a, c, yaw=-half), 2 * c), (b.at(-a, -c, yaw=half), 2 * c)][::mirrored]
    _book_side(ends[0][0], ends[0][1], h, accent, f, rng)
    _door_side(ends[1][0], ends[1][1], h, paper, f, rng)
    _sofa_side(b.at(a, -c, yaw=math.pi), 2 * a, h, paper, f, rng, evening)
    carpet = decals.pasted(rug(rng, f.fabric, f.accent))
    shelves.flat(b, 0, -c + 1.75, 0.012, yaw=math.pi).box((-1.45, 1.45), (-0.012, 0), (-0.95, 0.95), carpet, "cloth")
    furniture.coffee_table(b.at(0.0, -c + 1.75, 0.012, yaw=rng.uniform(-0.1, 0.1)), f, rng)
    furniture.armchair(b.at(mirrored * -1.55, -c + 2.1, yaw=mirrored * 1.9), f, rng)
    furniture.pendant(b.at(0, -c + 1.9), h, f, evening)
    _outside(b, c, rng)
    camera = (place.uniform(-0.7, 0.7), place.uniform(0.2, 0.8), place.uniform(1.3, 1.6))
    heading = 0.0 if mirrored > 0 else math.pi
    walls = ((-a, -c, 0.0), (a, c, h))
    return b.world(sky, sun, (0.24, 0.22, 0.2), camera, heading, exposure=1.5, indoor=walls)


def _shell(b: Builder, a: float, c: float, h: float, rng: np.random.Generator) -> None:
    floors: list[Material] = [
        surfaces.herringbone(vary((178, 126, 78), rng, 10)),
        surfaces.wood(vary((170, 122, 80), rng, 10), 0.13, mirror=0.05),
        surfaces.wood(vary((126, 86, 58), rng, 8), 0.1, mirror=0.06),
    ]
    b.box((-a - 0.3, a + 0.3), (-c - 0.3, c + 0.3), (-0.3, 0), floors[rng.integers(3)], "floor")
    white = surfaces.plain((238, 236, 230), 0.015)
    b.box((-a - 0.3, a + 0.3), (-c - 0.3, c + 0.3), (h, h + 0.3), white, "ceiling")
    if rng.random() < 0.5:
        beam = surfaces.wood(vary((120, 84, 58), rng, 6), 0.3)
        for x in np.arange(-a + 0.5, a, 1.05):
            b.box((x - 0.07, x + 0.07), (-c, c), (h - 0.14, h), beam, "ceiling")


def _side(b: Builder, width: float, h: float, paper: Material, holes: list, f: Fittings) -> None:
    """One wall with its skirting board and cornice; boards stop at doors."""
    wall(b, width, 0, h, holes, paper, 0.3, coarse=True)
    x = 0.0
    for left, right, low, _ in [*sorted(holes), (width, width, 0.0, 0.0)]:
        if low > 0.1:
            continue
        b.box((x, left), (-0.018, 0), (0, 0.11), f.white, "wall")
        x = right
    for size, z in ((0.05, h - 0.06), (0.09, h - 0.03)):
        b.box((0, width), (-size, 0), (z, z + 0.035), f.white, "ceiling")


def _window_side(
    b: Builder, width: float, h: float, paper: Material, f: Fittings, sky: Sky, rng: np.random.Generator
) -> None:
    count, w = 2, float(rng.uniform(1.3, 1.6))
    middles = [width * (0.28 if k == 0 else 0.72) for k in range(count)]
    holes = [(m - w / 2, m + w / 2, SILL, LINTEL) for m in middles]
    _side(b, width, h, paper, holes, f)
    drape = surfaces.folds(vary(f.accent, rng, 8), f.fabric)
    for m in middles:
        glazing(b.at(m, 0), w, SILL, LINTEL, f)
        curtains(b.at(m, 0), w, LINTEL, drape, f)
        radiator(b.at(m, -0.05), w * 0.8, f)
        # Daylight: the sky as the window shows it, shining into the room.
        light = (0.6 * sky.zenith + 0.6 * sky.horizon) * w * (LINTEL - SILL) / math.pi * 1.3
        sides = (b.axes @ [w / 2, 0, 0], b.axes @ [0, 0, (LINTEL - SILL) / 2])
        at = b.place((m, -0.0, (SILL + LINTEL) / 2)).astype(np.float32)
        half = (sides[0].astype(np.float32), sides[1].astype(np.float32))
        facing = (b.axes @ [0, -1.0, 0]).astype(np.float32)
        b.parts.lamps.append(Lamp(at, light.astype(np.float32), 1.0, half, facing))
    for x in (middles[0] - 0.4, middles[1] + 0.35):
        pot = b.at(x, -0.1, SILL + 0.03)
        pot.cone((0, 0, 0), 0.06, 0.12, surfaces.plain((180, 100, 70)), "container", taper=1.35)
        pot.ball((0, 0, 0.22), (0.15, 0.12, 0.13), f.plant, "plant", cutout=surfaces.leafy(2.0, 0.75))
    furniture.house_plant(b.at(width / 2 + rng.uniform(-0.1, 0.1), -0.4), f, rng, 1.1)
    poster = prints.concert(rng)
    shelves.framed(b.at(width / 2, 0, 1.55), 0.5, 0.7, poster, (40, 38, 36))


def radiator(b: Builder, width: float, f: Fittings) -> None:
    """Ribs under a window."""
    n = int(width / 0.07)
    for k in range(n):
        x = -width / 2 + 0.07 * k
        b.box((x, x + 0.05), (-0.1, -0.02), (0.14, 0.66), f.white, "container")
    b.box((-width / 2, width / 2), (-0.08, -0.04), (0.17, 0.2), f.white, "container")
    b.box((-width / 2, width / 2), (-0.08, -0.04), (0.6, 0.63), f.white, "container")


def _book_side(b: Builder, width: float, h: float, paper: Material, f: Fittings, rng: np.random.Generator) -> None:
    _side(b, width, h, paper, [], f)
    case = width - 2.25
    left = rng.random() < 0.5
    x = 0.06 if left else width - case - 0.06
    shelves.bookcase(b.at(x, 0), case, h - 0.3, rng, f.wood, f.plant)
    middle = (case + width) / 2 + 0.05 if left else (width - case) / 2 - 0.05
    furniture.desk(b.at(middle, 0), 1.7, f, rng)
    cork = surfaces.plain((176, 132, 86), 0.1)
    board = b.at(middle, 0, 1.5)
    board.box((-0.6, 0.6), (-0.02, 0), (0, 0.75), cork, "picture")
    for rim in ((-0.62, -0.59), (0.59, 0.62)):
        board.box(rim, (-0.03, 0), (-0.02, 0.77), f.wood, "picture")
    for rim in ((-0.02, 0.01), (0.74, 0.77)):
        board.box((-0.62, 0.62), (-0.03, 0), rim, f.wood, "picture")
    sheets = [
        prints.eye_chart(rng),
        prints.concert(rng),
        prints.whiteboard(rng),
        prints.world_map(rng),
        prints.concert(rng),
    ]
    spots = [(-0.43, 0.2, 0.2), (-0.17, 0.3, 0.18), (0.22, 0.4, 0.36), (0.18, 0.06, 0.34), (0.47, 0.05, 0.14)]
    for sheet, (px, pz, w) in zip(sheets, spots, strict=True):
        note = board.at(px, -0.021, pz, roll=rng.uniform(-0.06, 0.06))
        tall = w * sheet.shape[0] / sheet.shape[1]
        note.box((-w / 2, w / 2), (-0.003, 0), (0, tall), decals.pasted(sheet), "picture")
        note.ball((0, -0.008, tall - 0.015), 0.009, surfaces.plain((210, 50, 44)), "picture")


def _door_side(b: Builder, width: float, h: float, paper: Material, f: Fittings, rng: np.random.Generator) -> None:
    left = rng.random() < 0.5
    x = 0.45 if left else width - 1.35
    _side(b, width, h, paper, [(x, x + 0.9, 0.0, 2.05)], f)
    leaf = signs.door(rng, ((232, 230, 222), (96, 124, 128), (150, 108, 70))[rng.integers(3)], False)[110:]
    b.box((x, x + 0.9), (0.03, 0.08), (0, 2.05), decals.pasted(leaf), "door")
    for side in (x - 0.09, x + 0.9):
        b.box((side, side + 0.09), (-0.025, 0.1), (0, 2.05), f.white, "door")
    b.box((x - 0.09, x + 0.99), (-0.025, 0.1), (2.05, 2.14), f.white, "door")
    b.box((x + (1.05 if left else -0.25), x + (1.13 if left else -0.17)), (-0.012, 0), (1.1, 1.18), f.white, "wall")
    middle = (x + 0.99 + width) / 2 if left else (x - 0.09) / 2
    span = (width - x - 0.99 if left else x - 0.09) - 0.4
    low = b.at(middle, -0.02)
    low.box((-span / 2, span / 2), (-0.42, 0), (0.12, 0.62), f.wood, "table")
    for k in range(3):
        x0 = -span / 2 + span * k / 3
        low.box((x0 + 0.01, x0 + span / 3 - 0.01), (-0.435, -0.42), (0.14, 0.6), f.wood, "table")
        low.rod((x0 + span / 6 - 0.05, -0.45, 0.48), (x0 + span / 6 + 0.05, -0.45, 0.48), 0.007, f.metal, "table")
    for dx in (-span / 2 + 0.06, span / 2 - 0.06):
        low.cone((dx, -0.36, 0), 0.018, 0.12, f.dark, "table", taper=1.4)
    for dx, kind in ((-span / 2 + 0.25, 2), (span / 2 - 0.45, 0), (-span / 2 + 0.7, 3)):
        shelves.ornament(low.at(dx, -0.2, 0.62), kind, 0.3, rng, f.plant)
    shelves.books(low.at(0, -0.05), -0.1, 0.5, 0.62, 0.26, rng, shelves.book_cover())
    shelves.framed(low.at(0, 0.02, 1.22), min(span, 1.5), min(span, 1.5) * 0.6, prints.world_map(rng), (84, 58, 42))
    shelves.wall_clock(b.at(x + 0.45, 0, 2.37), 0.17, rng)


def _sofa_side(
    b: Builder, width: float, h: float, paper: Material, f: Fittings, rng: np.random.Generator, evening: float
) -> None:
    _side(b, width, h, paper, [], f)
    middle = width / 2 + rng.uniform(-0.3, 0.3)
    furniture.sofa(b.at(middle, -0.05), 2.15, f, rng)
    furniture.floor_lamp(b.at(middle + 1.45, -0.4), f, evening)
    furniture.house_plant(b.at(middle - 1.5, -0.4), f, rng, rng.uniform(1.0, 1.3))
    sizes = [(0.62, 0.46), (0.5, 0.7), (0.62, 0.46), (0.34, 0.34)]
    x = middle - 1.25
    for k in rng.permutation(4):
        w, tall = sizes[k]
        picture = prints.painting(rng, int(480 * tall), int(480 * w)) if w > tall or k == 3 else prints.concert(rng)
        rim: Color = ((40, 38, 36), (210, 190, 150), (120, 84, 54))[rng.integers(3)]
        shelves.framed(b.at(x + w / 2, 0, 1.7 - tall / 2 + rng.uniform(-0.05, 0.05)), w, tall, picture, rim)
        x += w + 0.14
    side = b.at(middle + 2.1, -0.35)
    side.cone((0, 0, 0.5), 0.24, 0.025, f.wood, "table")
    side.rod((0, 0, 0), (0, 0, 0.5), 0.02, f.metal, "table")
    side.cone((0, 0, 0), 0.16, 0.015, f.metal, "table")
    furniture.cup(side.at(0.08, -0.05, 0.525), f.white)


def _outside(b: Builder, c: float, rng: np.random.Generator) -> None:
    """What the windows show: the other side of the street, a tree, a lawn."""
    kit, ground = Kit.make(rng), -3.6
    b.box((-60, 60), (c + 2, c + 60), (ground - 1, ground), masonry.grass(flowers=False), "grass", coarse=False)
    x = -16.0
    while x < 16:
        w = float(rng.uniform(4.4, 6.5))
        color = PLASTERS[int(rng.integers(len(PLASTERS)))]
        house(
            b.at(x, c + rng.uniform(13, 14), ground), w, 1, color, kit, rng, gable=bool(rng.random() < 0.5), depth=4.0
        )
        x += w + rng.choice([0.0, 0.0, 2.5])
    tree(b.at(rng.uniform(-3.5, 3.5), c + 7.5, ground), rng, 1.25)
