"""What an episode has seen so far: features of its glimpses, from which the memories are read when they are needed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from . import spatial
from .gae_net import GaeConfig
from .resnet import STRIDES


@dataclass
class Seen:
    """The glimpses of an episode so far, from which its memories are read."""

    config: GaeConfig
    features: list[list[Tensor]]  # of each level, of each glimpse (B, C, k, k)
    views: list[Tensor]  # (B, 3); none: the features are the whole image's
    bottom: Tensor  # the coarsest memory (B, 4E, h, w)
    visited: Tensor  # share of each cell that was seen (B, 1, h, w)

    def add(self, features: tuple[Tensor, ...], view: Tensor) -> None:
        """One glimpse more."""
        for level, feature in zip(self.features, features, strict=True):
            level.append(feature)
        self.views.append(view)
        self.bottom = self.memory(3)
        with torch.no_grad():
            covered = spatial.footprint(view, *self.config.cells, self.config.spherical)
            self.visited = torch.maximum(self.visited, covered)

    def memory(self, level: int) -> Tensor:
        """(B, C, H / stride, W / stride) of a level, 0 the finest."""
        c, stride = self.config, STRIDES[level]
        if not self.views:
            return self.features[level][0]
        return spatial.remember(self.features[level], self.views, c.height // stride, c.width // stride, c.spherical)

    def finer(self) -> tuple[Tensor, ...]:
        """The three memories that a decoder reads."""
        return tuple(self.memory(level) for level in range(3))

    def hint(self, attention: Tensor, weight: float) -> Tensor:
        """Zeros (B, 1, h, w) through which attention hears what it would be worth to see more of each cell.

        Added to the memories as a share of the whole image's features there, they change nothing; but the task's
        gradient that reaches them is what a look at a cell would gain, and goes on into the attention to that cell,
        relative to that to all unvisited ones.
        """
        share = attention * (1 - self.visited)
        share = weight * share / share.sum((2, 3), keepdim=True).clamp(min=1e-6)
        return share - share.detach()
