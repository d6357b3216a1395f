"""The filmstrip: one PNG that shows the whole exploration, to be read from left to right.

On top the scene as it was imagined and segmented at the end, beside the truth with the glimpses' boxes; below, for
each glimpse: what the camera saw, where, what was seen so far, what was imagined after it, how unsure the model was,
where it would look next. Frames that were explored one by one have bands of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .exploration import Exploration
from .panels import Panels, headline, thinned
from .pictures import INK, PAPER, QUIET, Picture, text

WIDTH = 1680
MARGIN = 28
GAP = 12
LABELS = 104  # the column that names the rows
NAMES = 17  # [px] of the legend's text
BARS = 84  # how likely each class is
MOST = 24  # glimpses shown; longer explorations are thinned


def columns(steps: int) -> int:
    """Glimpses side by side: at most eight, in bands of equal length, at least four for the sake of size."""
    bands = math.ceil(steps / 8)
    return max(4, math.ceil(steps / bands))


def filmstrip(exploration: Exploration) -> Picture:
    """(H, WIDTH, 3) RGB; H follows from the number of glimpses and the scene's aspect."""
    panels = Panels(exploration)
    shown = thinned(panels.steps, MOST)
    frames = [[k for k in shown if exploration.start(k) == start] for start in exploration.starts]
    cols = columns(max(len(frame) for frame in frames))
    cell = (WIDTH - 2 * MARGIN - LABELS - (cols - 1) * GAP) // cols
    bands = [frame[i : i + cols] for frame in frames for i in range(0, len(frame), cols)]
    parts = [_head(panels), _final(panels)] + [_band(panels, band, cell) for band in bands]
    return np.concatenate(parts)


def _sheet(height: int) -> Picture:
    return np.full((height, WIDTH, 3), PAPER, np.uint8)


def _put(sheet: Picture, picture: Picture, x: int, y: int) -> None:
    sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture


def _head(panels: Panels) -> Picture:
    e = panels.exploration
    sheet = _sheet(84)
    text(sheet, headline(e), (MARGIN, 48), 30, INK, 700)
    text(sheet, f"{e.source} \u00b7 {e.info.name} + {e.policy} \u00b7 seed {e.seed}", (MARGIN, 74), 17, QUIET)
    return sheet


def _final(panels: Panels) -> Picture:
    """Imagined, segmented, and the truth with the boxes."""
    last, count = panels.steps - 1, 3 if panels.has_segmentation else 2
    width = (WIDTH - 2 * MARGIN - (count - 1) * GAP) // count
    height = panels.size(width)[0]
    names = panels.legend(WIDTH - 2 * MARGIN, NAMES) if panels.has_segmentation else _sheet(0)
    sheet = _sheet(height + 66 + names.shape[0])
    errors = panels.exploration.rmse()
    left = "remembered and imagined" if panels.imagines else "remembered"
    if errors:
        left += f" \u00b7 RMSE {errors[-1]:.1f}"
    right = "the scene, and where the camera looked" if panels.exploration.knows_truth else "where the camera looked"
    shown = [(left, panels.imagined(last, width)), (right, panels.looks(last, width))]
    if panels.has_segmentation:
        shown.insert(1, ("classes \u00b7 the likeliest", panels.segmentation(last, width)))
        _put(sheet, names, MARGIN, height + 46)
    for index, (label, picture) in enumerate(shown):
        x = MARGIN + index * (width + GAP)
        text(sheet, label, (x, 22), 17, INK, 600)
        _put(sheet, picture, x, 34)
    return sheet


def _band(panels: Panels, band: list[int], cell: int) -> Picture:
    """One row of glimpses with what followed from each."""
    height = panels.size(cell)[0]
    side = min(cell, height + 20)
    kinds: list[tuple[str, str, Callable[[int, int], Picture]]] = [
        ("where", "on the scene" if panels.exploration.knows_truth else "on what was seen", panels.where),
        ("seen", "so far", panels.seen),
    ]
    if panels.imagines:
        kinds.append(("imagined", "after it", panels.imagined))
    if panels.has_uncertainty:
        kinds.append(("uncertainty", "bright: unsure", panels.uncertainty))
    if panels.has_segmentation:
        kinds.append(("classes", "likeliest", panels.segmentation))
    if panels.has_attention:
        kinds.append(("attention", "bright: attracts", panels.attention))
    top, step = 26, height + GAP // 2
    bottom = top + side + GAP // 2 + len(kinds) * step
    sheet = _sheet(bottom + (BARS + GAP // 2 if panels.has_bars else 0) + 20)
    e, errors = panels.exploration, panels.exploration.rmse()
    if len(e.starts) > 1:
        text(sheet, f"frame {e.starts.index(e.start(band[0])) + 1}", (MARGIN, 18), 17, INK, 700)
    _name_row(sheet, "glimpse", "as taken", top)
    for row, (name, hint, _) in enumerate(kinds):
        _name_row(sheet, name, hint, top + side + GAP // 2 + row * step)
    if panels.has_bars:
        _name_row(sheet, "class", "how likely", bottom)
    for column, k in enumerate(band):
        x = MARGIN + LABELS + column * (cell + GAP)
        text(sheet, str(k + 1 - e.start(k)), (x, 18), 17, INK, 700)
        label = panels.label(k) or (f"RMSE {errors[k]:.1f}" if errors else "")
        text(sheet, label, (x + 30, 18), 14, QUIET)
        _put(sheet, panels.glimpse(k, side), x, top)
        for row, (_, _, draw) in enumerate(kinds):
            _put(sheet, draw(k, cell), x, top + side + GAP // 2 + row * step)
        if panels.has_bars:
            _put(sheet, panels.classes(k, (BARS, cell)), x, bottom)
    return sheet


def _name_row(sheet: Picture, name: str, hint: str, y: int) -> None:
    text(sheet, name, (MARGIN, y + 15), 15, INK, 600)
    text(sheet, hint, (MARGIN, y + 33), 12, QUIET)
