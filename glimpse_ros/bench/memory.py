"""Resident memory over many frames: a camera node that publishes as fast as it can, a scene node and a policy node.

Every frame goes through DDS to the scene node, which looks at as many as it can and drops the others. Episodes of 50
glimpses follow one another, so that starting over is in it as well.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from ..core.types import GlimpseError
from ..nodes.camera_node import CameraNode
from ..nodes.policy_node import PolicyNode
from ..nodes.scene_node import SceneNode
from ..progress import Progress
from .figures import Figure, Settings, median
from .graph import Graph
from .scenery import Slides

FLAT = (0.95, 1.05)  # goal: memory at the end over memory after the warm-up
SIZE = (240, 320)  # height, width of a frame [px]
EPISODE = 50  # glimpses
PATIENCE = 20.0  # [s] without a frame
STATM = Path("/proc/self/statm")


def measure(settings: Settings, say: Progress) -> list[Figure]:
    """The figures."""
    if not STATM.exists():
        raise GlimpseError(f"resident memory: there is no {STATM} on this system")
    common = {"model": settings.model, "provider": settings.provider}
    samples: list[tuple[int, float]] = []  # frames, MiB
    with Graph(f"glimpse_bench_{os.getpid()}") as graph:
        scene = graph.add(SceneNode, {**common, "camera": "wide", "loop": True})
        policy = graph.add(PolicyNode, {**common, "policy": settings.policy, "glimpses": EPISODE})
        graph.add(CameraNode, {}, camera=Slides(*SIZE, rate=None))
        began = heard = time.monotonic()
        frames = 0
        while frames < settings.frames:
            time.sleep(0.1)
            now, arrived = time.monotonic(), scene.health.counted("frames received")
            heard, frames = (now, arrived) if arrived > frames else (heard, frames)
            if now - heard > PATIENCE:
                raise GlimpseError(f"no frame for {PATIENCE:.0f} s, after {frames}")
            samples.append((frames, resident()))
            say("memory: frame", frames, settings.frames)
        seconds = time.monotonic() - began
        glimpses, episodes = policy.health.counted("views"), policy.loop.episodes if policy.loop else 0
    start, end, peak = flatness(samples, settings.warm_up)
    note = f"{start:.0f} MiB after {settings.warm_up}, {end:.0f} at the end, at most {peak:.0f}"
    return [
        Figure(f"memory, {settings.frames} frames over {settings.warm_up}", end / start, "", *FLAT, note=note),
        Figure("  at most", peak / start, "", *FLAT),
        Figure("  frames per second through the scene node", frames / seconds, "Hz"),
        Figure("  of them looked at, share", glimpses / frames, "", note=f"{glimpses} in {episodes} episodes"),
    ]


def flatness(samples: list[tuple[int, float]], warm_up: int) -> tuple[float, float, float]:
    """Memory after the warm-up and at the end, each the median of a tenth of the samples, and the most of all."""
    after = [mib for frames, mib in samples if frames >= warm_up]
    if not after:
        raise GlimpseError(f"{warm_up} frames of warm-up: expected fewer than there are")
    tenth = max(1, len(after) // 10)
    return median(after[:tenth]), median(after[-tenth:]), max(after)


def resident() -> float:
    """MiB of this process."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
