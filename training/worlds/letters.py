"""Lettering for signs and posters: an alphabet of strokes of our own, so that it looks the same everywhere.

A glyph is drawn in a box 4 wide and 6 high (y down); strokes are parted by |, and a stroke marked ~ is rounded.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
RGB = tuple[int, int, int]

_GLYPHS = {
    "A": "0,6 2,0 4,6|0.8,3.8 3.2,3.8",
    "B": "0,0 0,6|~0,0 2.4,0 3.6,0.7 3.6,2.2 2.4,2.9 0,2.9|~0,2.9 2.6,2.9 4,3.6 4,5.3 2.6,6 0,6",
    "C": "~4,1.2 3,0 1,0 0,1.4 0,4.6 1,6 3,6 4,4.8",
    "D": "0,0 0,6|~0,0 2.2,0 4,1 4,5 2.2,6 0,6",
    "E": "4,0 0,0 0,6 4,6|0,2.9 3.2,2.9",
    "F": "4,0 0,0 0,6|0,2.9 3.2,2.9",
    "G": "~4,1.2 3,0 1,0 0,1.4 0,4.6 1,6 3,6 4,4.8 4,3.3|4,3.3 2.4,3.3",
    "H": "0,0 0,6|4,0 4,6|0,2.9 4,2.9",
    "I": "2,0 2,6",
    "J": "~3.2,0 3.2,4.6 2.4,6 0.9,6 0.2,4.8",
    "K": "0,0 0,6|4,0 0,3.5|1.4,2.4 4,6",
    "L": "0,0 0,6 3.8,6",
    "M": "0,6 0,0 2,3.6 4,0 4,6",
    "N": "0,6 0,0 4,6 4,0",
    "O": "~2,0 0.8,0 0,1.4 0,4.6 0.8,6 3.2,6 4,4.6 4,1.4 3.2,0 2,0",
    "P": "0,6 0,0|~0,0 2.6,0 4,0.8 4,2.5 2.6,3.3 0,3.3",
    "Q": "~2,0 0.8,0 0,1.4 0,4.6 0.8,6 3.2,6 4,4.6 4,1.4 3.2,0 2,0|2.4,4.2 4.2,6.3",
    "R": "0,6 0,0|~0,0 2.6,0 4,0.8 4,2.5 2.6,3.3 0,3.3|2,3.3 4,6",
    "S": "~3.9,1.1 3,0 1,0 0.1,0.9 0.1,2 1,2.8 3,3.1 3.9,4 3.9,5.1 3,6 1,6 0,4.9",
    "T": "0,0 4,0|2,0 2,6",
    "U": "~0,0 0,4.4 0.9,6 3.1,6 4,4.4 4,0",
    "V": "0,0 2,6 4,0",
    "W": "0,0 1,6 2,1.6 3,6 4,0",
    "X": "0,0 4,6|4,0 0,6",
    "Y": "0,0 2,3 4,0|2,3 2,6",
    "Z": "0,0 4,0 0,6 4,6",
    "0": "~2,0 0.8,0 0,1.4 0,4.6 0.8,6 3.2,6 4,4.6 4,1.4 3.2,0 2,0",
    "1": "0.8,1.2 2.2,0 2.2,6",
    "2": "~0.1,1.3 1,0 3,0 3.9,1 3.9,2.2 2,4 0,6|0,6 4,6",
    "3": "~0.2,0.9 1,0 3,0 3.8,0.8 3.8,2 2.8,2.8 1.6,2.9|~1.6,2.9 3,2.9 4,3.8 4,5 3,6 1,6 0,5",
    "4": "3,6 3,0 0,4.2 4.2,4.2",
    "5": "3.8,0 0.5,0 0.2,2.7|~0.2,2.7 2.6,2.4 4,3.4 4,4.9 2.8,6 1,6 0,5",
    "6": "~3.6,0.6 2.4,0 1,0.6 0,2.6 0,4.8 1,6 3,6 4,4.9 4,3.6 3,2.6 1,2.7 0.1,3.8",
    "7": "0,0 4,0 1.4,6",
    "8": "~2,2.8 0.4,2.2 0.4,0.6 1.2,0 2.8,0 3.6,0.6 3.6,2.2 2,2.8 0,3.7 0,5.3 1,6 3,6 4,5.3 4,3.7 2,2.8",
    "9": "~3.9,2.2 3,3.4 1,3.4 0,2.4 0,1.1 1,0 3,0 4,1.2 4,3.4 3,5.4 1.6,6 0.5,5.6",
    ".": "1.9,5.9 2.1,6",
    ",": "2,5.6 1.6,6.9",
    "-": "0.8,3 3.2,3",
    "&": "~4,6 0.8,2 0.8,0.7 1.6,0 2.6,0.5 2.6,1.6 0.2,3.8 0,5 1,6 2.4,6 4,3.6",
    "'": "2,0 1.8,1.2",
    "!": "2,0 2,4.2|2,5.8 2,6",
    "?": "~0.1,1.3 1,0 3,0 3.9,1 3.9,2.2 2,3.4 2,4.3|2,5.8 2,6",
    ":": "2,2 2,2.1|2,4.9 2,5",
    "/": "0.4,6 3.6,0",
    "=": "0.6,2.2 3.4,2.2|0.6,4 3.4,4",
    "+": "2,1.4 2,4.6|0.4,3 3.6,3",
}


def _round(points: NDArray) -> NDArray:
    """Corners cut twice (Chaikin), ends kept."""
    for _ in range(2):
        a, b = points[:-1], points[1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], 1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut[1:-1], points[-1:]])
    return points


def strokes(character: str) -> list[NDArray]:
    """The polylines of a character in its box 4 wide and 6 high; none for a blank."""
    found = []
    for stroke in filter(None, _GLYPHS.get(character.upper(), "").split("|")):
        points = np.array([[float(c) for c in p.split(",")] for p in stroke.strip("~").split()])
        found.append(_round(points) if stroke[0] == "~" else points)
    return found


def width_of(text: str, height: float, gap: float = 1.7) -> float:
    """Pixels that a line of text takes when its capitals are `height` pixels high."""
    return (len(text) * (4 + gap) - gap) * height / 6


def write(
    picture: Picture,
    text: str,
    at: tuple[float, float],
    height: float,
    color: RGB,
    weight: float = 0.16,
    gap: float = 1.7,
) -> None:
    """One line, centred at (x, y) pixels; `weight` is a stroke's width over the height of the capitals."""
    scale = height / 6
    x = at[0] - width_of(text, height, gap) / 2
    fill = (*color, 255) if picture.shape[2] == 4 else color
    for character in text:
        for points in strokes(character):
            xy = np.round((points * scale + [x, at[1] - height / 2]) * 16).astype(np.int32)
            cv2.polylines(picture, [xy], False, fill, max(1, round(weight * height)), cv2.LINE_AA, 4)
        x += (4 + gap) * scale


def fit(picture: Picture, text: str, box: tuple[float, float, float, float], color: RGB, weight: float = 0.16) -> None:
    """One line as large as a box (left, top, right, bottom) in parts of the picture lets it be."""
    h, w = picture.shape[:2]
    left, top, right, bottom = box[0] * w, box[1] * h, box[2] * w, box[3] * h
    height = min(bottom - top, (right - left) / max(width_of(text, 1.0), 0.1))
    write(picture, text, ((left + right) / 2, (top + bottom) / 2), height, color, weight)
