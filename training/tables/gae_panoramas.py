"""Panoramas: reconstruction with a camera of at most 60 degrees, attention beside random looks, and the other models.

A glimpse is 768 sensor pixels for one model and 1024 for another, so one column compares after the same pixels.
"""

from __future__ import annotations

from pathlib import Path

from . import gae_published as published
from .gae_rows import GLIMPSES, MOSAIC, Row, Source
from .runs import spread
from .text import NOTHING, Table, plus_minus

FOLDER, BUNDLE = "panoramas", "panorama-gae"
BUNDLES = {
    BUNDLE: ("learned", "random", "grid"),
    "panorama": ("learned", "uncertainty", "random", "grid"),
    MOSAIC: ("grid", "random", "uncertainty"),
}
SEEDS: int | None = None  # as many as are asked for
SIZE, MAX_FOV = (256, 512), 60.0
AFTER = (1, 2, 4, 8)
PIXELS = GLIMPSES * 768
NAMES = {"learned": "learned", "uncertainty": "uncertainty", "random": "random looks", "grid": "grid"}
MISSING = "no bundle"


def source(data: Path, count: int | None) -> Source:
    """The panoramas that nothing was trained on."""
    folder = data / FOLDER / "val"
    return Source(str(folder if folder.is_dir() else data / FOLDER), SIZE, MAX_FOV, count)


def tables(rows: dict[tuple[str, str], Row], models: Path) -> list[Table]:
    """True root mean squared errors, and the paper's mean length of the RGB error."""
    made = []
    for figure, title in (("rmse", "RMSE"), ("rgb_l2", 'mean RGB-L2 (the paper\'s "RMSE")')):
        columns = ["pixels a glimpse", *(f"after {k}" for k in AFTER), f"after {PIXELS} pixels"]
        table = Table(f"Panoramas, camera of {MAX_FOV:g} degrees, {title} on 0-255", ["", *columns], BUNDLE)
        for bundle, policies in BUNDLES.items():
            for policy in policies:
                name = "attention" if (bundle, policy) == (BUNDLE, "learned") else NAMES[policy]
                table.rows.append([f"{bundle}, {name}", *cells(rows.get((bundle, policy)), figure)])
        table.notes += [relative(rows, figure), told(rows)]
        made.append(table)
    made[1].notes.append(
        f"Published on SUN360, other panoramas and a network for each number of glimpses: "
        f"{published.SUN360_DRAWN['attention']} with attention, {published.SUN360_DRAWN['random']} with random looks."
    )
    return made


def cells(row: Row | None, figure: str) -> list[str]:
    """A row's cells."""
    if row is None:
        return [NOTHING, *[MISSING] * (len(AFTER) + 1)]
    pixels = row.info.glimpse.pixels
    same = PIXELS // pixels
    after = [plus_minus(row.after(k, figure), 1) for k in AFTER]
    return [str(pixels), *after, plus_minus(row.after(same, figure), 1) if same else NOTHING]


def relative(rows: dict[tuple[str, str], Row], figure: str) -> str:
    """Attention against random looks of the same network, seed by seed, in words."""
    pair = [rows.get((BUNDLE, policy)) for policy in ("learned", "random")]
    if pair[0] is None or pair[1] is None:
        return f"models/{BUNDLE} is not there yet: train task reconstruct on panoramas with training.gae."
    attention, random = (row.values(figure)[:, -1] for row in pair if row is not None)
    gain = spread(100 * (attention - random) / random)
    paper = 100 * (published.SUN360_DRAWN["attention"] / published.SUN360_DRAWN["random"] - 1)
    return (
        f"Attention against random looks, same network, {GLIMPSES} glimpses: {gain[0]:+.1f} ± {gain[1]:.1f} %. Goal: "
        f"at most {published.DRAWN_GOAL:+g} %; the paper: {paper:+.0f} %."
    )


def told(rows: dict[tuple[str, str], Row]) -> str:
    """What was explored."""
    row = next(iter(rows.values()), None)
    if row is None:
        return "Nothing was explored."
    seeds = f"{len(row.parts)} seed{'' if len(row.parts) == 1 else 's'}"
    return (
        f"{row.scenes} panoramas at {SIZE[0]}x{SIZE[1]}, errors pooled over all pixels, ± over {seeds} of the first "
        f"look and of the random ones. A grid is laid out for all {GLIMPSES} glimpses."
    )
