"""Where tokens lie: their boxes in the scene, a continuous code of the corners, how far apart two boxes are.

Boxes are (x0, y0, x1, y1) in the scene frame, x right and y down in [-1, 1]; on a sphere x wraps. B batch, n tokens.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def corner_code(boxes: Tensor, width: int, cells: tuple[int, int], wraps: bool) -> Tensor:
    """boxes (B, n, 4) as (x0, y0, x1, y1) in the scene frame -> (B, n, width): sines and cosines of each corner.

    Wavelengths run from the whole scene down to half a cell; on a sphere those of x divide the circle, so that the code
    closes on itself (the paper's, section 3.1, is of pixels and does not).
    """
    count, parts = width // 8, []
    for axis, n in ((0, cells[1]), (1, cells[0])):
        low = 1.0 if wraps and axis == 0 else 0.5
        waves = torch.logspace(math.log2(low), math.log2(2 * n), count, base=2.0, device=boxes.device)
        if wraps and axis == 0:
            waves = waves.round()
        for corner in (axis, axis + 2):
            angle = math.pi * boxes[..., corner, None] * waves  # (B, n, count)
            parts += [angle.sin(), angle.cos()]
    return torch.cat(parts, -1)


def token_boxes(views: Tensor, grid: int, aspect: float) -> Tensor:
    """views (B, 3) -> (B, g * g, 4): corners (x0, y0, x1, y1) of the tokens, row by row; aspect is W / H."""
    half = torch.stack([views[:, 2], (views[:, 2] * aspect).clamp(max=1)], 1)  # (B, 2)
    edge = torch.linspace(-1, 1, grid + 1, device=views.device)
    x = views[:, 0, None] + half[:, 0, None] * edge  # (B, g + 1)
    y = views[:, 1, None] + half[:, 1, None] * edge
    b, n = len(views), grid * grid
    x0, x1 = (part[:, None, :].expand(b, grid, grid).reshape(b, n) for part in (x[:, :-1], x[:, 1:]))
    y0, y1 = (part[:, :, None].expand(b, grid, grid).reshape(b, n) for part in (y[:, :-1], y[:, 1:]))
    return torch.stack([x0, y0, x1, y1], -1)


def cell_boxes(rows: int, cols: int) -> Tensor:
    """(1, rows * cols, 4): corners of the map's cells, row by row."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(cols), indexing="ij")
    x0, y0 = x.flatten() / cols * 2 - 1, y.flatten() / rows * 2 - 1
    return torch.stack([x0, y0, x0 + 2 / cols, y0 + 2 / rows], -1)[None]


def apart(a: Tensor, b: Tensor, wraps: bool) -> Tensor:
    """boxes (B, n, 4), (B, m, 4) -> (B, n, m): how far apart, squared; 0 concentric, 1 where they touch at a side."""
    centre = (a[:, :, None, :2] + a[:, :, None, 2:] - b[:, None, :, :2] - b[:, None, :, 2:]) / 2  # (B, n, m, 2)
    reach = (a[:, :, None, 2:] - a[:, :, None, :2] + b[:, None, :, 2:] - b[:, None, :, :2]) / 2
    x = centre[..., 0]
    x = x - 2 * torch.floor(x / 2 + 0.5) if wraps else x
    return (x / reach[..., 0]).square() + (centre[..., 1] / reach[..., 1]).square()
