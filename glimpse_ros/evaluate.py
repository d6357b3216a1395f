"""`glimpse evaluate`: scene models and policies over a set of images, without ROS; a table and JSON.

Truth is every source image of a folder, area-resized to `--size`. Glimpses are sampled from it for every model, from a
copy stretched to the model's aspect where that is another, and every model's output is bicubically resized to it, so
that models of different inner size compare. Errors are pooled over all pixels of all images (see `core.metrics`), then
averaged over seeds. Data of other kinds, as in `--data mnist:FOLDER?variant=cluttered60`, have a size and a camera that
models are made for.

A seed sets the first view and the noise, shared by all rows; entry k of a list is after glimpse k + 1, and
`pixel_fraction` counts every sensor pixel, overlaps and the overview too. `slew_s` are the mean seconds that a mount of
the usual rates has moved by then, see `core.motion`; the first view costs nothing. With `--stop-threshold` an episode
ends when its policy says so, and what it knew then stands for all later glimpses: the last entry is of each one's own
stop.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .core.bundle import load_scene
from .core.explorer import explore, look_at_canvas
from .core.memory import Mosaic
from .core.motion import scene_fov, slew_seconds
from .core.policies import POLICIES, first_view, make_policy
from .core.stretch import stretched
from .core.types import (
    GlimpseError,
    GlimpseSpec,
    Limits,
    Policy,
    Projection,
    SceneInfo,
    SceneModel,
    SceneSpec,
    View,
)
from .datasets.fit import check_fit
from .datasets.truth import Truth, load_truth
from .evaluate_row import Row
from .evaluate_table import table

SENSOR = GlimpseSpec(32)  # whose pixels bound how narrow a view of a folder's images may be; the mosaic's
SMALL = GlimpseSpec(8)  # the mosaic's on data of their own size, where no bundle lends it its own


@dataclass(frozen=True)
class Setting:
    """What all rows share. size: (height, width) [px]; max_fov [deg] or None; scene_fov [deg] across the canvas."""

    size: tuple[int, int]
    glimpses: int
    max_fov: float | None
    seeds: int
    projection: Projection
    scene_fov: float = 360.0
    stop_threshold: float | None = None  # None: the whole budget is spent

    def limits(self, sensor: GlimpseSpec) -> Limits:
        """The camera's limits in scene coordinates: never finer than the truth's own pixels."""
        widest = 1.0 if self.max_fov is None else min(self.max_fov / self.scene_fov, 1.0)
        narrowest = sensor.size / self.size[1]
        if narrowest > widest:
            least = f"expected at least {narrowest * self.scene_fov:.1f} degrees"
            if self.max_fov is None:
                raise GlimpseError(f"a glimpse of {sensor.size} pixels is wider than the {self.size[1]} of the scene")
            raise GlimpseError(
                f"--max-fov {self.max_fov:g} is narrower than {sensor.size} of {self.size[1]} pixels; {least}"
            )
        return Limits(s=(narrowest, widest))

    def slews(self, views: list[View], widest: float) -> NDArray[np.float64]:
        """(glimpses,) seconds of motion up to each glimpse of an episode; after its last one nothing moves."""
        fov = scene_fov(self.projection, math.radians(self.scene_fov), self.size[0] / self.size[1])
        ways = [
            slew_seconds(a, b, widest=widest, projection=self.projection, fov=fov)
            for a, b in zip(views[:-1], views[1:], strict=True)
        ]
        return np.pad(np.cumsum([0.0, *ways]), (0, self.glimpses - len(views)), "edge")


def load_models(names: list[str], truth: Truth) -> dict[str, SceneModel]:
    """Scene models by name, those of another projection left out, which is said on stderr.

    Raises GlimpseError for one that is not made for data of their own size, or for other classes.
    """
    files = [name for name in names if name != "mosaic"]
    models: dict[str, SceneModel] = {name: load_scene(name, threads=threads(truth)) for name in files}
    for name in list(models):
        info = models[name].info
        if info.scene.projection != truth.projection:
            print(f"skipped: {name} is {info.scene.projection}, the images are {truth.projection}", file=sys.stderr)
            del models[name]
            continue
        check_fit(name, info, truth)
    if "mosaic" in names:
        lent = next((model.info.glimpse for model in models.values()), SMALL)
        models["mosaic"] = Mosaic(SceneSpec(*truth.size, truth.projection), lent if truth.own_size else SENSOR)
    return {name: models[name] for name in names if name in models}


def threads(truth: Truth) -> int | None:
    """Of one step. Scenes of their own size are tiny: handing the work out takes longer than doing it."""
    return 1 if truth.own_size else None


def pairs(
    models: dict[str, SceneModel], policies: list[str], truth: Truth
) -> Iterator[tuple[str, str, SceneModel, Policy]]:
    """Every model with every policy; a pair that makes no sense is said on stderr and left out."""
    for model, scene in models.items():
        for name in policies:
            try:
                policy = make_policy(name, model, scene.info, threads=threads(truth))
            except GlimpseError as error:
                known = name in POLICIES or name == "learned"
                if not known or (name == "learned" and model != "mosaic"):
                    raise
                print(f"skipped: {error}", file=sys.stderr)
                continue
            yield model, name, scene, policy


def run_seed(truth: Truth, scene: SceneModel, policy: Policy, setting: Setting, seed: int) -> Iterator[Row]:
    """Yields the growing row after every image."""
    info = scene.info
    limits = setting.limits(info.glimpse if truth.own_size else SENSOR)
    row = Row(info, truth, setting.glimpses)
    for i, image in enumerate(truth.images):
        own = seed * 100_003 + i
        canvas = stretched(image, info.scene)
        steps = explore(
            look_at_canvas(canvas, info.glimpse, info.scene, info.padding),
            scene,
            policy,
            limits=limits,
            glimpses=setting.glimpses,
            seed=own,
            first=first_view(info, limits, own),
            stop_threshold=setting.stop_threshold,
            overview=canvas,
        )
        views: list[View] = []
        for step in steps:
            row.add(i, len(views), step.estimate)
            views.append(step.view)
        taken = len(views)
        row.taken.append(taken)
        row.slews.append(setting.slews(views, limits.s[1]))
        for k in range(taken, setting.glimpses):  # it stopped, and this is what it knew
            row.add(i, k, step.estimate)
        yield row


def evaluate(models: list[str], policies: list[str], truth: Truth, setting: Setting, quiet: bool = False) -> list[dict]:
    """One object a row, as written to JSON. Everything that can be refused is, before anything long begins."""
    results = []
    for model, name, scene, policy in list(pairs(load_models(models, truth), policies, truth)):
        rows, started = [], time.monotonic()
        for seed in range(setting.seeds):
            for row in run_seed(truth, scene, policy, setting, seed):
                done = len(row.taken)
                if not quiet and done % 16 == 0 and time.monotonic() - started > 2 and sys.stderr.isatty():
                    state = f"seed {seed + 1}/{setting.seeds}, {done}/{len(truth.images)}"
                    print(f"\r{model} {name}: {state} ", end="", file=sys.stderr)
            rows.append(row)
        if not quiet:
            print(f"\r{model} {name}: {time.monotonic() - started:.0f} s{' ' * 24}", file=sys.stderr)
        results.append(summary(model, name, scene.info, rows, setting))
    return results


def summary(model: str, name: str, info: SceneInfo, rows: list[Row], setting: Setting) -> dict:
    """Means over seeds, per glimpse; `_std` is their standard deviation."""
    truth, every = rows[0].truth, range(1, setting.glimpses + 1)
    taken = np.array([row.taken for row in rows])  # (seeds, images)
    share, coarse = (n / (truth.size[0] * truth.size[1]) for n in (info.glimpse.pixels, info.overview_pixels))
    result: dict = {
        "model": model,
        "policy": name,
        "data": truth.name,
        "glimpses": setting.glimpses,
        "size": f"{truth.size[0]}x{truth.size[1]}",
        "images": len(truth.images),
        "max_fov": setting.max_fov,
        "seeds": setting.seeds,
        "pixel_fraction": [round(float(coarse + share * np.minimum(taken, k).mean()), 6) for k in every],
    }

    def report(key: str, lists: list[list[float]], digits: int, std: bool = True) -> None:
        values = np.array(lists)  # (seeds, glimpses)
        result[key] = values.mean(0).round(digits).tolist()
        if std:
            result[f"{key}_std"] = values.std(0).round(digits).tolist()

    if rows[0].hits:
        report("accuracy", [row.accuracy for row in rows], 6)
    if rows[0].errors:
        report("rmse", [[e.rmse for e in row.errors] for row in rows], 4)
        report("rgb_l2", [[e.rgb_l2 for e in row.errors] for row in rows], 4, std=False)
    if rows[0].classes:
        report("pixel_accuracy", [[c.accuracy for c in row.classes] for row in rows], 4, std=False)
        report("miou", [[c.miou for c in row.classes] for row in rows], 4, std=False)
    report("slew_s", [list(np.mean(row.slews, 0)) for row in rows], 4, std=False)
    if setting.stop_threshold is not None:
        result["stop_threshold"] = setting.stop_threshold
        result["mean_glimpses"] = round(float(taken.mean()), 4)
        if rows[0].hits:
            result["accuracy_at_stop"] = result["accuracy"][-1]
            result["accuracy_at_stop_std"] = result["accuracy_std"][-1]
    return result


def size_from_text(text: str) -> tuple[int, int]:
    """ "256x512" -> (256, 512), height first."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) >= 8 and int(width) >= 8):
        raise argparse.ArgumentTypeError(f"{text!r}: expected HEIGHTxWIDTH in pixels, each at least 8, as in 256x512")
    return int(height), int(width)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--model", default="panorama,mosaic", help="bundles, by comma; mosaic is the one without a file"
    )
    parser.add_argument("--policy", default="learned,uncertainty,random,grid", help="policies, by comma")
    parser.add_argument(
        "--data",
        required=True,
        help="folder of images, or camvid:DIR?split=test, scene15:DIR, classes:DIR, mnist:DIR?variant=28&count=1000",
    )
    parser.add_argument("--glimpses", type=int, default=12)
    parser.add_argument(
        "--size",
        type=size_from_text,
        metavar="HxW",
        help="to compare at [px]; default: the data's own; of a folder 256x512",
    )
    parser.add_argument(
        "--max-fov", type=float, metavar="DEG", help="the camera's widest view; default: the whole scene"
    )
    parser.add_argument("--scene-fov", type=float, default=60.0, metavar="DEG", help="of planar images, across")
    parser.add_argument(
        "--stop-threshold", type=float, metavar="X", help="end an episode at this stop score; default: never"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")


def run(args: argparse.Namespace) -> int:
    """The command. Raises GlimpseError for what it refuses."""
    for name in ("glimpses", "seeds"):
        if getattr(args, name) < 1:
            raise GlimpseError(f"--{name} {getattr(args, name)}: expected at least 1")
    if args.stop_threshold is not None and not args.stop_threshold >= 0:
        raise GlimpseError(f"--stop-threshold {args.stop_threshold:g}: expected at least 0")
    truth = load_truth(args.data, args.size)
    fov = 360.0 if truth.projection == "spherical" else args.scene_fov
    setting = Setting(truth.size, args.glimpses, args.max_fov, args.seeds, truth.projection, fov, args.stop_threshold)
    if not truth.own_size:
        setting.limits(SENSOR)
    results = evaluate(args.model.split(","), args.policy.split(","), truth, setting)
    print(table(results))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0
