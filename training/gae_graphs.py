"""Glimpse-Attend-and-Explore as two graphs: one step of the network, and the choice of the next view.

The belief has a row for each of the h * w cells, row by row: attention, and the share of the cell that was seen. Both
are all that the choice needs. The drawing of the step before, which the output head reads, is a state.
"""

from __future__ import annotations

import copy

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from . import gae_choice, spatial
from .export import to_onnx
from .gae_net import GaeNet, Gate, Plain, Residual, Up
from .graph_parts import under_if
from .resnet import Block, ResNet

INSIDE = 1e-5  # slack of limits: rounding is not to keep a cell out
BLOCK = 16  # channels that ONNX Runtime's convolutions take at once; they are slow where the last block is not full


class Trunk(nn.Module):
    """glimpse, view, memories, visited -> the same after the step, belief, attention, code and class logits."""

    def __init__(self, net: GaeNet) -> None:
        super().__init__()
        self.net = net
        self.levels = 4 if net.config.decoder else 1  # the finer memories serve the decoder alone

    def forward(self, glimpse: Tensor, view: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        net, wraps = self.net, self.net.config.spherical
        features = net.encoder(spatial.composite(glimpse))[-self.levels :]
        memories = [spatial.write(m, f, view, wraps) for m, f in zip(states[:-1], features, strict=True)]
        visited = torch.maximum(states[-1], spatial.footprint(view, *net.config.cells, wraps))
        code, attention = net.think(memories[-1])
        out = [*memories, visited, belief_of(attention, visited), attention]
        if net.config.classes:
            out.append(net.classify(memories[-1], code, attention))
        return (*out, code) if net.config.decoder else tuple(out)


class Drawing(nn.Module):
    """Finer memories, code, attention and the previous drawing -> the drawing, and what the bundle shows of it.

    size: (height, width) [px] of the reconstruction.
    """

    def __init__(self, net: GaeNet, size: tuple[int, int]) -> None:
        super().__init__()
        self.net, self.size = net, size

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        c = self.net.config
        drawing = self.net.decode(inputs[:3], *inputs[3:])[0]
        out = [drawing]
        if c.colours:
            out.append(picture(drawing[:, : c.colours], self.size))
        if c.labels:
            out.append(drawing[:, c.colours : c.drawn])
        return tuple(out)


class Choice(nn.Module):
    """belief (1, N, 2), limits (1, 3, 2) -> next_view (1, 3): `gae_choice.choose` among what the camera can look at.

    What lies outside of the limits is not chosen; where nothing lies inside, the best of all is moved to their edge.
    Where all inside was visited, it is open again: the camera is not to rest at the first place of the list.
    """

    places: Tensor

    def __init__(self, net: GaeNet, choice: str, anchor: str) -> None:
        super().__init__()
        c = net.config
        (self.rows, self.cols), self.wraps, self.choice = c.cells, c.spherical, choice
        self.s = spatial.SIDE / c.width
        places = gae_choice.places(self.rows, self.cols, self.wraps, choice, anchor)
        self.register_buffer("places", places, persistent=False)

    def forward(self, belief: Tensor, limits: Tensor) -> Tensor:
        attention, visited = belief.transpose(1, 2).reshape(1, 2, self.rows, self.cols).split(1, 1)
        low, high = limits[:, :2, 0], limits[:, :2, 1]  # (1, 2)
        inside = ((self.places >= low - INSIDE) & (self.places <= high + INSIDE)).all(1)[None]  # (1, n)
        inside = inside | ~inside.any(1, keepdim=True)
        scores = gae_choice.scores(attention, visited, self.wraps, self.choice, inside)
        at = self.places[scores.argmax(1)]  # (1, 2)
        kept = torch.minimum(torch.maximum(at, low), high)
        if self.wraps:  # to the end that is nearer on the circle
            ends = torch.stack([low[:, 0], high[:, 0]], 1)
            away = ((at[:, :1] - ends + 1) % 2 - 1).abs()
            nearer = torch.where(away[:, :1] <= away[:, 1:], ends[:, :1], ends[:, 1:])
            outside = (at[:, :1] < ends[:, :1]) | (at[:, :1] > ends[:, 1:])
            kept = torch.cat([torch.where(outside, nearer, at[:, :1]), kept[:, 1:]], 1)
        s = torch.minimum(torch.maximum(torch.full_like(low[:, :1], self.s), limits[:, 2:, 0]), limits[:, 2:, 1])
        return torch.cat([kept, s], 1)


def belief_of(attention: Tensor, visited: Tensor) -> Tensor:
    """Two maps (1, 1, h, w) -> (1, h * w, 2)."""
    return torch.cat([attention, visited], 1).flatten(2).transpose(1, 2)


def picture(colours: Tensor, size: tuple[int, int]) -> Tensor:
    """Colours as they were drawn -> in [0, 1], at `size`."""
    if colours.shape[2:] != size:
        colours = F.interpolate(colours, size, mode="bilinear", align_corners=False)
    return colours.clamp(0, 1)


def ready(net: GaeNet) -> GaeNet:
    """A copy that gives the same and runs faster: norms folded, drawings widened (`blank` tells their shape).

    Batch norms go into the convolutions before them. The tracer would miss those behind a slice or a transposed
    convolution; and weights are to be rounded as they are stored, not before they are folded.
    """
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if isinstance(module, Up):
            fold(module.conv, module, "norm", transposed=True)
        elif isinstance(module, Gate | Plain):
            fold(module.conv.conv, module, "norm")
        elif isinstance(module, Residual):
            fold(module.conv1.conv, module, "norm1")
            fold(module.conv2.conv, module, "norm2")
        elif isinstance(module, ResNet):
            fold(module.conv1, module, "bn1")
        elif isinstance(module, Block):
            fold(module.conv1, module, "bn1")
            fold(module.conv2, module, "bn2")
        elif isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[1], nn.BatchNorm2d):
            fold(module[0], module, "1")  # type: ignore[arg-type]
    if net.config.decoder and 3 * net.config.drawn > BLOCK:
        widen(net)
    return net


