"""The bytes of an ONNX file: its belief id, and the one metadata key `glimpse`, read and written without `onnx`.

An ONNX file is a protobuf message (onnx.proto3, ModelProto). Its top level is all that is needed here, so it is walked
by hand: `onnx` stays a dependency of training alone.

For exporters: `write_graph(path, model.SerializeToString(), metadata)` is the whole of it. It puts the contract
version in, computes a scene's belief id, and replaces an older `glimpse` key.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .types import GlimpseError

CONTRACT = 1  # the version of the bundle contract that this package speaks
METADATA_KEY = "glimpse"

# Field numbers of ModelProto and of OperatorSetIdProto.
_IR_VERSION, _GRAPH, _OPSETS, _METADATA, _FUNCTIONS = 1, 7, 8, 14, 25
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_BYTES = 2**31 - 1  # protobuf's own limit


class BundleError(GlimpseError):
    """A bundle that cannot be used: which file, what was found, what was expected."""


@dataclass(frozen=True)
class GraphFile:
    """What the bytes of an ONNX file tell before any of it is run."""

    size: int  # bytes
    belief_id: str
    ir_version: int
    opset: int  # version of the standard operators; 0 where it names none
    metadata: dict[str, str]


def read_graph_file(file: Path) -> GraphFile:
    """Look into an ONNX file; raises BundleError unless it is one whole model."""
    if not file.is_file():
        found = "is a folder" if file.is_dir() else "is not a file" if file.exists() else "does not exist"
        raise BundleError(f"{file}: {found}; expected an ONNX graph")
    try:
        size = file.stat().st_size
        if size > _MAX_BYTES:
            raise BundleError(f"{file}: has {size} bytes; expected an ONNX graph of less than 2 GiB")
        data = file.read_bytes()
    except OSError as err:
        raise BundleError(f"{file}: cannot be read ({err.strerror}); expected an ONNX graph") from err
    if not data:
        raise BundleError(f"{file}: is empty (0 bytes); expected an ONNX graph")
    try:
        ir_version, opset = _versions(data)
        entries = [_entry(data[start:end]) for number, _, start, end in _fields(data) if number == _METADATA]
        fields = {number for number, _, _, _ in _fields(data)}
        identity = belief_id(data)
    except ValueError as err:
        raise BundleError(f"{file}: {size} bytes, truncated or no ONNX ({err}); expected an ONNX graph") from None
    if not {_IR_VERSION, _GRAPH} <= fields:
        raise BundleError(f"{file}: {size} bytes without an IR version and a graph; expected an ONNX graph")
    return GraphFile(size, identity, ir_version, opset, dict(entries))


def belief_id(model: bytes | str | Path) -> str:
    """What a policy must match: 16 hex digits of the SHA-256 over a model's graph, opsets and functions.

    Metadata, producer and doc string of the model do not count. Weights in external files do not either: a bundle's
    weights belong inside. `model`: the serialised ModelProto, or its path.
    """
    if not isinstance(model, bytes):
        return read_graph_file(Path(model)).belief_id
    digest = hashlib.sha256()
    for number, _, start, end in _fields(model):
        if number in (_GRAPH, _OPSETS, _FUNCTIONS):
            digest.update(number.to_bytes(1, "little") + (end - start).to_bytes(8, "little"))
            digest.update(memoryview(model)[start:end])
    return digest.hexdigest()[:16]


def with_metadata(model: bytes, metadata: Mapping[str, Any]) -> bytes:
    """A serialised model with the metadata key `glimpse`; an older one is replaced, other keys are kept.

    `contract` is filled in, and `belief_id` too where the role is "scene": a policy names that of its scene model.
    """
    full: dict[str, Any] = {"contract": CONTRACT, **metadata}
    if full.get("role") == "scene":
        full["belief_id"] = belief_id(model)
    kept = b"".join(
        model[record:end]
        for number, record, start, end in _fields(model)
        if number != _METADATA or _entry(model[start:end])[0] != METADATA_KEY
    )
    pair = _record(1, METADATA_KEY.encode()) + _record(2, json.dumps(full, allow_nan=False).encode())
    return kept + _record(_METADATA, pair)


def write_graph(path: str | Path, model: bytes, metadata: Mapping[str, Any]) -> None:
    """Write `model` (a serialised ModelProto) with its metadata, whole or not at all."""
    file = Path(path)
    part = file.with_name(file.name + ".part")
    part.write_bytes(with_metadata(model, metadata))
    part.replace(file)


def encode_belief(belief: NDArray[np.float32]) -> str:
    """(N, D) as the metadata field `empty_belief`: base64 of little-endian float32, row by row."""
    return base64.b64encode(np.ascontiguousarray(belief, "<f4").tobytes()).decode()


def decode_belief(text: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The inverse of `encode_belief`; raises ValueError unless it holds `shape` = (N, D) finite numbers."""
    flat = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    if flat.size != shape[0] * shape[1] or not np.isfinite(flat).all():
        raise ValueError(f"{flat.size} numbers, finite: {bool(np.isfinite(flat).all())}")
    return flat.reshape(shape)


def _versions(model: bytes) -> tuple[int, int]:
    """(IR version, version of the standard operators); 0 where the model names none."""
    ir_version = opset = 0
    for number, _, start, end in _fields(model):
        if number == _IR_VERSION:
            ir_version = _varint(model, start)[0]
        elif number == _OPSETS:
            entry = model[start:end]
            parts = {n: (s, e) for n, _, s, e in _fields(entry)}
            domain = parts.get(1, (0, 0))
            if entry[domain[0] : domain[1]] in (b"", b"ai.onnx") and 2 in parts:
                opset = _varint(entry, parts[2][0])[0]
    return ir_version, opset


def _entry(pair: bytes) -> tuple[str, str]:
    """Key and value of a StringStringEntryProto."""
    parts = {number: pair[start:end].decode("utf-8", "replace") for number, _, start, end in _fields(pair)}
    return parts.get(1, ""), parts.get(2, "")


def _record(number: int, payload: bytes) -> bytes:
    return _to_varint(number << 3 | _BYTES) + _to_varint(len(payload)) + payload


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(number, start of the record, start and end of the payload) of each field; ValueError where it breaks off."""
    at = 0
    while at < len(data):
        record = at
        tag, at = _varint(data, at)
        wire, number = tag & 7, tag >> 3
        if wire == _VARINT:
            end = _varint(data, at)[1]
        elif wire == _BYTES:
            size, at = _varint(data, at)
            end = at + size
        elif wire in (_FIXED64, _FIXED32):
            end = at + (8 if wire == _FIXED64 else 4)
        else:
            raise ValueError(f"no protobuf field at byte {record}")
        if number == 0 or end > len(data):
            raise ValueError(f"the field at byte {record} is not whole")
        yield number, record, at, end
        at = end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A base-128 number and where it ends."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at
    raise ValueError(f"a number breaks off at byte {at}")


def _to_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
