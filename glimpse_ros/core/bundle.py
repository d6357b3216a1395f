"""Bundles: `models/<name>/` with `scene.onnx`, `policy.onnx` and a model card, loaded, checked and run.

The contract is in the design; the metadata's fields are those that bundle_check reads. What an exporter writes (with
`bundle_file.write_graph`) into the one metadata key `glimpse`:

scene     role "scene", name, family, glimpse, scales, padding, s_range, scene {height, width, projection}; optional
          class_names, palette, first_view, glimpses, data, commit, and `empty_belief`: what is believed before any
          glimpse, from `encode_belief`, for a policy that picks the first view. Without it an empty belief is zeros.
policy    role "policy", belief_id: that of the scene.onnx it was trained with, `belief_id(path)`; optional
          `stop_threshold`, at least 0: the score of the output `stop` at which an episode ends unless told otherwise.

Both branches of the `If` on `decode` give the declared shapes. `next_view` is inside the scene and, where the graph
takes `limits`, inside those; a spherical x may run over, it wraps. A scene graph that takes an `overview` is first run
with it, a glimpse of zeros and the view (0, 0, 0): see bundle_run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .bundle_file import BundleError, belief_id, encode_belief, write_graph
from .bundle_graph import Graph, GraphNaNError
from .bundle_run import OnnxPolicy, OnnxScene
from .memory import Mosaic
from .types import SceneInfo, SceneModel

__all__ = [
    "BundleError",
    "GraphNaNError",
    "OnnxPolicy",
    "OnnxScene",
    "belief_id",
    "describe",
    "encode_belief",
    "find_bundle",
    "load_policy",
    "load_scene",
    "write_graph",
]


def load_scene(
    path: str | Path, provider: str = "auto", require_gpu: bool = False, threads: int | None = None
) -> SceneModel:
    """The scene model of a bundle: its folder, its name, a `scene.onnx`, or "mosaic". Raises BundleError.

    provider: "auto", "cpu", "cuda" or onnxruntime's own name; the one that really runs is `info.provider`.
    require_gpu: refuse to run a graph on the CPU. threads: of one step, None takes at most four.
    """
    if str(path) == "mosaic":
        return Mosaic()
    return OnnxScene(Graph(_graph_file(path, "scene"), provider, require_gpu, threads))


def load_policy(
    path: str | Path,
    scene: SceneInfo,
    provider: str = "auto",
    require_gpu: bool = False,
    threads: int | None = None,
    sample: bool = False,
) -> OnnxPolicy:
    """The policy of a bundle (its folder, its name, or a `policy.onnx`) for this scene model. Raises BundleError.

    threads: of one decision; None takes one, for its products are small: handing them out takes longer.
    """
    return OnnxPolicy(Graph(_graph_file(path, "policy"), provider, require_gpu, threads or 1), scene, sample)


def describe(path: str | Path) -> dict[str, Any]:
    """What a bundle is, ready for JSON; raises BundleError where `load_scene` or `load_policy` would."""
    if str(path) == "mosaic":
        return {"path": "mosaic", "name": "mosaic", "scene": _info_dict(Mosaic().info), "policy": None}
    graph = Graph(_graph_file(path, "scene"), "cpu")
    scene = OnnxScene(graph)
    file = graph.file.with_name("policy.onnx")
    policy = None
    if file.exists():
        learned = Graph(file, "cpu")
        runs = OnnxPolicy(learned, scene.info)
        policy = {"wants": sorted(runs.wants), "stop_threshold": runs.stop_threshold, **_graph_dict(learned)}
    return {
        "path": str(graph.file.parent),
        "name": scene.info.name,
        "scene": {**_info_dict(scene.info), **_graph_dict(graph)},
        "policy": policy,
    }


def find_bundle(name_or_path: str | Path) -> Path:
    """The folder of a bundle: an existing path, else a name under the `models` of this package; BundleError if none.

    A name may be written `models/<name>`. Looked up beside the package (a checkout), in the environment's
    share/glimpse_ros, and in that of each ament prefix.
    """
    path = Path(name_or_path)
    if path.is_dir() and any(path.glob("*.onnx")):
        return path
    name = path.name
    if str(path) in (name, f"models/{name}") and name not in ("", ".."):
        for models in model_folders():
            if any((models / name).glob("*.onnx")):
                return models / name
    if path.exists():
        raise BundleError(f"{path}: holds no ONNX graph; expected the folder of a bundle, with scene.onnx")
    known = sorted({f.parent.name for models in model_folders() for f in models.glob("*/*.onnx")})
    raise BundleError(
        f"{path}: does not exist; expected the folder of a bundle or one of {', '.join(['mosaic', *known])}"
    )


def model_folders() -> Iterator[Path]:
    """Where bundles are looked up by name, in order."""
    yield Path(__file__).resolve().parents[2] / "models"
    share = Path("share", "glimpse_ros", "models")
    yield sys.prefix / share
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if prefix:
            yield prefix / share


def _graph_file(path: str | Path, role: str) -> Path:
    if Path(path).suffix == ".onnx":
        return Path(path)
    return find_bundle(path) / f"{role}.onnx"


def _info_dict(info: SceneInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "family": info.family,
        "scene": vars(info.scene),
        "glimpse": vars(info.glimpse),
        "s_range": list(info.s_range),
        "first_view": info.first_view,
        "maps": sorted(info.outputs),
        "class_names": list(info.class_names),
        "belief_id": info.belief_id,
        "provider": info.provider,
        **{k: v for k, v in info.details.items() if k in ("padding", "glimpses", "data", "commit", "overview")},
    }


def _graph_dict(graph: Graph) -> dict[str, Any]:
    return {
        "file": str(graph.file),
        "bytes": graph.header.size,
        "ir_version": graph.header.ir_version,
        "opset": graph.header.opset,
        "inputs": {t.name: str(t) for t in graph.inputs.values()},
        "outputs": {t.name: str(t) for t in graph.outputs.values()},
    }
