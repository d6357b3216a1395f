"""The elastic scene model with what `models/panorama` has learned, read back from the bundle's graph.

    python -m training.elastic_from_panorama --bundle models/panorama --out runs/elastic/checkpoint.pt

The two share their mosaic, their prior and their decoder. What is new, glimpse tokens and the map that they write into,
begins at random and with no say (`ElasticCanvas.recall` is zero). The bundle's graph keeps the weights: most under
their own names, the others in the order of the forward pass.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
import tyro
from onnx import numpy_helper
from torch import Tensor

from glimpse_ros.core.types import GlimpseError

from .canvas import Canvas, CanvasConfig
from .elastic_vit import ElasticCanvas, ElasticConfig

OWN = {"decoder/net.": "", "net.": ""}  # prefixes in the graph of what kept its name
NORMS = ("enc1", "enc2", "mid.0", "mid.2", "dec2", "dec1")  # in the order of the forward pass, two each
LINEAR = tuple(f"mid.{k}.{name}" for k in (1, 3) for name in ("qkv", "out", "up", "down"))


@dataclass
class Args:
    """From where to where."""

    bundle: Path = Path("models/panorama")
    """a bundle of training.export"""
    out: Path = Path("runs/elastic/checkpoint.pt")
    """for training.elastic_pretrain --init, training.adaglimpse --scene"""
    map: bool = True
    """what is new: glimpse tokens and the map that they write into; without it what was learned is all"""
    seed: int = 0
    """of what is new"""


def initializers(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    """Every stored number of a graph and of its branches, with what `graph_parts.halved` has halved widened again."""
    found = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    halves = [name for name in found if name.endswith("/half")]
    found |= {name.removesuffix("/half"): found.pop(name).astype(np.float32) for name in halves}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                found |= initializers(attribute.g)
    return found


def canvas_weights(bundle: Path) -> dict[str, Tensor]:
    """The state of the `Canvas` in a bundle. Raises GlimpseError for another kind of bundle."""
    path = bundle / "scene.onnx"
    if not path.is_file():
        raise GlimpseError(f"{path}: does not exist; expected a bundle of training.export")
    stored = initializers(onnx.load(path).graph)
    found = {name[len(p) :]: array for p in OWN for name, array in stored.items() if name.startswith(p)}

    def traced(kind: str, ndim: int) -> list[np.ndarray]:
        names = [name for name in stored if re.search(rf"onnx::{kind}_\d+$", name) and stored[name].ndim == ndim]
        names = [name for name in names if stored[name].dtype == np.float32]
        inside = sorted(names, key=lambda name: (name.startswith("decoder/"), int(name.rsplit("_", 1)[1])))
        return [stored[name] for name in inside]

    for part, arrays in (("weight", traced("Mul", 3)), ("bias", traced("Add", 3))):
        norms = [f"{block}.norm{k}.{part}" for block in NORMS for k in (1, 2)]
        found |= {name: array.reshape(-1) for name, array in zip(norms, arrays, strict=False)}
    matrices = [array for array in traced("MatMul", 2) if array.shape[0] != array.shape[1] or array.shape[0] < 500]
    found |= {f"{name}.weight": array.T for name, array in zip(LINEAR, matrices, strict=False)}
    doubles = [array for array in stored.values() if array.dtype == np.float64 and array.ndim == 2]
    found |= {"prior.covariance" if a.shape[0] == a.shape[1] else "prior.mean": a for a in doubles}
    wanted = Canvas(CanvasConfig()).state_dict()
    off = [name for name, value in wanted.items() if name not in found or found[name].shape != tuple(value.shape)]
    if off:
        raise GlimpseError(f"{path}: holds no {off[0]} of the canvas model; expected models/panorama or its like")
    return {name: torch.from_numpy(found[name].copy()) for name in wanted}


def elastic(weights: dict[str, Tensor], tokens: bool = True, seed: int = 0) -> ElasticCanvas:
    """The elastic scene model that draws and expects what the canvas does, with tokens and their map or without."""
    torch.manual_seed(seed)
    like = CanvasConfig()
    net = ElasticCanvas(ElasticConfig(features=like.features, widths=like.widths, blocks=like.blocks, map=tokens))
    kept = {name: value for name, value in weights.items() if not name.startswith("prior.")}
    net.load_state_dict({**net.state_dict(), **kept})
    net.prior.take(weights["prior.mean"], weights["prior.covariance"])  # type: ignore[operator]
    return net


def save(net: ElasticCanvas, path: Path) -> None:
    """As a checkpoint that the other commands read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {f"scene.{name}": value for name, value in net.state_dict().items()}
    torch.save({"config": {"method": "elastic", **net.config.described()}, "average": weights}, path)


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        save(elastic(canvas_weights(args.bundle), args.map, args.seed), args.out)
        print(args.out)
    except GlimpseError as error:
        sys.exit(str(error))
