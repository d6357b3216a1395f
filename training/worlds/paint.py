"""What a material is: a function from points on surfaces to colour, relief, shine and glow. All light is linear RGB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .geometry import F32

Color = tuple[float, float, float]  # sRGB, 0-255
Number = float | np.floating


def linear(color: Color | NDArray) -> F32:
    """Linear light in [0, 1] of sRGB in 0-255, any shape."""
    c = np.asarray(color, np.float32) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


def srgb(light: F32) -> F32:
    """sRGB in [0, 1] of linear light, clipped: the inverse of `linear`, but for its range."""
    x = np.clip(light, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


@dataclass(frozen=True)
class Hit:
    """m points on surfaces of one material."""

    u: F32  # (m,) metres to the right on the surface, as one looks at it
    v: F32  # (m,) metres up on the surface (away from the front, on a floor)
    unit: F32  # (m, 3) unit coordinates of the solid
    p: F32  # (m, 3) metres in the frame that the solid was built in: x right, y away, z up
    n: F32  # (m, 3) normal in that frame
    half: F32  # (m, 3) half the solid's width along its own axes [m]
    rnd: F32  # (m,) the solid's random number in [0, 1)
    foot: F32  # (m,) the width that one picture pixel covers there [m]


@dataclass
class Surface:
    """What is painted at the m points of a hit."""

    albedo: F32  # (m, 3) linear
    slope: tuple[F32, F32] | None = None  # (m,) each: how fast the surface rises along u and v
    mirror: F32 | float = 0.0  # (m,) part of the light that is mirrored when looked at squarely
    glow: F32 | None = None  # (m, 3) light of its own


@dataclass(frozen=True, eq=False)
class Material:
    shade: Callable[[Hit], Surface]
    mean: F32  # (3,) linear, what it looks like from afar: for bounced light
    glow: F32 | None = None  # (3,) mean light of its own


def material(mean: Color, glow: Color | None = None) -> Callable[[Callable[[Hit], Surface]], Material]:
    """Decorator: a shading function with its mean colour becomes a material."""
    return lambda shade: Material(shade, linear(mean), None if glow is None else linear(glow))


def mix(a: F32 | Number, b: F32 | Number, t: F32 | Number) -> F32:
    """From a (t = 0) to b (t = 1), numbers (m,) or colours (m, 3); t (m,) is stretched over colours."""
    t = np.asarray(t, np.float32)
    if np.ndim(t) == 1 and (np.ndim(a) == 2 or np.ndim(b) == 2):
        t = t[:, None]
    return np.asarray(a + (b - a) * t)


def tint(color: F32, amount: F32) -> F32:
    """Colour (3,) or (m, 3) times brightness (m,)."""
    return (np.atleast_2d(color) * amount[:, None]).astype(np.float32)


def vary(color: Color, rng: np.random.Generator, amount: float = 12) -> Color:
    """A colour near by: all channels together and each a little alone."""
    c = np.asarray(color, float) + rng.normal(0, amount) + rng.normal(0, amount / 3, 3)
    return tuple(np.clip(c, 5, 250))  # type: ignore[return-value]
