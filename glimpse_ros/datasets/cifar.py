"""CIFAR-10 (Krizhevsky 2009): the canonical python batches, an archive of image files, or folders of image files.

A folder is one of these, looked for in this order:

python batches   data_batch_1 to data_batch_5 and test_batch, in the folder or in cifar-10-batches-py/ below it, or
                 still in cifar-10-python.tar.gz. They are pickles, and are read without unpickling.
archives         cifar10_train.tar.gz and cifar10_test.tar.gz, holding <split>/<class>/<name>.jpg or .png
image folders    <split>/<class>/<name>.jpg or .png

The classes of image files are the folders' names, sorted: CIFAR-10's own numbering. Archives are read in memory; none
is ever unpacked. Pixels that went through JPEG are not the canonical ones, and `Cifar.source` says so.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ..core.pixels import ImageError, decode_compressed
from ..core.types import GlimpseError
from . import plain_pickle
from .images import image_paths, is_image_name

SIDE = 32  # [px]
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}
BATCH_FOLDER = "cifar-10-batches-py"
BATCH_ARCHIVE = "cifar-10-python.tar.gz"
MAX_BATCH_BYTES = 1 << 28
MAX_IMAGE_BYTES = 1 << 20
MAX_CLASSES = 256


@dataclass(frozen=True)
class Cifar:
    """A split: images (N, 32, 32, 3) uint8 RGB, labels (N,) int64, the classes' names, and what kind of pixels."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    source: str


def load(folder: Path, split: str = "train") -> Cifar:
    """A split, "train" or "test". Raises GlimpseError for what is missing, cut off or of another kind."""
    if split not in BATCHES:
        raise GlimpseError(f"split {split!r} of CIFAR-10: expected one of {', '.join(BATCHES)}")
    for place in (folder, folder / BATCH_FOLDER):
        if any((place / name).exists() for names in BATCHES.values() for name in names):
            return _batches([(place / name, _bytes(place / name)) for name in BATCHES[split]])
    if (folder / BATCH_ARCHIVE).exists():
        return _archived_batches(folder / BATCH_ARCHIVE, split)
    archive = folder / f"cifar10_{split}.tar.gz"
    if archive.exists():
        return _images(_archived_images(archive, split), str(archive))
    if (folder / split).is_dir():
        return _images(_image_files(folder / split), str(folder / split))
    what = "holds" if folder.is_dir() else "does not exist, so has"
    raise GlimpseError(
        f"{folder}: {what} no {split} split of CIFAR-10; expected {BATCHES[split][0]} of the python batches, "
        f"{archive.name} or a folder {split}/ of a folder of images a class"
    )


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BATCH_BYTES:
            raise GlimpseError(f"{path}: has {size} bytes; expected a python batch of CIFAR-10, 31 MB")
        return path.read_bytes()
    except FileNotFoundError:
        raise GlimpseError(f"{path}: does not exist; expected a python batch of CIFAR-10") from None
    except OSError as error:
        raise GlimpseError(f"{path}: cannot be read ({error.strerror}); expected a python batch of CIFAR-10") from error


def _archived_batches(path: Path, split: str) -> Cifar:
    found = {PurePosixPath(name).name: data for name, data in _members(path, MAX_BATCH_BYTES, BATCHES[split])}
    missing = [name for name in BATCHES[split] if name not in found]
    if missing:
        raise GlimpseError(f"{path}: has no {missing[0]}; expected the python batches of CIFAR-10")
    return _batches([(path / name, found[name]) for name in BATCHES[split]])


def _batches(files: list[tuple[Path, bytes]]) -> Cifar:
    parts = [_batch(path, data) for path, data in files]
    images, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Cifar(images, labels, CLASSES, "CIFAR-10, python batches")


