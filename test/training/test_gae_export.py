"""Bundles of Glimpse-Attend-and-Explore: the same as torch, over whole episodes; what they declare; bad input."""

import runpy
import time

import cv2
import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
from gae_bundles import network, save  # noqa: E402
from gae_training import arguments, street  # noqa: E402

from glimpse_ros.core.bundle import describe, load_policy  # noqa: E402
from glimpse_ros.core.bundle import load_scene as load_scene_of  # noqa: E402
from glimpse_ros.core.explorer import explore, look_at_canvas  # noqa: E402
from glimpse_ros.core.types import Glimpse, GlimpseError, GlimpseSpec, Limits, SceneSpec, View  # noqa: E402
from training import gae, gae_export, spatial  # noqa: E402
from training.gae_export import export, load_trained  # noqa: E402


def load_scene(bundle):
    return load_scene_of(bundle, "cpu", threads=1)


def session(bundle):
    """A scene graph without the runtime's choice of what to fetch."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(bundle / "scene.onnx"), options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The bundle of a network that segments and reconstructs."""
    folder = tmp_path_factory.mktemp("both")
    export(trained(folder, "both"), folder / "tiny")
    return folder / "tiny"


def trained(tmp_path, task="both", config=None, **net):
    return load_trained(save(network(task, config, **net), tmp_path / "checkpoint.pt", task))


def smooth(height, width, seed=0):
    coarse = np.random.default_rng(seed).random((4, 6, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)


def glimpses(count, seed=0, height=128, width=192):
    """Where a camera really looks whose pixels are not those of the working canvas."""
    rng, canvas = np.random.default_rng(seed), smooth(height, width, seed)
    look = look_at_canvas(canvas, GlimpseSpec(spatial.PIXELS, spatial.SCALES), SceneSpec(height, width, "planar"))
    return [look(View(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1)), 0.5)) for _ in range(count)]


