"""`glimpse evaluate`: scene models and policies over a folder of images, without ROS; a table and JSON.

Truth is every source image, area-resized to `--size`. Glimpses are sampled from it for every model, and every model's
output is bicubically resized to it, so that models of different inner size compare. Errors are pooled over all pixels
of all images (see `core.metrics`), then averaged over seeds. A seed sets the first view and the noise, shared by all
rows; entry k of a list is after glimpse k + 1, and `pixel_fraction` counts every sensor pixel, overlaps too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .core.bundle import load_scene
from .core.explorer import explore, look_at_canvas
from .core.memory import Mosaic
from .core.metrics import ClassSum, ErrorSum
from .core.policies import POLICIES, first_view, make_policy
from .core.types import GlimpseError, GlimpseSpec, Limits, Policy, Projection, SceneModel, SceneSpec
from .datasets.images import image_paths, is_panorama, read_rgb

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Setting:
    """What all rows share. size: (height, width) [px]; max_fov [deg] or None; scene_fov [deg] across the canvas."""

    size: tuple[int, int]
    glimpses: int
    max_fov: float | None
    seeds: int
    projection: Projection
    glimpse: GlimpseSpec = GlimpseSpec(32)
    scene_fov: float = 360.0

    def limits(self) -> Limits:
        """The camera's limits in scene coordinates: never finer than the truth's own pixels."""
        widest = 1.0 if self.max_fov is None else min(self.max_fov / self.scene_fov, 1.0)
        narrowest = self.glimpse.size / self.size[1]
        if narrowest > widest:
            raise GlimpseError(
                f"--max-fov {self.max_fov:g} is narrower than {self.glimpse.size} of {self.size[1]} pixels; "
                f"expected at least {narrowest * self.scene_fov:.1f} degrees"
            )
        return Limits(s=(narrowest, widest))


@dataclass
class Row:
    """Sums of one model and policy over one seed; a list entry per glimpse."""

    errors: list[ErrorSum] = field(default_factory=list)
    classes: list[ClassSum] = field(default_factory=list)


def load_truth(folder: Path, size: tuple[int, int]) -> tuple[list[Image], list[Path], Projection]:
    """Area-resized images (H, W, 3), their paths, and the projection that their shapes tell."""
    images, paths, panoramas = [], [], 0
    for path in image_paths(folder):
        try:
            image = read_rgb(path)
        except GlimpseError as error:
            print(f"skipped: {error}", file=sys.stderr)
            continue
        panoramas += is_panorama(*image.shape[:2])
        images.append(np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8))
        paths.append(path)
    if not images:
        raise GlimpseError(f"{folder}: no readable image among its files")
    return images, paths, "spherical" if panoramas == len(images) else "planar"


def find_labels(paths: list[Path], size: tuple[int, int]) -> list[Image] | None:
    """Label maps (H, W) of class ids beside `DIR` in `DIRannot`, the layout of CamVid; None where there are none."""
    folder = paths[0].parent.parent / f"{paths[0].parent.name}annot"
    files = [folder / f"{path.stem}.png" for path in paths]
    if not all(file.exists() for file in files):
        return None
    maps = []
    for file in files:
        label = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        if label is None or label.ndim != 2 or label.dtype != np.uint8:
            raise GlimpseError(f"{file}: expected an 8-bit PNG of class ids with one channel")
        maps.append(np.asarray(cv2.resize(label, size[::-1], interpolation=cv2.INTER_NEAREST), np.uint8))
    return maps


def pairs(models: list[str], policies: list[str], setting: Setting) -> Iterator[tuple[str, str, SceneModel, Policy]]:
    """Every model with every policy; a pair that makes no sense is said on stderr and left out."""
    for model in models:
        scene: SceneModel
        if model == "mosaic":
            scene = Mosaic(SceneSpec(*setting.size, setting.projection), setting.glimpse)
        else:
            scene = load_scene(model)
        if scene.info.scene.projection != setting.projection:
            print(
                f"skipped: {model} is {scene.info.scene.projection}, the images are {setting.projection}",
                file=sys.stderr,
            )
            continue
        for name in policies:
            try:
                policy = make_policy(name, model, scene.info)
            except GlimpseError as error:
                known = name in POLICIES or name == "learned"
                if not known or (name == "learned" and model != "mosaic"):
                    raise
                print(f"skipped: {error}", file=sys.stderr)
                continue
            yield model, name, scene, policy


def run_seed(
    images: list[Image], labels: list[Image] | None, scene: SceneModel, policy: Policy, setting: Setting, seed: int
) -> Iterator[Row]:
    """Yields the growing row after every image."""
    limits = setting.limits()
    row = Row([ErrorSum() for _ in range(setting.glimpses)])
    segments = labels is not None and "segmentation" in scene.info.outputs
    if segments:
        row.classes = [ClassSum(len(scene.info.class_names)) for _ in range(setting.glimpses)]
    for i, truth in enumerate(images):
        own = seed * 100_003 + i
        look = look_at_canvas(truth, scene.info.glimpse, scene.info.scene, scene.info.padding)
        first = first_view(scene.info, limits, own)
        steps = explore(
            look, scene, policy, limits=limits, glimpses=setting.glimpses, seed=own, first=first, overview=truth
        )
        for k, step in enumerate(steps):
            if step.estimate.reconstruction is not None:
                row.errors[k].add(to_size(step.estimate.reconstruction, setting.size), truth)
            if segments and labels is not None and step.estimate.segmentation is not None:
                logits = np.ascontiguousarray(step.estimate.segmentation.transpose(1, 2, 0))
                full = cv2.resize(logits, setting.size[::-1], interpolation=cv2.INTER_LINEAR)
                row.classes[k].add(full.argmax(-1), labels[i])
        yield row


def to_size(reconstruction: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(3, h, w) in [0, 1] -> (H, W, 3) on 0-255, bicubic where the sizes differ."""
    image = reconstruction.transpose(1, 2, 0)
    if image.shape[:2] != size:
        resized = cv2.resize(np.ascontiguousarray(image), size[::-1], interpolation=cv2.INTER_CUBIC)
        image = np.asarray(resized, np.float32)
    return np.asarray(np.clip(image, 0.0, 1.0) * 255.0, np.float32)


