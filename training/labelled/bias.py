"""What the labels of a data set have in common, pixel by pixel: the bias that a model can learn without looking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.label_maps import VOID

Bias = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]


def label_bias(
    maps: Sequence[NDArray[np.uint8]], classes: int, palette: Sequence[tuple[int, int, int]] | None = None
) -> Bias:
    """Mode, agreement and mean colour of maps (H, W) of class ids below `classes`, everything else void.

    mode       (H, W) uint8: the class that most maps have here, the lowest id of equals; 255 where all are void
    agreement  (H, W) float32: the share of the maps that know a class here that have the mode; 0 where none does
    mean       (H, W, 3) uint8: the maps' colours, averaged over those that know a class; black where none does

    palette: a colour of each class; without it the mean is of grey levels, spread over the ids.
    Raises GlimpseError for no maps, maps of several sizes, or a palette of another length.
    """
    sizes = {np.shape(labels) for labels in maps}
    if len(sizes) != 1 or len(next(iter(sizes))) != 2:
        raise GlimpseError(f"{len(maps)} label maps of the sizes {sorted(sizes)}; expected some, all of one (H, W)")
    if palette is not None and len(palette) != classes:
        raise GlimpseError(f"a palette of {len(palette)} colours; expected one for each of {classes} classes")
    height, width = next(iter(sizes))
    counts = np.zeros((classes, height * width), np.int64)
    everywhere = np.arange(height * width)
    for labels in maps:
        flat = np.asarray(labels).ravel()
        known = flat < classes
        counts[flat[known], everywhere[known]] += 1  # a pixel occurs once a map
    total = counts.sum(0)
    known = total > 0
    most = counts.argmax(0)
    agreement = np.where(known, counts.max(0) / np.maximum(total, 1), 0).astype(np.float32)
    greys = np.linspace(0, 255, classes)[:, None].repeat(3, 1)
    colours = greys if palette is None else np.array(palette, np.float64)
    mean = counts.T @ colours / np.maximum(total, 1)[:, None]  # (HW, 3)
    mode = np.where(known, most, VOID).astype(np.uint8)
    return (
        mode.reshape(height, width),
        agreement.reshape(height, width),
        np.rint(mean).astype(np.uint8).reshape(height, width, 3),
    )
