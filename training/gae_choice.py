"""From attention to the next fixation (Seifi et al., section 3.4): the greatest attention where nothing was seen.

A glimpse covers WINDOW x WINDOW cells. The paper takes the one unvisited cell with the greatest attention, and its code
makes that the window's top left, so that the cell lands in the blurred corner; here it is the centre unless asked for.
By default the window counts: the one that covers most attention not yet visited, which keeps windows from overlapping.
Masked cells are minus infinity, so that no tie sends the camera to cell 0.
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


def window_scores(attention: Tensor, visited: Tensor, wraps: bool) -> Tensor:
    """attention, visited (B, 1, h, w) -> (B, 1, h - 2, w - 2), x kept whole where it wraps: unvisited attention under
    the window around each cell that can be a centre.
    """
    value = attention * (1 - visited)
    if wraps:
        value = torch.cat([value[..., -1:], value, value[..., :1]], -1)
    return F.avg_pool2d(value, WINDOW, 1)


def choose(
    attention: Tensor, visited: Tensor, wraps: bool, choice: str = "window", anchor: str = "center"
) -> tuple[Tensor, Tensor]:
    """-> x, y (B,) of the next glimpse's centre, so that it lies on whole cells inside the canvas."""
    rows, cols = attention.shape[-2:]
    if choice == "window":
        scores = window_scores(attention, visited, wraps)
        best, across = scores.flatten(1).argmax(1), scores.shape[-1]
        row, col = best // across + 1, best % across + (0 if wraps else 1)
    else:
        free = visited < SEEN
        free = free | ~free.flatten(1).any(1)[:, None, None, None]  # all was visited: everything is open again
        best = attention.masked_fill(~free, float("-inf")).flatten(1).argmax(1)
        shift = WINDOW // 2 if anchor == "topleft" else 0
        row, col = best // cols + shift, best % cols + shift
        row = row.clamp(1, rows - 2)
        col = col % cols if wraps else col.clamp(1, cols - 2)
    return (col + 0.5) / cols * 2 - 1, (row + 0.5) / rows * 2 - 1
