"""Two image classifiers to be trained on attacked images: VGG16, and recurrent attention beside VGG16.

The networks of the CIFAR-10 experiment of "Unifying Top-down and Bottom-up for Recurrent Visual Attention" (2021); the
training is training/cifar_pgd.py, the attack training/pgd.py.

Norms are group norms (Wu and He 2018): a batch norm's running means would be of clean and attacked images mixed, would
differ between processes, and its averages would not follow the averaged weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimpse_ros.datasets.cifar import SIDE

from .fovea import Fovea, integral_image
from .loop import Figures
from .pgd import Attack, pgd
from .top_down import bits

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
ENTROPY, CONTEXT, POLICY, SIGMA = 0.5, 1.0, 0.01, 0.15  # the paper's lambda, beta1, beta2 and sigma


@dataclass(frozen=True)
class Config:
    """Sizes. width: share of VGG16's channels; train: the attack whose images are trained on."""

    model: Literal["vgg", "attention"]
    train: Attack
    width: float = 1.0
    classes: int = 10
    fovea: Fovea = Fovea(SIDE, 12, 1)
    glimpses: int = 6
    hidden: int = 256


def wide(channels: int, width: float) -> int:
    """A share of the channels, in eights."""
    return max(8, round(channels * width / 8) * 8)


def convolution(before: int, after: int, kernel: int = 3) -> list[nn.Module]:
    """Convolution, norm and ReLU, the size kept."""
    norm = nn.GroupNorm(max(1, after // 16), after)
    return [nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False), norm, nn.ReLU()]


def begin(net: nn.Module) -> None:
    """Weights for ReLUs (He et al. 2015): with PyTorch's own, signals fade over 15 layers and learning starts late."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class Vgg(nn.Sequential):
    """VGG16 (Simonyan and Zisserman 2015) up to its last layer: images (B, 3, 32, 32) in [0, 1] -> (B, size).

    The fully connected layers are as wide as the last convolution, for five poolings leave one pixel of 32 x 32.
    """

    def __init__(self, width: float) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for stage in VGG16:
            for after in (wide(n, width) for n in stage):
                layers += convolution(channels, after)
                channels = after
            layers.append(nn.MaxPool2d(2))
        layers.append(nn.Flatten())
        for _ in range(2):
            layers += [nn.Linear(channels, channels), nn.ReLU()]
        super().__init__(*layers)
        self.size = channels
        begin(self)

    def forward(self, images: Tensor) -> Tensor:
        return super().forward((images - 0.5) / 0.25)


class Plain(nn.Module):
    """VGG16 alone; its forward attacks a batch and returns the loss on what came out."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.vgg = Vgg(config.width)
        self.classifier = nn.Linear(self.vgg.size, config.classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(
        self, images: Tensor, labels: Tensor, first: Tensor, noise: Tensor, start: Tensor, share: float
    ) -> tuple[Tensor, Figures]:
        """Attack, then learn.

        images (B, 3, 32, 32) in [0, 1]; labels (B,); first (B, 2) in [-1, 1]: where the first glimpse is taken; noise
        (T - 1, B, 2), standard normal; start: as `pgd` takes it; share: of the attack's full reach.
        """
        attack = self.config.train.scaled(share)
        attacked = pgd(lambda x: self.logits(x, first), images, labels, attack, start)
        return self.loss(attacked, labels, first, noise)

    def logits(self, images: Tensor, first: Tensor) -> Tensor:
        """(B, classes), without chance: what is attacked and what is tested."""
        return self.classifier(self.vgg(images))

    def loss(self, images: Tensor, labels: Tensor, first: Tensor, noise: Tensor) -> tuple[Tensor, Figures]:
        """What is minimised, and figures to log."""
        logits = self.logits(images, first).float()
        named = F.cross_entropy(logits, labels)
        right = (logits.argmax(-1) == labels).float().mean()
        return named, {"loss/class": named.detach(), "train/attacked": right}


class Attentive(Plain):
    """Recurrent attention whose core and classifier also read VGG16's features (eq. 16 and 17, and the text below).

    A glimpse is seen by three convolutions (section 4.2). Where to look is the paper's: entropy-weighted REINFORCE, its
    reward 1 for the right class at the last step, a learned baseline, and the context head in training. The first
    glimpse is taken anywhere, as RAM's: the quadrant search is left out, as the paper leaves it out on MNIST's 28 x 28.

    Two things are otherwise. Every step is told the class: with the last alone learning starts late. And no gradient
    goes through the context head's weights, which are made of the true class: with it the network learned to tell that
    head the label by when it was sure of it (the head's loss fell to 0.2 while the classifier's stood at 2.2).

    The gradient by the pixels goes through VGG16 and through what each glimpse shows. It does not go through where the
    glimpses lie: those are whole pixels, so that the derivative is zero; an attack takes the mean locations, and finds
    them again at each of its steps, from the image as it then is.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        c, h, feat = config, config.hidden, self.vgg.size
        a, b = wide(64, c.width), wide(128, c.width)
        convolutions = [*convolution(3 * c.fovea.scales, a, 5), *convolution(a, a), nn.MaxPool2d(2)]
        convolutions += [*convolution(a, b), nn.MaxPool2d(2), nn.Flatten()]
        self.what = nn.Sequential(*convolutions, nn.Linear(b * (c.fovea.g // 4) ** 2, h))
        begin(self.what)
        self.where = nn.Linear(2, h)
        self.core = nn.Linear(h + h + feat, h)
        self.classifier = nn.Linear(feat + h, c.classes)  # features first, so that --init can take over VGG16 alone
        self.locator = nn.Sequential(nn.Linear(h, 128), nn.ReLU(), nn.Linear(128, 2))
        self.baseline = nn.Linear(h, 1)
        self.context = nn.Sequential(nn.Linear(h, 128), nn.ReLU(), nn.Linear(128, c.classes))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def logits(self, images: Tensor, first: Tensor) -> Tensor:
        """(B, classes) after the last glimpse, all locations being the means."""
        feat = self.vgg(images)
        noise = first.new_zeros(self.config.glimpses - 1, *first.shape)
        hidden, _, _ = self.roll_out(images, feat, first, noise)
        return self.classifier(torch.cat([feat, hidden[-1]], -1))

    def loss(self, images: Tensor, labels: Tensor, first: Tensor, noise: Tensor) -> tuple[Tensor, Figures]:
        """The paper's eq. 14, its last sign put right, the class told at every step."""
        feat = self.vgg(images)
        hidden, drawn, shown = self.roll_out(images, feat, first, noise)  # (T, B, h), (T - 1, B, 2), (T, B)
        steps = len(hidden)
        logits = self.classifier(torch.cat([feat.expand(steps, -1, -1), hidden], -1)).float()  # (T, B, classes)
        named = F.cross_entropy(logits.flatten(0, 1), labels.repeat(steps))
        trust = logits.detach().softmax(-1).gather(-1, labels.expand(steps, -1)[..., None])  # (T, B, 1): true class
        context = F.cross_entropy(self.context((trust * hidden).sum(0)).float(), labels)
        reward = (logits[-1].argmax(-1) == labels).float()
        before = hidden[:-1].detach()
        guess = self.baseline(before).float().squeeze(-1)  # (T - 1, B)
        value = F.mse_loss(guess, reward.expand_as(guess)) if steps > 1 else guess.sum()
        score = -0.5 * ((drawn - self.locate(before)) / SIGMA).square().sum(-1)  # log-probability, (T - 1, B)
        weight = (shown[1:] + ENTROPY) * (reward - guess.detach())
        located = -(weight * score).sum() / max(1, score.numel())
        figures = {"loss/class": named.detach(), "loss/context": context.detach(), "loss/value": value.detach()}
        return named + CONTEXT * context + value + POLICY * located, {**figures, "train/attacked": reward.mean()}

    def locate(self, hidden: Tensor) -> Tensor:
        """The mean of the next location (..., 2) in (-1, 1)."""
        return torch.tanh(self.locator(hidden).float())

    def roll_out(self, images: Tensor, feat: Tensor, first: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look T times: hidden states (T, B, h), drawn locations (T - 1, B, 2), entropy shown (T, B) [bit]."""
        sums = integral(images)
        hidden, at = feat.new_zeros(len(first), self.config.hidden), first
        states, drawn, shown = [], [], []
        for t in range(len(noise) + 1):
            glimpse, taken = look(self.config.fovea, sums, at)
            seen = torch.relu(self.what(glimpse) + self.where(taken))
            hidden = torch.relu(self.core(torch.cat([hidden, seen, feat], -1)))
            states.append(hidden)
            shown.append(bits(glimpse[:, :3].detach().mean(1).flatten(1)))
            if t < len(noise):
                at = (self.locate(hidden) + SIGMA * noise[t]).detach()
                drawn.append(at)
                at = at.clamp(-1, 1)
        return (
            torch.stack(states),
            torch.stack(drawn) if drawn else first.new_zeros(0, *first.shape),
            torch.stack(shown),
        )


def integral(images: Tensor) -> Tensor:
    """Images (B, 3, side, side) in [0, 1] -> integral images (B * 3, (side + 1)^2).

    In doubles: attacked pixels are no whole numbers, and a sign is taken of the gradient that comes back through these
    sums, where a pixel that no glimpse has seen must have none.
    """
    with torch.autocast(images.device.type, enabled=False):
        return integral_image(255 * images.double().flatten(0, 1))


def look(fovea: Fovea, sums: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """Integral images of `integral` and centres (B, 2) -> glimpses (B, scales * 3, g, g) in [0, 1], snapped centres."""
    with torch.autocast(sums.device.type, enabled=False):
        glimpse, taken = fovea.look(sums, at.repeat_interleave(3, 0)[:, None])  # (B * 3, 1, size)
    glimpse = glimpse.view(-1, 3, fovea.scales, fovea.g, fovea.g).transpose(1, 2)
    return glimpse.flatten(1, 2).float().contiguous(memory_format=torch.channels_last), taken[::3, 0]


MODELS: dict[str, type[Plain]] = {"vgg": Plain, "attention": Attentive}
