"""How good a network in training is on held-out scenes: attention-driven and random looks, at its working size.

Pixels that were never seen by whoever took the scene count in no figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from glimpse_ros.core.metrics import ClassSum

from . import augment
from .labelled import Labelled

if TYPE_CHECKING:  # gae calls this
    from .gae import Gae

BATCH = 25


@torch.no_grad()
def check(gae: Gae, data: Labelled, seed: int = 0) -> dict[str, float]:
    """Figures after the last glimpse, by name; those of random looks end in /random."""
    out: dict[str, float] = {}
    for suffix, random in (("", False), ("/random", True)) if not gae.config.whole else (("", False),):
        out |= {f"{name}{suffix}": value for name, value in figures(gae, data, random, seed).items()}
    return out


def figures(gae: Gae, data: Labelled, random: bool, seed: int) -> dict[str, float]:
    """rmse [0-255], pixel_accuracy, miou, accuracy: what the network gives."""
    c, net = gae.config, gae.net
    gae.eval()
    generator = torch.Generator().manual_seed(seed)
    device = net.encoder.conv1.weight.device
    squared, pixels, right, classes = 0.0, 0.0, 0, ClassSum(max(c.net.labels, 1))
    for at in range(0, len(data.images), BATCH):
        truths = [truth_of(data, i, c.net.height, c.net.width) for i in range(len(data.images))[at : at + BATCH]]
        stack = torch.from_numpy(np.stack([scene for scene, _ in truths])).permute(0, 3, 1, 2).to(device)
        scenes, known = stack[:, :3].contiguous(), stack[:, 3:]
        places = (torch.rand((c.glimpses, len(scenes), 2), generator=generator) * 2 - 1).to(device)
        strays = torch.full((c.glimpses, len(scenes)), random or c.random_looks, device=device)
        previous = scenes.new_zeros(len(scenes), c.net.drawn, c.net.height, c.net.width)
        with torch.autocast(device.type, torch.bfloat16):
            for t, seen, code, attention in gae.episode(scenes, places, strays):
                if c.net.decoder and t >= c.glimpses - 2:
                    previous = net.decode(seen.finer(), code, attention, previous)[0]
            logits = net.classify(seen.bottom, code, attention) if c.net.classes else None
        if c.net.colours and c.net.decoder:
            squared += float(((previous[:, :3].float().clamp(0, 1) - scenes).square() * known).sum())
            pixels += 3 * float(known.sum())
        if c.net.labels and data.maps is not None:
            chosen = previous[:, c.net.colours :].argmax(1).cpu().numpy()
            for ids, (_, labels) in zip(chosen, truths, strict=True):
                assert labels is not None
                classes.add(ids, labels)
        if logits is not None and data.answers is not None:
            right += int((logits.argmax(1).cpu().numpy() == data.answers[at : at + BATCH]).sum())
    found = {}
    if c.net.colours and c.net.decoder:
        found["rmse"] = 255 * (squared / max(pixels, 1)) ** 0.5
    if c.net.labels:
        found |= {"pixel_accuracy": classes.accuracy, "miou": classes.miou}
    if c.net.classes:
        found["accuracy"] = right / len(data.images)
    gae.train()
    return found


def truth_of(data: Labelled, i: int, height: int, width: int) -> augment.Scene:
    """A scene (H, W, 4) at this size, its fourth channel 1 where it is known and else 0; its labels, void elsewhere."""
    image = augment.with_known(data.images[i], None if data.known is None else data.known[i])
    scene, labels = augment.plain(image, None if data.maps is None else data.maps[i], height, width)
    known = scene[..., 3] > augment.SEEN / 255
    scene[..., 3] = known
    return scene, None if labels is None else np.where(known, labels, np.uint8(augment.VOID))
