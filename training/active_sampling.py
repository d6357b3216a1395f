"""Active sampling (Lu, "Revisit Recurrent Attention Model from an Active Sampling Perspective", 2019).

    python -m training.active_sampling --data ../shared/data/mnist --out runs/active-sampling --minutes 40

RAM with two more motives to look: to be less uncertain, and to believe nothing in particular before there is a reason.
A head says after every glimpse how wrong each class's probability may be. So the network can stop by itself: once the
best class's lower confidence bound is above the others' upper ones. The second motive keeps the state small, so that
the network may go on looking for much longer than it was trained to.

Where this differs from the author's code: weights multiply means over the batch, not sums over 32 images (x 32); the
class is asked for at every step, since the network may stop there (`--supervise last` is the paper); and being less
uncertain trains what is uncertain, not the head that says so, which would learn to say 0 instead of the error.
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
from .ram import TASKS
from .recurrent import Recurrent, RecurrentConfig

LONG = 50  # glimpses of an episode that goes on for far longer than those of training
BETAS = (0.5, 1.0, 2.0, 5.0)  # widths of the confidence bounds that validation tries


@dataclass
class Args(loop.LoopArgs):
    """What to train."""

    out: Path = Path("runs/active-sampling")
    """checkpoint.pt and TensorBoard logs; running the command again goes on from there"""
    batch: int = 128
    """scenes a step, over all processes"""
    data: Path = Path("../shared/data/mnist")
    """folder of MNIST's four IDX files"""
    task: Literal["mnist28", "translated60", "cluttered60", "cluttered100", "cluttered100x10"] = "mnist28"
    """scenes and retina, a row of RAM's tables"""
    glimpses: int | None = None
    """glimpses an episode; by default as many as the task's"""
    uncertainty: float = 3e-4
    """lambda_1, weight of the self-uncertainty, summed over steps and classes; 0: not a motive"""
    intrinsic: float = 0.1
    """lambda_2, weight of the cross-entropy to the uniform distribution; 0: not a motive"""
    rollouts: int = 4
    """roll-outs of each image, whose mean reward is each other's baseline"""
    core: Literal["relu", "lstm"] = "relu"
    """the paper's ReLU network, or an LSTM"""
    hidden: int = 256
    """units of the core"""
    what: int = 128
    """units of the glimpse network's first layer"""
    supervise: Literal["last", "all"] = "all"
    """which steps are told the class; the paper: the last"""
    reward: Literal["probability", "correct"] = "probability"
    """of the true class at the last step, or 1 where it is the most probable (the paper)"""
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
    uncertainty: float = 3e-4
    intrinsic: float = 0.1
    rollouts: int = 4
    supervise: str = "all"
    reward: str = "probability"
    random_locations: bool = False


