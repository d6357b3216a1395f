"""The parts of the graphs: networks made ready give the same; the next view obeys the camera's limits."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch")
from gae_bundles import network  # noqa: E402

from training import gae_choice, graph_parts  # noqa: E402
from training.gae_graphs import Choice, belief_of, blank, ready  # noqa: E402

FREE = torch.tensor([[[-1.0, 1.0], [-1.0, 1.0], [0.1, 1.0]]])


def limits(x=(-1.0, 1.0), y=(-1.0, 1.0), s=(0.1, 1.0)):
    return torch.tensor([[x, y, s]])


def decide(attention, visited, within=FREE, wraps=False, choice="window", anchor="center"):
    """-> x, y, s; maps (4, 6)."""
    net = network("classify", spherical=wraps).net
    belief = belief_of(attention.float()[None, None], visited.float()[None, None])
    return Choice(net, choice, anchor)(belief, within)[0].tolist()


@pytest.mark.parametrize(("task", "options"), [("both", {}), ("both", {"gated": False}), ("reconstruct", {}),
                                               ("classify-full", {"spherical": True})])  # fmt: skip
def test_a_network_made_ready_gives_the_same(task, options):
    net = network(task, **options).net
    made = ready(net)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in made.modules())
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules()), "a copy"
    c, rng = net.config, torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 48, 48, generator=rng)
    memories = [torch.rand(m.shape, generator=rng) for m in net.empty(1)]
    previous = torch.rand(1, c.drawn, c.height, c.width, generator=rng)
    wide = torch.zeros_like(blank(made))
    wide[:, : c.drawn] = previous
    with torch.no_grad():
        for a, b in zip(net.encoder(images), made.encoder(images), strict=True):
            assert torch.allclose(a, b, atol=1e-4)
        code, attention = net.think(memories[-1])
        assert all(
            torch.allclose(a, b, atol=1e-4) for a, b in zip((code, attention), made.think(memories[-1]), strict=True)
        )
        wanted = net.decode(memories[:3], code, attention, previous)[0]
        found = made.decode(memories[:3], code, attention, wide)[0]
        other = net.decode(memories[:3], code, attention, torch.zeros_like(previous))[0]
    assert torch.allclose(found[:, : c.drawn], wanted, atol=1e-4) and not found[:, c.drawn :].any()
    assert (wanted - other).abs().max() > 1e-2, "the previous drawing matters, and lands where it should"
    assert blank(made).shape[1] == (16 if task == "both" else 3), "whole blocks of channels, where that pays"


@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize(("choice", "anchor"), [("window", "center"), ("cell", "center"), ("cell", "topleft")])
def test_a_camera_without_limits_goes_where_training_goes(choice, anchor, wraps):
    rng, found = torch.Generator().manual_seed(0), set()
    for k in range(80):
        attention = torch.rand(4, 6, generator=rng) ** 3
        share = torch.rand(4, 6, generator=rng).clamp(min=0.6)
        visited = (torch.rand(4, 6, generator=rng) < k / 100).float() * share
        x, y = gae_choice.choose(attention[None, None], visited[None, None], wraps, choice, anchor)
        at = decide(attention, visited, wraps=wraps, choice=choice, anchor=anchor)
        assert at[:2] == pytest.approx([x.item(), y.item()], abs=1e-6) and at[2] == 0.5
        found.add(tuple(np.round(at, 3)))
    assert len(found) >= (10 if wraps else 8), "8 places are all that a planar glimpse fits on"


@pytest.mark.parametrize("choice", ["window", "cell"])
def test_what_lies_outside_of_the_limits_does_not_win(choice):
    attention = torch.full((4, 6), 0.1)
    attention[0, 1], attention[3, 4] = 5.0, 1.0  # the better one is on the left
    nothing = torch.zeros(4, 6)
    free = decide(attention, nothing, choice=choice)
    assert free[0] < 0
    right = decide(attention, nothing, limits(x=(0.0, 1.0)), choice=choice)
    assert right[0] > 0 and right[1] == pytest.approx(0.25)
    low = decide(attention, nothing, limits(y=(0.2, 1.0)), choice=choice)
    assert low[1] == pytest.approx(0.25), "rows 1 and 2 are all that a glimpse fits on"
    edge = decide(attention, nothing, limits(x=(-0.5, 0.1)), choice=choice)
    assert edge[0] == pytest.approx(-0.5), "a centre at the very edge of the limits counts as inside"


def test_where_nothing_lies_inside_the_best_is_moved_to_the_edge():
    attention = torch.full((4, 6), 0.1)
    attention[2, 4] = 5.0
    x, y, s = decide(attention, torch.zeros(4, 6), limits((-0.1, 0.05), (-0.1, 0.1), (0.6, 0.8)), choice="cell")
    assert (x, y, s) == pytest.approx((0.05, 0.1, 0.6)), "and s into its range"
    assert decide(attention, torch.zeros(4, 6), limits(s=(0.1, 0.3)))[2] == pytest.approx(0.3)


def test_on_a_sphere_the_nearer_end_is_around_the_back():
    attention = torch.full((4, 6), 0.1)
    attention[1:3, 5] = 5.0  # x = 0.83
    x, y, _ = decide(attention, torch.zeros(4, 6), limits((-0.99, -0.9)), wraps=True, choice="cell")
    assert x == pytest.approx(-0.99) and y == pytest.approx(-0.25)
    x, _, _ = decide(attention, torch.zeros(4, 6), limits((-0.99, -0.9)), wraps=False, choice="cell")
    assert x == pytest.approx(-0.9), "planar: it does not go around"
    assert decide(attention, torch.zeros(4, 6), wraps=True, choice="cell")[0] == pytest.approx(5 / 6)


@pytest.mark.parametrize("choice", ["window", "cell"])
def test_where_all_was_visited_it_is_open_again(choice):
    attention = torch.full((4, 6), 0.1)
    attention[3, 4] = 2.0
    seen = torch.ones(4, 6) - 1e-7  # as rounding leaves it
    x, y, _ = decide(attention, seen, choice=choice)
    assert (x, y) != pytest.approx((-0.5, -0.25)), "not the first of the list"
    assert abs(x - 0.5) < 0.4 and y == pytest.approx(0.25)
    half = torch.ones(4, 6)
    half[:, :2] = 0  # what is left lies beyond the limits
    x, y, _ = decide(attention, half, limits(x=(0.1, 1.0)), choice=choice)
    assert x > 0.1 and y == pytest.approx(0.25)


def product(weights):
    """in (1, 80) @ weights -> out, as a model."""
    node = helper.make_node("MatMul", ["in", "w"], ["out"], name="product")
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 80]) for n in ("in", "out")]
    graph = helper.make_graph([node], "g", values[:1], values[1:], [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_branch_is_halved_too_and_gives_zeros_or_what_it_is_told_to_pass_on():
    import onnxruntime

    rng = np.random.default_rng(0)
    first, second = (rng.standard_normal((80, 80)).astype(np.float32) for _ in range(2))
    trunk, decoder = product(first), product(second)
    decoder.graph.input[0].name, decoder.graph.node[0].input[0] = "out", "out"
    decoder.graph.node.append(helper.make_node("Neg", ["drawn"], ["other"], name="negative"))
    decoder.graph.node[0].output[0] = decoder.graph.output[0].name = "drawn"
    decoder.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1, 80]))
    model = graph_parts.under_if(trunk, decoder, ["out"], {"other": "in"})
    assert [o.name for o in model.graph.output] == ["drawn", "other"]
    before = model.ByteSize()
    graph_parts.halved(model)
    assert before - model.ByteSize() > 2 * 2 * 80 * 80 * 0.95, "two bytes of each weight"
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = rng.standard_normal((1, 80)).astype(np.float32)
    drawn, other = session.run(None, {"in": x, "decode": np.array([True])})
    rounded = [w.astype(np.float16).astype(np.float32) for w in (first, second)]
    assert drawn == pytest.approx(x @ rounded[0] @ rounded[1], rel=1e-3, abs=1e-2) and (other == -drawn).all()
    assert np.abs(drawn - x @ first @ second).max() > 1e-3
    blank_drawn, passed = session.run(None, {"in": x, "decode": np.array([False])})
    assert not blank_drawn.any() and (passed == x).all()
    onnx.checker.check_model(model)
