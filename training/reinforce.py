"""REINFORCE's arithmetic, for locations drawn from a Gaussian (Williams 1992; Mnih et al. 2014, section 3.3).

T steps, N = B * M roll-outs, M of each of B images side by side.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rewards(logits: Tensor, truth: Tensor, kind: str) -> Tensor:
    """(T, N) of logits (T, N, K) and labels (N,): the true class's "probability", or 1 where it is the answer."""
    if kind == "correct":
        return (logits.argmax(-1) == truth).float()
    return logits.softmax(-1).gather(-1, truth.expand(len(logits), -1)[..., None]).squeeze(-1)


def mean_after(reward: Tensor) -> Tensor:
    """(T, N) -> (T, N): the mean from each step on. A look can change what comes after it, no more."""
    steps = torch.arange(len(reward), 0, -1, device=reward.device)[:, None]
    return reward.flip(0).cumsum(0).flip(0) / steps


def leave_one_out(advantage: Tensor, m: int) -> Tensor:
    """(T, B * M) less the mean of the image's other roll-outs (Kool et al. 2019); as it is where M is 1."""
    if m == 1:
        return advantage
    groups = advantage.unflatten(1, (-1, m))  # (T, B, M)
    return ((groups - groups.mean(-1, keepdim=True)) * (m / (m - 1))).flatten(1)


def log_density(drawn: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """(..., 2) and (..., 2) -> (...): log-probability, but for a constant, of the locations as drawn, not clamped."""
    return -0.5 * ((drawn - mean) / sigma).square().sum(-1)
