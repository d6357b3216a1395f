"""Attention of the elastic scene model: among tokens, and between tokens and the map.

B batch, n tokens, N cells, d width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Pre-norm self-attention and MLP over tokens (B, n, d), with layer scale (the paper's encoder)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale1, self.scale2 = (nn.Parameter(torch.full((width,), 0.1)) for _ in range(2))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """mask (B, n): 1 where a slot is empty. -> tokens and who looked at whom (B, heads, n, n)."""
        b, n, d = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        logits = qkv[0] @ qkv[1].transpose(-1, -2) * (d // self.heads) ** -0.5
        if mask is not None:
            logits = logits - 1e4 * mask[:, None, None, :]
        weights = torch.softmax(logits, -1)  # (B, heads, n, n)
        x = x + self.scale1 * self.out((weights @ qkv[2]).transpose(1, 2).reshape(b, n, d))
        return x + self.scale2 * self.down(F.gelu(self.up(self.norm2(x)))), weights


class Cross(nn.Module):
    """x (B, n, d) attends to y (B, m, d) or to nothing; near ones count more, by a slope that each head learns."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_x, self.norm_y = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.keys, self.out = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.nothing = nn.Parameter(torch.zeros(1, 1, width))
        self.slope = nn.Parameter(torch.linspace(1.5, -2.0, heads))

    def forward(self, x: Tensor, y: Tensor, distance: Tensor) -> Tensor:
        """distance (B, n, m) as `apart` gives it. -> (B, n, d), to be added to x."""
        b, n, d = x.shape
        y = torch.cat([self.nothing.expand(b, 1, d), self.norm_y(y)], 1)  # (B, m + 1, d)
        q = self.query(self.norm_x(x)).reshape(b, n, self.heads, -1).transpose(1, 2)
        k, v = self.keys(y).reshape(b, y.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = F.pad(F.softplus(self.slope)[:, None, None] * (1 - distance[:, None]), (1, 0))  # (B, heads, n, m + 1)
        weights = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + bias, -1)
        return self.out((weights @ v).transpose(1, 2).reshape(b, n, d))


class Layer(nn.Module):
    """Glimpse tokens read from the map, think, and (where `writes`) write into it."""

    def __init__(self, width: int, heads: int, writes: bool) -> None:
        super().__init__()
        self.read, self.think = Cross(width, heads), Block(width, heads)
        self.write = Cross(width, heads) if writes else None
        if writes:
            self.norm = nn.LayerNorm(width)
            self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
            nn.init.zeros_(self.down.weight)

    def forward(self, tokens: Tensor, cells: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """tokens (B, n, d), cells (B, N, d), distance (B, N, n)."""
        tokens = tokens + self.read(tokens, cells, distance.transpose(1, 2))
        tokens, _ = self.think(tokens)
        if self.write is not None:
            cells = cells + self.write(cells, tokens, distance)
            cells = cells + self.down(F.gelu(self.up(self.norm(cells))))
        return tokens, cells
