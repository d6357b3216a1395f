"""What exporters do to traced graphs: a branch that is run only where it is asked for, weights in half precision."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

MATRIX = 4096  # weights with fewer numbers stay in single precision


def under_if(
    trunk: onnx.ModelProto, decoder: onnx.ModelProto, handed: Iterable[str], passed_on: Mapping[str, str] | None = None
) -> onnx.ModelProto:
    """`trunk` with `decoder` under an If on a new input `decode`, bool (1,); checked.

    The decoder's inputs are names of the trunk's; its outputs become the trunk's. handed: outputs of the trunk that
    only the decoder wants. passed_on: what an output is without `decode`, a name of the trunk's; the others are zeros.
    """
    part, passed_on = decoder.graph, passed_on or {}
    outputs = [output.name for output in part.output]
    shapes = {o.name: [d.dim_value for d in o.type.tensor_type.shape.dim] for o in part.output}
    rename = {name: f"decoder/{name}" for node in part.node for name in node.output}
    rename |= {weight.name: f"decoder/{weight.name}" for weight in part.initializer}
    for node in part.node:
        node.name = f"decoder/{node.name}"
        node.input[:] = [rename.get(name, name) for name in node.input]
        node.output[:] = [rename[name] for name in node.output]
    for weight in part.initializer:
        weight.name = rename[weight.name]

    def infos(prefix: str) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(f"{prefix}{n}", TensorProto.FLOAT, shapes[n]) for n in outputs]

    # The weights belong inside: ONNX Runtime packs a convolution only where it owns its weights.
    then_branch = helper.make_graph(
        list(part.node), "decode", [], infos("decoder/"), initializer=list(part.initializer)
    )
    zero, blanks = numpy_helper.from_array(np.zeros(1, np.float32)), []
    for name in outputs:
        if name in passed_on:
            blanks.append(helper.make_node("Identity", [passed_on[name]], [f"blank/{name}"]))
            continue
        shape = numpy_helper.from_array(np.array(shapes[name], np.int64), f"blank/{name}/shape")
        trunk.graph.initializer.append(shape)
        blanks.append(helper.make_node("ConstantOfShape", [shape.name], [f"blank/{name}"], value=zero))
    else_branch = helper.make_graph(blanks, "skip", [], infos("blank/"))
    graph = trunk.graph
    graph.input.append(helper.make_tensor_value_info("decode", TensorProto.BOOL, [1]))
    graph.node.append(helper.make_node("If", ["decode"], outputs, then_branch=then_branch, else_branch=else_branch))
    unwanted = set(handed)
    for output in [o for o in graph.output if o.name in unwanted]:
        graph.output.remove(output)
    graph.output.extend(infos(""))
    onnx.checker.check_model(trunk)
    return trunk


def round_weights(modules: Iterable[nn.Module]) -> None:
    """Every large weight to the nearest in half precision, in place: what `halved` stores."""
    for weight in (w for module in modules for w in module.parameters() if w.numel() >= MATRIX):
        weight.data = weight.data.half().float()


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with large weights stored in half precision; onnxruntime widens them once, when it loads."""
    halve(model.graph)
    onnx.checker.check_model(model)
    return model


def halve(graph: onnx.GraphProto) -> None:
    """`halved` in place, branches included."""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                halve(attribute.g)
    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT and math.prod(weight.dims) >= MATRIX:
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}/half"))
            graph.node.insert(0, helper.make_node("Cast", [f"{name}/half"], [name], to=TensorProto.FLOAT))
