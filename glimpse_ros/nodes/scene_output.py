"""What the scene node shows: the belief for the policy, and maps, labels and classes for people and planners."""

from __future__ import annotations

from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import String

from ..core.classes import class_colours, class_ids, class_name, softmax
from ..core.memory import Mosaic
from ..core.types import SceneEstimate, SceneInfo
from . import convert
from .base import LOOP, MAPS, GlimpseNode

FOR_POLICIES = ("reconstruction", "uncertainty", "attention")  # maps that a policy may want, by exact stamp


class SceneOutput:
    """Publishers of one scene node, made in configure; only those whose map the scene model has."""

    def __init__(self, node: GlimpseNode, info: SceneInfo, mosaic: bool) -> None:
        self.info = info
        self.belief = node.publisher(Image, "belief", LOOP)
        self.maps: dict[str, Any] = {}
        kinds = {"segmentation": ("segmentation", "segmentation/color"), "classification": ()}
        for name in sorted(info.outputs):
            for topic in kinds.get(name, (name,)):
                self.maps[topic] = node.publisher(Image, topic, MAPS)
        if mosaic:
            self.maps["mosaic"] = node.publisher(Image, "mosaic", MAPS)
        self.colours = class_colours(info)
        self.label = self.classification = self.label_info = None
        self._vision: Any = None
        if "classification" in info.outputs:
            self.label = node.publisher(String, "class_label", MAPS)
        if {"classification", "segmentation"} & info.outputs:
            self._vision_publishers(node)
        self._last: list[tuple[Any, Image]] = []  # of the newest belief, to say it again

    def _vision_publishers(self, node: GlimpseNode) -> None:
        try:
            from vision_msgs import msg as vision  # not everywhere: the ROS wheels have none
        except ImportError:
            return
        self._vision = vision
        if "classification" in self.info.outputs:
            self.classification = node.publisher(vision.Classification, "classification", MAPS)
        if "segmentation" in self.info.outputs:
            self.label_info = node.publisher(vision.LabelInfo, "segmentation/label_info", MAPS)

    def ask(self, estimate: SceneEstimate, tag: str, stamp: int, shown: bool) -> None:
        """Publish a belief, then the maps that a policy may wait for; `shown`: all other maps too."""
        # The belief first: a policy that reads nothing else answers while the maps are still being drawn.
        self._last = [(self.belief, convert.image_from_map(estimate.belief, stamp, tag))]
        self.again()
        for name in FOR_POLICIES:
            values = getattr(estimate, name)
            if values is not None and name in self.maps:
                message = (
                    convert.image_from_array(convert.rgb_from_chw(values), "rgb8", stamp)
                    if name == "reconstruction"
                    else convert.image_from_map(values, stamp)
                )
                self._last.append((self.maps[name], message))
                self.maps[name].publish(message)
        if shown:
            self._show(estimate, stamp)

    def again(self) -> None:
        """Say the newest belief and its maps once more, as they were."""
        for publisher, message in self._last:
            publisher.publish(message)

    def forget(self) -> None:
        """There is no newest belief."""
        self._last = []

    def show_mosaic(self, mosaic: Mosaic, stamp: int) -> None:
        """What was really seen, on mid grey; nothing is filled in."""
        if "mosaic" in self.maps:
            pixels = np.where(mosaic.seen[..., None], mosaic.colour, np.float32(0.5)).transpose(2, 0, 1)
            self.maps["mosaic"].publish(convert.image_from_array(convert.rgb_from_chw(pixels), "rgb8", stamp))

    def _show(self, estimate: SceneEstimate, stamp: int) -> None:
        head = convert.header(stamp, "")
        if estimate.segmentation is not None and "segmentation" in self.maps:
            ids = class_ids(estimate.segmentation)
            self.maps["segmentation"].publish(convert.image_from_array(ids, "mono8", stamp))
            self.maps["segmentation/color"].publish(convert.image_from_array(self.colours[ids], "rgb8", stamp))
            if self.label_info is not None:
                names = [
                    self._vision.VisionClass(class_id=i, class_name=n) for i, n in enumerate(self.info.class_names)
                ]
                self.label_info.publish(self._vision.LabelInfo(header=head, class_map=names, threshold=0.0))
        if estimate.classification is not None and self.label is not None:
            scores = softmax(estimate.classification)
            best = int(np.argmax(scores))
            self.label.publish(String(data=class_name(self.info, best)))
            if self.classification is not None:
                results = [
                    self._vision.ObjectHypothesis(class_id=class_name(self.info, i), score=float(p))
                    for i, p in enumerate(scores)
                ]
                self.classification.publish(self._vision.Classification(header=head, results=results))
