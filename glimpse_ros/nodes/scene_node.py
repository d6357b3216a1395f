"""The scene node: frames in, belief and maps out. It remembers the scene and asks the policy where to look next."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from ..core.bundle import load_scene
from ..core.memory import Mosaic
from ..core.types import GlimpseError, SceneModel, SceneSpec
from . import convert
from .base import IMAGES, LOOP, GlimpseNode
from .health import WARN, Silence
from .lens import Calibration, Lens
from .loop_types import Record
from .run import run_node
from .scene_loop import SceneLoop
from .scene_output import SceneOutput
from .scene_parameters import SCENE, loop_settings
from .silence import why_silent
from .views import JointMerger, ViewRing

MOSAIC_WIDTH = 512  # [px] of the canvas of a mosaic of wide frames; its height follows from the frames


class SceneNode(GlimpseNode):
    """Wires messages to a `SceneLoop`, which belongs to the worker's thread."""

    TABLE = SCENE

    def __init__(
        self, name: str = "scene_node", listener: Callable[[Record], None] | None = None, **kwargs: Any
    ) -> None:
        """listener: told every glimpse, in the worker's thread. kwargs: of GlimpseNode."""
        self.listener = listener
        self.loop: SceneLoop | None = None
        self._counted = (0, 0)  # frames repeated, and stale or late, a second ago
        super().__init__(name, **kwargs)

    def setup(self) -> None:
        """Load the model, open the topics."""
        v = self.values
        settings = loop_settings(v)
        model, wide_model = self._load()
        if settings.memory == "decay" and not getattr(model, "fades", False):
            raise GlimpseError(f"memory decay: model {model.info.name} cannot fade, expected carried or per_frame")
        mosaic = model if isinstance(model, Mosaic) else Mosaic(model.info.scene, model.info.glimpse)
        self.states, self.joints = ViewRing(), JointMerger(settings.joints)
        if v["image_transport"] == "raw":
            self.image = self.subscribe(Image, "image", self._on_image, IMAGES)
        else:
            self.image = self.subscribe(CompressedImage, "image/compressed", self._on_image, IMAGES)
        self.view_state = self.subscribe(JointState, "view_state", self._on_view_state, LOOP)
        self.subscribe(CameraInfo, "camera_info", self._on_camera_info, IMAGES)
        self.subscribe(JointState, "next_view", self._on_next_view, LOOP)
        self.subscribe(Bool, "done", self._on_done, LOOP)
        self.service(Trigger, "~/reset", self._on_reset)
        self.lens = Lens(v["camera"], v["hfov"])
        self.output = SceneOutput(self, model.info, v["publish_mosaic"])
        self.loop = SceneLoop(
            model,
            settings,
            self.lens,
            self.states,
            self.output,
            self,
            partial(convert.rgb_from_image, max_pixels=v["max_pixels"]),
            mosaic if v["publish_mosaic"] else None,
            self._states_published,
            self.listener,
            wide_model,
        )
        self.health.tell("model", model.info.name)
        self.health.tell("provider", model.info.provider)
        if model.info.class_names:  # by class id, for those who have no label_info
            self.health.tell("classes", ", ".join(model.info.class_names))
        self.get_logger().info(f"model {model.info.name} on {model.info.provider}")

    def _load(self) -> tuple[SceneModel, Callable[[int, int], SceneModel] | None]:
        """The model, and one that takes its place when the camera turns out to be a wide one."""
        v = self.values
        model = load_scene(v["model"], v["provider"], v["require_gpu"])
        projection, wanted = model.info.scene.projection, v["projection"]
        wide_model: Callable[[int, int], SceneModel] | None = None
        if isinstance(model, Mosaic):
            if wanted == "planar" or (wanted == "auto" and v["camera"] != "ptz"):
                wide_model = _planar_mosaic
            if wanted == "planar" and v["camera"] == "ptz":
                raise GlimpseError("projection planar with camera ptz: a PTZ camera needs a spherical scene model")
        elif wanted not in ("auto", projection):
            raise GlimpseError(f"projection {wanted}: model {model.info.name} is {projection}")
        elif projection == "planar" and v["camera"] == "ptz":
            raise GlimpseError(f"model {model.info.name} is planar: a PTZ camera needs a spherical scene model")
        return model, wide_model

    def start(self) -> None:
        """Warm up, and begin with an empty memory."""
        assert self.loop is not None
        warm_up = getattr(self.loop.model, "warm_up", None)
        if warm_up is not None:
            warm_up()
        self.states.clear()
        self.joints.last.clear()
        self.loop.restart()
        self.worker.on_tick(self._tick)
        limit, now = self.values["camera_timeout"], time.monotonic()
        self.image_silence, self.state_silence = Silence(limit, now), Silence(limit, now)

    def stop(self) -> None:
        """Nothing is asked any more."""
        self.output.forget()

    def teardown(self) -> None:
        """Let the model go."""
        self.loop = None

    # Callbacks: they take over and return

    def _on_image(self, message: Image | CompressedImage) -> None:
        self.health.count("frames received")
        stamp, clock = convert.ns_from_stamp(message.header.stamp), self.get_clock().now().nanoseconds
        self._post("frame", lambda loop, now: loop.frame(message, stamp, clock, now))

    def _on_view_state(self, message: JointState) -> None:
        ptz = self.joints.merge(message.name, message.position)
        if ptz is None:
            self.health.count("view_states without pan or tilt")
            return
        self.state_silence.hear(time.monotonic())
        self.states.add(convert.ns_from_stamp(message.header.stamp), ptz)
        self._post("look", lambda loop, now: loop.look(now))

    def _on_camera_info(self, message: CameraInfo) -> None:
        calibration = Calibration(message.width, message.height, float(message.k[0]), float(message.k[4]))
        if calibration.valid():
            self.lens.calibration = calibration

    def _on_next_view(self, message: JointState) -> None:
        head = message.header
        stamp, names, positions = convert.ns_from_stamp(head.stamp), list(message.name), list(message.position)
        self._post("answer", lambda loop, now: loop.answer(head.frame_id, stamp, names, positions, now))

    def _on_done(self, message: Bool) -> None:
        self._post("done", lambda loop, now: loop.done(message.data, now))

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self.active
        response.message = "a new episode begins" if self.active else "not active: there is nothing to reset"
        self._post("reset", lambda loop, now: loop.begin())
        return response

    def _post(self, kind: str, act: Callable[[SceneLoop, float], None]) -> None:
        def job() -> None:
            if self.loop is not None and self.active:
                act(self.loop, time.monotonic())

        self.worker.post(kind, job)

    def _tick(self) -> None:
        if self.loop is not None and self.active:
            self.loop.tick(time.monotonic())

    def _states_published(self) -> bool:
        return len(self.states) > 0 or self.count_publishers(self.view_state.topic_name) > 0

    # Watchdogs

    def watch(self) -> None:
        """Silent camera, silent mount, two commanders."""
        if not self.active or self.loop is None:
            return
        now = time.monotonic()
        self.image_silence.heard = max(self.image_silence.heard, self.loop.heard or 0.0)
        quiet, refused = self.image_silence.quiet(now), self._refused()
        if quiet is None:
            self.solved("image", "frames arrive again")
        else:
            self.problem(
                "image",
                WARN,
                f"no usable frame for {quiet:.1f} s, no new view is asked for: {self._no_frames(*refused)}",
            )
        quiet = self.state_silence.quiet(now) if self.lens.kind == "ptz" else None
        if quiet is None:
            self.solved("view_state", "the camera tells its view again")
        else:
            why = why_silent(self, self.view_state, LOOP)
            self.problem("view_state", WARN, f"no view_state for {quiet:.1f} s, frames cannot be placed: {why}")
        self.check_commanders("next_view")

    def _refused(self) -> tuple[int, ...]:
        """Frames since the last call that were repeated, and that were stale or late."""
        now = [self.health.counted(f"frames {what}") for what in ("repeated", "stale", "late")]
        before, self._counted = self._counted, (now[0], now[1] + now[2])
        return tuple(n - b for n, b in zip(self._counted, before, strict=True))

    def _no_frames(self, repeated: int, old: int) -> str:
        if repeated:
            return f"{self.image.topic_name} is frozen, its stamp does not change"
        if old:
            return f"frames arrive on {self.image.topic_name}, but stale or out of order"
        return why_silent(self, self.image, IMAGES, large=True)


def _planar_mosaic(height: int, width: int) -> SceneModel:
    return Mosaic(SceneSpec(max(2, round(MOSAIC_WIDTH * height / width)), MOSAIC_WIDTH, "planar"))


def main(args: list[str] | None = None) -> int:
    """`ros2 run glimpse_ros scene_node`."""
    return run_node(SceneNode, args)


if __name__ == "__main__":
    raise SystemExit(main())
