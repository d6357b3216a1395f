"""Metadata that is off or disagrees with the graph: refused, with what was found and what was expected."""

import shutil

import onnx
import pytest
from onnx import helper
from onnx_graphs import scene_model, write_bundle
from refusals import refuse_scene

from glimpse_ros.core.bundle_file import read_graph_file


def test_metadata_missing(tmp_path):
    folder = write_bundle(tmp_path / "b")
    model = scene_model()
    onnx.helper.set_model_props(model, {"author": "me"})
    (folder / "scene.onnx").write_bytes(model.SerializeToString())
    refuse_scene(folder, "metadata has author", "expected the key `glimpse`")


@pytest.mark.parametrize("text", ["{broken", "", "[" * 100_000])
def test_metadata_is_broken_json(tmp_path, text):
    folder = write_bundle(tmp_path / "b")
    model = scene_model()
    onnx.helper.set_model_props(model, {"glimpse": text})
    (folder / "scene.onnx").write_bytes(model.SerializeToString())
    refuse_scene(folder, "metadata `glimpse` is no JSON", "expected a JSON object")


def test_metadata_is_no_object(tmp_path):
    folder = write_bundle(tmp_path / "b")
    model = scene_model()
    onnx.helper.set_model_props(model, {"glimpse": "[1]"})
    (folder / "scene.onnx").write_bytes(model.SerializeToString())
    refuse_scene(folder, "metadata `glimpse` is list", "expected a JSON object")


def test_wrong_role(tmp_path):
    folder = write_bundle(tmp_path / "b")
    shutil.copy(folder / "policy.onnx", folder / "scene.onnx")
    refuse_scene(folder, "metadata `role` is 'policy'", "expected 'scene'")


def test_newer_contract(tmp_path):
    refuse_scene(write_bundle(tmp_path / "b", scene_fields={"contract": 2}), "contract version 2", "expected at most 1")


REQUIRED = ["contract", "role", "name", "glimpse", "scales", "padding", "s_range", "scene", "belief_id"]


@pytest.mark.parametrize("key", REQUIRED)
def test_field_missing(tmp_path, key):
    import json

    folder = write_bundle(tmp_path / "b")
    file = folder / "scene.onnx"
    fields = json.loads(read_graph_file(file).metadata["glimpse"])
    del fields[key]
    model = scene_model()
    onnx.helper.set_model_props(model, {"glimpse": json.dumps(fields)})
    file.write_bytes(model.SerializeToString())
    refuse_scene(folder, f"metadata has no `{key}`", "expected")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("contract", "1", "the contract version, 1"),
        ("contract", True, "the contract version, 1"),
        ("contract", 0, "the contract version, 1"),
        ("name", "", "a name"),
        ("glimpse", 0, "a whole number from 1 to 4096"),
        ("glimpse", 32.5, "a whole number from 1 to 4096"),
        ("scales", [], "ascending to 1"),
        ("scales", [1.0, 0.5], "ascending to 1"),
        ("scales", [0.5, 0.75], "ascending to 1"),
        ("scales", [0.0, 1.0], "ascending to 1"),
        ("padding", "reflect", "one of zero, edge, clamp"),
        ("s_range", [0, 1], "[smallest, largest] in (0, 1]"),
        ("s_range", [0.5, 0.25], "[smallest, largest] in (0, 1]"),
        ("s_range", [0.5, 1.5], "[smallest, largest] in (0, 1]"),
        ("s_range", 0.5, "[smallest, largest] in (0, 1]"),
        ("scene", [64, 128], '{"height", "width", "projection"}'),
        ("first_view", "centre", "'random', 'policy' or [x, y, s]"),
        ("first_view", [0, 0, 0], "'random', 'policy' or [x, y, s]"),
        ("first_view", [0, 0], "'random', 'policy' or [x, y, s]"),
        ("glimpses", 0, "at least 1"),
        ("class_names", "dark,bright", "a list of names"),
        ("palette", [[0, 0, 256]], "a list of [r, g, b], 0 to 255"),
    ],
)
def test_field_off(tmp_path, key, value, expected):
    folder = write_bundle(tmp_path / "b", scene_fields={key: value})
    refuse_scene(folder, f"metadata `{key}` is {value!r}", f"expected {expected}" if key == "contract" else expected)


@pytest.mark.parametrize(("key", "value"), [("height", "64"), ("width", 0), ("projection", "cubic")])
def test_scene_field_off(tmp_path, key, value):
    scene = {"height": 64, "width": 128, "projection": "spherical", key: value}
    folder = write_bundle(tmp_path / "b", scene_fields={"scene": scene})
    refuse_scene(folder, f"metadata `scene.{key}` is {value!r}", "expected")


def test_nan_in_the_metadata(tmp_path):
    folder = write_bundle(tmp_path / "b")
    file = folder / "scene.onnx"
    text = read_graph_file(file).metadata["glimpse"].replace('"s_range": [0.0625', '"s_range": [NaN')
    model = scene_model()
    onnx.helper.set_model_props(model, {"glimpse": text})
    file.write_bytes(model.SerializeToString())
    refuse_scene(folder, "metadata `s_range` is [nan, 1.0]", "expected [smallest, largest] in (0, 1]")


def test_empty_belief_off(tmp_path):
    folder = write_bundle(tmp_path / "b", scene_fields={"empty_belief": "AAAA"})
    refuse_scene(folder, "metadata `empty_belief` is off", "expected base64 of (32, 4) finite float32")


def test_glimpse_size_disagrees(tmp_path):
    folder = write_bundle(tmp_path / "b", scene_fields={"glimpse": 16})
    refuse_scene(folder, "input `glimpse` is float32 (1, 1, 3, 32, 32)", "expected float32 (1, 1, 3, 16, 16)")


def test_scales_disagree(tmp_path):
    folder = write_bundle(tmp_path / "b", scene_fields={"scales": [0.5, 1.0]})
    refuse_scene(folder, "input `glimpse` is float32 (1, 1, 3, 32, 32)", "expected float32 (1, 2, 3, 32, 32)")


def test_scene_size_disagrees(tmp_path):
    fields = {"scene": {"height": 128, "width": 256, "projection": "spherical"}}
    folder = write_bundle(tmp_path / "b", scene_fields=fields)
    refuse_scene(folder, "output `reconstruction` is float32 (1, 3, 64, 128)", "expected float32 (1, 3, 128, 256)")


def test_class_names_disagree(tmp_path):
    folder = write_bundle(tmp_path / "b", segmentation=True, scene_fields={"class_names": ["a", "b", "c"]})
    refuse_scene(folder, "metadata `class_names` has 3", "expected one for each class", "segmentation 2")


def test_palette_disagrees(tmp_path):
    folder = write_bundle(tmp_path / "b", segmentation=True, scene_fields={"palette": [[0, 0, 0]]})
    refuse_scene(folder, "metadata `palette` has 1 colours for 2 class names", "expected as many")


def test_graph_changed_after_export(tmp_path):
    folder = write_bundle(tmp_path / "b")
    file = folder / "scene.onnx"
    before = read_graph_file(file).belief_id
    model = onnx.load(file)
    model.graph.node.add().CopyFrom(helper.make_node("Identity", ["view"], ["idle"]))
    onnx.save(model, file)
    refuse_scene(
        folder, f"metadata `belief_id` is '{before}'", f"the graph's is '{read_graph_file(file).belief_id}'", "expected"
    )
