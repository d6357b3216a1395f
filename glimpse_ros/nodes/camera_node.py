"""The camera node: one of the package's cameras as ROS topics. A robot's own driver takes its place."""

from __future__ import annotations

import time
from typing import Any

from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState

from ..cameras.base import Camera, open_camera
from ..core.scene_frame import fov_from_zoom
from ..core.types import Frame, GlimpseError, PanTiltZoom
from . import convert
from .base import LOOP, GlimpseNode
from .health import ERROR, WARN
from .parameters import JOINTS, MOUNT, Param, joint_names, mount_limits
from .run import run_node
from .views import JointMerger

CAMERA = (
    Param("camera", "sim", "kind of camera", choices=("sim", "wide", "bag", "usb")),
    Param("input", "", "path of a panorama (sim), of an image, folder or video (wide), of a bag; device number (usb)"),
    Param("fast", False, "ideal: moves in no time, and gives a new frame at once on each command"),
    Param("rate", 0.0, "frames per second [Hz]; 0: the camera's own", 0.0, 1000.0),
    Param("width", 0, "of a frame [px], sim and usb; 0: the camera's own", 0, 16384),
    Param("height", 0, "of a frame [px], sim and usb; 0: the camera's own", 0, 16384),
    Param("hfov", 0.0, "field of view at zoom 1 [rad], of a PTZ over the image's smaller side; 0: its own", 0.0, 3.14),
    Param("loop", False, "begin again at the end, wide and bag"),
    Param("topic", "", "image topic of a bag; empty: the one that suits best"),
    Param("speed", 1.0, "seconds recorded per second played, bag", 1e-3, 1e3),
    Param("publish_clock", False, "publish /clock from the stamps, for nodes with use_sim_time"),
    Param("seed", 0, "of the simulated noise", 0, 2**31 - 1),
    Param("pan_rate", 2.0, "of the simulated mount [rad/s]", 1e-3, 1e3),
    Param("tilt_rate", 1.5, "of the simulated mount [rad/s]", 1e-3, 1e3),
    Param("zoom_rate", 3.0, "of the simulated mount [factor/s]", 1e-3, 1e3),
    Param("settling", 0.1, "of the simulated mount [s]", 0.0, 10.0),
    Param("latency", 0.05, "from exposure to frame, simulated [s]", 0.0, 10.0),
    Param("noise", 2.0, "standard deviation on 0-255, simulated", 0.0, 100.0),
    Param("frame_id", "camera", "frame of the images"),
    *MOUNT,
    *JOINTS,
)
POLL = 250.0  # [Hz] at which a camera is asked for a new frame: well above its rate, so that none waits long
HEARTBEAT = 0.2  # [s] without a command after which a fast camera gives a frame all the same: one may have been lost
STEP = 1_000_000_000 // 30  # [ns] that a fast camera's clock goes on at least
STEPS = 300  # tried until it has a new frame
RECORDED = ("wide", "bag")  # have a beginning, which nobody is to miss


