"""The agent of AdaGlimpse: an actor and twin critics over what the scene model knows.

As in the paper (section 3.2 and its code): each kind of input is encoded by itself, attention pools over the slots,
the actor is a squashed Gaussian over (x, y, s), the critics read the same state and the action; layer norms, for a
batch norm would mix empty slots in. Ours: a slot is a cell of the scene's map, places are relative to the last view, so
that a panorama turned is a panorama known; the range of the action is that of the camera's limits; and the critics see
what the action would cover: what error is expected under it and what would be left.

Actions are in [-1, 1]^3: x is a step from the last view on a sphere (all the way around) and a place between the limits
elsewhere, y a place in the room that the box leaves, s a zoom, on a logarithmic scale. B batch, N slots, D channels,
h x w fine cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .elastic_vit import ElasticConfig, belief_channels
from .footprint import SUB, footprint, footprint_channels
from .slew import scene_fov, slew_seconds

PLACE = 3  # channels of a slot: x and y from the last view, its s
ACTIONS = 3
LEAST_STD, MOST_STD = 0.02, 2.0  # of the Gaussian before it is squashed
GREY = 25.5  # grey levels in a tenth of the range of colours, the unit of `footprint`'s drop


@dataclass(frozen=True)
class AgentConfig:
    """Sizes of the agent; they fix every shape."""

    rows: int  # of the map
    cols: int
    channels: int  # of a fine cell
    latents: int
    spherical: bool
    width: int = 32  # of each encoder; the paper's is 128
    heads: int = 8
    hidden: int = 128  # of the heads; the paper's is 256
    blind: bool = False  # the critics do not see what the action covers, as in the paper
    per: float = 0.3  # reward per unit of score, as in `glimpse_env.Rewards`
    slew: float = 0.0  # what a second of motion costs, in units of score
    glimpse_size: float = 0.0  # what a look as wide as the scene costs, in units of score; a narrower one its share
    follows: ClassVar[bool] = True  # on a sphere x is a step from the last view

    @property
    def aspect(self) -> float:
        """Width over height of the scene."""
        return self.cols / self.rows

    def pool(self) -> nn.Module:
        """What reads the state."""
        return Pool(self)


def agent_config(
    scene: ElasticConfig,
    width: int = 32,
    hidden: int = 128,
    blind: bool = False,
    per: float = 0.3,
    slew: float = 0.0,
    glimpse_size: float = 0.0,
) -> AgentConfig:
    """The agent for a scene model."""
    rows, cols = scene.cells
    channels, latents = belief_channels(scene), scene.widths[3]
    sizes = {"width": width, "hidden": hidden, "blind": blind}
    rewards = {"per": per, "slew": slew, "glimpse_size": glimpse_size}
    return AgentConfig(rows, cols, channels, latents, scene.spherical, **sizes, **rewards)  # type: ignore[arg-type]


class Pool(nn.Module):
    """belief (B, N, D) -> state (B, hidden), by attention over the slots."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.config = config
        kinds = (SUB * config.channels, 5 + 1, config.latents)
        self.encoders = nn.ModuleList(
            nn.Sequential(nn.Linear(n, config.width), nn.LayerNorm(config.width), nn.GELU()) for n in kinds
        )
        joint = len(kinds) * config.width // config.heads * config.heads
        self.mix = nn.Sequential(nn.Linear(len(kinds) * config.width, joint), nn.LayerNorm(joint), nn.GELU())
        self.logits = nn.Sequential(nn.Linear(joint, config.width), nn.GELU(), nn.Linear(config.width, config.heads))
        self.out = nn.Sequential(
            nn.Linear(joint + 4 * config.heads + 4, config.hidden), nn.LayerNorm(config.hidden), nn.GELU()
        )

    def forward(self, belief: Tensor, limits: Tensor) -> Tensor:
        c, many = self.config, SUB * self.config.channels
        maps, place, rest = belief[..., :many], belief[..., many : many + PLACE], belief[..., many + PLACE :]
        x, y, last = place[..., :1], place[..., 1:2], place[..., 2:]
        height = torch.linspace(-1, 1, c.rows, device=belief.device).repeat_interleave(c.cols)
        height = height[None, :, None].expand(len(belief), -1, 1)
        around = [(math.pi * x).sin(), (math.pi * x).cos()] if c.spherical else [x, x.abs()]
        where = torch.cat([*around, y, last, height, rest[..., :1].log1p()], -1)  # importance: rest's first channel
        parts = [code(part) for code, part in zip(self.encoders, (maps, where, rest[..., 1:]), strict=True)]
        slots = self.mix(torch.cat(parts, -1))  # (B, N, joint)
        weights = torch.softmax(self.logits(slots), 1).transpose(1, 2)  # (B, heads, N)
        split = slots.unflatten(2, (c.heads, -1)).transpose(1, 2)  # (B, heads, N, joint / heads)
        pooled = (weights[:, :, None] @ split).flatten(1)  # (B, joint)
        pointed = (weights @ where[..., :4]).flatten(1)  # (B, heads * 4): where each head looks
        return self.out(torch.cat([pooled, pointed, ranges(limits)], -1))


