"""The network: shapes, gates, what attention learns from, and that a sphere has no seam in its streams."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402

from training.canvas_blocks import Conv  # noqa: E402
from training.gae_net import GaeConfig, GaeNet, Gate, Merge, Plain, Stream, Up  # noqa: E402
from training.resnet import STRIDES  # noqa: E402

PLANAR = GaeConfig(48, 64, False, colours=3, labels=2, classes=4, encoder=8, decoder=8, merge=3)
SPHERE = replace(PLANAR, width=96, spherical=True)


def made(config: GaeConfig, seed: int = 0) -> GaeNet:
    """A network whose norms have seen something, for inference."""
    torch.manual_seed(seed)
    net = GaeNet(config)
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return net.eval()


def memories(config: GaeConfig, count: int = 2, seed: int = 1) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    e = config.encoder
    return [
        torch.rand(count, channels, config.height // d, config.width // d, generator=generator)
        for channels, d in zip((e, e, 2 * e, 4 * e), STRIDES, strict=True)
    ]


@pytest.mark.parametrize("config", [PLANAR, SPHERE, replace(SPHERE, gated=False), replace(PLANAR, labels=0, merge=1)])
def test_shapes(config):
    net, seen = made(config), memories(config)
    rows, cols = config.height // 16, config.width // 16
    code, attention = net.think(seen[-1])
    assert config.cells == (rows, cols)
    assert code.shape == (2, 16, rows, cols) and attention.shape == (2, 1, rows, cols)
    size = (2, config.drawn, config.height, config.width)
    drawing, attended, contrasted, features = net.decode(seen, code, attention, torch.zeros(size))
    assert config.drawn == 3 + config.labels
    assert drawing.shape == attended.shape == contrasted.shape == size
    assert [tuple(f.shape) for f in features] == [
        (2, channels, config.height // d, config.width // d)
        for channels, d in zip((8, 8, 16), STRIDES, strict=False)
    ]  # fmt: skip
    assert net.classify(seen[-1], code, attention).shape == (2, 4)
    assert [tuple(m.shape) for m in net.empty(2)] == [tuple(m.shape) for m in seen]
    assert not any(m.any() for m in net.empty(2))
    assert [tuple(m.shape) for m in net.empty(5, 1)] == [(5, 32, rows, cols)]


def test_what_a_task_does_not_need_is_not_there():
    def parts(net: GaeNet) -> set[str]:
        return {name for name, _ in net.named_children()}

    always = {"encoder", "reduce", "fill", "attend"}
    assert parts(GaeNet(replace(PLANAR, decoder=0))) == always | {"classifier"}
    assert parts(GaeNet(replace(PLANAR, classes=0))) == always | {"attended", "contrasted", "merge"}


def test_attention_is_positive_everywhere():
    """Far below zero too, where the paper's ReLU is a map of zeros and learns no more."""
    net = made(PLANAR)
    bottom = memories(PLANAR)[-1]
    assert net.think(bottom)[1].min() > 0 and net.think(torch.zeros_like(bottom))[1].min() > 0
    (bias,) = (weight for name, weight in net.attend.named_parameters() if name.endswith("bias"))
    with torch.no_grad():
        bias.fill_(-20)
    code, attention = net.think(bottom)
    assert 0 < attention.min() <= attention.max() < 1e-7
    attention.sum().backward()
    assert bias.grad.abs().min() > 0


def test_a_gate_multiplies_features_by_their_attention():
    torch.manual_seed(0)
    gate, x = Gate(6, 4, False, True).eval(), torch.randn(2, 6, 5, 7)
    raw = gate.conv(x)
    expected = F.relu(raw[:, :4]) * F.softplus(raw[:, 4:]) / (1 + 1e-5) ** 0.5  # what a new norm divides by
    assert gate.outputs == 4 and raw.shape[1] == 5
    assert torch.allclose(gate(x), expected, atol=1e-6)
    gate(x).sum().backward()
    assert gate.conv.conv.weight.grad.abs().sum((1, 2, 3)).min() > 0, "the channel of attention learns too"


