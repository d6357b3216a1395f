"""House numbers, digit by digit: top-down and bottom-up attention (training/top_down.py) on sequences.

    python -m training.svhn_sequences --entropy --context --data ../shared/data/svhn --out runs/svhn --minutes 600

Three glimpses, then a symbol: a digit, or that the number is over. Up to five digits, so 18 glimpses of 12 x 12 pixels
at two scales (Ba et al., "Multiple Object Recognition with Visual Attention", 2015, and section 5 of the paper that
top_down.py follows). What counts is the whole sequence, its end included.

Where the folder holds no SVHN, numbers are generated of MNIST's digits, and what is printed says so: they show that
this learns, no more. Left open by the papers, and chosen here: colour; group normalization, whose figures do not depend
on the other glimpses of a batch; all answers from the upper LSTM; a context a digit, of its own three glimpses.
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
from glimpse_ros.datasets import svhn

from . import house_numbers, loop, reinforce
from .fovea import Fovea, integral_image
from .house_numbers import CHANNELS, SIDE, Pictures, crop, middle, overview_of_rgb
from .quadrants import QNet, centre, start_view
from .top_down import bits, exploration

SYMBOLS = svhn.END + 1
TASK = Fovea(SIDE, 12, 2)  # the paper's


@dataclass
class Args(loop.LoopArgs):
    """What to train."""

    out: Path = Path("runs/svhn")
    """checkpoint.pt and TensorBoard logs; running the command again goes on from there"""
    batch: int = 128
    """numbers a step, over all processes"""
    lr: float = 3e-4
    """peak learning rate of Adam"""
    data: Path = Path("../shared/data/svhn")
    """SVHN: train/, test/ and extra/ with digitStruct.mat, or train_32x32.mat and test_32x32.mat"""
    mnist: Path = Path("../shared/data/mnist")
    """what numbers are generated of where there is no SVHN"""
    top_down: bool = False
    """choose the first quadrant from a coarse look at the whole picture"""
    entropy: bool = False
    """weigh the policy gradient by the entropy of the glimpse"""
    context: bool = False
    """a second answer from a digit's states, in training"""
    lam: float = 0.5
    """lambda: what the entropy [bit] is added to"""
    beta1: float = 1.0
    """weight of the second answer's loss"""
    beta2: float = 1.0
    """weight of the policy gradient (the paper: 0.01)"""
    each: int = 3
    """glimpses a symbol"""
    rollouts: int = 2
    """roll-outs of each picture, whose mean reward is each other's baseline"""
    hidden: int = 512
    """units of each LSTM"""
    reward: Literal["probability", "sequence"] = "probability"
    """of the true symbols from here on, or 1 where the whole sequence is right (the paper)"""
    sigma: float = 0.2
    """standard deviation of a location at the start; a cosine takes it to sigma_end"""
    sigma_end: float = 0.07
    """standard deviation of a location at the end"""
    images: int | None = None
    """use only so many pictures of each split, for smoke runs"""


@dataclass(frozen=True)
class Config:
    """What the network and its loss need to know."""

    fovea: Fovea
    each: int = 3
    rollouts: int = 2
    hidden: int = 512
    reward: str = "probability"
    top_down: bool = False
    entropy: bool = False
    context: bool = False
    lam: float = 0.5
    beta1: float = 1.0
    beta2: float = 1.0

    @property
    def glimpses(self) -> int:
        """Of an episode: for each digit there can be, and for the end."""
        return self.each * (svhn.MOST + 1)


