"""Images with labels to train on, of many data sets by one call: `load("camvid:DIR", "train", (144, 192))`."""

from .load import Labelled, load

__all__ = ["Labelled", "load"]
