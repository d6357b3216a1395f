"""Bundles of the elastic scene model and its agent: the same as torch, what they declare, their choices, refusals."""

from dataclasses import asdict
from functools import partial

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
from elastic_making import believed, network, panoramas, pictures, places, scenes  # noqa: E402
from modules import refusal_of  # noqa: E402
from tree_making import camvid  # noqa: E402

from glimpse_ros.core.bundle import describe, load_policy  # noqa: E402
from glimpse_ros.core.bundle import load_scene as load_scene_of  # noqa: E402
from glimpse_ros.core.explorer import explore, look_at_canvas  # noqa: E402
from glimpse_ros.core.types import GlimpseError, Limits, SceneSpec, View  # noqa: E402
from training import elastic_graphs  # noqa: E402
from training.adaglimpse import Agent  # noqa: E402
from training.elastic_export import export, load_trained, rounded, some_scenes  # noqa: E402
from training.elastic_graphs import Choice, confidence  # noqa: E402
from training.footprint import SUB  # noqa: E402
from training.glimpse_agent import agent_config, to_views  # noqa: E402
from training.quantised import quantised  # noqa: E402

NARROW = torch.tensor([[[-0.3, 0.2], [-0.4, 0.1], [0.2, 0.4]]])
LABELS = {"labels": 11, "spherical": False, "height": 96, "width": 128}


def load_scene(bundle):
    return load_scene_of(bundle, "cpu", threads=1)


def agent_of(net, seed=1, **options):
    torch.manual_seed(seed)
    agent = Agent(agent_config(net.config, 8, 16, **options), 1.0).eval()
    with torch.no_grad():
        for weight in agent.critic.parameters():  # some begin at zero
            weight.add_(0.1 * torch.randn_like(weight))
    return agent


def save(net, path, agent=None, **config):
    """A checkpoint, as training.adaglimpse writes it; without an agent as training.elastic_pretrain does."""
    fields = {"method": "elastic" if agent is None else "adaglimpse", **asdict(net.config), **config}
    state = {"config": fields, "average": {f"scene.{name}": value for name, value in net.state_dict().items()}}
    if agent is not None:
        fields |= {"agent": asdict(agent.actor.config)}
        state["agent"] = agent.state_dict()
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def panorama(tmp_path_factory):
    """A spherical scene model with its agent, and its bundle."""
    folder, net = tmp_path_factory.mktemp("panorama"), network(stirred=True)
    trained = load_trained(save(net, folder / "checkpoint.pt", agent_of(net)), "blobs")
    size, worst = export(trained, folder / "tiny")
    weights = sum(w.numel() for part in (net, trained.agent.actor) for w in part.parameters())
    assert 0 < worst < 1e-3 and 2 * weights < size < 3 * weights, "large ones in half precision"
    return trained, folder / "tiny"


def test_the_closed_loop_is_torchs(panorama):
    trained, bundle = panorama
    trained = rounded(trained)
    scene, image, net = load_scene(bundle), pictures(1, seed=5)[0], trained.net
    policy = load_policy(bundle, scene.info, "cpu", threads=1)
    look, limits = look_at_canvas(image, scene.info.glimpse, scene.info.scene), Limits(s=(0.125, 0.5))
    memory, actor = net.empty(1), trained.agent.actor
    steps = list(explore(look, scene, policy, limits=limits, glimpses=4, seed=3))
    with torch.no_grad():
        for step, after in zip(steps, [*steps[1:], None], strict=True):
            at = torch.from_numpy(step.view.array())
            memory = net.write(memory, torch.from_numpy(step.glimpse.pixels), at)
            seen = net.look(memory)
            belief, drawn = net.belief(memory, seen, at), net.decode(memory, *seen.handed)["reconstruction"]
            assert step.estimate.belief == pytest.approx(belief[0].numpy(), abs=2e-3)
            assert step.estimate.reconstruction == pytest.approx(drawn[0].clamp(0, 1).numpy(), abs=1e-3)
            assert step.estimate.uncertainty == pytest.approx(seen.errors[0, 0].sqrt().numpy(), abs=1e-4)
            if after is not None:
                given = torch.from_numpy(limits.array())
                (view,) = to_views(actor(belief, given)[0].tanh()[:, None], belief, given, actor.config)[0]
                away = np.array([after.view.x, after.view.y, after.view.s]) - view.numpy()
                away[0] = (away[0] + 1) % 2 - 1
                assert np.abs(away).max() < 0.02, "as the camera took it: moved to whole pixels"
    assert len({round(step.view.x, 2) for step in steps}) > 1


