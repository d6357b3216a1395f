"""What a classification says, for people: names and probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .types import SceneInfo


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
