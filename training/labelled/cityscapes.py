"""Cityscapes (Cordts et al. 2016), and KITTI's semantic segmentation (2018), which has the same ids.

Cityscapes  DIR/leftImg8bit/{train,val}/<city>/<name>_leftImg8bit.png, and
            DIR/gtFine/{train,val}/<city>/<name>_gtFine_labelIds.png
KITTI       DIR/training/image_2/<name>.png and DIR/training/semantic/<name>.png

Of the 34 ids 19 are evaluated; the others are void. The labels of the official tests are not public: the validation
images of Cityscapes are its test here too, and one of ten of KITTI's 200 images validates, one tests.
"""

from __future__ import annotations

from pathlib import Path

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.label_maps import VOID, table_of
from glimpse_ros.datasets.listing import Colour, Entry, Listing, by_stem, complete, paired
from glimpse_ros.datasets.skipped import Skipped
from glimpse_ros.datasets.splits import check_split, part

CLASSES: dict[str, tuple[int, Colour]] = {
    "road": (7, (128, 64, 128)),
    "sidewalk": (8, (244, 35, 232)),
    "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)),
    "fence": (13, (190, 153, 153)),
    "pole": (17, (153, 153, 153)),
    "traffic light": (19, (250, 170, 30)),
    "traffic sign": (20, (220, 220, 0)),
    "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)),
    "sky": (23, (70, 130, 180)),
    "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)),
    "car": (26, (0, 0, 142)),
    "truck": (27, (0, 0, 70)),
    "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)),
    "motorcycle": (32, (0, 0, 230)),
    "bicycle": (33, (119, 11, 32)),
}  # the id in the files, and the colour
IDS = 34
TABLE = table_of({**dict.fromkeys((*range(IDS), 255), VOID), **{id_: i for i, (id_, _) in enumerate(CLASSES.values())}})
IMAGE, LABELS = "_leftImg8bit", "_gtFine_labelIds"


def cityscapes(folder: Path, split: str, missing: str = "refuse") -> Listing:
    """The frames of a split with their labels. Raises GlimpseError for files that are missing."""
    check_split(folder, split)
    name = "train" if split == "train" else "val"
    roots = folder / "leftImg8bit" / name, folder / "gtFine" / name
    for root in roots:
        if not root.is_dir():
            raise GlimpseError(f"{root}: is no folder; expected Cityscapes' leftImg8bit and gtFine in {folder}")
    images, labels = (
        {str(path.relative_to(root))[: -len(ending)]: path for path in sorted(root.glob(f"*/*{ending}"))}
        for root, ending in zip(roots, (f"{IMAGE}.png", f"{LABELS}.png"), strict=True)
    )
    if not images:
        raise GlimpseError(f"{roots[0]}: has no <city>/<name>{IMAGE}.png; expected Cityscapes' frames")
    entries = paired(images, labels, lambda k: roots[0] / f"{k}{IMAGE}.png", lambda k: roots[1] / f"{k}{LABELS}.png")
    return listed(f"cityscapes {split}", entries, folder, missing)


def kitti(folder: Path, split: str, missing: str = "refuse", every: int = 10) -> Listing:
    """The frames of a split with their labels; one of `every` validates, one tests. Raises GlimpseError."""
    check_split(folder, split)
    frames, semantic = folder / "training" / "image_2", folder / "training" / "semantic"
    images, labels = by_stem(frames, "KITTI's training/image_2"), by_stem(semantic, "KITTI's training/semantic")
    entries = paired(images, labels, lambda k: frames / f"{k}.png", lambda k: semantic / f"{k}.png")
    return listed(f"kitti {split}", part(entries, split, every), folder, missing)


def listed(name: str, entries: list[Entry], folder: Path, missing: str) -> Listing:
    """Those of the entries that are there, with Cityscapes' classes. Cityscapes' frames are 2:1, but no panoramas."""
    skipped = Skipped()
    whole = complete(entries, folder, missing, skipped)
    palette = tuple(colour for _, colour in CLASSES.values())
    ids = f"Cityscapes' 0 to {IDS - 1}, and 255"
    return Listing(name, whole, tuple(CLASSES), palette, TABLE, ids, missing, "planar", skipped)