def ranges(limits: Tensor) -> Tensor:
    """limits (B, 3, 2) -> (B, 4): the range of s in octaves, and of y."""
    return torch.cat([-limits[:, 2].log2() / 4, limits[:, 1]], -1)


def last_view(belief: Tensor, config: AgentConfig) -> Tensor:
    """belief (B, N, D) -> (B, 3): the last view, from how far the first cell is from it; s is 0 before there is one."""
    many = SUB * config.channels
    centre = torch.tensor([-1 + 1 / config.cols, -1 + 1 / config.rows], device=belief.device)  # of the first cell
    return torch.cat([centre - belief[:, 0, many : many + 2], belief[:, 0, many + 2 : many + 3]], -1)


def motion(views: Tensor, belief: Tensor, limits: Tensor, config: AgentConfig) -> Tensor:
    """views (B, P, 3) -> (B, P): seconds from the last view; none before the first."""
    last = last_view(belief, config)[:, None]  # (B, 1, 3)
    before = torch.cat([last[..., :2], last[..., 2:].clamp(min=1e-3)], -1)
    spherical = config.spherical
    seconds = slew_seconds(before, views, limits[:, 2, 1:], spherical, scene_fov(spherical), config.aspect)
    return torch.where(last[..., 2] > 0, seconds, torch.zeros_like(seconds))


def to_views(action: Tensor, belief: Tensor, limits: Tensor, config: AgentConfig) -> Tensor:
    """action (B, ..., 3) in [-1, 1] -> views (B, ..., 3) inside the limits (B, 3, 2) and the scene.

    The last view is read from the belief, which tells how far each cell is from it.
    """
    shape = (len(belief),) + (1,) * (action.ndim - 2)
    low, high = limits.unbind(-1)
    low, high = (side.reshape(*shape, 3) for side in (low, high))
    s = (low[..., 2].log() + (action[..., 2] + 1) / 2 * (high[..., 2].log() - low[..., 2].log())).exp()
    y = place_within(action[..., 1], low[..., 1], high[..., 1], (1 - s * config.aspect).clamp(min=0))
    if config.spherical:
        x = low[..., 0] + (action[..., 0] + 1) / 2 * (high[..., 0] - low[..., 0])
        if config.follows:
            step = last_view(belief, config)[:, 0].reshape(shape) + action[..., 0]
            whole = (high[..., 0] - low[..., 0]) > 2 - 1e-3
            x = torch.where(whole, step - 2 * torch.floor(step / 2 + 0.5), x)
    else:
        x = place_within(action[..., 0], low[..., 0], high[..., 0], 1 - s)
    return torch.stack([x, y, s], -1)


def place_within(action: Tensor, low: Tensor, high: Tensor, room: Tensor) -> Tensor:
    """action in [-1, 1] -> a place within the limits and the room that the scene leaves; where they exclude each other
    the limits count, as in `glimpse_ros.core.placement`."""
    least, most = (torch.minimum(torch.maximum(end, low), high) for end in (-room, room))
    return least + (action + 1) / 2 * (most - least)


