"""The network of Glimpse-Attend-and-Explore (Seifi, Jha, Tuytelaars, ICCV Workshops 2021, sections 3.1 to 3.5).

B batch, H x W working canvas, N = h * w cells of 16 x 16 pixels, D decoder width, O output channels: three of colour
where it reconstructs, one a class where it segments. Memories are those of `resnet.STRIDES`.

`encode` reads one composite glimpse, `think` reads the coarsest memory and gives the code z, in which the unseen is
filled in, and the attention a; `decode` draws twice from both, once with attention as a gate at every level
(self-attention stream) and once without (contrastive stream), and merges the two with what was drawn before. Attention
learns by the gradient that passes through the gates; what else it may hear of is in `gae`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .canvas_blocks import Conv, wrapped
from .resnet import STRIDES, ResNet

CELL = STRIDES[-1]
Features = tuple[Tensor, ...]  # one map a level, finest first


@dataclass(frozen=True)
class GaeConfig:
    """Sizes and switches; they fix every shape."""

    height: int = 144
    width: int = 288
    spherical: bool = True
    colours: int = 3  # 0: no reconstruction
    labels: int = 0  # classes of a segmentation
    classes: int = 0  # of a classification
    encoder: int = 64  # width of the ResNet; 64 is ResNet-18
    decoder: int = 64  # width of the streams; 0: no decoder
    code: int = 16  # channels of z
    merge: int = 5  # convolutions of the output head
    gated: bool = True  # False: attention is one more channel, and gates nothing
    contrast: bool = True  # False: no contrastive loss, nor its projector
    projector: str = "lean"  # or "paper"

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the attention map."""
        return self.height // CELL, self.width // CELL

    @property
    def drawn(self) -> int:
        """Output channels of the decoder."""
        return self.colours + self.labels


class Up(nn.Module):
    """Transposed 3 x 3 convolution of stride 2 with norm and ReLU: (B, C, h, w) -> (B, D, 2h, 2w)."""

    def __init__(self, inputs: int, outputs: int, wraps: bool) -> None:
        super().__init__()
        self.wraps = wraps
        self.conv = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(wrapped(x))[..., 2:-2] if self.wraps else self.conv(x)
        return F.relu(self.norm(x))


class Gate(nn.Module):
    """3 x 3 convolution to features and one channel of attention, which multiplies them (Fig. 4); without a gate that
    channel is one feature more.
    """

    def __init__(self, inputs: int, outputs: int, wraps: bool, gated: bool) -> None:
        super().__init__()
        self.gated, self.outputs = gated, outputs + (not gated)
        self.conv, self.norm = Conv(inputs, outputs + 1, wraps), nn.BatchNorm2d(outputs + (not gated))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if not self.gated:
            return F.relu(self.norm(x))
        return F.relu(self.norm(x[:, :-1])) * F.softplus(x[:, -1:])


