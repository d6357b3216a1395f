"""Tiny ONNX bundles that really compute something, for tests: a grid that remembers mean colours, and a policy.

scene    a (rows, columns) grid of cells. A glimpse adds its mean colour to every cell whose centre it covers; a cell's
         colour is the mean of what was added, 0.5 where nothing was. belief (1, cells, 4): colour, seen (0 or 1).
         uncertainty 1 / (1 + times seen). reconstruction: the cells enlarged to the canvas, under an If on `decode`.
         Two classes, dark and bright: logits 0.5 - brightness and brightness - 0.5. Of K > 2 classes, class k is that
         of a mean brightness around (k + 0.5) / K: its logit is minus the square of the distance, in 1 / K.
         An overview (1, 3, 8, 16) stands in its cells' place for as long as it is fed.
         Segmentation: classes dark and bright as above, by cell; nothing is said of an unseen one. attention: 1 where
         a cell was not seen, else 0.
policy   looks at the centre of the first unseen cell, clipped to `limits`; `noise` shifts x by a tenth of it. `stop` is
         the share of cells seen. `state_count` (1, 1) counts decisions. `brightest`: at the brightest cell instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx_builder import Builder, infos

from glimpse_ros.core.bundle_file import belief_id, read_graph_file, write_graph
from glimpse_ros.core.types import Glimpse, View

GRID = (4, 8)  # rows, columns


def write_bundle(
    path: str | Path,
    *,
    glimpse: int = 32,
    scales: Sequence[float] = (1.0,),
    scene: tuple[int, int] = (64, 128),
    projection: str = "spherical",
    nan: bool | float = False,
    decode: bool = True,
    segmentation: bool = False,
    classification: bool = False,
    classes: int = 2,
    reconstruction: bool = True,
    uncertainty: bool = True,
    attention: bool = False,
    overview: bool = False,
    policy: bool = True,
    limits: bool = True,
    noise: bool = False,
    stop: bool = False,
    brightest: bool = False,
    wants: Sequence[str] = (),
    policy_nan: bool = False,
    scene_fields: Mapping[str, Any] | None = None,
    policy_fields: Mapping[str, Any] | None = None,
) -> Path:
    """Write `path`/scene.onnx and, unless `policy` is off, `path`/policy.onnx; gives `path`.

    nan: True, or the scene x above which the belief is NaN. policy_nan: next_view is NaN. The `*_fields` override
    the metadata; a value of None takes a field out.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    model = scene_model(
        glimpse,
        len(scales),
        scene,
        projection,
        nan,
        decode and reconstruction,
        segmentation,
        classification,
        overview,
        classes,
        reconstruction,
        uncertainty,
        attention,
    )
    fields = {
        "role": "scene",
        "family": "test",
        "name": folder.name,
        "glimpse": glimpse,
        "scales": list(scales),
        "padding": "clamp",
        "s_range": [1 / 16, 1.0],
        "scene": {"height": scene[0], "width": scene[1], "projection": projection},
        "glimpses": 8,
        "data": "none",
        "commit": "none",
    }
    if segmentation or classification:
        fields |= {"class_names": ["dark", "bright"], "palette": [[0, 0, 0], [255, 255, 255]]}
    if classes > 2:
        fields |= {"class_names": [str(k) for k in range(classes)], "palette": []}
    write_model(folder / "scene.onnx", model, override(fields, scene_fields))
    if policy:
        fields = {"role": "policy", "family": "test", "name": folder.name, "belief_id": model_id(model)}
        maps = {name: map_shape(name, scene) for name in wants}
        model = policy_model(limits, noise, stop, maps, policy_nan, brightest)
        write_model(folder / "policy.onnx", model, override(fields, policy_fields))
    return folder


def write_street(path: str | Path, **options: Any) -> Path:
    """A bundle of the shape of models/street: composite glimpses of a road's scene, its classes, where to look next."""
    names, palette = ["road", "sky"], [[128, 64, 128], [70, 130, 180]]
    fields = {"s_range": [0.25, 0.25], "class_names": names, "palette": palette}
    shape = {"glimpse": 16, "scales": (1 / 3, 2 / 3, 1.0), "scene": (240, 320), "projection": "planar"}
    maps = {"segmentation": True, "attention": True, "uncertainty": False}
    return write_bundle(path, **{**shape, **maps, "scene_fields": fields, **options})  # type: ignore[arg-type]


def write_model(file: Path, model: onnx.ModelProto, metadata: Mapping[str, Any]) -> Path:
    """Write a model, sound or not, with its metadata."""
    write_graph(file, model.SerializeToString(), metadata)
    return file


def edit_scene(folder: Path, change: Callable[[onnx.ModelProto], Any]) -> Path:
    """Let `change` alter the scene graph of a bundle; its metadata is written anew, with the id of the new graph."""
    file = folder / "scene.onnx"
    metadata = scene_metadata(folder)
    model = onnx.load(file)
    change(model)
    write_model(file, model, metadata)
    return folder


