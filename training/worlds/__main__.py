"""Render worlds to files.

python -m training.worlds --kind street --seed 3 --size 512x1024 --out FILE [--labels FILE.png]
python -m training.worlds --kind room --count 200 --size 256x512 --out DIR     pictures and labels to train on

The second makes DIR/images/room_0000.jpg and DIR/labels/room_0000.png and so on, which `worlds:DIR` names as data; both
kinds may share a folder.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.types import GlimpseError

from . import CLASSES, KINDS, Camera, render

LARGEST = 8192  # pixels a side


def parse_size(text: str) -> tuple[int, int]:
    """'HxW' -> (H, W). Raises GlimpseError."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(p.isdigit() for p in parts):
        raise GlimpseError(f"--size {text}: expected HEIGHTxWIDTH in pixels, such as 512x1024")
    height, width = int(parts[0]), int(parts[1])
    if not (16 <= height <= LARGEST and 16 <= width <= LARGEST):
        raise GlimpseError(f"--size {text}: expected 16 to {LARGEST} pixels each way")
    return height, width


def camera_for(size: tuple[int, int], projection: str, fov: float, pan: float, tilt: float) -> Camera:
    """The camera of a picture; fov, pan (left of ahead) and tilt (down) in degrees. Raises GlimpseError."""
    height, width = size
    if projection == "spherical":
        if width != 2 * height:
            raise GlimpseError(f"--size {height}x{width}: a spherical picture is twice as wide as high")
        return Camera(height, width)
    if not 5 <= fov <= 150:
        raise GlimpseError(f"--fov {fov:g}: expected 5 to 150 degrees")
    return Camera(height, width, math.radians(pan), math.radians(fov), math.radians(tilt))


def prepare(path: Path) -> None:
    """See to it that a picture can be written there, before the work of rendering it. Raises GlimpseError."""
    if not cv2.haveImageWriter(path.name):
        raise GlimpseError(f"{path}: no such kind of picture, expected a name that ends with .png or .jpg")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GlimpseError(f"{path}: its folder cannot be made ({error.strerror}), expected one to write to") from error


def save(path: Path, picture: NDArray[np.uint8], quality: int) -> None:
    """Write RGB or labels. Raises GlimpseError."""
    bgr = picture[..., ::-1] if picture.ndim == 3 else picture
    how = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix.lower() in (".jpg", ".jpeg") else []
    if not cv2.imwrite(str(path), bgr, how):
        raise GlimpseError(f"{path}: could not be written, expected a folder with room to write to")


def numbered(path: Path, seed: int, count: int) -> Path:
    """FILE for one picture; FILE with the seed in its name for many."""
    return path if count == 1 else path.with_name(f"{path.stem}_{seed:04d}{path.suffix}")


def targets(args: argparse.Namespace) -> list[tuple[Path, Path | None]]:
    """Where each picture and its labels go; `--out` names a folder where it is one or has no ending. GlimpseError."""
    seeds = range(args.seed, args.seed + args.count)
    if not args.out.is_dir() and args.out.suffix:
        labels = [numbered(args.labels, s, args.count) if args.labels else None for s in seeds]
        return [(numbered(args.out, s, args.count), m) for s, m in zip(seeds, labels, strict=True)]
    if args.labels is not None:
        raise GlimpseError(f"--labels {args.labels}: {args.out} is a folder, whose labels go into it; leave it out")
    names = [f"{args.kind}_{s:04d}" for s in seeds]
    return [(args.out / "images" / f"{name}.jpg", args.out / "labels" / f"{name}.png") for name in names]


class Progress:
    """A line on stderr that is rewritten once a second, from two seconds on."""

    def __init__(self) -> None:
        self.name = ""
        self.start = self.last = time.monotonic()
        self.drawn = False

    def __call__(self, part: float) -> None:
        now = time.monotonic()
        if now - self.start > 2 and now - self.last > 1:
            self.last, self.drawn = now, True
            print(f"\r{self.name}: {part:4.0%}  ", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self.drawn:
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m training.worlds", description="Render small worlds with class labels.")
    p.add_argument("--kind", choices=sorted(KINDS), default="street")
    p.add_argument("--seed", type=int, default=0, help="another seed: another layout, colours, light, place to stand")
    p.add_argument("--size", default="512x1024", help="HEIGHTxWIDTH in pixels")
    p.add_argument("--out", type=Path, required=True, help="picture to write (.png, .jpg), or a folder for data")
    p.add_argument("--labels", type=Path, help="labels to write: one channel of class ids (.png)")
    p.add_argument("--count", type=int, default=1, help="so many pictures, seeds upwards; the seed goes into the name")
    p.add_argument("--projection", choices=("spherical", "planar"), default="spherical")
    p.add_argument("--fov", type=float, default=70, help="planar: horizontal field of view in degrees")
    p.add_argument("--pan", type=float, default=0, help="planar: degrees to the left of straight ahead")
    p.add_argument("--tilt", type=float, default=0, help="planar: degrees down")
    p.add_argument("--samples", type=int, default=4, help="rays per pixel")
    p.add_argument("--quality", type=int, default=92, help="of a JPEG")
    p.add_argument("--classes", action="store_true", help="print ids, names and colours of the classes first")
    return p


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        if args.labels is not None and args.labels.suffix.lower() != ".png":
            raise GlimpseError(f"--labels {args.labels}: expected a name that ends with .png, which keeps ids exact")
        if args.count < 1 or args.seed < 0 or not 1 <= args.samples <= 256:
            raise GlimpseError(
                f"--count {args.count} --seed {args.seed} --samples {args.samples}: expected at least one picture, "
                "a seed from 0 and 1 to 256 samples"
            )
        ahead = camera_for(parse_size(args.size), args.projection, args.fov, args.pan, args.tilt)
        files = targets(args)
        for path in filter(None, files[0]):
            prepare(path)
        if args.classes:
            for i, c in enumerate(CLASSES):
                print(i, c.name, *c.color)
        progress = Progress()
        for k, (out, ids) in enumerate(files):
            seed = args.seed + k
            world = KINDS[args.kind](seed)
            camera = replace(ahead, heading=ahead.heading + world.heading)
            progress.name = f"{args.kind} {seed} ({k + 1} of {args.count})"
            image, labels = render(world, camera, args.samples, progress)
            save(out, image, args.quality)
            if ids is not None:
                save(ids, labels, args.quality)
            progress.done()
            print(out)
    except GlimpseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
