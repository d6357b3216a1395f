"""What scenes look like before anything is seen: a Gaussian prior over coarse cells, and its posterior given a memory.

Cells are 1/16 of the canvas. The prior is a mean colour for each latitude and one covariance between cells, shared by
the colours up to their scale, both measured on training scenes; around the vertical axis of a panorama every heading is
alike, so all rolls and mirror images count. What is seen then says about everything else exactly what the covariance
allows (kriging; Rasmussen & Williams, Gaussian Processes, 2006, section 2.2). The linear system is solved by a fixed
number of conjugate gradient steps (Shewchuk 1994), so that it is a handful of matrix products in an ONNX graph.

N = rows * columns cells, row by row.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CELL = 16  # [px] of the canvas
NUGGET = 0.03  # share of a cell's variance that its neighbours do not explain
PARTLY = 0.25  # how far the seen part of a cell is from the whole, at half seen, as a share of its variance
STEPS = 48  # of conjugate gradients: with 32, rounding still shows in the answer (0.01); with 48 it does not (0.003)


class Prior(nn.Module):
    """Posterior mean of all cells given what is known of some."""

    mean: Tensor  # (N, 3)
    covariance: Tensor  # (N, N), mean variance 1

    def __init__(self, rows: int, cols: int) -> None:
        super().__init__()
        self.rows, self.cols = rows, cols
        self.register_buffer("mean", torch.full((rows * cols, 3), 0.5))
        self.register_buffer("covariance", torch.eye(rows * cols))

    def forward(self, pooled: Tensor, known: Tensor) -> Tensor:
        """pooled (B, 3, rows, cols): colour times the share seen; known (B, 1, rows, cols): that share -> mean
        (B, 3, rows, cols). Before the first glimpse it is the prior's."""
        # In doubles: single precision loses conjugacy, and an answer would differ between machines by some per cent.
        covariance, mean = self.covariance.double(), self.mean.double()
        share = known.double().flatten(2).transpose(1, 2)  # (B, N, 1)
        seen = pooled.double().flatten(2).transpose(1, 2) / share.clamp(min=1e-4) - mean  # (B, N, 3)
        weight = torch.where(share > 1e-3, share / (NUGGET * share + PARTLY * (1 - share)), torch.zeros_like(share))
        root = weight.sqrt()
        # (I + root C root) x = root seen; the posterior mean is mean + C root x.
        x = torch.zeros_like(seen)
        residual = root * seen
        direction = residual
        size = (residual * residual).sum(1, keepdim=True)  # (B, 1, 3)
        for _ in range(STEPS):
            image = direction + root * (covariance @ (root * direction))
            step = size / ((direction * image).sum(1, keepdim=True) + 1e-12)
            x = x + step * direction
            residual = residual - step * image
            new = (residual * residual).sum(1, keepdim=True)
            direction = residual + new / (size + 1e-12) * direction
            size = new
        posterior = mean + covariance @ (root * x)
        return posterior.to(pooled.dtype).transpose(1, 2).unflatten(2, (self.rows, self.cols))

    def fit(self, scenes: list[NDArray[np.uint8]], spherical: bool) -> None:
        """Measure mean and covariance on scenes, (h, w, 3) or (h, w, 4); those with gaps do not count."""
        size = (self.cols, self.rows)
        whole = [s[..., :3] for s in scenes if s.shape[2] == 3 or s[..., 3].min() == 255] or [
            s[..., :3] for s in scenes
        ]
        cells = np.stack([cv2.resize(s, size, interpolation=cv2.INTER_AREA) for s in whole]).astype(np.float64) / 255
        cells = np.concatenate([cells, cells[:, :, ::-1]])  # (n, rows, cols, 3), mirrored too
        mean = cells.mean((0, 2), keepdims=True) if spherical else cells.mean(0, keepdims=True)
        away = cells - mean
        if spherical:
            spectrum = np.fft.fft(away, axis=2)
            cross = np.einsum("nikc,njkc->ijk", spectrum, spectrum.conj()) / self.cols  # (rows, rows, cols)
            lags = np.fft.ifft(cross, axis=2).real
            lag = (np.arange(self.cols)[:, None] - np.arange(self.cols)[None]) % self.cols
            covariance = lags[:, :, lag].transpose(0, 2, 1, 3).reshape(self.rows * self.cols, -1)
        else:
            flat = away.reshape(len(away), -1, 3)
            covariance = np.einsum("nic,njc->ij", flat, flat) + self._nearness(flat)
        covariance *= len(covariance) / max(np.trace(covariance), 1e-12)
        mean = np.broadcast_to(mean[0], (self.rows, self.cols, 3)).reshape(-1, 3)
        self.mean.copy_(torch.from_numpy(mean.copy()))
        self.covariance.copy_(torch.from_numpy(covariance))

    def _nearness(self, flat: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, N): cells near each other are alike; the weight of 50 scenes, for data sets too small to tell."""
        y, x = np.divmod(np.arange(self.rows * self.cols), self.cols)
        distance = np.hypot(y[:, None] - y, x[:, None] - x)
        return np.asarray(50 * flat.var() * 3 * np.exp(-distance / (self.rows / 4)), np.float64)