def _batch(path: Path, data: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 32, 32, 3) and labels (N,) of one batch: a dict of `data`, rows of 3 x 1024 bytes, and `labels`."""
    try:
        held = plain_pickle.read(data)
    except ValueError as error:
        raise GlimpseError(f"{path}: {error}; expected a python batch of CIFAR-10") from error
    if type(held) is not dict:
        raise GlimpseError(f"{path}: holds no dict; expected a python batch of CIFAR-10")
    fields = {key.decode("latin-1") if isinstance(key, bytes) else key: value for key, value in held.items()}
    pixels, labels = plain_pickle.array(fields.get("data")), fields.get("labels")
    if pixels is None or pixels.ndim != 2 or pixels.shape[1] != 3 * SIDE**2:
        found = "no array of bytes" if pixels is None else f"the shape {pixels.shape}"
        raise GlimpseError(f"{path}: holds {found} as `data`; expected a python batch of CIFAR-10, (N, {3 * SIDE**2})")
    count = len(pixels)
    if type(labels) is not list or len(labels) != count or any(type(n) is not int or not 0 <= n <= 9 for n in labels):
        raise GlimpseError(f"{path}: `labels` are not {count} numbers from 0 to 9, as CIFAR-10's are")
    images = np.ascontiguousarray(pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    return images, np.array(labels, np.int64)


def _members(path: Path, most: int, names: tuple[str, ...] = ()) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of an archive's files (those so `names`d, or all images), each of at most `most` bytes."""
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if not member.isfile() or not (name in names if names else is_image_name(name)):
                    continue
                if member.size > most:
                    raise GlimpseError(f"{path}: {member.name} has {member.size} bytes; expected at most {most}")
                file = archive.extractfile(member)
                data = file.read() if file is not None else b""
                if len(data) != member.size:
                    raise EOFError("cut off")
                yield member.name, data
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        text = str(error) or type(error).__name__
        raise GlimpseError(f"{path}: cannot be read ({text}); expected a whole tar.gz of CIFAR-10") from error


def _archived_images(path: Path, split: str) -> Iterator[tuple[str, str, bytes]]:
    """Class, name and bytes of each image file that lies at <split>/<class>/<name>."""
    for name, data in _members(path, MAX_IMAGE_BYTES):
        parts = PurePosixPath(name).parts
        if len(parts) >= 3 and parts[-3] == split:
            yield parts[-2], parts[-1], data


def _image_files(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Class, name and bytes of each image file of each sub-folder."""
    for place in sorted(folder.iterdir()):
        if not place.is_dir() or place.name.startswith("."):
            continue
        for path in image_paths(place, recursive=False):
            try:
                with path.open("rb") as file:
                    yield place.name, path.name, file.read(MAX_IMAGE_BYTES + 1)
            except OSError as error:
                raise GlimpseError(f"{path}: cannot be read ({error.strerror}); expected an image") from error


def _images(files: Iterator[tuple[str, str, bytes]], where: str) -> Cifar:
    """Decode all, sorted by class and name, so that an archive and a folder of the same files are the same."""
    rows: list[tuple[str, str, NDArray[np.uint8]]] = []
    jpeg = False
    for kind, name, data in files:
        try:
            image = decode_compressed(data, SIDE * SIDE)
        except ImageError as error:
            raise GlimpseError(f"{where}: {kind}/{name} is no image of {SIDE}x{SIDE} ({error})") from error
        if image.shape != (SIDE, SIDE, 3):
            raise GlimpseError(f"{where}: {kind}/{name} is {image.shape[1]}x{image.shape[0]}; expected {SIDE}x{SIDE}")
        jpeg |= data[:2] == b"\xff\xd8"
        rows.append((kind, name, image))
    classes = tuple(sorted({kind for kind, _, _ in rows}))
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise GlimpseError(
            f"{where}: holds images of {len(classes)} classes; expected a folder of images for each of 10"
        )
    rows.sort(key=lambda row: row[:2])
    labels = np.array([classes.index(kind) for kind, _, _ in rows], np.int64)
    named = "CIFAR-10" if classes == CLASSES else f"{len(classes)} classes"
    pixels = "JPEG-compressed, not the canonical pixels" if jpeg else "image files"
    return Cifar(np.stack([image for _, _, image in rows]), labels, classes, f"{named}, {pixels}")
