"""Top-down and bottom-up attention ("Unifying Top-down and Bottom-up for Recurrent Visual Attention", 2021).

    python -m training.top_down --top-down --entropy --context --data ../shared/data/mnist --out runs/top-down

RAM (training/ram.py) with three parts, each an option, so that leaving one out shows what it does: on one --seed the
scenes, the noise and the recurrent network's first weights are the same whatever the options.

--top-down  A small network looks at the scene at half its resolution, once, and gives each quadrant a value; the first
            glimpse is taken in the best one. The paper's quadtree has two levels, so this is one decision and its
            Q-learning a contextual bandit: the target is the reward alone, with nothing to discount and no target
            network.
--entropy   A step's share of the policy gradient is weighed by what its glimpse shows: entropy [bit] + lambda.
--context   A second answer, from the sum of all states, each weighed by the probability it gave to the true class. It
            needs the label, so it serves training only.

Two slips of the paper are not kept: the sign of its policy gradient (eq. 14), and beta2 = 0.01, which under Adam says
nothing, for only the location network gets that gradient; --beta2 0.01 brings it back.
"""

from __future__ import annotations

import math
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
from .quadrants import QNet, centre, overview_of, start_view
from .ram import TASKS
from .recurrent import Recurrent, RecurrentConfig

EPSILON, EXPLORED = 0.05, 0.2  # exploration falls from 1 to this, over this share of the run
BINARY = 0.5  # a pixel of [0, 1] above this is bright


@dataclass
class Args(loop.LoopArgs):
    """What to train."""

    out: Path = Path("runs/top-down")
    """checkpoint.pt and TensorBoard logs; running the command again goes on from there"""
    batch: int = 128
    """scenes a step, over all processes"""
    data: Path = Path("../shared/data/mnist")
    """folder of MNIST's four IDX files"""
    task: Literal["cluttered100x10", "cluttered100", "cluttered60", "mnist28"] = "cluttered100x10"
    """the paper's two, and RAM's cluttered ones; mnist28 goes without --top-down, as in the paper"""
    top_down: bool = False
    """choose the first quadrant from a coarse look at the whole scene"""
    entropy: bool = False
    """weigh the policy gradient by the entropy of the glimpse"""
    context: bool = False
    """a second answer from all states, in training"""
    lam: float = 0.5
    """lambda: what the entropy [bit] is added to"""
    beta1: float = 1.0
    """weight of the second answer's loss"""
    beta2: float = 1.0
    """weight of the policy gradient (the paper: 0.01)"""
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
    """which steps are told the class, and so rewarded; the paper: the last"""
    reward: Literal["probability", "correct"] = "probability"
    """of the true class, or 1 where it is the most probable (the paper)"""
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
    top_down: bool = False
    entropy: bool = False
    context: bool = False
    lam: float = 0.5
    beta1: float = 1.0
    beta2: float = 1.0


def bits(patch: Tensor) -> Tensor:
    """Patches (..., pixels) in [0, 1] -> entropy (...) [bit] of dark and bright pixels: 0 where all are of one kind."""
    bright = (patch > BINARY).count_nonzero(-1) / patch.shape[-1]
    return (torch.special.entr(bright) + torch.special.entr(1 - bright)) / math.log(2)


