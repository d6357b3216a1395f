"""The agent for the memory `tokens`: the state of AdaGlimpse (Pardyl et al., ECCV 2024, section 3.2 and its code).

A slot is a token: its patch through a small CNN, where it lies, how much it counts, its latent. Each kind is encoded by
itself, attention pools over the slots that are filled, and the critics see the state and the action, nothing of the
scene's map. Ours: group norms (a batch norm mixes empty slots in), and the camera's limits beside the state. Actions
are places in the scene, as in the paper, not steps from the last view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from .elastic_tokens import HIDDEN
from .elastic_vit import ElasticConfig
from .glimpse_agent import AgentConfig, agent_config, ranges


@dataclass(frozen=True)
class TokenAgentConfig(AgentConfig):
    """Sizes of the agent; `channels` is 0, there is no map."""

    patch: int = 16  # [px]
    follows: ClassVar[bool] = False

    def pool(self) -> nn.Module:
        return TokenPool(self)


def agent_for(
    scene: ElasticConfig, width: int = 32, hidden: int = 128, blind: bool = False, **rewards: float
) -> AgentConfig:
    """The agent for a scene model, whatever its memory; rewards: as `glimpse_env.Rewards`. Over tokens the critics are
    always blind, and know none of them."""
    if scene.memory != "tokens":
        return agent_config(scene, width, hidden, blind, **rewards)
    rows, cols = scene.cells
    latents = scene.dims[0]
    return TokenAgentConfig(
        rows, cols, 0, latents, scene.spherical, width, hidden=hidden, blind=True, patch=scene.patch
    )


class PatchNet(nn.Module):
    """Patches (..., 3, p, p) in [0, 1] -> (..., 32)."""

    def __init__(self, patch: int) -> None:
        super().__init__()
        size, padding = (5, 0) if patch >= 16 else (3, 1)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, size, padding=padding), nn.GroupNorm(1, 8), nn.GELU(), nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(8, 32, size, padding=padding), nn.GroupNorm(4, 32), nn.GELU(),
        )  # fmt: skip

    def forward(self, patches: Tensor) -> Tensor:
        return self.layers(2 * patches.flatten(0, -4) - 1).amax((2, 3)).unflatten(0, patches.shape[:-3])


class TokenPool(nn.Module):
    """belief (B, S, D) of the tokens, limits (B, 3, 2) -> state (B, hidden), by attention over the slots."""

    def __init__(self, config: TokenAgentConfig) -> None:
        super().__init__()
        self.config = config
        self.patches = PatchNet(config.patch)
        kinds = (32, 4, 1, config.latents)
        self.encoders = nn.ModuleList(
            nn.Sequential(nn.Linear(n, config.width), nn.LayerNorm(config.width), nn.GELU()) for n in kinds
        )
        joint = max(2 * config.width // config.heads, 1) * config.heads
        self.mix = nn.Sequential(nn.Linear(len(kinds) * config.width, joint), nn.LayerNorm(joint), nn.GELU())
        self.logits = nn.Sequential(nn.Linear(joint, joint), nn.GELU(), nn.Linear(joint, config.heads))
        self.out = nn.Sequential(nn.Linear(joint + 4, config.hidden), nn.LayerNorm(config.hidden), nn.GELU())

    def forward(self, belief: Tensor, limits: Tensor) -> Tensor:
        c, pixels = self.config, 3 * self.config.patch**2
        sizes = (pixels, 4, 1, 1, c.latents)
        patches, boxes, importance, mask, latent = belief.split(sizes, -1)
        patches = self.patches(patches.unflatten(2, (3, c.patch, c.patch)))
        kinds = (patches, boxes, importance, latent)
        slots = self.mix(torch.cat([code(part) for code, part in zip(self.encoders, kinds, strict=True)], -1))
        # Nothing seen: every slot is masked, and the pool is zero, not a mean of emptiness.
        weights = torch.softmax(self.logits(slots) - HIDDEN * mask, 1) * (1 - mask)  # (B, S, heads)
        split = slots.unflatten(2, (c.heads, -1))  # (B, S, heads, joint / heads)
        pooled = (weights[..., None] * split).sum(1).flatten(1)  # (B, joint)
        return self.out(torch.cat([pooled, ranges(limits)], -1))
