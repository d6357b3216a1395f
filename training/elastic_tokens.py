"""The memory of AdaGlimpse (Pardyl et al., ECCV 2024, section 3.1): every token seen so far is encoded again at a step.

Glimpses are kept as the patches of their tokens and where each lies. A ViT encodes all of them together with a class
token; a masked autoencoder's decoder appends one mask token per cell of the scene and draws what it stands for. Slots
are as many as the capacity fixes, empty ones are masked, so that what is computed never depends on how many there are;
in torch only the filled ones are computed, and the cost grows with what was seen. Ours: corners in the scene frame in
place of pixels (so that a sphere closes), and a linear head that tells the error to expect of every cell.

B batch, S = capacity * g * g slots, n filled ones, p patch [px], d width, H x W scene, N = H/16 * W/16 cells. Masks are
1 where a slot is empty.
"""

from __future__ import annotations

from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse_ros.core.types import GlimpseError

from .canvas import DETAIL_SCALES, FLOOR, GROUPS
from .canvas_blocks import Conv
from .elastic_blocks import Block
from .elastic_vit import (
    FINE,
    ElasticCanvas,
    ElasticConfig,
    Memory,
    Seen,
    cell_boxes,
    corner_code,
    token_boxes,
)

HEAD = 32  # width of a head of the decoder; the paper's
HIDDEN = 1e4  # what an empty slot loses before a softmax
DISCARDED = 0.5  # share of the attention, the weakest, that the rollout leaves out


class TokensSeen(Seen):
    """As `Seen`: latent (B, 1 + n, d) with the class token first, attention (B, heads, N, 1 + n + N) of the last block.

    The decoder runs where errors, attention or handed are first asked for: a decision needs none of them.
    """

    def __init__(self, net: ElasticTokens, latent: Tensor, mask: Tensor, looked: list[Tensor]) -> None:
        """mask (B, 1 + n), looked: who looked at whom in each block of the encoder, (B, heads, 1 + n, 1 + n)."""
        self.net, self.latent, self.mask, self.looked = net, latent, mask, looked

    @cached_property
    def decoded(self) -> tuple[Tensor, Tensor]:
        """Cells (B, N, decoder's width), attention."""
        return self.net.imagine(self.latent, self.mask)

    @cached_property
    def errors(self) -> Tensor:  # type: ignore[override]
        return self.net.expect(self.decoded[0])

    @property
    def attention(self) -> Tensor:  # type: ignore[override]
        return self.decoded[1]

    @property
    def handed(self) -> tuple[Tensor, ...]:  # type: ignore[override]
        return self.decoded[:1]


