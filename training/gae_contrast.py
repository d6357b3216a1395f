"""The contrastive loss of Glimpse-Attend-and-Explore (section 3.3): what a few glimpses let one imagine, beside the
encoder's features of the whole image, through which no gradient goes. It serves training alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .gae_net import Features, GaeConfig
from .resnet import STRIDES


class Lean(nn.Module):
    """Predicted features -> the encoder's of the whole image, compared cell by cell on the coarsest grid."""

    def __init__(self, inputs: tuple[int, ...], targets: tuple[int, ...]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, a, 1), nn.ReLU(), nn.Conv2d(a, b, 1))
            for a, b in zip(inputs, targets, strict=True)
        )

    def forward(self, predicted: Features, target: Features) -> Tensor:
        """Mean over levels and cells of the negative cosine between the two."""
        grid = (target[-1].shape[2], target[-1].shape[3])
        total = target[-1].new_zeros(())
        for head, p, f in zip(self.heads, predicted, target, strict=True):
            p, f = head(F.adaptive_avg_pool2d(p, grid)), F.adaptive_avg_pool2d(f, grid)
            total = total - F.cosine_similarity(p.float(), f.float(), 1).mean()
        return total / len(target)


class Paper(nn.Module):
    """The paper's projector: each level reduced to a few channels, flattened, through an MLP as wide as itself; 134 of
    its 153 million weights at 128 x 256 are those of the finest level.
    """

    REDUCED = (1, 1, 4, 8)  # channels, finest first

    def __init__(self, inputs: tuple[int, ...], targets: tuple[int, ...], shapes: list[tuple[int, int]]) -> None:
        super().__init__()
        rows = list(zip(inputs, targets, self.REDUCED[-len(inputs) :], strict=True))
        self.of_prediction = nn.ModuleList(nn.Conv2d(a, r, 1) for a, _, r in rows)
        self.of_target = nn.ModuleList(nn.Conv2d(b, r, 1) for _, b, r in rows).requires_grad_(False)
        sizes = [r * h * w for (_, _, r), (h, w) in zip(rows, shapes, strict=True)]
        self.mlps = nn.ModuleList(nn.Sequential(nn.Linear(n, n), nn.ReLU(), nn.Linear(n, n)) for n in sizes)

    def forward(self, predicted: Features, target: Features) -> Tensor:
        """Mean over levels of the negative cosine between the two whole maps."""
        total = target[-1].new_zeros(())
        for down, fixed, mlp, p, f in zip(
            self.of_prediction, self.of_target, self.mlps, predicted, target, strict=True
        ):
            with torch.no_grad():
                f = fixed(f).flatten(1)
            total = total - F.cosine_similarity(mlp(down(p).flatten(1)).float(), f.float(), 1).mean()
        return total / len(target)


def projector(config: GaeConfig) -> nn.Module:
    """What the contrastive loss compares with; levels as `Stream` gives them and the code, or the code alone."""
    c, e, d = config, config.encoder, config.decoder
    inputs = (d, d, 2 * d, c.code) if d else (c.code,)
    targets = (e, e, 2 * e, 4 * e)[-len(inputs) :]
    if c.projector == "lean":
        return Lean(inputs, targets)
    shapes = [(c.height // stride, c.width // stride) for stride in STRIDES][-len(inputs) :]
    return Paper(inputs, targets, shapes)