class Sequences(nn.Module):
    """The networks; their forward is one batch's loss."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c, n = config, config.hidden
        self.config = config
        self.what = nn.Sequential(
            *(nn.Conv2d(CHANNELS * c.fovea.scales, 64, 5, padding=2), nn.GroupNorm(8, 64), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 64, 3, padding=1), nn.GroupNorm(8, 64), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 128, 3, padding=1), nn.GroupNorm(8, 128), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(128 * (c.fovea.g // 4) ** 2, n)),
        )
        self.where = nn.Sequential(nn.Linear(2, 128), nn.ReLU(), nn.Linear(128, n))
        self.lower, self.upper = nn.LSTMCell(n, n), nn.LSTMCell(n, n)
        self.locator = nn.Sequential(nn.Linear(n, 128), nn.ReLU(), nn.Linear(128, 2))
        self.classifier = nn.Linear(n, SYMBOLS)
        self.baseline = nn.Linear(n, 1)
        if c.top_down:
            self.q = QNet(SIDE // 2 + 1, SIDE // 2 + 1)
        if c.context:
            self.context = nn.Sequential(nn.Linear(n, 128), nn.ReLU(), nn.Linear(128, SYMBOLS))

    def forward(
        self, scenes: Tensor, symbols: Tensor, first: Tensor, noise: Tensor, sigma: float, wild: Tensor
    ) -> tuple[Tensor, loop.Figures]:
        """Roll out and weigh.

        scenes: (B, 3, SIDE, SIDE) on 0-255; symbols (B, J), NOTHING after the end; first: (B, M, 2), uniform in
        [-1, 1]: places in the picture, or in the quadrant; noise: (T - 1, B, M, 2), standard normal; wild: (B, M), the
        quadrant to explore, or -1 for the best one.
        """
        c, (b, m) = self.config, first.shape[:2]
        figures: loop.Figures = {}
        if c.top_down:
            q = self.q(overview_of_rgb(scenes))  # (B, 4)
            chosen = torch.where(wild < 0, q.argmax(-1, keepdim=True), wild)  # (B, M)
            first = centre(chosen) + first / 2
        hidden, drawn, shown = self.roll_out(scenes, first, noise, sigma)
        truth = symbols.T.repeat_interleave(m, 1)  # (J, B * M)
        counts = (truth != svhn.NOTHING).float()
        known = truth.clamp(min=0)  # where nothing counts, any symbol
        logits = self.classifier(hidden if c.context else hidden[c.each - 1 :: c.each]).float()
        told = logits[c.each - 1 :: c.each] if c.context else logits  # (J, B * M, SYMBOLS)
        named = cross_entropy(told, truth)
        guess = self.baseline(hidden[:-1].detach()).float().squeeze(-1)  # (T - 1, B * M)
        with torch.no_grad():
            right = (told.argmax(-1) == truth) | (counts == 0)
            whole = right.all(0).float()  # (B * M,)
            if c.reward == "sequence":
                later = whole.expand(len(truth), -1)
            else:  # a choice can change what comes after it, no more
                reward = told.softmax(-1).gather(-1, known[..., None]).squeeze(-1) * counts
                later = sum_after(reward) / sum_after(counts).clamp(min=1)  # (J, B * M)
            symbol = torch.arange(1, len(hidden), device=truth.device) // c.each  # that the chosen glimpse is for
            target, live = later[symbol], counts[symbol]  # (T - 1, B * M); after the end no choice matters
            advantage = reinforce.leave_one_out(target - guess, m) * ((shown + c.lam) if c.entropy else 1.0)
        value = ((guess - target).square() * live).sum() / live.sum()
        mean = self.locate(hidden[:-1].detach())
        score = reinforce.log_density(drawn, mean, sigma)
        loss = named + value - c.beta2 * (advantage * score * live).sum() / live.sum()
        if c.context:
            trust = logits.softmax(-1).gather(-1, known.repeat_interleave(c.each, 0)[..., None])  # (T, B * M, 1)
            weighed = (trust.to(hidden.dtype) * hidden).unflatten(0, (-1, c.each)).sum(1)  # (J, B * M, hidden)
            again = cross_entropy(self.context(weighed).float(), truth)
            loss = loss + c.beta1 * again
            figures["loss/context"] = again.detach()
        if c.top_down:
            worth = F.huber_loss(q.gather(1, chosen), later[0].view(b, m))
            loss = loss + worth
            figures["loss/q"] = worth.detach()
        figures |= {"loss/class": named.detach(), "loss/value": value.detach()}
        figures["train/sequence_error"] = 1 - whole.mean()
        return loss, figures

    def roll_out(self, scenes: Tensor, first: Tensor, noise: Tensor, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
        """Look T times: the upper LSTM's states (T, B * M, hidden), and of all looks but the first the drawn locations
        (T - 1, B * M, 2), not yet clamped, and the entropy [bit] (T - 1, B * M) of their finest scale.
        """
        c, (b, m), f = self.config, first.shape[:2], self.config.fovea
        with torch.autocast(first.device.type, enabled=False):
            integral = integral_image(scenes.flatten(0, 1))  # (B * 3, _)
        zeros = torch.zeros(b * m, c.hidden, device=first.device)
        lower, upper = (zeros, zeros), (zeros, zeros)
        at, hidden, drawn, shown = first, [], [], []
        for t in range(len(noise) + 1):
            with torch.no_grad(), torch.autocast(first.device.type, enabled=False):  # places need all their digits
                seen, taken = f.look(integral, at.repeat_interleave(CHANNELS, 0))  # (B * 3, M, _), (B * 3, M, 2)
                seen = seen.view(b, CHANNELS, m, f.scales, f.g, f.g).transpose(1, 2).flatten(0, 1)  # (B * M, 3, ...)
                shown.append(bits(seen[:, :, 0].mean(1).flatten(1)))
            glimpse = self.what(seen.flatten(1, 2)) + self.where(taken[::CHANNELS].flatten(0, 1))
            lower = self.lower(torch.relu(glimpse), lower)
            upper = self.upper(lower[0], upper)
            hidden.append(upper[0])
            if t < len(noise):
                with torch.no_grad():
                    at = self.locate(upper[0]).view(b, m, 2) + sigma * noise[t]
                    drawn.append(at.flatten(0, 1))
                    at = at.clamp(-1, 1)
        return torch.stack(hidden), torch.stack(drawn), torch.stack(shown)[1:]

    def locate(self, hidden: Tensor) -> Tensor:
        """The mean of the next location (..., 2) in (-1, 1)."""
        return torch.tanh(self.locator(hidden).float())


def cross_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean over the symbols that count; logits (J, N, SYMBOLS), truth (J, N)."""
    return F.cross_entropy(logits.flatten(0, 1), truth.flatten(), ignore_index=svhn.NOTHING)


