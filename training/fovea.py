"""Torch twin of `glimpse_ros.core.retina` for many scales and zero padding: batched, any number of looks a scene.

A cell of a scale is a whole number of canvas pixels, so its mean is four reads of the scene's integral image (Crow,
SIGGRAPH 1984). Reads beyond the border are clamped to it, which is what zero padding means there. So a coarse scale
costs no more than a fine one, and nothing is padded or pooled in advance.

Conventions
-----------
view   (x, y), both in [-1, 1]: x right, y down, the centre of every scale. It is snapped to whole pixels as the core
       retina does, and what comes back is the snapped one. Scales run from fine to coarse, each twice as wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from glimpse_ros.core.types import GlimpseError


@dataclass(frozen=True)
class Fovea:
    """g x g pixels a scale, `scales` of them, over square scenes of `side` pixels."""

    side: int
    g: int
    scales: int

    def __post_init__(self) -> None:
        if self.g < 1 or self.scales < 1 or self.widest > self.side:
            raise GlimpseError(
                f"glimpse of {self.g} px at {self.scales} scales spans {self.widest} px; "
                f"expected 1 to {self.side}, the scene's side"
            )

    @property
    def widest(self) -> int:
        """Pixels of the scene under the widest scale."""
        return self.g * 2 ** (self.scales - 1)

    @property
    def s(self) -> float:
        """The widest scale's share of the scene's width: s of every view."""
        return self.widest / self.side

    @property
    def size(self) -> int:
        """Numbers in a glimpse of one channel."""
        return self.scales * self.g**2

    def snap(self, xy: Tensor) -> tuple[Tensor, Tensor]:
        """Centres (..., 2) in [-1, 1] -> (left, top) [px] of the widest box, and its centre in [-1, 1]."""
        corner = ((xy + 1) / 2 * self.side - self.widest / 2).round()
        return corner.long(), (corner + self.widest / 2) / self.side * 2 - 1

    def look(self, integral: Tensor, xy: Tensor) -> tuple[Tensor, Tensor]:
        """Integral images (B, (side + 1)^2) and centres (B, M, 2) -> glimpses (B, M, size) and snapped centres."""
        corner, taken = self.snap(xy)  # (B, M, 2)
        edge = torch.arange(self.g + 1, device=xy.device)
        starts = [(self.widest - (self.g << k)) // 2 for k in range(self.scales)]
        offsets = torch.stack([start + (edge << k) for k, start in enumerate(starts)])  # (K, g + 1)
        lines = (corner[..., None, None] + offsets).clamp(0, self.side)  # (B, M, 2, K, g + 1)
        cols, rows = lines.unbind(2)
        flat = rows[..., :, None] + cols[..., None, :] * (self.side + 1)  # (B, M, K, g + 1, g + 1)
        sums = integral.gather(1, flat.flatten(1)).view(flat.shape)
        sums = sums[..., 1:, :] - sums[..., :-1, :]
        sums = sums[..., 1:] - sums[..., :-1]  # (B, M, K, g, g)
        area = torch.tensor([255.0 * 4**k for k in range(self.scales)], device=xy.device)
        return (sums / area[:, None, None]).flatten(2), taken


def integral_image(scenes: Tensor) -> Tensor:
    """Scenes (B, side, side) on 0-255 -> (B, (side + 1)^2), sums over all pixels above and to the left.

    Column by column, not row by row: so both sums run along memory. In float32 exact to the last digit for whole
    numbers while a scene's sum stays under 2^24: to 256 x 256 pixels.
    """
    sums = scenes.cumsum(2).mT.contiguous().cumsum(2)
    return torch.nn.functional.pad(sums, (1, 0, 1, 0)).flatten(1)
