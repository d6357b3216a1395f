"""Parts of the pictures: boxes on a scene, glimpses as the camera saw them, uncertainty in colour, text.

All pictures are uint8 (H, W, 3) RGB.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.memory import Mosaic
from ..core.retina import box_px
from ..core.types import Glimpse, GlimpseSpec, Projection, SceneSpec, View

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (28, 33, 40)
QUIET: Colour = (106, 115, 125)
BOX: Colour = (255, 176, 0)  # amber: seen on sky, grass and stone alike, with its dark rim
RIM: Colour = (20, 20, 20)
UNSEEN: tuple[Colour, Colour] = ((226, 229, 233), (217, 221, 226))


def box_pieces(
    view: View, height: int, width: int, projection: Projection, aspect: float | None = None
) -> list[tuple[int, int, int, int]]:
    """left, top, w, h [px] of a glimpse on a picture, clipped to it, in two pieces where it crosses the seam.

    aspect: height over width of the model's scene, where the picture was squeezed into it: a glimpse is square there.
    """
    tall = height if aspect is None else max(1, round(width * aspect))
    left, top, w, h = box_px(view, tall, width)
    if abs(tall - height) > 1:
        top, h = round(top * height / tall), max(1, round(h * height / tall))
    top, bottom = max(top, 0), min(top + h, height)
    if projection == "spherical":
        left %= width
        spans = [(left, min(left + w, width))]
        if left + w > width:
            spans.append((0, left + w - width))
    else:
        spans = [(max(left, 0), min(left + w, width))]
    return [(a, top, b - a, bottom - top) for a, b in spans if b > a and bottom > top]


def with_boxes(
    picture: Picture,
    views: Sequence[View],
    projection: Projection,
    thickness: int = 2,
    numbers: bool = True,
    finest: float = 1.0,
    aspect: float | None = None,
) -> Picture:
    """A copy with the glimpses' boxes in order, the last one boldest, numbered from 1. Open where they wrap.

    aspect: as of `box_pieces`.
    finest: the share of a glimpse that its finest scale covers. That is where it looks, so that is what is boxed; how
    far the widest scale reaches is a thin line, and for the last one only.
    """
    out = picture.copy()
    height, width = out.shape[:2]
    if finest < 1.0 and views:
        pieces = box_pieces(views[-1], height, width, projection, aspect)
        for piece in pieces:
            _outline(out, piece, BOX, 1, open_at=_seam(pieces, piece, width))
    views = [View(view.x, view.y, view.s * finest) for view in views]
    for index, view in enumerate(views):
        newest = index == len(views) - 1
        pieces = box_pieces(view, height, width, projection, aspect)
        for colour, extra in ((RIM, 2), (BOX, 0)):
            for piece in pieces:
                _outline(
                    out, piece, colour, thickness + extra + (1 if newest else 0), open_at=_seam(pieces, piece, width)
                )
    if numbers:
        for index, view in enumerate(views):
            left, top, w, h = max(box_pieces(view, height, width, projection, aspect), key=lambda p: p[2])
            _number(out, index + 1, left, top, size=max(11, min(15, width // 48)))
    return out


def _seam(pieces: list[tuple[int, int, int, int]], piece: tuple[int, int, int, int], width: int) -> str:
    """Which side of a piece is not an edge of the glimpse but the seam of the panorama."""
    if len(pieces) == 1:
        return ""
    return "left" if piece[0] == 0 else "right"


def _outline(picture: Picture, piece: tuple[int, int, int, int], colour: Colour, thickness: int, open_at: str) -> None:
    """A frame of `thickness` px, centred on the border of the piece."""
    left, top, w, h = piece
    a, b = thickness // 2, thickness - thickness // 2
    bars = {
        "top": (left - a, top - a, left + w + b, top + b),
        "bottom": (left - a, top + h - 1 - a, left + w + b, top + h - 1 + b),
        "left": (left - a, top - a, left + b, top + h + b),
        "right": (left + w - 1 - a, top - a, left + w - 1 + b, top + h + b),
    }
    for side, (x0, y0, x1, y1) in bars.items():
        if side != open_at:
            picture[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = colour


def _number(picture: Picture, number: int, left: int, top: int, size: int) -> None:
    """A small amber tag inside the corner of a box."""
    label = str(number)
    w, h = text_width(label, size, 700) + 6, size + 3
    left, top = min(left, picture.shape[1] - w), min(top, picture.shape[0] - h)
    picture[top : top + h, left : left + w] = BOX
    text(picture, label, (left + 3, top + size - 1), size, RIM, 700)


def retina(glimpse: Glimpse, spec: GlimpseSpec, side: int) -> Picture:
    """The glimpse as the camera saw it, its pixels visible: the widest scale, with the finer ones set into it."""
    out = np.zeros((side, side, 3), np.uint8)
    for fraction, pixels in sorted(zip(spec.scales, glimpse.pixels, strict=True), key=lambda pair: -pair[0]):
        n = max(1, round(side * fraction))
        tile = np.rint(np.clip(pixels, 0.0, 1.0).transpose(1, 2, 0) * 255.0).astype(np.uint8)
        offset = (side - n) // 2
        how = cv2.INTER_NEAREST if n >= spec.size else cv2.INTER_AREA
        out[offset : offset + n, offset : offset + n] = cv2.resize(tile, (n, n), interpolation=how)
    return out


def remembered(glimpses: Sequence[Glimpse], spec: GlimpseSpec, scene: SceneSpec, times: int = 1) -> Picture:
    """Only what was really seen, on a quiet hatch: what a model must imagine is what is hatched.

    times: how often each pixel of the scene is repeated, to and fro, beneath a hatch that stays fine.
    """
    mosaic = Mosaic(scene, spec)
    for glimpse in glimpses:
        mosaic.paste(glimpse)
    rows, cols = np.mgrid[: scene.height * times, : scene.width * times]
    hatch = np.where((((rows + cols) // 8) % 2 == 0)[..., None], UNSEEN[0], UNSEEN[1]).astype(np.uint8)
    colour = np.rint(mosaic.colour * 255.0).astype(np.uint8).repeat(times, 0).repeat(times, 1)
    seen = mosaic.seen.repeat(times, 0).repeat(times, 1)
    return np.asarray(np.where(seen[..., None], colour, hatch), np.uint8)


def uncertainty_range(maps: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """One range for a whole run, so that certainty gained shows as darkening."""
    finite = np.concatenate([m[np.isfinite(m)].ravel() for m in maps])
    low, high = (float(np.min(finite)), float(np.percentile(finite, 99.5))) if finite.size else (0.0, 1.0)
    return low, high if high > low else low + 1.0


def uncertainty_colour(values: NDArray[np.float32], low: float, high: float, size: tuple[int, int]) -> Picture:
    """(h, w) to (height, width, 3): magma, which is even to the eye and readable in grey; bright is uncertain."""
    level = np.nan_to_num((values - low) / (high - low), nan=1.0, posinf=1.0, neginf=0.0)
    grey = np.rint(np.clip(level, 0.0, 1.0) * 255.0).astype(np.uint8)
    grey = np.asarray(cv2.resize(grey, size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_MAGMA), cv2.COLOR_BGR2RGB), np.uint8)


def class_colour(ids: NDArray[np.uint8], colours: NDArray[np.uint8], size: tuple[int, int]) -> Picture:
    """(h, w) class ids in their colours, (256, 3) RGB by id: (height, width, 3), the borders between them hard."""
    return np.asarray(cv2.resize(colours[ids], size[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def legend(classes: Sequence[tuple[str, Colour]], width: int, size: int) -> Picture:
    """Names of classes beside their colours, in as many lines as they need: (H, width, 3); `size` [px] of the text."""
    places, x, line = [], 0, 0
    for name, _ in classes:
        wide = size + 6 + text_width(name, size) + size
        if x and x + wide - size > width:
            x, line = 0, line + 1
        places.append((x, line))
        x += wide
    step = size + 9
    out = np.full(((line + 1) * step, width, 3), PAPER, np.uint8)
    for (name, colour), (x, line) in zip(classes, places, strict=True):
        top = line * step + 4
        out[top : top + size, x : x + size] = QUIET
        out[top + 1 : top + size - 1, x + 1 : x + size - 1] = colour
        text(out, name, (x + size + 6, top + size - 2), size, INK)
    return out


def bars(shares: NDArray[np.floating], names: Sequence[str], size: tuple[int, int]) -> Picture:
    """(C,) probabilities as columns side by side, (height, width): the tallest in amber, names beneath if they fit."""
    height, width = size
    out = np.full((height, width, 3), PAPER, np.uint8)
    letters = max(9, min(13, width // 14))
    named = len(names) == len(shares) and all(text_width(n, letters) < width / len(shares) - 1 for n in names)
    floor = height - (letters + 4 if named else 1)
    out[floor] = UNSEEN[1]
    best = int(np.argmax(shares))
    for index, share in enumerate(shares):
        left, right = (round(width * (index + d) / len(shares)) for d in (0, 1))
        top = floor - round((floor - 1) * float(np.clip(share, 0.0, 1.0)))
        out[top:floor, left + 1 : right - 1] = BOX if index == best else (176, 184, 194)
        if named:
            at = ((left + right - text_width(names[index], letters)) // 2, height - 2)
            text(out, names[index], at, letters, INK if index == best else QUIET, 700 if index == best else 400)
    return out


@lru_cache(maxsize=1)
def _font() -> object | None:
    """OpenCV 5 brings a proportional font; before it there are only the Hershey strokes."""
    return cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None


def text_width(label: str, size: int, weight: int = 400) -> int:
    """Width [px] of a line of text."""
    if _font() is not None:
        return int(cv2.getTextSize((4096, 64), label, (0, 48), _font(), size, weight)[2])  # type: ignore[call-overload]
    return int(cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, size / 31.0, 1)[0][0])


def text(picture: Picture, label: str, at: tuple[int, int], size: int, colour: Colour = INK, weight: int = 400) -> None:
    """Write a line with its baseline starting at `at` = (x, y); `size` [px]."""
    if _font() is not None:
        cv2.putText(picture, label, at, colour, _font(), size, weight)  # type: ignore[call-overload]
    else:
        plain = label.replace("\u00b7", "-").replace("\u2013", "-").replace("\u00d7", "x")
        thickness = 2 if weight >= 600 else 1
        cv2.putText(picture, plain, at, cv2.FONT_HERSHEY_SIMPLEX, size / 31.0, colour, thickness, cv2.LINE_AA)


def png(picture: Picture) -> bytes:
    """Encoded as PNG."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())


def jpeg(picture: Picture, quality: int = 88) -> bytes:
    """Encoded as JPEG."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


def data_uri(encoded: bytes) -> str:
    """A PNG or JPEG as a data: address, so that the page needs no second file."""
    kind = "png" if encoded.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode('ascii')}"
