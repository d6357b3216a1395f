"""What a classification or a segmentation says, for people: names, probabilities, colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .types import SceneInfo

UNKNOWN = 255  # class id of a pixel of which nothing is said


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """(C,) probabilities."""
    e = np.exp(np.asarray(logits, np.float64) - float(np.max(logits)))
    return np.asarray(e / e.sum(), np.float64)


def class_name(info: SceneInfo, index: int) -> str:
    """The name of a class, its number where the model has no names."""
    return info.class_names[index] if index < len(info.class_names) else str(index)


def likeliest(info: SceneInfo, logits: NDArray[np.float32]) -> tuple[str, float]:
    """Name and probability of the class that (C,) logits favour."""
    scores = softmax(logits)
    best = int(scores.argmax())
    return class_name(info, best), float(scores[best])


def class_ids(logits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(K, h, w) logits as (h, w) class ids; UNKNOWN where a pixel says nothing (all logits alike) or the id is none."""
    ids = np.argmax(logits, 0)
    silent = logits.max(0) <= logits.min(0) if logits.shape[0] > 1 else np.zeros(ids.shape, bool)
    return np.where(silent | (ids >= UNKNOWN), UNKNOWN, ids).astype(np.uint8)


def class_colours(info: SceneInfo) -> NDArray[np.uint8]:
    """(256, 3) RGB by class id: the model's own palette, then hues spread by the golden ratio, black for UNKNOWN."""
    hues = (np.arange(256) * 0.618034 % 1.0 * 180.0).astype(np.uint8)
    hsv = np.stack([hues, np.full(256, 160, np.uint8), np.full(256, 220, np.uint8)], -1)[None]  # (1, 256, 3)
    colours = np.array(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0], np.uint8)
    own = np.array(info.palette, np.uint8).reshape(-1, 3)[:UNKNOWN]
    colours[: len(own)] = own
    colours[UNKNOWN] = 0
    return colours
