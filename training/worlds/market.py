"""A market and what goes with it: a stall, fruit, a menu board, a letter box, a signpost, chalk, a cat, pigeons."""

from __future__ import annotations

import math

import cv2
import numpy as np

from . import decals, signs, surfaces
from .houses import Kit
from .letters import RGB, write
from .paint import Color, vary
from .scene import Builder
from .shelves import flat


def stall(b: Builder, kit: Kit, rng: np.random.Generator, one: Color, two: Color) -> None:
    """A stand 2.6 m wide that faces -y: trays of fruit and flowers under a striped roof."""
    wood, cloth = surfaces.wood((150, 108, 68), 0.12), surfaces.cloth(one, two, 0.26)
    w, d, high = 1.3, 0.75, 2.15
    for x in (-w, w):
        for y in (-d, d):
            b.rod((x, y, 0), (x, y, high + 0.02), 0.035, wood, "cloth")
    rise, half = 0.5, d + 0.25
    for yaw in (0.0, math.pi):
        side = b.at(0, 0, 0, yaw=yaw).at(0, -half, high - 0.1, pitch=math.atan2(rise, half))
        side.box((-w - 0.2, w + 0.2), (0, math.hypot(rise, half)), (-0.01, 0.01), cloth, "cloth")
        b.at(0, 0, 0, yaw=yaw).box(
            (-w - 0.2, w + 0.2), (-half - 0.01, -half + 0.01), (high - 0.32, high - 0.09), cloth, "cloth"
        )
    end = b.at(0, 0, high - 0.1, yaw=math.pi / 2)
    for y in (-w - 0.18, w + 0.18):
        end.gable((-half, half), (y - 0.01, y + 0.01), (0, rise), surfaces.cloth(two), "cloth")
    b.box((-w, w), (-d + 0.06, d - 0.1), (0.72, 0.76), wood, "table")
    b.box((-w, w), (-d + 0.05, -d + 0.08), (0.12, 0.74), wood, "table")
    b.box((-w, w), (-d + 0.2, d - 0.1), (0.2, 0.23), wood, "table")
    trays(b.at(-1.22, -0.66, 0.8), rng, 3)
    for k in range(5):
        bucket(b.at(0.55 + 0.16 * k, -0.5 + 0.24 * (k % 2), 0.76), kit, rng)
    for k in range(4):
        bucket(b.at(-1.0 + 0.52 * k, -d - 0.25, 0), kit, rng, 1.4)
    sign = decals.pasted(
        signs.plate(str(rng.choice(["MARKET", "FRESH TODAY", "FRUIT & FLOWERS"])), (112, 62, 40), (250, 236, 200))
    )
    b.box((-0.75, 0.75), (-d - 0.3, -d - 0.28), (high - 0.36, high - 0.12), sign, "sign")


def bucket(b: Builder, kit: Kit, rng: np.random.Generator, size: float = 1.0) -> None:
    """Cut flowers in zinc."""
    b.cone((0, 0, 0), 0.065 * size, 0.17 * size, kit.zinc, "container", taper=1.25)
    leaf = kit.leaves[rng.integers(len(kit.leaves))]
    b.ball(
        (0, 0, 0.25 * size), (0.11 * size, 0.11 * size, 0.12 * size), leaf, "plant", cutout=surfaces.leafy(2.2, 0.85)
    )


def trays(b: Builder, rng: np.random.Generator, count: int) -> None:
    """Fruit in wooden boxes that slant towards -y."""
    box = surfaces.wood((176, 136, 88), 0.09)
    fruits: tuple[Color, ...] = ((206, 48, 40), (240, 150, 30), (238, 206, 60), (110, 160, 52), (120, 48, 90))
    kinds = rng.permutation(len(fruits))
    for k in range(count):
        fruit = surfaces.plain(vary(fruits[kinds[k % len(fruits)]], rng, 6), 0.06, 0.04)
        tray = b.at(0.55 * k, 0, 0, pitch=0.35)
        tray.box((0, 0.5), (0, 0.62), (-0.05, 0.0), box, "container")
        for across, along in (
            ((0, 0.02), (0, 0.62)),
            ((0.48, 0.5), (0, 0.62)),
            ((0, 0.5), (0, 0.02)),
            ((0, 0.5), (0.6, 0.62)),
        ):
            tray.box(across, along, (-0.05, 0.11), box, "container")
        for i in range(4):
            for j in range(5):
                at = (0.08 + 0.115 * i + rng.uniform(-0.012, 0.012), 0.08 + 0.115 * j + rng.uniform(-0.012, 0.012))
                tray.ball((*at, 0.055 + rng.uniform(0, 0.03)), 0.056, fruit, "container")
        price = tray.at(0.25, 0.56, 0.1, pitch=-0.35)
        card = signs.plate(f"{rng.integers(1, 5)}.{rng.integers(1, 10)}0", (44, 48, 46), (250, 240, 210))
        price.box((-0.09, 0.09), (-0.008, 0), (0, 0.1), decals.pasted(card), "sign")


def crates(b: Builder, rng: np.random.Generator) -> None:
    """Trays of fruit on a stand before a shop."""
    trays(b.at(0, 0, 0.5), rng, 4)
    wood = surfaces.wood((150, 108, 68), 0.12)
    for x in (0.1, 2.05):
        for y in (0.05, 0.5):
            b.rod((x, y, 0), (x, y, 0.5 + 0.35 * y), 0.03, wood, "container")


