"""The pictures of one exploration at any size, drawn once and shared by filmstrip, page and animation."""

from __future__ import annotations

from ..core.types import SceneSpec
from .exploration import Exploration, resized, rgb
from .pictures import (
    Picture,
    remembered,
    retina,
    segmentation_colour,
    uncertainty_colour,
    uncertainty_range,
    with_boxes,
)

CANVAS_WIDTH = 512  # [px] what was seen is pasted on a canvas this wide


class Panels:
    """Step k counts from 0. Every picture is uint8 (H, W, 3) RGB of the size asked for."""

    def __init__(self, exploration: Exploration) -> None:
        self.exploration = exploration
        self.projection = exploration.info.scene.projection
        self.steps = len(exploration.records)
        height, width = exploration.evaluation_size()
        self.aspect = height / width
        self._canvas = SceneSpec(round(CANVAS_WIDTH * self.aspect), CANVAS_WIDTH, self.projection)
        maps = [r.estimate.uncertainty for r in exploration.records if r.estimate.uncertainty is not None]
        self._range = uncertainty_range(maps) if maps else None
        self.has_uncertainty = len(maps) == self.steps
        self.has_segmentation = all(r.estimate.segmentation is not None for r in exploration.records)
        self.imagines = all(r.estimate.reconstruction is not None for r in exploration.records)

    def size(self, width: int) -> tuple[int, int]:
        """height, width of a scene picture."""
        return max(1, round(width * self.aspect)), width

    def imagined(self, k: int, width: int) -> Picture:
        """The reconstruction after a glimpse; what was seen, for a model that does not reconstruct."""
        reconstruction = self.exploration.records[k].estimate.reconstruction
        if reconstruction is None:
            return self.seen(k, width)
        return resized(rgb(reconstruction), self.size(width))

    def seen(self, k: int, width: int) -> Picture:
        """The pixels really seen until a glimpse, each from its own few pixels; hatched elsewhere."""
        glimpses = [r.glimpse for r in self.exploration.records[: k + 1]]
        return resized(remembered(glimpses, self.exploration.info.glimpse, self._canvas), self.size(width))

    def truth(self, k: int, width: int) -> Picture | None:
        """The scene itself at a glimpse, where it is known."""
        truth = self.exploration.truth_at(k)
        return None if truth is None else resized(truth, self.size(width))

    def looks(self, k: int, width: int, numbers: bool = True) -> Picture:
        """The boxes of the glimpses so far, on the truth, or on what was seen where the truth is not known."""
        views = [r.view for r in self.exploration.records[: k + 1]]
        picture = self.truth(k, width)
        if picture is None:
            picture = self.seen(k, width)
        return with_boxes(picture, views, self.projection, 2 if width >= 480 else 1, numbers)

    def where(self, k: int, width: int) -> Picture:
        """`looks` without numbers, for small pictures."""
        return self.looks(k, width, numbers=False)

    def uncertainty(self, k: int, width: int) -> Picture:
        """How unsure the model is, on one scale for the whole run."""
        values = self.exploration.records[k].estimate.uncertainty
        assert values is not None and self._range is not None
        return uncertainty_colour(values, *self._range, self.size(width))

    def segmentation(self, k: int, width: int) -> Picture:
        """The likeliest class of every pixel, in the bundle's colours."""
        logits = self.exploration.records[k].estimate.segmentation
        assert logits is not None
        return segmentation_colour(logits, self.exploration.info.palette, self.size(width))

    def glimpse(self, k: int, side: int) -> Picture:
        """A glimpse as the camera saw it."""
        return retina(self.exploration.records[k].glimpse, self.exploration.info.glimpse, side)

    def label(self, k: int) -> str | None:
        """The likeliest class of the scene, for a model that classifies."""
        logits = self.exploration.records[k].estimate.classification
        if logits is None:
            return None
        best = int(logits.argmax())
        names = self.exploration.info.class_names
        return names[best] if best < len(names) else f"class {best}"


def thinned(steps: int, most: int) -> list[int]:
    """At most `most` of the steps, evenly apart, the first and the last among them."""
    if steps <= most:
        return list(range(steps))
    return [round(i * (steps - 1) / (most - 1)) for i in range(most)]


def headline(exploration: Exploration) -> str:
    """The run in one line."""
    count = len(exploration.records)
    share = 100.0 * exploration.pixel_fraction()[-1]
    return f"{count} glimpse{'' if count == 1 else 's'}, {share:.3g} % of the pixels"
