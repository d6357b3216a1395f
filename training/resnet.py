"""ResNet-18 through its third stage (He et al. 2016), its features taken at four levels.

Parameters are named as torchvision names them, so that the well-known checkpoint fits. With a width of 64, as there:

level       1 (stem)    2 (layer1)   3 (layer2)   4 (layer3)
stride      2           4            8            16
channels    64          64           128          256
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimpse_ros.core.types import GlimpseError

STRIDES = (2, 4, 8, 16)  # of the levels' features
UNUSED = ("layer4.", "fc.")  # what a whole ResNet-18 has beyond the third stage


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.downsample(x))


class ResNet(nn.Module):
    """Images (B, 3, H, W) in [0, 1], sides multiples of 16 -> maps (B, C, H / stride, W / stride), finest first."""

    mean: Tensor  # (1, 3, 1, 1) of ImageNet, as the well-known weights expect
    deviation: Tensor

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.channels = (width, width, 2 * width, 4 * width)
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(Block(width, width, 1), Block(width, width, 1))
        self.layer2 = nn.Sequential(Block(width, 2 * width, 2), Block(2 * width, 2 * width, 1))
        self.layer3 = nn.Sequential(Block(2 * width, 4 * width, 2), Block(4 * width, 4 * width, 1))
        rgb = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(rgb), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(rgb), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        stem = F.relu(self.bn1(self.conv1((images - self.mean) / self.deviation)))
        first = self.layer1(F.max_pool2d(stem, 3, 2, 1))
        second = self.layer2(first)
        return stem, first, second, self.layer3(second)


def load_weights(net: ResNet, path: Path) -> None:
    """Take over a ResNet-18 checkpoint, strictly: all that is needed has to be there, in this shape, and nothing else.

    Raises GlimpseError for a file that is none, and for the weights of another network.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise GlimpseError(f"{path}: does not exist; expected the weights of a ResNet-18") from None
    except Exception as error:
        raise GlimpseError(
            f"{path}: holds no weights ({type(error).__name__}); expected those of a ResNet-18"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in found.items()):
        raise GlimpseError(f"{path}: is no dictionary of tensors; expected the weights of a ResNet-18")
    own = net.state_dict()
    # Files from before batch norms counted their batches have no such entry.
    counters = {name: value for name, value in own.items() if name.endswith("num_batches_tracked")}
    given = {**counters, **{name: value for name, value in found.items() if not name.startswith(UNUSED)}}
    lacking, unknown = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    other = [name for name in own.keys() & given.keys() if own[name].shape != given[name].shape]
    for names, what in ((lacking, "lacks"), (unknown, "has also"), (sorted(other), "has in another shape")):
        if names:
            raise GlimpseError(f"{path}: {what} {names[0]} ({len(names)} in all); expected the weights of a ResNet-18")
    net.load_state_dict(given)
