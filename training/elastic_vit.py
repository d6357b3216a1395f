"""The elastic scene model of AdaGlimpse (Pardyl et al., ECCV 2024), with two memories behind one interface.

A glimpse of any place and scale becomes g x g tokens; what tells them apart is a continuous code of their corners.
With the memory `tokens` (the paper, section 3.1) every token seen so far is encoded again at every step by a ViT, and a
masked autoencoder's decoder draws the scene (`training.elastic_tokens`): the cost grows with what was seen, up to a
fixed capacity. With `canvas` (ours; the idea of CanViT, arXiv 2603.22570) glimpse tokens read from a map of the scene
by cross-attention and write into it, their pixels go into a mosaic, and the decoders read both: nothing is re-encoded,
the cost is constant. Without the map (`ElasticConfig.map`) the mosaic is all that is kept.

`write` takes a glimpse in, `look` reads what a decision needs, `decode` draws. B batch, H x W scene, d width,
n = g * g tokens a glimpse, N = H/32 * W/32 cells of the map. Views are (x, y, s) in the scene frame.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .canvas import BELIEF_CHANNELS, Canvas, CanvasConfig
from .canvas_blocks import Attention
from .elastic_blocks import Layer
from .elastic_labels import Segmenter
from .low_rank_prior import LowRankPrior
from .token_places import apart, cell_boxes, corner_code, token_boxes

Size = Literal["tiny", "small", "base"]
SIZES: dict[str, tuple[int, int, int]] = {"tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12)}
CELL = 32  # [px] of the scene under one cell of the map
FINE = 16  # [px] under one cell of the error map
Memory = tuple[Tensor, ...]


@dataclass(frozen=True)
class ElasticConfig(CanvasConfig):
    """Sizes of the model; they fix every shape. features, widths and blocks are those of the canvas's decoder."""

    memory: str = "canvas"
    size: str = "tiny"
    map: bool = True  # of the canvas: tokens write into a map; without it the mosaic's U-Net works alone
    depth: int = 4  # blocks of the encoder; 0: as many as the size has (12)
    patch: int = 16  # [px] of the glimpse under one token
    capacity: int = 12  # glimpses that the memory `tokens` holds
    decoder_width: int = 192  # of the decoder of `tokens`; the paper's is 512
    decoder_depth: int = 2  # blocks; the paper's are 8
    features: int = 8
    widths: tuple[int, int, int, int] = (32, 48, 96, 192)
    blocks: int = 1
    colours: int = 3  # 0: no reconstruction
    labels: int = 0  # classes of a segmentation
    segmenter: int = 64  # width of the ResNet that reads them off the picture; 64 is ResNet-18
    classes: int = 0  # classes of the scene

    @property
    def dims(self) -> tuple[int, int, int]:
        """Width, depth and heads of the encoder."""
        width, depth, heads = SIZES[self.size]
        return width, self.depth or depth, heads

    @property
    def grid(self) -> int:
        """g: tokens along a side of the glimpse."""
        return self.glimpse // self.patch

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the map."""
        return self.height // CELL, self.width // CELL

    @property
    def fine(self) -> tuple[int, int]:
        """Rows and columns of the error map."""
        return self.height // FINE, self.width // FINE

    @property
    def asked(self) -> tuple[int, int]:
        """Rows and columns of the cells whose attention `Seen` tells."""
        return self.fine if self.memory == "tokens" else self.cells

    def fits(self, glimpses: int) -> int:
        """How many of so many glimpses the memory takes."""
        return min(glimpses, self.capacity) if self.memory == "tokens" else glimpses

    def described(self) -> dict[str, Any]:
        """What a checkpoint must agree with, without what came later and does not touch it."""
        later = [] if self.memory == "tokens" else ["decoder_width", "decoder_depth"]
        later += ["map"] if self.map else []
        later += [] if self.labels and self.memory == "canvas" else ["segmenter"]
        return {name: value for name, value in asdict(self).items() if name not in later}


class Seen:
    """What a step knows: cells of the map and what is expected of the scene.

    latent (B, N, D), errors (B, E, h, w) squared errors per fine cell (now, at each detail scale; with labels also the
    share of pixels in the wrong class), attention (B, heads, N, N) of the decoder, handed: what `decode` needs.
    """

    def __init__(self, latent: Tensor, errors: Tensor, attention: Tensor, handed: tuple[Tensor, ...]) -> None:
        self.latent, self.errors, self.attention, self.handed = latent, errors, attention, handed


class Embed(nn.Module):
    """A glimpse's pixels and place -> tokens (B, n, d) and their boxes (B, n, 4)."""

    def __init__(self, config: ElasticConfig) -> None:
        super().__init__()
        self.config = config
        width = config.dims[0]
        self.pixels = nn.Conv2d(3, width, config.patch, config.patch)
        self.place = nn.Linear(width // 8 * 8, width)

    def forward(self, glimpse: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
        c = self.config
        with torch.autocast(glimpse.device.type, enabled=False):  # places need all their digits
            boxes = token_boxes(view.float(), c.grid, c.width / c.height)
            code = corner_code(boxes, c.dims[0], c.cells, c.spherical)
        return self.pixels(2 * glimpse - 1).flatten(2).transpose(1, 2) + self.place(code), boxes


class ElasticCanvas(Canvas):
    """The memory of constant cost. `config` is an ElasticConfig with memory `canvas`."""

    config: ElasticConfig  # type: ignore[assignment]
    reach: float = math.inf  # longest vector of a cell; set on export: what never stops looking must not outgrow it

    def __init__(self, config: ElasticConfig) -> None:
        super().__init__(config)
        width, depth, heads = config.dims
        rows, cols = config.cells
        self.prior = LowRankPrior(*config.fine)  # type: ignore[assignment]
        self.register_buffer("boxes", cell_boxes(rows, cols), persistent=False)
        if config.map:
            self.embed = Embed(config)
            # Written to in every second layer: the map costs more than the tokens do.
            self.layers = nn.ModuleList(Layer(width, heads, bool(k % 2)) for k in range(depth))
            self.cell_place = nn.Linear(width // 8 * 8, width)
            self.recall = nn.Linear(width, config.widths[3])  # the map into the U-Net
            nn.init.zeros_(self.recall.weight)
        c2, c3 = config.widths[2:]
        if config.labels:
            self.segmenter = Segmenter(config.labels, config.spherical, config.segmenter)
            self.wrong_head = nn.Sequential(nn.ReLU(), nn.Conv2d(c2, 1, 1))
        if config.classes:
            self.class_head = nn.Sequential(nn.LayerNorm(c3), nn.Linear(c3, config.classes))

    boxes: Tensor

    def empty(self, batch: int) -> Memory:  # type: ignore[override]
        """As `Canvas.empty`, and the map (B, N, d), zero, where there is one."""
        rows, cols = self.config.cells
        pixels = super().empty(batch)
        if not self.config.map:
            return pixels
        return (*pixels, torch.zeros(batch, rows * cols, self.config.dims[0], device=self.place.device))

    def write(self, memory: Memory, glimpse: Tensor, view: Tensor) -> Memory:  # type: ignore[override]
        """Write glimpses (B, 3, g, g) in [0, 1] taken at views (B, 3)."""
        pixels = super().write((memory[0], memory[1], memory[2]), glimpse, view)
        return (*pixels, self.note(memory[3], glimpse, view)) if self.config.map else pixels

    def note(self, cells: Tensor, glimpse: Tensor, view: Tensor) -> Tensor:
        """The map (B, N, d) after tokens of the glimpses have read from it and written into it."""
        c = self.config
        tokens, boxes = self.embed(glimpse, view)
        with torch.autocast(glimpse.device.type, enabled=False):
            cells_at = self.boxes.expand(len(view), -1, -1)
            distance = apart(cells_at, boxes, c.spherical)
            code = corner_code(self.boxes, c.dims[0], c.cells, c.spherical)
        place = self.cell_place(code)
        for layer in self.layers:
            tokens, found = layer(tokens, cells + place, distance)
            cells = found - place
        cells = cells.float()
        if math.isfinite(self.reach):
            cells = cells * (self.reach / cells.norm(dim=-1, keepdim=True).clamp(min=self.reach))
        return cells

    def look(self, memory: Memory) -> Seen:
        """What a decision needs of a memory; the map's own codes stay in `latent`, after the decoder's attention."""
        colour, sharp, features, *cells = memory
        seen = (sharp > 0).to(colour.dtype)
        known, pooled = F.avg_pool2d(seen, 4), F.avg_pool2d(colour * seen, 4)
        smooth = self.fill(pooled, known)
        x1, x2, x3 = self.descend(pooled, known, F.avg_pool2d(sharp, 4), smooth, features[:, :-1])
        if self.config.map:
            x3 = x3 + self.recall(cells[0]).transpose(1, 2).unflatten(2, self.config.cells)
        for block in self.mid:
            if isinstance(block, Attention):
                x3, attention = block.attend(x3)
            else:
                x3 = block(x3)
        errors, x2 = self.ascend(x3, x2)
        if self.config.labels:
            errors = torch.cat([errors, torch.sigmoid(self.wrong_head(x2).float())], 1)
        return Seen(x3.flatten(2).transpose(1, 2), errors, attention, (smooth, x1, x2))

    def draft(self, memory: Memory, *handed: Tensor) -> Tensor:
        """The reconstruction (B, 3, H, W) before it is sharpened, for less than half the time."""
        imagined, _ = self.imagine(*handed)
        return torch.where(memory[1] > 0, memory[0], self._enlarge(self._enlarge(imagined)))

    def decode(self, memory: Memory, *handed: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Reconstruction (B, 3, H, W) in [0, 1], not clamped; segmentation (B, K, H, W) logits."""
        smooth, x1, x2 = handed
        imagined, x0 = self.sharpen((memory[0], memory[1], memory[2]), smooth, x1, x2)
        picture = self.draw((memory[0], memory[1], memory[2]), imagined, x0)
        drawn = {"reconstruction": picture} if self.config.colours else {}
        if self.config.labels:
            drawn["segmentation"] = self.segmenter(picture.clamp(0, 1).detach())
        return drawn

    def classify(self, seen: Seen) -> Tensor:
        """(B, classes) logits."""
        return self.class_head(seen.latent.mean(1))

    def belief(self, memory: Memory, seen: Seen, view: Tensor) -> Tensor:  # type: ignore[override]
        """(B, N, D): per cell of the map, row by row: 2 x 2 fine cells of (expected RMSE now, at each detail scale,
        wrong share where there are labels, sharpness), where it lies from the last view (B, 3) and that view's s (zero
        before the first), how much the decoder looks at it, its latents."""
        known = F.avg_pool2d(memory[1], FINE)
        maps = torch.cat([seen.errors.sqrt(), known], 1)  # (B, E + 1, h, w)
        fine = F.pixel_unshuffle(maps, CELL // FINE).flatten(2).transpose(1, 2)
        centre = (self.boxes[..., :2] + self.boxes[..., 2:]) / 2 - view[:, None, :2]  # (B, N, 2)
        if self.config.spherical:
            centre = torch.cat([centre[..., :1] - 2 * torch.floor(centre[..., :1] / 2 + 0.5), centre[..., 1:]], -1)
        last = view[:, None, 2:].expand(-1, centre.shape[1], -1)
        importance = seen.attention.mean((1, 2))[..., None] * seen.attention.shape[-1]  # (B, N, 1), 1 on average
        return torch.cat([fine, centre, last, importance.float(), seen.latent.float()], -1)


def belief_channels(config: ElasticConfig) -> int:
    """Channels of a fine cell in the canvas's belief."""
    return BELIEF_CHANNELS + bool(config.labels)


def entropy(attention: Tensor, cells: tuple[int, int]) -> Tensor:
    """(B, heads, N, N) -> (B, 1, rows, cols): entropy [nats] of each cell's attention, summed over heads.

    AME's criterion (Pardyl et al., IJCAI 2023, section 3.2): where the decoder does not know what to look at.
    """
    return -(attention * (attention + 1e-8).log()).sum(-1).sum(1).unflatten(1, cells)[:, None]
