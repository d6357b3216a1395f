"""`glimpse explore`: the three ROS 2 nodes in one process, from an input to a report.

Starts a camera over the input, explores it with the camera, scene and policy nodes over DDS, and writes index.html,
filmstrip.png, exploration.gif and metrics.json into --out. The last line printed is the path of the page.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .cameras.base import Camera, guess_kind, open_input
from .core.bundle import model_folders
from .core.policies import POLICIES
from .core.scene_frame import fov_from_zoom, overlap, zoom_from_fov
from .core.types import GlimpseError, Limits, SceneModel
from .explore_choice import BUNDLES, FRAMES, MEMORIES, choose, choose_memory
from .progress import Progress
from .report.baselines import with_baselines
from .report.exploration import Exploration
from .report.panels import headline
from .report.write import make_folder, write_report
from .watched import Watched

if TYPE_CHECKING:
    from .live import LiveView
    from .nodes.loop_types import Record

SCENE = "config/scenes/courtyard.jpg"  # ships with the package
MAX_FOV = 60.0  # [deg] of the simulated camera
KINDS = {"sim": "a simulated pan-tilt-zoom camera", "wide": "a wide camera", "bag": "a recorded camera"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--input", metavar="PATH", help="panorama, image, folder, video or bag; default: a scene that ships"
    )
    parser.add_argument(
        "--glimpses",
        type=int,
        default=8,
        metavar="N",
        help="how often to look, at each frame of a sequence (default: 8)",
    )
    parser.add_argument("--policy", help=f"learned, {', '.join(POLICIES)} or a bundle's path")
    parser.add_argument(
        "--model",
        help="a bundle's folder or name, or mosaic; default: {spherical} for a panorama, {planar} for any other input, "
        "made for cameras that look ahead from a car".format(**BUNDLES),
    )
    parser.add_argument(
        "--memory",
        choices=MEMORIES,
        help="from frame to frame: per_frame forgets all, carried keeps it, decay lets it fade; default: per_frame for "
        "a wide camera's sequence, since what moves through its image would be remembered where it no longer is; else "
        "carried",
    )
    parser.add_argument(
        "--frames", type=int, metavar="N", help=f"explored of a sequence, for memory per_frame (default: {FRAMES})"
    )
    parser.add_argument("--out", type=Path, default=Path("out/explore"), metavar="DIR", help="(default: out/explore)")
    parser.add_argument("--seed", type=int, default=0, help="of policy and simulated noise (default: 0)")
    parser.add_argument(
        "--max-fov", type=float, metavar="DEG", help=f"widest view (default: {MAX_FOV:g} in a panorama)"
    )
    parser.add_argument(
        "--stop-threshold",
        type=float,
        metavar="X",
        help="end at this stop score (default: the bundle's own; inf: never)",
    )
    parser.add_argument("--topic", help="image topic of a bag")
    parser.add_argument("--provider", default="auto", help="of onnxruntime: auto, cpu, cuda (default: auto)")
    parser.add_argument("--fast", action="store_true", help="an ideal camera: moves in no time, sees without noise")
    parser.add_argument("--live", action="store_true", help="watch in the browser (needs the extra `viewer`)")


def run(args: argparse.Namespace) -> int:
    """The command. Raises GlimpseError for what it refuses."""
    for name, least in (("glimpses", 1), ("frames", 1), ("seed", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise GlimpseError(f"--{name} {value}: expected at least {least}")
    if args.stop_threshold is not None and not args.stop_threshold >= 0:
        raise GlimpseError(f"--stop-threshold {args.stop_threshold:g}: expected at least 0")
    run_graph = ros_graph()  # first of all: the ROS wheels start Python once more
    with ExitStack() as stack:
        say = stack.enter_context(Progress())
        say("opening")
        source = args.input or str(shipped(SCENE))
        camera = Watched(open_camera(args, source))
        stack.callback(camera.close)
        memory, frames = choose_memory(args, source)
        camera.repeats = frames is None
        wanted = args.glimpses * (frames or 1)
        began = time.monotonic()
        say("loading the model")
        model, policy, scene, notes = choose(args, camera)
        say.clear()
        for note in notes:
            print(f"note: {note}", file=sys.stderr)
        live = stack.enter_context(live_view(args, camera, scene)) if args.live else None
        records: list[Record] = []
        stops: list[tuple[float, float]] = []  # score and threshold, where the policy ended it

        def on_step(record: Record) -> None:
            camera.keep(record.stamp)
            records.append(record)
            say("exploring: glimpse", len(records), wanted)
            if live is not None:
                live.show(len(records), record)

        widest = widest_fov(args, camera)
        limits = within(camera.scene.limits(), widest / camera.scene.scene_fov[0])
        # Refused here, not by a node that keeps silent; and what others get to see is no wider and no narrower.
        limits = overlap(limits, scene.info.s_range, scene.info.name)
        make_folder(args.out)
        loaded = time.monotonic()
        floor = zoom_from_fov(camera.scene.h0, widest)
        records = run_graph(
            camera,
            model=model,
            policy=policy,
            glimpses=args.glimpses,
            seed=args.seed,
            fast=args.fast,
            provider=args.provider,
            stop_threshold=args.stop_threshold,
            on_step=on_step,
            on_stop=lambda *stop: stops.append(stop),
            parameters={
                "scene_node": {"memory": memory},
                "policy_node": {"zoom_min": max(floor, camera.scene.mount.zoom[0])},
            },
            frames=frames,
        )
        explored = time.monotonic()
        for note in afterwards(args, camera, records, frames or 1, stops):
            notes.append(note)
            say.clear()
            print(f"note: {note}", file=sys.stderr)
        exploration = Exploration(
            source=Path(source).name,
            info=scene.info,
            policy=policy,
            records=records,
            seed=args.seed,
            truth=camera.still(),
            frames=camera.moving(),
            max_fov=widest if widest < camera.scene.scene_fov[0] - 1e-6 else None,
            camera=KINDS.get(guess_kind(source), "a camera"),
            notes=tuple(notes),
            stopped=bool(stops),
        )
        curves = with_baselines(exploration, scene, limits, lambda name: say(f"comparing: {name}"))
        compared = time.monotonic()
        seconds = {"load": loaded - began, "explore": explored - loaded, "compare": compared - explored}
        exploration = replace(exploration, baselines=curves, seconds=seconds)
        path = write_report(exploration, args.out, lambda what: say(f"writing: {what}"))
        say.clear()
        print(summary(exploration))
        print(path)
        if live is not None and sys.stdin.isatty():
            print(f"live view: {live.url} until Ctrl-C", file=sys.stderr)
            live.wait()
    return 0


def ros_graph() -> Callable[..., list[Record]]:
    """`nodes.graph.run_graph`; a sentence where there is no ROS 2."""
    try:
        from .nodes.graph import run_graph
    except ModuleNotFoundError as err:
        if (err.name or "").startswith("glimpse_ros"):
            raise
        raise GlimpseError(
            f"explore needs ROS 2, and {err.name} is not there: source its setup.bash, or install the extra `ros`"
        ) from err
    return run_graph


def shipped(name: str) -> Path:
    """A file that comes with the package: beside it in a checkout, else in share/glimpse_ros."""
    for folder in model_folders():  # `models` lies beside it
        if (folder.parent / name).exists():
            return folder.parent / name
    raise GlimpseError(f"{name} did not come with this installation: give an --input")


def open_camera(args: argparse.Namespace, source: str) -> Camera:
    """The camera on that input."""
    fov = args.max_fov if args.max_fov is not None else MAX_FOV
    options = {"seed": args.seed, "ideal": args.fast, "topic": args.topic}
    if args.topic is not None and guess_kind(source) != "bag":
        raise GlimpseError(f"--topic {args.topic}: the input {source} is not a bag")
    if guess_kind(source) == "sim":
        options["h0"] = math.radians(fov)
    return open_input(source, **options)


def widest_fov(args: argparse.Namespace, camera: Camera) -> float:
    """The widest view [rad] that the policy may choose."""
    widest = fov_from_zoom(camera.scene.h0, camera.scene.mount.zoom[0])
    if args.max_fov is None:
        return widest
    wanted, narrowest = math.radians(args.max_fov), fov_from_zoom(camera.scene.h0, camera.scene.mount.zoom[1])
    if wanted < narrowest:
        raise GlimpseError(f"--max-fov {args.max_fov:g}: expected at least {math.degrees(narrowest):.1f} degrees")
    return min(wanted, widest)


def within(limits: Limits, s: float) -> Limits:
    """The limits with s at most that."""
    return Limits(limits.x, limits.y, (min(limits.s[0], s), min(limits.s[1], s)))


def afterwards(
    args: argparse.Namespace, camera: Watched, records: list[Record], frames: int, stops: list[tuple[float, float]]
) -> Iterator[str]:
    """What there is to say about the run."""
    skipped = str(getattr(camera.camera, "skipped", ""))
    taken, seen = len(records), len({record.episode for record in records})
    if skipped:
        yield f"of the input, {skipped}"
    if camera.held:
        yield f"the input ended after glimpse {taken - camera.held}: the others look at its last frame"
    if stops:
        score, threshold = stops[0]
        after = f"glimpse {records[-1].step} of at most {args.glimpses}"
        yield f"the policy stopped after {after}: its score {score:.3g} reached {threshold:.3g}"
    elif seen < frames:
        yield f"{seen} of {frames} frames: the input ended before"
    elif frames == 1 and taken < args.glimpses:
        yield f"{taken} of {args.glimpses} glimpses: the input or the policy ended before"


def live_view(args: argparse.Namespace, camera: Watched, scene: SceneModel) -> LiveView:
    """The viewer, already told where it is."""
    from .live import LiveView

    view = LiveView(f"glimpse explore {args.input or SCENE}", scene.info, camera.truth)
    print(f"live view: {view.url}", file=sys.stderr)
    return view


def summary(exploration: Exploration) -> str:
    """The result, and that of the others."""
    errors, shares = exploration.rmse(), exploration.shares(len(exploration.records) - 1)
    lines = [headline(exploration) + (f": RMSE {errors[-1]:.1f}" if errors else "")]
    width = max((len(curve.name) for curve in exploration.baselines), default=0)
    lines += [f"  {curve.name:<{width}}  {curve.rmse[-1]:5.1f}" for curve in exploration.baselines]
    if shares:
        lines.append(
            f"  {', '.join(f'{name} {100 * share:.0f} %' for name, share in shares.items() if share >= 0.005)}"
        )
    return "\n".join(lines)
