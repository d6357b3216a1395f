"""Bundles by name, what `glimpse info` shows, and the providers."""

import json
from pathlib import Path

import onnxruntime as ort
import pytest
from onnx_graphs import write_bundle

from glimpse_ros.core import bundle, bundle_graph
from glimpse_ros.core.bundle import BundleError, describe, find_bundle, load_policy, load_scene
from glimpse_ros.core.memory import Mosaic


def test_mosaic_needs_no_file():
    assert isinstance(load_scene("mosaic"), Mosaic)


def test_a_bundle_is_found_by_folder_by_file_and_by_name(tmp_path, monkeypatch):
    share = tmp_path / "share/glimpse_ros/models"
    folder = write_bundle(share / "tiny")
    assert find_bundle(folder) == find_bundle(str(folder)) == folder
    assert load_scene(folder / "scene.onnx").info.name == "tiny"
    info = load_scene(folder).info
    assert load_policy(folder / "policy.onnx", info).wants == frozenset()
    monkeypatch.chdir(tmp_path)
    assert find_bundle("share/glimpse_ros/models/tiny") == Path("share/glimpse_ros/models/tiny")
    with pytest.raises(BundleError, match=r"^tiny: does not exist; .* one of mosaic"):
        find_bundle("tiny")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path / 'other'}:{tmp_path}")
    assert find_bundle("tiny") == find_bundle("models/tiny") == folder
    with pytest.raises(BundleError, match=r"^huge: does not exist; .* one of mosaic.*, tiny"):
        find_bundle("huge")


def test_names_are_looked_up_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle.sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "ament"))
    monkeypatch.chdir(tmp_path)
    repository = Path(bundle.__file__).parents[2] / "models"
    share = "share/glimpse_ros/models"
    assert list(bundle.model_folders()) == [repository, tmp_path / "venv" / share, tmp_path / "ament" / share]
    late = write_bundle(tmp_path / "ament" / share / "tiny")
    assert find_bundle("tiny") == late
    early = write_bundle(tmp_path / "venv" / share / "tiny")
    assert find_bundle("tiny") == early
    (tmp_path / "tiny").mkdir()  # a folder of that name without a graph is in nobody's way
    assert find_bundle("tiny") == early
    here = write_bundle(tmp_path / "tiny")
    assert find_bundle("tiny") == here.relative_to(tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "../models", "/", "a/b"])
def test_odd_names_find_nothing(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match="expected the folder of a bundle"):
        find_bundle(name)


def test_describe_is_ready_for_json(tmp_path):
    folder = write_bundle(tmp_path / "tiny", stop=True, wants=("uncertainty",))
    told = json.loads(json.dumps(describe(folder)))
    assert (told["name"], told["path"]) == ("tiny", str(folder))
    scene, policy = told["scene"], told["policy"]
    assert scene["inputs"]["glimpse"] == "float32 (1, 1, 3, 32, 32)"
    assert scene["outputs"]["belief"] == "float32 (1, 32, 4)"
    assert scene["scene"] == {"height": 64, "width": 128, "projection": "spherical"}
    assert (scene["opset"], scene["padding"], scene["glimpses"]) == (17, "clamp", 8)
    assert scene["bytes"] == (folder / "scene.onnx").stat().st_size
    assert scene["belief_id"] == load_scene(folder).info.belief_id
    assert policy["wants"] == ["uncertainty"] and policy["outputs"]["stop"] == "float32 (1, 1)"
    (folder / "policy.onnx").unlink()
    assert describe(folder)["policy"] is None
    assert json.loads(json.dumps(describe("mosaic")))["scene"]["belief_id"] == "mosaic"


def test_auto_takes_the_cpu_where_there_is_no_gpu_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    folder = write_bundle(tmp_path / "b")
    info = load_scene(folder).info
    assert info.provider == load_policy(folder, info).provider == "CPUExecutionProvider"


