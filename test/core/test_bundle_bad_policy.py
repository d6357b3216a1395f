"""A policy that is off or made for another scene model: refused, with what was found and what was expected."""

import shutil

import pytest
from onnx_builder import Builder, drop_output, infos
from onnx_graphs import policy_model, write_bundle, write_model
from refusals import refuse_policy

from glimpse_ros.core.bundle import describe, load_scene
from glimpse_ros.core.types import GlimpseError, SceneInfo


def scene_info(tmp_path, **options) -> SceneInfo:
    return load_scene(write_bundle(tmp_path / "good", **options)).info


def test_policy_of_another_scene_model(tmp_path):
    info = scene_info(tmp_path)
    other = write_bundle(tmp_path / "other", projection="planar")
    theirs = load_scene(other).info.belief_id
    refuse_policy(other, info, f"belief_id '{theirs}'", f"scene model 'good' has '{info.belief_id}'")


def test_policy_whose_belief_does_not_fit(tmp_path):
    info = scene_info(tmp_path)
    b = Builder()
    b("Slice", b("ReduceMean", "belief", axes=[1], keepdims=0), b.ints(0), b.ints(3), b.ints(1), out="next_view")
    model = b.model("policy", infos({"belief": (1, 64, 16)}), infos({"next_view": (1, 3)}))
    folder = write_policy(tmp_path, model, info)
    refuse_policy(folder, info, "input `belief` is (1, 64, 16)", "scene model 'good' gives (1, 32, 4)")


def write_policy(tmp_path, model, info, **fields):
    write_model(tmp_path / "good" / "policy.onnx", model, {"role": "policy", "belief_id": info.belief_id, **fields})
    return tmp_path / "good"


def test_policy_wants_what_the_scene_model_lacks(tmp_path):
    info = scene_info(tmp_path)
    folder = write_policy(tmp_path, policy_model(wants={"attention": (1, 1, 4, 8)}), info)
    refuse_policy(folder, info, "wants `attention`", "offers reconstruction, uncertainty")


def test_policy_wants_another_size(tmp_path):
    info = scene_info(tmp_path)
    folder = write_policy(tmp_path, policy_model(wants={"uncertainty": (1, 1, 16, 32)}), info)
    refuse_policy(folder, info, "input `uncertainty` is (1, 1, 16, 32)", "gives (1, 1, 4, 8)")


def test_scene_in_the_place_of_the_policy(tmp_path):
    info = scene_info(tmp_path)
    shutil.copy(tmp_path / "good" / "scene.onnx", tmp_path / "good" / "policy.onnx")
    refuse_policy(tmp_path / "good", info, "metadata `role` is 'scene'", "expected 'policy'")


def test_policy_without_next_view(tmp_path):
    info = scene_info(tmp_path)
    model = policy_model(stop=True)
    drop_output(model, "next_view")
    folder = write_policy(tmp_path, model, info)
    refuse_policy(folder, info, "no output `next_view` among", "expected `next_view` float32 (1, 3)")


def test_policy_with_odd_limits(tmp_path):
    info = scene_info(tmp_path)
    b = Builder()
    b("ReduceMean", "belief", out="m", axes=[1, 2], keepdims=0)
    b("Add", b("ReduceMean", "limits", axes=[0], keepdims=1), b.const(0.0), out="next_view")
    model = b.model("policy", infos({"belief": (1, 32, 4), "limits": (2, 3)}), infos({"next_view": (1, 3)}))
    folder = write_policy(tmp_path, model, info)
    refuse_policy(folder, info, "input `limits` is float32 (2, 3)", "expected float32 (1, 3, 2)")


def test_policy_field_off(tmp_path):
    info = scene_info(tmp_path)
    refuse_policy(write_policy(tmp_path, policy_model(), info, contract=7), info, "contract version 7", "at most 1")
    refuse_policy(
        write_policy(tmp_path, policy_model(), info, belief_id=5), info, "metadata `belief_id` is 5", "expected"
    )


def test_refusals_are_glimpse_errors_and_describe_refuses_too(tmp_path):
    folder = write_bundle(tmp_path / "b")
    (folder / "policy.onnx").write_bytes(b"")
    with pytest.raises(GlimpseError, match=r"policy\.onnx: is empty"):
        describe(folder)


@pytest.mark.parametrize("value", [-0.1, "0.5", True, [0.5], None])
def test_a_stop_threshold_that_is_none(tmp_path, value):
    info = scene_info(tmp_path)
    folder = write_policy(tmp_path, policy_model(stop=True), info, stop_threshold=value)
    refuse_policy(folder, info, f"metadata `stop_threshold` is {value!r}", "expected a number, at least 0")


def test_a_stop_threshold_without_a_stop_score(tmp_path):
    info = scene_info(tmp_path)
    folder = write_policy(tmp_path, policy_model(), info, stop_threshold=0.5)
    refuse_policy(folder, info, "metadata `stop_threshold` is 0.5; expected an output `stop` for it")
