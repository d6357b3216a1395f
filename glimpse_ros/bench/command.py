"""The command line of the bench."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.bundle import BundleError, find_bundle, load_scene
from ..core.policies import make_policy
from ..core.types import GlimpseError
from .figures import HEAD, QUICK, Figure, Settings, cores, cpu_model
from .worker import PHASES

BUNDLE = "models/panorama"


def parser() -> argparse.ArgumentParser:
    """The options."""
    top = argparse.ArgumentParser(prog="python -m glimpse_ros.bench", description="Latency, throughput and memory.")
    top.add_argument("--model", help=f"a bundle's folder or name, or mosaic (default: {BUNDLE}, else mosaic)")
    top.add_argument("--policy", help="(default: learned where the bundle has a policy, else uncertainty)")
    top.add_argument("--provider", default="auto", help="of onnxruntime: auto, cpu, cuda (default: auto)")
    top.add_argument("--json", type=Path, default=Path("out/bench.json"), metavar="FILE", help="(default: %(default)s)")
    top.add_argument("--quick", action="store_true", help="a short run: less exact, and 1,500 frames instead of 10,000")
    top.add_argument("--only", help=f"phases, by comma: {', '.join(PHASES)}")
    top.add_argument("--cores", type=int, default=2, help="CPU cores to use, 0: all (default: 2, as the goals have it)")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where everything was measured, whether goals are met or not."""
    args = parser().parse_args(arguments)
    try:
        return run(args)
    except GlimpseError as err:
        print(f"bench: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def run(args: argparse.Namespace) -> int:
    """Measure phase by phase. Raises GlimpseError for what it refuses."""
    phases = args.only.split(",") if args.only else list(PHASES)
    for name in phases:
        if name not in PHASES:
            raise GlimpseError(f"--only {name}: expected some of {', '.join(PHASES)}")
    restrict(args.cores)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")  # nothing of this is meant for a network
    model, policy, provider = choose(args.model, args.policy, args.provider)
    settings = Settings(model=model, policy=policy, provider=args.provider, **(QUICK if args.quick else {}))
    began, machine = time.monotonic(), about(provider)
    print(f"{model}, policy {policy}, on {provider}; {machine['cpu']}, {machine['cores']} of {os.cpu_count()} cores")
    if machine["load"][0] > 0.5 * machine["cores"]:
        print(f"note: load average {machine['load'][0]} before the start: others are busy, times are too long")
    print(HEAD)
    measured: dict[str, list[Figure]] = {}
    for name in phases:
        print(PHASES[name], flush=True)
        figures = phase(name, settings)
        for figure in figures or ():
            print(figure.line(), flush=True)
        if figures is not None:
            measured[name] = figures
    everything = [figure for figures in measured.values() for figure in figures]
    machine["load_after"] = [round(value, 2) for value in os.getloadavg()]
    goals = [figure.met for figure in everything if figure.met is not None]
    load = f"load average {machine['load'][0]} before, {machine['load_after'][0]} after"
    print(f"{sum(goals)} of {len(goals)} goals met; {time.monotonic() - began:.0f} s, {load}")
    write(args.json, settings, machine, measured, time.monotonic() - began)
    print(args.json)
    return 0 if len(measured) == len(phases) else 1


def restrict(wanted: int) -> None:
    """Let this process and those it starts use so many cores, where the system lets us choose; 0: all."""
    if wanted > 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:wanted])


def choose(model: str | None, policy: str | None, provider: str) -> tuple[str, str, str]:
    """Model, policy and what they run on; raises GlimpseError where they cannot be had."""
    if model is None:
        try:
            model = str(find_bundle(BUNDLE))
        except BundleError:
            model = "mosaic"
    if policy is None:
        learned = model != "mosaic" and (find_bundle(model) / "policy.onnx").exists()
        policy = "learned" if learned else "uncertainty"
    info = load_scene(model, provider).info
    make_policy(policy, model, info, provider)
    return model, policy, info.provider


def about(provider: str) -> dict[str, Any]:
    """The machine."""
    return {
        "cpu": cpu_model(),
        "cores": cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "provider": provider,
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def phase(name: str, settings: Settings) -> list[Figure] | None:
    """The figures of a phase, measured in a process of its own; None where it failed, which it has then said."""
    # What the ROS wheels leave behind would keep them from setting up another interpreter.
    environment = {key: value for key, value in os.environ.items() if key != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
    command = [sys.executable, "-m", "glimpse_ros.bench.worker", name, json.dumps(asdict(settings))]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
        text = worker.communicate()[0]
    if worker.returncode == 130:
        raise KeyboardInterrupt
    if worker.returncode != 0 or not text:
        print(f"  not measured (status {worker.returncode})")
        return None
    return [Figure(**values) for values in json.loads(text.splitlines()[-1])]


def write(
    path: Path, settings: Settings, machine: dict[str, Any], measured: dict[str, list[Figure]], seconds: float
) -> None:
    """All of it as JSON."""
    content = {
        "machine": machine,
        "settings": asdict(settings),
        "seconds": round(seconds, 1),
        "phases": {name: [figure.json() for figure in figures] for name, figures in measured.items()},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n")
    except OSError as err:
        raise GlimpseError(f"--json {path}: cannot be written: {err.strerror}") from err