def options(values: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments of `open_camera` for this kind of camera; None where it is to use its own."""
    v = {name: value or None for name, value in values.items()}
    kind = values["camera"]
    if kind == "sim":
        if (v["width"] is None) != (v["height"] is None):
            raise GlimpseError("width and height of a simulated camera: expected both or none")
        simulated = ("pan_rate", "tilt_rate", "zoom_rate", "settling", "latency", "noise", "seed")
        return {
            "size": (v["height"], v["width"]) if v["height"] else None,
            "h0": v["hfov"],
            "mount": mount_limits(values),
            "ideal": values["fast"],
            "rate": v["rate"],
            **{name: values[name] for name in simulated},
        }
    if kind == "wide":
        return {"hfov": v["hfov"], "rate": v["rate"], "loop": values["loop"]}
    if kind == "usb":
        return {"hfov": v["hfov"], "rate": v["rate"], "width": v["width"], "height": v["height"]}
    fov = {"hfov": v["hfov"], "h0": v["hfov"]}
    return {"topic": v["topic"], "rate": v["rate"], "speed": values["speed"], "loop": values["loop"], **fov}


class CameraNode(GlimpseNode):
    """Publishes frames and where they were taken, follows `next_view`. The camera belongs to the worker's thread."""

    TABLE = CAMERA

    def __init__(self, name: str = "camera_node", camera: Camera | None = None, **kwargs: Any) -> None:
        """camera: one that is open already, and stays open; else the parameters say which. kwargs: of GlimpseNode."""
        self.given = camera
        self.camera: Camera | None = None
        self.ended = False  # the source has no more frames
        super().__init__(name, **kwargs)

    def setup(self) -> None:
        """Open the camera and the topics."""
        v = self.values
        self.joints = joint_names(v)
        mount_limits(v)
        self.camera = self.given or open_camera(v["camera"], v["input"] or None, **options(v))
        self.image_out = self.publisher(Image, "image", LOOP)  # reliable: whoever subscribes gets it
        self.info_out = self.publisher(CameraInfo, "camera_info", LOOP)
        self.state_out = self.publisher(JointState, "view_state", LOOP) if self.camera.kind == "ptz" else None
        self.clock_out = self.publisher(Clock, "/clock", LOOP) if v["publish_clock"] else None
        self.subscribe(JointState, "next_view", self._on_next_view, LOOP)
        self.health.tell("camera", f"{type(self.camera).__name__} ({self.camera.kind})")

    def start(self) -> None:
        """Begin to play."""
        self.commands = JointMerger(self.joints)
        self.ended = False
        self.last: int | None = None  # stamp of the newest frame published
        self.published = -HEARTBEAT
        self.virtual = 0  # a fast camera's clock
        # A scene model may take longer to load than a short recording to play.
        self.waiting = self.given is None and self.values["camera"] in RECORDED
        self.worker.on_tick(self._tick, 1.0 / POLL)

    def hold(self) -> None:
        """Stay where it looks."""
        if self.camera is not None and not self.ended:
            now = self._now()
            here = self.camera.state(now)
            if here is not None:
                self.camera.command(here, now)

    def teardown(self) -> None:
        """Close what was opened here."""
        if self.camera is not None and self.camera is not self.given:
            self.camera.close()
        self.camera = None

    def watch(self) -> None:
        """Two commanders."""
        if self.active:
            self.check_commanders("next_view")

    def _on_next_view(self, message: JointState) -> None:
        names, positions = list(message.name), list(message.position)
        self.worker.post("command", lambda: self._command(names, positions))

    def _command(self, names: list[str], positions: list[float]) -> None:
        """Follow a command; what is missing or not finite stays as it is, limits are clamped last."""
        camera = self.camera
        if camera is None or self.ended or not self.active:
            return
        self.health.count("commands")
        now = self._now()
        here = camera.state(now)
        if here is not None:
            goal = self.commands.follow(names, positions, here)
            if goal is not None:
                camera.command(camera.scene.clamp(goal), now)
        if self.values["fast"]:
            self._next_frame(camera)

    def _tick(self) -> None:
        camera = self.camera
        if camera is None or self.ended or not self.active or self._too_early():
            return
        if not self.values["fast"]:
            self._publish(camera, self._read(camera, self._now()))
        elif time.monotonic() - self.published > HEARTBEAT:
            self._next_frame(camera)

    def _too_early(self) -> bool:
        """Whether a recording has not begun, since nobody subscribes to its images yet."""
        if self.waiting:
            self.waiting = self.image_out.get_subscription_count() == 0
        return self.waiting

    def _next_frame(self, camera: Camera) -> None:
        """Turn a fast camera's clock on until it has a new frame; never behind the node's clock."""
        for _ in range(STEPS):
            self.virtual = max(self._now(), self.virtual + STEP)
            frame = self._read(camera, self.virtual)
            if self._publish(camera, frame) or frame is None:
                return

    def _now(self) -> int:
        return max(self.get_clock().now().nanoseconds, self.virtual if self.values["fast"] else 0)

    def _read(self, camera: Camera, now: int) -> Frame | None:
        try:
            frame = camera.read(now)
        except GlimpseError as err:
            self.health.count("reads failed")
            self.problem("camera", ERROR, str(err))
            return None
        self.solved("camera", "the camera gives frames again")
        if frame is None:
            self.ended = True
            self.problem("ended", WARN, "the camera's source has ended")
        return frame

    def _publish(self, camera: Camera, frame: Frame | None) -> bool:
        """False where there is no new frame."""
        if frame is None or frame.stamp == self.last or not self.active:
            return False
        self.last, self.published = frame.stamp, time.monotonic()
        head = convert.header(frame.stamp, self.values["frame_id"])
        if self.clock_out is not None:
            self.clock_out.publish(Clock(clock=head.stamp))
        if self.state_out is not None and frame.ptz is not None:
            self.state_out.publish(convert.joints_from_ptz(frame.ptz, head, self.joints))
        self.image_out.publish(convert.image_from_array(frame.image, "rgb8", frame.stamp, head.frame_id))
        fov = fov_from_zoom(camera.scene.h0, _zoom(frame.ptz))
        size = (int(frame.image.shape[0]), int(frame.image.shape[1]))
        if camera.kind == "wide":  # its h0 is horizontal
            fov = convert.smaller_fov(fov, size)
        self.info_out.publish(convert.camera_info(frame.stamp, head.frame_id, size, fov))
        self.health.count("frames")
        return True


def _zoom(ptz: PanTiltZoom | None) -> float:
    return 1.0 if ptz is None else ptz.zoom


def main(args: list[str] | None = None) -> int:
    """`ros2 run glimpse_ros camera_node`."""
    return run_node(CameraNode, args)


if __name__ == "__main__":
    raise SystemExit(main())