@pytest.mark.parametrize(
    ("task", "options", "maps"),
    [
        ("both", {}, {"attention", "reconstruction", "segmentation"}),
        ("both", {"gated": False}, {"attention", "reconstruction", "segmentation"}),
        ("segment", {"config": {"choice": "cell"}}, {"attention", "segmentation"}),
        ("reconstruct", {"spherical": True, "width": 128}, {"attention", "reconstruction"}),
        ("classify", {"config": {"choice": "cell", "anchor": "topleft"}}, {"attention", "classification"}),
        ("classify-full", {"spherical": True}, {"attention", "classification", "reconstruction"}),
    ],
)
def test_a_bundle_does_what_torch_does(tmp_path, task, options, maps):
    size, worst = export(trained(tmp_path, task, **options), tmp_path / "tiny", data="what it saw")
    assert 0 < worst < 1e-4 and 0 < size < 2**21
    info = load_scene(tmp_path / "tiny").info
    width = options.get("width", 96)
    assert info.scene == SceneSpec(64, width, "spherical" if options.get("spherical") else "planar")
    assert info.outputs == maps and info.family == "gae" and info.name == "tiny" and info.first_view == "random"
    assert info.glimpse.size == 16 and info.glimpse.scales == pytest.approx((1 / 3, 2 / 3, 1))
    assert info.glimpse.pixels == 768 and info.s_range == pytest.approx((48 / width, 48 / width))
    assert info.padding == "clamp" and info.details["data"] == "what it saw" and info.details["glimpses"] == 5
    classes = 5 if "segmentation" in maps else 4 if "classification" in maps else 0
    assert info.class_names == tuple(f"class {k}" for k in range(classes))
    assert len(info.palette) == (5 if "segmentation" in maps else 0)
    assert info.details["shapes"]["belief"] == (1, 4 * width // 16, 2)


def test_inputs_and_states_are_those_that_a_task_needs(tmp_path):
    export(trained(tmp_path, "classify"), tmp_path / "small")
    export(trained(tmp_path, "both"), tmp_path / "large")
    small, large = (describe(tmp_path / name)["scene"] for name in ("small", "large"))
    assert list(small["inputs"]) == ["glimpse", "view", "state_level4", "state_visited"], "and no `decode`"
    assert set(large["inputs"]) - set(small["inputs"]) == {
        *(f"state_level{k}" for k in (1, 2, 3)), "state_drawing", "decode",
    }  # fmt: skip
    assert large["inputs"]["state_level1"] == "float32 (1, 8, 32, 48)"
    assert large["outputs"]["segmentation"] == "float32 (1, 5, 64, 96)", "not what the drawing is padded to"


def test_the_closed_loop_is_torchs_episode(both):
    """The roll-out of training: its retina, its memory, its choice."""
    made, scene = network("both"), load_scene(both)
    policy, seconds = load_policy(both, scene.info, "cpu", threads=1), set()
    for seed in range(4):
        canvas, first = smooth(64, 96, seed), torch.tensor([0.1 * seed, -0.2])
        look, start = look_at_canvas(canvas, scene.info.glimpse, scene.info.scene), View(*first.tolist(), 0.5)
        steps = list(explore(look, scene, policy, limits=Limits(s=(0.5, 0.5)), glimpses=5, first=start))
        places = first.expand(5, 1, 2)
        scenes, previous = torch.from_numpy(canvas).permute(2, 0, 1)[None], torch.zeros(1, 8, 64, 96)
        with torch.no_grad():
            episode = made.episode(scenes, places, torch.zeros(5, 1, dtype=torch.bool))
            for step, (t, seen, code, attention) in zip(steps, episode, strict=True):
                assert step.view.array() == pytest.approx(seen.views[t].numpy(), abs=1e-5)
                previous = made.net.decode(seen.finer(), code, attention, previous)[0]
                wanted = previous[0].numpy()
                assert step.estimate.attention == pytest.approx(attention[0, 0].numpy(), abs=1e-4)
                assert step.estimate.reconstruction == pytest.approx(wanted[:3].clip(0, 1), abs=1e-3)
                assert step.estimate.segmentation == pytest.approx(wanted[3:], abs=1e-3)
        seconds.add((steps[1].view.x, steps[1].view.y))
    assert len(seconds) > 1, "where it looks next depends on what it sees"


def test_cells_do_not_flip_between_torch_and_onnxruntime(both):
    """Each pixel of a memory takes the nearest cell: at a border rounding would decide, differently."""
    made, graph = network("both"), session(both)
    states = {i.name: np.zeros(i.shape, np.float32) for i in graph.get_inputs() if i.name.startswith("state_")}
    names = ["next_state_level1", "next_state_level2", "next_state_level3", "next_state_level4", "next_state_visited"]
    borders = 0
    for glimpse in glimpses(40):
        view = torch.from_numpy(glimpse.view.array())
        feeds = {"glimpse": glimpse.pixels[None], "view": view.numpy(), "decode": np.array([False]), **states}
        found = graph.run(names, feeds)
        with torch.no_grad():
            features = made.net.encoder(spatial.composite(torch.from_numpy(glimpse.pixels)[None]))
        for name, ours, feature in zip(names, found, features, strict=False):
            before = torch.from_numpy(states[name.removeprefix("next_")])
            wanted = spatial.write(before, feature, view, False).numpy()
            assert ours == pytest.approx(wanted, abs=1e-4), (name, view)
        borders += abs(((view[0, 0].item() + 1) / 2 * 48 - 12) % 1 - 0.5) < 1e-3
        states = {name.removeprefix("next_"): value for name, value in zip(names, found, strict=True)} | {
            "state_drawing": states["state_drawing"]
        }
    assert borders > 5, "views whose cells lie half on pixels were among them"


def test_without_decode_the_memory_goes_on_and_the_drawing_waits(both):
    made, whole, thrifty = network("both"), load_scene(both), load_scene(both)
    seen = gae.Seen(made.config.net, [[], [], [], []], [], *[torch.zeros(1, 1, 4, 6)] * 2)
    for glimpse in glimpses(3, height=64, width=96):
        drawn, skipped = whole.step(glimpse), thrifty.step(glimpse, decode=False)
        assert skipped.reconstruction is None and (skipped.belief == drawn.belief).all()
        pixels, view = torch.from_numpy(glimpse.pixels)[None], torch.from_numpy(glimpse.view.array())
        with torch.no_grad():
            seen.add(made.net.encoder(spatial.composite(pixels)), view)
    last = thrifty.step(glimpse)
    with torch.no_grad():
        seen.add(made.net.encoder(spatial.composite(pixels)), view)
        drawing = made.net.decode(seen.finer(), *made.net.think(seen.bottom), torch.zeros(1, 8, 64, 96))[0]
    assert last.segmentation == pytest.approx(drawing[0, 3:].numpy(), abs=1e-3), "as if it were the first one drawn"
    assert np.abs(last.segmentation - whole.step(glimpse).segmentation).max() > 1e-3, "earlier drawings do matter"


def test_without_decode_a_step_is_faster_and_the_maps_are_blank(tmp_path):
    export(trained(tmp_path, "both", decoder=24), tmp_path / "tiny")
    graph = session(tmp_path / "tiny")
    rng = np.random.default_rng(0)
    feeds = {i.name: rng.random(i.shape, np.float32) for i in graph.get_inputs() if i.name != "decode"}
    feeds["view"] = np.array([[0.1, 0.2, 0.5]], np.float32)

    def run(decode):
        before = time.process_time()
        out = graph.run(["reconstruction", "segmentation", "next_state_drawing"], {**feeds, "decode": decode})
        return time.process_time() - before, out

    on, off = ([run(np.array([decode])) for _ in range(15)] for decode in (True, False))
    assert min(t for t, _ in off) < 0.6 * min(t for t, _ in on)
    reconstruction, segmentation, drawing = off[0][1]
    assert not reconstruction.any() and not segmentation.any() and all(value.any() for value in on[0][1])
    assert (drawing == feeds["state_drawing"]).all()


def test_a_larger_scene_is_the_same_drawing_enlarged(both, tmp_path):
    export(trained(tmp_path, "both"), tmp_path / "larger", "96x144")
    same, larger = load_scene(both), load_scene(tmp_path / "larger")
    assert larger.info.scene == SceneSpec(96, 144, "planar") and larger.info.s_range == same.info.s_range
    glimpse = glimpses(1)[0]
    small, large = same.step(glimpse), larger.step(glimpse)
    assert large.reconstruction.shape == (3, 96, 144) and large.segmentation.shape == (5, 64, 96)
    assert 0 <= large.reconstruction.min() and large.reconstruction.max() <= 1
    assert (large.segmentation == small.segmentation).all()
    enlarged = cv2.resize(small.reconstruction.transpose(1, 2, 0), (144, 96), interpolation=cv2.INTER_LINEAR)
    difference = np.abs(large.reconstruction.transpose(1, 2, 0) - enlarged)
    assert np.median(difference) < 1e-5 and difference.mean() < 0.02, "clamped after it was enlarged"


def test_the_empty_belief_is_that_of_an_empty_memory(tmp_path):
    agent = trained(tmp_path, "classify")
    export(agent, tmp_path / "tiny")
    belief = load_scene(tmp_path / "tiny").empty().belief
    with torch.no_grad():
        attention = agent.net.think(torch.zeros(1, 32, 4, 6))[1].flatten().numpy()
    assert belief[:, 0] == pytest.approx(attention, abs=1e-6) and attention.std() > 0.01
    assert not belief[:, 1].any()


def test_large_weights_are_halved_only_where_it_is_asked_for_or_needed(tmp_path, monkeypatch, capsys):
    agent = trained(tmp_path, "both", encoder=16)
    sizes = {half: export(agent, tmp_path / half, half=half)[0] for half in ("auto", "no", "yes")}
    assert sizes["auto"] == pytest.approx(sizes["no"], abs=100) and 0.45 < sizes["yes"] / sizes["no"] < 0.7
    assert capsys.readouterr().err.count("half precision") == 1
    outputs = [load_scene(tmp_path / half).step(glimpses(1)[0]).segmentation for half in ("no", "yes")]
    assert 1e-6 < np.abs(outputs[0] - outputs[1]).max() < 0.05
    monkeypatch.setattr(gae_export, "LARGEST", sizes["yes"] + 50_000)
    monkeypatch.setattr(gae_export, "TEXT", 0)
    size, worst = export(agent, tmp_path / "needed")
    assert size == pytest.approx(sizes["yes"], rel=0.01) and worst < 1e-4, "beside torch with rounded weights"
    with pytest.raises(GlimpseError, match=r"no: the graphs have 1\.5 MiB; expected under"):
        export(agent, tmp_path / "no", half="no")


def test_parity_finds_a_difference(both, tmp_path):
    agent = trained(tmp_path, "both")
    with torch.no_grad():
        agent.net.merge.convs[-1].conv.bias[4] += 5e-3
    with pytest.raises(AssertionError, match=r"tiny differs from torch by [5-9]\.\de-03"):
        gae_export.parity(agent, both)


@pytest.mark.parametrize("scene", ["64x97", "32x48", "96x128", "96", "axb", "64x96x3", "0x0"])
def test_a_scene_of_another_aspect_is_refused(tmp_path, scene):
    with pytest.raises(GlimpseError, match=f"^--scene {scene}: expected HEIGHTxWIDTH .* working canvas, 64x96"):
        export(trained(tmp_path), tmp_path / "tiny", scene)
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize(
    ("more", "names", "words"),
    [
        ({"method": "ram"}, (), "a checkpoint of method 'ram'; expected one of training.gae"),
        ({"whole": True}, (), r"was trained on whole images \(--whole\); expected a network that explores"),
        ({"class_names": ["one", "two"]}, (), "knows 5 classes, the class list has 2; expected as many"),
        ({"palette": [[0, 0, 0]]}, (), "knows 5 classes, its palette has 1 colours; expected as many"),
        ({}, ("a", "b", "c", "d", "e", "f"), "knows 5 classes, the class list has 6; expected as many"),
        ({"surprise": 1}, (), "does not fit this version's gae .*surprise.*; train it again"),
        ({"net": {"height": 64}}, (), "does not fit this version's gae"),
        ({"net": 3}, (), "does not fit this version's gae"),
        ({"class_names": None}, (), "does not fit this version's gae"),
    ],
)
def test_checkpoints_that_are_refused(tmp_path, more, names, words):
    path = save(network("both"), tmp_path / "checkpoint.pt", **more)
    with pytest.raises(GlimpseError, match=f"checkpoint.pt: {words}") as refusal:
        load_trained(path, names)
    assert "\n" not in str(refusal.value)


def test_broken_files_and_names_for_no_classes_are_refused(tmp_path):
    (tmp_path / "broken.pt").write_bytes(b"weights?")
    with pytest.raises(GlimpseError, match="broken.pt: is no checkpoint"):
        load_trained(tmp_path / "broken.pt")
    with pytest.raises(GlimpseError, match="absent.pt: does not exist"):
        load_trained(tmp_path / "absent.pt")
    path = save(network("reconstruct"), tmp_path / "checkpoint.pt")
    with pytest.raises(GlimpseError, match="knows no classes, --class-names has 2; expected none"):
        load_trained(path, ("a", "b"))


def test_class_names_may_be_said_in_other_words(tmp_path):
    export(
        load_trained(save(network("classify"), tmp_path / "c.pt"), ("sea", "wood", "town", "hill")), tmp_path / "tiny"
    )
    assert load_scene(tmp_path / "tiny").info.class_names == ("sea", "wood", "town", "hill")


def test_a_real_checkpoint_by_the_command(tmp_path, monkeypatch, capsys):
    """Trained for a step on a tiny CamVid, exported, run; and refused in one sentence."""
    data = f"camvid:{street(tmp_path / 'camvid')}"
    path = gae.train(arguments(tmp_path / "run", data, task="both", steps=1, glimpses=2))

    def command(*options):
        line = ["gae_export", "--checkpoint", str(path), "--out", str(tmp_path / "b"), *options]
        monkeypatch.setattr("sys.argv", line)
        runpy.run_module("training.gae_export", run_name="__main__", alter_sys=True)

    command("--scene", "60x80", "--data-note", "noise")
    assert "MiB, largest difference to torch" in capsys.readouterr().out
    info = load_scene(tmp_path / "b").info
    assert info.class_names[:2] == ("sky", "building") and len(info.class_names) == len(info.palette) == 11
    assert info.palette[0] == (128, 128, 128) and info.details["data"] == "noise"
    assert info.scene == SceneSpec(60, 80, "planar") and info.details["glimpses"] == 2
    with pytest.raises(SystemExit) as refusal:
        command("--scene", "64x64")
    assert str(refusal.value).startswith("--scene 64x64: expected") and "\n" not in str(refusal.value)


def test_a_glimpse_is_seen_where_it_was_taken(tmp_path):
    export(trained(tmp_path, "reconstruct", spherical=True), tmp_path / "tiny")
    scene = load_scene(tmp_path / "tiny")
    belief = scene.step(Glimpse(np.full((3, 3, 16, 16), 0.5, np.float32), View(1.0, -0.25, 0.5))).belief
    visited = belief[:, 1].reshape(4, 6)
    wanted = np.zeros((4, 6))
    wanted[:3, [5, 0]], wanted[:3, [4, 1]] = 1, 0.5
    assert visited == pytest.approx(wanted, abs=1e-5), "across the seam, three cells high, half of the cells beside"
