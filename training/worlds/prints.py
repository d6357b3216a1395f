"""Flat pictures drawn with OpenCV: posters, paintings, charts, clocks, screens. Each is (H, W, 3) sRGB uint8."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .letters import RGB, Picture, fit, write
from .noise import cloud

AA = cv2.LINE_AA
INK: RGB = (28, 27, 32)
PAPER: RGB = (240, 234, 218)
PALETTES: tuple[tuple[RGB, ...], ...] = (
    ((236, 216, 178), (198, 62, 44), (32, 74, 98), (238, 168, 56), (24, 28, 36)),
    ((242, 236, 222), (28, 108, 112), (224, 122, 66), (120, 44, 70), (30, 36, 44)),
    ((226, 232, 224), (62, 122, 84), (244, 200, 82), (206, 84, 92), (34, 40, 58)),
    ((248, 226, 206), (74, 60, 132), (236, 96, 108), (92, 172, 190), (40, 28, 52)),
)


def blank(height: int, width: int, color: RGB) -> Picture:
    return np.full((height, width, 3), color, np.uint8)


def _age(p: Picture, rng: np.random.Generator, amount: float = 5.0) -> Picture:
    """Paper is never quite even."""
    spot = cv2.resize(cloud(1.6, 3), (p.shape[1], p.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.clip(p + amount * spot[..., None] * rng.uniform(0.6, 1.2), 0, 255).astype(np.uint8)


def eye_chart(rng: np.random.Generator) -> Picture:
    """Lines of letters, each smaller than the one above: made to be zoomed into."""
    p = blank(900, 600, (246, 244, 236))
    sizes = [150, 96, 66, 48, 36, 27, 20, 15]
    letters = "EFPTOZLPDCGNH"
    y = 40.0
    for k, size in enumerate(sizes):
        line = "".join(rng.choice(list(letters), min(k + 1, 8))) if k else "E"
        write(p, line, (300, y + size / 2), size, INK, 0.2, 2.4)
        y += size + 40 - 3 * k
        if k in (2, 6):
            cv2.line(p, (90, int(y - 16)), (510, int(y - 16)), (40, 140, 70) if k == 2 else (190, 50, 50), 6, AA)
    cv2.rectangle(p, (8, 8), (591, 891), (60, 60, 60), 4, AA)
    return p


def concert(rng: np.random.Generator) -> Picture:
    """A poster: shapes over a ground, a title, a date."""
    ground, a, b, c, ink = PALETTES[rng.integers(len(PALETTES))]
    p = blank(840, 600, ground)
    kind = rng.integers(5)
    if kind == 0:  # sun over waves
        cv2.circle(p, (300, 330), 190, a, -1, AA)
        for k in range(7):
            x = np.arange(-20, 640, 8)
            y = 400 + 52 * k + 18 * np.sin(x / 46 + k * 1.3)
            line = np.concatenate([np.stack([x, y], 1), [[640, 700], [-20, 700]]]).astype(np.int32)
            cv2.fillPoly(p, [line], (b, c)[k % 2], AA)
    elif kind == 1:  # rings, off centre
        for k in range(9):
            cv2.circle(p, (300 + 9 * k, 350 - 5 * k), 250 - 27 * k, (a, b, c, ground)[k % 4], -1, AA)
    elif kind == 2:  # quarter circles on a grid
        for i in range(4):
            for j in range(4):
                left, top = 40 + 130 * j, 90 + 130 * i
                tile = blank(130, 130, (a, b, c, ground)[rng.integers(4)])
                corner = (130 * int(rng.integers(2)), 130 * int(rng.integers(2)))
                cv2.circle(tile, corner, 128, (a, b, c, ink)[rng.integers(4)], -1, AA)
                p[top : top + 130, left : left + 130] = tile
    elif kind == 3:  # a bird on stripes
        for k in range(12):
            cv2.rectangle(p, (0, 70 + 46 * k), (600, 92 + 46 * k), (b, c)[k % 2], -1)
        cv2.ellipse(p, (300, 350), (190, 110), -18, 0, 360, a, -1, AA)
        cv2.circle(p, (455, 270), 82, a, -1, AA)
        cv2.fillPoly(p, [np.array([[525, 250], [600, 285], [520, 300]])], ink, AA)
        cv2.fillPoly(p, [np.array([[150, 390], [20, 480], [190, 470]])], ink, AA)
        cv2.ellipse(p, (280, 350), (120, 56), -30, 0, 360, ground, -1, AA)
        cv2.circle(p, (475, 255), 15, ground, -1, AA)
        cv2.circle(p, (478, 255), 7, ink, -1, AA)
    else:  # an eye
        for k in range(24):
            t = k * math.pi / 12
            cv2.line(
                p, (300, 340), (int(300 + 420 * math.cos(t)), int(340 + 420 * math.sin(t))), (c, ground)[k % 2], 38, AA
            )
        cv2.ellipse(p, (300, 340), (235, 135), 0, 0, 360, PAPER, -1, AA)
        for r, color in ((118, b), (86, a), (56, ink)):
            cv2.circle(p, (300, 340), r, color, -1, AA)
        cv2.circle(p, (325, 312), 20, PAPER, -1, AA)
    cv2.rectangle(p, (0, 664), (600, 840), ink, -1)
    title = rng.choice(
        ["JAZZ", "OPERA", "CIRCUS", "LOOK TWICE", "SAMBA", "BALLET", "OPEN AIR", "FILM FEST", "WILD EYES"]
    )
    fit(p, str(title), (0.1, 0.815, 0.9, 0.905), ground, 0.18)
    fit(p, f"{rng.integers(1, 31)}.{rng.integers(4, 11)}.  {rng.integers(17, 22)}:00", (0.1, 0.93, 0.9, 0.965), c, 0.15)
    cv2.rectangle(p, (0, 0), (600, 40), ink, -1)
    fit(p, str(rng.choice(["CITY THEATRE", "OLD TOWN HALL", "PARK STAGE"])), (0.1, 0.012, 0.9, 0.036), ground, 0.14)
    return _age(p, rng)


def painting(rng: np.random.Generator, height: int = 480, width: int = 640) -> Picture:
    """Hills behind hills under a large sun or moon, in a few tones."""
    ground, a, b, c, ink = PALETTES[rng.integers(len(PALETTES))]
    p = np.zeros((height, width, 3), np.float32)
    p[:] = np.linspace(np.array(ground), np.array(c) * 0.5 + np.array(ground) * 0.5, height)[:, None]
    out = p.astype(np.uint8)
    cv2.circle(out, (int(width * rng.uniform(0.2, 0.8)), int(height * 0.3)), int(height * 0.13), a, -1, AA)
    tones = np.linspace(np.array(c, float) * 0.6 + 90, np.array(ink, float), 5)
    x = np.arange(width)
    for k, tone in enumerate(tones):
        row = cloud(1.9, 4)[int(rng.integers(512))]
        y = height * (0.45 + 0.12 * k) - height * 0.06 * np.interp(x / width * 300, np.arange(512), row)
        line = np.concatenate([np.stack([x, y], 1), [[width, height], [0, height]]]).astype(np.int32)
        cv2.fillPoly(out, [line], tuple(float(t) for t in np.clip(tone, 0, 255)), AA)
    for _ in range(14):  # trees on the nearest hill
        tx, ty, s = rng.uniform(0, width), height * rng.uniform(0.84, 0.97), height * rng.uniform(0.04, 0.1)
        cv2.fillPoly(out, [np.array([[tx - s * 0.3, ty], [tx + s * 0.3, ty], [tx, ty - s * 1.6]], np.int32)], b, AA)
    return _age(out, rng, 4)


def clock_face(rng: np.random.Generator, dark: bool = False) -> Picture:
    """Round, with numerals; the corners outside it have an empty fourth channel."""
    size, c = 640, 320
    ground, ink = ((30, 38, 58), (236, 210, 140)) if dark else ((248, 244, 230), (24, 26, 34))
    p = np.zeros((size, size, 4), np.uint8)
    cv2.circle(p, (c, c), 318, (*(np.array(ink) * 0.8).tolist(), 255), -1, AA)
    cv2.circle(p, (c, c), 288, (*ground, 255), -1, AA)
    for k in range(60):
        t = k * math.pi / 30
        inner = 244 if k % 5 == 0 else 262
        a, b = (tuple(int(c + r * f(t)) for f in (math.cos, math.sin)) for r in (inner, 278))
        cv2.line(p, a, b, (*ink, 255), 12 if k % 5 == 0 else 4, AA)
    for k in range(1, 13):
        t = k * math.pi / 6 - math.pi / 2
        write(p, str(k), (c + 200 * math.cos(t), c + 200 * math.sin(t)), 54, ink, 0.18, 1.2)
    minutes = int(rng.integers(0, 720))
    for turn, length, width in ((minutes / 720, 140, 20), (minutes % 60 / 60, 222, 12)):
        t = turn * 2 * math.pi - math.pi / 2
        tip = (int(c + length * math.cos(t)), int(c + length * math.sin(t)))
        back = (int(c - 46 * math.cos(t)), int(c - 46 * math.sin(t)))
        cv2.line(p, back, tip, (*ink, 255), width, AA)
    cv2.circle(p, (c, c), 18, (176, 58, 44, 255), -1, AA)
    return p


def screen(rng: np.random.Generator) -> Picture:
    """A desktop: an editor with coloured lines of code, a plot, a small camera picture with a box around something."""
    p = blank(540, 960, (24, 28, 38))
    cv2.rectangle(p, (0, 0), (960, 26), (44, 50, 66), -1)
    fit(p, "GLIMPSE - LOOK, REMEMBER, IMAGINE", (0.3, 0.014, 0.7, 0.034), (190, 196, 210), 0.13)
    colors = [(198, 120, 221), (97, 175, 239), (152, 195, 121), (229, 192, 123), (150, 158, 172)]
    indent = 0
    for k in range(30):
        indent = int(np.clip(indent + rng.integers(-1, 2), 0, 3))
        y, x = 46 + 16 * k, 44 + 26 * indent
        cv2.rectangle(p, (14, y), (26, y + 7), (70, 78, 94), -1)
        for _ in range(int(rng.integers(0, 6))):
            width = int(rng.integers(14, 74))
            if x + width > 540:
                break
            cv2.rectangle(p, (x, y), (x + width, y + 7), colors[rng.integers(5)], -1)
            x += width + 9
    cv2.rectangle(p, (570, 40), (945, 270), (14, 17, 24), -1)
    for k, color in enumerate(((97, 175, 239), (229, 150, 90), (152, 195, 121))):
        t = np.arange(360)
        curve = 250 - 190 * (0.9 - 0.22 * k) * np.exp(-t / (60 + 50 * k)) - 20 * k + 4 * cloud(1.2, 5)[k * 40, :360]
        cv2.polylines(p, [np.stack([578 + t, curve], 1).astype(np.int32)], False, color, 2, AA)
    view = painting(rng, 230, 375)
    p[290:520, 570:945] = view
    for _ in range(4):
        x, y, s = int(rng.integers(580, 860)), int(rng.integers(300, 440)), int(rng.integers(36, 80))
        cv2.rectangle(p, (x, y), (x + s, y + s), (255, 90, 60), 3, AA)
    return p


def whiteboard(rng: np.random.Generator) -> Picture:
    """A diagram of the loop, a sum, a doodle."""
    p = blank(600, 900, (244, 246, 248))
    blue, red, green = (36, 70, 160), (196, 50, 50), (40, 130, 80)
    for k, (word, color) in enumerate((("LOOK", blue), ("REMEMBER", red), ("IMAGINE", green))):
        x = 150 + 300 * k
        cv2.ellipse(p, (x, 130), (118, 58), 0, 0, 360, color, 4, AA)
        fit(p, word, ((x - 88) / 900, 0.19, (x + 88) / 900, 0.245), color, 0.15)
        if k < 2:
            cv2.arrowedLine(p, (x + 122, 130), (x + 178, 130), INK, 4, AA, tipLength=0.4)
    cv2.ellipse(p, (450, 200), (300, 90), 0, 8, 172, INK, 4, AA)
    write(p, "S = 2 W / 32", (240, 380), 30, blue, 0.13)
    write(p, "WHERE NEXT?", (250, 450), 36, red, 0.14)
    axis = [(560, 340), (560, 540), (840, 540)]
    cv2.polylines(p, [np.array(axis)], False, INK, 4, AA)
    t = np.arange(0, 270, 6)
    cv2.polylines(p, [np.stack([565 + t, 530 - 170 * np.exp(-t / 80)], 1).astype(np.int32)], False, green, 5, AA)
    for k in range(int(rng.integers(3, 7))):
        cv2.rectangle(p, (60 + 62 * k, 500), (110 + 62 * k, 550), (blue, red, green)[k % 3], 4, AA)
    return p


def world_map(rng: np.random.Generator) -> Picture:
    """Land and sea of a planet that is not there, with a grid and a route."""
    p = blank(500, 900, (166, 200, 214))
    land = cv2.resize(cloud(1.75, 6), (900, 900))[int(rng.integers(0, 400)) :][:500]
    for level, color in (
        (0.25, (226, 214, 170)),
        (0.6, (190, 200, 130)),
        (1.3, (160, 140, 104)),
        (2.0, (232, 232, 228)),
    ):
        p[land > level] = color
    edges, _ = cv2.findContours((land > 0.25).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(p, edges, -1, (90, 96, 90), 1, AA)
    for k in range(1, 12):
        cv2.line(p, (75 * k, 0), (75 * k, 500), (140, 160, 170), 1, AA)
    for k in range(1, 7):
        cv2.line(p, (0, 72 * k), (900, 72 * k), (140, 160, 170), 1, AA)
    route = np.stack([np.linspace(120, 780, 7), rng.uniform(120, 380, 7)], 1).astype(np.int32)
    cv2.polylines(p, [route], False, (200, 50, 40), 4, AA)
    for x, y in route:
        cv2.circle(p, (int(x), int(y)), 8, (200, 50, 40), -1, AA)
    cv2.rectangle(p, (0, 0), (899, 499), (90, 70, 50), 12)
    return _age(p, rng)
