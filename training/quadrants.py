"""A coarse look at the whole scene, and which of its quadrants is worth a glimpse: the top-down half of top_down.py.

Quadrants are numbered row by row: 0 top left, 1 top right, 2 bottom left, 3 bottom right.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glimpse_ros.core.types import GlimpseError

KERNEL, STRIDE, BORDER = 8, 5, 2  # [px] of the overview


class QNet(nn.Module):
    """Values of the quadrants: a convolution and a linear layer a quadrant, shared, then one linear layer over all."""

    def __init__(self, height: int, width: int, channels: int = 16, features: int = 32) -> None:
        """For overviews of height x width pixels. Raises GlimpseError where they cannot be cut into quadrants."""
        super().__init__()
        if height % 2 or width % 2 or min(height, width) < 2 * (KERNEL - BORDER):
            least = 2 * (KERNEL - BORDER)
            raise GlimpseError(f"overview of {height} x {width} px: expected even sides of at least {least}")
        self.conv = nn.Conv2d(1, channels, KERNEL, STRIDE, BORDER)
        rows, cols = ((side // 2 + 2 * BORDER - KERNEL) // STRIDE + 1 for side in (height, width))
        self.region = nn.Linear(channels * rows * cols, features)
        self.values = nn.Linear(4 * features, 4)

    def forward(self, overview: Tensor) -> Tensor:
        """Overviews (B, 1 or 3, height, width) in [0, 1], colours averaged -> the quadrants' values (B, 4)."""
        grey = overview.mean(1)  # (B, height, width)
        b, h, w = grey.shape
        regions = grey.view(b, 2, h // 2, 2, w // 2).transpose(2, 3).reshape(4 * b, 1, h // 2, w // 2)
        seen = torch.relu(self.conv(regions)).flatten(1)
        return self.values(torch.relu(self.region(seen)).view(b, -1)).float()


def overview_of(scenes: Tensor) -> Tensor:
    """Scenes (B, side, side) on 0-255, side even -> (B, 1, side / 2, side / 2) in [0, 1].

    Means of 2 x 2 pixels, as OpenCV's INTER_AREA; by slices, for torch's pooling takes ten times as long on a CPU.
    """
    rows = scenes[:, 0::2] + scenes[:, 1::2]
    return ((rows[..., 0::2] + rows[..., 1::2]) / (4 * 255))[:, None]


def centre(quadrant: Tensor) -> Tensor:
    """Quadrants (...) -> their centres (..., 2) = (x, y) in [-1, 1]."""
    return torch.stack([quadrant % 2, quadrant // 2], -1) - 0.5


def start_view(q: Tensor) -> Tensor:
    """Values (B, 4) of the quadrants -> the best one's centre (B, 2) = (x, y) in [-1, 1]."""
    return centre(q.argmax(-1))
