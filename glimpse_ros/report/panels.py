"""The pictures of one exploration at any size, drawn once and shared by filmstrip, page and animation."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.classes import UNKNOWN, class_colours, class_ids, softmax
from ..core.types import SceneSpec
from .exploration import Exploration, resized, rgb
from .pictures import (
    Colour,
    Picture,
    bars,
    class_colour,
    legend,
    remembered,
    retina,
    uncertainty_colour,
    uncertainty_range,
    with_boxes,
)

CANVAS_WIDTH = 512  # [px] what was seen is pasted on a canvas at most this wide
TINY = 160  # [px] scenes no wider than this are shown pixel by pixel
MOST_BARS = 24  # classes that have bars
MOST_NAMED = 16  # classes in the legend of a segmentation


class Panels:
    """Step k counts from 0. Every picture is uint8 (H, W, 3) RGB of the size asked for."""

    def __init__(self, exploration: Exploration) -> None:
        self.exploration = exploration
        self.projection = exploration.info.scene.projection
        self.steps = len(exploration.records)
        height, width = exploration.evaluation_size()
        self.aspect = height / width
        scene = exploration.info.scene
        self.scene_aspect = scene.height / scene.width  # into which a wide camera's image is squeezed
        self.tiny = width <= TINY
        across = width if self.tiny else CANVAS_WIDTH
        self._canvas = SceneSpec(max(1, round(across * self.scene_aspect)), across, self.projection)
        maps = [r.estimate.uncertainty for r in exploration.records if r.estimate.uncertainty is not None]
        self._range = uncertainty_range(maps) if maps else None
        self.has_uncertainty = len(maps) == self.steps
        self.has_attention = all(r.estimate.attention is not None for r in exploration.records)
        self.has_segmentation = all(r.estimate.segmentation is not None for r in exploration.records)
        self._colours = class_colours(exploration.info)
        self._counts = self._class_counts()
        self.imagines = all(r.estimate.reconstruction is not None for r in exploration.records)
        logits = [r.estimate.classification for r in exploration.records]
        self.has_bars = all(c is not None and 2 <= c.size <= MOST_BARS for c in logits)

    def size(self, width: int) -> tuple[int, int]:
        """height, width of a scene picture."""
        return max(1, round(width * self.aspect)), width

    def imagined(self, k: int, width: int) -> Picture:
        """The reconstruction after a glimpse; what was seen, for a model that does not reconstruct."""
        reconstruction = self.exploration.records[k].estimate.reconstruction
        if reconstruction is None:
            return self.seen(k, width)
        return self._fitted(rgb(reconstruction), width)

    def seen(self, k: int, width: int) -> Picture:
        """The pixels really seen until a glimpse, each from its own few pixels; hatched elsewhere."""
        glimpses = [r.glimpse for r in self.exploration.records[self.exploration.start(k) : k + 1]]
        times = max(1, CANVAS_WIDTH // self._canvas.width)
        return self._fitted(remembered(glimpses, self.exploration.info.glimpse, self._canvas, times), width)

    def truth(self, k: int, width: int) -> Picture | None:
        """The scene itself at a glimpse, where it is known."""
        truth = self.exploration.truth_at(k)
        return None if truth is None else self._fitted(truth, width)

    def _fitted(self, picture: Picture, width: int) -> Picture:
        """Of the scene, in `size`: smooth, but of a tiny one each pixel is to be seen."""
        if self.tiny and picture.shape[1] < width:
            return np.asarray(cv2.resize(picture, self.size(width)[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
        return resized(picture, self.size(width))

    def looks(self, k: int, width: int, numbers: bool = True) -> Picture:
        """The boxes of the glimpses so far, on the truth, or on what was seen where the truth is not known."""
        views = [r.view for r in self.exploration.records[self.exploration.start(k) : k + 1]]
        picture = self.truth(k, width)
        if picture is None:
            picture = self.seen(k, width)
        finest = min(self.exploration.info.glimpse.scales)
        thickness = 2 if width >= 480 else 1
        return with_boxes(picture, views, self.projection, thickness, numbers, finest, self.scene_aspect)

    def where(self, k: int, width: int) -> Picture:
        """`looks` without numbers, for small pictures."""
        return self.looks(k, width, numbers=False)

    def uncertainty(self, k: int, width: int) -> Picture:
        """How unsure the model is, on one scale for the whole run."""
        values = self.exploration.records[k].estimate.uncertainty
        assert values is not None and self._range is not None
        return uncertainty_colour(values, *self._range, self.size(width))

    def attention(self, k: int, width: int) -> Picture:
        """Where the model would look next, each map on a scale of its own: its largest value is what counts."""
        values = self.exploration.records[k].estimate.attention
        assert values is not None
        return uncertainty_colour(values, *uncertainty_range([values]), self.size(width))

    def segmentation(self, k: int, width: int) -> Picture:
        """The likeliest class of every pixel, in the bundle's colours.

        Logits are enlarged, not ids, as `glimpse evaluate` does it: borders are where it would score them. Between two
        pixels of the model no class can win that wins nowhere in the run, so that the legend names all there are.
        """
        ids, size = self._ids(k), self.size(width)
        known = np.flatnonzero(self._counts[:UNKNOWN])
        if self.tiny or known.size < 2:
            return class_colour(ids, self._colours, size)
        logits = self.exploration.records[k].estimate.segmentation
        assert logits is not None
        planes = [cv2.resize(logits[c], size[::-1], interpolation=cv2.INTER_LINEAR) for c in known]
        fine = known[np.argmax(planes, 0)].astype(np.uint8)
        silent = cv2.resize((ids == UNKNOWN).astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST)
        return class_colour(np.where(silent > 0, UNKNOWN, fine).astype(np.uint8), self._colours, size)

    def occurring(self) -> list[tuple[str, Colour]]:
        """Names and colours of the classes that occur in the run, those with most pixels first."""
        found = [int(c) for c in np.argsort(-self._counts, kind="stable") if self._counts[c]][:MOST_NAMED]
        colours = ((int(r), int(g), int(b)) for r, g, b in self._colours[found])
        return [(self.exploration.class_name(c), colour) for c, colour in zip(found, colours, strict=True)]

    def legend(self, width: int, size: int) -> Picture:
        """Those classes as a picture; `size` [px] of the text."""
        return legend(self.occurring(), width, size)

    def _class_counts(self) -> NDArray[np.intp]:
        """(256,) pixels of each class in the whole run; none of a model that does not segment."""
        counts = np.zeros(UNKNOWN + 1, np.intp)
        for k in range(self.steps if self.has_segmentation else 0):
            counts += np.bincount(self._ids(k).ravel(), minlength=UNKNOWN + 1)
        return counts

    def _ids(self, k: int) -> NDArray[np.uint8]:
        logits = self.exploration.records[k].estimate.segmentation
        assert logits is not None
        return class_ids(logits)

    def glimpse(self, k: int, side: int) -> Picture:
        """A glimpse as the camera saw it."""
        return retina(self.exploration.records[k].glimpse, self.exploration.info.glimpse, side)

    def label(self, k: int) -> str | None:
        """The likeliest class of the scene and how likely it is, for a model that classifies."""
        return said(self.exploration, k)

    def classes(self, k: int, size: tuple[int, int]) -> Picture:
        """How likely each class is after a glimpse, (height, width)."""
        logits, info = self.exploration.records[k].estimate.classification, self.exploration.info
        assert logits is not None
        return bars(softmax(logits), info.class_names, size)


def thinned(steps: int, most: int) -> list[int]:
    """At most `most` of the steps, evenly apart, the first and the last among them."""
    if steps <= most:
        return list(range(steps))
    return [round(i * (steps - 1) / (most - 1)) for i in range(most)]


def said(exploration: Exploration, k: int) -> str | None:
    """The likeliest class after glimpse k in words."""
    label = exploration.label(k)
    return None if label is None else f"{label[0]} ({100 * label[1]:.0f} %)"


def numbered(exploration: Exploration, k: int) -> str:
    """Which glimpse it is, in words: from 1, of each frame anew."""
    starts = (*exploration.starts, len(exploration.records))
    frame = max(i for i, start in enumerate(starts[:-1]) if start <= k)
    glimpse = f"glimpse {k + 1 - starts[frame]} of {starts[frame + 1] - starts[frame]}"
    return glimpse if len(starts) == 2 else f"frame {frame + 1}, {glimpse}"


def headline(exploration: Exploration) -> str:
    """The run in one line."""
    bounds = (*exploration.starts, len(exploration.records))
    lengths = [b - a for a, b in zip(bounds, bounds[1:], strict=False)]
    count = max(lengths)
    share = 100.0 * max(exploration.pixel_fraction())
    frames = "" if len(lengths) == 1 else f"{len(lengths)} frames, {'' if min(lengths) == count else 'at most '}"
    looked = f"{frames}{count} glimpse{'' if count == 1 else 's'}{' of each' if frames else ''}"
    looked += f", {share:.3g} % of the pixels"
    label = said(exploration, len(exploration.records) - 1)
    return looked if label is None else f"class {label} after {looked}"
