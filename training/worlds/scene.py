"""A world as data, and the builder that puts it together in frames within frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .classes import ID
from .geometry import BALL, BOX, CONE, F32, PRISM, PYRAMID, Cutout, Solids
from .light import Lamp, Sky, Sun
from .paint import Material


@dataclass(frozen=True)
class World:
    """Everything that a picture is made from."""

    solids: Solids
    classes: NDArray[np.uint8]  # (n,) of each solid
    material: NDArray[np.int16]  # (n,) index into materials
    materials: tuple[Material, ...]
    frame: NDArray[np.int16]  # (n,) index into the frames that solids were built in
    frame_axes: F32  # (f, 3, 3) frame_from_world
    frame_origin: F32  # (f, 3) world
    seen: NDArray[np.bool_]  # (n,) the camera sees it; else it stands in for finer things when light bounces
    coarse: NDArray[np.bool_]  # (n,) light bounces off it
    sky: Sky
    sun: Sun
    lamps: tuple[Lamp, ...]
    ambient: F32  # (3,) light that reaches surfaces by many bounces: a guess
    camera: F32  # (3,) where the camera stands
    heading: float  # pan of the picture's centre [rad]
    indoor: tuple[F32, F32] | None = None  # two corners of a room whose daylight comes by lamps in its windows
    exposure: float = 1.0


@dataclass
class _Parts:
    kind: list[int] = field(default_factory=list)
    local: list[NDArray] = field(default_factory=list)
    centre: list[NDArray] = field(default_factory=list)
    taper: list[float] = field(default_factory=list)
    rnd: list[float] = field(default_factory=list)
    cutouts: dict[int, Cutout] = field(default_factory=dict)
    classes: list[int] = field(default_factory=list)
    material: list[int] = field(default_factory=list)
    frame: list[int] = field(default_factory=list)
    seen: list[bool] = field(default_factory=list)
    coarse: list[bool] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    axes: list[NDArray] = field(default_factory=list)
    origin: list[NDArray] = field(default_factory=list)
    lamps: list[Lamp] = field(default_factory=list)


def turn(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> NDArray[np.float64]:
    """(3, 3) outer_from_inner: roll about y, then pitch about x (far side up), then yaw about z; all rad."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    return z @ x @ y