class ElasticTokens(nn.Module):
    """The memory of growing cost. `config` is an ElasticConfig with memory `tokens`."""

    boxes: Tensor  # (1, N, 4): corners of the decoder's cells

    def __init__(self, config: ElasticConfig) -> None:
        super().__init__()
        self.config = config
        width, depth, heads = config.dims
        inner = config.decoder_width
        self.pixels = nn.Linear(3 * config.patch**2, width)  # a convolution whose stride is its size
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.encoder = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.narrow = nn.Linear(width, inner)
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, inner))
        self.decoder = nn.ModuleList(Block(inner, inner // HEAD) for _ in range(config.decoder_depth))
        self.decoder_norm = nn.LayerNorm(inner, eps=1e-6)
        self.error_head = nn.Linear(inner, 1 + len(DETAIL_SCALES))
        self.register_buffer("boxes", cell_boxes(*config.fine), persistent=False)
        if config.colours:
            self.colour_head = nn.Linear(inner, 3 * FINE**2)
        if config.labels:
            self.label_head = label_head(inner, config.labels, config.spherical)
            self.wrong_head = nn.Linear(inner, 1)
        if config.classes:
            self.class_head = nn.Linear(width, config.classes)

    def empty(self, batch: int) -> Memory:
        """patches (B, S, 3, p, p), boxes (B, S, 4), both zero, and mask (B, S), one."""
        c, device = self.config, self.class_token.device
        slots = c.capacity * c.grid**2
        return (
            torch.zeros(batch, slots, 3, c.patch, c.patch, device=device),
            torch.zeros(batch, slots, 4, device=device),
            torch.ones(batch, slots, device=device),
        )

    def write(self, memory: Memory, glimpse: Tensor, view: Tensor) -> Memory:
        """Keep glimpses (B, 3, g, g) in [0, 1] taken at views (B, 3), each in the first empty slots of its scene.

        Raises GlimpseError where the memory is full. A graph cannot raise: there such a glimpse finds no slot, and the
        memory stays as it was.
        """
        c = self.config
        patches, boxes, mask = memory
        filled = (1 - mask).sum(1, keepdim=True)  # (B, 1) slots
        if not in_graph() and bool((filled >= mask.shape[1]).any()):
            raise GlimpseError(f"the memory is full; expected at most {c.capacity} glimpses, the model's capacity")
        slot = torch.arange(mask.shape[1], device=mask.device)
        fresh = (slot >= filled) & (slot < filled + c.grid**2)  # (B, S)
        tokens = glimpse.float().unflatten(3, (c.grid, c.patch)).unflatten(2, (c.grid, c.patch))
        tokens = tokens.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # (B, g * g, 3, p, p)
        at = token_boxes(view.float(), c.grid, c.width / c.height)  # (B, g * g, 4)
        return (  # as many copies as there are glimpses: one of them lies where the slots are fresh
            torch.where(fresh[..., None, None, None], tokens.repeat(1, c.capacity, 1, 1, 1), patches),
            torch.where(fresh[..., None], at.repeat(1, c.capacity, 1), boxes),
            torch.where(fresh, torch.zeros_like(mask), mask),
        )

    def look(self, memory: Memory, sliced: bool = True) -> TokensSeen:
        """Encode what was seen; sliced: only as many slots as the fullest scene fills, which a graph never does."""
        c = self.config
        patches, boxes, mask = memory
        if sliced and not in_graph():
            filled = int((1 - mask).sum(1).max())
            patches, boxes, mask = patches[:, :filled], boxes[:, :filled], mask[:, :filled]
        with torch.autocast(patches.device.type, enabled=False):  # places need all their digits
            code = corner_code(boxes, c.dims[0], c.cells, c.spherical)
        tokens = self.pixels(2 * patches.flatten(2) - 1) + code  # (B, n, d)
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], 1)
        mask, looked = F.pad(mask, (1, 0)), []
        for block in self.encoder:
            tokens, weights = block(tokens, mask)
            looked.append(weights)
        return TokensSeen(self, self.norm(tokens), mask, looked)

    def imagine(self, latent: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """latent (B, 1 + n, d), mask (B, 1 + n) -> cells (B, N, decoder's width), the last block's attention."""
        c = self.config
        with torch.autocast(latent.device.type, enabled=False):
            code = corner_code(self.boxes, c.decoder_width, c.cells, c.spherical)
        known, asked = self.narrow(latent), (self.mask_token + code).expand(len(latent), -1, -1)
        tokens, count = torch.cat([known, asked.to(known.dtype)], 1), asked.shape[1]
        mask = F.pad(mask, (0, count))
        for block in self.decoder:
            tokens, weights = block(tokens, mask)
        return self.decoder_norm(tokens[:, -count:]), weights[:, :, -count:]

    def expect(self, cells: Tensor) -> Tensor:
        """cells (B, N, decoder's width) -> errors of `Seen`."""
        errors = F.softplus(self.error_head(cells).float()) * 0.02 + FLOOR
        if self.config.labels:
            errors = torch.cat([errors, torch.sigmoid(self.wrong_head(cells).float())], 2)
        return errors.transpose(1, 2).unflatten(2, self.config.fine)

    def decode(self, memory: Memory, *handed: Tensor) -> dict[str, Tensor]:
        """Reconstruction (B, 3, H, W) in [0, 1], not clamped; segmentation (B, K, H, W) logits."""
        cells, (rows, cols), drawn = handed[0], self.config.fine, {}
        if self.config.colours:
            drawn["reconstruction"] = self.draft(memory, cells)
        if self.config.labels:
            drawn["segmentation"] = self.label_head(cells.transpose(1, 2).unflatten(2, (rows, cols))).float()
        return drawn

    def draft(self, memory: Memory, *handed: Tensor) -> Tensor:
        """The reconstruction (B, 3, H, W); there is nothing cheaper than it."""
        tiles = 0.5 + self.colour_head(handed[0]).float()  # (B, N, 3 * 16 * 16)
        return F.pixel_shuffle(tiles.transpose(1, 2).unflatten(2, self.config.fine), FINE)

    def classify(self, seen: Seen) -> Tensor:
        """(B, classes) logits."""
        return self.class_head(seen.latent[:, 0])

    def belief(self, memory: Memory, seen: Seen, view: Tensor) -> Tensor:
        """(B, S, D), the paper's state (section 3.2): per slot its patch, box, importance, mask, latent; zeros where it
        is empty but for the mask. The last view (B, 3) is not part of it: places are the scene's."""
        assert isinstance(seen, TokensSeen)
        patches, boxes, mask = memory
        rest = mask.shape[1] + 1 - seen.latent.shape[1]  # slots that were not computed
        importance = F.pad(rollout(seen.looked, seen.mask), (0, rest))
        latent = F.pad(seen.latent[:, 1:].float(), (0, 0, 0, rest)) * (1 - mask)[..., None]
        return torch.cat([patches.flatten(2), boxes, importance[..., None], mask[..., None], latent], -1)


ElasticVit = ElasticCanvas | ElasticTokens


def scene_model(config: ElasticConfig) -> ElasticVit:
    """The model with the memory that the configuration names."""
    return ElasticTokens(config) if config.memory == "tokens" else ElasticCanvas(config)


def label_head(width: int, labels: int, wraps: bool) -> nn.Sequential:
    """(B, width, H/16, W/16) -> (B, labels, H, W) logits: four doublings, each after a convolution, and one more."""
    layers, inputs = [], width
    for k, outputs in enumerate((width, *[width // 2] * 4)):
        layers += [Conv(inputs, outputs, wraps), nn.GroupNorm(GROUPS, outputs), nn.GELU()]
        layers += [nn.Upsample(scale_factor=2, mode="bilinear")] if k < 4 else []
        inputs = outputs
    return nn.Sequential(*layers, nn.Conv2d(inputs, labels, 1))


def rollout(looked: list[Tensor], mask: Tensor) -> Tensor:
    """Attention rollout (Abnar and Zuidema 2020): how much each token counts for the class token.

    looked: (B, heads, 1 + n, 1 + n) per block, mask (B, 1 + n) -> (B, n), summing to 1 over the slots that are filled.
    As in the paper's code: heads averaged, the weaker half dropped (never the first entry), half of it the identity.
    """
    eye = torch.eye(mask.shape[1], device=mask.device)
    full = (1 - mask)[:, :, None] * (1 - mask)[:, None, :] > 0.5  # (B, 1 + n, 1 + n)
    drop = ((1 - mask).sum(1, keepdim=True).square() * DISCARDED).long()  # (B, 1)
    first = F.pad(torch.ones_like(mask[:, :1, None]), (0, mask.shape[1] - 1, 0, mask.shape[1] - 1)) > 0.5
    total = eye
    for weights in looked:
        mean = weights.float().mean(1)
        ranked = torch.where(full, mean, 2.0).flatten(1).sort(1).values  # empty ones last, above any attention
        least = ranked.gather(1, drop)[..., None]
        kept = torch.where(full & ((mean >= least) | first), mean, 0.0)
        mixed = (kept + eye) / 2
        total = (mixed / mixed.sum(2, keepdim=True)) @ total
    row = total.expand(len(mask), -1, -1)[:, 0, 1:]
    return torch.softmax(row - HIDDEN * mask[:, 1:], 1) * (1 - mask[:, 1:])


def in_graph() -> bool:
    """Whether the call is being written down for an exporter: shapes may not depend on values then."""
    return torch.jit.is_tracing() or torch.compiler.is_compiling()
