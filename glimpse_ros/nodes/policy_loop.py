"""The policy node's loop without ROS: beliefs in, views out. One thread at a time.

Every belief gets one answer; the same belief again gets the same answer again. What a policy says is used only where
it is finite and inside the limits; else the last good view is held, so that the loop goes on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..cameras.wide import MAX_ZOOM
from ..core.memory import Mosaic
from ..core.policies import first_view
from ..core.scene_frame import SceneFrame
from ..core.types import Episode, GlimpseError, MountLimits, PanTiltZoom, Policy, SceneEstimate, SceneInfo, View
from .episode import AnswerGuard
from .health import ERROR, WARN, Reporter
from .tag import BeliefTag

ENDLESS = 12  # glimpses that a policy plans with where the budget has no end
RETIRED = 16  # episodes remembered as over
SCORES = 1024  # the newest that are kept
WIDE = MountLimits(zoom=(1.0, MAX_ZOOM))  # of a wide camera: nothing moves, so nothing but the image limits


@dataclass(frozen=True)
class PolicySettings:
    """See the parameters of the same names."""

    glimpses: int = 8
    seed: int = 0
    stop_threshold: float | None = None  # None: the policy's own
    many_bad: int = 5
    mount: MountLimits = MountLimits()


class Answers(Protocol):
    """Where answers go."""

    def next_view(self, ptz: PanTiltZoom, frame_id: str, stamp: int, tag: BeliefTag, camera: SceneFrame) -> None:
        """Send the camera there, in answer to a belief's header."""

    def done(self, finished: bool) -> None:
        """The episode is over, or begins."""


class PolicyLoop:
    """See the module."""

    def __init__(
        self,
        info: SceneInfo,
        make: Callable[[SceneInfo], Policy],
        settings: PolicySettings,
        answers: Answers,
        reporter: Reporter,
    ) -> None:
        """info: the scene model whose beliefs are expected. make: the policy for it, raises GlimpseError."""
        self.info, self.make, self.settings, self.answers, self.reporter = info, make, settings, answers, reporter
        self.policy = make(info)
        self.count = reporter.health.count
        self.retired: deque[str] = deque(maxlen=RETIRED)
        self.episodes = 0
        self.restart()

    def restart(self) -> None:
        """Forget the episode; the next belief begins one, and the budget is whole again."""
        self.episode: str | None = None
        self.last: PanTiltZoom | None = None  # the last good view
        self.answered: tuple[str, int] | None = None
        self.answer: Callable[[], None] | None = None
        self.guard = AnswerGuard(self.settings.many_bad)
        # Stop scores by episode and glimpse, from 1.
        self.scores: deque[tuple[tuple[str, int], float]] = deque(maxlen=SCORES)
        self.stopped = False  # by the policy itself

    @property
    def threshold(self) -> float:
        """The stop score that ends an episode."""
        own = getattr(self.policy, "stop_threshold", None)
        return next((t for t in (self.settings.stop_threshold, own) if t is not None), math.inf)

    def belief(self, frame_id: str, stamp: int, estimate: SceneEstimate) -> None:
        """Answer a belief; frame_id and stamp [ns] are its header's."""
        if self.answered == (frame_id, stamp) and self.answer is not None:
            self.count("answers repeated")
            self.answer()
            return
        try:
            tag = BeliefTag.parse(frame_id)
        except GlimpseError as err:
            self.count("beliefs unreadable")
            self.reporter.problem("tag", WARN, str(err))
            return
        self.reporter.solved("tag")
        if tag.episode in self.retired:
            self.count("beliefs of earlier episodes")
            return
        if tag.belief_id != self.info.belief_id:
            text = f"beliefs come from model {tag.belief_id}, this node serves {self.info.name} ({self.info.belief_id})"
            self.reporter.problem("model", ERROR, f"{text}: give both nodes the same model")
            return
        self.reporter.solved("model", "beliefs come from the expected model again")
        if tag.episode != self.episode and not self._begin(tag):
            return
        self._answer(frame_id, stamp, tag, self._decide(tag, estimate))

    def _begin(self, tag: BeliefTag) -> bool:
        """A new episode; False where the policy cannot serve it."""
        try:
            camera = tag.camera(WIDE if tag.ptz is None else self.settings.mount)
            limits, scene, seed = camera.limits(), tag.spec(), self.settings.seed + self.episodes
            if scene != self.info.scene:
                self._other_scene(tag)
            first = tag.seen() or first_view(self.info, limits, seed)
            self.policy.reset(Episode(limits, self.settings.glimpses or ENDLESS, first, scene, seed))
        except GlimpseError as err:
            self.reporter.problem("episode", ERROR, f"{err}: no view is chosen")
            return False
        self.reporter.solved("episode", "the policy can serve again")
        if self.episode is not None:
            self.retired.append(self.episode)
        self.camera, self.limits = camera, limits
        self.episode, self.base = tag.episode, max(0, tag.step - 1)
        self.episodes += 1
        self.stopped = False
        self.last = tag.looking()
        self.reporter.health.tell("episode", tag.episode)
        self.answers.done(False)
        return True

    def _other_scene(self, tag: BeliefTag) -> None:
        """The mosaic fits its canvas to a wide camera's frames; any other model has one size."""
        if self.info.belief_id != Mosaic().info.belief_id:
            height, width, projection = tag.scene
            raise GlimpseError(f"beliefs are of a {width}x{height} {projection} scene, {self.info.name}'s is not")
        self.info = Mosaic(tag.spec(), self.info.glimpse).info
        self.policy = self.make(self.info)

    def _decide(self, tag: BeliefTag, estimate: SceneEstimate) -> View | None | bool:
        """A good view, None where the answer was bad, True where the episode is over."""
        taken = tag.step - self.base
        self.reporter.health.tell("glimpses", taken)
        if 0 < self.settings.glimpses <= taken:
            return True
        try:
            decision = self.policy.decide(estimate, tag.seen())
        except (GlimpseError, ArithmeticError, ValueError) as err:
            self.guard.bad(str(err))
            return None
        if decision.stop is not None and taken > 0:  # nothing is known before the first glimpse
            self.scores.append(((tag.episode, tag.step), decision.stop))
            self.stopped = decision.stop >= self.threshold
            if self.stopped:
                return True
        return decision.view if self.guard.good(decision.view, self.limits, self.info.scene.projection) else None

    def _answer(self, frame_id: str, stamp: int, tag: BeliefTag, chosen: View | None | bool) -> None:
        if isinstance(chosen, bool):
            self._remember(frame_id, stamp, lambda: self.answers.done(True))
            return
        if chosen is None:
            self.count("views dropped")
            level = ERROR if self.guard.broken else WARN
            text = f"{self.guard.in_a_row} views in a row dropped, the last good one is held: {self.guard.reason}"
            self.reporter.problem("policy", level, text)
            ptz = self.last
            if ptz is None:
                return  # nothing was good yet: the belief will be repeated
        else:
            self.reporter.solved("policy", "the policy's views are good again")
            near = tag.ptz[0] if tag.ptz is not None else 0.0
            ptz = self.last = self.camera.ptz_from_view(chosen, near)
        self.count("views")
        goal = ptz
        self._remember(frame_id, stamp, lambda: self.answers.next_view(goal, frame_id, stamp, tag, self.camera))

    def _remember(self, frame_id: str, stamp: int, answer: Callable[[], None]) -> None:
        self.answered, self.answer = (frame_id, stamp), answer
        answer()
