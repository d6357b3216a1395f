"""Whether a model fits data: scenes of their size, where they have one of their own, and their list of classes."""

from __future__ import annotations

from ..core.types import GlimpseError, SceneInfo
from .truth import Truth

VERBS = {"segmentation": "segments", "classification": "knows"}


def class_count(info: SceneInfo, output: str) -> int:
    """Of an output, "segmentation" or "classification"; 0 where the model has no such output."""
    if output not in info.outputs:
        return 0
    shapes = info.details.get("shapes")
    return int(shapes[output][1]) if isinstance(shapes, dict) and output in shapes else len(info.class_names)


def check_fit(name: str, info: SceneInfo, truth: Truth) -> None:
    """Raise GlimpseError where the model is made for another size, or another number, order or names of classes."""
    size = info.scene.height, info.scene.width
    if truth.own_size and size != truth.size:
        raise GlimpseError(
            f"{name}: its scenes are {size[0]}x{size[1]} pixels, those of {truth.name} are "
            f"{truth.size[0]}x{truth.size[1]}; expected a model that is made for them"
        )
    for output, labels in (("segmentation", truth.maps), ("classification", truth.answers)):
        count = class_count(info, output)
        if labels is None or not count or not truth.classes:
            continue
        if count != truth.classes:
            raise GlimpseError(f"{name}: {VERBS[output]} {count} classes; expected the {truth.classes} of {truth.name}")
        if len(info.class_names) != count or len(truth.class_names) != count:
            continue
        for i, (own, other) in enumerate(zip(info.class_names, truth.class_names, strict=True)):
            if own.casefold() != other.casefold():
                raise GlimpseError(f"{name}: its class {i} is {own!r}; expected {other!r}, as in {truth.name}")
