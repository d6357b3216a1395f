"""One ONNX graph of a bundle as onnxruntime runs it: opened, its signature read, its outputs checked at every run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from .bundle_file import METADATA_KEY, BundleError, GraphFile, read_graph_file

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
GPU_PROVIDERS = frozenset(
    f"{name}ExecutionProvider" for name in ("CUDA", "Tensorrt", "NvTensorRTRTX", "ROCM", "MIGraphX", "Dml", "WebGpu")
)
_DTYPES = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(bool)": "bool",
    "tensor(uint8)": "uint8", "tensor(int8)": "int8", "tensor(int32)": "int32", "tensor(int64)": "int64",
}  # fmt: skip
_MAX_ELEMENTS = 2**28  # 1 GiB of float32: an absurd shape must not take the robot's memory

Arrays = dict[str, NDArray[Any]]


class GraphNaNError(BundleError):
    """A graph that gave NaN, infinity or a view outside of the scene. The state is as it was before the step."""


@dataclass(frozen=True)
class Tensor:
    """Name, numpy dtype (or onnxruntime's name of what is no tensor) and shape of an input or output."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


class Graph:
    """An open ONNX graph of static shapes. Raises BundleError where it cannot be opened.

    provider: "auto" (CUDA where onnxruntime offers it, else the CPU), "cpu", "cuda", or onnxruntime's own name.
    threads: of one run; None takes at most four.
    """

    def __init__(
        self, file: Path, provider: str = "auto", require_gpu: bool = False, threads: int | None = None
    ) -> None:
        self.file = file
        self.header = read_graph_file(file)
        self._session = _open(file, self.header, provider, require_gpu, threads)
        self.provider: str = self._session.get_providers()[0]
        if require_gpu and self.provider not in GPU_PROVIDERS:
            offered = ", ".join(ort.get_available_providers())
            raise BundleError(
                f"{file}: runs on {self.provider}, a GPU is required; onnxruntime {ort.__version__} offers {offered}"
            )
        if provider != "auto" and self.provider != PROVIDERS.get(provider, provider):
            raise BundleError(
                f"{file}: provider {provider!r} could not be started; onnxruntime fell back to {self.provider}"
            )
        self.inputs = {value.name: self._tensor("input", value) for value in self._session.get_inputs()}
        self.outputs = {value.name: self._tensor("output", value) for value in self._session.get_outputs()}

    def metadata(self) -> dict[str, Any]:
        """The JSON object under the metadata key `glimpse`."""
        texts = self.header.metadata
        if METADATA_KEY not in texts:
            found = ", ".join(sorted(texts))[:80] or "no keys"
            raise BundleError(f"{self.file}: metadata has {found}; expected the key `{METADATA_KEY}`")
        try:
            values = json.loads(texts[METADATA_KEY])
        except (ValueError, RecursionError) as err:
            raise BundleError(
                f"{self.file}: metadata `{METADATA_KEY}` is no JSON ({err}); expected a JSON object"
            ) from err
        if not isinstance(values, dict):
            raise BundleError(
                f"{self.file}: metadata `{METADATA_KEY}` is {type(values).__name__}; expected a JSON object"
            )
        return values

    def run(self, feeds: Mapping[str, NDArray[Any]], fetch: Sequence[str]) -> Arrays:
        """The outputs named in `fetch`; GraphNaNError where one is not finite, BundleError where the run fails."""
        try:
            values = self._session.run(list(fetch), dict(feeds))
        except Exception as err:  # onnxruntime's exceptions share no base class
            raise BundleError(
                f"{self.file}: the graph failed to run; expected it to, onnxruntime says: {_one_line(err)}"
            ) from err
        arrays: Arrays = dict(zip(fetch, values, strict=True))
        for name, value in arrays.items():  # onnxruntime only logs it where a shape is not the declared one
            if value.shape != self.outputs[name].shape:
                found = Tensor(name, value.dtype.name, value.shape)
                raise BundleError(f"{self.file}: output `{name}` came out as {found}; expected {self.outputs[name]}")
        for name, value in arrays.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise GraphNaNError(f"{self.file}: output `{name}` has NaN or infinity; expected finite numbers")
        return arrays

    def try_out(self, feeds: Mapping[str, NDArray[Any]]) -> None:
        """One run whose values do not matter: what fails only when run is refused here."""
        with contextlib.suppress(GraphNaNError):
            self.run(feeds, list(self.outputs))

    def states(self) -> dict[str, Tensor]:
        """The `state_*` inputs; raises BundleError unless each comes back as its `next_state_*`."""
        states = {name: t for name, t in self.inputs.items() if name.startswith("state_")}
        for name, tensor in states.items():
            back = self.outputs.get(f"next_{name}")
            if back is None:
                raise BundleError(
                    f"{self.file}: input `{name}` has no output `next_{name}`; expected one for each state"
                )
            if (back.dtype, back.shape) != (tensor.dtype, tensor.shape):
                raise BundleError(f"{self.file}: output `next_{name}` is {back}; expected that of `{name}`, {tensor}")
        for name in self.outputs:
            state = name.removeprefix("next_")
            if state.startswith("state_") and state != name and state not in states:
                raise BundleError(f"{self.file}: output `{name}` has no input `{state}`; expected one for each state")
        return states

    def expect(self, kind: str, name: str, shape: tuple[int | str, ...], dtype: str = "float32") -> Tensor:
        """The `kind` ("input", "output") named `name`; letters in `shape` stand for any size."""
        tensors = self.inputs if kind == "input" else self.outputs
        wanted = f"{dtype} ({', '.join(map(str, shape))})"
        if name not in tensors:
            raise BundleError(
                f"{self.file}: no {kind} `{name}` among {', '.join(tensors) or 'none'}; expected `{name}` {wanted}"
            )
        tensor = tensors[name]
        fits = len(tensor.shape) == len(shape) and all(
            isinstance(want, str) or want == size for size, want in zip(tensor.shape, shape, strict=True)
        )
        if not fits or tensor.dtype != dtype:
            raise BundleError(f"{self.file}: {kind} `{name}` is {tensor}; expected {wanted}")
        return tensor

    def only(self, kind: str, known: Sequence[str], prefix: str) -> None:
        """Refuse what the contract does not name: the runtime could neither feed nor use it."""
        for name in self.inputs if kind == "input" else self.outputs:
            if name not in known and not name.startswith(prefix):
                raise BundleError(f"{self.file}: unknown {kind} `{name}`; expected {', '.join(known)} or {prefix}*")

    def _tensor(self, kind: str, value: Any) -> Tensor:
        shape = tuple(value.shape or ())
        if not all(isinstance(size, int) and size > 0 for size in shape):
            raise BundleError(f"{self.file}: {kind} `{value.name}` has the shape {shape}; expected a static one")
        if np.prod(shape, dtype=float) > _MAX_ELEMENTS:
            raise BundleError(
                f"{self.file}: {kind} `{value.name}` has the shape {shape}; expected at most 2^28 elements"
            )
        if value.type not in _DTYPES:
            raise BundleError(f"{self.file}: {kind} `{value.name}` is a {value.type}; expected a tensor of numbers")
        return Tensor(value.name, _DTYPES[value.type], shape)


def _open(file: Path, header: GraphFile, provider: str, require_gpu: bool, threads: int | None) -> ort.InferenceSession:
    offered = ort.get_available_providers()
    if provider == "auto":
        wanted = PROVIDERS["cuda"] if PROVIDERS["cuda"] in offered else PROVIDERS["cpu"]
    else:
        wanted = PROVIDERS.get(provider, provider)
    if wanted not in offered:
        raise BundleError(
            f"{file}: provider {provider!r} is not there; onnxruntime {ort.__version__} offers {', '.join(offered)}"
        )
    if wanted == PROVIDERS["cuda"] and hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(sys.stderr):  # CUDA from pip's nvidia-* packages; it prints what it misses
            ort.preload_dlls()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or min(4, len(os.sched_getaffinity(0)))
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.force_spinning_stop", "1")  # no idle thread burns a core between steps
    options.log_severity_level = 4  # fatal: its errors come as exceptions, and one sentence is enough
    cpu, error = PROVIDERS["cpu"], None
    for name in dict.fromkeys([wanted, cpu] if provider == "auto" and not require_gpu else [wanted]):
        try:
            # onnxruntime's own fallback prints on stdout, and would change the provider in mid-run.
            return ort.InferenceSession(
                str(file), options, providers=list(dict.fromkeys([name, cpu])), enable_fallback=0
            )
        except Exception as err:  # its exceptions share no base class
            error = err
    raise BundleError(
        f"{file}: IR version {header.ir_version}, opset {header.opset}; expected a graph that onnxruntime "
        f"{ort.__version__} can load on {wanted}, which says: {_one_line(error)}"
    ) from error


def _one_line(err: Exception | None) -> str:
    """onnxruntime's own words without its status code, the path that we name anyway, and its source location."""
    text = " ".join(str(err).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .*? failed: ?)?", "", text)
    text = re.sub(r"\S*/onnxruntime/\S+:\d+ .*\) (?=[A-Z])", "", text).rstrip(". ")
    return text if len(text) <= 400 else text[:397] + "..."
