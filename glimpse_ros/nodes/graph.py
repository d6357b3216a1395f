"""All three nodes in one process, over real DDS: what `glimpse explore` runs."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import LoggingSeverity

from ..cameras.bag import BagCamera
from ..cameras.base import Camera
from ..core.types import GlimpseError
from .base import GlimpseNode
from .camera_node import CameraNode
from .loop_types import Record
from .policy_node import PolicyNode
from .run import Spinner, end, new_context
from .scene_node import SceneNode

RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
LAST_WORDS = 1.0  # [s] after the end of a source in which a glimpse may still come


def run_graph(
    camera: Camera,
    *,
    model: str = "mosaic",
    policy: str = "uncertainty",
    glimpses: int = 8,
    seed: int = 0,
    fast: bool = False,
    stop_threshold: float | None = None,
    provider: str = "auto",
    require_gpu: bool = False,
    on_step: Callable[[Record], None] | None = None,
    on_stop: Callable[[float, float], None] | None = None,
    namespace: str | None = None,
    timeout: float = 30.0,
    parameters: dict[str, dict[str, Any]] | None = None,
    frames: int | None = None,
) -> list[Record]:
    """Explore with the three nodes until the policy is done; gives a record of each glimpse, in order.

    camera: open already; stays open. fast: treat it as ideal, with a frame for each command. on_step: called with each
    record in the caller's thread. stop_threshold: None is the policy's own, inf is never. on_stop: called with stop
    score and threshold where the policy ended the exploration itself. namespace: of the nodes; None makes one of its
    own, so that two explorations on one machine do not meet. timeout: [s] without a new glimpse. parameters: more of
    them, by node ("scene_node" ...). frames: of a wide camera, that are explored one by one, each with an empty memory
    and `glimpses` of its own; None: it is one exploration, whatever frames go by.
    Fewer records than asked for mean that the source ended or the policy stopped. Raises GlimpseError where a node
    refuses its configuration, or no glimpse comes.
    """
    for name, count in (("glimpses", glimpses), ("frames", 1 if frames is None else frames)):
        if count < 1:
            raise GlimpseError(f"{name} {count}: expected at least 1")
    os.environ.setdefault(RANGE, "LOCALHOST")  # what runs in one process is not meant for the network
    records: queue.Queue[Record] = queue.Queue()  # no longer than the budget
    scene_values, policy_values = _parameters(camera)
    scene_values.update(model=model, provider=provider, require_gpu=require_gpu)
    policy_values.update(model=model, provider=provider, policy=policy, glimpses=glimpses, seed=seed)
    if frames is not None:
        scene_values.update(memory="per_frame", glimpses_per_frame=glimpses)
    if stop_threshold is not None:
        policy_values["stop_threshold"] = float(stop_threshold)
    more = parameters or {}
    with ExitStack() as stack:
        context = new_context()
        stack.callback(context.try_shutdown)
        common: dict[str, Any] = {
            "context": context,
            "namespace": namespace or f"glimpse_{os.getpid()}",
            "use_global_arguments": False,
        }

        def ready(node: GlimpseNode) -> None:
            stack.callback(end, node)
            _must(node, "configure")
            stack.enter_context(Spinner(node))

        scene = SceneNode(listener=records.put, parameters={**scene_values, **more.get("scene_node", {})}, **common)
        ready(scene)
        assert scene.loop is not None
        info = scene.loop.model.info
        decider = PolicyNode(info=info, parameters={**policy_values, **more.get("policy_node", {})}, **common)
        ready(decider)
        source = CameraNode(camera=camera, parameters={"fast": fast, **more.get("camera_node", {})}, **common)
        ready(source)
        for node in (scene, decider, source):  # the camera last: nobody is to miss its first frame
            _must(node, "activate")
        source.get_logger().set_level(LoggingSeverity.ERROR)  # that it ended is for the caller to say
        taken = _collect(records, (scene, decider, source), glimpses, frames, timeout, on_step)
        assert decider.loop is not None
        scores, threshold = dict(decider.loop.scores), decider.loop.threshold
        taken = [replace(record, stop=scores.get((record.episode, record.step))) for record in taken]
        last = taken[-1].stop
        if last is not None and last >= threshold and on_stop is not None:
            on_stop(last, threshold)
        return taken


def _parameters(camera: Camera) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the scene and the policy node must know about the camera."""
    scene: dict[str, Any] = {"camera": camera.kind, "hfov": float(camera.scene.h0), "max_frame_age": 0.0}
    if isinstance(getattr(camera, "camera", camera), BagCamera):
        scene["settle_timeout"] = 0.05  # what is recorded cannot be moved: take it wherever it looks
    mount = camera.scene.mount
    ranges = {"pan": mount.pan, "tilt": mount.tilt, "zoom": mount.zoom}
    policy = {
        f"{axis}_{name}": float(pair[i]) for axis, pair in ranges.items() for i, name in enumerate(("min", "max"))
    }
    return scene, policy


def _must(node: GlimpseNode, what: str) -> None:
    # The caller tells the user, and one sentence is enough.
    node.get_logger().set_level(LoggingSeverity.FATAL)
    answer = node.trigger_configure() if what == "configure" else node.trigger_activate()
    node.get_logger().set_level(LoggingSeverity.WARN)
    if answer != TransitionCallbackReturn.SUCCESS:
        raise GlimpseError(node.refusal or f"{node.get_name()} cannot {what}")


def _collect(
    records: queue.Queue[Record],
    nodes: tuple[SceneNode, PolicyNode, CameraNode],
    glimpses: int,
    frames: int | None,
    timeout: float,
    on_step: Callable[[Record], None] | None,
) -> list[Record]:
    _, decider, source = nodes
    taken: list[Record] = []
    begun = 0  # frames
    heard = time.monotonic()
    while len(taken) < glimpses * (frames or 1):
        # A record is put before its belief is published, so all are there when the policy is through.
        over = decider.finished and begun == (frames or begun)
        try:
            record = records.get(block=not over, timeout=0.05)
        except queue.Empty:
            quiet = time.monotonic() - heard
            if over or (source.ended and taken and quiet > LAST_WORDS):
                break
            if quiet > timeout or (source.ended and quiet > LAST_WORDS):
                raise GlimpseError(f"no glimpse for {quiet:.0f} s: {_complaints(nodes)}") from None
            continue
        if not taken or record.episode != taken[-1].episode:
            if begun == frames:
                break  # the policy stopped before its budget was spent, and there are frames to spare
            begun += 1
        heard = time.monotonic()
        taken.append(record)
        if on_step is not None:
            on_step(record)
    return taken


def _complaints(nodes: tuple[GlimpseNode, ...]) -> str:
    said = [f"{node.get_name()}: {text}" for node in nodes for level, text, _ in [node.health.report()] if level]
    return "; ".join(said) or "no node complains"
