"""The closed loop: the three nodes in one process and an ideal camera, as `glimpse explore --fast` runs them."""

from __future__ import annotations

import time

from ..cameras.sim import SimCamera
from ..nodes.graph import run_graph
from ..nodes.loop_types import Record
from ..progress import Progress
from .figures import Figure, Settings, median
from .scenery import picture

PANORAMA = (1024, 2048)  # height, width [px]
RATE = 15.0  # goal [1/s]


def measure(settings: Settings, say: Progress) -> list[Figure]:
    """The figures."""
    panorama = picture(*PANORAMA)
    rates: list[float] = []
    perception: list[float] = []
    for run in range(settings.runs):
        taken: list[float] = []

        def on_step(record: Record, taken: list[float] = taken, run: int = run) -> None:
            taken.append(time.perf_counter())
            perception.append(record.seconds * 1e3)
            say("closed loop: glimpse", run * settings.closed + len(taken), settings.runs * settings.closed)

        say("closed loop: starting")
        run_graph(
            SimCamera(panorama, ideal=True),
            model=settings.model,
            policy=settings.policy,
            glimpses=settings.closed,
            seed=run,
            fast=True,
            provider=settings.provider,
            on_step=on_step,
        )
        rates.append((len(taken) - 1) / (taken[-1] - taken[0]))
    note = f"{min(rates):.1f} to {max(rates):.1f} in {len(rates)} runs of {settings.closed}"
    return [
        Figure("glimpses per second, ideal camera", median(rates), "1/s", low=RATE, note=note),
        Figure("  of it retina and scene model, median", median(perception), "ms"),
    ]
