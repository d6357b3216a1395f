"""The bytes of an ONNX file: against `onnx` itself as the reference."""

import json
import random

import numpy as np
import onnx
import pytest
from onnx_graphs import model_id, scene_model, write_bundle

from glimpse_ros.core.bundle_file import (
    CONTRACT,
    BundleError,
    belief_id,
    decode_belief,
    encode_belief,
    read_graph_file,
    with_metadata,
    write_graph,
)


def test_metadata_reads_back_with_onnx_and_leaves_the_graph_alone():
    model = scene_model()
    named = onnx.load_from_string(with_metadata(model.SerializeToString(), {"role": "scene", "name": "é"}))
    assert named.graph == model.graph
    onnx.checker.check_model(named)
    (entry,) = named.metadata_props
    assert entry.key == "glimpse"
    assert json.loads(entry.value) == {
        "contract": CONTRACT, "role": "scene", "name": "é", "belief_id": model_id(model)
    }  # fmt: skip


def test_metadata_is_replaced_and_other_keys_are_kept():
    model = scene_model()
    onnx.helper.set_model_props(model, {"author": "me", "glimpse": "old"})
    twice = with_metadata(with_metadata(model.SerializeToString(), {"name": "a"}), {"name": "b"})
    props = {entry.key: entry.value for entry in onnx.load_from_string(twice).metadata_props}
    assert props.keys() == {"author", "glimpse"}
    assert json.loads(props["glimpse"])["name"] == "b"


def test_read_graph_file_agrees_with_onnx(tmp_path):
    file = write_bundle(tmp_path / "tiny") / "scene.onnx"
    header = read_graph_file(file)
    model = onnx.load(file)
    assert (header.ir_version, header.opset) == (model.ir_version, model.opset_import[0].version) == (8, 17)
    assert header.size == file.stat().st_size
    assert header.metadata == {entry.key: entry.value for entry in model.metadata_props}


def test_belief_id_ignores_metadata_and_producer(tmp_path):
    model = scene_model()
    before = model_id(model)
    onnx.helper.set_model_props(model, {"author": "me"})
    model.producer_name, model.doc_string = "someone", "words"
    assert model_id(model) == before
    write_graph(tmp_path / "scene.onnx", model.SerializeToString(), {"role": "scene"})
    assert belief_id(tmp_path / "scene.onnx") == before
    assert len(before) == 16 and int(before, 16) >= 0


def test_belief_id_changes_with_a_weight_and_with_the_opset():
    model = scene_model()
    ids = {model_id(model)}
    model.opset_import[0].version = 16
    ids.add(model_id(model))
    constant = next(c for c in model.graph.initializer if c.data_type == onnx.TensorProto.FLOAT)
    constant.raw_data = (np.frombuffer(constant.raw_data, np.float32) + 1e-6).tobytes()
    ids.add(model_id(model))
    assert len(ids) == 3


def test_empty_belief_round_trip_and_refusals():
    belief = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    text = encode_belief(belief)
    np.testing.assert_array_equal(decode_belief(text, (5, 3)), belief)
    with pytest.raises(ValueError, match="15 numbers"):
        decode_belief(text, (5, 4))
    with pytest.raises(ValueError):
        decode_belief("no base64!", (5, 3))
    belief[2, 1] = np.nan
    with pytest.raises(ValueError, match="finite: False"):
        decode_belief(encode_belief(belief), (5, 3))


def test_metadata_that_json_cannot_hold_is_not_written(tmp_path):
    with pytest.raises(ValueError):
        write_graph(tmp_path / "scene.onnx", scene_model().SerializeToString(), {"s_range": [float("nan"), 1]})
    assert list(tmp_path.iterdir()) == []


def test_any_cut_or_flipped_byte_is_read_or_refused(tmp_path):
    whole = (write_bundle(tmp_path / "tiny") / "scene.onnx").read_bytes()
    rng = random.Random(0)
    file = tmp_path / "scene.onnx"
    refused = 0
    for _ in range(300):
        broken = bytearray(whole[: rng.randrange(1, len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(rng.randrange(1, 4)):
            broken[rng.randrange(min(len(broken), 40))] = rng.randrange(256)
        file.write_bytes(broken)
        try:
            read_graph_file(file)
        except BundleError as err:
            refused += 1
            assert str(file) in str(err) and "expected an ONNX graph" in str(err)
    assert refused > 100
