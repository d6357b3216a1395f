"""From attention to the next fixation (Seifi et al., section 3.4): the greatest attention where nothing was seen.

A glimpse covers WINDOW x WINDOW cells. The paper takes the one unvisited cell with the greatest attention, and its code
makes that the window's top left, so that the cell lands in the blurred corner; here it is the centre unless asked for.
By default the window counts: the one that covers most attention not yet visited, which keeps windows from overlapping.
Masked cells are minus infinity, so that no tie sends the camera to cell 0; where nothing new is left, attention alone
decides. Training and the exported policy share these functions.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .gae_net import CELL
from .spatial import SIDE

WINDOW = SIDE // CELL  # cells
CHOICES = ("window", "cell")
ANCHORS = ("center", "topleft")
SEEN = 0.5  # share of a cell from which it counts as visited
LEFT = 1e-4  # share of the greatest attention under a window below which nothing new is there


def window_scores(attention: Tensor, visited: Tensor, wraps: bool) -> Tensor:
    """attention, visited (B, 1, h, w) -> (B, 1, h - 2, w - 2), x kept whole where it wraps: unvisited attention under
    the window around each cell that can be a centre.
    """
    value = attention * (1 - visited)
    if wraps:
        value = torch.cat([value[..., -1:], value, value[..., :1]], -1)
    return F.avg_pool2d(value, WINDOW, 1)


def scores(attention: Tensor, visited: Tensor, wraps: bool, choice: str, allowed: Tensor | None = None) -> Tensor:
    """attention, visited (B, 1, h, w) -> (B, n): what a look at each of `places` is worth; minus infinity where not.

    allowed: (1, n) or (B, n), places that can be looked at; none: all. Where all of them was seen, it is open again.
    """
    if choice == "window":
        every = window_scores(attention, torch.zeros_like(visited), wraps).flatten(1)
        fresh = window_scores(attention, visited, wraps).flatten(1)
        allowed = torch.ones_like(every, dtype=torch.bool) if allowed is None else allowed
        left = fresh.masked_fill(~allowed, 0).amax(1, keepdim=True) > LEFT * every.amax(1, keepdim=True)
        return torch.where(left, fresh, every).masked_fill(~allowed, float("-inf"))
    free = visited.flatten(1) < SEEN
    allowed = torch.ones_like(free) if allowed is None else allowed
    free = free & allowed
    free = free | (allowed & ~free.any(1, keepdim=True))
    return attention.flatten(1).masked_fill(~free, float("-inf"))


def places(rows: int, cols: int, wraps: bool, choice: str, anchor: str) -> Tensor:
    """(n, 2): x and y of the centres that can be chosen, row by row, so that glimpses lie on whole cells inside."""
    row, col = torch.arange(rows), torch.arange(cols)
    if choice == "window":
        row, col = row[1:-1], col if wraps else col[1:-1]
    elif anchor == "topleft":
        row, col = row + WINDOW // 2, col + WINDOW // 2
    row = row.clamp(1, rows - 2)
    col = col % cols if wraps else col.clamp(1, cols - 2)
    y, x = torch.meshgrid((row + 0.5) / rows * 2 - 1, (col + 0.5) / cols * 2 - 1, indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)


def choose(
    attention: Tensor, visited: Tensor, wraps: bool, choice: str = "window", anchor: str = "center"
) -> tuple[Tensor, Tensor]:
    """-> x, y (B,) of the next glimpse's centre."""
    rows, cols = attention.shape[-2:]
    at = places(rows, cols, wraps, choice, anchor).to(attention.device)
    x, y = at[scores(attention, visited, wraps, choice).argmax(1)].unbind(1)
    return x, y
