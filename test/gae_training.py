"""Tiny trees to train Glimpse-Attend-and-Explore on, its arguments, and networks that were never trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from glimpse_ros.core.types import GlimpseError
from training import gae
from training.gae_net import GaeConfig

TASKS = {
    "segment": {"colours": 0, "labels": 3},
    "reconstruct": {"colours": 3},
    "both": {"colours": 3, "labels": 3},
    "classify": {"colours": 0, "classes": 4, "decoder": 0},
    "classify-full": {"colours": 3, "classes": 4},
}
ABLATIONS = ("full", "no-contrast", "random-sa", "random-no-sa", "random-no-sac", "attend-and-segment")
SMALL: dict[str, Any] = {"height": 48, "width": 64, "encoder": 8, "decoder": 8}
ROAD, SKY, VOID_ID = 3, 0, 11  # ids of CamVid's label pictures


def street(folder: Path, frames: int = 4, size: tuple[int, int] = (48, 64)) -> Path:
    """CamVid's layout: a bluish sky over a reddish road, their border at any height, one row of it void."""
    rng = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for part in (split, f"{split}annot"):
            (folder / part).mkdir(parents=True)
        for i in range(frames):
            border = int(rng.integers(size[0] // 4, size[0] * 3 // 4))
            ids = np.full(size, SKY, np.uint8)
            ids[border:] = ROAD
            bgr = np.where((ids == SKY)[..., None], (220, 120, 60), (50, 90, 190)) + rng.normal(0, 12, (*size, 3))
            ids[border] = VOID_ID
            assert cv2.imwrite(str(folder / split / f"{i:03d}.png"), bgr.clip(0, 255).astype(np.uint8))
            assert cv2.imwrite(str(folder / f"{split}annot" / f"{i:03d}.png"), ids)
    return folder


def named(folder: Path, names: tuple[str, ...] = ("brick", "grass"), images: int = 3) -> Path:
    """A folder of class folders with train, val and test; each class has its colour."""
    for split in ("train", "val", "test"):
        for k, name in enumerate(names):
            (folder / split / name).mkdir(parents=True)
            for i in range(images):
                colour = np.array([60 + 90 * k, 60, 160 - 70 * k]) + 5 * i
                picture = np.broadcast_to(colour.astype(np.uint8), (48, 64, 3))
                assert cv2.imwrite(str(folder / split / name / f"{i}.png"), np.ascontiguousarray(picture))
    return folder


def arguments(out: Path, data: str, **options: Any) -> gae.Args:
    """Two steps of a network that trains in a blink."""
    quick: dict[str, Any] = {"steps": 2, "batch": 2, "glimpses": 3, "precision": "32-true", "accelerator": "cpu"}
    return gae.Args(out=out, data=data, **{**SMALL, **quick, **options})


def network(glimpses: int = 3, net: dict[str, Any] | None = None, **config: Any) -> gae.Gae:
    """A planar 48 x 64 one that reconstructs, unless told otherwise."""
    torch.manual_seed(0)
    sizes = {**SMALL, "spherical": False, "merge": 3, **(net or {})}
    return gae.Gae(gae.Config(GaeConfig(**sizes), glimpses, **config))


def batch(made: gae.Gae, count: int = 2, seed: int = 0) -> dict[str, Any]:
    """What the forward of `made` takes: random scenes, all known, no stray glimpse, drawn from the first step."""
    c, generator = made.config, torch.Generator().manual_seed(seed)

    def ids(classes: int, *shape: int) -> Tensor | None:
        return torch.randint(classes, shape, generator=generator) if classes else None

    h, w = c.net.height, c.net.width
    return {
        "scenes": torch.randint(256, (count, 3, h, w), generator=generator).to(torch.uint8),
        "known": torch.ones(count, 1, h, w, dtype=torch.bool),
        "maps": ids(c.net.labels, count, h, w),
        "answers": ids(c.net.classes, count),
        "places": torch.rand(c.glimpses, count, 2, generator=generator) * 2 - 1,
        "strays": torch.zeros(c.glimpses, count, dtype=torch.bool),
        "start": 0,
    }


def refuse(given: gae.Args, *words: str) -> None:
    """Training is refused in one sentence that holds `words`."""
    with pytest.raises(GlimpseError) as err:
        gae.train(given)
    sentence = str(err.value)
    assert all(word in sentence for word in words) and "\n" not in sentence, sentence