def test_without_a_gate_attention_is_one_channel_more():
    """So that the ablation has as many convolution weights: only the product is gone."""
    torch.manual_seed(0)
    gate, free, x = Gate(6, 4, False, True), Gate(6, 4, False, False), torch.randn(2, 6, 5, 7)
    assert free.outputs == 5 and free(x).shape == (2, 5, 5, 7) and gate(x).shape == (2, 4, 5, 7)
    assert free.conv.conv.weight.shape == gate.conv.conv.weight.shape
    assert Plain(6, 4, False)(x).shape == (2, 4, 5, 7)
    code, attention = torch.rand(2, 16, 3, 4), torch.rand(2, 1, 3, 4)
    assert torch.equal(made(PLANAR).attending(code, attention), code * attention)
    both = made(replace(PLANAR, gated=False)).attending(code, attention)
    assert torch.equal(both[:, :16], code) and torch.equal(both[:, 16:], attention)


def gradient(config: GaeConfig, output: str) -> float:
    """How much of an output's gradient reaches the layer that makes attention."""
    net, seen = made(config), memories(config)
    code, attention = net.think(seen[-1])
    drawing, attended, contrasted, features = net.decode(
        seen, code, attention, torch.zeros(2, config.drawn, config.height, config.width)
    )
    answers = {"drawing": drawing, "attended": attended, "contrasted": contrasted, "features": features[0]}
    chosen = answers[output] if output != "classes" else net.classify(seen[-1], code, attention)
    found = torch.autograd.grad(chosen.square().sum(), list(net.attend.parameters()), allow_unused=True)
    return sum(gradient.abs().sum().item() for gradient in found if gradient is not None)


@pytest.mark.parametrize(
    ("output", "gated", "without"),
    [
        ("attended", True, True),
        ("drawing", True, True),
        ("contrasted", False, False),
        ("features", False, False),
        ("classes", True, False),
    ],
)
def test_attention_learns_by_its_gates_alone(output, gated, without):
    """Nothing of the contrastive stream reaches it; ungated it is a feature to be drawn from, and no class."""
    assert (gradient(PLANAR, output) > 0) == gated
    assert (gradient(replace(PLANAR, gated=False), output) > 0) == without


def test_attention_lifts_what_it_gates():
    net, seen = made(PLANAR), memories(PLANAR)
    code, attention = net.think(seen[-1])
    previous = torch.zeros(2, 5, 48, 64)
    low, high = (net.decode(seen, code, attention * k, previous) for k in (1, 3))
    assert not torch.equal(low[1], high[1]) and not torch.equal(low[0], high[0])
    assert torch.equal(low[2], high[2]), "the contrastive stream has no gate"


@pytest.mark.parametrize("layers", [1, 3, 5])
def test_what_is_merged_begins_as_the_mean_of_both_streams(layers):
    torch.manual_seed(0)
    merge = Merge(5, layers, False)
    previous, attended, contrasted = torch.randn(3, 2, 5, 16, 16).unbind()
    assert len(merge.convs) == layers
    assert torch.equal(merge(previous, attended, contrasted), (attended + contrasted) / 2)


def test_what_is_merged_learns_from_what_was_drawn_before():
    torch.manual_seed(0)
    merge = Merge(2, 3, False)
    previous, attended, contrasted = torch.randn(3, 2, 2, 8, 8).unbind()
    optimizer = torch.optim.Adam(merge.parameters(), 0.03)
    losses = []
    for _ in range(60):
        loss = (merge(previous, attended, contrasted) - previous).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 1 and losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("wraps", [False, True])
def test_up_doubles_and_has_no_seam_on_a_sphere(wraps):
    torch.manual_seed(0)
    up, x = Up(4, 6, wraps).eval(), torch.randn(2, 4, 3, 8)
    out = up(x)
    assert out.shape == (2, 6, 6, 16)
    assert torch.allclose(up(x.roll(3, -1)), out.roll(6, -1), atol=1e-5) == wraps
    if wraps:  # inside, the seam's padding changes nothing
        up.wraps = False
        assert torch.allclose(up(x)[..., :-1], out[..., :-1], atol=1e-6)


