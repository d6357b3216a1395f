"""The canvas model: a scene model of fixed cost per glimpse with a scene-wide memory.

A glimpse is encoded at its own g x g pixels and its features are written into a map of the whole scene at its place,
gated by sharpness, so that a sharper look is never overwritten by a blurrier one; its pixels go into a mosaic by the
same rule. What was not seen is first guessed by a Gaussian prior over scenes (`prior`). Two networks then correct: a
U-Net with a little attention at its coarsest level, at a quarter of the resolution, imagines what was not seen and
tells how wrong it expects to be; a shallow one at full resolution sharpens what was. Nothing is re-encoded and no state
grows (the finding of CanViT, arXiv 2603.22570: train on random glimpses, for any policy; the design is our own).

B batch, H x W canvas (256 x 512), h x w = H/4 x W/4 feature map, F features, N = H/16 * W/16 belief cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import retina
from .canvas_blocks import Attention, Conv, Entry, Join, Residual, doubled, wrapped
from .prior import CELL, Prior

DETAIL_SCALES = (1.0, 1 / 2, 1 / 4, 1 / 8)  # s at which the belief tells how much detail a look would still miss
BELIEF_CHANNELS = 2 + len(DETAIL_SCALES)  # error now, error at each detail scale, sharpness
COVERED = 0.45  # share of a pixel from which it counts; a half is common, and rounding is not to decide it
GROUPS = 8  # of the group norms
Memory = tuple[Tensor, Tensor, Tensor]  # colour, sharpness, features
FLOOR = 1e-5  # of a predicted squared error, in [0, 1]^2


@dataclass(frozen=True)
class CanvasConfig:
    """Sizes of the model; they fix every shape."""

    height: int = 256
    width: int = 512
    glimpse: int = 32
    spherical: bool = True
    features: int = 16  # written into the map
    widths: tuple[int, int, int, int] = (32, 80, 144, 176)  # at 1/4, 1/8, 1/16, 1/32 of the canvas
    blocks: int = 2  # attention blocks at the coarsest level


class Canvas(nn.Module):
    """`write` is one step of memory, `perceive` reads what the belief needs, `decode` draws the reconstruction."""

    latitude: Tensor  # (1, 2, h, w): y and |y|

    def __init__(self, config: CanvasConfig) -> None:
        super().__init__()
        self.config = config
        wraps, (c0, c1, c2, c3) = config.spherical, config.widths
        self.encode = nn.Sequential(
            nn.Conv2d(4, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
            nn.Conv2d(32, config.features, 3, padding=1),
        )  # fmt: skip
        self.prior = Prior(config.height // CELL, config.width // CELL)
        self.enter1 = Entry(10 + config.features, c1, wraps)
        self.enc1 = Residual(c1, wraps, GROUPS)
        self.down2 = nn.Conv2d(c1, c2, 2, stride=2)
        self.enc2 = Residual(c2, wraps, GROUPS)
        self.down3 = nn.Conv2d(c2, c3, 2, stride=2)
        self.place = nn.Parameter(torch.zeros(1, c3, config.height // 32, 1 if wraps else config.width // 32))
        self.mid = nn.ModuleList()
        for _ in range(config.blocks):
            self.mid += [Residual(c3, wraps, GROUPS), Attention(c3)]
        self.up2, self.dec2 = Join(c3, c2, c2), Residual(c2, wraps, GROUPS)
        self.belief_head = nn.Sequential(nn.ReLU(), nn.Conv2d(c2, 1 + len(DETAIL_SCALES), 1))
        self.up1, self.dec1 = Join(c2, c1, c1), Residual(c1, wraps, GROUPS)
        self.dream = Conv(c1, 12, wraps)
        self.enter0 = Conv(3 * 16 + 2 + config.features + 3, c0, wraps)
        self.up0 = nn.Conv2d(c1, c0, 1)
        self.dec0 = nn.Sequential(Residual(c0, wraps), Residual(c0, wraps))
        self.leave = Conv(c0, 48, wraps)
        for last in (self.dream, self.leave):  # starts as mosaic and prior
            for weight in last.parameters():
                nn.init.zeros_(weight)
        y = (torch.arange(config.height // 4) + 0.5) / (config.height // 4) * 2 - 1
        lat = torch.stack([y, y.abs()])[None, :, :, None].expand(1, 2, config.height // 4, config.width // 4)
        self.register_buffer("latitude", lat.contiguous(), persistent=False)

    def empty(self, batch: int) -> Memory:
        """colour (B, 3, H, W), sharpness (B, 1, H, W), features (B, F + 1, h, w), all zero."""
        c, device = self.config, self.place.device
        return (
            torch.zeros(batch, 3, c.height, c.width, device=device),
            torch.zeros(batch, 1, c.height, c.width, device=device),
            torch.zeros(batch, c.features + 1, c.height // 4, c.width // 4, device=device),
        )

    def write(self, memory: Memory, glimpse: Tensor, view: Tensor) -> Memory:
        """Write glimpses (B, 3, g, g) taken at views (B, 3).

        The last channel of the feature map is the sharpness that it was written with.
        """
        c = self.config
        colour, sharp, features = memory
        level = retina.sharpness(view[:, 2])[:, None, None, None]  # (B, 1, 1, 1)
        encoded = self.encode(torch.cat([glimpse - 0.5, level.expand(-1, 1, c.glimpse, c.glimpse)], 1))
        with torch.autocast(glimpse.device.type, enabled=False):  # places need all their digits
            pixels, covered = retina.paste(glimpse, view, c.height, c.width, c.spherical)
            spread, covered_low = retina.paste(encoded.float(), view, c.height // 4, c.width // 4, c.spherical)
        gate = (covered > COVERED) & (level >= sharp - 1e-6)
        gate_low = (covered_low > COVERED) & (level >= features[:, -1:] - 1e-6)
        spread = torch.cat([spread, level.expand(-1, 1, c.height // 4, c.width // 4)], 1)
        return (
            torch.where(gate, pixels.clamp(0, 1), colour),
            torch.where(gate, level, sharp),
            torch.where(gate_low, spread, features),
        )

    def perceive(self, memory: Memory) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """-> errors (B, 1 + K, H/16, W/16), see `understand`; and what `decode` needs: the smooth fill (B, 3, h, w),
        features at 1/8 and at 1/16 of the canvas."""
        colour, sharp, features = memory
        seen = (sharp > 0).to(colour.dtype)
        known = F.avg_pool2d(seen, 4)
        pooled = F.avg_pool2d(colour * seen, 4)
        smooth = self.fill(pooled, known)
        errors, x1, x2 = self.understand(pooled, known, F.avg_pool2d(sharp, 4), smooth, features[:, :-1])
        return errors, smooth, x1, x2

    def understand(
        self, pooled: Tensor, known: Tensor, sharp: Tensor, smooth: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The U-Net down and half-way up, all inputs (B, C, h, w): colour times seen, the share seen, sharpness, the
        smooth fill, features. -> errors (B, 1 + K, H/16, W/16): the squared errors in [0, 1]^2 that are expected now
        and after a look at each detail scale; features at 1/8 and at 1/16."""
        x1, x2, x3 = self.descend(pooled, known, sharp, smooth, features)
        for block in self.mid:
            x3 = block(x3)
        errors, x2 = self.ascend(x3, x2)
        return errors, x1, x2

    def descend(
        self, pooled: Tensor, known: Tensor, sharp: Tensor, smooth: Tensor, features: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The U-Net down: features at 1/8, 1/16 and 1/32."""
        lat = self.latitude.expand(len(pooled), -1, -1, -1)
        inputs = torch.cat([pooled - 0.5 * known, known, sharp, smooth - 0.5, lat, features], 1)
        x1 = self.enc1(self.enter1(inputs))
        x2 = self.enc2(self.down2(x1))
        return x1, x2, self.down3(x2) + self.place

    def ascend(self, x3: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        """Half-way up: errors (B, 1 + K, H/16, W/16), see `understand`; features at 1/16."""
        x2 = self.dec2(self.up2(x3, x2))
        return F.softplus(self.belief_head(x2).float()) * 0.02 + FLOOR, x2

    def imagine(self, smooth: Tensor, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        """The rest of the U-Net: the scene at a quarter of its resolution (B, 3, h, w), and features at 1/8."""
        x1 = self.dec1(self.up1(x2, x1))
        return smooth + F.pixel_shuffle(self.dream(F.relu(x1)).float(), 2), x1

    def decode(self, memory: Memory, smooth: Tensor, x1: Tensor, x2: Tensor) -> Tensor:
        """Reconstruction (B, 3, H, W), in [0, 1] but not clamped."""
        imagined, x0 = self.sharpen(memory, smooth, x1, x2)
        return self.draw(memory, imagined, x0)

    def sharpen(self, memory: Memory, smooth: Tensor, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        """The shallow network at full resolution: the imagined scene (B, 3, h, w), features (B, c0, h, w)."""
        colour, sharp, features = memory
        seen = (sharp > 0).to(colour.dtype)
        imagined, x1 = self.imagine(smooth, x1, x2)
        pixels = F.pixel_unshuffle((colour - 0.5) * seen, 4)  # (B, 48, h, w)
        known = torch.cat([F.avg_pool2d(sharp, 4), F.avg_pool2d(seen, 4)], 1)
        x0 = self.enter0(torch.cat([pixels, known, features[:, :-1], imagined - 0.5], 1)) + doubled(self.up0(x1))
        return imagined, F.relu(self.dec0(x0))

    def draw(self, memory: Memory, imagined: Tensor, x0: Tensor) -> Tensor:
        """What was seen, what was imagined, and the correction of both: (B, 3, H, W)."""
        correction = F.pixel_shuffle(self.leave(x0).float(), 4)  # (B, 3, H, W)
        return torch.where(memory[1] > 0, memory[0], self._enlarge(self._enlarge(imagined))) + correction

    def forward(self, memory: Memory) -> tuple[Tensor, Tensor]:
        """-> reconstruction (B, 3, H, W) and errors (B, 1 + K, H/16, W/16)."""
        errors, smooth, x1, x2 = self.perceive(memory)
        return self.decode(memory, smooth, x1, x2), errors

    def belief(self, memory: Memory, errors: Tensor) -> Tensor:
        """(B, N, D): per cell of H/16 x W/16, row by row: predicted RMSE now, at each detail scale, and sharpness."""
        known = F.avg_pool2d(memory[1], 16)
        return torch.cat([errors.sqrt(), known], 1).flatten(2).transpose(1, 2)

    def fill(self, pooled: Tensor, known: Tensor) -> Tensor:
        """Colour times seen (B, 3, h, w) and the share seen (B, 1, h, w) -> a soft guess everywhere, (B, 3, h, w):
        the prior's posterior mean, and near what was seen what it got wrong there (multi-scale normalised convolution,
        as in `core.memory.fill`). What the networks correct."""
        with torch.autocast(pooled.device.type, enabled=False):  # conjugate gradients need their digits
            mean = self.prior(F.avg_pool2d(pooled, 4), F.avg_pool2d(known, 4))
        coarse = self._enlarge(self._enlarge(mean))
        levels = [(pooled - coarse * known, known)]
        for _ in range(3):
            c, m = levels[-1]
            levels.append((F.avg_pool2d(c, 2), F.avg_pool2d(m, 2)))
        estimate = torch.zeros_like(levels[-1][0])
        for level, (c, m) in enumerate(reversed(levels)):
            if level:
                estimate = self._enlarge(estimate)
            weight = (2 * m).clamp(max=1)
            estimate = weight * c / m.clamp(min=1e-4) + (1 - weight) * estimate
        return coarse + estimate

    def _enlarge(self, x: Tensor) -> Tensor:
        """Linear upsampling by 2, across the seam of a sphere."""
        if self.config.spherical:
            return F.interpolate(wrapped(x), scale_factor=2.0, mode="bilinear")[..., 2:-2]
        return F.interpolate(x, scale_factor=2.0, mode="bilinear")
