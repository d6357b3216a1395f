"""What stands in rooms: sofas, chairs, tables, a desk with its things, lamps, plants. They face -y."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import decals, prints, surfaces
from .light import Lamp
from .paint import Color, Hit, Material, Surface, linear, material, tint, vary
from .scene import Builder
from .shelves import book_cover, flat


@dataclass(frozen=True)
class Fittings:
    """Materials that the furniture of one room shares."""

    wood: Material
    dark: Material
    metal: Material
    white: Material
    fabric: Color
    accent: Color
    plant: Material
    shade: Material  # of lamps

    @staticmethod
    def make(rng: np.random.Generator) -> Fittings:
        woods: tuple[Color, ...] = ((186, 140, 92), (120, 78, 52), (206, 172, 128), (150, 104, 66))
        fabrics: tuple[Color, ...] = ((62, 92, 104), (170, 92, 66), (96, 104, 84), (150, 140, 124), (112, 58, 68))
        accents: tuple[Color, ...] = ((226, 172, 70), (206, 96, 74), (84, 136, 140), (232, 216, 190))
        return Fittings(
            wood=surfaces.wood(vary(woods[rng.integers(4)], rng, 6), 0.16, mirror=0.03),
            dark=surfaces.wood(vary((84, 58, 42), rng, 6), 0.2, mirror=0.03),
            metal=surfaces.metal((54, 56, 60), 0.1),
            white=surfaces.plain((236, 234, 228), 0.02, 0.04),
            fabric=vary(fabrics[rng.integers(5)], rng, 6),
            accent=accents[rng.integers(4)],
            plant=surfaces.foliage(vary((70, 116, 60), rng, 8), period=2.0),
            shade=surfaces.glowing((255, 226, 178), 1.1),
        )


def sofa(b: Builder, width: float, f: Fittings, rng: np.random.Generator) -> None:
    """A sofa with its back to y = 0."""
    cover, pillow = surfaces.cloth(f.fabric), surfaces.cloth(f.accent, vary(f.fabric, rng, 20), 0.05)
    plain = surfaces.cloth(vary(f.accent, rng, 16))
    w = width / 2
    for x in (-w + 0.1, w - 0.1):
        for y in (-0.8, -0.12):
            b.cone((x, y, 0), 0.02, 0.14, f.dark, "seat", taper=1.5)
    b.box((-w, w), (-0.9, -0.05), (0.14, 0.3), cover, "seat")
    seats = 3 if width > 1.9 else 2
    inner = width - 0.36
    for k in range(seats):
        x0, x1 = -w + 0.18 + inner * k / seats + 0.006, -w + 0.18 + inner * (k + 1) / seats - 0.006
        b.box((x0, x1), (-0.9, -0.2), (0.3, 0.42), cover, "seat")
        b.rod((x0, -0.9, 0.36), (x1, -0.9, 0.36), 0.06, cover, "seat")
        back = b.at(0, -0.3, 0.4, pitch=-0.16)
        back.box((x0, x1), (0, 0.17), (0, 0.46), cover, "seat")
        back.rod((x0, 0.085, 0.46), (x1, 0.085, 0.46), 0.085, cover, "seat")
    for x in (-w + 0.09, w - 0.09):
        b.box((x - 0.09, x + 0.09), (-0.9, -0.05), (0.14, 0.58), cover, "seat")
        b.rod((x, -0.91, 0.58), (x, -0.05, 0.58), 0.1, cover, "seat")
    b.box((-w, w), (-0.1, -0.02), (0.14, 0.8), cover, "seat")
    for x in (-w + 0.42, w - 0.45, rng.uniform(-0.3, 0.3)):
        cushion = b.at(x, -0.42, 0.62, yaw=rng.uniform(-0.3, 0.3), pitch=-0.3, roll=rng.uniform(-0.2, 0.2))
        cushion.ball((0, 0, 0), (0.25, 0.09, 0.22), pillow if rng.random() < 0.6 else plain, "cloth")


def armchair(b: Builder, f: Fittings, rng: np.random.Generator) -> None:
    """A wide chair on wooden legs."""
    cover = surfaces.cloth(vary(f.accent, rng, 8))
    for x in (-0.32, 0.32):
        b.rod((x, -0.36, 0), (x * 0.9, -0.3, 0.4), 0.022, f.wood, "seat")
        b.rod((x, 0.36, 0), (x * 0.9, 0.26, 0.4), 0.022, f.wood, "seat")
        b.rod((x, -0.36, 0.58), (x, 0.3, 0.62), 0.028, f.wood, "seat")
        b.rod((x, -0.34, 0.36), (x, -0.34, 0.58), 0.02, f.wood, "seat")
    b.box((-0.31, 0.31), (-0.36, 0.3), (0.3, 0.44), cover, "seat")
    b.rod((-0.31, -0.36, 0.37), (0.31, -0.36, 0.37), 0.07, cover, "seat")
    back = b.at(0, 0.2, 0.42, pitch=-0.24)
    back.box((-0.31, 0.31), (0, 0.12), (0, 0.58), cover, "seat")
    back.rod((-0.31, 0.06, 0.58), (0.31, 0.06, 0.58), 0.06, cover, "seat")


def coffee_table(b: Builder, f: Fittings, rng: np.random.Generator) -> None:
    """A low table with magazines, a bowl of fruit and a cup."""
    if rng.random() < 0.5:
        b.cone((0, 0, 0.38), 0.55, 0.035, f.wood, "table")
        for k in range(3):
            t = k * 2.1 + 0.4
            b.rod(
                (0.46 * math.cos(t), 0.46 * math.sin(t), 0),
                (0.3 * math.cos(t), 0.3 * math.sin(t), 0.38),
                0.022,
                f.wood,
                "table",
            )
    else:
        b.box((-0.62, 0.62), (-0.34, 0.34), (0.37, 0.41), f.wood, "table")
        b.box((-0.54, 0.54), (-0.28, 0.28), (0.14, 0.165), f.wood, "table")
        for x in (-0.56, 0.56):
            for y in (-0.28, 0.28):
                b.box((x - 0.025, x + 0.025), (y - 0.025, y + 0.025), (0, 0.37), f.wood, "table")
    z = 0.417
    for x, yaw in ((-0.26, 0.25), (-0.22, -0.1)):
        sheet = flat(b, x, -0.06, z, yaw + rng.uniform(-0.2, 0.2))
        sheet.box((-0.105, 0.105), (-0.006, 0.0), (-0.148, 0.148), decals.pasted(prints.concert(rng)), "book")
        z += 0.007
    bowl = surfaces.plain(vary((90, 120, 130), rng, 20), 0.05, 0.08)
    b.cone((0.2, 0.06, 0.415), 0.07, 0.07, bowl, "container", taper=1.9)
    fruit = surfaces.plain(((206, 60, 44), (236, 160, 50), (150, 172, 62))[rng.integers(3)], 0.06, 0.04)
    for k in range(5):
        b.ball((0.2 + 0.06 * math.cos(k * 1.5), 0.06 + 0.06 * math.sin(k * 1.5), 0.5), 0.042, fruit, "container")
    cup(b.at(0.02, -0.2, 0.415), f.white)


def cup(b: Builder, m: Material) -> None:
    b.cone((0, 0, 0), 0.034, 0.085, m, "container", taper=1.2)
    b.cone((0, 0, 0.083), 0.034, 0.003, surfaces.plain((70, 44, 30)), "container")
    b.rod((0.037, 0, 0.025), (0.06, 0, 0.045), 0.007, m, "container")
    b.rod((0.06, 0, 0.042), (0.04, 0, 0.07), 0.007, m, "container")


def desk(b: Builder, width: float, f: Fittings, rng: np.random.Generator) -> None:
    """A desk at the wall y = 0 with a screen, a keyboard, a lamp, papers; and a chair at it."""
    w, top = width / 2, 0.74
    b.box((-w, w), (-0.72, -0.02), (top - 0.035, top), f.wood, "table")
    for x in (-w + 0.05, w - 0.05):
        for y in (-0.66, -0.08):
            b.rod((x, y, 0), (x * 0.97, y, top - 0.03), 0.022, f.metal, "table")
    b.box((w - 0.5, w - 0.06), (-0.66, -0.06), (0.3, top - 0.035), f.white, "table")
    for z in (0.33, 0.52):
        b.box((w - 0.49, w - 0.07), (-0.675, -0.66), (z, z + 0.17), f.white, "table")
        b.rod((w - 0.33, -0.69, z + 0.12), (w - 0.23, -0.69, z + 0.12), 0.007, f.metal, "table")
    b.box((-0.33, 0.33), (-0.3, -0.27), (top + 0.13, top + 0.53), surfaces.plain((20, 21, 24)), "screen")
    picture = decals.pasted(prints.screen(rng), glow=0.75)
    b.box((-0.318, 0.318), (-0.302, -0.29), (top + 0.145, top + 0.518), picture, "screen")
    b.box((-0.03, 0.03), (-0.26, -0.23), (top, top + 0.3), f.metal, "screen")
    b.box((-0.13, 0.13), (-0.34, -0.16), (top, top + 0.012), f.metal, "screen")
    b.box((-0.22, 0.2), (-0.6, -0.46), (top, top + 0.018), keys(), "table")
    b.ball((0.3, -0.53, top + 0.005), (0.03, 0.05, 0.025), f.white, "table")
    cup(b.at(-0.48, -0.45, top), surfaces.plain(f.accent, 0.03, 0.05))
    sheet = flat(b, w - 0.28, -0.4, top + 0.003, 0.2)
    sheet.box((-0.105, 0.105), (-0.003, 0), (-0.148, 0.148), decals.pasted(prints.whiteboard(rng)), "book")
    holder = b.at(w - 0.18, -0.16, top)
    holder.cone((0, 0, 0), 0.04, 0.1, f.dark, "container")
    for k in range(6):
        color = ((200, 60, 50), (240, 190, 60), (60, 120, 170))[k % 3]
        t = k * 1.05
        tip = (0.045 * math.cos(t), 0.045 * math.sin(t), 0.17)
        holder.rod((0.02 * math.cos(t), 0.02 * math.sin(t), 0.02), tip, 0.0045, surfaces.plain(color), "container")
    cover = book_cover()
    for k in range(4):
        pile = b.at(-w + 0.24, -0.3, top + 0.035 * k, yaw=rng.uniform(-0.2, 0.2))
        pile.box((-0.13, 0.13), (-0.09, 0.09), (0, 0.034), cover, "book")
    desk_lamp(b.at(-w + 0.2, -0.18, top + 0.14), f)
    office_chair(b.at(rng.uniform(-0.2, 0.2), -1.05, yaw=math.pi + rng.uniform(-0.5, 0.5)), f)


def keys() -> Material:
    """A keyboard's top."""
    ground = linear((44, 46, 52))

    @material((60, 62, 68))
    def shade(h: Hit) -> Surface:
        x, y = h.p[:, 0] / 0.019, h.p[:, 1] / 0.019
        x = x + 0.3 * (np.floor(y) % 3)
        gap = (x % 1 < 0.14) | (y % 1 < 0.14)
        return Surface(tint(ground, np.where(gap, 0.5, 2.2)))

    return shade