def board(b: Builder, rng: np.random.Generator) -> None:
    """A menu on an easel of two boards that faces -y."""
    frame = surfaces.wood((110, 70, 44), 0.3)
    menu = decals.pasted(signs.chalkboard(rng), frame)
    for yaw in (0.0, math.pi):
        side = b.at(0, 0, 0, yaw=yaw).at(0, -0.24, 0, pitch=-0.2)
        side.box((-0.3, 0.3), (-0.012, 0.0), (0.08, 0.98), menu, "sign")
        side.box((-0.34, 0.34), (0.0, 0.02), (0.02, 1.03), frame, "sign")


def letter_box(b: Builder, color: Color) -> None:
    """A pillar with a slot and a plate."""
    paint, dark = surfaces.metal(color, 0.06), surfaces.plain((24, 24, 26))
    b.cone((0, 0, 0), 0.24, 0.12, surfaces.metal((40, 40, 42), 0.05), "container")
    b.cone((0, 0, 0.12), 0.2, 1.1, paint, "container")
    b.cone((0, 0, 1.22), 0.24, 0.06, paint, "container")
    b.ball((0, 0, 1.27), (0.22, 0.22, 0.1), paint, "container")
    b.box((-0.1, 0.1), (-0.205, -0.15), (1.02, 1.06), dark, "container")
    plate = decals.pasted(signs.plate("LETTERS", (240, 236, 224), (40, 40, 44)))
    b.box((-0.12, 0.12), (-0.204, -0.15), (0.78, 0.9), plate, "sign")


def signpost(b: Builder, kit: Kit, rng: np.random.Generator) -> None:
    """Boards that point to places."""
    b.rod((0, 0, 0), (0, 0, 2.75), 0.035, kit.iron, "sign")
    b.ball((0, 0, 2.77), 0.06, kit.iron, "sign")
    places = rng.permutation(
        ["HARBOUR 400 M", "STATION 1 KM", "OBSERVATORY", "OLD BRIDGE", "MUSEUM 200 M", "PARK 600 M"]
    )
    for k, place in enumerate(places[:3]):
        arm = b.at(0, 0, 2.2 + 0.2 * k, yaw=k * 2.2 + rng.uniform(-0.5, 0.5))
        board = decals.pasted(signs.plate(str(place), ((40, 84, 70), (112, 44, 40), (36, 60, 104))[k]))
        arm.box((-0.12, 0.82), (-0.06, -0.035), (0, 0.155), board, "sign")


def hopscotch(b: Builder) -> None:
    """Numbers in chalk on the ground; they run away from the viewer."""
    w, h = 360, 1080
    p = np.zeros((h, w, 4), np.uint8)
    chalks: tuple[RGB, ...] = ((246, 240, 232), (246, 178, 190), (176, 214, 244), (250, 232, 150))
    y, k = h - 20, 1
    for columns in (1, 1, 2, 1, 2, 1):
        for i in range(columns):
            x = w // 2 + (2 * i - columns) * 75
            color = chalks[k % 4]
            cv2.rectangle(p, (x + 4, y - 154), (x + 146, y - 6), (*color, 255), 9)
            write(p, str(k), (x + 75, y - 80), 78, color, 0.14)
            k += 1
        y -= 166
    rough = np.random.default_rng(5).random((h, w)) > 0.2  # chalk leaves gaps
    p[..., 3] = np.where(rough, p[..., 3], 0)
    sheet = flat(b, 0, 0, 0.004)
    sheet.box((-0.6, 0.6), (-0.003, 0), (-1.8, 1.8), decals.pasted(p, through=True), "paving", cutout=decals.stencil(p))


def cat(b: Builder, color: Color) -> None:
    """Sits and looks along -y."""
    fur = surfaces.cloth(color, tuple(0.6 * c for c in color), 0.05, 0.01)  # type: ignore[arg-type]
    b.ball((0, 0.05, 0.13), (0.095, 0.14, 0.13), fur, "animal")
    b.ball((0, -0.03, 0.2), (0.075, 0.08, 0.13), fur, "animal")
    b.ball((0, -0.07, 0.35), (0.07, 0.068, 0.062), fur, "animal")
    for x in (-0.04, 0.04):
        b.cone((x, -0.06, 0.39), 0.026, 0.055, fur, "animal", taper=0.1)
        b.rod((x, -0.1, 0), (x, -0.08, 0.2), 0.026, fur, "animal")
        b.ball((x * 0.7, -0.128, 0.36), 0.011, surfaces.plain((190, 200, 60)), "animal")
    b.ball((0, -0.136, 0.335), 0.009, surfaces.plain((210, 130, 130)), "animal")
    tail = [(0.15 * math.cos(t), 0.1 + 0.13 * math.sin(t), 0.03) for t in np.linspace(0.5, 3.0, 7)]
    for p, q in zip(tail, tail[1:], strict=False):
        b.rod(p, q, 0.024, fur, "animal")


def pigeon(b: Builder) -> None:
    """Grey, small, looking along -y."""
    grey = surfaces.plain((122, 128, 142), 0.1)
    neck = surfaces.plain((70, 96, 92), 0.1)
    b.ball((0, 0, 0.13), (0.065, 0.13, 0.065), grey, "animal")
    b.ball((0, -0.11, 0.22), (0.036, 0.045, 0.04), neck, "animal")
    b.rod((0, -0.08, 0.14), (0, -0.11, 0.21), 0.04, neck, "animal", taper=0.8)
    b.rod((0, 0.08, 0.14), (0, 0.22, 0.11), 0.05, grey, "animal", taper=0.5)
