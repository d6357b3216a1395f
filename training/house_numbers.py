"""Pictures of house numbers on the device, for svhn_sequences.py: SVHN, or generated ones where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets import svhn

from .quadrants import overview_of

SIDE = 54  # [px] of the part of a picture that is shown: a random one in training, the middle otherwise
CHANNELS = 3
HELD_OUT = 5000  # training numbers never trained on, a tenth where there are few
MADE = {"train": 20000, "test": 2000}  # generated numbers


@dataclass(frozen=True)
class Pictures:
    """images (N, 64, 64, 3) uint8 and symbols (N, J), on the device."""

    images: Tensor
    symbols: Tensor


@dataclass(frozen=True)
class Sets:
    """What there is to train on and to test with."""

    train: Pictures
    held_out: Pictures
    test: Pictures | None
    kind: str


def load(folder: Path, mnist: Path, count: int | None, device: torch.device) -> Sets:
    """SVHN's train split, with extra where it is there; generated numbers where the folder has no train split.

    count: pictures of each split. Raises GlimpseError.
    """
    if count is not None and count < 2:
        raise GlimpseError(f"{count} pictures: expected at least 2, one to train on and one to hold out")
    if svhn.present(folder, "train"):
        parts = [svhn.load(folder, split, count) for split in ("train", "extra") if svhn.present(folder, split)]
        test = svhn.load(folder, "test", count) if svhn.present(folder, "test") else None
        kind = f"SVHN, {parts[0].kind}"
    else:
        made = {split: n if count is None else min(n, count) for split, n in MADE.items()}
        parts, test = [svhn.generate(mnist, "train", made["train"])], svhn.generate(mnist, "test", made["test"])
        kind = f"numbers {svhn.GENERATED} of MNIST's digits, for want of SVHN"
    images, symbols = (np.concatenate([getattr(p, name) for p in parts]) for name in ("images", "symbols"))
    order = np.random.RandomState(svhn.SEED).permutation(len(images))
    held = max(1, min(HELD_OUT, len(images) // 10))

    def on_device(images: np.ndarray, symbols: np.ndarray) -> Pictures:
        return Pictures(torch.from_numpy(images).to(device), torch.from_numpy(symbols).to(device))

    train, held_out = (on_device(images[i], symbols[i]) for i in (order[held:], order[:held]))
    return Sets(train, held_out, None if test is None else on_device(test.images, test.symbols), kind)


def crop(images: Tensor, corner: Tensor) -> Tensor:
    """Images (B, 64, 64, 3) and (top, left) of the part that is shown (B, 2) -> scenes (B, 3, SIDE, SIDE) on 0-255."""
    lines = corner[..., None] + torch.arange(SIDE, device=corner.device)  # (B, 2, SIDE)
    each = torch.arange(len(images), device=corner.device)[:, None, None]
    return images[each, lines[:, 0, :, None], lines[:, 1, None, :]].permute(0, 3, 1, 2).float().contiguous()


def middle(images: Tensor) -> Tensor:
    """Images (B, 64, 64, 3) -> their middle (B, 3, SIDE, SIDE) on 0-255."""
    return crop(images, torch.full((len(images), 2), (svhn.SIDE - SIDE) // 2, device=images.device))


def overview_of_rgb(scenes: Tensor) -> Tensor:
    """Scenes (B, 3, SIDE, SIDE) on 0-255 -> grey (B, 1, 28, 28) in [0, 1]: half the resolution.

    A border of zeros, half a pixel wide there, makes its sides even.
    """
    return overview_of(F.pad(scenes.mean(1), (1, 1, 1, 1)))
