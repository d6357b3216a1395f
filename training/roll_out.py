"""Whole episodes of given views, for scene models that learn before there is a policy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import retina


def roll_out(net: Any, scene: Tensor, places: Tensor, lengths: Tensor) -> Any:
    """Glimpses of scene (B, 3, H, W) at places (B, T, 3), the first lengths (B,) of each, into an empty memory of net.

    net has `empty(B)`, `write(memory, glimpses, views)` and sizes in `config`; a memory is a tuple of (B, ...). Lengths
    must not rise along the batch: episodes that have ended are set aside, not carried along.
    """
    memory, finished = net.empty(len(scene)), []
    size, wraps = net.config.glimpse, net.config.spherical
    for t in range(places.shape[1]):
        running = int((lengths > t).sum())
        if running < len(memory[0]):
            finished.append(tuple(part[running:] for part in memory))
            memory = tuple(part[:running] for part in memory)
        with torch.autocast(scene.device.type, enabled=False):  # places need all their digits
            glimpse, taken = retina.sample(scene[:running], places[:running, t], size, wraps)
        memory = net.write(memory, glimpse, taken)
    parts = [memory, *reversed(finished)]
    return tuple(torch.cat(level) for level in zip(*parts, strict=True))
