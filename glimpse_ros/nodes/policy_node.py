"""The policy node: belief in, next view out, in the terms of a camera and of its driver."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray

from ..core.bundle import load_scene
from ..core.pixels import MAX_PIXELS
from ..core.policies import POLICIES, make_policy
from ..core.scene_frame import SceneFrame
from ..core.types import GlimpseError, PanTiltZoom, SceneEstimate, SceneInfo
from . import convert
from .base import LOOP, MAPS, GlimpseNode
from .driver import INTERFACES, Driver
from .episode import Matcher
from .health import WARN, Silence
from .markers import Markers
from .parameters import JOINTS, MOUNT, Param, joint_names, mount_limits
from .policy_loop import PolicyLoop, PolicySettings
from .run import run_node
from .setpoints import Device
from .silence import why_silent
from .tag import BeliefTag
from .views import JointMerger

POLICY = (
    Param("model", "mosaic", "the scene node's model: a bundle's folder or name, or mosaic"),
    Param("policy", "uncertainty", f"learned, {', '.join(POLICIES)}, or a bundle's path"),
    Param("provider", "auto", "of onnxruntime: auto, cpu, cuda or its own name"),
    Param("glimpses", 8, "budget of an episode, then done; 0: go on for ever", 0, 1_000_000),
    Param("seed", 0, "of the first view and the noise; each further episode takes the next one", 0, 2**31 - 1),
    Param("stop_threshold", -1.0, "done when the policy's stop score reaches this; below 0: the bundle's own, if any"),
    Param("many_bad", 5, "views dropped in a row that make the diagnostics an error", 1, 1000),
    Param("belief_timeout", 5.0, "warn after this long without a belief [s]; 0: never", 0.0, 3600.0),
    Param("command_interface", "view", "what is published beside next_view, for a driver", choices=INTERFACES),
    Param("pan_sign", 1, "-1 where the driver's pan is positive to the right", -1, 1),
    Param("tilt_sign", 1, "-1 where the driver's tilt is positive upwards", -1, 1),
    Param("pan_rate", 0.0, "fastest pan of driver commands [rad/s]; 0: left to the driver", 0.0, 100.0),
    Param("tilt_rate", 0.0, "fastest tilt of driver commands [rad/s]; 0: left to the driver", 0.0, 100.0),
    Param("zoom_rate", 0.0, "fastest zoom of driver commands [factor/s]; 0: left to the driver", 0.0, 1000.0),
    Param("frame_id", "mount", "frame of the markers: x forward, y left, z up"),
    *MOUNT,
    *JOINTS,
)


class PolicyNode(GlimpseNode):
    """Wires messages to a `PolicyLoop`, which belongs to the worker's thread."""

    TABLE = POLICY

    def __init__(self, name: str = "policy_node", info: SceneInfo | None = None, **kwargs: Any) -> None:
        """info: of the scene model, where it is loaded already. kwargs: of GlimpseNode."""
        self.info = info
        self.loop: PolicyLoop | None = None
        self.finished = False  # the episode's budget is spent, or the policy stopped
        super().__init__(name, **kwargs)

    def setup(self) -> None:
        """Load the policy, open the topics."""
        v = self.values
        mount, joints = mount_limits(v), joint_names(v)
        if 0 in (v["pan_sign"], v["tilt_sign"]):
            raise GlimpseError("pan_sign and tilt_sign: expected 1 or -1")
        threshold = v["stop_threshold"] if v["stop_threshold"] >= 0 else None
        settings = PolicySettings(v["glimpses"], v["seed"], threshold, v["many_bad"], mount)
        info = self.info or load_scene(v["model"], v["provider"]).info
        make = partial(_make, v["policy"], v["model"], v["provider"])
        device = Device(mount, v["pan_sign"], v["tilt_sign"], (v["pan_rate"], v["tilt_rate"], v["zoom_rate"]))
        self.joints, self.merger = joints, JointMerger(joints)
        self.next_view_out = self.publisher(JointState, "next_view", LOOP)
        self.done_out = self.publisher(Bool, "done", MAPS)
        self.markers_out = self.publisher(MarkerArray, "markers", LOOP)
        self.markers = Markers(v["frame_id"])
        self.driver = Driver(self, v["command_interface"], joints, device)
        self.loop = PolicyLoop(info, make, settings, self, self)
        self.wants = self.loop.policy.wants
        self.matcher = Matcher(self.wants | {"belief"})
        self.belief = self.subscribe(Image, "belief", partial(self._on_message, "belief"), LOOP)
        for name in sorted(self.wants):
            self.subscribe(Image, name, partial(self._on_message, name), MAPS)
        self.subscribe(JointState, "view_state", self._on_view_state, LOOP)
        self.service(Trigger, "~/reset", self._on_reset)
        self.health.tell("policy", v["policy"])
        self.health.tell("provider", getattr(self.loop.policy, "provider", "numpy"))
        self.get_logger().info(f"policy {v['policy']} for model {info.name}")

    def start(self) -> None:
        """Warm up, and wait for the first belief."""
        assert self.loop is not None
        warm_up = getattr(self.loop.policy, "warm_up", None)
        if warm_up is not None:
            warm_up()
        self.loop.restart()
        self.matcher = Matcher(self.matcher.topics)
        self.merger.last.clear()
        self.commanded: PanTiltZoom | None = None
        self.finished = False
        self.unmatched: float | None = None  # since when a belief waits for its maps
        self.silence = Silence(self.values["belief_timeout"], time.monotonic())

    def hold(self) -> None:
        """The camera is to stay where it is, if it was this node that sent it on its way."""
        here = self.merger.merge((), ())
        if self.commanded is None or here is None:
            return
        self.next_view_out.publish(convert.joints_from_ptz(here, convert.header(0, "hold"), self.joints))
        self.driver.hold(here)

    def teardown(self) -> None:
        """Let the policy go."""
        self.loop = None

    # Callbacks: they take over and return

    def _on_message(self, topic: str, message: Image) -> None:
        now = time.monotonic()
        if topic == "belief":
            self.silence.hear(now)
            self.unmatched = self.unmatched or now
        stamp = convert.ns_from_stamp(message.header.stamp)
        together = self.matcher.put(topic, stamp, message)
        if together is None:
            return
        self.unmatched = None

        def job() -> None:
            if self.loop is not None and self.active:
                self._answer(self.loop, dict(together), stamp)

        self.worker.post("belief", job)

    def _answer(self, loop: PolicyLoop, messages: dict[str, Image], stamp: int) -> None:
        frame_id = messages["belief"].header.frame_id
        try:
            maps = {
                name: convert.chw_from_image(message, MAX_PIXELS)
                if name == "reconstruction"
                else convert.map_from_image(message, name)
                for name, message in messages.items()
            }
        except GlimpseError as err:
            self.health.count("beliefs malformed")
            self.problem("malformed", WARN, f"{err}: it is left unanswered")
            return
        self.solved("malformed")
        loop.belief(frame_id, stamp, SceneEstimate(**maps))

    def _on_view_state(self, message: JointState) -> None:
        self.merger.merge(message.name, message.position)

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self.active
        response.message = "the next belief begins anew" if self.active else "not active: there is nothing to reset"
        self.worker.post("reset", self._restart)
        return response

    def _restart(self) -> None:
        if self.loop is not None and self.active:
            self.loop.restart()
            self.done(False)

    # Answers of the loop

    def next_view(self, ptz: PanTiltZoom, frame_id: str, stamp: int, tag: BeliefTag, camera: SceneFrame) -> None:
        """Publish a view, and tell the driver."""
        if not self.active:
            return
        self.next_view_out.publish(convert.joints_from_ptz(ptz, convert.header(stamp, frame_id), self.joints))
        if tag.ptz is not None:  # a wide camera has nothing to drive
            self.driver.command(ptz, tag.looking())
            self.commanded = ptz
        self.markers_out.publish(self.markers.message(ptz, tag.seen(), camera, stamp))

    def done(self, finished: bool) -> None:
        """Publish whether the episode is over."""
        if not finished:
            self.markers.clear()
        self.finished = finished
        self.done_out.publish(Bool(data=finished))

    # Watchdogs

    def watch(self) -> None:
        """Silent scene node, maps that do not come, two commanders."""
        if not self.active:
            return
        now = time.monotonic()
        quiet = None if self.finished else self.silence.quiet(now)
        if quiet is None:
            self.solved("belief", "beliefs arrive again")
        else:
            why = why_silent(self, self.belief, LOOP)
            self.problem("belief", WARN, f"no belief for {quiet:.1f} s, no command is given: {why}")
        if self.unmatched is not None and now - self.unmatched > 2.0:
            names = ", ".join(sorted(self.wants))
            self.problem("maps", WARN, f"beliefs come without {names} of the same stamp: does the model publish them?")
        else:
            self.solved("maps")
        self.check_commanders("next_view")


def _make(name: str, model: str, provider: str, info: SceneInfo) -> Any:
    return make_policy(name, model, info, provider)


def main(args: list[str] | None = None) -> int:
    """`ros2 run glimpse_ros policy_node`."""
    return run_node(PolicyNode, args)


if __name__ == "__main__":
    raise SystemExit(main())
