"""The exploration as an animated GIF: the camera looks, a glimpse comes in, the scene is imagined anew.

Drawn to head a README: what the camera gets is small, beside it the whole scene, below it the truth, and below that
the scene's classes and the attention of a model that has them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .exploration import Exploration
from .panels import Panels, headline, numbered, thinned
from .pictures import INK, PAPER, QUIET, Colour, Picture, text, text_width

WIDTH = 840
MARGIN = 14
SIDE = 176  # [px] the newest glimpse
ROOM = WIDTH - 3 * MARGIN - SIDE  # [px] beside it
HEAD, CAPTION = 44, 24  # [px] heights
NAMES = 13  # [px] of the legend's text
MAX_BYTES = 3_000_000
MOST = 16  # glimpses animated; longer explorations are thinned
LOOK, FADE, IMAGINE, END = 500, 120, 600, 3500  # [ms]
MEDIAN_CUT, NO_DITHER = 0, 0  # of Pillow, which renamed the words in 9.1
# An ordered dither (Bayer 4x4) changes no pixel that the picture did not: the file stays small and does not crawl.
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16.0 - 15.0 / 32.0


def frames(exploration: Exploration, width: int = WIDTH) -> tuple[list[Picture], list[int]]:
    """Pictures of one size, (H, width, 3) RGB, and how long each is shown [ms]."""
    panels = Panels(exploration)
    pictures: list[Picture] = []
    durations: list[int] = []
    shown = thinned(panels.steps, MOST)
    for place, k in enumerate(shown):
        begins = place == 0 or exploration.start(k) > shown[place - 1]
        known = None if begins else shown[place - 1]
        before, after = _before(panels, known), panels.imagined(k, _scene_width(panels))
        fade = ((0.5, FADE),) if len(shown) <= 8 else ()  # every picture more is more to download
        for share, duration in ((0.0, LOOK), *fade, (1.0, IMAGINE)):
            blend = cv2.addWeighted(before, 1.0 - share, after, share, 0.0)
            done = share == 1.0
            pictures.append(_frame(panels, k, k if done else known, np.asarray(blend, np.uint8), done))
            durations.append(duration)
    durations[-1] = END
    if width != WIDTH:
        size = (width, round(pictures[0].shape[0] * width / WIDTH))
        pictures = [np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8) for p in pictures]
    return pictures, durations


def _before(panels: Panels, k: int | None) -> Picture:
    """What was imagined before a glimpse; plain grey before the first."""
    return _grey(panels, _scene_width(panels)) if k is None else panels.imagined(k, _scene_width(panels))


def _grey(panels: Panels, width: int) -> Picture:
    return np.full((*panels.size(width), 3), 222, np.uint8)


def _stacked(panels: Panels) -> bool:
    """A panorama's two pictures lie one above the other; those of a squarer scene side by side."""
    return panels.aspect <= 0.62


def _scene_width(panels: Panels) -> int:
    return ROOM if _stacked(panels) else (ROOM - MARGIN) // 2


def _maps(panels: Panels, k: int | None) -> list[tuple[str, Picture]]:
    """Classes and attention after glimpse k with their captions, at half of the room; grey before there were any."""
    width, kinds = (ROOM - MARGIN) // 2, []
    if panels.has_segmentation:
        kinds.append(("its likeliest classes", panels.segmentation))
    if panels.has_attention:
        kinds.append(("attention: bright draws looks", panels.attention))
    return [(caption, _grey(panels, width) if k is None else draw(k, width)) for caption, draw in kinds]


def _frame(panels: Panels, k: int, known: int | None, scene: Picture, done: bool) -> Picture:
    """Glimpse k and what is made of it; known: the glimpse after which the maps are shown."""
    e, stacked, errors = panels.exploration, _stacked(panels), panels.exploration.rmse()
    height, width = scene.shape[:2]
    maps = _maps(panels, known)
    names = panels.legend(ROOM, NAMES) if panels.has_segmentation else np.zeros((0, ROOM, 3), np.uint8)
    pictures = (2 if stacked else 1) * (CAPTION + height + 8)
    below = HEAD + pictures  # where the maps begin
    if maps:
        pictures += CAPTION + maps[0][1].shape[0] + 8 + names.shape[0]
    small = CAPTION + SIDE // 4 * math.ceil(min(_longest(e), MOST) / 4)  # the least that all glimpses need
    out = np.full((HEAD + max(pictures, CAPTION + SIDE + small) + MARGIN, WIDTH, 3), PAPER, np.uint8)
    ended = k == panels.steps - 1 and done
    text(out, headline(e) if ended else numbered(e, k), (MARGIN, 32), 22, INK, 700)
    label = panels.label(k)
    said = label or (f"RMSE {errors[k]:.1f}" if errors else "")
    if said and done and not (label and ended):  # at the end the headline says it
        text(out, said, (WIDTH - MARGIN - text_width(said, 18), 32), 18, QUIET)
    _captioned(out, panels.glimpse(k, SIDE), "what the camera sees", MARGIN, HEAD)
    text(out, "its glimpses so far", (MARGIN, HEAD + CAPTION + SIDE + 16), 14, QUIET)
    _contact_sheet(out, panels, k, MARGIN, HEAD + CAPTION + SIDE + CAPTION)
    x = 2 * MARGIN + SIDE
    for place, (caption, picture) in enumerate(maps):
        _captioned(out, picture, caption, x + place * (picture.shape[1] + MARGIN), below)
    if len(names):
        top = HEAD + pictures - names.shape[0]
        out[top : top + names.shape[0], x:][:, :ROOM] = names
    _captioned(
        out, scene, "the scene, remembered and imagined" if panels.imagines else "the scene, as remembered", x, HEAD
    )
    x, y = (x, HEAD + CAPTION + height + 8) if stacked else (x + width + MARGIN, HEAD)
    _captioned(
        out, panels.looks(k, width), "the truth, and where it looked" if e.knows_truth else "where it looked", x, y
    )
    return out


