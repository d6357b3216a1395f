"""The classes of the label pictures: one list for every kind of world, so that rooms and streets train together.

An id is an index into CLASSES; 255 means unlabelled and is not used, because every ray ends on something.
"""

from __future__ import annotations

from typing import NamedTuple


class Class(NamedTuple):
    name: str
    color: tuple[int, int, int]  # RGB, 0-255, of the palette


CLASSES: tuple[Class, ...] = (
    Class("sky", (110, 170, 230)),
    Class("paving", (128, 116, 110)),
    Class("floor", (150, 100, 60)),
    Class("ceiling", (225, 225, 215)),
    Class("wall", (200, 165, 125)),
    Class("roof", (150, 60, 45)),
    Class("window", (70, 110, 160)),
    Class("door", (120, 70, 25)),
    Class("plant", (60, 140, 60)),
    Class("grass", (140, 190, 80)),
    Class("water", (30, 150, 190)),
    Class("stonework", (165, 165, 175)),
    Class("lamp", (255, 215, 80)),
    Class("sign", (230, 60, 60)),
    Class("picture", (190, 80, 170)),
    Class("clock", (250, 140, 40)),
    Class("seat", (90, 60, 160)),
    Class("table", (180, 130, 200)),
    Class("cloth", (240, 160, 180)),
    Class("shelf", (110, 85, 75)),
    Class("book", (40, 190, 150)),
    Class("screen", (30, 40, 70)),
    Class("container", (200, 190, 60)),
    Class("bicycle", (0, 80, 90)),
    Class("animal", (255, 90, 160)),
)
ID = {c.name: i for i, c in enumerate(CLASSES)}
UNLABELLED = 255

_STREET = (
    "sky paving wall roof window door plant grass water stonework lamp sign clock seat table cloth "
    "container bicycle animal"
)
_ROOM = "sky floor ceiling wall window door plant lamp picture clock seat table cloth shelf book screen container"

# The classes that a picture of each kind holds, whatever its seed (a spherical one: it sees everything around).
KIND_CLASSES: dict[str, frozenset[str]] = {"street": frozenset(_STREET.split()), "room": frozenset(_ROOM.split())}
