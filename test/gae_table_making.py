"""Tiny data sets and bundles in the shape of those that Glimpse-Attend-and-Explore is measured on.

CamVid's frames are dark below and bright above; the bundle calls what it saw bright `sky`, what it saw dark `building`,
and knows nothing else. Scenes of class k have a brightness around (k + 0.5) / 3, and that is what their bundle names.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx_builder import value_of
from onnx_graphs import edit_scene, model_id, scene_metadata, write_bundle, write_model, write_street

from glimpse_ros.datasets import camvid

SCALES = (1 / 3, 2 / 3, 1.0)
KINDS = ("coast", "forest", "street")  # of the scenes


def write_camvid(folder: Path, frames: int = 4, size: tuple[int, int] = (240, 320)) -> Path:
    """A CamVid whose upper half is sky and whose lower half is building, but void in its last rows."""
    height, width = size
    rng = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for kind in (split, f"{split}annot"):
            (folder / kind).mkdir(parents=True)
        for i in range(frames):
            image = np.full((height, width, 3), 40, np.uint8)
            image[: height // 2] = 210
            image = image + rng.integers(0, 20, image.shape, dtype=np.uint8)
            labels = np.full((height, width), 1, np.uint8)
            labels[: height // 2] = 0
            labels[-10:] = 11
            labels[height // 2 : -10, :i] = 3  # a little road, of another width in every frame
            cv2.imwrite(str(folder / split / f"frame{i}.png"), image)
            cv2.imwrite(str(folder / f"{split}annot" / f"frame{i}.png"), labels)
    return folder


def write_panoramas(folder: Path, count: int = 3) -> Path:
    """Panoramas of a few colours, in `val`."""
    (folder / "val").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for i in range(count):
        coarse = rng.integers(0, 256, (4, 8, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "val" / f"{i}.png"), cv2.resize(coarse, (256, 128), interpolation=cv2.INTER_CUBIC))
    return folder


def write_scenes(folder: Path, each: int = 2) -> Path:
    """Three classes of `each` images to train and to test; the list of duplicates is empty."""
    rng = np.random.default_rng(2)
    for split in ("train", "test"):
        for k, name in enumerate(KINDS):
            (folder / split / name).mkdir(parents=True)
            for i in range(each):
                level = 255 * (k + 0.5) / len(KINDS)
                image = np.clip(level + rng.normal(0, 20, (160, 160, 1)), 0, 255).repeat(3, 2).astype(np.uint8)
                cv2.imwrite(str(folder / split / name / f"{i}.png"), image)
    (folder / "train_test_duplicates.txt").write_text("")
    return folder


def street(folder: Path) -> Path:
    """A bundle like models/street, of CamVid's 11 classes."""
    write_street(folder)
    edit_scene(folder, eleven)
    fields = scene_metadata(folder)
    fields |= {"class_names": [*camvid.CLASSES], "palette": [*map(list, camvid.CLASSES.values())]}
    model = onnx.load(folder / "scene.onnx")
    del model.metadata_props[:]
    write_model(folder / "scene.onnx", model, fields)
    policy = onnx.load(folder / "policy.onnx")  # it has to name the graph that it belongs to
    about = {**json.loads(policy.metadata_props[0].value), "belief_id": model_id(model)}
    del policy.metadata_props[:]
    write_model(folder / "policy.onnx", policy, about)
    return folder


def eleven(model: onnx.ModelProto) -> None:
    """The two classes dark and bright as building and sky, and nine more that are never likely."""
    node = next(n for n in model.graph.node if "segmentation" in n.output)
    node.output[0] = "two"
    unlikely = np.full((1, 9, 4, 8), -9, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(unlikely, "unlikely"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 0, *range(2, 11)]), "order"))
    model.graph.node.append(helper.make_node("Concat", ["two", "unlikely"], ["more"], axis=1))
    model.graph.node.append(helper.make_node("Gather", ["more", "order"], ["segmentation"], axis=1))
    value_of(model, "segmentation").type.tensor_type.shape.dim[1].dim_value = 11


def panorama_gae(folder: Path) -> Path:
    """A bundle like models/panorama-gae."""
    fields = {"s_range": [1 / 6, 1 / 6]}
    return write_bundle(folder, glimpse=16, scales=SCALES, scene=(144, 288), attention=True, scene_fields=fields)


def scene15(folder: Path, names: tuple[str, ...] = KINDS) -> Path:
    """A bundle like models/scene15."""
    fields = {"s_range": [0.3, 0.3], "class_names": [*names]}
    return write_bundle(
        folder, glimpse=16, scales=SCALES, scene=(160, 160), projection="planar", reconstruction=False,
        uncertainty=False, attention=True, classification=True, classes=len(names), scene_fields=fields,
    )  # fmt: skip


def write_bundles(folder: Path) -> Path:
    """All three bundles of the family."""
    street(folder / "street")
    panorama_gae(folder / "panorama-gae")
    scene15(folder / "scene15")
    return folder
