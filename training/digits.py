"""Batches of digit scenes, made on the device: the protocol of `glimpse_ros.datasets.mnist`, on training digits.

Every random number of a batch is drawn at once from one generator; what is built of it may be a slice. So several
processes that share a seed build the parts of one batch, and none has to send scenes to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from glimpse_ros.datasets import mnist

HELD_OUT = 5000  # the last training digits, never trained on: they may pick a recipe, test digits may not
TURN, STRETCH, SHIFT = 0.2, 0.12, 2.0  # augmentation: rad, share, px


@dataclass(frozen=True)
class Digits:
    """Digits (N, 784) float32 on 0-255 and labels (N,), on the device."""

    pixels: Tensor
    labels: Tensor

    @staticmethod
    def load(folder: Path, device: torch.device, held_out: bool = False, count: int = 0) -> Digits:
        """The training split without its last HELD_OUT, or those; the first `count` where it is given."""
        images, labels = mnist.load(folder, "train")
        part = slice(len(images) - HELD_OUT, None) if held_out else slice(0, max(1, len(images) - HELD_OUT))
        images, labels = images[part], labels[part]
        if count:
            images, labels = images[:count], labels[:count]
        pixels = torch.from_numpy(images.copy()).float().flatten(1)  # (N, 784)
        return Digits(pixels.to(device), torch.from_numpy(labels.copy()).long().to(device))


def batch(
    digits: Digits,
    kind: mnist.Variant,
    size: int,
    generator: torch.Generator,
    augment: float = 0.0,
    part: slice = slice(None),
) -> tuple[Tensor, Tensor]:
    """Scenes (B, side, side) on 0-255 and labels (B,): the slice `part` of a batch of `size`.

    augment: how much digits are turned, stretched, sheared and shifted, from 0 (not at all) to 1.
    """
    device = digits.pixels.device
    n, side, last = len(digits.labels), kind.side, kind.side - mnist.SIDE

    def draw(high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=generator).to(device)[part]

    picked, corner = draw(n, size), draw(last + 1, size, 2)
    warp = torch.rand((size, 6), generator=generator).to(device)[part] * 2 - 1
    others, inner = draw(n, size, kind.pieces), draw(mnist.SIDE - mnist.PIECE + 1, size, kind.pieces, 2)
    outer = draw(side - mnist.PIECE + 1, size, kind.pieces, 2)
    pixels = digits.pixels[picked]
    if augment:
        pixels = warped(pixels.view(-1, 1, mnist.SIDE, mnist.SIDE), augment * warp).round().flatten(1)
    if last == 0:
        return pixels.view(-1, side, side), digits.labels[picked]
    scenes = torch.zeros(len(picked), side * side, device=device)
    scenes.scatter_(1, cells(corner, mnist.SIDE, side), pixels)
    for i in range(kind.pieces):
        flat = others[:, i, None] * mnist.SIDE**2 + cells(inner[:, i], mnist.PIECE, mnist.SIDE)  # (B, 64)
        piece = digits.pixels.flatten().take(flat)
        place = cells(outer[:, i], mnist.PIECE, side)
        scenes.scatter_(1, place, torch.maximum(scenes.gather(1, place), piece))
    return scenes.view(-1, side, side), digits.labels[picked]


def cells(corner: Tensor, box: int, side: int) -> Tensor:
    """(B, box * box) flat indices, in an image of `side`, of the square box whose (top, left) is corner (B, 2)."""
    step = torch.arange(box, device=corner.device)
    return ((corner[:, :1, None] + step[:, None]) * side + corner[:, 1:, None] + step).flatten(1)


def warped(images: Tensor, warp: Tensor) -> Tensor:
    """Each of (B, 1, h, w) turned, stretched, sheared and shifted; warp (B, 6) in [-1, 1] says how much."""
    side = images.shape[-1]
    turn, shear = TURN * warp[:, 0], TURN * warp[:, 1]
    wide, high = 1 + STRETCH * warp[:, 2], 1 + STRETCH * warp[:, 3]
    shift = SHIFT * 2 / side * warp[:, 4:]
    rows = [wide * turn.cos(), shear - turn.sin(), shift[:, 0], turn.sin(), high * turn.cos(), shift[:, 1]]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
