"""An exploration as pictures: a page, a filmstrip, an animation and its numbers. No ROS, no torch."""

from .exploration import Curve, Exploration, metrics
from .write import write_report

__all__ = ["Curve", "Exploration", "metrics", "write_report"]
