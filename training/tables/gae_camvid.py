"""CamVid: segmentation from a few glimpses, beside Table 2 of the paper and the whole image."""

from __future__ import annotations

from pathlib import Path

from . import gae_published as published
from . import gae_runs
from .gae_rows import GLIMPSES, Row, Source
from .text import NOTHING, Table, number

FOLDER, BUNDLE = "camvid", "street"
BUNDLES = {BUNDLE: ("learned", "random", "grid")}
SEEDS: int | None = 1  # figures are pooled over all pixels of 233 frames, from as many first views
SIZE = (240, 320)  # of the files
AFTER = (1, 2, 4, 8)
NAMES = {"learned": "attention", "random": "random looks", "grid": "grid"}
MISSING = "no bundle"


def source(data: Path, count: int | None) -> Source:
    """The test split."""
    return Source(f"camvid:{data / FOLDER}?split=test", SIZE, count=count)


def tables(rows: dict[tuple[str, str], Row], models: Path) -> list[Table]:
    """Pixel accuracy and mean intersection over union, shares as the paper has them."""
    columns = [f"accuracy after {k}" for k in AFTER] + [f"mIoU after {k}" for k in AFTER]
    table = Table("CamVid test, segmentation after so many glimpses", ["", *columns], BUNDLE)
    blank = [NOTHING] * len(AFTER)
    for name, share in published.CAMVID.items():
        table.rows.append([f"paper: {name}", *blank[1:], number(share, 3), *blank])
    for policy, name in NAMES.items():
        row = rows.get((BUNDLE, policy))
        cells = [MISSING] * 2 * len(AFTER)
        if row is not None:
            cells = [number(row.after(k, what)[0], 3) for what in ("pixel_accuracy", "miou") for k in AFTER]
        table.rows.append([f"{BUNDLE}, {name}", *cells])
    table.rows.append(["the whole image, same encoder and decoder", *whole(models / BUNDLE / "ceiling.json")])
    table.notes.append(
        f"Goal after {GLIMPSES}: accuracy of at least {published.CAMVID_GOAL:.2f} with weights of ImageNet, "
        f"{published.CAMVID_SCRATCH:.2f} from scratch. Shares pooled over all pixels of {count(rows)} frames at "
        f"{SIZE[0]}x{SIZE[1]}, void left out; a glimpse is 768 sensor pixels, eight are 8 %. The whole image is the "
        "ceiling: nothing is left to explore, measured at the network's working size."
    )
    return [table]


def count(rows: dict[tuple[str, str], Row]) -> str:
    """How many scenes were explored, in words."""
    return next((str(row.scenes) for row in rows.values()), "no")


def whole(path: Path) -> list[str]:
    """The ceiling's cells: it has no glimpses, and stands where all of them are taken."""
    runs = gae_runs.read(path)
    cells = []
    for name in ("pixel_accuracy", "miou"):
        found = gae_runs.figure(runs, gae_runs.WHOLE, name, split="test")
        cells += [NOTHING] * (len(AFTER) - 1) + ["not trained yet" if found is None else number(found[0], 3)]
    return cells
