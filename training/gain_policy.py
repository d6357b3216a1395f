"""Look where the expected gain is greatest: the policy of the canvas model.

The belief holds, per cell, the error e that the scene model expects now, the error d that a look at each of a few
scales would still leave, and how sharply the cell was seen. What a view is worth is a sum over its footprint of

    e^a * relu(1 - d(s) / e)^b * relu(sharpness(s) - seen)^c * exp(k |y|) * (1 - seen around)^p

plus w times the same sum over a box twice as wide, for a look also teaches about its surroundings. "Seen around" is the
share of a wide neighbourhood that was seen: looks spread out. The exponents are found by policy search
(`training.search`). Candidates are a grid of places at a few scales between the camera's
limits; footprints are products of box rows, so the graph is a handful of matrix products.

B batch, h x w belief cells (16 x 32), K detail scales, C candidate scales, Y x X candidate places (32 x 64).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import retina
from .canvas import BELIEF_CHANNELS, DETAIL_SCALES

CANDIDATE_SCALES = 6
PLACES = (32, 64)  # Y, X
EXPONENTS = ("a", "b", "c", "k", "w", "p")
START = (1.3, 0.6, 0.5, 0.0, 0.0, 0.3)
AROUND = 4  # cells on each side


class GainPolicy(nn.Module):
    """belief (B, h*w, D), limits (B, 3, 2) -> next_view (B, 3)."""

    grid_x: Tensor  # (X,)
    grid_y: Tensor  # (Y,)
    latitude: Tensor  # (1, h, 1): |y|

    def __init__(self, rows: int = 16, cols: int = 32, spherical: bool = True, aspect: float = 2.0) -> None:
        super().__init__()
        self.rows, self.cols, self.spherical, self.aspect = rows, cols, spherical, aspect
        self.exponents = nn.Parameter(torch.tensor(START))
        y, x = PLACES
        self.register_buffer("grid_y", (torch.arange(y) + 0.5) / y * 2 - 1, persistent=False)
        self.register_buffer("grid_x", (torch.arange(x) + 0.5) / x * 2 - 1, persistent=False)
        latitude = ((torch.arange(rows) + 0.5) / rows * 2 - 1).abs()
        self.register_buffer("latitude", latitude[None, :, None], persistent=False)

    def scales(self, limits: Tensor) -> Tensor:
        """(B, C) candidate s, geometric from the smallest to the largest."""
        low, high = limits[:, 2, 0].log(), limits[:, 2, 1].log()
        steps = torch.linspace(0, 1, CANDIDATE_SCALES, device=limits.device)
        return (low[:, None] + (high - low)[:, None] * steps).exp()

    def left_at(self, left: Tensor, s: Tensor) -> Tensor:
        """left (B, K, h, w) -> (B, h, w): the error left at scale s (B,), between the detail scales by log s."""
        position = (-torch.log2(s)).clamp(0, len(DETAIL_SCALES))  # 0 at s = 1, K at s = 1/16, where none is left
        out = torch.zeros_like(left[:, 0])
        for k in range(len(DETAIL_SCALES)):
            weight = (1 - (position - k).abs()).clamp(min=0)
            out = out + weight[:, None, None] * left[:, k]
        return out

    def value(self, belief: Tensor, s: Tensor) -> Tensor:
        """(B, h, w): what each cell adds to a view of width s (B,)."""
        a, b, c, k, _, p = self.exponents
        grid = belief.transpose(1, 2).unflatten(2, (self.rows, self.cols))  # (B, D, h, w)
        error, left, seen = grid[:, 0], grid[:, 1 : BELIEF_CHANNELS - 1], grid[:, -1]
        gain = (1 - self.left_at(left, s) / error.clamp(min=1e-4)).clamp(min=1e-3)
        news = (retina.sharpness(s)[:, None, None] - seen).clamp(min=1e-3)
        worth = error.clamp(min=1e-4) ** a * gain**b * news**c * torch.exp(k * self.latitude)
        return worth * (1 - self.around((seen > 0).to(seen.dtype))).clamp(min=1e-3) ** p

    def around(self, seen: Tensor) -> Tensor:
        """(B, h, w) -> the mean of seen (B, h, w) over AROUND cells on each side."""
        wide = torch.cat([seen[..., -AROUND:], seen, seen[..., :AROUND]], -1) if self.spherical else seen
        pad = (AROUND, 0 if self.spherical else AROUND)
        return F.avg_pool2d(wide[:, None], 2 * AROUND + 1, 1, pad, count_include_pad=False)[:, 0]

    def gains(self, belief: Tensor, limits: Tensor) -> tuple[Tensor, Tensor]:
        """-> gain (B, C, Y, X), in no unit; and the candidates' views (B, C, Y, X, 3)."""
        s_all = self.scales(limits)
        b, (ny, nx) = belief.shape[0], PLACES
        gains, views = [], []
        for c in range(CANDIDATE_SCALES):
            s = s_all[:, c]
            room = (1 - s * self.aspect).clamp(min=0)[:, None]  # the largest |y| that stays on the canvas
            y = torch.minimum(torch.maximum(self.grid_y[None].expand(b, -1), -room), room)
            y = torch.minimum(torch.maximum(y, limits[:, 1, 0, None]), limits[:, 1, 1, None])  # (B, Y)
            x = self.grid_x[None].expand(b, -1)
            if not self.spherical:
                x = torch.minimum(torch.maximum(x, (s - 1)[:, None]), (1 - s)[:, None])
            x = torch.minimum(torch.maximum(x, limits[:, 0, 0, None]), limits[:, 0, 1, None])  # (B, X)
            value = self.value(belief, s)
            total = self.under(value, x, y, s) + self.exponents[4] * self.under(value, x, y, (2 * s).clamp(max=1))
            gains.append(total[:, None])
            place = torch.stack([x[:, None, :].expand(b, ny, nx), y[:, :, None].expand(b, ny, nx)], -1)
            views.append(torch.cat([place, s[:, None, None, None].expand(b, ny, nx, 1)], -1)[:, None])
        return torch.cat(gains, 1), torch.cat(views, 1)

    def under(self, value: Tensor, x: Tensor, y: Tensor, s: Tensor) -> Tensor:
        """(B, Y, X): sums of value (B, h, w) under boxes of width s (B,) at x (B, X), y (B, Y)."""
        by = self.box(y, self.rows, (s * self.aspect).clamp(max=1) * self.rows, False)  # (B, Y, h)
        bx = self.box(x, self.cols, s * self.cols, self.spherical)  # (B, X, w)
        return by @ value @ bx.transpose(1, 2)

    def box(self, centres: Tensor, n: int, extent: Tensor, wraps: bool) -> Tensor:
        """(B, P, n): the share of each of n cells under a box of `extent` (B,) cells at centres (B, P) in [-1, 1]."""
        b, p = centres.shape
        start = (centres + 1) / 2 * n - extent[:, None] / 2
        return retina.inside(start.reshape(-1), extent[:, None].expand(b, p).reshape(-1), n, wraps).reshape(b, p, n)

    def forward(self, belief: Tensor, limits: Tensor) -> Tensor:
        gains, views = self.gains(belief, limits)
        best = gains.flatten(1).argmax(1)  # (B,)
        return views.flatten(1, 3).gather(1, best[:, None, None].expand(-1, 1, 3))[:, 0]
