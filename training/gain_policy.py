"""Look where the expected gain is greatest: the policy of the canvas model.

The belief holds, per cell, the error that the scene model expects now and the error that a look at each of a few
scales would still leave. What a view gains is the sum of their difference over its footprint; a small network learns
what the footprint does not tell (a look also teaches about its surroundings, and a poor guess may be confidently
wrong) from gains measured by looking: `training.gain`. Candidates are a grid of places at a few scales between the
camera's limits; footprints are products of box rows, so the graph is a handful of matrix products.

B batch, h x w belief cells (16 x 32), K detail scales, C candidate scales, Y x X candidate places (32 x 64).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import retina
from .canvas import BELIEF_CHANNELS, DETAIL_SCALES, Conv

CANDIDATE_SCALES = 6
PLACES = (32, 64)  # Y, X


class GainPolicy(nn.Module):
    """belief (B, h*w, D), limits (B, 3, 2) -> next_view (B, 3)."""

    grid_x: Tensor  # (X,)
    grid_y: Tensor  # (Y,)
    latitude: Tensor  # (1, 2, h, w): y and |y|

    def __init__(
        self, rows: int = 16, cols: int = 32, spherical: bool = True, aspect: float = 2.0, width: int = 24
    ) -> None:
        super().__init__()
        self.rows, self.cols, self.spherical, self.aspect = rows, cols, spherical, aspect
        inputs = BELIEF_CHANNELS + 2
        last = Conv(width, 2, spherical)
        for weight in last.parameters():  # starts as the belief's own expected gain
            nn.init.zeros_(weight)
        self.net = nn.Sequential(
            Conv(inputs, width, spherical), nn.ReLU(), Conv(width, width, spherical), nn.ReLU(),
            last,
        )  # fmt: skip
        y, x = PLACES
        grid_y = (torch.arange(y) + 0.5) / y * 2 - 1
        grid_x = (torch.arange(x) + 0.5) / x * 2 - 1
        self.register_buffer("grid_y", grid_y, persistent=False)
        self.register_buffer("grid_x", grid_x, persistent=False)
        lat = ((torch.arange(rows) + 0.5) / rows * 2 - 1)[None, None, :, None].expand(1, 1, rows, cols)
        self.register_buffer("latitude", torch.cat([lat, lat.abs()], 1).contiguous(), persistent=False)

    def maps(self, belief: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """now (B, 1, h, w), the squared error that a look would take away at most; left (B, K, h, w), what each
        detail scale leaves; bonus (B, 1, h, w), what a look at the cell is worth beyond."""
        b = belief.shape[0]
        grid = belief.transpose(1, 2).reshape(b, BELIEF_CHANNELS, self.rows, self.cols)
        errors = grid[:, :-1].square()
        learned = self.net(torch.cat([grid * 5.0, self.latitude.expand(b, -1, -1, -1)], 1))
        now = errors[:, :1] * torch.exp(learned[:, :1].clamp(-2, 2))
        return now, errors[:, 1:], learned[:, 1:] * 0.01

    def scales(self, limits: Tensor) -> Tensor:
        """(B, C) candidate s, geometric from the smallest to the largest."""
        low, high = limits[:, 2, 0].log(), limits[:, 2, 1].log()
        steps = torch.linspace(0, 1, CANDIDATE_SCALES, device=limits.device)
        return (low[:, None] + (high - low)[:, None] * steps).exp()

    def left_at(self, left: Tensor, s: Tensor) -> Tensor:
        """(B, 1, h, w): the error left at scale s (B,), between the detail scales by log s, none at 1/16."""
        position = (-torch.log2(s)).clamp(0, len(DETAIL_SCALES))  # 0 at s = 1, K at s = 1/16
        out = torch.zeros_like(left[:, :1])
        for k in range(len(DETAIL_SCALES)):
            weight = (1 - (position - k).abs()).clamp(min=0)
            out = out + weight[:, None, None, None] * left[:, k : k + 1]
        return out

    def room(self, s: Tensor) -> Tensor:
        """(B,): the largest |y| of a view of width s (B,) that stays on the canvas."""
        return (1 - s * self.aspect).clamp(min=0)

    def gains(self, belief: Tensor, limits: Tensor) -> tuple[Tensor, Tensor]:
        """-> gain (B, C, Y, X): squared error taken off the scene's mean; and the candidates' views (B, C, Y, X, 3)."""
        now, left, bonus = self.maps(belief)
        s_all = self.scales(limits)
        b, (ny, nx) = belief.shape[0], PLACES
        gains, views = [], []
        for c in range(CANDIDATE_SCALES):
            s = s_all[:, c]
            y = self.grid_y[None].expand(b, -1)
            y = torch.minimum(torch.maximum(y, -self.room(s)[:, None]), self.room(s)[:, None])
            y = torch.minimum(torch.maximum(y, limits[:, 1, 0, None]), limits[:, 1, 1, None])  # (B, Y)
            x = self.grid_x[None].expand(b, -1)
            if not self.spherical:
                x = torch.minimum(torch.maximum(x, (s - 1)[:, None]), (1 - s)[:, None])
            x = torch.minimum(torch.maximum(x, limits[:, 0, 0, None]), limits[:, 0, 1, None])  # (B, X)
            high = (s * self.aspect).clamp(max=1) * self.rows
            value = torch.relu(now - self.left_at(left, s)) + bonus
            by = self.box(y, self.rows, high, False)  # (B, Y, h)
            bx = self.box(x, self.cols, s * self.cols, self.spherical)  # (B, X, w)
            gains.append((by @ value[:, 0] @ bx.transpose(1, 2) / (self.rows * self.cols))[:, None])
            place = torch.stack([x[:, None, :].expand(b, ny, nx), y[:, :, None].expand(b, ny, nx)], -1)
            views.append(torch.cat([place, s[:, None, None, None].expand(b, ny, nx, 1)], -1)[:, None])
        return torch.cat(gains, 1), torch.cat(views, 1)

    def box(self, centres: Tensor, n: int, extent: Tensor, wraps: bool) -> Tensor:
        """(B, P, n): the share of each of n cells under a box of `extent` (B,) cells at centres (B, P) in [-1, 1]."""
        b, p = centres.shape
        start = (centres + 1) / 2 * n - extent[:, None] / 2
        return retina.inside(start.reshape(-1), extent[:, None].expand(b, p).reshape(-1), n, wraps).reshape(b, p, n)

    def forward(self, belief: Tensor, limits: Tensor) -> Tensor:
        gains, views = self.gains(belief, limits)
        best = gains.flatten(1).argmax(1)  # (B,)
        return views.flatten(1, 3).gather(1, best[:, None, None].expand(-1, 1, 3))[:, 0]