def _longest(e: Exploration) -> int:
    """Glimpses of one frame."""
    return max(k + 1 - e.start(k) for k in range(len(e.records)))


def _captioned(out: Picture, picture: Picture, caption: str, x: int, y: int) -> None:
    text(out, caption, (x, y + 16), 14, QUIET)
    out[y + CAPTION : y + CAPTION + picture.shape[0], x : x + picture.shape[1]] = picture


def _contact_sheet(out: Picture, panels: Panels, k: int, x: int, y: int) -> None:
    """The glimpses so far, as large as there is room for all of them; the newest ones where there is not."""
    room = out.shape[0] - MARGIN - y
    count = min(_longest(panels.exploration), MOST)
    cols = next((c for c in (2, 3, 4, 5) if -(-count // c) * (SIDE // c) <= room), 5)
    cell, most = SIDE // cols, cols * max(1, room // (SIDE // cols))
    for place, step in enumerate(range(max(panels.exploration.start(k), k + 1 - most), k + 1)):
        left, top = x + place % cols * cell, y + place // cols * cell
        out[top : top + cell - 3, left : left + cell - 3] = panels.glimpse(step, cell - 3)


def palette_of(pictures: list[Picture], kept: Sequence[Colour] = ()) -> NDArray[np.uint8]:
    """(256, 3) RGB: one palette for the whole animation, from its first, middle and last picture, and the colours
    `kept` as they are: those of a legend are too few pixels to get a place otherwise, and must be told apart.
    """
    from PIL import Image

    chosen = [pictures[i] for i in sorted({0, len(pictures) // 2, len(pictures) - 1})]
    sheet = Image.fromarray(np.concatenate(chosen)).quantize(256 - len(kept), method=MEDIAN_CUT)
    drawn = np.array(sheet.getpalette(), np.uint8).reshape(-1, 3)[: 256 - len(kept)]
    flat = np.concatenate([np.array(kept, np.uint8).reshape(-1, 3), drawn])
    return np.concatenate([flat, np.zeros((256 - len(flat), 3), np.uint8)])


def encode_gif(pictures: list[Picture], durations: list[int], kept: Sequence[Colour] = ()) -> bytes:
    """An endless GIF. Frames hold only what changed. Areas of the colours `kept` stay exactly so."""
    from PIL import Image

    carrier = Image.new("P", (1, 1))
    carrier.putpalette(palette_of(pictures, (PAPER, *kept)).tobytes())
    height, width = pictures[0].shape[:2]
    dither = np.tile(BAYER, (height // 4 + 1, width // 4 + 1))[:height, :width, None] * 8.0
    plain = np.array([PAPER, *kept], np.uint8)
    images = []
    for picture in pictures:
        flat = np.any([(picture == colour).all(-1, keepdims=True) for colour in plain], 0)  # paper stays paper
        noisy = np.where(flat, picture, np.clip(picture + dither, 0, 255)).astype(np.uint8)
        images.append(Image.fromarray(noisy).quantize(palette=carrier, dither=NO_DITHER))  # type: ignore[arg-type]
    out = io.BytesIO()
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=False)
    return out.getvalue()


def write_gif(exploration: Exploration, path: Path) -> None:
    """Write the animation, drawn smaller until it weighs at most MAX_BYTES."""
    width = WIDTH
    kept = [colour for _, colour in Panels(exploration).occurring()]
    encoded = encode_gif(*frames(exploration), kept)
    while len(encoded) > MAX_BYTES and width > 240:
        width = max(240, int(width * min(0.95, (MAX_BYTES / len(encoded)) ** 0.5)))
        encoded = encode_gif(*frames(exploration, width), kept)
    path.write_bytes(encoded)
