"""Flat pictures of the street: shop fronts, signs, panes, doors, ironwork. A fourth channel is cover, or glass."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .letters import RGB, Picture, fit, write
from .prints import AA, INK, PAPER, blank

TRADES: dict[str, tuple[RGB, RGB]] = {  # name: ground and letters of its sign
    "CAFE SACCADE": ((34, 62, 54), (240, 214, 150)),
    "FOVEA BOOKS": ((116, 34, 38), (246, 230, 196)),
    "OPTICIAN": ((24, 46, 84), (240, 240, 240)),
    "BAKERY": ((206, 164, 96), (66, 36, 22)),
    "FLOWERS": ((228, 206, 214), (50, 96, 62)),
    "CLOCKS": ((30, 32, 40), (224, 184, 92)),
    "GROCER": ((44, 96, 56), (250, 240, 200)),
    "CAMERAS": ((200, 66, 42), (250, 244, 232)),
}


WARES: tuple[RGB, ...] = (
    (178, 58, 46), (34, 88, 104), (222, 168, 72), (88, 116, 70), (120, 62, 90), (226, 214, 188), (56, 64, 92),
    (206, 112, 64), (140, 160, 170), (232, 196, 196),
)  # fmt: skip


def fascia(name: str) -> Picture:
    """The board over a shop."""
    ground, ink = TRADES[name]
    p = blank(120, 900, ground)
    cv2.rectangle(p, (8, 8), (891, 111), ink, 3, AA)
    fit(p, name, (0.08, 0.27, 0.92, 0.73), ink, 0.17)
    for x in (40, 860):
        cv2.circle(p, (x, 60), 8, ink, -1, AA)
    return p


def hanging(name: str) -> Picture:
    """A round or square board with what the shop sells."""
    ground, ink = TRADES[name]
    p = blank(400, 400, ground)
    cv2.rectangle(p, (10, 10), (389, 389), ink, 8, AA)
    if name == "CAFE SACCADE":
        cv2.ellipse(p, (185, 210), (92, 95), 0, 0, 180, ink, -1, AA)
        cv2.ellipse(p, (285, 240), (40, 34), 0, 0, 360, ink, 14, AA)
        cv2.ellipse(p, (190, 318), (130, 14), 0, 0, 360, ink, -1, AA)
        for x in (150, 190, 230):
            cv2.polylines(p, [np.array([[x, 180], [x + 14, 150], [x - 10, 125], [x + 6, 90]])], False, ink, 9, AA)
    elif name == "FOVEA BOOKS":
        for s in (-1, 1):
            cv2.fillPoly(p, [np.array([[200, 130], [200 + s * 150, 95], [200 + s * 150, 285], [200, 320]])], ink, AA)
            for k in range(5):
                cv2.line(p, (200 + s * 22, 165 + 28 * k), (200 + s * 130, 140 + 28 * k), ground, 6, AA)
        cv2.line(p, (200, 130), (200, 320), ground, 8, AA)
    elif name == "OPTICIAN":
        for x in (118, 282):
            cv2.circle(p, (x, 200), 68, ink, 18, AA)
        cv2.ellipse(p, (200, 190), (22, 20), 0, 180, 360, ink, 14, AA)
    elif name == "BAKERY":  # a pretzel
        cv2.ellipse(p, (200, 190), (130, 108), 0, 150, 390, ink, 26, AA)
        for side in (-1, 1):
            knot = [(200 + side * 112, 246), (200 + side * 60, 290), (200, 268), (200 - side * 44, 196)]
            cv2.polylines(p, [np.array([*knot, (200 - side * 66, 128)])], False, ink, 26, AA)
    elif name == "FLOWERS":
        for k in range(8):
            t = k * math.pi / 4
            cv2.circle(p, (int(200 + 76 * math.cos(t)), int(180 + 76 * math.sin(t))), 42, (206, 74, 110), -1, AA)
        cv2.circle(p, (200, 180), 50, (240, 196, 70), -1, AA)
        cv2.line(p, (200, 290), (200, 370), ink, 16, AA)
    elif name == "GROCER":
        cv2.circle(p, (200, 220), 110, (206, 52, 44), -1, AA)
        cv2.line(p, (200, 130), (222, 66), (90, 60, 40), 14, AA)
        cv2.ellipse(p, (258, 92), (46, 20), -24, 0, 360, ink, -1, AA)
    elif name == "CLOCKS":
        cv2.circle(p, (200, 200), 140, ink, 16, AA)
        cv2.line(p, (200, 200), (200, 100), ink, 16, AA)
        cv2.line(p, (200, 200), (268, 236), ink, 16, AA)
    else:
        cv2.rectangle(p, (70, 130), (330, 310), ink, -1, AA)
        cv2.rectangle(p, (150, 96), (250, 136), ink, -1, AA)
        for r, color in ((74, ground), (56, ink), (36, ground)):
            cv2.circle(p, (200, 220), r, color, -1, AA)
    return p


def plate(text: str, ground: RGB = (28, 60, 130), ink: RGB = (245, 245, 245)) -> Picture:
    """An enamel plate: a street's name, a house's number."""
    width = 120 + 62 * max(len(text) - 1, 0)
    p = blank(120, width, ground)
    cv2.rectangle(p, (6, 6), (width - 7, 113), ink, 4, AA)
    fit(p, text, (0.1, 0.28, 0.9, 0.72), ink, 0.17)
    return p


def chalkboard(rng: np.random.Generator) -> Picture:
    """A menu in chalk."""
    p = blank(700, 460, (38, 44, 42))
    fit(p, "TODAY", (0.2, 0.05, 0.8, 0.15), (250, 220, 140), 0.14)
    dishes = list(
        rng.permutation(["SOUP", "PASTA", "CAKE", "COFFEE", "TEA", "QUICHE", "SALAD", "BROWNIE", "TOAST"])[:7]
    )
    for k, dish in enumerate(dishes):
        y = 165 + 66 * k
        write(p, str(dish), (50 + len(dish) * 14, y), 30, (236, 236, 230), 0.12, 1.4)
        write(p, f"{rng.integers(2, 9)}.{rng.integers(1, 10)}0", (380, y), 30, (170, 214, 230), 0.12, 1.4)
    cv2.polylines(
        p, [np.array([[60, 640], [130, 655], [230, 632], [330, 655], [400, 640]])], False, (240, 160, 150), 5, AA
    )
    return p


def pane(rng: np.random.Generator, frame: RGB, nx: int, ny: int, height: float, width: float) -> Picture:
    """A window: frame and bars, dark glass with curtains, a plant or a lamp behind. Fourth channel: glass."""
    w, h = int(150 * width), int(150 * height)
    p = np.zeros((h, w, 4), np.uint8)
    dark = np.array([38, 44, 52]) + rng.integers(-8, 10)
    p[..., :3] = (dark * np.linspace(1.5, 0.75, h)[:, None, None]).astype(np.uint8)
    style = rng.integers(5)
    lace: RGB = ((226, 222, 208), (208, 196, 168), (176, 92, 80), (120, 142, 160))[rng.integers(4)]
    if style in (0, 1):  # drawn to both sides
        for s in (-1, 1):
            for k in range(5):
                x = w / 2 + s * (w / 2 - k * w * 0.05)
                shape = np.array([[x, 0], [x - s * w * 0.1, 0], [x - s * w * (0.1 - 0.015 * k), h * 0.55], [x, h]])
                tone = tuple(float(c * (0.62 + 0.1 * (k % 2) + 0.02 * k)) for c in lace)
                cv2.fillPoly(p, [shape.astype(np.int32)], tone, AA)
    elif style == 2:  # a half curtain
        y = int(h * 0.52)
        p[y:, :, :3] = np.array(lace) * 0.72
        for x in range(0, w, 9):
            cv2.line(p, (x, y), (x, h), tuple(float(c * 0.58) for c in lace), 3, AA)
    elif style == 3:  # a plant in a pot
        x = int(w * rng.uniform(0.3, 0.7))
        for _ in range(26):
            t, r = rng.uniform(-2.9, -0.25), rng.uniform(0.1, 0.34) * h
            end = (int(x + r * math.cos(t) * 0.8), int(h * 0.8 + r * math.sin(t)))
            cv2.line(p, (x, int(h * 0.8)), end, (46, int(rng.integers(80, 130)), 50), 5, AA)
        cv2.rectangle(p, (x - 14, int(h * 0.8)), (x + 14, h), (168, 92, 62), -1, AA)
    else:  # a blind
        y = int(h * rng.uniform(0.3, 0.6))
        p[:y, :, :3] = np.array(lace) * 0.7
        for k in range(0, y, 8):
            cv2.line(p, (0, k), (w, k), tuple(float(c * 0.52) for c in lace), 2, AA)
    p[..., 3] = 255
    bar, rim = max(5, int(0.034 * 150)), max(9, int(0.065 * 150))
    light, edge = (*frame, 0), (*(np.array(frame) * 0.6).astype(int).tolist(), 0)
    for k in range(1, nx):
        x = round(w * k / nx)
        width_px = bar * 2 if nx % 2 == 0 and k == nx // 2 else bar
        cv2.rectangle(p, (x - width_px // 2 - 1, 0), (x + width_px // 2 + 2, h), edge, -1)
        cv2.rectangle(p, (x - width_px // 2, 0), (x + width_px // 2, h), light, -1)
    for k in range(1, ny):
        y = round(h * k / ny)
        cv2.rectangle(p, (0, y - bar // 2), (w, y + bar // 2 + 2), edge, -1)
        cv2.rectangle(p, (0, y - bar // 2), (w, y + bar // 2), light, -1)
    cv2.rectangle(p, (0, 0), (w - 1, h - 1), edge, 2 * rim + 3)
    cv2.rectangle(p, (0, 0), (w - 1, h - 1), light, 2 * rim - 1)
    return p


def display(name: str, rng: np.random.Generator) -> Picture:
    """A shop window with wares on shelves under warm light. Fourth channel: glass."""
    ground, ink = TRADES[name]
    w, h = 660, 440
    p = np.zeros((h, w, 4), np.uint8)
    glow = np.linspace(1.0, 0.5, h)[:, None, None] * (1 - 0.3 * np.abs(np.linspace(-1, 1, w)))[None, :, None]
    p[..., :3] = (np.array([164, 122, 78]) * glow * 0.8).astype(np.uint8)
    for y in (170, 300, 430):
        cv2.rectangle(p, (0, y), (w, y + 12), (92, 60, 38), -1)
        x = 22
        while x < w - 60:
            x += _ware(p, name, x, y, rng)
    p[..., 3] = 255
    wood = tuple(int(c * 0.75) for c in ground)
    for x in (0, w // 3, 2 * w // 3, w):
        cv2.rectangle(p, (x - 8, 0), (x + 8, h), (*wood, 0), -1)
    for y in (0, h):
        cv2.rectangle(p, (0, y - 14), (w, y + 14), (*wood, 0), -1)
    cv2.rectangle(p, (0, 84), (w, 92), (*wood, 0), -1)
    write(p, name.split()[-1], (w / 2, 62), 26, ink, 0.13)
    return p


def _ware(p: Picture, name: str, x: int, y: int, rng: np.random.Generator) -> int:
    """Draw one thing standing at (x, y), and say how far the next one is."""
    some = WARES[rng.integers(len(WARES))]
    if name == "FOVEA BOOKS":
        w, h = int(rng.integers(12, 30)), int(rng.integers(58, 92))
        cv2.rectangle(p, (x, y - h), (x + w, y), some, -1)
        cv2.line(p, (x + 3, y - h + 14), (x + w - 3, y - h + 14), PAPER, 3)
        return w + 2
    if name in ("BAKERY", "CAFE SACCADE"):
        crust = (int(rng.integers(170, 214)), int(rng.integers(110, 140)), 62)
        size = int(rng.integers(20, 42))
        cv2.ellipse(p, (x + size, y - size // 2), (size, size // 2), 0, 0, 360, crust, -1, AA)
        for k in range(-1, 2):
            cv2.line(p, (x + size + 12 * k - 5, y - size + 8), (x + size + 12 * k + 5, y - 10), (240, 210, 150), 4, AA)
        return 2 * size + 8
    if name in ("OPTICIAN", "CAMERAS", "CLOCKS"):
        cv2.rectangle(p, (x, y - 62), (x + 74, y), PAPER if name != "CAMERAS" else INK, -1)
        if name == "OPTICIAN":
            for dx in (20, 54):
                cv2.circle(p, (x + dx, y - 34), 14, some, 5, AA)
            cv2.line(p, (x + 33, y - 38), (x + 41, y - 38), some, 4, AA)
        elif name == "CAMERAS":
            for r, tone in ((25, (120, 120, 124)), (17, (40, 60, 90)), (8, (150, 190, 220))):
                cv2.circle(p, (x + 37, y - 29), r, tone, -1, AA)
        else:
            cv2.circle(p, (x + 37, y - 32), 25, some, -1, AA)
            cv2.circle(p, (x + 37, y - 32), 20, (250, 250, 245), -1, AA)
            t = rng.uniform(0, 6.28)
            cv2.line(p, (x + 37, y - 32), (int(x + 37 + 15 * math.cos(t)), int(y - 32 + 15 * math.sin(t))), INK, 3, AA)
        return 96
    for _ in range(12):  # a bunch of flowers or a heap of fruit
        cv2.circle(p, (int(x + rng.uniform(4, 52)), int(y - rng.uniform(14, 62))), 10, some, -1, AA)
    cv2.rectangle(p, (x + 8, y - 20), (x + 48, y), (120, 84, 52), -1)
    return 66


def door(rng: np.random.Generator, color: RGB, glazed: bool) -> Picture:
    """A panelled door with a fanlight of glass over it; fourth channel: glass."""
    w, h = 260, 600
    p = np.zeros((h, w, 4), np.uint8)
    p[..., :3] = color
    dark, light = (tuple(int(min(c * k, 255)) for c in color) for k in (0.55, 1.25))
    rows = ((130, 340), (365, 450), (475, 580))
    for k, (top, bottom) in enumerate(rows):
        for x in (24, 142):
            if glazed and k == 0:
                cv2.rectangle(p, (x, top), (x + 94, bottom), (46, 52, 58, 255), -1)
                cv2.line(p, (x + 47, top), (x + 47, bottom), (*color, 0), 6)
                cv2.line(p, (x, (top + bottom) // 2), (x + 94, (top + bottom) // 2), (*color, 0), 6)
            else:
                cv2.rectangle(p, (x, top), (x + 94, bottom), (*dark, 0), 5)
                cv2.line(p, (x, bottom), (x + 94, bottom), (*light, 0), 4)
                cv2.line(p, (x + 94, top), (x + 94, bottom), (*light, 0), 4)
    cv2.rectangle(p, (20, 14), (240, 92), (52, 60, 66, 255), -1)
    for k in range(1, 5):
        cv2.line(
            p, (130, 92), (int(130 + 150 * math.cos(k * 0.628)), int(92 - 150 * math.sin(k * 0.628))), (*color, 0), 5
        )
    cv2.rectangle(p, (0, 92), (w, 108), (*dark, 0), -1)
    cv2.line(p, (130, 108), (130, h), (*dark, 0), 4)
    cv2.circle(p, (112, 356), 10, (214, 176, 88, 0), -1, AA)
    cv2.rectangle(p, (156, 400), (220, 416), (214, 176, 88, 0), -1)
    if rng.random() < 0.5:
        cv2.circle(p, (112, 300), 16, (214, 176, 88, 0), 5, AA)
    return p


def railing(bars: int) -> Picture:
    """Wrought iron with scrolls; fourth channel: cover."""
    w, h = 70 * bars, 330
    p = np.zeros((h, w, 4), np.uint8)
    ink = (34, 36, 40, 255)
    for y in (10, 60, 318):
        cv2.line(p, (0, y), (w, y), ink, 18)
    for k in range(bars + 1):
        cv2.line(p, (70 * k, 0), (70 * k, h), ink, 12)
        if k < bars:
            cv2.circle(p, (70 * k + 35, 36), 18, ink, 7)
            cv2.ellipse(p, (70 * k + 35, 250), (26, 44), 0, 0, 360, ink, 8)
            cv2.ellipse(p, (70 * k + 35, 140), (18, 60), 0, 0, 360, ink, 7)
    return p


def bicycle(color: RGB) -> Picture:
    """Seen from the side; fourth channel: cover."""
    p = np.zeros((440, 720, 4), np.uint8)
    ink, paint = (26, 26, 28, 255), (*color, 255)
    for x in (160, 560):
        cv2.circle(p, (x, 290), 138, ink, 11, AA)
        for k in range(12):
            t = k * math.pi / 12
            dx, dy = int(134 * math.cos(t)), int(134 * math.sin(t))
            cv2.line(p, (x - dx, 290 - dy), (x + dx, 290 + dy), (150, 150, 155, 255), 3, AA)
        cv2.circle(p, (x, 290), 12, ink, -1)
    rear, front, crank, seat, head = (160, 290), (560, 290), (320, 300), (268, 120), (500, 130)
    for a, b in ((rear, crank), (rear, seat), (crank, seat), (crank, head), (seat, head), (head, front)):
        cv2.line(p, a, b, paint, 15, AA)
    cv2.line(p, seat, (254, 70), ink, 10, AA)
    cv2.ellipse(p, (250, 62), (54, 15), -4, 0, 360, (96, 56, 34, 255), -1, AA)
    cv2.line(p, head, (484, 58), ink, 11, AA)
    cv2.polylines(p, [np.array([[440, 74], [484, 54], [540, 60], [556, 92]])], False, ink, 12, AA)
    cv2.circle(p, crank, 38, ink, 8, AA)
    cv2.line(p, crank, (352, 372), ink, 10, AA)
    cv2.rectangle(p, (330, 370), (384, 382), ink, -1)
    for y in (262, 338):
        cv2.line(p, (160, 276 if y < 300 else 304), (320, y), ink, 4, AA)
    cv2.ellipse(p, (160, 290), (156, 156), 0, 200, 320, ink, 10, AA)
    cv2.rectangle(p, (520, 130), (624, 206), (176, 132, 82, 255), -1)
    for k in range(5):
        cv2.line(p, (520, 138 + 16 * k), (624, 138 + 16 * k), (126, 88, 50, 255), 4)
    return p
