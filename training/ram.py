"""Recurrent Attention (Mnih et al., "Recurrent Models of Visual Attention", 2014).

    python -m training.ram --task cluttered60 --data ../shared/data/mnist --out runs/ram-cluttered60 --minutes 40

A retina with little bandwidth looks at a digit a few times; a recurrent network keeps what it saw, says where to look
next and which digit it is. Cross-entropy trains what sees and names; REINFORCE trains where to look, its reward the
probability given to the true class, its baseline learned and, over several roll-outs of one image, leave-one-out.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets import mnist

from . import digits, loop, reinforce
from .fovea import Fovea, integral_image
from .recurrent import Recurrent, RecurrentConfig


@dataclass(frozen=True)
class Task:
    """Scenes, retina and number of glimpses of one row of the paper's tables."""

    variant: str
    g: int
    scales: int
    glimpses: int

    def fovea(self) -> Fovea:
        """The retina over the task's scenes."""
        return Fovea(mnist.variant(self.variant).side, self.g, self.scales)


TASKS = {
    "mnist28": Task("28", 8, 1, 6),
    "translated60": Task("translated60", 12, 3, 8),
    "cluttered60": Task("cluttered60", 12, 3, 8),
    "cluttered100": Task("cluttered100", 12, 4, 8),
    "cluttered100x10": Task("cluttered100x10", 12, 4, 8),
}


@dataclass
class Args(loop.LoopArgs):
    """What to train."""

    batch: int = 128
    """scenes a step, over all processes"""
    data: Path = Path("../shared/data/mnist")
    """folder of MNIST's four IDX files"""
    task: Literal["mnist28", "translated60", "cluttered60", "cluttered100", "cluttered100x10"] = "mnist28"
    """a row of the paper's tables"""
    glimpses: int | None = None
    """glimpses an episode; by default as many as the task's"""
    rollouts: int = 4
    """roll-outs of each image, whose mean reward is each other's baseline"""
    core: Literal["relu", "lstm"] = "relu"
    """the paper's ReLU network, or an LSTM"""
    hidden: int = 256
    """units of the core"""
    what: int = 128
    """units of the glimpse network's first layer"""
    supervise: Literal["last", "all"] = "all"
    """which steps are told the class; the paper: the last. All learns faster, and names the digit at any step"""
    reward: Literal["probability", "correct"] = "probability"
    """of the true class at the last step, or 1 where it is the most probable (the paper)"""
    attach: float = 0.0
    """how much of the location network's gradient goes on into the core: 0 (none) teaches the core to name alone"""
    random_locations: bool = False
    """the control: look anywhere, learn nothing about where"""
    sigma: float = 0.2
    """standard deviation of a location at the start; a cosine takes it to sigma_end"""
    sigma_end: float = 0.07
    """standard deviation of a location at the end"""
    augment: float = 0.4
    """how much training digits are turned, stretched and sheared; 0: not at all, 1: as far as digits bear it"""
    images: int = 0
    """use only so many digits (0: all), for smoke runs"""


@dataclass(frozen=True)
class Config:
    """What the network and its loss need to know."""

    net: RecurrentConfig
    fovea: Fovea
    glimpses: int
    rollouts: int = 4
    supervise: str = "all"
    reward: str = "probability"
    random_locations: bool = False
    attach: float = 0.0