@pytest.mark.parametrize("width", [1, 2, 7])
def test_gradients_go_around_a_sphere(width):
    """As with torch's own circular padding, up to a map of a single column."""
    torch.manual_seed(0)
    conv, x = Conv(3, 4, True), torch.randn(2, 3, 5, width, requires_grad=True)
    padded = F.pad(F.pad(x, (1, 1, 0, 0), mode="circular"), (0, 0, 1, 1))
    weight = torch.randn(2, 4, 5, width)
    by_hand = F.conv2d(padded, conv.conv.weight, conv.conv.bias)
    assert torch.allclose(conv(x), by_hand, atol=1e-5)
    (ours,), (torchs,) = (torch.autograd.grad((out * weight).sum(), x) for out in (conv(x), by_hand))
    assert torch.allclose(ours, torchs, atol=1e-5)


@pytest.mark.parametrize("gated", [None, True, False])
@pytest.mark.parametrize("config", [SPHERE, replace(SPHERE, spherical=False)])
def test_a_turned_sphere_is_drawn_turned(config, gated):
    """Each stream, by any number of cells; on a plane the borders tell where they are."""
    torch.manual_seed(0)
    stream, seen = Stream(config, 5, gated).eval(), memories(config)
    code = torch.randn(2, 5, *config.cells)
    drawn, features = stream(code, seen)
    for cells in (1, 4):
        turned = [m.roll(cells * 16 // d, -1) for m, d in zip(seen, STRIDES, strict=True)]
        again, moved = stream(code.roll(cells, -1), turned)
        same = [torch.allclose(again, drawn.roll(16 * cells, -1), atol=1e-4)]
        same += [
            torch.allclose(a, f.roll(cells * 16 // d, -1), atol=1e-4)
            for a, f, d in zip(moved, features, STRIDES, strict=False)
        ]
        assert all(same) if config.spherical else not any(same)


@pytest.mark.parametrize("config", [SPHERE, replace(SPHERE, spherical=False)])
def test_a_turned_sphere_is_thought_of_turned(config):
    """Code, attention and what both streams draw together; a plane has places."""
    net, seen = made(config), memories(config)
    code, attention = net.think(seen[-1])
    previous = torch.rand(2, 5, 48, 96)
    drawing = net.decode(seen, code, attention, previous)[0]
    for cells in (1, 4):
        turned = [m.roll(cells * 16 // d, -1) for m, d in zip(seen, STRIDES, strict=True)]
        other, moved = net.think(turned[-1])
        again = net.decode(turned, other, moved, previous.roll(16 * cells, -1))[0]
        same = [
            torch.allclose(other, code.roll(cells, -1), atol=1e-5),
            torch.allclose(moved, attention.roll(cells, -1), atol=1e-5),
            torch.allclose(again, drawing.roll(16 * cells, -1), atol=1e-4),
        ]
        assert all(same) if config.spherical else not any(same)


def test_each_cell_is_thought_of_from_all_cells():
    """Both ways to connect all cells: one changed cell reaches every other."""
    for config in (SPHERE, PLANAR):
        net, bottom = made(config), memories(config)[-1][:1]
        for row, col in ((0, 0), (2, 1), (1, 3)):
            other = bottom.clone()
            other[..., row, col] += 3
            assert (net.think(other)[1] != net.think(bottom)[1]).all()


def test_a_class_is_told_from_what_was_seen_and_what_is_imagined():
    net, seen = made(PLANAR), memories(PLANAR)
    code, attention = net.think(seen[-1])
    told = net.classify(seen[-1], code, attention)
    assert not torch.equal(net.classify(seen[-1] * 2, code, attention), told)
    assert not torch.equal(net.classify(seen[-1], code * 2, attention), told)
    assert not torch.equal(net.classify(seen[-1], code, attention * 2), told)
    shuffled = seen[-1].flatten(2).flip(2).view_as(seen[-1])
    assert torch.allclose(net.classify(shuffled, code, attention), told, atol=1e-5), "the mean of what was seen"
