"""Convolutions in 8-bit integers: half the time of a step on processors that multiply them fast, most of today's.

ONNX Runtime's static quantisation, from the ranges that samples show. Only large convolutions are quantised: small ones
gain nothing, and those of 1 x 1 that join features of different kinds lose most. Activations have 8 bits and one scale
a tensor, weights 7 bits and one scale an output channel: with 8 bits the sums would overflow on processors without
VNNI (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html), and a bundle is to say the same
everywhere.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

HEAVY = 30_000_000  # products; a convolution with fewer takes less than half a millisecond as it is
SHARE = 99.999  # of a tensor's numbers, in per cent, lie within its range: the largest would take bits from all others
Feed = Mapping[str, NDArray]


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Gives out feeds, one after the other."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.left: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self.left, None)


def heavy(graph: onnx.GraphProto, least: int) -> list[str]:
    """Names of the convolutions of more than one pixel with at least so many products; shapes must be inferred."""
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.value_info, *graph.output)}
    kernels = {weight.name: list(weight.dims) for weight in graph.initializer}
    found = []
    for node in (n for n in graph.node if n.op_type == "Conv" and n.input[1] in kernels):
        kernel, pixels = kernels[node.input[1]], shapes[node.output[0]][2:]
        if min(kernel[2:]) > 2 and math.prod(kernel) * math.prod(pixels) >= least:
            found.append(node.name)
    return found


def quantised(model: onnx.ModelProto, feeds: Sequence[Feed], least: int = HEAVY) -> onnx.ModelProto:
    """The same graph with its heavy convolutions in integers, of the ranges that its inputs in `feeds` lead to."""
    with tempfile.TemporaryDirectory() as folder:
        ready, done = f"{folder}/ready.onnx", f"{folder}/done.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # folds constants
        options.optimized_model_filepath = ready
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        folded = onnx.shape_inference.infer_shapes(onnx.load(ready))
        names = heavy(folded.graph, least)
        if not names:
            return model
        add_pre_process_metadata(folded)  # or it asks for what was done here
        onnx.save(folded, ready)
        with contextlib.redirect_stdout(None):  # it prints what it collects
            quantize_static(
                ready,
                done,
                Reader([{i.name: feed[i.name] for i in model.graph.input} for feed in feeds]),
                quant_format=QuantFormat.QDQ,
                nodes_to_quantize=names,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.Percentile,
                extra_options={"WeightSymmetric": True, "CalibPercentile": SHARE},
            )
        return plain(onnx.load(done))


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without what ONNX Runtime notes down of itself: older ones refuse operator sets that they do not know, used or
    not."""
    used = {node.domain for node in model.graph.node}
    imports = [known for known in model.opset_import if known.domain in used]
    del model.opset_import[:], model.metadata_props[:]
    model.opset_import.extend(imports)
    return model
