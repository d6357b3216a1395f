"""Parts of the canvas's networks, which close like a panorama where they are told to.

B batch, C channels, h x w pixels.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Wrap(torch.autograd.Function):
    """A column of the other side on each side: (..., w) -> (..., w + 2). Slicing does the same, and takes a fifth of a
    training step for its gradient, a whole map for every slice.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.cat([x[..., -1:], x, x[..., :1]], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        padded = gradients[0]
        inner = padded[..., 1:-1].clone(memory_format=torch.preserve_format)
        inner[..., -1] += padded[..., 0]
        inner[..., 0] += padded[..., -1]
        return inner


def wrapped(x: Tensor, columns: int = 1) -> Tensor:
    """(..., w) -> (..., w + 2 * columns), closed like a panorama."""
    if columns == 1 and x.requires_grad and torch.is_grad_enabled():
        return Wrap.apply(x)
    return torch.cat([x[..., -columns:], x, x[..., :columns]], -1)


class Conv(nn.Module):
    """3 x 3 convolution that wraps in x on a sphere and pads zeros elsewhere."""

    def __init__(self, inputs: int, outputs: int, wraps: bool) -> None:
        super().__init__()
        self.wraps = wraps
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=(1, 0) if wraps else 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(wrapped(x) if self.wraps else x)


class Entry(Conv):
    """`Conv` of what `pixel_unshuffle` by 2 makes of x: (B, C, h, w) -> (B, outputs, h / 2, w / 2).

    As one convolution of 6 x 6: ONNX Runtime moves pixels into channels in a quarter of the time of the sums.
    """

    def __init__(self, inputs: int, outputs: int, wraps: bool) -> None:
        super().__init__(4 * inputs, outputs, wraps)

    def forward(self, x: Tensor) -> Tensor:
        kernel = F.pixel_shuffle(self.conv.weight, 2)  # (outputs, C, 6, 6)
        if self.wraps:
            return F.conv2d(wrapped(x, 2), kernel, self.conv.bias, stride=2, padding=(2, 0))
        return F.conv2d(x, kernel, self.conv.bias, stride=2, padding=2)


class Join(nn.Conv2d):
    """A convolution of 1 x 1 over coarse features (B, a, h, w), doubled, and fine ones (B, b, 2h, 2w), side by side.

    The coarse ones are doubled last, and so summed a quarter as often.
    """

    def __init__(self, coarse: int, fine: int, outputs: int) -> None:
        super().__init__(coarse + fine, outputs, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:  # type: ignore[override]
        parts = self.weight.split([coarse.shape[1], fine.shape[1]], 1)
        return doubled(F.conv2d(coarse, parts[0])) + F.conv2d(fine, parts[1], self.bias)


class Residual(nn.Module):
    """x + conv(relu(norm(conv(relu(norm(x)))))); starts as the identity. The norms are optional."""

    def __init__(self, channels: int, wraps: bool, groups: int = 0) -> None:
        super().__init__()
        self.first, self.second = Conv(channels, channels, wraps), Conv(channels, channels, wraps)
        self.norm1 = nn.GroupNorm(groups, channels) if groups else nn.Identity()
        self.norm2 = nn.GroupNorm(groups, channels) if groups else nn.Identity()
        nn.init.zeros_(self.second.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.norm2(self.first(F.relu(self.norm1(x))))))


class Attention(nn.Module):
    """Pre-norm self-attention and MLP over the cells of a small map (B, C, h, w); starts as the identity."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.up, self.down = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.attend(x)[0]

    def attend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-> the map, and who looked at whom: (B, heads, h*w, h*w)."""
        b, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)  # (B, h*w, C)
        qkv = self.qkv(self.norm1(tokens)).reshape(b, h * w, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]  # (B, heads, h*w, C/heads)
        weights = torch.softmax(q @ k.transpose(-1, -2) * (c // self.heads) ** -0.5, -1)
        tokens = tokens + self.out((weights @ v).transpose(1, 2).reshape(b, h * w, c))
        tokens = tokens + self.down(F.gelu(self.up(self.norm2(tokens))))
        return tokens.transpose(1, 2).reshape(b, c, h, w), weights


def doubled(x: Tensor) -> Tensor:
    """Nearest-neighbour upsampling by 2; the following convolution smooths it."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
