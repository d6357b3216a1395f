"""ADE20K as the scene parsing benchmark cut it (SceneParse150, Zhou et al. 2017): 150 classes.

DIR/images/{training,validation}/<name>.jpg, DIR/annotations/{training,validation}/<name>.png with 0 for void, and
DIR/objectInfo150.txt, a table whose last column names the classes. The labels of the official test are not public: the
validation images are the test here too.
"""

from __future__ import annotations

from pathlib import Path

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.label_maps import VOID, table_of
from glimpse_ros.datasets.listing import Listing, by_stem, complete, paired
from glimpse_ros.datasets.skipped import Skipped
from glimpse_ros.datasets.splits import check_split

from .colours import spread

CLASSES = 150
TABLE = table_of({0: VOID, **{i + 1: i for i in range(CLASSES)}})
NAMES = "objectInfo150.txt"


def ade20k(folder: Path, split: str, missing: str = "refuse") -> Listing:
    """The images of a split with their labels. Raises GlimpseError for files that are missing."""
    check_split(folder, split)
    name = "training" if split == "train" else "validation"
    photographs, annotations = folder / "images" / name, folder / "annotations" / name
    images = by_stem(photographs, f"ADE20K's images/{name} and annotations/{name} in {folder}")
    labels = by_stem(annotations, f"ADE20K's images/{name} and annotations/{name} in {folder}")
    entries = paired(images, labels, lambda k: photographs / f"{k}.jpg", lambda k: annotations / f"{k}.png")
    skipped = Skipped()
    whole = complete(entries, folder, missing, skipped)
    ids = f"ADE20K's 1 to {CLASSES}, and 0 for void"
    return Listing(f"ade20k {split}", whole, names(folder), spread(CLASSES), TABLE, ids, missing, "planar", skipped)


def names(folder: Path) -> tuple[str, ...]:
    """The classes' first names, their numbers where the table is not there. Raises GlimpseError for another table."""
    path = folder / NAMES
    if not path.exists():
        return tuple(f"class {i + 1}" for i in range(CLASSES))
    try:
        rows = [line.split("\t") for line in path.read_text("utf-8").splitlines() if line.strip()][1:]
    except (OSError, UnicodeDecodeError) as error:
        raise GlimpseError(f"{path}: cannot be read ({error}); expected ADE20K's table of classes") from error
    if [row[0].strip() for row in rows] != [str(i + 1) for i in range(CLASSES)]:
        raise GlimpseError(
            f"{path}: lists {len(rows)} classes; expected {CLASSES} rows numbered from 1, after a header"
        )
    full = [row[-1].strip() for row in rows]
    first = [name.replace(";", ",").split(",")[0].strip() for name in full]
    return tuple(short if first.count(short) == 1 else long for short, long in zip(first, full, strict=True))
