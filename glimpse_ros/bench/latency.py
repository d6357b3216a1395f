"""From a camera's frame to the next view, through DDS: 1080p at 30 Hz, the camera in another process.

The clock starts when the frame is handed to the camera node, and stops when the next_view that answers it is back in
the camera's process: it covers two conversions, both ways through DDS, the scene node and the policy node.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from ..core.types import GlimpseError
from ..nodes.loop_types import Record
from ..nodes.policy_node import PolicyNode
from ..nodes.scene_node import SceneNode
from ..nodes.silence import LARGER, TRANSPORTS
from ..progress import Progress
from .figures import Figure, Settings, median, percentile
from .graph import Graph

P50, P99, DELIVERED = 40.0, 80.0, 0.95  # goals: ms, ms, share
SLOW = 0.15  # [s] that a glimpse takes longer, to see what becomes of frames that cannot be used
GROWTH = 1.25  # goal: latency at the end of that over latency at its beginning
STARTING = 30.0  # [s] until a camera process must have been answered


@dataclass(frozen=True)
class Trace:
    """Of a camera process, all in ns of the same clock."""

    published: list[int]  # stamps of the frames
    answered: dict[int, int]  # stamp of the frame: when the next_view came
    arrived: dict[int, int]  # stamp of the frame: when the scene node's subscription had it

    def latencies(self) -> list[float]:
        """Milliseconds from frame to next_view, in order."""
        return [(self.answered[stamp] - stamp) / 1e6 for stamp in self.published if stamp in self.answered]

    def transport(self) -> list[float]:
        """Milliseconds from frame to scene node."""
        return [(self.arrived[stamp] - stamp) / 1e6 for stamp in self.published if stamp in self.arrived]


class TimedSceneNode(SceneNode):
    """Notes when frames arrive, and takes longer where it is told to."""

    def __init__(self, **kwargs: Any) -> None:
        self.arrived: dict[int, int] = {}
        self.slow = 0.0
        super().__init__(listener=self._linger, **kwargs)

    def _on_image(self, message: Any) -> None:
        stamp = message.header.stamp
        self.arrived[stamp.sec * 1_000_000_000 + stamp.nanosec] = time.time_ns()
        super()._on_image(message)

    def _linger(self, record: Record) -> None:
        time.sleep(self.slow)


def measure(settings: Settings, say: Progress) -> list[Figure]:
    """The figures."""
    stay_here()
    namespace = f"glimpse_bench_{os.getpid()}"
    common = {"model": settings.model, "provider": settings.provider}
    with Graph(namespace) as graph:
        scene = graph.add(TimedSceneNode, {**common, "camera": "wide", "camera_timeout": 0.0})
        graph.add(PolicyNode, {**common, "policy": settings.policy, "glimpses": 0, "belief_timeout": 0.0})
        trace = watch(namespace, settings.seconds, scene, say, "frame to next_view")
        scene.slow = SLOW
        slow = watch(namespace, settings.overload, scene, say, "a loop too slow for its camera")
    return [*figures(trace), *overload(slow)]


def stay_here() -> None:
    """Have Fast DDS carry images as the launch files do, but on this machine only; before there is any context.

    Between processes of one machine what they set up means shared memory with room for an image. A discovery range of
    LOCALHOST would keep others out as well, but then rmw_fastrtps ignores that setting and 1080p frames are lost.
    """
    if TRANSPORTS not in os.environ:  # else somebody wants to know what theirs is worth
        os.environ[TRANSPORTS] = LARGER.replace("DEFAULT", "SHM")
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "SYSTEM_DEFAULT"


def watch(namespace: str, seconds: float, scene: TimedSceneNode, say: Progress, what: str) -> Trace:
    """Run a camera process for so many seconds of frames."""
    # What the ROS wheels leave behind would keep them from setting up another interpreter.
    environment = {key: value for key, value in os.environ.items() if key != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
    command = [sys.executable, "-m", "glimpse_ros.bench.camera", namespace, str(seconds)]
    before, deadline = len(scene.arrived), time.monotonic() + seconds + 2 * STARTING
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as camera:
        try:
            while True:
                try:
                    text, _ = camera.communicate(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    say(f"{what}: frames", len(scene.arrived) - before)
                    if time.monotonic() > deadline:
                        raise GlimpseError(f"the bench's camera process did not end in time: {command}") from None
        finally:
            camera.kill()  # does nothing where it has ended
    if camera.returncode != 0:
        raise GlimpseError(f"the bench's camera process failed with status {camera.returncode}")
    heard = json.loads(text.splitlines()[-1])
    return Trace(heard["published"], {int(k): v for k, v in heard["answered"].items()}, dict(scene.arrived))


def figures(trace: Trace) -> list[Figure]:
    """Of a loop that keeps up."""
    times, published = trace.latencies(), len(trace.published)
    if not times:
        raise GlimpseError(f"none of {published} frames was answered by a next_view")
    used = f"{len(times)} of {published} looked at, the others dropped for newer ones"
    return [
        Figure("frame to next_view, median", median(times), "ms", high=P50, note=used),
        Figure("frame to next_view, 99 of 100", percentile(times, 0.99), "ms", high=P99),
        Figure("frame to scene node, median", median(trace.transport()), "ms"),
        Figure("frame to scene node, 99 of 100", percentile(trace.transport(), 0.99), "ms"),
        Figure("frames delivered, share", len(trace.transport()) / published, "", low=DELIVERED),
        Figure("frames per second, published", rate(trace.published), "Hz"),
        Figure("frames per second, answered", rate(list(trace.answered)), "Hz"),
    ]


def overload(trace: Trace) -> list[Figure]:
    """Of one that does not: frames that are dropped keep the latency where it is, a queue would let it grow."""
    times, published = trace.latencies(), len(trace.published)
    third = len(times) // 3
    if third == 0:
        raise GlimpseError(f"{len(times)} of {published} frames were answered under overload: expected more")
    growth = median(times[-third:]) / median(times[:third])
    note = f"median {median(times):.0f} ms, {published - len(times)} of {published} frames dropped"
    return [Figure("latency's growth under overload", growth, "", high=GROWTH, note=note)]


def rate(stamps: list[int]) -> float:
    """Per second, of ascending stamps [ns]."""
    return (len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9 if len(stamps) > 1 else 0.0