def desk_lamp(b: Builder, f: Fittings) -> None:
    """Jointed, with a bright bulb under a cone."""
    b.cone((0, 0, -0.14), 0.09, 0.02, f.metal, "lamp")
    b.rod((0, 0, -0.13), (-0.08, 0.02, 0.22), 0.009, f.metal, "lamp")
    b.rod((-0.08, 0.02, 0.22), (0.14, -0.12, 0.46), 0.009, f.metal, "lamp")
    b.ball((-0.08, 0.02, 0.22), 0.018, f.metal, "lamp")
    b.cone((0.16, -0.14, 0.36), 0.1, 0.12, f.metal, "lamp", taper=0.4)
    b.ball((0.16, -0.14, 0.36), (0.06, 0.06, 0.04), f.shade, "lamp")
    place = b.place((0.16, -0.14, 0.3)).astype(np.float32)
    b.parts.lamps.append(Lamp(place, linear((255, 214, 150)) * 0.1, 0.04))


def office_chair(b: Builder, f: Fittings) -> None:
    """On five castors; faces -y."""
    seat = surfaces.cloth((52, 56, 64))
    for k in range(5):
        t = k * 2 * math.pi / 5
        end = (0.29 * math.cos(t), 0.29 * math.sin(t))
        b.rod((0, 0, 0.11), (*end, 0.075), 0.02, f.metal, "seat")
        b.ball((*end, 0.032), 0.032, f.metal, "seat")
    b.rod((0, 0, 0.1), (0, 0, 0.43), 0.028, f.metal, "seat")
    b.ball((0, 0, 0.46), (0.26, 0.25, 0.05), seat, "seat")
    b.rod((0, 0.2, 0.44), (0, 0.28, 0.75), 0.018, f.metal, "seat")
    b.at(0, 0.27, 0.82, pitch=-0.1).ball((0, 0, 0), (0.23, 0.045, 0.28), seat, "seat")
    for x in (-0.27, 0.27):
        b.rod((x * 0.8, 0.02, 0.45), (x, 0.04, 0.64), 0.012, f.metal, "seat")
        b.box((x - 0.03, x + 0.03), (-0.12, 0.14), (0.64, 0.665), f.metal, "seat")


