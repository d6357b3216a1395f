"""The scene node's parameters."""

from __future__ import annotations

from typing import Any

from ..core.pixels import MAX_PIXELS
from ..core.types import GlimpseError
from .loop_types import LoopSettings
from .parameters import JOINTS, Param, joint_names

SCENE = (
    Param("model", "mosaic", "scene model: a bundle's folder or name, or mosaic"),
    Param("provider", "auto", "of onnxruntime: auto, cpu, cuda or its own name"),
    Param("require_gpu", False, "refuse to configure where the model would run on the CPU"),
    Param(
        "camera", "auto", "kind of camera; auto: ptz where a view_state is published", choices=("auto", "ptz", "wide")
    ),
    Param(
        "projection",
        "auto",
        "of the mosaic's canvas; a bundle has its own, and refuses another. auto: spherical for a PTZ camera",
        choices=("auto", "planar", "spherical"),
    ),
    Param(
        "hfov", 0.0, "field of view at zoom 1 [rad], of a PTZ over the image's smaller side; 0: camera_info", 0.0, 3.14
    ),
    Param("image_transport", "raw", "subscribe to image or to image/compressed", choices=("raw", "compressed")),
    Param("max_pixels", MAX_PIXELS, "larger images are refused as malformed", 1, 1 << 28),
    Param(
        "memory",
        "carried",
        "from frame to frame: carried, forgotten (per_frame, a new episode each), or fading (decay)",
        choices=("carried", "per_frame", "decay"),
    ),
    Param(
        "forget_rate", 0.1, "share of the memory's sharpness that fades at each new frame, for memory decay", 0.0, 1.0
    ),
    Param("glimpses_per_frame", 1, "glimpses taken from one frame of a wide camera", 1, 10_000),
    Param("maps_every", 1, "decode and publish maps at every n-th glimpse; 1 where the policy wants maps", 1, 10_000),
    Param("publish_mosaic", True, "keep and publish what was really seen"),
    Param("loop", False, "start a new episode when the policy is done"),
    Param("ask_again", 0.5, "a belief without an answer is repeated after this [s], then ever more rarely", 0.05, 60.0),
    Param(
        "camera_timeout", 2.0, "warn after this long without a usable frame or view_state [s]; 0: never", 0.0, 3600.0
    ),
    Param("max_frame_age", 1.0, "frames older than this on the node's clock are not used [s]; 0: any age", 0.0, 3600.0),
    Param("settle_tolerance", 0.01, "a PTZ has arrived within this of pan and tilt [rad]", 1e-6, 3.2),
    Param("zoom_tolerance", 0.02, "and within this share of its zoom", 1e-6, 10.0),
    Param("settle_time", 0.0, "and has been so for this long [s]", 0.0, 60.0),
    Param("settle_timeout", 5.0, "after this a frame is taken wherever the camera looks [s]", 0.05, 600.0),
    Param("state_hold", 1.5, "a view_state stays true for this long [s]; above the driver's period", 0.01, 60.0),
    *JOINTS,
)


def loop_settings(values: dict[str, Any]) -> LoopSettings:
    """The loop's share of them; raises GlimpseError where two do not go together."""
    if values["memory"] == "per_frame" and values["camera"] == "ptz":
        raise GlimpseError("memory per_frame with camera ptz: a PTZ frame is one glimpse, expected carried or decay")
    names = set(LoopSettings.__dataclass_fields__) - {"joints"}
    return LoopSettings(joints=joint_names(values), **{name: values[name] for name in names})
