"""Torch twin of `glimpse_ros.core.retina`: batched, separable, exact for whole-pixel boxes.

A glimpse of a scene is R_y @ scene @ R_x^T with area-averaging rows, and pasting it back is A_y @ glimpse @ A_x^T with
bicubic rows (OpenCV's a = -0.75). Both are matrix products, so they run fast on any device, need no gather, and export
to plain ONNX. Conventions are those of the core module; x always wraps when `wraps`.
"""

from __future__ import annotations

import torch
from torch import Tensor

CUBIC_A = -0.75  # OpenCV's INTER_CUBIC
SHARPEST_S = 1.0 / 16.0  # as in core.memory


def sharpness(s: Tensor) -> Tensor:
    """As `core.memory.sharpness`, elementwise."""
    return ((1.0 - torch.log2(s)) / (1.0 - torch.log2(torch.tensor(SHARPEST_S)))).clamp(0.05, 1.0)


def snap(views: Tensor, height: int, width: int, glimpse: int, wraps: bool) -> Tensor:
    """Views (B, 3) as (x, y, s) -> the views (B, 3) of their whole-pixel boxes, moved inside the canvas ("clamp")."""
    w = (views[:, 2] * width).round().clamp(glimpse, width)
    h = w.clamp(max=height)
    left = ((views[:, 0] + 1) / 2 * width - w / 2).round()
    left = left % width if wraps else torch.minimum(left.clamp(min=0), width - w)
    top = ((views[:, 1] + 1) / 2 * height - h / 2).round()
    top = torch.minimum(top.clamp(min=0), height - h)
    x = (left + w / 2) / width * 2 - 1
    x = (x + 1) % 2 - 1 if wraps else x
    return torch.stack([x, (top + h / 2) / height * 2 - 1, w / width], 1)


def boxes(views: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """left, top, w, h (B,), in pixels of a height x width canvas; fractional where the view is."""
    w = views[:, 2] * width
    h = w.clamp(max=height)
    return (views[:, 0] + 1) / 2 * width - w / 2, (views[:, 1] + 1) / 2 * height - h / 2, w, h


def area_rows(start: Tensor, extent: Tensor, size: int, n: int, wraps: bool) -> Tensor:
    """(B, size, n): row i averages the canvas pixels under cell i of `size` equal cells of [start, start + extent]."""
    cell = (extent / size)[:, None, None]
    low = start[:, None, None] + torch.arange(size, device=start.device)[None, :, None] * cell  # (B, size, 1)
    pixel = torch.arange(n, device=start.device)[None, None, :]  # (1, 1, n)
    weights = torch.zeros(len(start), size, n, device=start.device)
    for k in (-n, 0, n) if wraps else (0,):
        covered = torch.minimum(low + cell, pixel + 1 + k) - torch.maximum(low, (pixel + k).to(low.dtype))
        weights = weights + covered.clamp(min=0)
    return weights / cell


def cubic_rows(start: Tensor, extent: Tensor, size: int, n: int, wraps: bool) -> Tensor:
    """(B, n, size): row p interpolates the glimpse at canvas pixel p; only rows inside the box mean anything."""
    pixel = torch.arange(n, device=start.device, dtype=start.dtype)[None, :]
    offset = pixel + 0.5 - start[:, None]  # (B, n) pixels from the box's left edge
    if wraps:  # the branch nearest to the box's middle
        half = extent[:, None] / 2
        offset = offset - n * torch.floor((offset - half) / n + 0.5)
    u = (offset / extent[:, None] * size - 0.5).clamp(-1.0, size * 1.0)  # (B, n) in glimpse pixels
    tap = torch.arange(-3, size + 3, device=start.device, dtype=start.dtype)  # beyond the edge: repeated
    d = (u[:, :, None] - tap).abs()  # (B, n, size + 6)
    near = ((CUBIC_A + 2) * d - (CUBIC_A + 3)) * d * d + 1
    far = ((CUBIC_A * d - 5 * CUBIC_A) * d + 8 * CUBIC_A) * d - 4 * CUBIC_A
    weights = torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))
    first = weights[:, :, :4].sum(2, keepdim=True)
    last = weights[:, :, -4:].sum(2, keepdim=True)
    return torch.cat([first, weights[:, :, 4:-4], last], 2)  # (B, n, size)


def inside(start: Tensor, extent: Tensor, n: int, wraps: bool) -> Tensor:
    """(B, n): the share of each canvas pixel that lies in [start, start + extent]."""
    pixel = torch.arange(n, device=start.device, dtype=start.dtype)[None, :]
    offset = pixel + 0.5 - start[:, None] - extent[:, None] / 2
    if wraps:
        offset = offset - n * torch.floor(offset / n + 0.5)
    return (extent[:, None] / 2 - offset.abs() + 0.5).clamp(0, 1)


def sample(scenes: Tensor, views: Tensor, size: int, wraps: bool) -> tuple[Tensor, Tensor]:
    """scenes (B, 3, H, W), views (B, 3) -> glimpses (B, 3, size, size) and the views where they were really taken."""
    height, width = scenes.shape[-2:]
    taken = snap(views, height, width, size, wraps)
    left, top, w, h = boxes(taken, height, width)
    rows = area_rows(top, h, size, height, False)  # (B, size, H)
    cols = area_rows(left, w, size, width, wraps)  # (B, size, W)
    return rows[:, None] @ scenes @ cols[:, None].transpose(-1, -2), taken


def paste(glimpses: Tensor, views: Tensor, height: int, width: int, wraps: bool) -> tuple[Tensor, Tensor]:
    """glimpses (B, C, g, g) at views (B, 3) -> bicubic (B, C, H, W), and each pixel's covered share (B, 1, H, W)."""
    size = glimpses.shape[-1]
    left, top, w, h = boxes(views, height, width)
    rows = cubic_rows(top, h, size, height, False)  # (B, H, size)
    cols = cubic_rows(left, w, size, width, wraps)  # (B, W, size)
    covered = inside(top, h, height, False)[:, None, :, None] * inside(left, w, width, wraps)[:, None, None, :]
    return rows[:, None] @ glimpses @ cols[:, None].transpose(-1, -2), covered
