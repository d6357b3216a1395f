"""Figures without a display, written as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DPI = 110


def canvas(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Any, Any]:
    """A figure without a display and its axes, always a 2-D array."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, **options)


def save(figure: Any, file: Path) -> Path:
    """Write and forget it; the same pixels give the same file."""
    from matplotlib import pyplot

    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=DPI, metadata={"Software": None})
    pyplot.close(figure)
    return file
