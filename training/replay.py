"""The replay buffer of off-policy learning: the newest steps, on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from .glimpse_agent import ACTIONS


class Replay:
    """The newest steps: belief, limits, action, reward, next belief, whether the episode ended. Beliefs in half."""

    def __init__(self, size: int, slots: int, channels: int, device: torch.device) -> None:
        def room(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(size, *shape, dtype=dtype, device=device)

        self.belief, self.after = (room(slots, channels, dtype=torch.float16) for _ in range(2))
        self.limits, self.action = room(3, 2), room(ACTIONS)
        self.reward, self.ended = room(), room()
        self.count = self.next = 0

    def add(self, *steps: Tensor) -> None:
        """Each (B, ...), in the order of the class's sentence."""
        size = len(self.reward)
        where = (torch.arange(len(steps[0]), device=self.reward.device) + self.next) % size
        parts = (self.belief, self.limits, self.action, self.reward, self.after, self.ended)
        for part, values in zip(parts, steps, strict=True):
            part[where] = values.to(part.dtype)
        self.next = (self.next + len(where)) % size
        self.count = min(self.count + len(where), size)

    def draw(self, batch: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """A batch of steps, with replacement."""
        picks = torch.randint(self.count, (batch,), generator=generator).to(self.reward.device)
        parts = (self.belief, self.limits, self.action, self.reward, self.after, self.ended)
        return tuple(part[picks].float() for part in parts)