def expected_drop(action: Tensor, belief: Tensor, limits: Tensor, config: AgentConfig) -> Tensor:
    """action (B, P, 3) -> (B, P): by how much each look would lower the scene's RMSE, as the scene model expects."""
    found = footprint(to_views(action, belief, limits, config), belief, config)
    return found[..., config.channels + 2]


class Actor(nn.Module):
    """belief (B, N, D), limits (B, 3, 2) -> mean and standard deviation (B, 3) before squashing."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.config, self.pool = config, config.pool()
        self.head = nn.Sequential(
            nn.Linear(config.hidden, config.hidden), nn.GELU(), nn.Linear(config.hidden, 2 * ACTIONS)
        )

    def forward(self, belief: Tensor, limits: Tensor) -> tuple[Tensor, Tensor]:
        loc, raw = self.head(self.pool(belief, limits)).chunk(2, -1)
        return loc, F.softplus(raw + 0.54).clamp(LEAST_STD, MOST_STD)  # softplus(0.54) is 1

    def sample(self, belief: Tensor, limits: Tensor) -> tuple[Tensor, Tensor]:
        """An action (B, 3) in [-1, 1], by reparametrisation, and the log of its density (B,)."""
        loc, std = self(belief, limits)
        raw = loc + std * torch.randn_like(loc)
        log = -0.5 * ((raw - loc) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)
        squash = 2 * (math.log(2) - raw - F.softplus(-2 * raw))  # log of the derivative of tanh
        return raw.tanh(), (log - squash).sum(-1)


class Critic(nn.Module):
    """Twin Q (2, B, P) of actions (B, P, 3); they share how they read the state."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.config, self.pool = config, config.pool()
        seen = 0 if config.blind else footprint_channels(config)
        inputs = config.hidden + seen + 6
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Linear(inputs, config.hidden), nn.LayerNorm(config.hidden), nn.GELU(),
                nn.Linear(config.hidden, config.hidden), nn.GELU(), nn.Linear(config.hidden, 1),
            )
            for _ in range(2)
        )  # fmt: skip
        self.trust = None if config.blind else nn.Linear(4, 1)
        if self.trust is not None:  # begins as a trust of one, and with nothing to add
            nn.init.zeros_(self.trust.weight)
            nn.init.zeros_(self.trust.bias)
            for head in self.heads:
                last = list(head.children())[-1]
                assert isinstance(last, nn.Linear)
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)

    def forward(self, belief: Tensor, limits: Tensor, action: Tensor) -> Tensor:
        return self.value(self.pool(belief, limits), belief, limits, action)

    def value(self, state: Tensor, belief: Tensor, limits: Tensor, action: Tensor) -> Tensor:
        """As `forward`, with the state (B, hidden) already read."""
        views = to_views(action, belief, limits, self.config)
        turn = math.pi * action[..., :1]
        code = [turn.sin(), turn.cos(), action[..., :1].abs(), views[..., 1:2], action[..., 2:], views[..., 2:].log2()]
        seen = None if self.config.blind else footprint(views, belief, self.config)
        if seen is not None:
            code.append(seen)
        joined = torch.cat([state[:, None].expand(-1, action.shape[1], -1), *code], -1)
        q = torch.stack([head(joined)[..., 0] for head in self.heads])
        return q if seen is None else q + self.expected(seen, views, belief, limits)

    def expected(self, seen: Tensor, views: Tensor, belief: Tensor, limits: Tensor) -> Tensor:
        """What the scene model expects of a look, and what its motion and its size cost: the reward (B, P) of views
        (B, P, 3) with footprints (B, P, F).

        The critics learn what has to be added, and by how much this is to be trusted in what range of views.
        """
        assert self.trust is not None
        c = self.config
        gain = GREY * seen[..., c.channels + 2]
        if c.slew:
            gain = gain - c.slew * motion(views, belief, limits, c)
        if c.glimpse_size:
            gain = gain - c.glimpse_size * views[..., 2]
        return c.per * self.trust(ranges(limits)).exp() * gain