def evaluate(models: list[str], policies: list[str], data: Path, setting: Setting, quiet: bool = False) -> list[dict]:
    """One object a row, as written to JSON. `setting.projection` is what the images turn out to be."""
    images, paths, _ = load_truth(data, setting.size)
    labels = find_labels(paths, setting.size)
    results = []
    for model, name, scene, policy in pairs(models, policies, setting):
        rows, started = [Row() for _ in range(setting.seeds)], time.monotonic()
        for seed in range(setting.seeds):
            for done, row in enumerate(run_seed(images, labels, scene, policy, setting, seed), 1):
                rows[seed] = row
                if not quiet and time.monotonic() - started > 2 and sys.stderr.isatty():
                    state = f"seed {seed + 1}/{setting.seeds}, {done}/{len(images)}"
                    print(f"\r{model} {name}: {state} ", end="", file=sys.stderr)
        if not quiet:
            print(f"\r{model} {name}: {time.monotonic() - started:.0f} s{' ' * 24}", file=sys.stderr)
        results.append(summary(model, name, scene, rows, setting, len(images)))
    return results


def summary(model: str, name: str, scene: SceneModel, rows: list[Row], setting: Setting, images: int) -> dict:
    """Means over seeds, per glimpse."""
    info = scene.info
    rmse = np.array([[e.rmse for e in row.errors] for row in rows])  # (seeds, glimpses)
    rgb_l2 = np.array([[e.rgb_l2 for e in row.errors] for row in rows])
    share, coarse = (n / (setting.size[0] * setting.size[1]) for n in (info.glimpse.pixels, info.overview_pixels))
    result: dict = {
        "model": model,
        "policy": name,
        "glimpses": setting.glimpses,
        "size": f"{setting.size[0]}x{setting.size[1]}",
        "images": images,
        "max_fov": setting.max_fov,
        "seeds": setting.seeds,
        "pixel_fraction": [round(coarse + share * (k + 1), 6) for k in range(setting.glimpses)],
        "rmse": rmse.mean(0).round(4).tolist(),
        "rmse_std": rmse.std(0).round(4).tolist(),
        "rgb_l2": rgb_l2.mean(0).round(4).tolist(),
    }
    if rows[0].classes:
        result["pixel_accuracy"] = np.mean([[c.accuracy for c in row.classes] for row in rows], 0).round(4).tolist()
        result["miou"] = np.mean([[c.miou for c in row.classes] for row in rows], 0).round(4).tolist()
    return result


