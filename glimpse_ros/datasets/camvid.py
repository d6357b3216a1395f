"""CamVid (Brostow et al. 2009) as SegNet split it: driving video, 11 classes and void.

DIR/{train,val,test} hold the frames (JPEG or PNG), DIR/{train,val,test}annot a PNG of the same name for each, whose ids
are 0 to 10 and 11 for void. Here void is 255, so that no figure ever counts it.
"""

from __future__ import annotations

from pathlib import Path

from .label_maps import plain_table
from .listing import Colour, Listing, by_stem, complete, paired
from .skipped import Skipped
from .splits import check_split

VOID_ID = 11  # in the files
CLASSES: dict[str, Colour] = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "sign": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "cyclist": (0, 128, 192),
}  # by id, with the colours that SegNet gave them


def listing(folder: Path, split: str, missing: str = "refuse") -> Listing:
    """The frames of a split with their labels. Raises GlimpseError for an unknown split or files that are missing."""
    check_split(folder, split)
    frames, labels = folder / split, folder / f"{split}annot"
    pictures = by_stem(frames, f"CamVid's {split}")
    maps = by_stem(labels, f"CamVid's {split}annot")
    entries = paired(pictures, maps, lambda stem: frames / f"{stem}.png", lambda stem: labels / f"{stem}.png")
    skipped = Skipped()
    return Listing(
        f"camvid {split}",
        complete(entries, folder, missing, skipped),
        tuple(CLASSES),
        tuple(CLASSES.values()),
        plain_table(len(CLASSES), VOID_ID),
        f"CamVid's 0 to {VOID_ID - 1}, and {VOID_ID} for void",
        missing,
        "planar",
        skipped,
    )