def test_what_a_bundle_declares(panorama):
    info = load_scene(panorama[1]).info
    assert info.scene == SceneSpec(64, 128, "spherical") and info.family == "adaglimpse" and info.name == "tiny"
    assert info.outputs == {"reconstruction", "uncertainty", "attention"} and info.first_view == "random"
    assert (info.glimpse.size, info.glimpse.scales, info.s_range) == (16, (1.0,), (0.125, 1.0))
    assert info.padding == "clamp" and info.details["glimpses"] == 12 and info.details["data"] == "blobs"
    found = describe(panorama[1])
    assert found["scene"]["inputs"]["state_cells"] == "float32 (1, 8, 192)"
    assert found["scene"]["inputs"]["state_sharpness_features"] == "float32 (1, 1, 16, 32)", "it fades by itself"
    assert list(found["policy"]["outputs"]) == ["next_view", "stop"]
    with torch.no_grad():
        net = rounded(panorama[0]).net
        memory = net.empty(1)
        belief = net.belief(memory, net.look(memory), torch.zeros(1, 3))[0]
    assert load_scene(panorama[1]).empty().belief == pytest.approx(belief.numpy(), abs=1e-5)


def test_large_convolutions_in_integers(panorama, tmp_path, monkeypatch):
    trained, half = panorama
    monkeypatch.setattr(elastic_graphs, "quantised", partial(quantised, least=20_000))
    ranges = some_scenes(str(panoramas(tmp_path / "scenes")), trained.net.config)
    size, worst = export(trained, tmp_path / "tiny", ranges=ranges)
    assert 1e-3 < worst < 0.05 and size < 0.95 * sum(file.stat().st_size for file in half.glob("*.onnx"))
    exact, found = load_scene(half), load_scene(tmp_path / "tiny")
    look = look_at_canvas(pictures(1, seed=5)[0], exact.info.glimpse, exact.info.scene)
    for view in (View(0.1, 0.2, 0.5), View(-0.6, -0.3, 0.25)):
        a, b = exact.step(look(view)), found.step(look(view))
    off = np.abs(a.reconstruction - b.reconstruction)
    assert 1e-5 < off.mean() < 0.01 and np.abs(a.uncertainty - b.uncertainty).max() < 0.02


def test_integers_need_scenes_to_take_ranges_from(tmp_path):
    net = network()
    with pytest.raises(GlimpseError, match="planar scenes; expected those of the model's projection"):
        some_scenes(f"camvid:{camvid(tmp_path / 'camvid', {'train': 1})}", net.config)
    path = save(net, tmp_path / "checkpoint.pt")
    arguments = ["--checkpoint", str(path), "--untrained", "--out", str(tmp_path / "out")]
    for options in (["--precision", "integers"], ["--ranges", str(tmp_path)]):
        assert "--precision integers and --ranges go together" in refusal_of(
            "training.elastic_export", *arguments, *options
        )
    assert not (tmp_path / "out").exists()


def test_without_decode_nothing_is_drawn(panorama):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    graph = onnxruntime.InferenceSession(str(panorama[1] / "scene.onnx"), options, providers=["CPUExecutionProvider"])
    feeds = {i.name: np.zeros(i.shape, np.float32) for i in graph.get_inputs() if i.name != "decode"}
    feeds |= {"glimpse": np.full((1, 1, 3, 16, 16), 0.7, np.float32), "view": np.array([[0.1, 0.2, 0.5]], np.float32)}
    names = ["reconstruction", "belief", "next_state_cells"]
    on, off = (graph.run(names, {**feeds, "decode": np.array([decode])}) for decode in (True, False))
    assert on[0].std() > 0.01 and not off[0].any(), "zeros, of the declared shape"
    assert off[0].shape == (1, 3, 64, 128) and (on[1] == off[1]).all() and (on[2] == off[2]).all()


