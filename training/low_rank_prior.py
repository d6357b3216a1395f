"""The Gaussian prior over scenes (`prior`) by its leading components: the same answer for a fraction of the cost.

A scene's coarse cells are mean + basis @ c with c ~ N(0, I), and what the basis leaves out counts as noise of its own
cell. The posterior of c given what was seen is one K x K system (Tipping & Bishop 1999, probabilistic PCA, with known
noise), solved by Newton's iteration for the inverse (Schulz 1933): a dozen or two matrix products and nothing else, so
it exports. The full prior's conjugate gradients take 48 steps of a dozen small operations each.

N = rows * columns cells, row by row; K components.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .prior import NUGGET, PARTLY, Prior

COMPONENTS = 192
STEPS = 18  # of Newton's iteration, which squares what is left: enough for a condition of 10^4


class LowRankPrior(nn.Module):
    """Posterior mean of all cells given what is known of some."""

    mean: Tensor  # (N, 3)
    basis: Tensor  # (N, K)
    rest: Tensor  # (N,): variance outside of the basis

    def __init__(self, rows: int, cols: int, components: int = COMPONENTS) -> None:
        super().__init__()
        self.rows, self.cols = rows, cols
        components = min(components, rows * cols)
        self.register_buffer("mean", torch.full((rows * cols, 3), 0.5))
        self.register_buffer("basis", torch.zeros(rows * cols, components))
        self.register_buffer("rest", torch.ones(rows * cols))

    def forward(self, pooled: Tensor, known: Tensor) -> Tensor:
        """As `Prior.forward`: pooled (B, 3, rows, cols) colour times the share seen, known (B, 1, rows, cols) that
        share -> mean (B, 3, rows, cols)."""
        share = known.flatten(2).transpose(1, 2)  # (B, N, 1)
        seen = pooled.flatten(2).transpose(1, 2) / share.clamp(min=1e-4) - self.mean  # (B, N, 3)
        noise = NUGGET * share + PARTLY * (1 - share) + share * self.rest[:, None]
        weight = torch.where(share > 1e-3, share / noise, torch.zeros_like(share))  # (B, N, 1)
        system = self.basis.T @ (weight * self.basis) + torch.eye(self.basis.shape[1], device=share.device)
        code = solve(system, self.basis.T @ (weight * seen))  # (B, K, 3)
        posterior = self.mean + self.basis @ code
        return posterior.transpose(1, 2).unflatten(2, (self.rows, self.cols))

    def fit(self, scenes: list[NDArray[np.uint8]], spherical: bool) -> None:
        """Measure on scenes, (h, w, 3) or (h, w, 4), as `Prior.fit`."""
        full = Prior(self.rows, self.cols)
        full.fit(scenes, spherical)
        self.take(full.mean, full.covariance)

    def take(self, mean: Tensor, covariance: Tensor) -> None:
        """Take over a full prior: mean (N, 3), covariance (N, N)."""
        values, vectors = torch.linalg.eigh(covariance.double())
        values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
        kept = self.basis.shape[1]
        basis = vectors[:, :kept] * values[:kept].sqrt()
        self.mean.copy_(mean)
        self.basis.copy_(basis)
        self.rest.copy_((covariance.diagonal() - basis.square().sum(1)).clamp(min=0))


def solve(system: Tensor, right: Tensor) -> Tensor:
    """system (B, K, K), positive definite, right (B, K, C) -> (B, K, C)."""
    scale = system.diagonal(dim1=1, dim2=2).rsqrt()[:, :, None]  # (B, K, 1)
    scaled = scale * system * scale.transpose(1, 2)  # unit diagonal: the condition falls a hundredfold
    eye = torch.eye(system.shape[1], device=system.device)
    inverse = eye / scaled.abs().sum(2).amax(1)[:, None, None]
    for _ in range(STEPS):
        inverse = inverse @ (2 * eye - scaled @ inverse)
    code = inverse @ (scale * right)
    code = code + inverse @ (scale * right - scaled @ code)  # one refinement: single precision is enough then
    return scale * code
