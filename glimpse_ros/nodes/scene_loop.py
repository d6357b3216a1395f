"""The scene node's loop without ROS: frames and answers in, questions out. One thread at a time.

A belief is a question, the next view its answer. A PTZ camera starts with a glimpse of where it already looks; before
a wide camera's first crop the policy is asked with the empty belief. Stamps are ns, `now` is the steady clock [s].
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.explorer import give_overview, glimpse_from_frame
from ..core.memory import Mosaic
from ..core.retina import canvas_for
from ..core.scene_frame import SceneFrame
from ..core.types import Frame, GlimpseError, PanTiltZoom, SceneEstimate, SceneModel, View
from .episode import SECOND, Asking
from .frames import FrameGate
from .health import ERROR, WARN, Reporter
from .lens import Lens
from .loop_types import LoopSettings, Output, Record, Shot
from .tag import BeliefTag
from .views import JointMerger, Settling, ViewRing

MANY = 3  # failed glimpses or unanswered questions in a row
STATE_WAIT = 0.1  # [s] that a frame waits for a state at or after its stamp; then the last state must do
Phase = Literal["look", "ask", "done"]


class SceneLoop:
    """See the module."""

    def __init__(
        self,
        model: SceneModel,
        settings: LoopSettings,
        lens: Lens,
        ring: ViewRing,
        output: Output,
        reporter: Reporter,
        decode: Callable[[Any], NDArray[np.uint8]],
        mosaic: Mosaic | None = None,
        states: Callable[[], bool] = lambda: False,
        listener: Callable[[Record], None] | None = None,
        wide_model: Callable[[int, int], SceneModel] | None = None,
    ) -> None:
        """
        mosaic: kept of what was seen, beside the model. states: whether anybody publishes where the camera looks.
        wide_model: gives the model for a wide camera's frames of height, width, in place of `model`.
        """
        self.model, self.settings, self.lens, self.ring = model, settings, lens, ring
        self.output, self.reporter, self.decode, self.mosaic = output, reporter, decode, mosaic
        self.states, self.listener, self.wide_model = states, listener, wide_model
        self.count = reporter.health.count
        self.restart()

    def restart(self) -> None:
        """As after activation: no stamp was seen yet."""
        self.gate = FrameGate(self.settings.max_frame_age, self.reporter)
        self.heard: float | None = None  # when the last usable frame came
        self.begin()

    def begin(self) -> None:
        """A new episode: everything seen is forgotten."""
        self.model.reset()
        if self.mosaic is not None and self.mosaic is not self.model:
            self.mosaic.reset()
        self.episode = uuid.uuid4().hex[:12]
        self.phase: Phase = "look"
        self.step = self.failures = 0
        self.view: View | None = None  # where to crop a wide frame
        self.settling: Settling | None = None
        self.asking: Asking | None = None
        self.estimate: SceneEstimate | None = None
        self.taken: tuple[View, PanTiltZoom | None] | None = None
        self.newest: Shot | None = None  # not looked at yet
        self.shot: Shot | None = None  # the wide frame that is being cropped
        self.commands = JointMerger(self.settings.joints)
        self.reporter.health.tell("episode", self.episode)

    # Events

    def frame(self, message: Any, stamp: int, clock: int, now: float) -> None:
        """An image came; clock: the node's [ns], on which stamps should be."""
        verdict = self.gate.judge(stamp, clock)
        if verdict == "drop":
            return
        if verdict == "jump":
            state = self.ring.newest()
            if state is not None and state[0] > stamp + self.gate.guard.jitter:
                self.ring.clear()
            self.begin()
        self.heard = now
        self.newest = Shot(message, stamp, now)
        self.look(now)

    def answer(self, frame_id: str, stamp: int, names: Sequence[str], positions: Sequence[float], now: float) -> None:
        """A next view came. One without frame_id is a command by hand and is followed at any time."""
        asked = self.phase == "ask" and self.asking is not None and self.asking.answered_by(frame_id, stamp)
        if not asked and frame_id:
            self.count("answers to another question")
            return
        ptz = self.commands.follow(names, positions, self.taken[1] if self.taken else None)
        if ptz is None:
            self.count("answers without pan or tilt")
            return
        self.reporter.solved("unanswered", "the policy answers again")
        if self.lens.kind == "wide":
            self.view = self.lens.wide(*(self.shot.size if self.shot else (1, 1))).view_from_ptz(ptz)
        else:
            s = self.settings
            dwell = round(s.settle_time * SECOND)
            self.settling = Settling(ptz, now, s.settle_tolerance, s.zoom_tolerance, dwell, s.settle_timeout)
        self.phase, self.asking = "look", None
        self.look(now)

    def done(self, finished: bool, now: float) -> None:
        """The policy says whether it is through."""
        if finished and self.phase == "ask":
            self.phase = "done"
            self.reporter.solved("unanswered", "the policy answers again")
            if self.settings.loop:
                self.begin()
        elif not finished and self.phase == "done" and self.asking is not None:
            self.phase = "ask"
            self.output.again()

    def tick(self, now: float) -> None:
        """Some time has passed."""
        if self.phase == "ask" and self.asking is not None and self.asking.due(now):
            self.count("questions repeated")
            self.output.again()
            if self.asking.repeats >= MANY:
                text = f"asked {self.asking.repeats + 1} times without a next_view: is the policy node active?"
                self.reporter.problem("unanswered", WARN, text)
        self.look(now)

    # Looking

    def look(self, now: float) -> None:
        """Take a glimpse from the newest frame, where it is time to and the frame serves."""
        if self.newest is not None and 0.0 < self.settings.max_frame_age < now - self.newest.arrived:
            self.count("frames stale")  # it waited too long for an answer, or for a state
            self.newest = None
        if self.newest is None and self.shot is None:
            return
        kind = self.lens.kind or self.lens.decide(self.states(), now)
        if kind == "ptz" and self.model.info.scene.projection != "spherical":
            text = f"model {self.model.info.name} is planar: a PTZ camera needs a spherical scene model"
            self.reporter.problem("projection", ERROR, text)
        elif kind == "ptz" and self.phase == "look" and self.newest is not None:
            self._look_ptz(self.newest, now)
        elif kind == "wide":
            self._look_wide(now)

    def _look_ptz(self, shot: Shot, now: float) -> None:
        state = self.ring.newest()
        if state is None or (state[0] < shot.stamp and now - shot.arrived < STATE_WAIT):
            return
        ptz = self.ring.at(shot.stamp, round(self.settings.state_hold * SECOND))
        if ptz is None:
            self.count("frames without a view")
            self.newest = None
            return
        camera = self.lens.ptz(ptz.zoom)
        if camera is None:
            text = "the camera's field of view is unknown: parameter hfov is 0 and no calibrated camera_info has come"
            self.reporter.problem("fov", WARN, text)
            return
        self.reporter.solved("fov")
        verdict = "settled" if self.settling is None else self.settling.judge(shot.stamp, ptz, now)
        self.newest = None
        if verdict == "moving":
            return
        if verdict == "timeout":
            self.count("views not reached")
            text = f"the camera did not reach its view within {self.settings.settle_timeout:g} s: it is taken as it is"
            self.reporter.problem("settling", WARN, text)
        else:
            self.reporter.solved("settling", "the camera reaches its views again")
        image = self._decoded(shot)
        if image is not None:
            if self.step and self.settings.memory == "decay":
                self._forget()
            self._take(Frame(image, shot.stamp, ptz), None, camera, now)

    def _look_wide(self, now: float) -> None:
        s = self.settings
        spent = self.shot is not None and (self.shot.used >= s.glimpses_per_frame or self.phase == "done")
        if s.memory == "per_frame" and spent and self.newest is not None:
            newest = self.newest
            self.begin()
            self.newest = newest
        if self.phase != "look":
            return
        if self.shot is None or self.shot.used >= s.glimpses_per_frame:
            if self.newest is None:
                return
            shot, self.newest = self.newest, None
            image = self._decoded(shot)
            if image is None:
                return
            if self.wide_model is not None:
                model, self.wide_model = self.wide_model(*image.shape[:2]), None
                self.mosaic = model if self.mosaic is self.model and isinstance(model, Mosaic) else self.mosaic
                self.model = model
            shot.canvas, shot.message, shot.size = canvas_for(image, self.model.info.scene), None, image.shape[:2]
            self.shot = shot
            if self.step and s.memory == "decay":
                self._forget()
        assert self.shot.canvas is not None
        camera = self.lens.wide(*self.shot.size)
        if self.view is None:
            give_overview(self.model, self.shot.canvas)
            self._ask(self._empty(), self.shot.stamp, camera, None, None, now)
            return
        self.shot.used += 1
        self._take(Frame(self.shot.canvas, self.shot.stamp), self.view, camera, now)

    def _decoded(self, shot: Shot) -> NDArray[np.uint8] | None:
        try:
            image = self.decode(shot.message)
        except GlimpseError as err:
            self.count("frames malformed")
            self.reporter.problem("malformed", WARN, f"{err}: the frame is skipped")
            return None
        self.reporter.solved("malformed", "frames are well-formed again")
        return image

    def _take(self, frame: Frame, view: View | None, camera: SceneFrame, now: float) -> None:
        info = self.model.info
        started = time.perf_counter()
        shown = (self.step + 1) % self.settings.maps_every == 0 or self.step == 0
        try:
            glimpse = glimpse_from_frame(frame, view, camera, info.glimpse, info.scene, info.padding)
            estimate = self.model.step(glimpse, decode=shown)
        except GlimpseError as err:
            self._failed(err, frame, camera, now)
            return
        seconds = time.perf_counter() - started
        self.failures = 0
        self.reporter.solved("model", "the scene model answers again")
        self.step += 1
        self.estimate, self.taken = estimate, (glimpse.view, frame.ptz)
        if self.mosaic is not None and self.mosaic is not self.model:
            self.mosaic.paste(glimpse)
        if self.listener is not None:  # before anybody can answer
            stamp, step = frame.stamp, self.step
            self.listener(Record(glimpse.view, frame.ptz, glimpse, estimate, seconds, stamp, step, self.episode))
        self._ask(estimate, frame.stamp, camera, glimpse.view, frame.ptz, now, shown)
        if self.mosaic is not None and shown:
            self.output.show_mosaic(self.mosaic, frame.stamp)
        self.reporter.health.tell("step ms", round(seconds * 1e3, 1))

    def _failed(self, err: GlimpseError, frame: Frame, camera: SceneFrame, now: float) -> None:
        """A glimpse that the model could not use is left out; after many the policy is asked to look elsewhere."""
        self.count("glimpses failed")
        self.failures += 1
        self.reporter.problem("model", ERROR if self.failures >= MANY else WARN, f"{err}: the glimpse is left out")
        if self.shot is not None:
            self.shot.used = self.settings.glimpses_per_frame
        if self.failures % MANY == 0:
            seen = self.taken[0] if self.taken else None
            self._ask(self.estimate or self._empty(), frame.stamp, camera, seen, frame.ptz, now)

    def _ask(
        self,
        estimate: SceneEstimate,
        stamp: int,
        camera: SceneFrame,
        view: View | None,
        ptz: PanTiltZoom | None,
        now: float,
        shown: bool = True,
    ) -> None:
        tag = BeliefTag.of(self.model.info, self.episode, self.step, camera, view, ptz).text()
        self.asking = Asking((tag, stamp), now, self.settings.ask_again)
        self.phase = "ask"
        self.count("questions")
        self.output.ask(estimate, tag, stamp, shown)

    def _forget(self) -> None:
        for memory in {id(m): m for m in (self.model, self.mosaic) if m is not None}.values():
            forget = getattr(memory, "forget", None)
            if forget is not None:
                forget(self.settings.forget_rate)

    def _empty(self) -> SceneEstimate:
        try:
            return self.model.empty()
        except GlimpseError as err:  # only an overview can be at fault, and there is nothing else to forget yet
            self.count("overviews failed")
            self.reporter.problem("model", ERROR, f"{err}: it goes on without an overview")
            self.model.reset()
            return self.model.empty()