@dataclass(frozen=True)
class Builder:
    """Places solids in a frame of its own: x to the right, y away from the viewer, z up, metres.

    What is built in one frame shares its texture coordinates, so a wall of many boxes looks like one.
    """

    rng: np.random.Generator
    parts: _Parts = field(default_factory=_Parts)
    axes: NDArray = field(default_factory=lambda: np.eye(3))  # world_from_frame
    origin: NDArray = field(default_factory=lambda: np.zeros(3))
    index: int = -1

    def __post_init__(self) -> None:
        self.parts.axes.append(self.axes)
        self.parts.origin.append(self.origin)
        object.__setattr__(self, "index", len(self.parts.axes) - 1)

    def at(
        self, x: float, y: float, z: float = 0.0, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0
    ) -> Builder:
        """A frame inside this one: moved by metres, turned by rad."""
        origin = self.origin + self.axes @ np.array([x, y, z], float)
        return replace(self, axes=self.axes @ turn(yaw, pitch, roll), origin=origin)

    def _add(
        self, kind: int, centre: tuple, half: NDArray, axes: NDArray | None, m: Material, cls: str,
        taper: float = 1.0, cutout: Cutout | None = None, coarse: bool | None = None, seen: bool = True,
    ) -> None:  # fmt: skip
        p = self.parts
        half = np.maximum(np.abs(np.asarray(half, float)), 1e-4)
        world = self.axes if axes is None else self.axes @ axes
        if cutout is not None:
            p.cutouts[len(p.kind)] = cutout
        if coarse is None:  # large enough to colour the light around it
            a, b, _ = sorted(half, reverse=True)
            coarse = a * b > 0.3 and cutout is None
        if m not in p.materials:
            p.materials.append(m)
        p.kind.append(kind)
        p.local.append(world.T / half[:, None])
        p.centre.append(self.origin + self.axes @ np.asarray(centre, float))
        p.taper.append(taper)
        p.rnd.append(self.rng.random())
        p.classes.append(ID[cls])
        p.material.append(p.materials.index(m))
        p.frame.append(self.index)
        p.seen.append(seen)
        p.coarse.append(coarse)

    def box(self, x: tuple, y: tuple, z: tuple, m: Material, cls: str, **more) -> None:
        """A box from corner to corner: (low, high) along each axis."""
        lo, hi = np.array([x, y, z], float).T
        self._add(BOX, tuple((lo + hi) / 2), (hi - lo) / 2, None, m, cls, **more)

    def ball(self, centre: tuple, radius: float | tuple, m: Material, cls: str, **more) -> None:
        """A ball, or an ellipsoid of three radii."""
        self._add(BALL, centre, np.broadcast_to(np.asarray(radius, float), 3), None, m, cls, **more)

    def cone(
        self, base: tuple, radius: float, height: float, m: Material, cls: str, taper: float = 1.0, **more
    ) -> None:
        """A standing cylinder or cone: centre of its base, radius there, height; `taper` is top over base radius."""
        x, y, z = base
        half = np.array([radius, radius, height / 2])
        self._add(CONE, (x, y, z + height / 2), half, None, m, cls, taper=taper, **more)

    def rod(self, a: tuple, b: tuple, radius: float, m: Material, cls: str, taper: float = 1.0, **more) -> None:
        """A cylinder or cone from point to point."""
        a_, b_ = np.asarray(a, float), np.asarray(b, float)
        along = b_ - a_
        length = float(np.linalg.norm(along))
        if length < 1e-6:
            return
        z = along / length
        x = np.cross([0, 0, 1.0] if abs(z[2]) < 0.9 else [0, 1.0, 0], z)
        x /= np.linalg.norm(x)
        axes = np.stack([x, np.cross(z, x), z], 1)
        half = np.array([radius, radius, length / 2])
        self._add(CONE, tuple((a_ + b_) / 2), half, axes, m, cls, taper=taper, **more)

    def gable(self, x: tuple, y: tuple, z: tuple, m: Material, cls: str, **more) -> None:
        """A triangular prism: base at z[0], ridge along y at z[1]."""
        lo, hi = np.array([x, y, z], float).T
        self._add(PRISM, tuple((lo + hi) / 2), (hi - lo) / 2, None, m, cls, **more)

    def pyramid(self, x: tuple, y: tuple, z: tuple, m: Material, cls: str, **more) -> None:
        """A four-sided pyramid, tip at z[1]."""
        lo, hi = np.array([x, y, z], float).T
        self._add(PYRAMID, tuple((lo + hi) / 2), (hi - lo) / 2, None, m, cls, **more)

    def place(self, p: tuple) -> NDArray:
        """A point of this frame in the world."""
        return self.origin + self.axes @ np.asarray(p, float)

    def world(
        self, sky: Sky, sun: Sun, ambient: tuple, camera: tuple, heading: float, exposure: float = 1.0,
        indoor: tuple | None = None,
    ) -> World:  # fmt: skip
        """The finished world; this builder's frame is the world's."""
        p, f32 = self.parts, np.float32
        solids = Solids(
            np.array(p.kind, np.int8), np.array(p.local, f32), np.array(p.centre, f32),
            np.array(p.taper, f32), np.array(p.rnd, f32), dict(p.cutouts),
        )  # fmt: skip
        return World(
            solids=solids,
            classes=np.array(p.classes, np.uint8),
            material=np.array(p.material, np.int16),
            materials=tuple(p.materials),
            frame=np.array(p.frame, np.int16),
            frame_axes=np.array(p.axes, f32).transpose(0, 2, 1),
            frame_origin=np.array(p.origin, f32),
            seen=np.array(p.seen, bool),
            coarse=np.array(p.coarse, bool),
            sky=sky,
            sun=sun,
            lamps=tuple(p.lamps),
            ambient=np.array(ambient, f32),
            camera=np.array(camera, f32),
            heading=heading,
            exposure=exposure,
            indoor=None if indoor is None else (np.array(indoor[0], f32), np.array(indoor[1], f32)),
        )
