"""Tiny bundles in the shape of AdaGlimpse's, for its tables: all maps, and a stop score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gae_table_making as gae
import onnx
from onnx_graphs import edit_scene, model_id, scene_metadata, write_bundle, write_model

from glimpse_ros.datasets import camvid

NARROW = {"s_range": [1 / 16, 0.25]}  # so that one look never is enough
PANORAMA: dict[str, Any] = {"scene": (64, 128), "attention": True, "stop": True, "scene_fields": NARROW}
FRAME: dict[str, Any] = {**PANORAMA, "glimpse": 16, "scene": (96, 128), "projection": "planar"}


def street(folder: Path) -> Path:
    """A bundle like models/adaglimpse-street, of CamVid's 11 classes."""
    write_bundle(folder, **FRAME, segmentation=True)
    edit_scene(folder, gae.eleven)
    fields = {"class_names": [*camvid.CLASSES], "palette": [*map(list, camvid.CLASSES.values())]}
    rewrite(folder / "scene.onnx", {**scene_metadata(folder), **fields})
    rewrite(folder / "policy.onnx", {"belief_id": model_id(onnx.load(folder / "scene.onnx"))})
    return folder


def rewrite(file: Path, fields: dict[str, Any]) -> None:
    """Change fields of a graph's metadata."""
    model = onnx.load(file)
    about = {**json.loads(model.metadata_props[0].value), **fields}
    del model.metadata_props[:]
    write_model(file, model, about)


def write_bundles(folder: Path) -> Path:
    """adaglimpse, adaglimpse-street and street; no motion-aware one, no panorama."""
    write_bundle(folder / "adaglimpse", **PANORAMA)
    street(folder / "adaglimpse-street")
    gae.street(folder / "street")
    return folder


def write_cost(file: Path, numbers: tuple[int, ...] = (1, 6, 12)) -> Path:
    """What training.elastic_cost writes: tokens take 10 ms a glimpse, the canvas 8 ms, drawing 5 more."""
    cost: dict[str, Any] = {"glimpses": [*numbers], "rounds": 3, "threads": 2}
    for name, each in (("tokens", 10.0), ("canvas", 0.0)):
        times = [8 + each * k for k in numbers]
        kinds = {"step": times, "drawn_step": [ms + 5 for ms in times]}
        found = {kind: dict.fromkeys(("min_ms", "p10_ms", "median_ms"), ms) for kind, ms in kinds.items()}
        cost[name] = {"scene": [256, 512], "width": 192, "depth": 4, "weights": 5_000_000, **found}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(cost))
    return file
