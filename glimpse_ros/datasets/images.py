"""Folders of images in NumPy: listed in order, read as RGB, the unreadable skipped and counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.pixels import ImageError, decode_compressed
from ..core.types import GlimpseError
from .skipped import Skipped

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
MAX_FILE_PIXELS = 1 << 28  # 268 megapixels: the largest panoramas are 16384 x 8192
MAX_FILE_BYTES = 1 << 30


def is_panorama(height: int, width: int) -> bool:
    """Whether the size is that of an equirectangular panorama: 2:1, within the rounding of a resize."""
    return height > 0 and abs(width - 2 * height) <= max(1, height // 100)


def is_image_name(path: str | Path) -> bool:
    """Whether the file's name ends like an image's. Hidden files (`._x.jpg` of macOS) do not count."""
    name = Path(path).name
    return Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")


def read_rgb(path: str | Path, max_pixels: int = MAX_FILE_PIXELS) -> NDArray[np.uint8]:
    """An image file as (H, W, 3) uint8 RGB. Raises GlimpseError that names the file."""
    try:
        size = os.path.getsize(path)
        if size > MAX_FILE_BYTES:
            raise ImageError(f"{size} bytes, expected at most {MAX_FILE_BYTES}", "size")
        data = Path(path).read_bytes()
        return decode_compressed(data, max_pixels)
    except OSError as err:
        raise GlimpseError(f"image {path} cannot be read: {err.strerror or err}") from err
    except ImageError as err:
        raise ImageError(f"image {path}: {err}", err.reason) from err


def image_paths(folder: str | Path, recursive: bool = True, skipped: Skipped | None = None) -> list[Path]:
    """The image files of a folder by name, sorted; other files are added to `skipped` (hidden ones silently passed).

    Raises GlimpseError where there is no such folder, or none of its files is named like an image.
    """
    root = Path(folder)
    if not root.is_dir():
        raise GlimpseError(f"{folder} is not a folder of images")
    found: list[Path] = []
    for path in sorted(root.rglob("*") if recursive else root.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        if is_image_name(path):
            found.append(path)
        elif skipped is not None:
            skipped.add(str(path.relative_to(root)), "not an image", "no image")
    if not found:
        raise GlimpseError(f"folder {folder} has no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return found


def images(
    folder: str | Path, panoramas: bool = False, recursive: bool = True, skipped: Skipped | None = None
) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Path and (H, W, 3) uint8 RGB of each readable image of a folder, sorted by path.

    panoramas: pass over those that are not 2:1. What is passed over is added to `skipped`. Raises GlimpseError where
    there is no folder, or not one image of it can be used.
    """
    skipped = Skipped() if skipped is None else skipped
    root = Path(folder)
    used = 0
    for path in image_paths(root, recursive, skipped):
        try:
            image = read_rgb(path)
        except GlimpseError as err:
            skipped.add(str(path.relative_to(root)), str(err), getattr(err, "reason", "unreadable"))
            continue
        if panoramas and not is_panorama(*image.shape[:2]):
            size = f"{image.shape[1]}x{image.shape[0]}"
            skipped.add(str(path.relative_to(root)), f"{size}, not a 2:1 panorama", "not 2:1")
            continue
        used += 1
        yield path, image
    if not used:
        kind = "2:1 panorama" if panoramas else "image"
        raise GlimpseError(f"folder {folder} has no usable {kind}: {skipped}")
