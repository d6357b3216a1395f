"""Which model, policy and memory an exploration gets where nobody says."""

from __future__ import annotations

import argparse
import math

from .cameras.base import Camera, is_sequence
from .core.bundle import BundleError, find_bundle, load_scene
from .core.memory import Mosaic
from .core.policies import POLICIES
from .core.types import GlimpseError, SceneModel, SceneSpec

BUNDLES = {"spherical": "models/panorama", "planar": "models/adaglimpse-street"}  # by the scene's projection
MEMORIES = ("per_frame", "carried", "decay")
FRAMES = 2  # of a sequence, that are explored


def choose(args: argparse.Namespace, camera: Camera) -> tuple[str, str, SceneModel, list[str]]:
    """Model, policy, the scene model itself, and what there is to say about the choice."""
    projection = camera.scene.projection
    notes: list[str] = []
    model = args.model
    if model is None:
        try:
            model = str(find_bundle(BUNDLES[projection]))
        except BundleError:
            model = "mosaic"
            notes.append(f"there is no bundle {BUNDLES[projection]}: exploring with the mosaic")
    scene = mosaic(camera, args.provider) if model == "mosaic" else load_scene(model, args.provider)
    if scene.info.scene.projection != projection:
        raise GlimpseError(
            f"--model {model} is {scene.info.scene.projection}, the input is {projection}: "
            "expected a model of that kind, or mosaic"
        )
    policy = args.policy
    if policy is None:
        policy = "grid" if model == "mosaic" else "uncertainty"
        if model != "mosaic" and (find_bundle(model) / "policy.onnx").exists():
            policy = "learned"
    if args.stop_threshold is not None and policy in POLICIES:
        notes.append(f"policy {policy} has no stop score: --stop-threshold changes nothing")
    return model, policy, scene, notes


def choose_memory(args: argparse.Namespace, source: str) -> tuple[str, int | None]:
    """What happens to the memory from frame to frame of what is at the path `source`, and how many frames are explored
    one by one (None: it goes on). Raises GlimpseError for what makes no sense.
    """
    sequence = is_sequence(source)
    memory = str(args.memory or ("per_frame" if sequence else "carried"))
    if memory != "per_frame" or not sequence:
        if args.frames is not None:
            why = f"memory is {memory}" if sequence else "the input is not a sequence of a wide camera"
            raise GlimpseError(f"--frames {args.frames}: {why}, so nothing is explored frame by frame")
        return memory, 1 if memory == "per_frame" else None
    return memory, FRAMES if args.frames is None else args.frames


def mosaic(camera: Camera, provider: str) -> SceneModel:
    """The mosaic on a canvas of the camera's scene, as the scene node makes it."""
    if camera.scene.projection == "spherical":
        return load_scene("mosaic", provider)
    across, down = (math.tan(fov / 2.0) for fov in camera.scene.scene_fov)
    return Mosaic(SceneSpec(max(2, round(512 * down / across)), 512, "planar"))