def scene_metadata(folder: Path) -> dict[str, Any]:
    """What the metadata key of a bundle's scene graph holds."""
    return dict(json.loads(read_graph_file(folder / "scene.onnx").metadata["glimpse"]))


def raw_metadata(folder: Path, **props: str) -> Path:
    """A bundle whose scene graph has these metadata texts and no others, unchecked."""
    model = onnx.load(folder / "scene.onnx")
    del model.metadata_props[:]
    helper.set_model_props(model, props)
    onnx.save(model, folder / "scene.onnx")
    return folder


def model_id(model: onnx.ModelProto) -> str:
    """The belief id of a model."""
    return belief_id(model.SerializeToString())


def override(fields: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Fields with changes; None takes one out."""
    return {k: v for k, v in {**fields, **(changes or {})}.items() if v is not None}


def map_shape(name: str, scene: tuple[int, int]) -> tuple[int, ...]:
    """The shape of an optional map of the scene graph."""
    return (1, 3, *scene) if name == "reconstruction" else (1, 1, *GRID)


def scene_model(
    glimpse: int = 32,
    scales: int = 1,
    scene: tuple[int, int] = (64, 128),
    projection: str = "spherical",
    nan: bool | float = False,
    decode: bool = True,
    segmentation: bool = False,
    classification: bool = False,
    overview: bool = False,
    classes: int = 2,
    reconstruction: bool = True,
    uncertainty: bool = True,
    attention: bool = False,
) -> onnx.ModelProto:
    """The scene graph of the module's docstring, without metadata."""
    rows, columns = GRID
    b = Builder()
    x, y, s = (b("Slice", "view", b.ints(i), b.ints(i + 1), b.ints(1)) for i in range(3))
    across = b("Abs", b("Sub", b.const(centres(columns).reshape(1, 1, 1, -1)), x))
    if projection == "spherical":
        across = b("Min", across, b("Sub", b.const(2.0), across))
    down = b("Abs", b("Sub", b.const(centres(rows).reshape(1, 1, -1, 1)), y))
    tall = b("Min", b("Mul", s, b.const(scene[1] / scene[0])), b.const(1.0))  # s*W of H pixels, at most all of them
    covered = b("And", b("LessOrEqual", across, s), b("LessOrEqual", down, tall))  # (1, 1, rows, columns)
    mask = b("Cast", covered, to=TensorProto.FLOAT)
    widest = b("Slice", "glimpse", b.ints(scales - 1), b.ints(scales), b.ints(1))  # (1, 1, 3, g, g)
    mean = b("Reshape", b("ReduceMean", widest, axes=[3, 4], keepdims=0), b.ints(1, 3, 1, 1))
    b("Add", "state_canvas", b("Concat", b("Mul", mask, mean), mask, axis=1), out="next_state_canvas")
    b("Add", "state_steps", b.ints(1), out="next_state_steps")
    total = b("Slice", "next_state_canvas", b.ints(0), b.ints(3), b.ints(1))
    times = b("Slice", "next_state_canvas", b.ints(3), b.ints(4), b.ints(1))
    seen = b("Min", times, b.const(1.0))
    if overview:  # its colours stand where nothing was seen
        blank = b("AveragePool", "overview", kernel_shape=[2, 2], strides=[2, 2])  # (1, 3, rows, columns)
    else:
        blank = b.const(0.5)
    unseen = b("Mul", b("Sub", b.const(1.0), seen), blank)
    colour = b("Add", b("Div", total, b("Max", times, b.const(1.0))), unseen)  # (1, 3, rows, columns)
    flat = b("Reshape", b("Concat", colour, seen, axis=1), b.ints(1, 4, rows * columns))
    belief = b("Transpose", flat, perm=[0, 2, 1])
    if nan is not False:
        bad = b("Greater", b("Reshape", x, b.ints(1, 1, 1)), b.const(-9.0 if nan is True else float(nan)))
        belief = b("Where", bad, b.const(float("nan")), belief)
    b("Identity", belief, out="belief")
    outputs = {"belief": (1, rows * columns, 4)}
    if uncertainty:
        b("Div", b.const(1.0), b("Add", times, b.const(1.0)), out="uncertainty")
        outputs["uncertainty"] = (1, 1, rows, columns)
    if attention:
        b("Sub", b.const(1.0), seen, out="attention")
        outputs["attention"] = (1, 1, rows, columns)
    big = {"reconstruction": (1, 3, *scene)}
    sizes = b.ints(1, 3, *scene)
    enlarge = helper.make_node(
        "Resize", [colour, "", "", sizes], ["big"], mode="nearest", coordinate_transformation_mode="asymmetric"
    )
    if decode:
        nothing = helper.make_node("ConstantOfShape", [sizes], ["nothing"])
        then = helper.make_graph([enlarge], "on", [], infos({"big": big["reconstruction"]}))
        otherwise = helper.make_graph([nothing], "off", [], infos({"nothing": big["reconstruction"]}))
        b("If", "decode", out="reconstruction", then_branch=then, else_branch=otherwise)
    elif reconstruction:
        b.nodes.append(enlarge)
        b("Identity", "big", out="reconstruction")
    outputs |= big if reconstruction else {}
    if segmentation or classification:
        light = b("Sub", b("ReduceMean", colour, axes=[1], keepdims=1), b.const(0.5))
        logits = b("Concat", b("Neg", light), light, axis=1)  # (1, 2, rows, columns)
        if segmentation:
            b("Identity", logits, out="segmentation")
            outputs["segmentation"] = (1, 2, rows, columns)
        if classification and classes > 2:
            level = b("Mul", b("ReduceMean", colour, axes=[1, 2, 3], keepdims=0), b.const(classes))
            off = b("Sub", b("Reshape", level, b.ints(1, 1)), b.const((np.arange(classes) + 0.5)[None]))
            b("Neg", b("Mul", off, off), out="classification")
            outputs["classification"] = (1, classes)
        elif classification:
            b("ReduceMean", logits, out="classification", axes=[2, 3], keepdims=0)
            outputs["classification"] = (1, 2)
    inputs = {"glimpse": (1, scales, 3, glimpse, glimpse), "view": (1, 3), "state_canvas": (1, 4, rows, columns)}
    if overview:
        inputs["overview"] = (1, 3, 8, 16)
    more_in = [helper.make_tensor_value_info("state_steps", TensorProto.INT64, (1,))]
    if decode:
        more_in.append(helper.make_tensor_value_info("decode", TensorProto.BOOL, ()))
    more_out = [helper.make_tensor_value_info("next_state_steps", TensorProto.INT64, (1,))]
    return b.model(
        "scene", infos(inputs) + more_in, infos({"next_state_canvas": inputs["state_canvas"], **outputs}) + more_out
    )


def policy_model(
    limits: bool = True,
    noise: bool = False,
    stop: bool = False,
    wants: Mapping[str, tuple[int, ...]] | None = None,
    nan: bool = False,
    brightest: bool = False,
) -> onnx.ModelProto:
    """The policy graph of the module's docstring, without metadata. `wants`: maps read (and not used) with shapes."""
    rows, columns = GRID
    cells = np.stack(np.meshgrid(centres(columns), centres(rows)), -1).reshape(-1, 2)  # (cells, 2) x, y
    views = np.concatenate([cells, np.full((rows * columns, 1), 0.25)], 1).astype(np.float32)
    b = Builder()
    seen = b("Reshape", b("Slice", "belief", b.ints(3), b.ints(4), b.ints(2)), b.ints(1, rows * columns))
    if brightest:
        colour = b("Slice", "belief", b.ints(0), b.ints(3), b.ints(2))
        first = b("ArgMax", b("ReduceMean", colour, axes=[2], keepdims=0), axis=1, keepdims=0)
    else:
        first = b("ArgMin", seen, axis=1, keepdims=0)  # (1,)
    view = b("Gather", b.const(views), first, axis=0)  # (1, 3)
    inputs: dict[str, tuple[int, ...]] = {"belief": (1, rows * columns, 4), "state_count": (1, 1), **(wants or {})}
    if noise:
        view = b("Add", view, b("Mul", "noise", b.const(np.array([[0.1, 0.0, 0.0]], np.float32))))
        inputs["noise"] = (1, 3)
    for name in wants or {}:
        view = b("Add", view, b("Mul", b("ReduceMean", name, keepdims=0), b.const(0.0)))
    if limits:
        low, high = (b("Squeeze", b("Slice", "limits", b.ints(i), b.ints(i + 1), b.ints(2)), b.ints(2)) for i in (0, 1))
        view = b("Min", b("Max", view, low), high)
        inputs["limits"] = (1, 3, 2)
    if nan:
        view = b("Mul", view, b.const(float("nan")))
    b("Identity", view, out="next_view")
    b("Add", "state_count", b.const(1.0), out="next_state_count")
    outputs: dict[str, tuple[int, ...]] = {"next_view": (1, 3), "next_state_count": (1, 1)}
    if stop:
        b("ReduceMean", seen, out="stop", axes=[1], keepdims=1)
        outputs["stop"] = (1, 1)
    return b.model("policy", infos(inputs), infos(outputs))


def centres(count: int) -> NDArray[np.float32]:
    """Centres of `count` equal cells over [-1, 1], float32."""
    return ((np.arange(count) + 0.5) / count * 2 - 1).astype(np.float32)


def covered(view: View) -> NDArray[np.bool_]:
    """(rows, columns): the cells whose centre a glimpse at `view` covers on a sphere of 2:1, in NumPy."""
    across = np.abs(centres(GRID[1]) - view.x)
    down = np.abs(centres(GRID[0]) - view.y)
    return (down <= min(2 * view.s, 1))[:, None] & (np.minimum(across, 2 - across) <= view.s)[None, :]


def plain_glimpse(view: View, colour: Sequence[float] = (0.9, 0.2, 0.1), size: int = 32, scales: int = 1) -> Glimpse:
    """A glimpse of one colour."""
    pixels = np.empty((scales, 3, size, size), np.float32)
    pixels[:] = np.asarray(colour, np.float32)[:, None, None]
    return Glimpse(pixels, view)
