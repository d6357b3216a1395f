"""Error against glimpses, as an SVG drawing inside the page. Colours are classes, so that light and dark both read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from .exploration import Curve

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 14, 40
DASHES = ("", "7 4", "2 4", "9 3 2 3")


def nice_step(span: float, most: int = 6) -> float:
    """A step of 1, 2 or 5 times a power of ten, with at most `most` steps in `span`."""
    raw = max(span, 1e-9) / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(f * power for f in (1.0, 2.0, 5.0, 10.0) if f * power >= raw - 1e-12)


def svg(curves: list[Curve], starts: Sequence[int] = (0,)) -> str:
    """The chart of at least one curve; the first is the run itself. `#now` marks the glimpse that is shown.

    starts: where a frame's exploration begins; no line leads there from the end of the one before.
    """
    steps = max(len(c.rmse) for c in curves)
    top = max(max(c.rmse) for c in curves)
    tick = nice_step(top)
    ceiling = tick * max(1, math.ceil(top / tick - 1e-9))

    def x(k: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (k / (steps - 1) if steps > 1 else 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / ceiling

    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="RMSE after each glimpse">']
    for i in range(round(ceiling / tick) + 1):
        value = i * tick
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    every = max(1, math.ceil(steps / 12))
    spans = [range(a, b) for a, b in pairwise([*starts, steps])]
    for k in (k for span in spans for k in span[::every]):
        number = k + 1 - max(start for start in starts if start <= k)
        parts.append(f'<text x="{x(k):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{number}</text>')
    what = "glimpses" if len(spans) == 1 else "glimpses of each frame"
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle">{what}</text>')
    parts.append(
        f'<line id="now" x1="{x(steps - 1):.1f}" x2="{x(steps - 1):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
        f'data-left="{x(0):.1f}" data-right="{x(steps - 1):.1f}" data-steps="{steps}"/>'
    )
    for index in reversed(range(len(curves))):  # the run itself on top
        points = [(x(k), y(value)) for k, value in enumerate(curves[index].rmse)]
        for span in spans:
            line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points[span.start : span.stop])
            parts.append(f'<polyline class="c{index}" points="{line}" stroke-dasharray="{DASHES[index % 4]}"/>')
        if index == 0 or len(points) == 1:
            parts += [f'<circle class="c{index}" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in points]
    return "".join(parts) + "</svg>"


def legend(curves: list[Curve]) -> str:
    """Names and last values, in the order of the curves."""
    rows = []
    for index, curve in enumerate(curves):
        key = (
            f'<svg class="key" viewBox="0 0 34 10" aria-hidden="true"><line class="c{index}" x1="1" x2="33" y1="5" '
            f'y2="5" stroke-dasharray="{DASHES[index % 4]}"/></svg>'
        )
        rows.append(f"<li>{key}<span>{escape(curve.name)}</span><b>{curve.rmse[-1]:.1f}</b></li>")
    return f'<ul class="legend">{"".join(rows)}</ul>'
