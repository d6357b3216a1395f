"""Teach the policy what a look is really worth: measured gains, on the policy's own episodes.

    python -m training.gain --checkpoint runs/panorama/checkpoint.pt --data ../shared/data/panoramas/train \
        --out runs/panorama/gain.pt --minutes 15

The scene model is frozen. At every step of an episode three candidates are really looked at: the policy's best, one
drawn from its better half, and one at random. The fall of the scene's squared error is the target of the predicted
gain, plus `discount` times the best gain that remains afterwards (one-step Q-learning), so that a look which leaves
good looks for later is worth more. One of the three is then kept, mostly the best.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import Tensor

from . import retina, scenes
from .canvas import Canvas, Memory
from .export import load_checkpoint
from .gain_policy import GainPolicy

CANDIDATES = 3


@dataclass
class Args:
    """Which scene model, which scenes, how long."""

    checkpoint: Path
    """of training.panorama"""
    data: Path
    """folder of images or panoramas"""
    out: Path = Path("runs/panorama/gain.pt")
    minutes: float | None = None
    """train for so long, earlier runs included"""
    steps: int = 2000
    """train for so many steps where no minutes are given"""
    batch: int = 8
    """scenes side by side"""
    discount: float = 0.0
    """weight of the best gain that remains after a look"""
    lr: float = 2e-3
    """peak learning rate of AdamW"""
    seed: int = 0
    device: str = "auto"
    images: int = 0
    """use only so many images (0: all), for smoke runs"""


class Episodes:
    """A batch of scenes, each somewhere in an episode of its own."""

    def __init__(self, net: Canvas, images: list[scenes.Image], batch: int, seed: int, device: torch.device) -> None:
        self.net, self.device, self.rng = net, device, np.random.default_rng(seed)
        c = net.config
        self.source = scenes.batches(images, batch, c.height, c.width, c.spherical, seed)
        self.scene = torch.zeros(batch, 3, c.height, c.width, device=device)
        self.memory: Memory = net.empty(batch)
        self.limits = torch.zeros(batch, 3, 2, device=device)
        self.left = np.zeros(batch, int)  # steps until the episode ends
        self.pool: list[Tensor] = []

    def renew(self) -> None:
        """Start a new episode wherever one has ended: a new scene, new limits, a first level look at the widest."""
        narrowest = self.net.config.glimpse / self.net.config.width
        for i in np.flatnonzero(self.left <= 0):
            if not self.pool:
                self.pool = list(next(self.source)[0])
            self.scene[i] = self.pool.pop().to(self.device)
            kind = self.rng.random()
            widest = 1 / 6 if kind < 0.5 else 1.0 if kind < 0.75 else float(np.exp(self.rng.uniform(np.log(0.1), 0)))
            self.limits[i] = torch.tensor([[-1, 1], [-1, 1], [narrowest, widest]], device=self.device)
            self.left[i] = int(self.rng.integers(3, 14))
            for part, blank in zip(self.memory, self.net.empty(1), strict=True):
                part[i] = blank[0]
            view = torch.tensor([[self.rng.uniform(-1, 1), 0, widest]], dtype=torch.float32, device=self.device)
            one: Memory = (self.memory[0][i : i + 1], self.memory[1][i : i + 1], self.memory[2][i : i + 1])
            for part, new in zip(self.memory, look(self.net, self.scene[i : i + 1], one, view), strict=True):
                part[i] = new[0]


def look(net: Canvas, scene: Tensor, memory: Memory, views: Tensor) -> Memory:
    """The memory after a glimpse at each scene's view."""
    glimpse, taken = retina.sample(scene, views, net.config.glimpse, net.config.spherical)
    return net.write(memory, glimpse, taken)


