"""Catch, played through a retina (Mnih et al., "Recurrent Models of Visual Attention", 2014, section 4.2).

    python -m training.catch --out runs/catch --minutes 60

At each frame the agent sees 6 x 6 pixels at three scales where it chose to look, moves the paddle, and says where to
look next. Only the catch is rewarded, at the end. Where to look is learned by REINFORCE, over whole games.

What makes it quick goes beyond the paper and is gone after training: the critics see the game, which the agent never
does (Pinto et al. 2017), and the paddle's three actions are weighed by what each would lead to, tried or not. With
`--critic hidden` both are off: the reward less a learned baseline of the agent's state weighs what was drawn.
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

from . import catch_game as game
from . import loop
from .fovea import Fovea
from .recurrent import Recurrent, RecurrentConfig
from .reinforce import log_density

SLOW = 0.25  # of the location network's output: its gradient is mostly noise, and Adam steps as far on noise


@dataclass
class Args(loop.LoopArgs):
    """What to train."""

    out: Path = Path("runs/catch")
    """checkpoint.pt and TensorBoard logs; running the command again goes on from there"""
    batch: int = 256
    """games a step, over all processes"""
    side: int = 24
    """pixels of the screen's side"""
    g: int = 6
    """pixels of the retina's side"""
    scales: int = 3
    """of the retina, each twice as wide"""
    core: Literal["relu", "lstm"] = "lstm"
    """the paper's LSTM, or its ReLU network"""
    hidden: int = 256
    """units of the core"""
    what: int = 128
    """units of the glimpse network's first layers"""
    critic: Literal["state", "hidden"] = "state"
    """while training, the critic sees the game beside the agent's state, or that alone (the paper's baseline)"""
    watch: int = 200
    """batches of random play that the critic which sees the game watches before all else"""
    trace: float = 0.9
    """how much each later frame counts in what a look brought, with the critic that sees the game"""
    entropy: float = 0.01
    """bonus for the entropy of the paddle's actions at the start; it goes to zero with the learning rate"""
    look: float = 1.0
    """weight of the location network's REINFORCE"""
    look_after: float = 1.0
    """million frames after which it begins to learn: while the paddle heeds nothing, no look is better than another"""
    sigma: float = 0.25
    """standard deviation of a location at the start; a cosine takes it to sigma_end"""
    sigma_end: float = 0.07
    """standard deviation of a location at the end"""
    random_locations: bool = False
    """the control: look anywhere, learn nothing about where"""


@dataclass(frozen=True)
class Config:
    """What the network and its loss need to know."""

    net: RecurrentConfig
    fovea: Fovea
    critic: str = "state"
    trace: float = 0.9
    random_locations: bool = False


@dataclass(frozen=True)
class Played:
    """T = side - 1 frames of B games."""

    hidden: Tensor  # (T, B, hidden)
    logits: Tensor  # (T, B, 3) of the paddle's actions
    action: Tensor  # (T, B)
    drawn: Tensor  # (T - 1, B, 2) where to look next, not yet clamped
    paddle: Tensor  # (T, B) its left column when the frame was seen
    reward: Tensor  # (B,) 0 or 1


