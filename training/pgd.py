"""Projected gradient descent, the attack of Madry et al., "Towards Deep Learning Models Resistant to Adversarial
Attacks" (ICLR 2018): climb the loss by the sign of its gradient, inside a box around the image, from a random start.

All lengths are on pixels in [0, 1]: the usual 8/255 is 0.031.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from glimpse_ros.core.types import GlimpseError


@dataclass(frozen=True)
class Attack:
    """How far a pixel may go (L-infinity, on [0, 1]), in how many steps of what size; no step: images stay as they are.

    size: of a step; 0: 2.5 eps over the number of steps (Madry et al.), and of a single step 1.25 eps, which with a
    random start is what trains well (Wong et al., "Fast is better than free", 2020).
    """

    eps: float
    steps: int = 30
    size: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.eps <= 1 or self.steps < 0 or not 0 <= self.size <= 1:
            raise GlimpseError(
                f"attack of eps {self.eps}, {self.steps} steps of {self.size}: expected eps and a step's size from "
                "0 to 1, the range of a pixel, and no negative number of steps"
            )

    @property
    def stride(self) -> float:
        """The size of a step."""
        return self.size or 2.5 * self.eps / max(self.steps, 2)

    def scaled(self, share: float) -> Attack:
        """The same with all lengths multiplied."""
        return Attack(share * self.eps, self.steps, share * self.size)


def pgd(logits: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, attack: Attack, start: Tensor) -> Tensor:
    """The attacked images, within eps of images (B, C, H, W) in [0, 1] and in [0, 1] themselves.

    logits: images -> (B, classes), differentiable; labels (B,); start: (B, C, H, W) in [-1, 1], the random start in
    units of eps.
    """
    if attack.steps == 0:
        return images
    low, high = (images - attack.eps).clamp(min=0), (images + attack.eps).clamp(max=1)
    attacked = (images + attack.eps * start).clamp(low, high)
    for _ in range(attack.steps):
        attacked.requires_grad_()
        with torch.enable_grad():
            loss = F.cross_entropy(logits(attacked).float(), labels, reduction="sum")
        (uphill,) = torch.autograd.grad(loss, attacked)
        attacked = (attacked.detach() + attack.stride * uphill.sign()).clamp(low, high)
    return attacked


def random_start(shape: torch.Size | tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Uniform in [-1, 1], from the CPU's generator, so that it is the same on every device."""
    return torch.rand(tuple(shape), generator=generator) * 2 - 1