def test_a_scene_with_classes(tmp_path):
    net, tree = network(stirred=True, **LABELS), camvid(tmp_path / "camvid", {"train": 1})
    path = save(net, tmp_path / "checkpoint.pt")
    trained = load_trained(path, f"camvid:{tree}", untrained=True)
    size, worst = export(trained, tmp_path / "tiny", "critic", "120x160", half=False, data="a road")
    scene = load_scene(tmp_path / "tiny")
    assert 0 < worst < 1e-4 and size > 4 * sum(w.numel() for w in net.parameters())
    assert scene.info.scene == SceneSpec(120, 160, "planar"), "what the camera shows"
    assert scene.info.outputs == {"reconstruction", "segmentation", "uncertainty", "attention"}
    assert scene.info.class_names[0] == "sky" and len(scene.info.palette) == len(scene.info.class_names) == 11
    assert scene.info.details["glimpses"] == 8 and scene.info.details["data"] == "a road"
    assert scene.info.s_range == (0.125, 1.0), "of the scene as the model keeps it, 128 pixels wide"
    shapes = scene.info.details["shapes"]
    assert shapes["reconstruction"] == (1, 3, 120, 160) and shapes["uncertainty"] == (1, 1, 6, 8)
    assert trained.data == "camvid train"
    with pytest.raises(GlimpseError, match="--scene 96x96: expected HEIGHTxWIDTH of the aspect"):
        export(trained, tmp_path / "other", scene="96x96")
    assert not (tmp_path / "other").exists()
    with pytest.raises(GlimpseError, match="knows 11 classes; expected --data kind:PATH"):
        load_trained(path, untrained=True)


def test_a_canvas_without_a_map_has_a_state_less(tmp_path):
    path = save(network(stirred=True, map=False), tmp_path / "checkpoint.pt")
    _, worst = export(load_trained(path, untrained=True), tmp_path / "tiny")
    assert worst < 1e-3 and "state_cells" not in describe(tmp_path / "tiny")["scene"]["inputs"]


def test_what_motion_and_size_cost_can_be_said_on_export(tmp_path):
    net = network()
    path = save(net, tmp_path / "checkpoint.pt", agent_of(net, slew=1.0))
    trained, said = (
        load_trained(path, **prices).agent.critic.config for prices in ({}, {"slew": 3.0, "glimpse_size": 2.0})
    )
    assert (trained.slew, trained.glimpse_size, said.slew, said.glimpse_size) == (1, 0, 3, 2)
    with pytest.raises(GlimpseError, match="its critics are blind, and know no price"):
        load_trained(save(net, tmp_path / "blind.pt", agent_of(net, blind=True)), glimpse_size=2.0)
    said = refusal_of("training.elastic_export", "--checkpoint", str(path), "--out", str(tmp_path / "out"), "--slew=3")
    assert "need --act critic" in said


def test_one_that_pays_for_wide_looks_takes_narrower_ones():
    net = network(stirred=True)
    belief, _ = believed(net, scenes(4), places(4, 2))
    free, widths = torch.tensor([[[-1.0, 1.0], [-1.0, 1.0], [0.125, 1.0]]]), []
    for price in (0.0, 5.0, 500.0):
        agent = agent_of(net, glimpse_size=price)
        choice = Choice(agent.actor, agent.critic).eval()
        with torch.no_grad():
            widths.append(sum(float(choice(belief[k : k + 1], free)[0][0, 2]) for k in range(4)) / 4)
    assert widths[0] >= widths[1] >= widths[2] and widths[0] > 1.5 * widths[2]
    assert widths[2] == pytest.approx(0.125, abs=0.01)


@pytest.mark.parametrize("config", [{}, LABELS])
@pytest.mark.parametrize("act", ["actor", "critic"])
def test_choices_are_inside_the_limits(config, act):
    net = network(stirred=True, **config)
    aspect, height, width = net.config.width / net.config.height, net.config.height, net.config.width
    images = torch.nn.functional.interpolate(scenes(6), (height, width))
    belief, _ = believed(net, images, places(6, 3))
    seconds = set()
    for k in range(6):
        agent = agent_of(net, seed=k)
        with torch.no_grad():
            for weight in agent.actor.head[-1].parameters():
                weight.mul_(20)  # to the ends of the range
        choice = Choice(agent.actor, agent.critic if act == "critic" else None).eval()
        for limits in (NARROW, torch.tensor([[[-1.0, 1.0], [-1.0, 1.0], [0.125, 1.0]]])):
            with torch.no_grad():
                view, stop = choice(belief[k : k + 1], limits)
            x, y, s = view[0].tolist()
            low, high = limits[0].unbind(-1)
            assert low[2] - 1e-5 <= s <= high[2] + 1e-5 and low[1] - 1e-5 <= y <= high[1] + 1e-5
            assert low[0] - 1e-5 <= x <= high[0] + 1e-5 and abs(y) <= max(0, 1 - s * aspect) + 1e-5
            assert net.config.spherical or abs(x) <= 1 - s + 1e-5, "the box is inside the scene"
            assert 0 <= float(stop) <= 1
            seconds.add((round(x, 2), round(s, 2)))
    assert len(seconds) > 4


