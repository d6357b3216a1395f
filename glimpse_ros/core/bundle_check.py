"""The metadata of a bundle's graphs, field by field, and whether graph and metadata tell the same story."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .bundle_file import CONTRACT, BundleError, decode_belief
from .bundle_graph import Graph
from .types import GlimpseSpec, SceneInfo, SceneSpec

MAPS: dict[str, tuple[int | str, ...]] = {
    "reconstruction": (1, 3, "H", "W"),
    "segmentation": (1, "K", "h", "w"),
    "classification": (1, "C"),
    "uncertainty": (1, 1, "h", "w"),
    "attention": (1, 1, "h", "w"),
}  # what a scene graph may offer beside its belief
POLICY_MAPS = ("uncertainty", "reconstruction", "attention")  # those that a policy may read
PADDINGS = ("zero", "edge", "clamp")
PROJECTIONS = ("planar", "spherical")
_REQUIRED = object()


class Fields:
    """The metadata of one file; each field is checked as it is read."""

    def __init__(self, file: Path, values: dict[str, Any], where: str = "") -> None:
        self.file = file
        self.values = values
        self.where = where

    def get(self, key: str, expected: str, good: Callable[[Any], bool], default: Any = _REQUIRED) -> Any:
        """The value of `key` if `good` says so; BundleError names file, field, what was found and `expected`."""
        if key not in self.values:
            if default is _REQUIRED:
                raise BundleError(f"{self.file}: metadata has no `{self.where}{key}`; expected {expected}")
            return default
        value = self.values[key]
        if not good(value):
            shown = repr(value)
            shown = shown if len(shown) <= 80 else shown[:77] + "..."
            raise BundleError(f"{self.file}: metadata `{self.where}{key}` is {shown}; expected {expected}")
        return value


def common_fields(graph: Graph, role: str) -> Fields:
    """Metadata of either role, with contract version, role and belief id checked."""
    fields = Fields(graph.file, graph.metadata())
    contract = fields.get("contract", f"the contract version, {CONTRACT}", lambda v: _whole(v, 1))
    if contract > CONTRACT:
        raise BundleError(
            f"{graph.file}: contract version {contract}; expected at most {CONTRACT}: a newer glimpse_ros wrote it"
        )
    fields.get("role", f"{role!r}", lambda v: v == role)
    fields.get("belief_id", "the scene graph's id, a string", _name)
    return fields


def scene_info(graph: Graph) -> SceneInfo:
    """What a scene graph says about itself, after its inputs, outputs and metadata were found to agree.

    `details` holds path, padding, glimpses (the budget it was made for), data, commit, shapes (of every output),
    `overview` (h, w) where it takes one, and `empty_belief` where it is stored.
    """
    fields = common_fields(graph, "scene")
    size = fields.get(
        "glimpse", "the pixels of a glimpse's side, a whole number from 1 to 4096", lambda v: _whole(v, 1, 4096)
    )
    scales = fields.get("scales", "fractions of the widest, finest first, ascending to 1", _scales)
    scene = _scene(fields)
    info = SceneInfo(
        name=fields.get("name", "a name", _name),
        scene=scene,
        glimpse=GlimpseSpec(size, tuple(float(s) for s in scales)),
        s_range=tuple(map(float, fields.get("s_range", "[smallest, largest] in (0, 1]", _s_range))),  # type: ignore[arg-type]
        belief_id=fields.get("belief_id", "a string", _name),
        first_view=_first_view(fields),
        outputs=frozenset(name for name in MAPS if name in graph.outputs),
        class_names=tuple(fields.get("class_names", "a list of names", _names, [])),
        palette=tuple(tuple(c) for c in fields.get("palette", "a list of [r, g, b], 0 to 255", _palette, [])),
        family=fields.get("family", "a string", lambda v: isinstance(v, str), ""),
        provider=graph.provider,
        details={
            "path": str(graph.file),
            "padding": fields.get("padding", f"one of {', '.join(PADDINGS)}", lambda v: v in PADDINGS),
            "glimpses": fields.get("glimpses", "a whole number of glimpses, at least 1", lambda v: _whole(v, 1), 8),
            "data": fields.get("data", "a string", lambda v: isinstance(v, str), ""),
            "commit": fields.get("commit", "a string", lambda v: isinstance(v, str), ""),
            "shapes": {name: tensor.shape for name, tensor in graph.outputs.items()},
        },
    )
    _check_scene_signature(graph, info)
    _check_classes(graph, info)
    if "overview" in graph.inputs:
        info.details["overview"] = graph.inputs["overview"].shape[2:]
    if "empty_belief" in fields.values:
        shape = graph.outputs["belief"].shape[1:]
        text = fields.get("empty_belief", "base64", lambda v: isinstance(v, str))
        try:
            info.details["empty_belief"] = decode_belief(text, (shape[0], shape[1]))
        except ValueError as err:
            raise BundleError(
                f"{graph.file}: metadata `empty_belief` is off ({err}); expected base64 of {shape} finite float32"
            ) from err
    if info.belief_id != graph.header.belief_id:
        raise BundleError(
            f"{graph.file}: metadata `belief_id` is {info.belief_id!r}, but the graph's is {graph.header.belief_id!r}; "
            "expected the same: it was changed after its export"
        )
    return info


def check_policy(graph: Graph, scene: SceneInfo) -> float | None:
    """Raise BundleError unless this policy graph is sound and fits the scene model.

    Gives the metadata's `stop_threshold`, the stop score at which the policy was made to end an episode; None where it
    names none, and the episode goes on until the budget is spent.
    """
    fields = common_fields(graph, "policy")
    graph.only("input", ("belief", *POLICY_MAPS, "limits", "noise"), "state_")
    graph.only("output", ("next_view", "stop"), "next_state_")
    graph.states()
    graph.expect("input", "belief", (1, "N", "D"))
    graph.expect("output", "next_view", (1, 3))
    for kind, name, shape in (("input", "limits", (1, 3, 2)), ("input", "noise", (1, "A")), ("output", "stop", (1, 1))):
        if name in (graph.inputs if kind == "input" else graph.outputs):
            graph.expect(kind, name, shape)
    shapes = scene.details.get("shapes")
    offered = shapes if isinstance(shapes, dict) else {}
    for name in ("belief", *POLICY_MAPS):
        if name not in graph.inputs:
            continue
        if name != "belief" and name not in scene.outputs:
            found = ", ".join(sorted(scene.outputs)) or "none"
            raise BundleError(f"{graph.file}: wants `{name}`; scene model {scene.name!r} offers {found}")
        if name in offered and tuple(offered[name]) != graph.inputs[name].shape:
            raise BundleError(
                f"{graph.file}: input `{name}` is {graph.inputs[name].shape}; "
                f"scene model {scene.name!r} gives {tuple(offered[name])}"
            )
    if fields.values["belief_id"] != scene.belief_id:
        raise BundleError(
            f"{graph.file}: made for the scene model with belief_id {fields.values['belief_id']!r}; "
            f"scene model {scene.name!r} has {scene.belief_id!r}"
        )
    good = "a number, at least 0"
    threshold = fields.get("stop_threshold", good, lambda v: _numbers([v]) and math.isfinite(v) and v >= 0, None)
    if threshold is not None and "stop" not in graph.outputs:
        raise BundleError(f"{graph.file}: metadata `stop_threshold` is {threshold}; expected an output `stop` for it")
    return None if threshold is None else float(threshold)


def _check_scene_signature(graph: Graph, info: SceneInfo) -> None:
    graph.only("input", ("glimpse", "view", "overview", "decode"), "state_")
    graph.only("output", ("belief", *MAPS), "next_state_")
    graph.states()
    size = info.glimpse.size
    graph.expect("input", "glimpse", (1, len(info.glimpse.scales), 3, size, size))
    graph.expect("input", "view", (1, 3))
    graph.expect("output", "belief", (1, "N", "D"))
    if "overview" in graph.inputs:
        graph.expect("input", "overview", (1, 3, "h", "w"))
    if "decode" in graph.inputs:
        scalar = graph.inputs["decode"].shape == ()
        graph.expect("input", "decode", () if scalar else (1,), "bool")
    for name in info.outputs:
        graph.expect("output", name, MAPS[name])
    if "reconstruction" in info.outputs:
        graph.expect("output", "reconstruction", (1, 3, info.scene.height, info.scene.width))


def _check_classes(graph: Graph, info: SceneInfo) -> None:
    sizes = {n: graph.outputs[n].shape[1] for n in ("segmentation", "classification") if n in graph.outputs}
    names, colours = len(info.class_names), len(info.palette)
    if names and names not in sizes.values():
        raise BundleError(
            f"{graph.file}: metadata `class_names` has {names}; expected one for each class of the outputs, "
            f"{', '.join(f'{n} {k}' for n, k in sizes.items()) or 'which have none'}"
        )
    if colours and colours != (names or sizes.get("segmentation")):
        raise BundleError(
            f"{graph.file}: metadata `palette` has {colours} colours for {names} class names; expected as many"
        )


def _scene(fields: Fields) -> SceneSpec:
    values = fields.get("scene", '{"height", "width", "projection"}', lambda v: isinstance(v, dict))
    inner = Fields(fields.file, values, "scene.")
    return SceneSpec(
        inner.get("height", "pixels, at least 1", lambda v: _whole(v, 1)),
        inner.get("width", "pixels, at least 1", lambda v: _whole(v, 1)),
        inner.get("projection", f"one of {', '.join(PROJECTIONS)}", lambda v: v in PROJECTIONS),
    )


def _first_view(fields: Fields) -> str | tuple[float, float, float]:
    value = fields.get(
        "first_view",
        "'random', 'policy' or [x, y, s] with x, y in [-1, 1] and s in (0, 1]",
        lambda v: v in ("random", "policy") or (_numbers(v, 3) and abs(v[0]) <= 1 and abs(v[1]) <= 1 and 0 < v[2] <= 1),
        "random",
    )
    return value if isinstance(value, str) else (float(value[0]), float(value[1]), float(value[2]))


def _whole(value: Any, low: int, high: int = 2**31) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _numbers(value: Any, count: int | None = None) -> bool:
    return (
        isinstance(value, list)
        and (len(value) > 0 if count is None else len(value) == count)
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)
    )


def _name(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _palette(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(c, list) and len(c) == 3 and all(_whole(v, 0, 255) for v in c) for c in value
    )


def _scales(value: Any) -> bool:
    return (
        _numbers(value)
        and value[0] > 0
        and value[-1] == 1
        and all(a < b for a, b in zip(value, value[1:], strict=False))
    )


def _s_range(value: Any) -> bool:
    return _numbers(value, 2) and 0 < value[0] <= value[1] <= 1
