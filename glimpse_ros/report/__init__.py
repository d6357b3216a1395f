"""An exploration as pictures: a page, a filmstrip, an animation and its numbers. No ROS, no torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ..core.types import GlimpseError
from .animation import write_gif
from .exploration import Curve, Exploration, metrics
from .filmstrip import filmstrip
from .page import page
from .pictures import png

__all__ = ["Curve", "Exploration", "metrics", "write_report"]


def write_report(
    exploration: Exploration, folder: str | Path, progress: Callable[[str], None] = lambda _: None
) -> Path:
    """Write index.html, filmstrip.png, exploration.gif and metrics.json into `folder`; returns the page's path.

    Raises GlimpseError where the folder cannot be written.
    """
    out = Path(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
        progress("numbers")
        text = json.dumps(metrics(exploration), indent=2, allow_nan=False)
        (out / "metrics.json").write_text(text + "\n", encoding="utf-8")
        progress("filmstrip")
        (out / "filmstrip.png").write_bytes(png(filmstrip(exploration)))
        progress("animation")
        write_gif(exploration, out / "exploration.gif")
        progress("page")
        (out / "index.html").write_text(page(exploration), encoding="utf-8")
    except OSError as err:
        raise GlimpseError(f"cannot write the report to {out}: {err.strerror or err}") from err
    return out / "index.html"
