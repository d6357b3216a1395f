"""Images by class: DIR/<class>/*.jpg, or DIR/{train,test}/<class>/*.jpg; the answer is the folder's name.

Where there is no folder `val`, one of ten training images of each class validates; where there are no folders of splits
at all, one of ten tests too (see `splits.part`).

Scene-15 (Lazebnik et al. 2006) as it circulates has images that are in train and in test. Where such a folder holds
train_test_duplicates.txt (a line each: the test image, a tab, the training image), these are left out of the test.
"""

from __future__ import annotations

from pathlib import Path

from ..core.types import GlimpseError
from .images import is_image_name
from .listing import Entry, Listing
from .skipped import Skipped
from .splits import EVERY, SPLITS, check_split, part

DUPLICATES = "train_test_duplicates.txt"


def listing(
    folder: Path, split: str, missing: str = "refuse", every: int = EVERY, duplicates: bool = False, name: str = ""
) -> Listing:
    """A split's images and classes.

    every: one in so many of the training images validates where there is no folder `val`; 0: none, all of them train.
    duplicates: DIR must say which test images are training images too, as Scene-15's does. Raises GlimpseError.
    """
    check_split(folder, split)
    if not folder.is_dir():
        raise GlimpseError(f"{folder}: is no folder; expected one with a folder of images for each class")
    skipped = Skipped()
    parts = [name for name in SPLITS if (folder / name).is_dir()]
    own = split in parts
    if parts and not own and (split, "train" in parts) != ("val", True):
        raise GlimpseError(f"{folder}: has no folder {split!r}; expected it beside {', '.join(parts)}")
    files = by_class(folder if not parts else folder / (split if own else "train"), skipped)
    chosen = files
    if not parts or (split != "test" and "val" not in parts):
        chosen = {label: part(paths, split, every, test=not parts) for label, paths in files.items()}
    names = tuple(by_class(folder / "train", Skipped())) if "train" in parts else tuple(files)
    strange = [label for label in files if label not in names]
    if strange:
        raise GlimpseError(
            f"{folder / split}: class {strange[0]!r} is not in {folder / 'train'}; expected the same classes"
        )
    if split == "test" and (duplicates or (folder / DUPLICATES).exists()):
        chosen = without_duplicates(chosen, folder, missing, skipped)
    entries = [Entry(path, None, names.index(label)) for label, paths in chosen.items() for path in paths]
    if not entries:
        raise GlimpseError(f"{folder}: split {split!r} has no images; expected some, or fewer held out")
    return Listing(f"{name or folder.name} {split}", entries, names, missing=missing, skipped=skipped)


def by_class(folder: Path, skipped: Skipped) -> dict[str, list[Path]]:
    """The images of each class folder, sorted; images beside the folders are skipped. Raises GlimpseError."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found[path.name] = sorted(p for p in path.rglob("*") if is_image_name(p) and p.is_file())
        elif is_image_name(path):
            skipped.add(path.name, "lies beside the class folders", "no class")
    if len(found) < 2:
        raise GlimpseError(f"{folder}: has {len(found)} class folders; expected at least two, a class each")
    empty = [name for name, paths in found.items() if not paths]
    if empty:
        raise GlimpseError(f"{folder / empty[0]}: has no images; expected some in each of {len(found)} class folders")
    return found


def without_duplicates(
    chosen: dict[str, list[Path]], folder: Path, missing: str, skipped: Skipped
) -> dict[str, list[Path]]:
    """Without the test images that DIR's list of duplicates names; upper and lower case are the same in it."""
    path = folder / DUPLICATES
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise GlimpseError(
            f"{path}: cannot be read ({error}); expected the test images that are training images too, or classes:DIR"
        ) from error
    named = {line.partition("\t")[0].strip().lower(): line for line in lines}
    there = {str(p.relative_to(folder)).lower(): p for paths in chosen.values() for p in paths}
    absent = [line for key, line in named.items() if key not in there]
    if absent and missing == "refuse":
        raise GlimpseError(
            f"{path}: names {len(absent)} test images that are not there, such as {absent[0].split(chr(9))[0]}; "
            "expected all of them, or missing=skip"
        )
    for key, line in named.items():
        if key in there:
            skipped.add(str(there[key].relative_to(folder)), f"the same as {line.partition(chr(9))[2]}", "duplicate")
    return {
        name: [p for p in paths if str(p.relative_to(folder)).lower() not in named] for name, paths in chosen.items()
    }