class Ram(nn.Module):
    """The network; its forward is one batch's loss."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.net = Recurrent(config.net)

    def forward(
        self, integral: Tensor, labels: Tensor, first: Tensor, noise: Tensor, sigma: float
    ) -> tuple[Tensor, loop.Figures]:
        """Roll out and weigh.

        integral: integral images (B, _); labels (B,); first: locations (B, M, 2) in [-1, 1] of the first glimpses;
        noise: (T - 1, B, M, 2), standard normal, or uniform in [-1, 1] for random locations.
        """
        c, m = self.config, first.shape[1]
        hidden, drawn = self.roll_out(integral, first, noise, sigma)  # (T, B * M, hidden), (T - 1, B * M, 2)
        truth = labels.repeat_interleave(m)  # (B * M,)
        told = hidden if c.supervise == "all" else hidden[-1:]
        logits = self.net.classifier(told).float()  # (T or 1, B * M, classes)
        named = F.cross_entropy(logits.flatten(0, 1), truth.repeat(len(logits)))
        guess = self.net.baseline(hidden[:-1].detach()).float().squeeze(-1)  # (T - 1, B * M)
        with torch.no_grad():
            after = reinforce.mean_after(reinforce.rewards(logits, truth, c.reward))
            target = after[1:] if c.supervise == "all" else after.expand(len(guess), -1)
            advantage = reinforce.leave_one_out(target - guess, m)
        choices = max(guess.numel(), 1)  # a single glimpse leaves none
        value = (guess - target).square().sum() / choices
        known = hidden[:-1].detach()
        mean = self.net.locate(known + c.attach * (hidden[:-1] - known))
        score = reinforce.log_density(drawn, mean, sigma)
        located = -(advantage * score).sum() / choices * (0.0 if c.random_locations else 1.0)
        right = (logits[-1].argmax(-1) == truth).float().mean()
        figures = {"loss/class": named.detach(), "loss/value": value.detach(), "train/accuracy": right}
        return named + value + located, figures

    def roll_out(self, integral: Tensor, first: Tensor, noise: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Look T times: hidden states (T, B * M, hidden) and the drawn locations (T - 1, B * M, 2), not yet clamped."""
        c, (b, m) = self.config, first.shape[:2]
        state = self.net.empty(b * m, first.device)
        at, hidden, drawn = first, [], []
        for t in range(len(noise) + 1):
            with torch.no_grad(), torch.autocast(first.device.type, enabled=False):  # places need all their digits
                glimpse, taken = c.fovea.look(integral, at)  # (B, M, size), (B, M, 2)
            state = self.net(glimpse.flatten(0, 1), taken.flatten(0, 1), state)
            hidden.append(state[0])
            if t < len(noise):
                with torch.no_grad():
                    mean = self.net.locate(state[0]).view(b, m, 2)
                    at = noise[t] if c.random_locations else mean + sigma * noise[t]
                    drawn.append(at.flatten(0, 1))
                    at = at.clamp(-1, 1)
        return torch.stack(hidden), torch.stack(drawn) if drawn else first.new_zeros(0, b * m, 2)


def configure(args: Args) -> Config:
    """Raises GlimpseError for what makes no sense."""
    task = TASKS[args.task]
    glimpses = task.glimpses if args.glimpses is None else args.glimpses
    if glimpses < 1 or args.rollouts < 1:
        raise GlimpseError(f"--glimpses {glimpses}, --rollouts {args.rollouts}: expected at least 1 of each")
    fovea = task.fovea()
    net = RecurrentConfig(fovea.size, core=args.core, hidden=args.hidden, what=args.what)
    return Config(net, fovea, glimpses, args.rollouts, args.supervise, args.reward, args.random_locations, args.attach)


@torch.no_grad()
def accuracy(net: Ram, scenes: Tensor, labels: Tensor, glimpses: int, seed: int = 0) -> float:
    """Share of scenes (N, side, side) named rightly after one greedy roll-out from a random first location."""
    generator, right = torch.Generator().manual_seed(seed), 0
    for scene, truth in zip(scenes.split(1000), labels.split(1000), strict=True):
        first = (torch.rand((len(scene), 1, 2), generator=generator) * 2 - 1).to(scene.device)
        noise = torch.zeros(glimpses - 1, len(scene), 1, 2, device=scene.device)
        if net.config.random_locations:
            noise = (torch.rand(noise.shape, generator=generator) * 2 - 1).to(scene.device)
        hidden, _ = net.roll_out(integral_image(scene), first, noise, 0.0)
        right += int((net.net.classifier(hidden[-1]).argmax(-1) == truth).sum())
    return right / len(labels)


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is. Returns the checkpoint's path."""
    fabric = loop.launch(args)
    config, kind = configure(args), mnist.variant(TASKS[args.task].variant)
    torch.manual_seed(args.seed)
    net = Ram(config)
    train_set = digits.Digits.load(args.data, fabric.device, count=args.images)
    held_out = digits.Digits.load(args.data, fabric.device, held_out=True, count=args.images)
    checks = digits.batch(held_out, kind, 2000, torch.Generator().manual_seed(1), augment=False)

    def draw(turn: loop.Turn) -> tuple[Any, ...]:
        scenes, labels = digits.batch(train_set, kind, args.batch, turn.generator, args.augment, turn.part)
        shape = (args.batch, config.rollouts, 2)
        first = torch.rand(shape, generator=turn.generator) * 2 - 1
        if config.random_locations:
            noise = torch.rand((config.glimpses - 1, *shape), generator=turn.generator) * 2 - 1
        else:
            noise = torch.randn((config.glimpses - 1, *shape), generator=turn.generator)
        share = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * turn.progress)).item())
        sigma = args.sigma_end + (args.sigma - args.sigma_end) * share
        first, noise = first[turn.part].to(turn.device), noise[:, turn.part].to(turn.device)
        return integral_image(scenes), labels, first, noise, sigma

    def validate(average: nn.Module) -> loop.Figures:
        assert isinstance(average, Ram)
        return {"held_out/accuracy": accuracy(average, *checks, config.glimpses)}

    about = {"method": "ram", "task": args.task, "augment": args.augment, **asdict(config)}
    return loop.fit(fabric, args, about, net, draw, validate)


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
