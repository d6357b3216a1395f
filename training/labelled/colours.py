"""Colours for classes of data sets that bring none."""

from __future__ import annotations

import colorsys

GOLDEN = 0.618033988749895  # of the circle of hues from one class to the next: neighbours in the list look unlike


def spread(count: int) -> tuple[tuple[int, int, int], ...]:
    """So many RGB colours, no two the same, none black."""
    colours: list[tuple[int, int, int]] = []
    for i in range(count):
        saturation, value = 0.45 + 0.25 * (i % 3), 0.55 + 0.2 * (i // 3 % 3)
        red, green, blue = colorsys.hsv_to_rgb(i * GOLDEN % 1, saturation, value)
        colours.append((round(255 * red), round(255 * green), round(255 * blue)))
    return tuple(colours)
