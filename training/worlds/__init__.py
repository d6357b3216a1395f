"""Small worlds, rendered: squares and rooms with labels, for the scene that ships and for training data.

python -m training.worlds --kind street --seed 3 --size 512x1024 --out square.png --labels square_labels.png
"""

from .classes import CLASSES, ID, KIND_CLASSES, UNLABELLED
from .render import Camera, render
from .room import room
from .street import street

KINDS = {"street": street, "room": room}

__all__ = ["CLASSES", "ID", "KINDS", "KIND_CLASSES", "UNLABELLED", "Camera", "render"]
