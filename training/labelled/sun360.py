"""SUN360 (Xiao et al. 2012): panoramas of 26 kinds of place, as the paper's authors and those after them list them.

DIR holds the panoramas and a list, dataset26-random.txt or sun360-dataset26-random.txt, of their paths below DIR in
random order, such as outdoor/church/pano_a.jpg. A class is the first two folders of such a path. The first tenth of the
list validates, and is the test too (7,956 lines: 795); nobody made a third part.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.listing import Entry, Listing, complete
from glimpse_ros.datasets.skipped import Skipped
from glimpse_ros.datasets.splits import EVERY, check_split

LISTS = ("dataset26-random.txt", "sun360-dataset26-random.txt")


def sun360(folder: Path, split: str, missing: str = "refuse") -> Listing:
    """The panoramas of a split with their classes. Raises GlimpseError for a list or panoramas that are missing."""
    check_split(folder, split)
    path = next((folder / name for name in LISTS if (folder / name).exists()), None)
    if path is None:
        raise GlimpseError(f"{folder}: has no {LISTS[0]}; expected SUN360's list of panoramas and classes")
    try:
        lines = [line.strip().replace("\\", "/") for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise GlimpseError(f"{path}: cannot be read ({error}); expected a path below {folder} a line") from error
    labels = [label_of(line, path) for line in lines]
    names = tuple(sorted(set(labels)))
    first = len(lines) // EVERY
    if not first or len(names) < 2:
        raise GlimpseError(
            f"{path}: lists {len(lines)} panoramas of {len(names)} classes; expected at least {EVERY} of two"
        )
    entries = [Entry(folder / line, None, names.index(label)) for line, label in zip(lines, labels, strict=True)]
    skipped = Skipped()
    whole = complete(entries[first:] if split == "train" else entries[:first], folder, missing, skipped)
    return Listing(f"sun360 {split}", whole, names, missing=missing, projection="spherical", skipped=skipped)


def label_of(line: str, path: Path) -> str:
    """The class of a listed panorama. Raises GlimpseError for one that leads out of the folder, or has no folders."""
    parts = PurePosixPath(line).parts
    if len(parts) < 2 or parts[0] == "/" or ".." in parts:
        raise GlimpseError(f"{path}: lists {line!r}; expected paths such as outdoor/church/name.jpg")
    return "/".join(parts[:-1][:2])