def judge(net: Canvas, scene: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
    """Mean squared error (B,) of the reconstruction, and the belief (B, N, D)."""
    with torch.autocast(scene.device.type, dtype=torch.bfloat16):
        reconstruction, errors = net(memory)
    return (reconstruction.float().clamp(0, 1) - scene).square().mean((1, 2, 3)), net.belief(memory, errors.float())


def choose(gains: Tensor) -> Tensor:
    """gains (B, n) -> (CANDIDATES, B) indices: the best, one of the better half, any."""
    rank = gains.argsort(1, descending=True)
    pick = torch.rand(2, len(gains), device=gains.device)
    n = gains.shape[1]
    places = torch.stack([torch.zeros_like(pick[0]), pick[0] * n / 2, pick[1] * n]).long()  # (CANDIDATES, B)
    return rank.gather(1, places.T).T


def train(args: Args) -> Path:
    """Train, resuming where the file is. Returns its path."""
    name = ("cuda" if torch.cuda.is_available() else "cpu") if args.device == "auto" else args.device
    device = torch.device(name)
    torch.manual_seed(args.seed)
    net = load_checkpoint(args.checkpoint).to(device).requires_grad_(False)
    c = net.config
    policy = GainPolicy(c.height // 16, c.width // 16, c.spherical, c.width / c.height).to(device)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=args.lr, weight_decay=1e-3)
    step, seconds = 0, 0.0
    resume = args.out.with_suffix(".resume.pt")
    if resume.exists():
        state = torch.load(resume, map_location=device, weights_only=True)
        policy.load_state_dict(state["policy"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = state["step"], state["seconds"]
    images = scenes.load(args.data)
    images = scenes.split(images[: args.images] if args.images else images)[0]
    episodes = Episodes(net, images, args.batch, args.seed + step, device)
    started, before, saved = time.monotonic(), seconds, time.monotonic()
    recent: list[float] = []
    args.out.parent.mkdir(parents=True, exist_ok=True)
    error = torch.zeros(args.batch, device=device)
    belief = torch.zeros(0)
    while True:
        progress = seconds / (60 * args.minutes) if args.minutes else step / args.steps
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = args.lr * max(0.02, 1 - progress)
        if (episodes.left <= 0).any():
            episodes.renew()
            error, belief = judge(net, episodes.scene, episodes.memory)
        gains, views = policy.gains(belief, episodes.limits)
        flat_gains, flat_views = gains.flatten(1), views.flatten(1, 3)  # (B, n), (B, n, 3)
        picks = choose(flat_gains.detach())
        loss = torch.zeros((), device=device)
        outcomes = []
        for pick in picks:
            view = flat_views.gather(1, pick[:, None, None].expand(-1, 1, 3))[:, 0]
            memory = look(net, episodes.scene, episodes.memory, view)
            after, belief_after = judge(net, episodes.scene, memory)
            target = error - after
            if args.discount:
                with torch.no_grad():
                    target = target + args.discount * policy.gains(belief_after, episodes.limits)[0].flatten(1).amax(1)
            predicted = flat_gains.gather(1, pick[:, None])[:, 0]
            # In units of the error that there is: late, small gains count as early, large ones.
            loss = loss + torch.nn.functional.smooth_l1_loss(predicted / error, target / error, beta=0.1)
            outcomes.append((memory, after, belief_after))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        kept = torch.from_numpy(episodes.rng.choice(CANDIDATES, args.batch, p=[0.7, 0.2, 0.1])).to(device)
        merged = [torch.stack([o[0][k] for o in outcomes])[kept, torch.arange(args.batch)] for k in range(3)]
        episodes.memory = (merged[0], merged[1], merged[2])
        error = torch.stack([o[1] for o in outcomes])[kept, torch.arange(args.batch)]
        belief = torch.stack([o[2] for o in outcomes])[kept, torch.arange(args.batch)]
        episodes.left -= 1
        recent = [*recent[-199:], loss.item()]
        step, seconds = step + 1, before + time.monotonic() - started
        if step % 10 == 0:
            print(f"\rstep {step}  {100 * progress:5.1f} %  loss {np.mean(recent):.4f}", end="", flush=True)
        if time.monotonic() - saved > 60:
            state = {
                "policy": policy.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "seconds": seconds,
            }
            torch.save(state, resume)
            saved = time.monotonic()
    print()
    torch.save(policy.state_dict(), args.out)
    resume.unlink(missing_ok=True)
    return args.out


if __name__ == "__main__":
    from glimpse_ros.core.types import GlimpseError

    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
