"""A graph whose inputs or outputs are off: refused, with what was found and what was expected."""

from onnx import TensorProto, helper
from onnx_builder import Builder, drop_output, infos, rename, value_of
from onnx_graphs import edit_scene, write_bundle
from refusals import refuse_scene


def replaced(tmp_path, model):
    """A bundle whose scene graph is another, under the same metadata."""
    return edit_scene(write_bundle(tmp_path / "b"), lambda old: old.CopyFrom(model))


def test_input_missing(tmp_path):
    folder = edit_scene(write_bundle(tmp_path / "b"), lambda m: rename(m, "view", "state_view"))
    refuse_scene(folder, "input `state_view` has no output `next_state_view`", "expected one for each state")


def test_view_missing(tmp_path):
    b = Builder()
    b("ReduceMean", "glimpse", out="belief", axes=[1, 2], keepdims=0)
    model = b.model("scene", infos({"glimpse": (1, 1, 3, 32, 32)}), infos({"belief": (1, 32, 32)}))
    refuse_scene(replaced(tmp_path, model), "no input `view` among glimpse", "expected `view` float32 (1, 3)")


def test_belief_missing(tmp_path):
    folder = edit_scene(write_bundle(tmp_path / "b"), lambda m: drop_output(m, "belief"))
    refuse_scene(folder, "no output `belief` among", "uncertainty", "expected `belief` float32 (1, N, D)")


def test_next_state_missing(tmp_path):
    folder = edit_scene(write_bundle(tmp_path / "b"), lambda m: drop_output(m, "next_state_steps"))
    refuse_scene(folder, "input `state_steps` has no output `next_state_steps`", "expected one for each state")


def test_state_missing(tmp_path):
    def change(m):
        m.graph.node.add().CopyFrom(helper.make_node("Identity", ["view"], ["next_state_view"]))
        m.graph.output.extend(infos({"next_state_view": (1, 3)}))

    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), change),
        "output `next_state_view` has no input `state_view`",
        "expected one",
    )


def test_state_changes_its_shape(tmp_path):
    def change(m):
        m.graph.node.add().CopyFrom(helper.make_node("Concat", ["state_x", "state_x"], ["next_state_x"], axis=0))
        m.graph.input.extend(infos({"state_x": (2, 3)}))
        m.graph.output.extend(infos({"next_state_x": (4, 3)}))

    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), change),
        "output `next_state_x` is float32 (4, 3)",
        "expected that of `state_x`, float32 (2, 3)",
    )


def test_state_changes_its_dtype(tmp_path):
    def change(m):
        m.graph.node.add().CopyFrom(helper.make_node("Cast", ["state_x"], ["next_state_x"], to=TensorProto.FLOAT16))
        m.graph.input.extend(infos({"state_x": (2, 3)}))
        m.graph.output.append(helper.make_tensor_value_info("next_state_x", TensorProto.FLOAT16, (2, 3)))

    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), change),
        "output `next_state_x` is float16 (2, 3)",
        "expected that of `state_x`, float32",
    )


def test_unknown_input(tmp_path):
    def change(m):
        m.graph.input.extend(infos({"depth": (1, 1)}))

    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), change),
        "unknown input `depth`",
        "expected glimpse, view, overview, decode or state_*",
    )


def test_unknown_output(tmp_path):
    folder = edit_scene(write_bundle(tmp_path / "b"), lambda m: rename(m, "uncertainty", "uncertanty"))
    refuse_scene(folder, "unknown output `uncertanty`", "expected belief, reconstruction, segmentation")


def test_dynamic_batch(tmp_path):
    def change(m):
        value_of(m, "view").type.tensor_type.shape.dim[0].dim_param = "batch"

    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), change),
        "input `view` has the shape ('batch', 3)",
        "expected a static one",
    )


def test_dynamic_output(tmp_path):
    def change(m):
        m.graph.node.add().CopyFrom(helper.make_node("NonZero", ["view"], ["ones"]))
        m.graph.node.add().CopyFrom(helper.make_node("Cast", ["ones"], ["attention"], to=TensorProto.FLOAT))
        m.graph.output.append(helper.make_tensor_value_info("attention", TensorProto.FLOAT, (2, "n")))

    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), change),
        "output `attention` has the shape (2, 'n')",
        "expected a static one",
    )


def test_batch_of_two(tmp_path):
    b = Builder()
    b("ReduceMean", "glimpse", out="belief", axes=[1, 2], keepdims=0)
    b("Identity", "view", out="next_state_v")
    inputs = infos({"glimpse": (2, 1, 3, 32, 32), "view": (2, 3), "state_v": (2, 3)})
    model = b.model("scene", inputs, infos({"belief": (2, 32, 32), "next_state_v": (2, 3)}))
    refuse_scene(
        replaced(tmp_path, model), "input `glimpse` is float32 (2, 1, 3, 32, 32)", "expected float32 (1, 1, 3, 32, 32)"
    )


def test_wrong_dtype(tmp_path):
    b = Builder()
    b("Cast", b("ReduceMean", "view", axes=[1], keepdims=1), to=TensorProto.FLOAT, out="b")
    b("Reshape", "b", b.ints(1, 1, 1), out="belief")
    inputs = [*infos({"glimpse": (1, 1, 3, 32, 32)}), helper.make_tensor_value_info("view", TensorProto.DOUBLE, (1, 3))]
    model = b.model("scene", inputs, infos({"belief": (1, 1, 1)}))
    refuse_scene(replaced(tmp_path, model), "input `view` is float64 (1, 3)", "expected float32 (1, 3)")


def test_not_a_tensor(tmp_path):
    def change(m):
        m.graph.node.add().CopyFrom(helper.make_node("SequenceConstruct", ["view"], ["attention"]))
        m.graph.output.append(helper.make_tensor_sequence_value_info("attention", TensorProto.FLOAT, (1, 3)))

    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), change),
        "output `attention`",
        "seq(tensor(float))",
        "expected a tensor of numbers",
    )


def test_absurd_size(tmp_path):
    def change(m):
        m.graph.node.add().CopyFrom(helper.make_node("Identity", ["state_x"], ["next_state_x"]))
        m.graph.input.extend(infos({"state_x": (1, 100_000, 100_000)}))
        m.graph.output.extend(infos({"next_state_x": (1, 100_000, 100_000)}))

    refuse_scene(
        edit_scene(write_bundle(tmp_path / "b"), change),
        "`state_x` has the shape (1, 100000, 100000)",
        "expected at most 2^28 elements",
    )


def test_decode_is_no_bool(tmp_path):
    b = Builder()
    b("ReduceMean", "glimpse", out="belief", axes=[1, 2], keepdims=0)
    b("Mul", "view", "decode", out="next_state_v")
    inputs = infos({"glimpse": (1, 1, 3, 32, 32), "view": (1, 3), "decode": (), "state_v": (1, 3)})
    model = b.model("scene", inputs, infos({"belief": (1, 32, 32), "next_state_v": (1, 3)}))
    refuse_scene(replaced(tmp_path, model), "input `decode` is float32 ()", "expected bool ()")
