"""Everything there is to say about an exploration, written into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ..core.types import GlimpseError
from .animation import write_gif
from .exploration import Exploration, metrics
from .filmstrip import filmstrip
from .page import page
from .pictures import png


def write_report(exploration: Exploration, folder: str | Path, progress: Callable[[str], None] | None = None) -> Path:
    """Write index.html, filmstrip.png, exploration.gif and metrics.json into `folder`; returns the page's path.

    progress: told what is being made. Raises GlimpseError where the folder cannot be written.
    """
    out = make_folder(folder)
    say = progress or (lambda _: None)
    try:
        say("numbers")
        text = json.dumps(metrics(exploration), indent=2, allow_nan=False)
        (out / "metrics.json").write_text(text + "\n", encoding="utf-8")
        say("filmstrip")
        (out / "filmstrip.png").write_bytes(png(filmstrip(exploration)))
        say("animation")
        write_gif(exploration, out / "exploration.gif")
        say("page")
        (out / "index.html").write_text(page(exploration), encoding="utf-8")
    except OSError as err:
        raise GlimpseError(f"cannot write the report to {out}: {err.strerror or err}") from err
    return out / "index.html"


def make_folder(folder: str | Path) -> Path:
    """The folder, made where it is missing; a GlimpseError before all the work, not after it."""
    out = Path(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise GlimpseError(f"cannot write the report to {out}: {err.strerror or err}") from err
    return out
