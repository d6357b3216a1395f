"""What lies under a look, and what the scene model expects it to gain: what the critics of AdaGlimpse see of an action.

B batch, P views, N slots, D channels of the belief, h x w fine cells, E channels of a fine cell but the sharpness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from . import retina
from .canvas import DETAIL_SCALES
from .elastic_vit import CELL, FINE

if TYPE_CHECKING:
    from .glimpse_agent import AgentConfig

SUB = (CELL // FINE) ** 2  # fine cells in a cell
AROUND = 2.0  # a critic also looks at a box so many times as wide
FOOTPRINT = 2  # boxes


def fine_maps(belief: Tensor, config: AgentConfig) -> Tensor:
    """belief (B, N, D) -> the fine cells' channels (B, E + 1, h, w)."""
    maps = belief[..., : SUB * config.channels].transpose(1, 2).unflatten(2, (config.rows, config.cols))
    return F.pixel_shuffle(maps, CELL // FINE)


def shares(centre: Tensor, extent: Tensor, n: int, wraps: bool) -> Tensor:
    """centre, extent (B, P) in units of the scene frame -> (B, P, n): the share of each of n cells under the box."""
    b, p = centre.shape
    start = (centre + 1 - extent) / 2 * n
    return retina.inside(start.flatten(), (extent * n).flatten(), n, wraps).reshape(b, p, n)


def footprint(views: Tensor, belief: Tensor, config: AgentConfig) -> Tensor:
    """views (B, P, 3) -> (B, P, F): what lies under each, and under a box twice as wide.

    Means over the box of every channel; how much of the scene's expected squared error a look would take away, from the
    errors left at the detail scales, interpolated by log s; and what that is of the expected RMSE.
    """
    maps = fine_maps(belief, config)  # (B, E + 1, h, w)
    rows, cols = maps.shape[-2:]
    s, levels = views[..., 2], len(DETAIL_SCALES)
    now, left = maps[:, 0].square(), maps[:, 1 : 1 + levels].square()
    total = now.mean((1, 2))[:, None]  # (B, 1)
    parts = []
    for k in range(FOOTPRINT):
        wide = (s * AROUND**k).clamp(max=1)
        by = shares(views[..., 1], (wide * config.aspect).clamp(max=1), rows, False)  # (B, P, h)
        bx = shares(views[..., 0], wide, cols, config.spherical)  # (B, P, w)
        fresh = torch.cat([maps, (maps[:, -1:] <= 0).to(maps.dtype)], 1)
        cells = (by.sum(2) * bx.sum(2)).clamp(min=1e-3)
        mean = torch.einsum("bph,bchw,bpw->bpc", by, fresh, bx) / cells[..., None]
        gains = (now[:, None] - left).clamp(min=0)  # (B, K, h, w)
        gain = torch.einsum("bph,bkhw,bpw->bpk", by, gains, bx) / (rows * cols)  # of the scene's mean squared error
        full = torch.einsum("bph,bhw,bpw->bp", by, now, bx)[..., None] / (rows * cols)
        gain = torch.cat([gain, full], -1)  # at s = 1, 1/2, 1/4, 1/8, 1/16
        position = (-torch.log2(s)).clamp(0, levels)[..., None]
        weight = (1 - (position - torch.arange(levels + 1, device=s.device)).abs()).clamp(min=0)
        expected = (weight * gain).sum(-1).clamp(min=1e-8)  # the root of 0 has no gradient
        drop = total.clamp(min=1e-8).sqrt() - (total - expected).clamp(min=1e-8).sqrt()
        parts += [
            mean,
            (cells / (rows * cols)).sqrt()[..., None],
            10 * drop[..., None],
            10 * expected.sqrt()[..., None],
        ]
    return torch.cat([*parts, total.sqrt().expand_as(s)[..., None]], -1)


def footprint_channels(config: AgentConfig) -> int:
    """F of `footprint`."""
    return FOOTPRINT * (config.channels + 1 + 3) + 1
