"""Labels of what the canvas draws: a ResNet over the picture, so that what a place is follows from what it looks like.

Read off the decoder's own features, labels were right where training had been and nowhere else: those features know
the scenes too well. A convolutional network with batch norms sees nothing but the picture, and carries over to other
streets. Its gradient stays with it: the picture remains a reconstruction.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .gae_net import Plain, Up
from .resnet import ResNet

CODE = 96  # channels of what the decoder starts from


class Segmenter(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1], sides multiples of 16 -> logits (B, labels, H, W)."""

    def __init__(self, labels: int, wraps: bool, width: int = 64) -> None:
        super().__init__()
        inner = 3 * width // 4
        self.encoder = ResNet(width)
        self.reduce = nn.Sequential(nn.Conv2d(4 * width, CODE, 1, bias=False), nn.BatchNorm2d(CODE), nn.ReLU())
        sizes = (CODE, 2 * inner, inner, inner)
        self.ups = nn.ModuleList(Up(a, b, wraps) for a, b in zip(sizes, sizes[1:], strict=False))
        skips = self.encoder.channels[2::-1]
        self.levels = nn.ModuleList(Plain(b + c, b, wraps) for b, c in zip(sizes[1:], skips, strict=True))
        self.out = nn.Conv2d(inner, labels, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        *skips, bottom = self.encoder(picture)
        x = self.reduce(bottom)  # (B, CODE, H/16, W/16)
        for up, level, skip in zip(self.ups, self.levels, skips[::-1], strict=True):
            x = level(torch.cat([up(x), skip], 1))
        return F.interpolate(self.out(x).float(), scale_factor=2.0, mode="bilinear")  # (B, labels, H, W)