class Plain(nn.Module):
    """3 x 3 convolution with norm and ReLU: a level of the contrastive stream."""

    def __init__(self, inputs: int, outputs: int, wraps: bool) -> None:
        super().__init__()
        self.outputs = outputs
        self.conv, self.norm = Conv(inputs, outputs, wraps), nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Residual(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x))))))."""

    def __init__(self, channels: int, wraps: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(channels, channels, wraps), Conv(channels, channels, wraps)
        self.norm1, self.norm2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class Whole(nn.Module):
    """Fully connected between maps of the scene: (B, I, h, w) -> (B, O, h, w), every cell from every cell.

    A panorama has no first column: there the weights depend on how far apart two columns are, not on which they are, so
    that a turned scene gives a turned map. That is a circular convolution as wide as the map.
    """

    def __init__(self, inputs: int, outputs: int, rows: int, cols: int, wraps: bool) -> None:
        super().__init__()
        self.rows, self.cols, self.wraps = rows, cols, wraps
        self.all: nn.Module = (
            nn.Conv1d(inputs * rows, outputs * rows, cols)
            if wraps
            else nn.Linear(inputs * rows * cols, outputs * rows * cols)
        )

    def forward(self, x: Tensor) -> Tensor:
        if not self.wraps:
            return self.all(x.flatten(1)).view(len(x), -1, self.rows, self.cols)
        x = x.flatten(1, 2)  # (B, I * h, w)
        x = self.all(torch.cat([x, x[..., :-1]], -1))  # (B, O * h, w)
        return x.view(len(x), -1, self.rows, self.cols)


class Stream(nn.Module):
    """Code (B, C, h, w) and the three finer memories -> drawing (B, O, H, W) and the features of three levels."""

    def __init__(self, config: GaeConfig, inputs: int, gated: bool | None) -> None:
        """gated: None makes the contrastive stream."""
        super().__init__()
        wraps, d, e = config.spherical, config.decoder, config.encoder

        def level(inputs: int, outputs: int) -> Gate | Plain:
            return Plain(inputs, outputs, wraps) if gated is None else Gate(inputs, outputs, wraps, gated)

        self.up4 = Up(inputs, 2 * d, wraps)
        self.level3 = level(2 * d + 2 * e, 2 * d)
        self.up3 = Up(self.level3.outputs, d, wraps)
        self.level2 = level(d + e, d)
        self.residual = Residual(self.level2.outputs, wraps)
        self.up2 = Up(self.level2.outputs, d, wraps)
        self.level1 = level(d + e, d)
        self.up1 = Up(self.level1.outputs, d, wraps)
        self.out = Conv(d, config.drawn, wraps)

    def forward(self, code: Tensor, memories: Features) -> tuple[Tensor, Features]:
        third = self.level3(torch.cat([self.up4(code), memories[2]], 1))  # (B, 2D, H/8, W/8)
        second = self.residual(self.level2(torch.cat([self.up3(third), memories[1]], 1)))  # (B, D, H/4, W/4)
        first = self.level1(torch.cat([self.up2(second), memories[0]], 1))  # (B, D, H/2, W/2)
        return self.out(self.up1(first)), (first, second, third)


class Merge(nn.Module):
    """[previous drawing, self-attention's, contrastive's] (B, 3 O, H, W) -> drawing (B, O, H, W).

    The paper's convolutions, beside a mean of the two new drawings, so that what is merged begins as good as they are.
    """

    def __init__(self, channels: int, layers: int, wraps: bool) -> None:
        super().__init__()
        sizes = [3 * channels] + [channels] * layers
        self.convs = nn.ModuleList(Conv(a, b, wraps) for a, b in zip(sizes[:-1], sizes[1:], strict=True))
        for weight in self.convs[-1].parameters():
            nn.init.zeros_(weight)

    def forward(self, previous: Tensor, attended: Tensor, contrasted: Tensor) -> Tensor:
        x = torch.cat([previous, attended, contrasted], 1)
        for k, conv in enumerate(self.convs):
            x = conv(F.relu(x) if k else x)
        return (attended + contrasted) / 2 + x


class GaeNet(nn.Module):
    """All that a robot needs; what serves training alone is in `gae_contrast` and `gae`."""

    def __init__(self, config: GaeConfig) -> None:
        super().__init__()
        c = self.config = config
        (rows, cols), bottom = c.cells, 4 * c.encoder
        self.encoder = ResNet(c.encoder)
        self.reduce = nn.Sequential(nn.Conv2d(bottom, c.code, 1, bias=False), nn.BatchNorm2d(c.code), nn.ReLU())
        self.fill = Whole(c.code, c.code, rows, cols, c.spherical)
        self.attend = Whole(c.code, 1, rows, cols, c.spherical)
        if c.decoder:
            self.attended = Stream(c, c.code + (not c.gated), c.gated)
            self.contrasted = Stream(c, c.code, None)
            self.merge = Merge(c.drawn, c.merge, c.spherical)
        if c.classes:
            self.classifier = nn.Sequential(
                nn.Linear(c.code * rows * cols + bottom, 256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, c.classes)
            )

    def empty(self, batch: int, levels: int = 4) -> list[Tensor]:
        """Memories of zeros, the coarsest last; levels=1: the coarsest alone."""
        c, weight = self.config, self.encoder.conv1.weight
        return [
            weight.new_zeros(batch, channels, c.height // stride, c.width // stride)
            for channels, stride in zip(self.encoder.channels, STRIDES, strict=True)
        ][-levels:]

    def think(self, bottom: Tensor) -> tuple[Tensor, Tensor]:
        """The coarsest memory (B, 4E, h, w) -> z (B, C, h, w) and attention (B, 1, h, w) > 0."""
        reduced = self.reduce(bottom)
        # Softplus, not the paper's ReLU: a map that is zero everywhere would choose its first cell and learn no more.
        return F.relu(self.fill(reduced)), F.softplus(self.attend(reduced))

    def attending(self, code: Tensor, attention: Tensor) -> Tensor:
        """What the self-attention stream reads: a * z, or z and a."""
        return code * attention if self.config.gated else torch.cat([code, attention], 1)

    def decode(
        self, memories: Features, code: Tensor, attention: Tensor, previous: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Features]:
        """-> drawing, the two streams' drawings, each (B, O, H, W), and the contrastive stream's features."""
        attended, _ = self.attended(self.attending(code, attention), memories[:3])
        contrasted, features = self.contrasted(code, memories[:3])
        return self.merge(previous, attended, contrasted), attended, contrasted, features

    def classify(self, bottom: Tensor, code: Tensor, attention: Tensor) -> Tensor:
        """-> logits (B, classes) of what was seen (the mean of the coarsest memory) and what is imagined."""
        imagined = code * attention if self.config.gated else code
        return self.classifier(torch.cat([imagined.flatten(1), bottom.mean((2, 3))], 1))