@pytest.mark.parametrize("load", ["scene", "policy"])
def test_a_required_gpu_that_is_not_there(tmp_path, load):
    if bundle_graph.GPU_PROVIDERS & set(ort.get_available_providers()):
        pytest.skip("onnxruntime offers a GPU here")
    folder = write_bundle(tmp_path / "b")
    with pytest.raises(BundleError) as err:
        if load == "scene":
            load_scene(folder, require_gpu=True)
        else:
            load_policy(folder, load_scene(folder).info, require_gpu=True)
    assert f"{folder}/{load}.onnx: runs on CPUExecutionProvider, a GPU is required" in str(err.value)
    assert ort.__version__ in str(err.value)


def test_an_unknown_or_missing_provider(tmp_path, monkeypatch):
    folder = write_bundle(tmp_path / "b")
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    for provider in ("cuda", "npu"):
        with pytest.raises(BundleError, match=f"provider '{provider}' is not there; .* offers CPUExecutionProvider"):
            load_scene(folder, provider=provider)
    assert load_scene(folder, provider="cpu").info.provider == "CPUExecutionProvider"
    assert load_scene(folder, provider="CPUExecutionProvider").info.provider == "CPUExecutionProvider"


def test_a_gpu_that_is_offered_but_does_not_start(tmp_path, monkeypatch):
    """onnxruntime falls back to the CPU with a warning: `auto` reports it, `cuda` and require_gpu refuse it."""
    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    if offered[0] in ort.get_available_providers():
        pytest.skip("onnxruntime offers CUDA here")
    session, asked = ort.InferenceSession, []

    def fallen_back(path, options, providers, **more):
        asked.append(providers)
        return session(path, options, providers=["CPUExecutionProvider"], **more)

    monkeypatch.setattr(ort, "get_available_providers", lambda: offered)
    monkeypatch.setattr(ort, "InferenceSession", fallen_back)
    folder = write_bundle(tmp_path / "b")
    assert load_scene(folder).info.provider == "CPUExecutionProvider"
    assert asked == [offered]
    with pytest.raises(
        BundleError, match="provider 'cuda' could not be started; onnxruntime fell back to CPUExecution"
    ):
        load_scene(folder, provider="cuda")
    with pytest.raises(BundleError, match="runs on CPUExecutionProvider, a GPU is required"):
        load_scene(folder, require_gpu=True)


def test_a_gpu_that_raises(tmp_path, monkeypatch):
    """As onnxruntime-gpu does on a machine without a driver."""
    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    session = ort.InferenceSession

    def no_driver(path, options, providers, **more):
        if providers[0] == "CUDAExecutionProvider":
            raise RuntimeError("CUDA failure 100: no CUDA-capable device is detected")
        return session(path, options, providers=providers, **more)

    monkeypatch.setattr(ort, "get_available_providers", lambda: offered)
    monkeypatch.setattr(ort, "InferenceSession", no_driver)
    folder = write_bundle(tmp_path / "b")
    assert load_scene(folder).info.provider == "CPUExecutionProvider"
    for asked in ({"provider": "cuda"}, {"require_gpu": True}):
        with pytest.raises(BundleError, match=r"can load on CUDAExecutionProvider, which says: CUDA failure 100"):
            load_scene(folder, **asked)


def test_a_refusal_prints_nothing(tmp_path, capfd):
    """onnxruntime prints on its own when a session fails with a ValueError; one sentence is enough."""
    folder = write_bundle(tmp_path / "b")
    file = folder / "scene.onnx"
    file.write_bytes(file.read_bytes().replace(b"ReduceMean", b"Reduce\xc7ean"))
    with pytest.raises(BundleError, match="expected a graph that onnxruntime"):
        load_scene(folder)
    assert capfd.readouterr() == ("", "")


def test_the_number_of_threads(tmp_path):
    folder = write_bundle(tmp_path / "b")
    for threads, expected in ((1, 1), (3, 3), (None, min(4, bundle_graph.os.cpu_count()))):
        options = load_scene(folder, threads=threads)._graph._session.get_session_options()
        assert options.intra_op_num_threads == expected
        assert options.execution_mode == ort.ExecutionMode.ORT_SEQUENTIAL