class ActiveSampling(nn.Module):
    """RAM's network and the self-uncertainty head; its forward is one batch's loss."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.net = Recurrent(config.net)
        k = config.net.classes
        self.doubt = nn.Linear(config.net.hidden + k, k)
        nn.init.zeros_(self.doubt.weight)  # at first the error of a guess: a ReLU that begins at 0 may stay there
        nn.init.constant_(self.doubt.bias, 2 * (k - 1) / k**2)

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
        logits = self.net.classifier(hidden).float()  # (T, B * M, classes)
        told = logits if c.supervise == "all" else logits[-1:]  # (T or 1, B * M, classes)
        named = F.cross_entropy(told.flatten(0, 1), truth.repeat(len(told)))
        uniform = -told.log_softmax(-1).mean(-1).mean()  # J_intrinsic: cross-entropy from the uniform distribution

        p = logits.softmax(-1)
        error = (F.one_hot(truth, p.shape[-1]) - p.detach()).abs()  # (T, B * M, classes), what the head has to say
        said = self.judge(hidden.detach(), p.detach())
        judged = F.mse_loss(said, error)
        head = self.doubt.weight.detach(), self.doubt.bias.detach()
        doubt = self.judge(hidden, p, head).sum((0, -1)).mean()  # J_uncertainty, over steps and classes

        guess = self.net.baseline(hidden[:-1].detach()).float().squeeze(-1)  # (T - 1, B * M)
        with torch.no_grad():
            after = reinforce.mean_after(reinforce.rewards(told, truth, c.reward))
            target = after[1:] if c.supervise == "all" else after.expand(len(guess), -1)
            advantage = reinforce.leave_one_out(target - guess, m)
        looks = max(1, guess.numel())  # one glimpse alone has no next location: sums of nothing, not means
        value = (guess - target).square().sum() / looks
        mean = self.net.locate(hidden[:-1].detach())
        score = reinforce.log_density(drawn, mean, sigma)
        located = -(advantage * score).sum() / looks * (0.0 if c.random_locations else 1.0)

        loss = named + c.intrinsic * uniform + c.uncertainty * doubt + judged + value + located
        figures = {"loss/class": named, "loss/uniform": uniform, "loss/uncertainty": doubt, "loss/head": judged}
        figures |= {"loss/value": value, "train/accuracy": (logits[-1].argmax(-1) == truth).float().mean()}
        return loss, {name: figure.detach() for name, figure in figures.items()}

    def judge(self, hidden: Tensor, p: Tensor, head: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """u_t (..., classes) >= 0, the expected |one-hot - p_t|, of h_t and p_t; head: other weights than its own."""
        weight, bias = head or (self.doubt.weight, self.doubt.bias)
        return F.relu(F.linear(torch.cat([hidden, p.to(hidden.dtype)], -1), weight, bias)).float()

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


def margins(p: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """p_i* - p_j and u_i* + u_j, (..., K) each, of the most probable class i* and every j; 1 and 0 at j = i*."""
    best = p.argmax(-1, keepdim=True)
    own = torch.arange(p.shape[-1], device=p.device) == best  # (..., K)
    return (p.gather(-1, best) - p).masked_fill(own, 1.0), (u.gather(-1, best) + u).masked_fill(own, 0.0)


def best_beta(p: Tensor, u: Tensor) -> Tensor:
    """beta* (...) of probabilities and uncertainties (..., K): the rule stops for every beta below it.

    The rule: the lower bound p - beta u of the most probable class is above every other class's p + beta u. So beta* is
    the smallest (p_i* - p_j) / (u_i* + u_j); inf where u is 0 and one class leads, 0 where two classes lead together.
    """
    gap, width = margins(p, u)
    return torch.where(gap > 0, gap / width, 0.0).amin(-1)


def stop_score(p: Tensor, u: Tensor) -> Tensor:
    """beta* / (1 + beta*) (...), in [0, 1]: what a policy says as `stop`. stop_threshold is beta / (1 + beta)."""
    gap, width = margins(p, u)
    return (gap / (gap + width).clamp_min(1e-12)).amin(-1)


def configure(args: Args) -> Config:
    """Raises GlimpseError for what makes no sense."""
    task = TASKS[args.task]
    glimpses = task.glimpses if args.glimpses is None else args.glimpses
    if glimpses < 1 or args.rollouts < 1:
        raise GlimpseError(f"--glimpses {glimpses}, --rollouts {args.rollouts}: expected at least 1 of each")
    if args.uncertainty < 0 or args.intrinsic < 0:
        raise GlimpseError(
            f"--uncertainty {args.uncertainty:g}, --intrinsic {args.intrinsic:g}: expected no less than 0 of each"
        )
    fovea = task.fovea()
    net = RecurrentConfig(fovea.size, core=args.core, hidden=args.hidden, what=args.what)
    return Config(
        net, fovea, glimpses, args.uncertainty, args.intrinsic,
        args.rollouts, args.supervise, args.reward, args.random_locations,
    )  # fmt: skip


@torch.no_grad()
def watch(net: ActiveSampling, scenes: Tensor, glimpses: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """p_t and u_t, (T, N, K) each, of one greedy roll-out over scenes (N, side, side) from random first locations."""
    generator, seen = torch.Generator().manual_seed(seed), []
    for scene in scenes.split(1000):
        first = (torch.rand((len(scene), 1, 2), generator=generator) * 2 - 1).to(scene.device)
        noise = torch.zeros(glimpses - 1, len(scene), 1, 2, device=scene.device)
        if net.config.random_locations:
            noise = (torch.rand(noise.shape, generator=generator) * 2 - 1).to(scene.device)
        hidden, _ = net.roll_out(integral_image(scene), first, noise, 0.0)
        p = net.net.classifier(hidden).float().softmax(-1)
        seen.append((p, net.judge(hidden, p)))
    return torch.cat([p for p, _ in seen], 1), torch.cat([u for _, u in seen], 1)


def dynamic(p: Tensor, u: Tensor, labels: Tensor, beta: float) -> tuple[float, float]:
    """Accuracy and mean number of glimpses where each scene stops by itself, at the latest at T; p, u (T, N, K)."""
    stops = best_beta(p, u) >= beta  # (T, N), as the explorer compares
    stops[-1] = True
    at = stops.float().argmax(0)  # (N,), the first: argmax of equals is the earliest
    named = p.argmax(-1).gather(0, at[None])[0]
    return (named == labels).float().mean().item(), (at + 1).float().mean().item()


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is. Returns the checkpoint's path."""
    fabric = loop.launch(args)
    config, kind = configure(args), mnist.variant(TASKS[args.task].variant)
    torch.manual_seed(args.seed)
    net = ActiveSampling(config)
    train_set = digits.Digits.load(args.data, fabric.device, count=args.images)
    held_out = digits.Digits.load(args.data, fabric.device, held_out=True, count=args.images)
    scenes, labels = digits.batch(held_out, kind, 2000, torch.Generator().manual_seed(1), augment=False)

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
        assert isinstance(average, ActiveSampling)
        p, u = watch(average, scenes, max(LONG, config.glimpses))
        right = (p.argmax(-1) == labels).float().mean(1)  # (T,)
        figures: loop.Figures = {f"held_out/accuracy_{n}": right[n - 1].item() for n in (config.glimpses, LONG)}
        for beta in BETAS:
            accuracy, glimpses = dynamic(p, u, labels, beta)
            figures |= {f"held_out/accuracy_beta{beta:g}": accuracy, f"held_out/glimpses_beta{beta:g}": glimpses}
        return figures

    about = {"method": "active-sampling", "task": args.task, "augment": args.augment, **asdict(config)}
    return loop.fit(fabric, args, about, net, draw, validate)


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
