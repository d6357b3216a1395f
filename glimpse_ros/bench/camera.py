"""The camera of the latency phase, in a process of its own: the package's camera node, its frames and answers noted.

    python -m glimpse_ros.bench.camera NAMESPACE SECONDS

Prints one line of JSON: the stamps [ns] of the frames published in so many seconds, and of each that was answered by
a next_view when that arrived here [ns]. Both are of the same clock.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from ..core.types import GlimpseError
from ..nodes.camera_node import CameraNode
from ..nodes.convert import ns_from_stamp
from .graph import Graph
from .scenery import SECOND, Slides

SIZE = (1080, 1920)  # height, width [px]
RATE = 30.0  # [Hz]
PATIENCE = 30.0  # [s] until the first answer
SETTLING = 1.0  # [s] from then on until it counts
LAST = 0.5  # [s] after it for the last answers to come


class TimedCameraNode(CameraNode):
    """Notes when the first answer to each frame arrives."""

    def __init__(self, **kwargs: Any) -> None:
        self.answers: dict[int, int] = {}  # stamp of the frame, arrival of the answer [ns]
        super().__init__(**kwargs)

    def _on_next_view(self, message: Any) -> None:
        self.answers.setdefault(ns_from_stamp(message.header.stamp), time.time_ns())
        super()._on_next_view(message)


class TimedSlides(Slides):
    """Notes the stamps of its frames."""

    def __init__(self, height: int, width: int, rate: float) -> None:
        super().__init__(height, width, rate)
        self.stamps: list[int] = []

    def read(self, now: int) -> Any:
        """Of the slides."""
        frame = super().read(now)
        if frame is not None and (not self.stamps or frame.stamp != self.stamps[-1]):
            self.stamps.append(frame.stamp)
        return frame


def main(arguments: list[str] | None = None) -> int:
    """See the module."""
    namespace, seconds = arguments or sys.argv[1:]
    slides = TimedSlides(*SIZE, RATE)
    with Graph(namespace) as graph:
        node = graph.add(TimedCameraNode, {}, camera=slides)
        deadline = time.monotonic() + PATIENCE
        while not node.answers:
            if time.monotonic() > deadline:
                raise GlimpseError(f"no next_view within {PATIENCE:.0f} s of the first frame")
            time.sleep(0.02)
        time.sleep(SETTLING)
        began = time.time_ns()
        over = began + round(float(seconds) * SECOND)
        time.sleep(float(seconds) + LAST)
    stamps = [stamp for stamp in slides.stamps if began <= stamp < over]
    answers = {stamp: node.answers[stamp] for stamp in stamps if stamp in node.answers}
    print(json.dumps({"published": stamps, "answered": answers}))
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except GlimpseError as err:
        raise SystemExit(str(err)) from None