class TopDown(nn.Module):
    """The networks; their forward is one batch's loss."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        self.net = Recurrent(c.net)  # first, so that it begins the same whatever the options
        if c.top_down:
            self.q = QNet(c.fovea.side // 2, c.fovea.side // 2)
        if c.context:
            self.context = nn.Sequential(nn.Linear(c.net.hidden, 128), nn.ReLU(), nn.Linear(128, c.net.classes))

    def forward(
        self,
        integral: Tensor,
        labels: Tensor,
        first: Tensor,
        noise: Tensor,
        sigma: float,
        overview: Tensor,
        wild: Tensor,
    ) -> tuple[Tensor, loop.Figures]:
        """Roll out and weigh.

        integral: integral images (B, _); labels (B,); first: (B, M, 2), uniform in [-1, 1]: places in the scene, or in
        the quadrant; noise: (T - 1, B, M, 2), standard normal; overview (B, 1, h, w) in [0, 1]; wild: (B, M), the
        quadrant to explore, or -1 for the best one.
        """
        c, (b, m) = self.config, first.shape[:2]
        figures: loop.Figures = {}
        if c.top_down:
            q = self.q(overview)  # (B, 4)
            chosen = torch.where(wild < 0, q.argmax(-1, keepdim=True), wild)  # (B, M)
            first = centre(chosen) + first / 2
        hidden, drawn, shown = self.roll_out(integral, first, noise, sigma)
        truth = labels.repeat_interleave(m)  # (B * M,)
        logits = self.net.classifier(hidden).float()  # (T, B * M, classes)
        told = logits if c.supervise == "all" else logits[-1:]
        named = F.cross_entropy(told.flatten(0, 1), truth.repeat(len(told)))
        guess = self.net.baseline(hidden[:-1].detach()).float().squeeze(-1)  # (T - 1, B * M)
        with torch.no_grad():
            after = reinforce.mean_after(reinforce.rewards(told, truth, c.reward))
            target = after[1:] if c.supervise == "all" else after[-1].expand(len(guess), -1)
            advantage = reinforce.leave_one_out(target - guess, m)
            if c.entropy:
                advantage = advantage * (shown + c.lam)
        choices = max(guess.numel(), 1)  # a single glimpse leaves none
        value = (guess - target).square().sum() / choices
        mean = self.net.locate(hidden[:-1].detach())
        score = reinforce.log_density(drawn, mean, sigma)
        located = -(advantage * score).sum() / choices
        loss = named + value + c.beta2 * located
        if c.context:
            trust = logits.softmax(-1).gather(-1, truth.expand(len(logits), -1)[..., None])  # (T, B * M, 1)
            again = F.cross_entropy(self.context((trust.to(hidden.dtype) * hidden).sum(0)).float(), truth)
            loss = loss + c.beta1 * again
            figures["loss/context"] = again.detach()
        if c.top_down:
            worth = F.huber_loss(q.gather(1, chosen), after[0].view(b, m))
            loss = loss + worth
            figures["loss/q"] = worth.detach()
        right = (logits[-1].argmax(-1) == truth).float().mean()
        figures |= {"loss/class": named.detach(), "loss/value": value.detach(), "train/accuracy": right}
        return loss, figures

    def roll_out(self, integral: Tensor, first: Tensor, noise: Tensor, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
        """Look T times: hidden states (T, B * M, hidden), and of all looks but the first the drawn locations
        (T - 1, B * M, 2), not yet clamped, and the entropy [bit] (T - 1, B * M) of their finest scale.
        """
        c, (b, m) = self.config, first.shape[:2]
        state = self.net.empty(b * m, first.device)
        at, hidden, drawn, shown = first, [], [], []
        for t in range(len(noise) + 1):
            with torch.no_grad(), torch.autocast(first.device.type, enabled=False):  # places need all their digits
                glimpse, taken = c.fovea.look(integral, at)  # (B, M, size), (B, M, 2)
                shown.append(bits(glimpse[..., : c.fovea.g**2]).flatten() if c.entropy else first.new_zeros(b * m))
            state = self.net(glimpse.flatten(0, 1), taken.flatten(0, 1), state)
            hidden.append(state[0])
            if t < len(noise):
                with torch.no_grad():
                    at = self.net.locate(state[0]).view(b, m, 2) + sigma * noise[t]
                    drawn.append(at.flatten(0, 1))
                    at = at.clamp(-1, 1)
        places = torch.stack(drawn) if drawn else first.new_zeros(0, b * m, 2)
        return torch.stack(hidden), places, torch.stack(shown)[1:]


def configure(args: Args) -> Config:
    """Raises GlimpseError for what makes no sense."""
    task = TASKS[args.task]
    glimpses = task.glimpses if args.glimpses is None else args.glimpses
    if glimpses < 1 or args.rollouts < 1:
        raise GlimpseError(f"--glimpses {glimpses}, --rollouts {args.rollouts}: expected at least 1 of each")
    if min(args.lam, args.beta1, args.beta2) < 0:
        raise GlimpseError(f"--lam {args.lam}, --beta1 {args.beta1}, --beta2 {args.beta2}: expected none below 0")
    if args.top_down and args.task == "mnist28":
        raise GlimpseError("--top-down on mnist28: its digits fill the scene; expected a cluttered task, or none of it")
    fovea = task.fovea()
    net = RecurrentConfig(fovea.size, core=args.core, hidden=args.hidden, what=args.what)
    parts = (args.top_down, args.entropy, args.context, args.lam, args.beta1, args.beta2)
    return Config(net, fovea, glimpses, args.rollouts, args.supervise, args.reward, *parts)


@torch.no_grad()
def accuracy(net: TopDown, scenes: Tensor, labels: Tensor, glimpses: int, seed: int = 0) -> float:
    """Share of scenes (N, side, side) named rightly after one greedy roll-out: from the centre of the best quadrant,
    or without --top-down from a random first location.
    """
    generator, right = torch.Generator().manual_seed(seed), 0
    for scene, truth in zip(scenes.split(1000), labels.split(1000), strict=True):
        if net.config.top_down:
            first = start_view(net.q(overview_of(scene)))[:, None]
        else:
            first = (torch.rand((len(scene), 1, 2), generator=generator) * 2 - 1).to(scene.device)
        noise = torch.zeros(glimpses - 1, len(scene), 1, 2, device=scene.device)
        hidden, _, _ = net.roll_out(integral_image(scene), first, noise, 0.0)
        right += int((net.net.classifier(hidden[-1]).argmax(-1) == truth).sum())
    return right / len(labels)


def exploration(progress: float) -> float:
    """Epsilon, the share of quadrants chosen blindly; progress in [0, 1]."""
    return max(EPSILON, 1 - (1 - EPSILON) * progress / EXPLORED)


def prepare(args: Args, config: Config, train_set: digits.Digits, turn: loop.Turn) -> tuple[Any, ...]:
    """One batch, as `TopDown.forward` takes it. All options draw the same numbers."""
    kind = mnist.variant(TASKS[args.task].variant)
    scenes, labels = digits.batch(train_set, kind, args.batch, turn.generator, args.augment, turn.part)
    shape = (args.batch, config.rollouts)
    first = torch.rand((*shape, 2), generator=turn.generator) * 2 - 1
    noise = torch.randn((config.glimpses - 1, *shape, 2), generator=turn.generator)
    wild = torch.randint(4, shape, generator=turn.generator)
    wild[torch.rand(shape, generator=turn.generator) >= exploration(turn.progress)] = -1
    share = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * turn.progress)).item())
    sigma = args.sigma_end + (args.sigma - args.sigma_end) * share
    first, noise, wild = (x.to(turn.device) for x in (first[turn.part], noise[:, turn.part], wild[turn.part]))
    return integral_image(scenes), labels, first, noise, sigma, overview_of(scenes), wild


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is. Returns the checkpoint's path."""
    config = configure(args)
    fabric = loop.launch(args)
    torch.manual_seed(args.seed)
    net = TopDown(config)
    train_set = digits.Digits.load(args.data, fabric.device, count=args.images)
    held_out = digits.Digits.load(args.data, fabric.device, held_out=True, count=args.images)
    kind = mnist.variant(TASKS[args.task].variant)
    checks = digits.batch(held_out, kind, 2000, torch.Generator().manual_seed(1))

    def draw(turn: loop.Turn) -> tuple[Any, ...]:
        return prepare(args, config, train_set, turn)

    def validate(average: nn.Module) -> loop.Figures:
        assert isinstance(average, TopDown)
        return {"held_out/accuracy": accuracy(average, *checks, config.glimpses)}

    about = {"method": "top-down", "task": args.task, "augment": args.augment, **asdict(config)}
    return loop.fit(fabric, args, about, net, draw, validate)


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