class Catch(nn.Module):
    """The agent, and while it trains its critics; its forward is the loss of one batch of games."""

    gain: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.net = Recurrent(config.net)
        # A lone pixel is 1 at the finest scale and 1/4, 1/16 at coarser ones: all the same to the network.
        gain = 4.0 ** torch.arange(config.fovea.scales).repeat_interleave(config.fovea.g**2)
        self.register_buffer("gain", gain, persistent=False)
        if isinstance(self.net.core, nn.LSTMCell):  # remember at first (Jozefowicz et al. 2015)
            with torch.no_grad():
                self.net.core.bias_ih[config.net.hidden : 2 * config.net.hidden] = 1.0
        if config.critic == "state":
            self.critic = nn.Sequential(
                nn.Linear(game.FACTS, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
            )
            told = config.net.hidden + game.FACTS
            self.net.add_module("baseline", nn.Sequential(nn.Linear(told, 64), nn.ReLU(), nn.Linear(64, 1)))

    def forward(
        self, uniform: Tensor, first: Tensor, noise: Tensor, gumbel: Tensor, sigma: float, entropy: float, look: float
    ) -> tuple[Tensor, loop.Figures]:
        """Play and weigh.

        uniform: (B, 3) in [0, 1), what the games start from; first: locations (B, 2) of the first glimpses; noise:
        (T - 1, B, 2), standard normal, or uniform in [-1, 1]
        for random locations; gumbel: (T, B, 3), Gumbel noise that draws the paddle's actions.
        """
        start = game.Start.drawn(uniform, self.config.fovea.side)
        fall = game.fall(start, self.config.fovea.side)
        played = self.play(fall, start.paddle, first, noise, gumbel, sigma)
        logp = played.logits.log_softmax(-1)
        with torch.autocast(logp.device.type, enabled=False):  # one action changes the value little
            weigh = self.by_the_game if self.config.critic == "state" else self.by_itself
            value, acted, brought = weigh(fall, played, logp)
        doubt = -(logp.exp() * logp).sum(-1).mean()
        mean = self.locate(played.hidden[:-1].detach())  # its noise would drown what the paddle teaches the core
        located = -(brought * log_density(played.drawn, mean, sigma)).mean()
        figures: loop.Figures = {"train/caught": played.reward.mean(), "loss/value": value.detach()}
        figures["entropy"] = doubt.detach()
        figures["look/px_from_ball"] = game.distance(fall, played.drawn, self.config.fovea.side)
        return acted + value - entropy * doubt + look * located, figures

    def by_the_game(self, fall: game.Fall, played: Played, logp: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Losses of the critics and of the paddle, and what looks brought (T - 1, B); the critics see the game.

        The game is known, so the paddle need not try an action to hear what it is worth: all three are weighed by the
        value of the frame that they lead to (expected policy gradients, Ciosek & Whiteson 2018). What a look brought is
        how much better than expected the actions after it are, each later one counting `trace` less.
        """
        c, last = self.config, len(played.paddle) - 1
        told = game.facts(fall, played.paddle, 0, c.fovea.side)
        guess = self.critic(told).squeeze(-1)  # (T, B), logits
        hoped = self.net.baseline(torch.cat([played.hidden.detach(), told], -1)[:-1]).squeeze(-1)
        with torch.no_grad():
            then = game.moved(played.paddle[..., None], torch.arange(3, device=logp.device), c.fovea.side)
            end = game.caught(fall.column[-1][:, None], then[-1])[None].float()
            worth = torch.cat([self.critic(game.facts(fall, then[:-1], 1, c.fovea.side)).squeeze(-1).sigmoid(), end])
            mean = (logp.exp() * worth).sum(-1, keepdim=True)  # (T, B, 1)
            better = worth - mean
            gain = mean.squeeze(-1) - guess.sigmoid()
            brought, behind = torch.empty_like(gain[:-1]), torch.zeros_like(gain[0])
            for t in reversed(range(last)):
                behind = gain[t + 1] + c.trace * behind
                brought[t] = behind
        value = F.binary_cross_entropy_with_logits(guess, played.reward.expand(len(guess), -1))
        # In each frame of mean square 1: early frames, which decide little alone, count as late ones do.
        better = better / (better.square().mean((1, 2), keepdim=True).sqrt() + 1e-4)
        surprise = brought - hoped.detach()
        value = value + 10 * F.mse_loss(hoped, brought)
        return value, -(logp.exp() * better).sum(-1).mean(), surprise / (surprise.square().mean().sqrt() + 1e-4)

    def by_itself(self, fall: game.Fall, played: Played, logp: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same as the paper has it: the reward less a baseline of the agent's state weighs what was drawn."""
        guess = self.net.baseline(played.hidden.detach()).squeeze(-1)  # (T, B)
        target = played.reward.expand(len(guess), -1)
        advantage = target - guess.detach()
        acted = -(advantage * logp.gather(-1, played.action[..., None]).squeeze(-1)).mean()
        return F.mse_loss(guess, target), acted, advantage[:-1]

    def locate(self, hidden: Tensor) -> Tensor:
        """The mean of the next location (..., 2) in (-1, 1)."""
        return torch.tanh(SLOW * self.net.locator(hidden).float())

    def play(
        self, fall: game.Fall, paddle: Tensor, first: Tensor, noise: Tensor, gumbel: Tensor, sigma: float
    ) -> Played:
        """Play B games to their end. With sigma 0 and no Gumbel noise: greedily."""
        c, side, state = self.config, self.config.fovea.side, self.net.empty(len(first), first.device)
        at, hidden, logits, actions, drawn, paddles = first, [], [], [], [], []
        for t in range(side - 1):
            with torch.no_grad(), torch.autocast(first.device.type, enabled=False):  # places need all their digits
                screen = game.integral(t, fall.column[t], paddle, side)
                glimpse, taken = c.fovea.look(screen, at[:, None])
            state = self.net(glimpse[:, 0] * self.gain, taken[:, 0], state)
            hidden.append(state[0].float())
            logits.append(self.net.classifier(state[0]).float())
            paddles.append(paddle)
            with torch.no_grad():
                actions.append((logits[-1] + gumbel[t]).argmax(-1))
                paddle = game.moved(paddle, actions[-1], side)
                if t < side - 2:
                    at = noise[t] if c.random_locations else self.locate(state[0]) + sigma * noise[t]
                    drawn.append(at)
                    at = at.clamp(-1, 1)
        reward = game.caught(fall.column[-1], paddle).float()
        return Played(
            torch.stack(hidden),
            torch.stack(logits),
            torch.stack(actions),
            torch.stack(drawn),
            torch.stack(paddles),
            reward,
        )


def acquaint(net: Catch, seed: int, batches: int) -> None:
    """Let the critic watch random play first: its early errors would teach the paddle to hug a wall."""
    side, generator = net.config.fovea.side, torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.critic.parameters(), lr=2e-3)
    for _ in range(batches):
        fall, paddle, reward = game.random_play(256, generator, side)
        guess = net.critic(game.facts(fall, paddle, 0, side)).squeeze(-1)
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(guess, reward.expand(len(guess), -1)).backward()
        optimizer.step()


def configure(args: Args) -> Config:
    """Raises GlimpseError for what makes no sense."""
    if args.side < 4:
        raise GlimpseError(f"--side {args.side}: expected a screen of at least 4 px")
    if not 0 <= args.trace <= 1:
        raise GlimpseError(f"--trace {args.trace}: expected a share, 0 to 1")
    if not 0 < args.sigma_end <= args.sigma:
        raise GlimpseError(f"--sigma {args.sigma}, --sigma-end {args.sigma_end}: expected sigma >= sigma-end > 0")
    fovea = Fovea(args.side, args.g, args.scales)
    net = RecurrentConfig(fovea.size, 3, core=args.core, what=args.what, where=args.what, hidden=args.hidden)
    return Config(net, fovea, args.critic, args.trace, args.random_locations)


def draw(
    config: Config, count: int, generator: torch.Generator, greedy: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What starts are made of, first locations, and the noise of locations and actions, of `count` games."""
    frames = config.fovea.side - 1
    uniform, first = torch.rand(count, 3, generator=generator), torch.rand(count, 2, generator=generator) * 2 - 1
    if config.random_locations:
        noise = torch.rand(frames - 1, count, 2, generator=generator) * 2 - 1
    else:
        noise = torch.zeros(frames - 1, count, 2) if greedy else torch.randn(frames - 1, count, 2, generator=generator)
    if greedy:
        return uniform, first, noise, torch.zeros(frames, count, 3)
    gumbel = -torch.log(-torch.log(torch.rand(frames, count, 3, generator=generator).clamp(1e-9, 1 - 1e-7)))
    return uniform, first, noise, gumbel


@torch.no_grad()
def caught_share(net: Catch, games: int, seed: int = 0, device: torch.device | None = None) -> float:
    """Share of fresh games that the greedy agent wins."""
    draws = draw(net.config, games, torch.Generator().manual_seed(seed), greedy=True)
    uniform, first, noise, gumbel = (value.to(device) for value in draws)
    start = game.Start.drawn(uniform, net.config.fovea.side)
    won = net.play(game.fall(start, net.config.fovea.side), start.paddle, first, noise, gumbel, 0.0)
    return float(won.reward.mean())


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is. Returns the checkpoint's path."""
    fabric = loop.launch(args)
    config = configure(args)
    torch.manual_seed(args.seed)
    net = Catch(config)
    if config.critic == "state":
        acquaint(net, args.seed, args.watch)

    def make(turn: loop.Turn) -> tuple[Any, ...]:
        uniform, first, noise, gumbel = draw(config, args.batch, turn.generator)
        part = turn.part
        parts = (value.to(turn.device) for value in (uniform[part], first[part], noise[:, part], gumbel[:, part]))
        share = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * turn.progress)).item())
        sigma = args.sigma_end + (args.sigma - args.sigma_end) * share
        learns = not config.random_locations and turn.step * args.batch * (args.side - 1) >= 1e6 * args.look_after
        look = args.look if learns else 0.0
        return *parts, sigma, args.entropy * share, look

    def validate(average: nn.Module) -> loop.Figures:
        assert isinstance(average, Catch)
        return {"fresh/caught": caught_share(average, 2000, 1, fabric.device)}

    return loop.fit(fabric, args, {"method": "catch", **asdict(config)}, net, make, validate)


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
