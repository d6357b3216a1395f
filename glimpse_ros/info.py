"""`glimpse info`: what a bundle is, or why it is refused.

The bundle is loaded as the nodes would load it, so that what is described here also runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from .core.bundle import describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("bundle", help="a bundle's folder or name, or mosaic")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """The command. Raises GlimpseError for a bundle that is refused."""
    about = describe(args.bundle)
    print(json.dumps(about, indent=1, default=str) if args.json else "\n".join(lines(about)))
    return 0


def lines(about: dict[str, Any]) -> Iterator[str]:
    """What `core.bundle.describe` found, for people."""
    scene, policy = about["scene"], about["policy"]
    size, sensor = scene["scene"], scene["glimpse"]
    scales = ", ".join(f"{fraction:g}" for fraction in sensor["scales"])
    low, high = scene["s_range"]
    facts = {
        "bundle": f"{about['name']} ({about['path']})",
        "family": scene["family"],
        "scene": f"{size['height']}x{size['width']}, {size['projection']}",
        "glimpse": f"{sensor['size']}x{sensor['size']} pixels, scales {scales}",
        "spans": f"{100 * low:.3g} % to {100 * high:.3g} % of the scene's width",
        "first view": scene["first_view"],
        "maps": ", ".join(scene["maps"]),
        "classes": ", ".join(scene["class_names"]),
        "budget": scene.get("glimpses"),
        "trained on": scene.get("data"),
        "commit": scene.get("commit"),
        "belief": scene["belief_id"],
    }
    yield from (f"{name:<12}{value}" for name, value in facts.items() if value not in (None, "", [], {}))
    yield from _graph("scene.onnx", scene)
    if policy is None:
        yield f"{'policy':<12}none: random and grid can drive it, other heuristics by the maps that it gives"
    else:
        wants = ", ".join(["belief", *policy["wants"]])
        yield f"{'policy':<12}learned, reads {wants}"
        if policy["stop_threshold"] is not None:
            yield f"{'':<12}stops by itself at a score of {policy['stop_threshold']:g}"
        yield from _graph("policy.onnx", policy)


def _graph(name: str, graph: dict[str, Any]) -> Iterator[str]:
    if "bytes" not in graph:
        return  # the mosaic has no file
    yield f"{name:<12}{graph['bytes'] / 1024:,.0f} KiB, opset {graph['opset']}, IR {graph['ir_version']}"
    for kind in ("inputs", "outputs"):
        for index, (tensor, shape) in enumerate(graph[kind].items()):
            yield f"{'  ' + kind if index == 0 else '':<12}{tensor}: {shape}"
