"""What the elastic scene model is trained for, whoever chose the glimpses: a policy or chance.

The reconstruction's squared error, weighed as in `training.panorama`; the cross-entropy of a segmentation and of a
class; and how wrong the model expects to be. The paper's losses are the plain ones (section 3.3); with teachers it
has divergences from their outputs instead.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .augment import VOID
from .canvas import DETAIL_SCALES
from .elastic_tokens import ElasticVit
from .elastic_vit import FINE, ElasticCanvas, Memory
from .panorama import SHARP, detail

EXPECTED = 0.02  # weight of the expected errors
USUAL = 0.03  # squared error in [0, 1]^2 of a scene partly seen
DRAWN = 0.3  # weight of the reconstruction beside a segmentation


def losses(
    net: ElasticVit,
    memory: Memory,
    scene: Tensor,
    known: Tensor,
    maps: Tensor | None = None,
    answers: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """scene (B, 3, H, W) in [0, 1], known (B, 1, H, W) 0 or 1, maps (B, H, W) and answers (B,) class ids, VOID where
    unknown -> loss, figures (rmse on 0-255, accuracies in [0, 1])."""
    seen = net.look(memory)
    drawn = net.decode(memory, *seen.handed)
    figures: dict[str, Tensor] = {}
    square = (drawn["reconstruction"] - scene).square().mean(1, keepdim=True)  # (B, 1, H, W)
    if net.config.memory == "tokens":  # it has no pixels of its own to tell the seen from the unseen: the paper's loss
        loss = (square * known).sum() / known.sum().clamp(min=1) / USUAL
    else:
        loss = weighed(square, seen.handed[0], scene, known, memory[1])
    with torch.no_grad():
        now = F.avg_pool2d(square, FINE)
        truth = torch.cat([now, *(detail(scene, s, net.config.spherical) for s in DETAIL_SCALES)], 1).clamp(min=1e-5)
        whole = (F.avg_pool2d(known, FINE) > 0.99).float()  # (B, 1, H/16, W/16)
        figures["rmse"] = 255 * ((square * known).sum() / known.sum().clamp(min=1)).sqrt()
    expected = seen.errors[:, : truth.shape[1]]
    likelihood = whole * (truth / expected + expected.log())  # exponential: its optimum is the expected squared error
    loss = loss + EXPECTED * likelihood.sum() / (whole.sum() * truth.shape[1]).clamp(min=1)
    if net.config.labels and maps is not None:
        loss = DRAWN * loss + labelled(drawn["segmentation"], seen.errors[:, -1:], maps, figures)
    if net.config.classes and answers is not None:
        logits = net.classify(seen).float()
        known_answers = (answers != VOID).sum().clamp(min=1)
        loss = loss + F.cross_entropy(logits, answers, ignore_index=VOID, reduction="sum") / known_answers
        figures["class_accuracy"] = (logits.argmax(1) == answers).float().mean()
    return loss, figures


def drawing_loss(
    net: ElasticCanvas,
    memory: Memory,
    handed: tuple[Tensor, ...],
    scene: Tensor,
    known: Tensor,
    maps: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """As `losses`, of what draws alone; handed: what `look` has handed over.

    What was seen of a scene counts by what is usual for this scene: from far away errors are ten times those from near.
    """
    drawn = net.decode(memory, *handed)
    square = (drawn["reconstruction"] - scene).square().mean(1, keepdim=True)  # (B, 1, H, W)
    with torch.no_grad():
        seen = (memory[1] > 0).float() * known
        usual = (seen * square).sum((1, 2, 3)) / seen.sum((1, 2, 3)).clamp(min=1) + SHARP / 2
    loss = weighed(square, handed[0], scene, known, memory[1], usual[:, None, None, None])
    figures = {"rmse": 255 * ((square.detach() * known).sum() / known.sum().clamp(min=1)).sqrt()}
    if net.config.labels and maps is not None:
        loss = DRAWN * loss + labelled(drawn["segmentation"], None, maps, figures)
    return loss, figures


def weighed(
    square: Tensor, smooth: Tensor, scene: Tensor, known: Tensor, sharp: Tensor, usual: Tensor | float = SHARP
) -> Tensor:
    """The mean of square (B, 1, H, W), each pixel by the error that is usual for it.

    Those that were not seen hold nine tenths of the squared error, and what there is to gain by sharpening would drown
    in it; bright, harsh scenes would drown the others. Each pixel's optimum stays what it was.
    """
    with torch.no_grad():
        guess = F.interpolate(smooth.float(), scale_factor=4.0, mode="nearest")
        unseen = (sharp <= 0).float() * known
        hard = (unseen * (guess - scene).square().mean(1, keepdim=True)).sum((1, 2, 3))
        hard = hard / unseen.sum((1, 2, 3)).clamp(min=1) + 0.01
        weight = known * torch.where(sharp <= 0, 1 / hard[:, None, None, None], 1 / usual)
    return (square * weight).sum() / known.sum().clamp(min=1)


def labelled(logits: Tensor, wrong: Tensor | None, maps: Tensor, figures: dict[str, Tensor]) -> Tensor:
    """Cross-entropy of logits (B, K, h, w) against maps (B, H, W), and that of the expected wrong share
    (B, 1, H/16, W/16), where there is one, against what is wrong."""
    target = F.interpolate(maps[:, None].float(), logits.shape[-2:], mode="nearest-exact")[:, 0].long()
    target = torch.where(target < logits.shape[1], target, VOID)
    counts = (target != VOID).float()[:, None]  # (B, 1, h, w); a batch without any has no mean
    loss = F.cross_entropy(logits, target, ignore_index=VOID, reduction="sum") / counts.sum().clamp(min=1)
    with torch.no_grad():
        off = (logits.argmax(1) != target).float()[:, None] * counts
        figures["pixel_accuracy"] = 1 - off.sum() / counts.sum().clamp(min=1)
        if wrong is None:
            return loss
        cells = (wrong.shape[2], wrong.shape[3])
        share = F.adaptive_avg_pool2d(counts, cells)
        truth = F.adaptive_avg_pool2d(off, cells) / share.clamp(min=1e-3)
    missed = F.binary_cross_entropy(wrong.clamp(1e-4, 1 - 1e-4), truth.clamp(0, 1), weight=(share > 0.5).float())
    return loss + 0.2 * missed
