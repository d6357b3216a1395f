"""Random patterns to paint with: hashed cells, a periodic cloud of noise, cell (Worley) distances, leaves.

Arrays are float32; places are metres unless a scale says otherwise. Everything is a pure function of its arguments.
"""

from __future__ import annotations

from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .geometry import F32

SIZE = 512  # texels a side of the periodic pictures; a power of two


def cell_hash(i: NDArray, j: NDArray | int = 0, salt: int = 0) -> F32:
    """Uniform in [0, 1) for each pair of whole numbers."""
    with np.errstate(over="ignore"):
        h = np.asarray(i).astype(np.int64).astype(np.uint32) * np.uint32(0x9E3779B1)
        h = h ^ (np.asarray(j).astype(np.int64).astype(np.uint32) * np.uint32(0x85EBCA77) + np.uint32(salt * 7919 + 1))
        h = (h ^ (h >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
        h = (h ^ (h >> np.uint32(12))) * np.uint32(0x297A2D39)
        h = h ^ (h >> np.uint32(15))
    return (h >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


@cache
def cloud(power: float = 1.6, seed: int = 0) -> F32:
    """(SIZE, SIZE) periodic fractal noise, mean 0, deviation 1: the spectrum falls with frequency ** -power."""
    rng = np.random.default_rng(seed)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE)))
    f[0, 0] = np.inf
    z = np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIZE, SIZE))) * f**-power).real
    return ((z - z.mean()) / z.std()).astype(np.float32)


def look_up(picture: F32, u: F32, v: F32) -> F32:
    """Bilinear reading of a periodic picture (SIZE, SIZE[, C]) at u, v in periods."""
    x, y = u * SIZE, v * SIZE
    i, j = np.floor(x), np.floor(y)
    fx, fy = (x - i).astype(np.float32), (y - j).astype(np.float32)
    i, j = i.astype(np.int64) & (SIZE - 1), j.astype(np.int64) & (SIZE - 1)
    i1, j1 = (i + 1) & (SIZE - 1), (j + 1) & (SIZE - 1)
    if picture.ndim == 3:
        fx, fy = fx[:, None], fy[:, None]
    top = picture[j, i] * (1 - fx) + picture[j, i1] * fx
    return top * (1 - fy) + (picture[j1, i] * (1 - fx) + picture[j1, i1] * fx) * fy


def fbm(u: F32, v: F32, period: float, power: float = 1.6, seed: int = 0) -> F32:
    """Fractal noise of deviation 1 that repeats every `period` metres."""
    return look_up(cloud(power, seed), u / period, v / period)


def worley(u: F32, v: F32, salt: int = 0, jitter: float = 0.8) -> tuple[F32, F32, F32, F32]:
    """Cells of size about 1: distance to the cell's point, to the border, and two random numbers of the cell."""
    i, j = np.floor(u), np.floor(v)
    d1 = np.full(u.shape, 9.0, np.float32)
    d2, a, b = d1.copy(), np.zeros_like(d1), np.zeros_like(d1)
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            ci, cj = i + di, j + dj
            r, s = cell_hash(ci, cj, salt), cell_hash(ci, cj, salt + 1)
            d = np.hypot(ci + 0.5 + (r - 0.5) * jitter - u, cj + 0.5 + (s - 0.5) * jitter - v)
            first = d < d1
            d2 = np.where(first, d1, np.minimum(d2, d))
            d1, a, b = np.where(first, d, d1), np.where(first, r, a), np.where(first, s, b)
    return d1, d2 - d1, a, b


@lru_cache(maxsize=2)
def leaves(seed: int = 0) -> F32:
    """(SIZE, SIZE, 2) periodic picture of leaves lying over each other: rank and brightness of the leaf.

    The rank is random in (0.1, 1] and 0 where there is no leaf: fewer leaves are left where a higher one is asked for.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros((SIZE, SIZE, 2), np.float32)
    for k in range(900):
        x, y = rng.integers(0, SIZE, 2)
        size, angle, rank = rng.uniform(13, 21), rng.uniform(0, 360), rng.uniform(0.1, 1)
        tone = 0.3 + 0.7 * k / 900  # the later ones lie on top and in the light
        axes = (int(size), int(size * 0.5))
        for dx in (-SIZE, 0, SIZE):
            for dy in (-SIZE, 0, SIZE):
                at = (int(x + dx), int(y + dy))
                cv2.ellipse(out, at, axes, angle, 0, 360, (rank, tone * 0.84, 0, 0), -1)
                cv2.ellipse(out, at, axes, angle, 0, 180, (rank, tone, 0, 0), -1)  # a fold along the leaf
    return out


def smoothstep(low: float | F32, high: float | F32, x: F32) -> F32:
    t = np.clip((x - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)
