"""AdaGlimpse as two graphs: one step of the elastic scene model, and the choice of the next view.

The scene graph is `ElasticCanvas`; its map of cells, where it has one, is one more state. The policy takes the actor's
mean, or the best of many actions by the critics: their footprints on a grid of actions are a few matrix products, for
all actions of one s share how they cover rows and columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse_ros.core.types import SceneSpec

from . import export, views
from .canvas import DETAIL_SCALES
from .canvas_blocks import Conv, doubled
from .elastic_vit import ElasticCanvas, Memory, Seen, entropy
from .export import to_onnx
from .footprint import AROUND, FOOTPRINT, SUB, fine_maps, shares
from .gae_graphs import picture
from .glimpse_agent import Actor, AgentConfig, Critic, to_views
from .graph_parts import under_if
from .quantised import Feed, quantised
from .retina import sample

QUARTER = 4  # the decoder's finest maps are of a quarter of the resolution
ALIGNED = 4  # channels
HANDED = ("smooth", "x1", "x2")
Act = Literal["actor", "critic"]
MOST = 12  # glimpses of an episode that shows ranges
GRID = (12, 4, 5)  # lines of the coarse grid along x, y and s, beside the actor's; with 3 of s it zoomed in too little


def split(memory: Memory) -> tuple[Tensor, ...]:
    """The memory as the bundle's states, see `export.split`, and the map where there is one."""
    return (*export.split((memory[0], memory[1], memory[2])), *memory[3:])


def joined(states: tuple[Tensor, ...]) -> Memory:
    """The inverse of `split`."""
    return (*export.joined(states[:4]), *states[4:])


def shown(net: ElasticCanvas, memory: Memory, seen: Seen, view: Tensor) -> tuple[Tensor, ...]:
    """Belief, uncertainty, attention and, where the model classifies, logits: what every step tells."""
    c = net.config
    uncertain = seen.errors[:, -1:] if c.labels else seen.errors[:, :1].sqrt()
    told = (net.belief(memory, seen, view), uncertain, entropy(seen.attention, c.cells))
    return (*told, net.classify(seen)) if c.classes else told


