"""Scenes to explore, many at once, on the device: the environment of AdaGlimpse's reinforcement learning.

An action is a view, what comes back is the scene model's belief, and the reward is what the look has gained: the
paper's difference of score from one glimpse to the next (section 3.3), which needs the whole scene and so exists in
training only. Scores are minus the RMSE on 0-255, minus ten times the cross-entropy of a segmentation, minus that of a
class; with a teacher it would be the divergence from its output. Options take from it what the motion and the size of
a look cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from . import retina
from .augment import VOID
from .elastic_tokens import ElasticVit
from .elastic_vit import Memory, Seen
from .slew import slew_seconds

Scenes = tuple[Tensor, Tensor | None, Tensor | None]  # (B, 3, H, W) uint8, maps (B, H, W), answers (B,)


@dataclass(frozen=True)
class Rewards:
    """What a look is worth and what it costs."""

    per: float = 0.3  # reward per unit of score
    slew: float = 0.0  # cost of a second of motion, in units of score
    glimpse_size: float = 0.0  # the paper's penalty, times the share of the scene's width


class Exploration:
    """B scenes at once, from their first glimpse on; `step` takes views and gives beliefs and rewards."""

    def __init__(self, net: ElasticVit, rewards: Rewards, fov: float, precision: Callable) -> None:
        """fov [rad] across the scene; precision: a context for the network's products."""
        self.net, self.rewards, self.fov, self.precision = net, rewards, fov, precision
        self.memory: Memory = ()
        self.taken: Tensor | None = None

    @torch.no_grad()
    def reset(self, scenes: Scenes, limits: Tensor) -> Tensor:
        """scenes, limits (B, 3, 2) -> belief (B, N, D) before anything was seen.

        The empty memory is scored too: what the first look gains is the paper's first reward.
        """
        images, self.maps, self.answers = scenes
        self.scenes, self.limits = images.float() / 255, limits
        self.memory, self.taken = self.net.empty(len(images)), None
        with self.precision():
            seen = self.net.look(self.memory)
            self.score = self.scored(seen)
            return self.net.belief(self.memory, seen, torch.zeros_like(limits[..., 0])).float()

    @torch.no_grad()
    def step(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Look at views (B, 3). -> belief (B, N, D), reward (B,)."""
        c = self.net.config
        glimpse, taken = retina.sample(self.scenes, views, c.glimpse, c.spherical)
        with self.precision():
            self.memory = self.net.write(self.memory, glimpse, taken)
            seen = self.net.look(self.memory)
            score = self.scored(seen)
            belief = self.net.belief(self.memory, seen, taken)
        r = self.rewards
        reward = score - self.score - r.glimpse_size * taken[:, 2]
        if r.slew and self.taken is not None:
            aspect = c.width / c.height
            motion = slew_seconds(self.taken, taken, self.limits[:, 2, 1], c.spherical, self.fov, aspect)
            reward = reward - r.slew * motion
        self.score, self.taken = score, taken
        return belief.float(), r.per * reward

    def scored(self, seen: Seen) -> Tensor:
        """(B,) how good what is known now is; the greater, the better."""
        c, net = self.net.config, self.net
        if c.labels and self.maps is not None:
            logits = net.decode(self.memory, *seen.handed)["segmentation"]
            size = logits.shape[-2:]
            target = F.interpolate(self.maps[:, None].float(), size, mode="nearest-exact")[:, 0].long()
            target = torch.where(target < c.labels, target, VOID)
            off = F.cross_entropy(logits, target, ignore_index=VOID, reduction="none")
            return -10 * off.sum((1, 2)) / (target != VOID).sum((1, 2)).clamp(min=1)
        if c.classes and self.answers is not None:
            return -F.cross_entropy(net.classify(seen).float(), self.answers, reduction="none")
        drawn = net.draft(self.memory, *seen.handed)
        return -255 * (drawn.clamp(0, 1) - self.scenes).square().mean((1, 2, 3)).sqrt()
