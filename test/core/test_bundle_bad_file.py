"""An ONNX file that is off: refused, with what was found and what was expected."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx_builder import Builder, infos
from onnx_graphs import edit_scene, write_bundle
from refusals import refuse_policy, refuse_scene

from glimpse_ros.core.bundle import BundleError, load_scene


def test_missing(tmp_path):
    folder = write_bundle(tmp_path / "b")
    (folder / "scene.onnx").unlink()
    refuse_scene(folder, "does not exist", "expected an ONNX graph")


def test_missing_folder_names_the_bundles_there_are(tmp_path):
    with pytest.raises(BundleError, match=r"nowhere: does not exist; expected the folder of a bundle or one of mosaic"):
        load_scene(tmp_path / "nowhere")


def test_folder_without_graphs(tmp_path):
    with pytest.raises(BundleError, match=r"holds no ONNX graph; expected the folder of a bundle, with scene\.onnx"):
        load_scene(tmp_path)


def test_policy_is_missing(tmp_path):
    folder = write_bundle(tmp_path / "b", policy=False)
    refuse_policy(folder, load_scene(folder).info, "does not exist", "expected an ONNX graph")


def test_empty(tmp_path):
    folder = write_bundle(tmp_path / "b")
    (folder / "scene.onnx").write_bytes(b"")
    refuse_scene(folder, "is empty (0 bytes)", "expected an ONNX graph")


def test_a_folder_in_its_place(tmp_path):
    folder = write_bundle(tmp_path / "b")
    (folder / "scene.onnx").unlink()
    (folder / "scene.onnx").mkdir()
    refuse_scene(folder, "is a folder", "expected an ONNX graph")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_truncated(tmp_path, share):
    file = write_bundle(tmp_path / "b") / "scene.onnx"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    refuse_scene(tmp_path / "b", "truncated or no ONNX", f"{int(len(whole) * share)} bytes", "expected an ONNX graph")


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes(tmp_path, seed):
    folder = write_bundle(tmp_path / "b")
    (folder / "scene.onnx").write_bytes(np.random.default_rng(seed).bytes(5000))
    refuse_scene(folder, "expected")


def test_pointer_of_git_lfs(tmp_path):
    folder = write_bundle(tmp_path / "b")
    (folder / "scene.onnx").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n")
    refuse_scene(folder, "no ONNX", "expected an ONNX graph")


def test_opset_of_the_future(tmp_path):
    folder = edit_scene(write_bundle(tmp_path / "b"), lambda m: setattr(m.opset_import[0], "version", 99))
    refuse_scene(folder, "opset 99", "expected a graph that onnxruntime", "Opset 99 is under development")


def test_opset_of_the_past(tmp_path):
    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), lambda m: setattr(m.opset_import[0], "version", 1)),
        "opset 1;",
        "expected a graph that",
    )


def test_ir_version_of_the_future(tmp_path):
    folder = edit_scene(write_bundle(tmp_path / "b"), lambda m: setattr(m, "ir_version", 99))
    refuse_scene(folder, "IR version 99", "expected a graph that onnxruntime")


def test_unknown_operator(tmp_path):
    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), lambda m: setattr(m.graph.node[0], "op_type", "Frobnicate")),
        "Frobnicate",
        "expected",
    )


def test_external_data_missing(tmp_path):
    folder = write_bundle(tmp_path / "b")
    file = folder / "scene.onnx"
    model = onnx.load(file)
    centres = next(c for c in model.graph.initializer if list(c.dims) == [1, 1, 1, 8])
    onnx.external_data_helper.set_external_data(centres, "scene.data")
    onnx.save(model, file)  # writes scene.data too
    load_scene_of_any_id(file)
    (folder / "scene.data").unlink()
    refuse_scene(folder, "scene.data", "expected a graph that onnxruntime")


def load_scene_of_any_id(file):
    """Loads, but for its belief id, which was not written for this graph."""
    with pytest.raises(BundleError, match="belief_id"):
        load_scene(file)


def test_a_graph_that_fails_only_when_run(tmp_path):
    def change(model):  # rows 100 and up of three
        b = Builder("more_")
        row = b("Cast", b("Add", b("ReduceMean", "view", keepdims=0), b.const(100.0)), to=TensorProto.INT64)
        rows = b("Gather", b.const(np.zeros((3, 4, 8))), row, axis=0)
        b("Reshape", rows, b.ints(1, 1, 4, 8), out="attention")
        b.append_to(model, infos({"attention": (1, 1, 4, 8)}))

    folder = edit_scene(write_bundle(tmp_path / "b"), change)
    refuse_scene(folder, "the graph failed to run", "Gather", "out of data bounds", "expected")


def test_a_graph_whose_output_is_not_what_it_declares(tmp_path):
    def change(model):  # as many columns as there are numbers other than zero in the view
        b = Builder("more_")
        b("Unsqueeze", b("Cast", b("NonZero", "view"), to=TensorProto.FLOAT), b.ints(0, 1), out="attention")
        b.append_to(model, infos({"attention": (1, 1, 2, 3)}))

    folder = edit_scene(write_bundle(tmp_path / "b"), change)
    refuse_scene(folder, "output `attention` came out as float32 (1, 1, 2, 1)", "expected float32 (1, 1, 2, 3)")