class Step(nn.Module):
    """glimpse, view, states -> states, `shown` and the decoder's inputs."""

    def __init__(self, net: ElasticCanvas) -> None:
        super().__init__()
        self.net = net

    def forward(self, glimpse: Tensor, view: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        memory = self.net.write(joined(states), glimpse[:, 0], view)
        seen = self.net.look(memory)
        return (*split(memory), *shown(self.net, memory, seen, view), *seen.handed)


class Drawing(nn.Module):
    """States but the map, and the decoder's inputs -> reconstruction in [0, 1] of `size`, segmentation logits.

    As `ElasticCanvas.decode`, in what ONNX Runtime is fast at: it leaves its own layout for a convolution whose input
    channels are no multiple of ALIGNED, and gathers pixels into channels three times as fast by a convolution.
    """

    gather: Tensor  # (48, 3, 4, 4), one-hot

    def __init__(self, net: ElasticCanvas, size: tuple[int, int]) -> None:
        super().__init__()
        self.net, self.size, enter = net, size, net.enter0.conv
        self.register_buffer("gather", torch.eye(3 * QUARTER**2).unflatten(1, (3, QUARTER, QUARTER)), persistent=False)
        self.more = -enter.in_channels % ALIGNED
        weight = F.pad(enter.weight.detach(), (0, 0, 0, 0, 0, self.more))
        self.enter = Conv(enter.in_channels + self.more, enter.out_channels, net.config.spherical)
        self.enter.load_state_dict({"conv.weight": weight, "conv.bias": enter.bias})

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        net, (colour, sharp, features, _, smooth, x1, x2) = self.net, inputs
        seen = (sharp > 0).to(colour.dtype)
        imagined, x1 = net.imagine(smooth, x1, x2)
        pixels = F.conv2d((colour - 0.5) * seen, self.gather, stride=QUARTER)
        known = [F.avg_pool2d(sharp, QUARTER), F.avg_pool2d(seen, QUARTER)]
        parts = [pixels, *known, features, imagined - 0.5, imagined[:, : self.more]]  # the last ones for nothing
        x0 = self.enter(torch.cat(parts, 1)) + doubled(net.up0(x1))
        x0, drawn = F.relu(net.dec0(x0)), []
        scene = net.draw((colour, sharp, features), imagined, x0)
        if net.config.colours:
            drawn.append(picture(scene, self.size))
        if net.config.labels:
            drawn.append(net.segmenter(scene.clamp(0, 1)))
        return tuple(drawn)


def confidence(belief: Tensor, config: AgentConfig) -> Tensor:
    """(B, N, D) -> (B, 1) in [0, 1]: 1 minus the expected wrong share of the pixels where there are labels, else minus
    the RMSE that is expected of colours in [0, 1]."""
    level = 1 + len(DETAIL_SCALES)
    labels = config.channels > level + 1
    at = SUB * level if labels else 0
    expected = belief[..., at : at + SUB].square().mean((1, 2))
    return (1 - (expected if labels else expected.sqrt())).clamp(0, 1)[:, None]


class Choice(nn.Module):
    """belief (1, N, D), limits (1, 3, 2) -> next_view (1, 3), stop (1, 1), the `confidence`."""

    def __init__(self, actor: Actor, critic: Critic | None = None) -> None:
        """With a critic, the best action of a grid whose lines run through the actor's mean; else that mean."""
        super().__init__()
        self.actor, self.config = actor, actor.config
        self.grid = None if critic is None else Grid(critic)

    def forward(self, belief: Tensor, limits: Tensor) -> tuple[Tensor, Tensor]:
        action = self.actor(belief, limits)[0].tanh()  # (1, 3)
        if self.grid is None:
            view = to_views(action[:, None], belief, limits, self.config)[:, 0]
        else:
            view = self.grid(belief, limits, action)
        return view, confidence(belief, self.config)


class Grid(nn.Module):
    """belief, limits, an action (1, 3) -> the view (1, 3) of the best action by the lower of the critics.

    First on a coarse grid, one line of which on each axis runs through the given action, then on a finer one around
    the best.
    """

    x: Tensor
    y: Tensor
    s: Tensor
    around: Tensor

    def __init__(self, critic: Critic) -> None:
        super().__init__()
        self.critic, self.config = critic, critic.config
        across, down, zooms = GRID
        x = torch.arange(across) / across * 2 - 1 if self.config.spherical else torch.linspace(-1, 1, across)
        self.register_buffer("x", x, persistent=False)
        self.register_buffer("y", torch.linspace(-1, 1, down), persistent=False)
        self.register_buffer("s", torch.linspace(-1, 1, zooms), persistent=False)
        self.register_buffer("around", torch.tensor([-0.5, 0.0, 0.5]), persistent=False)  # steps of the coarse grid

    def forward(self, belief: Tensor, limits: Tensor, action: Tensor) -> Tensor:
        q, views = self.candidates(belief, limits, action)
        return views[q.argmax(0, keepdim=True)]

    def candidates(self, belief: Tensor, limits: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Q (P,) and views (P, 3) of both grids."""
        state = self.critic.pool(belief, limits)
        lines = [torch.cat([line, action[0, k : k + 1]]) for k, line in enumerate((self.x, self.y, self.s))]
        coarse, actions, places = self.scores(state, belief, limits, *lines)
        best = actions[coarse.argmax(0, keepdim=True)][0]  # (3,)
        across, down, zooms = GRID
        x = best[0] + self.around * (2 / across)
        x = x - 2 * torch.floor(x / 2 + 0.5) if self.config.spherical else x.clamp(-1, 1)
        y, s = (best[k] + self.around * (2 / (n - 1)) for k, n in ((1, down), (2, zooms)))
        fine, _, views = self.scores(state, belief, limits, x, y.clamp(-1, 1), s.clamp(-1, 1))
        return torch.cat([coarse, fine]), torch.cat([places, views])

    def scores(
        self, state: Tensor, belief: Tensor, limits: Tensor, x: Tensor, y: Tensor, s: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Lines (X,), (Y,), (S,) of a grid of actions, row by row the P = S * Y * X actions: the lower Q (P,), the
        actions (P, 3), their views (P, 3). Q is that of `Critic.value`; what the views share is worked out once."""
        c, n = self.config, (len(s), len(y), len(x))
        # A view's x and y each depend on its s, not on one another.
        line = torch.cat([x, y])[None].expand(n[0], -1)
        pairs = torch.stack([line, line, s[:, None].expand_as(line)], -1)  # (S, X + Y, 3)
        places = to_views(pairs.flatten(0, 1)[None], belief, limits, c)[0].unflatten(0, (n[0], -1))
        vx, vy, vs = places[:, : n[2], 0], places[:, n[2] :, 1], places[:, 0, 2]
        views = torch.stack([vx[:, None].expand(n), vy[:, :, None].expand(n), vs[:, None, None].expand(n)], -1)
        actions = torch.stack([x[None, None].expand(n), y[None, :, None].expand(n), s[:, None, None].expand(n)], -1)
        turn = math.pi * x
        code = [part[None, None].expand(n) for part in (turn.sin(), turn.cos(), x.abs())]
        code += [views[..., 1], s[:, None, None].expand(n), vs.log2()[:, None, None].expand(n)]
        known = [torch.stack(code, -1)]
        if not c.blind:
            known.append(footprints(vx, vy, vs, belief, c))
        q = self.values(state, torch.cat(known, -1).flatten(0, 2)).amin(0)
        if not c.blind:
            q = q + self.critic.expected(known[-1].flatten(0, 2)[None], views.flatten(0, 2)[None], belief, limits)[0]
        return q, actions.flatten(0, 2), views.flatten(0, 2)

    def values(self, state: Tensor, code: Tensor) -> Tensor:
        """state (1, hidden), code (P, C) -> (2, P); the first layers are taken apart, for all codes share the state."""
        found, hidden = [], state.shape[1]
        for head in self.critic.heads:
            first, *rest = head.children()
            assert isinstance(first, nn.Linear)
            shared = F.linear(state, first.weight[:, :hidden], first.bias)
            x = F.linear(code, first.weight[:, hidden:]) + shared
            for layer in rest:
                x = layer(x)
            found.append(x[:, 0])
        return torch.stack(found)


def footprints(x: Tensor, y: Tensor, s: Tensor, belief: Tensor, config: AgentConfig) -> Tensor:
    """x (S, X), y (S, Y), s (S,) of a grid of views -> (S, Y, X, F): `footprint.footprint` of each."""
    maps, levels = fine_maps(belief, config)[0], len(DETAIL_SCALES)  # (C, h, w)
    (channels, rows, cols), n = maps.shape, (len(s), y.shape[1], x.shape[1])
    now, left = maps[:1].square(), maps[1 : 1 + levels].square()
    total = now.mean()
    layers = torch.cat([maps, (maps[-1:] <= 0).to(maps.dtype), (now - left).clamp(min=0), now])
    wide = torch.cat([(s * AROUND**k).clamp(max=1) for k in range(FOOTPRINT)])[:, None]  # (2 S, 1)
    x, y = x.repeat(FOOTPRINT, 1), y.repeat(FOOTPRINT, 1)
    by = shares(y, (wide * config.aspect).clamp(max=1).expand_as(y), rows, False)  # (2 S, Y, h)
    bx = shares(x, wide.expand_as(x), cols, config.spherical)  # (2 S, X, w)
    strips = (by.flatten(0, 1) @ layers.transpose(0, 1).flatten(1)).reshape(len(wide), -1, cols)
    sums = (strips @ bx.transpose(1, 2)).reshape(len(wide), n[1], -1, n[2]).transpose(2, 3)  # (2 S, Y, X, layers)
    cells = (by.sum(2)[:, :, None] * bx.sum(2)[:, None]).clamp(min=1e-3)[..., None]
    share = 1 / (rows * cols)
    position = (-torch.log2(s)).clamp(0, levels)[:, None]
    weight = (1 - (position - torch.arange(levels + 1)).abs()).clamp(min=0).repeat(FOOTPRINT, 1)[:, None, None]
    expected = ((weight * sums[..., channels + 1 :]).sum(-1, keepdim=True) * share).clamp(min=1e-8)
    drop = total.clamp(min=1e-8).sqrt() - (total - expected).clamp(min=1e-8).sqrt()
    parts = [sums[..., : channels + 1] / cells, (cells * share).sqrt(), 10 * drop, 10 * expected.sqrt()]
    each = torch.cat(parts, -1).unflatten(0, (FOOTPRINT, -1))  # (2, S, Y, X, F')
    return torch.cat([*each, total.sqrt().expand(*n, 1)], -1)


def scene_model(net: ElasticCanvas, size: tuple[int, int], scenes: Tensor | None = None) -> onnx.ModelProto:
    """One step, its decoder under an If on `decode`. size: (height, width) [px] of the reconstruction.

    With scenes (N, 3, H, W) in [0, 1] its heavy convolutions are in integers, of the ranges that these need.
    """
    c, memory = net.config, net.empty(1)
    glimpse, view = torch.rand(1, 1, 3, c.glimpse, c.glimpse), torch.tensor([[0.1, 0.2, 0.25]])
    told = ["belief", "uncertainty", "attention", *(["classification"] if c.classes else [])]
    states = [*export.STATES, *(["state_cells"] if c.map else [])]
    outputs = [*(f"next_{name}" for name in states), *told, *HANDED]
    inputs = ["glimpse", "view", *states]
    trunk = to_onnx(Step(net), (glimpse, view, *split(memory)), inputs, outputs)
    with torch.no_grad():
        handed = net.look(memory).handed
    names = [*(f"next_{name}" for name in export.STATES), *HANDED]
    drawn = ["reconstruction"] * bool(c.colours) + ["segmentation"] * bool(c.labels)
    decoder = to_onnx(Drawing(net, size), (*split(memory)[:4], *handed), names, drawn)
    if scenes is not None:
        steps, drawings = zip(*ranged(net, scenes), strict=True)
        trunk = quantised(trunk, [fed(inputs, step) for step in steps])
        decoder = quantised(decoder, [fed(names, drawing) for drawing in drawings])
    return under_if(trunk, decoder, HANDED)


@torch.no_grad()
def ranged(net: ElasticCanvas, scenes: Tensor) -> Iterator[tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]:
    """The inputs of `Step` and of `Drawing` at the end of a random episode in each of scenes (N, 3, H, W)."""
    c, rng = net.config, np.random.default_rng(0)
    spec = SceneSpec(c.height, c.width, "spherical" if c.spherical else "planar")
    for scene in scenes.split(1):
        memory = net.empty(1)
        for place in views.episode(rng, MOST, spec, c.glimpse / c.width, tiled=0.5):
            before = split(memory)
            glimpse, view = sample(scene, torch.from_numpy(place)[None], c.glimpse, c.spherical)
            memory = net.write(memory, glimpse, view)
        yield (glimpse[:, None], view, *before), (*split(memory)[:4], *net.look(memory).handed)


def fed(names: Sequence[str], values: Sequence[Tensor]) -> Feed:
    """Inputs of a graph by name."""
    return {name: value.numpy() for name, value in zip(names, values, strict=True)}


def policy_model(choice: Choice, scene: ElasticCanvas) -> onnx.ModelProto:
    """belief, limits -> next_view, stop."""
    with torch.no_grad():
        memory, view = scene.empty(1), torch.zeros(1, 3)
        belief = scene.belief(memory, scene.look(memory), view)
    limits = torch.tensor([[[-1.0, 1.0], [-1.0, 1.0], [1 / 16, 1.0]]])
    return to_onnx(choice, (belief, limits), ["belief", "limits"], ["next_view", "stop"])
