"""Stand-ins for what surrounds the nodes' loops: who listens, who remembers, who decides."""

from __future__ import annotations

import numpy as np

from glimpse_ros.core.types import (
    Decision,
    Glimpse,
    GlimpseError,
    GlimpseSpec,
    SceneEstimate,
    SceneInfo,
    SceneSpec,
    View,
)
from glimpse_ros.nodes.health import Health

SECOND = 1_000_000_000


class Reporter:
    """Remembers what was said; see `glimpse_ros.nodes.health.Reporter`."""

    def __init__(self) -> None:
        self.health = Health()
        self.notes: list[str] = []
        self.said: list[str] = []

    def problem(self, key: str, level: int, text: str) -> None:
        self.health.problem(key, level, text)
        self.said.append(text)

    def solved(self, key: str, text: str = "") -> None:
        self.health.solved(key)

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def text(self) -> str:
        return self.health.report()[1]


class Output:
    """Remembers what was asked; see `glimpse_ros.nodes.loop_types.Output`."""

    def __init__(self) -> None:
        self.asked: list[tuple[SceneEstimate, str, int]] = []
        self.repeated = self.mosaics = 0

    def ask(self, estimate: SceneEstimate, tag: str, stamp: int, shown: bool) -> None:
        self.asked.append((estimate, tag, stamp))

    def again(self) -> None:
        self.repeated += 1

    def show_mosaic(self, mosaic: object, stamp: int) -> None:
        self.mosaics += 1


class Model:
    """A scene model whose belief is the glimpses' mean brightness, in order; `broken` makes its step raise."""

    def __init__(self, projection: str = "spherical") -> None:
        scene = SceneSpec(32, 64, projection)
        self.info = SceneInfo("fake", scene, GlimpseSpec(8), (1 / 16, 1.0), "fake")
        self.broken = False
        self.resets = 0
        self.reset()

    def reset(self) -> None:
        self.resets += 1
        self.glimpses: list[Glimpse] = []

    def step(self, glimpse: Glimpse, decode: bool = True) -> SceneEstimate:
        if self.broken:
            raise GlimpseError("fake: the graph's answer is NaN")
        self.glimpses.append(glimpse)
        return self._estimate()

    def empty(self) -> SceneEstimate:
        return SceneEstimate(np.full((4, 1), -1.0, np.float32))

    def _estimate(self) -> SceneEstimate:
        belief = np.zeros((4, 1), np.float32)
        for i, glimpse in enumerate(self.glimpses[-4:]):
            belief[i] = glimpse.pixels.mean()
        return SceneEstimate(belief)


class ScriptedPolicy:
    """Says what it is told to say, again and again; an exception is raised."""

    wants: frozenset[str] = frozenset()

    def __init__(self, *answers: View | Decision | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[View | None] = []
        self.episodes: list[object] = []

    def reset(self, episode: object) -> None:
        self.episodes.append(episode)

    def decide(self, estimate: SceneEstimate, seen: View | None) -> Decision:
        self.asked.append(seen)
        answer = self.answers[(len(self.asked) - 1) % len(self.answers)]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Decision) else Decision(answer)
