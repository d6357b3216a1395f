"""A glimpse as one composite image, and the spatial memory that its features are written into.

Conventions are those of `retina`: the canvas has H x W pixels, a view (x, y, s) is the widest scale's box on it, x
wraps on a sphere. A feature map of stride d is a canvas of H/d x W/d cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from . import retina

SCALES = (1 / 3, 2 / 3, 1.0)  # of the widest, finest first: Seifi and Tuytelaars' retina
PIXELS = 16  # sensor pixels a side, each scale
SIDE = 48  # of the composite [px of the canvas]
HALF = 0.499  # share of a cell from which it counts as covered; rounding is not to decide halves
BORDER = 1e-3  # of a cell: what is so close to the next one counts to that; nor is it to decide borders


def look(scenes: Tensor, views: Tensor, wraps: bool) -> tuple[Tensor, Tensor]:
    """scenes (B, 3, H, W), views (B, 3) -> glimpses (B, S, 3, g, g), and the views where they were really taken."""
    _, taken = retina.sample(scenes, views, PIXELS * len(SCALES), wraps)  # on whole pixels, inside the canvas
    parts = []
    for scale in SCALES:
        view = taken * torch.tensor([1.0, 1.0, scale], device=taken.device)
        parts.append(retina.sample(scenes, view, PIXELS, wraps)[0])
    return torch.stack(parts, 1), taken


def composite(glimpse: Tensor, scales: Sequence[float] = SCALES) -> Tensor:
    """Glimpses (B, S, 3, g, g), finest first -> images (B, 3, n, n) with n = g / scales[0]: the coarser scales
    enlarged, the finer ones pasted over their middle.
    """
    g = int(glimpse.shape[-1])  # a tracer gives a tensor
    sides = [round(g * scale / scales[0]) for scale in scales]
    image = F.interpolate(glimpse[:, -1], (sides[-1], sides[-1]), mode="bilinear", align_corners=False)
    for k in range(len(scales) - 2, -1, -1):
        finer = F.interpolate(glimpse[:, k], (sides[k], sides[k]), mode="bilinear", align_corners=False)
        edge = (sides[-1] - sides[k]) // 2
        frame = (edge, sides[-1] - sides[k] - edge) * 2  # left, right, top, bottom
        image = image * (1 - F.pad(torch.ones_like(finer[:, :1]), frame)) + F.pad(finer, frame)
    return image


def cell_of(start: Tensor, extent: Tensor, size: int, n: int, wraps: bool) -> Tensor:
    """(B, n): which of `size` equal cells of [start, start + extent] holds the middle of pixel p of n; start, extent
    (B,) in pixels. Outside, the nearest.
    """
    offset = torch.arange(n, device=start.device, dtype=start.dtype)[None, :] + 0.5 - start[:, None]  # (B, n)
    if wraps:  # the branch nearest to the middle
        offset = offset - n * torch.floor((offset - extent[:, None] / 2) / n + 0.5)
    return torch.floor(offset / extent[:, None] * size + BORDER).clamp(0, size - 1).long()


def footprint(views: Tensor, height: int, width: int, wraps: bool) -> Tensor:
    """The share (B, 1, height, width) of each cell that the views (B, 3) cover."""
    left, top, w, h = retina.boxes(views, height, width)
    rows, cols = retina.inside(top, h, height, False), retina.inside(left, w, width, wraps)
    return (rows[:, :, None] * cols[:, None, :])[:, None]


def write(memory: Tensor, features: Tensor, views: Tensor, wraps: bool) -> Tensor:
    """memory (B, C, h, w) with features (B, C, k, k) of glimpses at views (B, 3); newer overwrite older ones.

    One step of `remember` as matrix products, which is what a graph of one step wants.
    """
    height, width = memory.shape[-2:]
    left, top, w, h = retina.boxes(views, height, width)
    size = features.shape[-1]
    cells = torch.arange(size, device=views.device)
    rows = (cell_of(top, h, size, height, False)[:, :, None] == cells).to(features.dtype)[:, None]  # (B, 1, h, k)
    cols = (cell_of(left, w, size, width, wraps)[:, :, None] == cells).to(features.dtype)[:, None]
    placed = rows @ features @ cols.transpose(-1, -2)  # (B, C, h, w)
    return torch.where(footprint(views, height, width, wraps) > HALF, placed, memory)


def remember(features: Sequence[Tensor], views: Sequence[Tensor], height: int, width: int, wraps: bool) -> Tensor:
    """The memory (B, C, height, width) after glimpses with features (B, C, k, k) each, in this order, at views (B, 3).

    Each cell is looked up once, in the newest glimpse that covers it: much less work than writing one after the other.
    """
    b, channels, size = features[0].shape[:3]
    source = torch.zeros(b, height, width, dtype=torch.long, device=views[0].device)  # 0: nothing was seen
    for t, view in enumerate(views):
        left, top, w, h = retina.boxes(view, height, width)
        rows, cols = cell_of(top, h, size, height, False), cell_of(left, w, size, width, wraps)
        place = 1 + t * size * size + rows[:, :, None] * size + cols[:, None, :]  # (B, h, w)
        source = torch.where(footprint(view, height, width, wraps)[:, 0] > HALF, place, source)
    seen = torch.stack([f.permute(0, 2, 3, 1) for f in features], 1).flatten(1, 3)  # (B, T * k * k, C)
    seen = torch.cat([torch.zeros_like(seen[:, :1]), seen], 1)
    first = torch.arange(b, device=source.device)[:, None, None] * seen.shape[1]
    return seen.flatten(0, 1)[source + first].permute(0, 3, 1, 2)  # channels last in memory, as convolutions like it
