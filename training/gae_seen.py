"""What an episode has seen so far: features of its glimpses, from which the memories are read when they are needed."""

from __future__ import annotations

from dataclasses import dataclass

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

    def add(self, features: tuple[Tensor, ...], view: Tensor) -> None:
        """One glimpse more."""
        for level, feature in zip(self.features, features, strict=True):
            level.append(feature)
        self.views.append(view)
        self.bottom = self.memory(3)

    def memory(self, level: int) -> Tensor:
        """(B, C, H / stride, W / stride) of a level, 0 the finest."""
        c, stride = self.config, STRIDES[level]
        if not self.views:
            return self.features[level][0]
        return spatial.remember(self.features[level], self.views, c.height // stride, c.width // stride, c.spherical)

    def finer(self) -> tuple[Tensor, ...]:
        """The three memories that a decoder reads."""
        return tuple(self.memory(level) for level in range(3))