def table(results: list[dict]) -> str:
    """The rows as text, RMSE at a few numbers of glimpses."""
    if not results:
        return "no rows"
    last = results[0]["glimpses"]
    shown = [k for k in (1, 2, 4, 8, 12, 16, 24) if k < last] + [last]
    lines = [
        f"{'model':<20} {'policy':<12} " + " ".join(f"{f'RMSE@{k}':>8}" for k in shown) + f" {'+-':>6} {'RGB-L2':>7}"
    ]
    for r in sorted(results, key=lambda r: r["rmse"][-1]):
        cells = " ".join(f"{r['rmse'][k - 1]:8.2f}" for k in shown)
        lines.append(f"{r['model']:<20} {r['policy']:<12} {cells} {r['rmse_std'][-1]:6.2f} {r['rgb_l2'][-1]:7.2f}")
    fov = "a glimpse may span the scene" if results[0]["max_fov"] is None else f"at most {results[0]['max_fov']:g} deg"
    budget = 100 * results[0]["pixel_fraction"][-1]
    lines.append(
        f"{results[0]['images']} images at {results[0]['size']}, {last} glimpses, {budget:.2f} % of the pixels, {fov}"
    )
    return "\n".join(lines)


def size_from_text(text: str) -> tuple[int, int]:
    """ "256x512" -> (256, 512), height first."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) >= 32 and int(width) >= 32):
        raise argparse.ArgumentTypeError(f"{text!r}: expected HEIGHTxWIDTH in pixels, each at least 32, as in 256x512")
    return int(height), int(width)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--model", default="panorama,mosaic", help="bundles, by comma; mosaic is the one without a file"
    )
    parser.add_argument("--policy", default="learned,uncertainty,random,grid", help="policies, by comma")
    parser.add_argument("--data", type=Path, required=True, help="folder of images")
    parser.add_argument("--glimpses", type=int, default=12)
    parser.add_argument("--size", type=size_from_text, default=(256, 512), metavar="HxW", help="evaluation size [px]")
    parser.add_argument(
        "--max-fov", type=float, metavar="DEG", help="the camera's widest view; default: the whole scene"
    )
    parser.add_argument("--scene-fov", type=float, default=60.0, metavar="DEG", help="of planar images, across")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")


def run(args: argparse.Namespace) -> int:
    """The command. Raises GlimpseError for what it refuses."""
    for name in ("glimpses", "seeds"):
        if getattr(args, name) < 1:
            raise GlimpseError(f"--{name} {getattr(args, name)}: expected at least 1")
    _, _, projection = load_truth(args.data, args.size)
    fov = 360.0 if projection == "spherical" else args.scene_fov
    setting = Setting(args.size, args.glimpses, args.max_fov, args.seeds, projection, scene_fov=fov)
    setting.limits()
    results = evaluate(args.model.split(","), args.policy.split(","), args.data, setting)
    print(table(results))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0