def floor_lamp(b: Builder, f: Fittings, on: float) -> None:
    """A stand with a shade of cloth; `on` is how bright."""
    b.cone((0, 0, 0), 0.15, 0.025, f.metal, "lamp")
    b.rod((0, 0, 0), (0, 0, 1.45), 0.012, f.metal, "lamp")
    b.cone((0, 0, 1.38), 0.22, 0.28, f.shade, "lamp", taper=0.7)
    place = b.place((0, 0, 1.52)).astype(np.float32)
    b.parts.lamps.append(Lamp(place, linear((255, 206, 140)) * 0.55 * on, 0.26))


def pendant(b: Builder, height: float, f: Fittings, on: float) -> None:
    """A lamp that hangs from a ceiling at `height`."""
    b.rod((0, 0, height - 0.6), (0, 0, height), 0.006, f.metal, "lamp")
    b.cone((0, 0, height - 0.03), 0.05, 0.03, f.metal, "lamp")
    b.ball((0, 0, height - 0.72), (0.21, 0.21, 0.17), f.shade, "lamp")
    place = b.place((0, 0, height - 0.72)).astype(np.float32)
    b.parts.lamps.append(Lamp(place, linear((255, 220, 170)) * 0.9 * on, 0.26))


def house_plant(b: Builder, f: Fittings, rng: np.random.Generator, size: float = 1.0) -> None:
    """In a basket: a small tree or a bush."""
    basket = surfaces.cloth((186, 148, 98), (150, 112, 70), 0.03, 0.03)
    b.cone((0, 0, 0), 0.16 * size, 0.3 * size, basket, "container", taper=1.2)
    b.cone((0, 0, 0.28 * size), 0.17 * size, 0.015, surfaces.plain((70, 52, 40)), "container")
    stem = surfaces.plain((110, 84, 58))
    for k in range(5):
        t, h = k * 1.26 + rng.uniform(-0.3, 0.3), rng.uniform(0.75, 1.35) * size
        top = (0.26 * size * math.cos(t), 0.26 * size * math.sin(t), h)
        b.rod((0.03 * math.cos(t), 0.03 * math.sin(t), 0.28 * size), top, 0.012, stem, "plant")
        for part, density in ((1.2, 0.4), (0.95, 0.6), (0.7, 0.9)):
            r = 0.24 * size * part
            b.ball(top, (r, r, r * 0.9), f.plant, "plant", cutout=surfaces.leafy(2.0, density))
