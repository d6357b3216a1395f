"""How good a network in training is on held-out scenes: attention-driven and random looks, at its working size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from glimpse_ros.core.metrics import ClassSum

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
    squared, right, count, classes = 0.0, 0, 0, ClassSum(max(c.net.labels, 1))
    size = (c.net.width, c.net.height)
    for at in range(0, len(data.images), BATCH):
        images = [cv2.resize(i[..., :3], size, interpolation=cv2.INTER_AREA) for i in data.images[at : at + BATCH]]
        scenes = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float().to(device) / 255
        places = (torch.rand((c.glimpses, len(scenes), 2), generator=generator) * 2 - 1).to(device)
        strays = torch.full((c.glimpses, len(scenes)), random or c.random_looks, device=device)
        previous = scenes.new_zeros(len(scenes), c.net.drawn, c.net.height, c.net.width)
        with torch.autocast(device.type, torch.bfloat16):
            for t, seen, code, attention in gae.episode(scenes, places, strays):
                if c.net.decoder and t >= c.glimpses - 2:
                    previous = net.decode(seen.finer(), code, attention, previous)[0]
            logits = net.classify(seen.bottom, code, attention) if c.net.classes else None
        count += len(scenes)
        if c.net.colours and c.net.decoder:
            squared += float((previous[:, :3].float().clamp(0, 1) - scenes).square().mean((1, 2, 3)).sum())
        if c.net.labels and data.maps is not None:
            chosen = previous[:, c.net.colours :].argmax(1).cpu().numpy()
            for ids, truth in zip(chosen, data.maps[at : at + BATCH], strict=True):
                classes.add(ids, np.asarray(cv2.resize(truth, size, interpolation=cv2.INTER_NEAREST), np.uint8))
        if logits is not None and data.answers is not None:
            right += int((logits.argmax(1).cpu().numpy() == data.answers[at : at + BATCH]).sum())
    found = {}
    if c.net.colours and c.net.decoder:
        found["rmse"] = 255 * (squared / count) ** 0.5
    if c.net.labels:
        found |= {"pixel_accuracy": classes.accuracy, "miou": classes.miou}
    if c.net.classes:
        found["accuracy"] = right / count
    gae.train()
    return found