def sum_after(x: Tensor) -> Tensor:
    """Each row (J, N) and all below it, summed."""
    return x.flip(0).cumsum(0).flip(0)


@torch.no_grad()
def sequence_error(net: Sequences, pictures: Pictures, seed: int = 0) -> float:
    """Share of pictures of which any symbol, the end included, is named wrongly after one greedy roll-out."""
    c, generator, wrong = net.config, torch.Generator().manual_seed(seed), 0
    for images, truth in zip(pictures.images.split(500), pictures.symbols.split(500), strict=True):
        scenes = middle(images)
        first = (torch.rand((len(images), 1, 2), generator=generator) * 2 - 1).to(images.device)
        if c.top_down:
            first = start_view(net.q(overview_of_rgb(scenes)))[:, None]
        noise = torch.zeros(c.glimpses - 1, len(images), 1, 2, device=images.device)
        hidden, _, _ = net.roll_out(scenes, first, noise, 0.0)
        named = net.classifier(hidden[c.each - 1 :: c.each]).argmax(-1).T  # (N, J)
        wrong += int(((named != truth) & (truth != svhn.NOTHING)).any(1).sum())
    return wrong / len(pictures.images)


def configure(args: Args) -> Config:
    """Raises GlimpseError for what makes no sense."""
    if min(args.each, args.rollouts, args.hidden) < 1:
        raise GlimpseError(
            f"--each {args.each}, --rollouts {args.rollouts}, --hidden {args.hidden}: expected at least 1 of each"
        )
    if min(args.lam, args.beta1, args.beta2) < 0:
        raise GlimpseError(f"--lam {args.lam}, --beta1 {args.beta1}, --beta2 {args.beta2}: expected none below 0")
    parts = (args.top_down, args.entropy, args.context, args.lam, args.beta1, args.beta2)
    return Config(TASK, args.each, args.rollouts, args.hidden, args.reward, *parts)


def prepare(args: Args, config: Config, pictures: Pictures, turn: loop.Turn) -> tuple[Any, ...]:
    """One batch, as `Sequences.forward` takes it. All options draw the same numbers."""
    g, shape = turn.generator, (args.batch, config.rollouts)
    picked = torch.randint(len(pictures.images), (args.batch,), generator=g)
    corner = torch.randint(svhn.SIDE - SIDE + 1, (args.batch, 2), generator=g)
    first = torch.rand((*shape, 2), generator=g) * 2 - 1
    noise = torch.randn((config.glimpses - 1, *shape, 2), generator=g)
    wild = torch.randint(4, shape, generator=g)
    wild[torch.rand(shape, generator=g) >= exploration(turn.progress)] = -1
    share = 0.5 * (1 + math.cos(math.pi * turn.progress))
    sigma = args.sigma_end + (args.sigma - args.sigma_end) * share
    mine = [x[turn.part].to(turn.device) for x in (picked, corner, first, wild)]
    scenes = crop(pictures.images[mine[0]], mine[1])
    return scenes, pictures.symbols[mine[0]], mine[2], noise[:, turn.part].to(turn.device), sigma, mine[3]


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is, and print the test error. Returns the checkpoint's path."""
    config = configure(args)
    fabric = loop.launch(args)
    torch.manual_seed(args.seed)
    net = Sequences(config)
    sets = house_numbers.load(args.data, args.mnist, args.images, fabric.device)
    if fabric.is_global_zero:
        print(f"{len(sets.train.images)} pictures to train on: {sets.kind}", file=sys.stderr, flush=True)

    def draw(turn: loop.Turn) -> tuple[Any, ...]:
        return prepare(args, config, sets.train, turn)

    def validate(average: nn.Module) -> loop.Figures:
        assert isinstance(average, Sequences)
        return {"held_out/sequence_error": sequence_error(average, sets.held_out)}

    about = {"method": "svhn-sequences", "data": sets.kind, **asdict(config)}
    path = loop.fit(fabric, args, about, net, draw, validate)
    if fabric.is_global_zero and sets.test is not None:
        best = Sequences(config).to(fabric.device)
        best.load_state_dict(loop.read_checkpoint(path)["average"])
        error = 100 * sequence_error(best, sets.test)
        print(
            f"{error:.2f} % of {len(sets.test.images)} test sequences wrong: {sets.kind}", file=sys.stderr, flush=True
        )
    return path


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
