"""The Gaussian prior over scenes (`prior`) by its leading components: the same answer for a fraction of the cost.

A scene's coarse cells are mean + basis @ c with c ~ N(0, I), and what the basis leaves out counts as noise of its own
cell. The posterior of c given what was seen is one K x K system (Tipping & Bishop 1999, probabilistic PCA, with known
noise), solved by Newton's iteration for the inverse (Schulz 1933): a few dozen matrix products and nothing else, so it
exports. The full prior's conjugate gradients take 48 steps of a dozen small operations each.

N = rows * columns cells, row by row; K components.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .prior import NUGGET, PARTLY, Prior

COMPONENTS = 192
CONDITION = 2e4  # of a system with unit diagonal, its largest row over its least eigenvalue; panoramas' have 8e3
STEPS = 11  # of Newton's iteration: enough for that condition


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
    inverse = invert(scaled)
    code = inverse @ (scale * right)
    code = code + inverse @ (scale * right - scaled @ code)  # one refinement: single precision is enough then
    return scale * code


def invert(system: Tensor) -> Tensor:
    """The inverse of system (B, K, K) by that of its first half and of what this leaves (Schur's complement), for the
    iteration costs a quarter on halves."""
    half, largest = system.shape[1] // 2, system.abs().sum(2).amax(1)[:, None, None]
    first, across, last = system[:, :half, :half], system[:, :half, half:], system[:, half:, half:]
    inner = newton(first, largest)
    carried = inner @ across  # (B, K/2, K/2)
    outer = newton(last - across.transpose(1, 2) @ carried, largest)
    corner = -carried @ outer
    top = torch.cat([inner - corner @ carried.transpose(1, 2), corner], 2)
    return torch.cat([top, torch.cat([corner.transpose(1, 2), outer], 2)], 1)


def newton(system: Tensor, largest: Tensor) -> Tensor:
    """The inverse of system (B, n, n), positive definite with no eigenvalue above `largest` (B, 1, 1).

    Every step is scaled so that the eigenvalues of system @ inverse would lie around 1, were the least of the system
    largest / CONDITION (Pan & Schreiber 1991, section 4): while they differ much, one step does what two do without.
    """
    eye = torch.eye(system.shape[1], device=system.device)
    inverse = eye * (2 / (1 + 1 / CONDITION) / largest)
    spread = (CONDITION - 1) / (CONDITION + 1)  # the eigenvalues lie in 1 - spread to 1 + spread
    for _ in range(STEPS):
        scale = 2 / (2 - spread**2)  # unscaled they would lie in 1 - spread^2 to 1
        inverse = inverse @ (scale * (2 * eye - system @ inverse))
        spread = scale - 1
    return inverse