@pytest.mark.parametrize("config", [{}, LABELS])
@pytest.mark.parametrize("options", [{}, {"blind": True}, {"slew": 2.0, "glimpse_size": 5.0}])
def test_the_grid_gives_the_critics_values(config, options):
    net = network(stirred=True, **config)
    size = (net.config.height, net.config.width)
    belief, _ = believed(net, torch.nn.functional.interpolate(scenes(1), size), places(1, 3, seed=2))
    agent = agent_of(net, **options)
    limits = torch.tensor([[[-1.0, 1.0], [-0.5, 1.0], [0.125, 0.9]]])
    action = torch.tensor([[0.31, -0.62, 0.17]])
    grid = Choice(agent.actor, agent.critic).grid
    lines = [torch.cat([line, action[0, k : k + 1]]) for k, line in enumerate((grid.x, grid.y, grid.s))]
    s, y, x = torch.meshgrid(*reversed(lines), indexing="ij")
    actions = torch.stack([x, y, s], -1).reshape(1, -1, 3)
    with torch.no_grad():
        q, listed, views = grid.scores(grid.critic.pool(belief, limits), belief, limits, *lines)
        wanted = agent.critic(belief, limits, actions).amin(0)[0]
        places_ = to_views(actions, belief, limits, agent.actor.config)[0]
    assert torch.allclose(q, wanted, atol=1e-4) and torch.allclose(views, places_, atol=1e-5)
    assert torch.equal(listed, actions[0])
    assert q.std() > 1e-3 and (actions == action).all(-1).any(), "the actor's mean is one of them"


@pytest.mark.parametrize("config", [{}, LABELS])
def test_confidence_rises_with_what_is_expected_to_be_right(config):
    net = network(**config)
    c = agent_config(net.config)
    belief = torch.rand(1, c.rows * c.cols, SUB * c.channels + 4 + c.latents)
    known = belief.clone()
    at = slice(SUB * (c.channels - 2), SUB * (c.channels - 1)) if net.config.labels else slice(0, SUB)
    known[..., at] *= 0.5  # half the RMSE; the root of a quarter of the wrong share
    before, after = float(confidence(belief, c)), float(confidence(known, c))
    assert 0 < before < after < 1
    assert 1 - after == pytest.approx((1 - before) / (4 if net.config.labels else 2), rel=1e-4)
    assert float(confidence(100 * belief, c)) == 0


def test_what_draws_comes_from_another_checkpoint(tmp_path):
    net = network(stirred=True)
    agent = agent_of(net)
    path = save(net, tmp_path / "agent.pt", agent)
    with torch.no_grad():
        net.leave.conv.bias += 0.1
    trained = load_trained(path, drawn=save(net, tmp_path / "drawn.pt"))
    assert torch.equal(trained.net.leave.conv.bias, net.leave.conv.bias)
    assert torch.equal(next(trained.agent.parameters()), next(agent.parameters()))
    with torch.no_grad():
        net.dec2.first.conv.bias += 0.1  # decisions are made of this
    with pytest.raises(GlimpseError, match=r"dec2.first.conv.bias is another; expected .* only draws differently"):
        load_trained(path, drawn=save(net, tmp_path / "other.pt"))


def test_refusals(tmp_path):
    net = network()
    plain = save(net, tmp_path / "plain.pt")
    with pytest.raises(GlimpseError, match="holds a scene model and no agent; expected .*, or --untrained"):
        load_trained(plain)
    assert load_trained(plain, untrained=True).agent.actor.config.latents == 32
    with pytest.raises(GlimpseError, match="was not made by"):
        load_trained(save(net, tmp_path / "other.pt", agent_of(net), method="gae"))
    with pytest.raises(GlimpseError, match="does not exist; expected a checkpoint"):
        load_trained(tmp_path / "none.pt")
    other = save(net, tmp_path / "wide.pt", agent_of(net), widths=(16, 16, 24, 48))
    with pytest.raises(GlimpseError, match="does not fit this version") as refusal:
        load_trained(other)
    assert "\n" not in str(refusal.value)
    assert "or --untrained" in refusal_of("training.elastic_export", "--checkpoint", str(plain), "--out", str(tmp_path))
