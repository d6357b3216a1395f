"""A picture in another aspect, with all that is in it and nothing that is not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .types import SceneSpec


def stretched(image: NDArray[np.uint8], scene: SceneSpec) -> NDArray[np.uint8]:
    """(H, W, 3) with one axis enlarged to the scene's aspect; the image itself where it has that to a pixel.

    A glimpse's box is as many pixels high as wide, on the picture that is looked at as on a model's canvas, so their
    aspects must agree. A pixel becomes an area of its colour, shares of pixels by area: averages over boxes, which is
    what glimpses are, are those of the image.
    """
    height, width = image.shape[:2]
    h = max(height, round(width * scene.height / scene.width))
    w = max(width, round(height * scene.width / scene.height))
    if h - height <= 1 and w - width <= 1:
        return image
    # OpenCV's area resize is by shares of area where it enlarges, too.
    return np.asarray(cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
