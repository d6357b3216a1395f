"""ONNX graphs written node by node, and altered: what the tests make their models with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Nodes and constants in the order in which they are asked for."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix  # of the names it makes up
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def __call__(self, op: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """Add a node of one output; gives the output's name."""
        name = out or f"{self.prefix}t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=f"node_{name}", **attributes))
        return name

    def const(self, value: Any) -> str:
        """A float32 constant."""
        return self._constant(np.asarray(value, np.float32))

    def ints(self, *values: int) -> str:
        """A (n,) int64 constant."""
        return self._constant(np.array(values, np.int64))

    def _constant(self, value: np.ndarray) -> str:
        name = f"{self.prefix}c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """A model of opset 17 (IR 8: old runtimes know it)."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def append_to(self, model: onnx.ModelProto, outputs: list[onnx.ValueInfoProto]) -> None:
        """The nodes at the end of another model, with more outputs for it; wants a prefix of its own."""
        model.graph.initializer.extend(self.constants)
        model.graph.node.extend(self.nodes)
        model.graph.output.extend(outputs)


def infos(shapes: Mapping[str, Sequence[int | str]]) -> list[onnx.ValueInfoProto]:
    """float32 inputs or outputs by name and shape."""
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Give an input, an output or a value between them another name."""
    for value in [*model.graph.input, *model.graph.output]:
        value.name = new if value.name == old else value.name
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = new if name == old else name


def value_of(model: onnx.ModelProto, name: str) -> onnx.ValueInfoProto:
    """An input or output by name."""
    return next(v for v in [*model.graph.input, *model.graph.output] if v.name == name)


def drop_output(model: onnx.ModelProto, name: str) -> None:
    """The node that computes it stays."""
    model.graph.output.remove(value_of(model, name))
