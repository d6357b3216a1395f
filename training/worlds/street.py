"""A small square between old houses, with shops, a fountain, a tree, a café and a lane that leads out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import decals, market, masonry, prints, props, signs, surfaces
from .houses import PLASTERS, Kit, lantern
from .letters import RGB
from .light import Sky, Sun, direction
from .paint import Color, linear, vary
from .roofs import house
from .scene import Builder, World

LANE = 3.4  # [m] wide
BICYCLES: tuple[RGB, ...] = ((176, 44, 40), (40, 90, 120), (210, 160, 50), (52, 92, 74))
CATS: tuple[Color, ...] = ((196, 122, 60), (70, 66, 64), (220, 210, 196))
STREETS = ("MEMORY LANE", "IRIS SQUARE", "RETINA ROW", "LANTERN YARD", "MIRROR COURT", "POPLAR PLACE")


@dataclass(frozen=True)
class Plan:
    """The square: half its extents along x (ahead) and y (left), and where along y the lane leaves it."""

    a: float
    b: float
    lane: float


def street(seed: int) -> World:
    """The world of a seed: another layout, other houses, colours, light and place to stand."""
    rng, light, place = (np.random.default_rng([seed, 1, k]) for k in range(3))
    b, kit = Builder(rng), Kit.make(rng)
    plan = Plan(float(rng.uniform(8.2, 9.6)), float(rng.uniform(6.6, 7.8)), float(rng.uniform(-2.2, 2.2)))
    fountain = (rng.uniform(1.6, 2.6), -math.copysign(rng.uniform(2.0, 2.6), plan.lane))
    tree = (-rng.uniform(3.6, 4.6), rng.choice([-1, 1]) * rng.uniform(2.4, 3.2))
    _ground(b, kit, rng, plan, [(*fountain, 1.7, 3.1), (*tree, 1.5, 2.1)])
    _sides(b, kit, rng, plan)
    _lane(b, kit, rng, plan)
    _beyond(b, kit, rng, plan)
    props.fountain(b.at(*fountain), kit)
    props.tree_bench(b.at(*tree), kit, rng)
    _furnish(b, kit, rng, plan, fountain, tree)
    sun, sky = daylight(light, float(light.uniform(-math.pi, math.pi)), float(light.uniform(0.62, 0.98)))
    while True:  # not too near to what stands in the way
        x, y = -place.uniform(0.2, 2.2), place.uniform(-1.6, 1.6)
        if math.dist((x, y), fountain) > 3.2 and math.dist((x, y), tree) > 3.4:
            break
    camera = (x, y, place.uniform(1.55, 1.75))
    return b.world(sky, sun, (0.34, 0.32, 0.31), camera, float(place.uniform(-0.12, 0.12)), exposure=0.88)


def daylight(rng: np.random.Generator, azimuth: float, elevation: float) -> tuple[Sun, Sky]:
    """A sun whose warmth follows its height, and a sky to match."""
    low = np.clip((0.95 - elevation) / 0.6, 0, 1)
    warm = np.array([1.0, 0.93 - 0.14 * low, 0.82 - 0.34 * low])
    sun = Sun(direction(azimuth, elevation), (1.9 * warm).astype(np.float32))
    zenith = linear((92, 142, 208)) * rng.uniform(0.95, 1.25)
    horizon = linear((196, 214, 230)) * (1 - 0.2 * low) + linear((240, 206, 164)) * 0.25 * low
    ground = linear((120, 122, 112))
    shift = (float(rng.uniform(0, 7)), float(rng.uniform(0, 7)))
    return sun, Sky(zenith, horizon.astype(np.float32), ground, sun, float(rng.uniform(0.4, 0.6)), shift)


def _ground(b: Builder, kit: Kit, rng: np.random.Generator, plan: Plan, rings: list) -> None:
    setts = masonry.cobbles(vary((124, 114, 100), rng, 5), rings)
    b.box((-24, 60), (-26, 26), (-0.5, 0.0), setts, "paving", coarse=True)
    flags = masonry.slabs(vary((176, 168, 152), rng, 5), 0.6)
    a, c, w = plan.a, plan.b, 1.25
    for y0, y1 in ((c - w, c), (-c, -c + w)):
        b.box((-a, a), (y0, y1), (-0.1, 0.09), flags, "paving", coarse=False)
    b.box((-a, -a + w), (-c + w, c - w), (-0.1, 0.09), flags, "paving", coarse=False)
    for y0, y1 in ((-c + w, plan.lane - LANE / 2), (plan.lane + LANE / 2, c - w)):
        b.box((a - w, a), (y0, y1), (-0.1, 0.09), flags, "paving", coarse=False)
    b.cone((-0.2, 2.2, 0), 0.36, 0.006, surfaces.metal((84, 84, 86), 0.1), "paving")
    for k in range(7):
        b.box((-0.5 + 0.09 * k, -0.46 + 0.09 * k), (1.95, 2.45), (0, 0.012), kit.iron, "paving")


def _row(
    b: Builder, kit: Kit, rng: np.random.Generator, length: float, trades: list[str | None], storeys: tuple[int, int],
    gables: set[int], numbers: int, clock: int = -1,
) -> None:  # fmt: skip
    """Houses side by side along x from 0 to `length`, one for each trade (None: no shop)."""
    cuts = np.array([1.35 if t is not None else 1.0 for t in trades]) * rng.uniform(0.9, 1.12, len(trades))
    edges = np.concatenate([[0], np.cumsum(cuts)]) / cuts.sum() * length
    colors = rng.permutation(len(PLASTERS))
    for k, trade in enumerate(trades):
        width = edges[k + 1] - edges[k]
        front = 0.0 if k in (0, len(trades) - 1) else float(rng.uniform(-0.12, 0.0))
        at = b.at(float(edges[k]), front)
        color, floors = vary(PLASTERS[colors[k]], rng, 6), int(rng.integers(storeys[0], storeys[1] + 1))
        more = {"trade": trade, "number": numbers + 2 * k, "gable": k in gables, "clock": k == clock}
        house(at, float(width), floors, color, kit, rng, **more)  # type: ignore[arg-type]


def _sides(b: Builder, kit: Kit, rng: np.random.Generator, plan: Plan) -> None:
    a, c = plan.a, plan.b
    names = [str(t) for t in rng.permutation([t for t in signs.TRADES if t != "CAFE SACCADE"])]
    half = math.pi / 2

    def mixed(trades: list[str], most: int) -> list[str | None]:
        """The trades with plain houses among them."""
        row: list[str | None] = [*trades, *[None] * int(rng.integers(1, most))]
        return [row[k] for k in rng.permutation(len(row))]

    far, near, behind = ["CAFE SACCADE", *mixed(names[:2], 3)], mixed(names[2:4], 4), mixed(names[4:5], 4)
    gable = int(rng.integers(1, len(far)))
    _row(b.at(-a, c), kit, rng, 2 * a, far, (1, 2), {gable}, 1, clock=gable)
    _row(b.at(a, -c, yaw=math.pi), kit, rng, 2 * a, near, (1, 2), {int(rng.integers(len(near)))}, 2)
    _row(b.at(-a, -c, yaw=half), kit, rng, 2 * c, behind, (1, 2), {int(rng.integers(len(behind)))}, 30)
    right, left = c - (plan.lane + LANE / 2), plan.lane - LANE / 2 + c
    ahead: list[str | None] = [names[5], None] if right > left else [None, names[5]]
    _row(b.at(a, c, yaw=-half), kit, rng, right, ahead[:1], (1, 2), set(), 21)
    _row(b.at(a, plan.lane - LANE / 2, yaw=-half), kit, rng, left, ahead[1:], (1, 2), {0}, 23)
    corner = surfaces.plain((190, 170, 140))
    for x, y in ((a, c), (a, -c - 5), (-a - 5, c), (-a - 5, -c - 5)):
        b.box((x, x + 5), (y, y + 5), (0, 5), corner, "wall", coarse=False)
        b.pyramid((x - 0.2, x + 5.2), (y - 0.2, y + 5.2), (5, 7.6), kit.roofs[0], "roof")
    plate = decals.pasted(signs.plate(STREETS[int(rng.integers(len(STREETS)))]))
    b.at(a, plan.lane + LANE / 2 + 0.75, yaw=-half).box((-0.55, 0.55), (-0.05, 0), (3.36, 3.62), plate, "sign")


def _lane(b: Builder, kit: Kit, rng: np.random.Generator, plan: Plan) -> None:
    """A lane beyond the square, entered through an arch."""
    lane = b.at(plan.a, plan.lane)
    half = LANE / 2
    for k, yaw in ((1, 0.0), (-1, math.pi)):
        row = lane.at(0.9 if k > 0 else 16.0, k * half, yaw=yaw)
        _row(row, kit, rng, 15.1, [None] * 4, (1, 2), {1}, 40)
    arch(lane.at(0.0, half, yaw=-math.pi / 2), LANE, kit, rng, 0.9)
    props.lamp_post(lane.at(9.0, half - 0.4), kit)
    for x, y in ((6.2, half - 0.35), (8.0, -half + 0.35), (11.0, -half + 0.35)):
        props.pot(lane.at(x, y), kit, rng, 1.1)
    props.garland(
        lane, (6.5, half, 5.2), (8.5, -half, 5.4), [(220, 70, 60), (240, 200, 80), (70, 130, 160), (235, 235, 225)]
    )


def arch(b: Builder, width: float, kit: Kit, rng: np.random.Generator, depth: float) -> None:
    """A round archway across x from 0 to width; the passage runs along y."""
    spring, r, n = 1.9, width / 2 - 0.28, 13
    top = spring + r + 0.38
    face = masonry.plaster(vary((214, 176, 128), rng, 8))
    for x in (0.0, width - 0.28):
        b.box((x, x + 0.28), (-0.02, depth), (0, spring), kit.stone, "wall")
    steps = 22
    for k in range(steps):  # the vault: slices as high as the arch leaves them
        x0, x1 = (0.28 + 2 * r * i / steps for i in (k, k + 1))
        x = min(abs(x0 - width / 2), abs(x1 - width / 2))
        z = spring + math.sqrt(max(r * r - x * x, 0.0))
        b.box((x0, x1), (0, depth), (z, top), kit.dark_stone, "wall", coarse=k % 4 == 0)
    b.box((0, width), (0, 0.28), (spring + r + 0.02, top), face, "wall", coarse=False)
    for x0, x1 in ((0, 0.28), (width - 0.28, width)):
        b.box((x0, x1), (0, depth), (spring, top), face, "wall")
    for k in range(n):
        t = math.pi * (k + 0.5) / n
        stone = b.at(width / 2 + r * math.cos(t), 0, spring + r * math.sin(t), roll=math.pi / 2 - t)
        w = math.pi * r / n / 2 * 1.06
        key = k == n // 2
        stone.box((-w, w), (-0.07 - 0.05 * key, 0.25), (0, 0.36 if key else 0.28), kit.stone, "wall", coarse=False)
    b.box((0, width), (-0.1, depth + 0.1), (top, top + 0.12), kit.stone, "wall")
    b.rod((width / 2, depth / 2, top), (width / 2, depth / 2, spring + r - 0.16), 0.01, kit.iron, "lamp")
    lantern(b.at(0, depth / 2), width / 2, 0.0, spring + r - 0.78, kit, 0.13)


def _beyond(b: Builder, kit: Kit, rng: np.random.Generator, plan: Plan) -> None:
    """What is seen over the roofs and at the end of the lane: more roofs, a tower, hills."""
    x = plan.a + 30
    wall = masonry.plaster((222, 206, 176))
    tower = b.at(x, plan.lane + rng.uniform(-1.2, 1.2))
    tower.box((-2.4, 2.4), (-2.4, 2.4), (0, 16), wall, "wall")
    tower.box((-2.6, 2.6), (-2.6, 2.6), (16, 16.5), kit.stone, "wall")
    tower.pyramid((-2.7, 2.7), (-2.7, 2.7), (16.5, 24), kit.roofs[2], "roof")
    picture = prints.clock_face(rng, dark=True)
    face = tower.at(-2.4, 0, 13.6, yaw=-math.pi / 2)
    face.box((-1.5, 1.5), (-0.12, 0), (-1.5, 1.5), decals.pasted(picture), "clock", cutout=decals.stencil(picture))
    for z in (3.5, 7.5):
        face.box((-0.5, 0.5), (-0.03, 0), (z - 13.6, z - 12.0), surfaces.plain((44, 46, 54)), "window")
    for k in range(16):
        t = k / 16 * 2 * math.pi + rng.uniform(-0.1, 0.1)
        if abs(math.remainder(t, 2 * math.pi)) < 0.5:
            continue
        r, h, w = rng.uniform(19, 27), rng.uniform(6.5, 10.5), rng.uniform(5, 8)
        c = b.at(r * math.cos(t), r * math.sin(t), yaw=t - math.pi / 2)
        c.box((-w / 2, w / 2), (0, 6), (0, h), masonry.plaster(PLASTERS[int(rng.integers(len(PLASTERS)))]), "wall")
        ridge = c.at(0, 3, h, yaw=math.pi / 2 if rng.random() < 0.5 else 0)
        ridge.gable((-3.4, 3.4), (-w / 2 - 0.2, w / 2 + 0.2), (0, rng.uniform(2.2, 3.6)), kit.roofs[k % 3], "roof")
    for k in range(9):
        t = k * 0.7 + rng.uniform(-0.2, 0.2)
        r = rng.uniform(150, 240)
        green: Color = vary((88, 112, 66), rng, 6)
        size, hill = (80, 80, rng.uniform(26, 44)), masonry.grass(green, False)
        b.ball((r * math.cos(t), r * math.sin(t), -14), size, hill, "grass", coarse=False)


def _furnish(b: Builder, kit: Kit, rng: np.random.Generator, plan: Plan, fountain: tuple, tree: tuple) -> None:
    a, c = plan.a, plan.b
    chair: Color = ((64, 110, 92), (176, 60, 50), (70, 110, 150))[rng.integers(3)]
    stripes: list[Color] = [(186, 60, 48), (44, 104, 92), (220, 160, 60), (60, 96, 150)]
    order = rng.permutation(4)
    for k, (x, y) in enumerate([(-a + 2.0, c - 2.5), (-a + 4.4, c - 2.3), (-a + 3.2, c - 4.4)]):
        spot = b.at(x + rng.uniform(-0.2, 0.2), y + rng.uniform(-0.2, 0.2))
        props.table(spot, kit, rng, chair)
        if k < 2:
            props.parasol(spot.at(0.12, 0.05), kit, (244, 238, 224), stripes[order[0]])
    market.board(b.at(-a + 5.9, c - 1.9, yaw=rng.uniform(-0.5, 0.5)), rng)
    for y, yaw in ((c - 0.1, 0.0), (-c + 0.1, math.pi)):
        paint = BICYCLES[rng.integers(len(BICYCLES))]
        props.bicycle(b.at(rng.uniform(-1.6, 1.4), y, 0.09, yaw=yaw), paint)
    market.crates(b.at(a - 1.6, c - 1.2, 0.09, yaw=-0.1), rng)
    market.crates(b.at(a - 3.6, -c + 1.2, 0.09, yaw=math.pi), rng)
    # The fountain has one half of the square; a stall, a column and a signpost have the other.
    side = -math.copysign(1.0, fountain[1])
    stand = b.at(rng.uniform(2.6, 4.2), side * (c - 3.0), yaw=(0.0 if side > 0 else math.pi) + rng.uniform(-0.25, 0.25))
    market.stall(stand, kit, rng, (244, 238, 224), stripes[order[1]])
    props.poster_column(b.at(a - 3.0, -side * (c - 2.6), yaw=rng.uniform(-3, 3)), kit, rng)
    market.signpost(b.at(rng.uniform(0.6, 1.8), side * rng.uniform(2.6, 3.3)), kit, rng)
    market.hopscotch(
        b.at(rng.uniform(1.6, 2.4), side * rng.uniform(0.7, 1.1), yaw=-math.pi / 2 + rng.uniform(-0.15, 0.15))
    )
    props.lamp_post(b.at(a - 1.9, plan.lane + LANE / 2 + 0.5), kit)
    props.lamp_post(b.at(-a + 1.9, rng.uniform(-1.0, 1.0), yaw=math.pi / 2), kit, rng)
    props.lamp_post(b.at(0.4, -c + 1.7), kit)
    market.letter_box(b.at(-a + 0.6, rng.choice([-1.6, 1.4]), 0.09, yaw=math.pi / 2), (190, 44, 40))
    props.bench(b.at(tree[0] + 2.4, tree[1] * 1.05, yaw=-math.pi / 2), kit, (126, 82, 50))
    props.bench(b.at(-2.6, -c + 1.6, yaw=math.pi), kit, (70, 104, 84))
    market.cat(b.at(-2.2, -c + 1.55, 0.46, yaw=math.pi), CATS[rng.integers(len(CATS))])
    for x in np.linspace(-a + 0.6, a - 0.8, 9):
        for y in (c - 0.42, -c + 0.42):
            if rng.random() < 0.55:
                props.pot(b.at(x + rng.uniform(-0.3, 0.3), y, 0.09), kit, rng, rng.uniform(0.8, 1.2))
    for y in (plan.lane - LANE / 2 - 0.5, plan.lane + LANE / 2 + 0.5):
        props.pot(b.at(a - 0.45, y, 0.09), kit, rng, 1.25)
    for _ in range(9):
        r, t = rng.uniform(1.95, 2.7), rng.uniform(-math.pi, math.pi)
        x, y = fountain[0] + r * math.cos(t), fountain[1] + r * math.sin(t)
        market.pigeon(b.at(x, y, 0, yaw=rng.uniform(0, 6.28)))
    fallen = [surfaces.plain(c) for c in ((176, 136, 66), (150, 92, 54), (122, 124, 64))]
    for k in range(60):  # leaves on the ground, most of them near the tree
        r, t = abs(rng.normal(0, 1.6)) + 1.65, rng.uniform(-math.pi, math.pi)
        leaf = b.at(tree[0] + r * math.cos(t), tree[1] + r * math.sin(t), 0.01, yaw=t * 7, roll=rng.uniform(-0.3, 0.3))
        if abs(leaf.origin[0]) < a - 1.3 and abs(leaf.origin[1]) < c - 1.3:
            leaf.ball((0, 0, 0), (0.032, 0.018, 0.003), fallen[k % 3], "plant")
    colors: list[Color] = [(214, 62, 54), (244, 204, 84), (66, 128, 160), (238, 236, 226), (96, 150, 90)]
    props.garland(b, (-a, c - 3.0, 5.6), (fountain[0], -c, 5.9), colors, 0.9)
    props.garland(b, (a, -c + 2.5, 5.5), (-1.0, c, 5.9), colors, 0.9)