def widen(net: GaeNet) -> None:
    """Drawings of whole blocks of channels, the last ones zeros, in place: the output head is the largest
    convolution, and from 42 channels more than twice as slow as from 48.
    """
    more = -net.config.drawn % BLOCK
    for stream in (net.attended, net.contrasted):
        grow(stream.out.conv, 1, 0, more)
    for k, layer in enumerate(net.merge.convs):
        grow(layer.conv, 1 if k else 3, more, more)  # type: ignore[arg-type, union-attr]


def grow(conv: nn.Conv2d, parts: int, inputs: int, outputs: int) -> None:
    """So many channels of zeros more: outputs, and inputs behind each of `parts` equal parts of those there are."""
    weight = conv.weight.detach().unflatten(1, (parts, -1))
    conv.weight = nn.Parameter(F.pad(weight, (0, 0, 0, 0, 0, inputs, 0, 0, 0, outputs)).flatten(1, 2))
    assert conv.bias is not None
    conv.bias = nn.Parameter(F.pad(conv.bias.detach(), (0, outputs)))
    conv.out_channels, conv.in_channels = conv.weight.shape[:2]


def blank(net: GaeNet) -> Tensor:
    """The drawing (1, O, H, W) before the first step; O is the network's own, or as `widen` leaves it."""
    return torch.zeros(1, net.attended.out.conv.out_channels, net.config.height, net.config.width)


def fold(conv: nn.Conv2d | nn.ConvTranspose2d, owner: nn.Module, name: str, transposed: bool = False) -> None:
    """The batch norm `name` of `owner` into `conv`; output channels beyond the norm's stay as they are."""
    norm = getattr(owner, name)
    more = conv.out_channels - norm.num_features

    def padded(values: Tensor, value: float) -> Tensor:
        return F.pad(values, (0, more), value=value)

    conv.weight, bias = fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        padded(norm.running_mean, 0.0),
        padded(norm.running_var, 1.0 - norm.eps),
        norm.eps,
        padded(norm.weight, 1.0),
        padded(norm.bias, 0.0),
        transpose=transposed,
    )
    conv.bias = bias
    setattr(owner, name, nn.Identity())


def scene_model(net: GaeNet, size: tuple[int, int]) -> onnx.ModelProto:
    """One step; its decoder, where it has one, under an If on `decode`. size: (height, width) of the reconstruction."""
    c, trunk = net.config, Trunk(net)
    glimpse = torch.rand(1, len(spatial.SCALES), 3, spatial.PIXELS, spatial.PIXELS)
    view, visited = torch.tensor([[0.1, 0.2, spatial.SIDE / c.width]]), torch.zeros(1, 1, *c.cells)
    states = [f"state_level{k}" for k in range(5 - trunk.levels, 5)] + ["state_visited"]
    outputs = [*(f"next_{name}" for name in states), "belief", "attention"]
    outputs += (["classification"] if c.classes else []) + (["code"] if c.decoder else [])
    memories = net.empty(1, trunk.levels)
    model = to_onnx(trunk, (glimpse, view, *memories, visited), ["glimpse", "view", *states], outputs)
    if not c.decoder:
        return model
    drawing = blank(net)
    with torch.no_grad():
        code, attention = net.think(memories[-1])
    names = [*(f"next_{name}" for name in states[:3]), "code", "attention", "state_drawing"]
    shown = ["reconstruction"] * bool(c.colours) + ["segmentation"] * bool(c.labels)
    decoder = to_onnx(
        Drawing(net, size), (*memories[:3], code, attention, drawing), names, ["next_state_drawing", *shown]
    )
    state = onnx.helper.make_tensor_value_info("state_drawing", onnx.TensorProto.FLOAT, list(drawing.shape))
    model.graph.input.append(state)
    return under_if(model, decoder, ["code"], {"next_state_drawing": "state_drawing"})


def policy_model(net: GaeNet, choice: str, anchor: str) -> onnx.ModelProto:
    """belief, limits -> next_view."""
    rows, cols = net.config.cells
    limits = torch.tensor([[[-1.0, 1.0], [-1.0, 1.0], [1 / 16, 1.0]]])
    inputs = (torch.rand(1, rows * cols, 2), limits)
    return to_onnx(Choice(net, choice, anchor), inputs, ["belief", "limits"], ["next_view"])
