"""Policy search: the exponents of `training.gain_policy` that leave the smallest error at the end of whole episodes.

    python -m training.search --checkpoint runs/panorama/checkpoint.pt --data ../shared/data/panoramas/train \
        --out runs/policy.pt --minutes 10

Cross-entropy method (Rubinstein 1999): draw exponents from a Gaussian, run the same episodes with each, refit the
Gaussian to the best quarter. Episodes are those of a pan-tilt-zoom camera that sees at most 60 degrees, and of one
that can see everything; the score is the mean log of the pooled error after a few budgets, so that each counts alike.
"""

from __future__ import annotations

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
from .gain_policy import EXPONENTS, START, GainPolicy

SPREAD = (0.3, 0.25, 0.25, 0.3, 0.15, 0.3)  # of the first draws
LOWEST = (0.0, 0.0, 0.0, -3.0, 0.0, 0.0)
BUDGETS = {1 / 6: (5, 8), 1.0: (7,)}  # glimpses after which an episode is judged, by the camera's widest s


@dataclass
class Args:
    """Which scene model, which scenes, how long."""

    checkpoint: Path
    """of training.panorama"""
    data: Path
    """folder of images or panoramas, a rosbag, or a folder of rosbags"""
    out: Path = Path("runs/policy.pt")
    minutes: float | None = None
    """search for so long"""
    rounds: int = 8
    """search so many rounds where no minutes are given"""
    population: int = 12
    """candidates a round"""
    batch: int = 24
    """scenes, others in each round"""
    device: str = "auto"
    seed: int = 0
    images: int = 0
    """use only so many images (0: all), for smoke runs"""


@torch.no_grad()
def episode(net: Canvas, policy: GainPolicy, scene: Tensor, headings: Tensor, widest: float) -> list[float]:
    """Mean squared errors over all scenes (B, 3, H, W), after each budget of this `widest` s; a first level look at
    headings (B,)."""
    b, c = len(scene), net.config
    limits = torch.tensor([[-1.0, 1.0], [-1.0, 1.0], [c.glimpse / c.width, widest]], device=scene.device)
    limits = limits.expand(b, 3, 2)
    view = torch.stack([headings, torch.zeros(b), torch.full((b,), widest)], 1).to(scene.device)
    memory: Memory = net.empty(b)
    budgets, errors = BUDGETS[widest], []
    for taken in range(1, max(budgets) + 1):
        glimpse, real = retina.sample(scene, view, c.glimpse, c.spherical)
        memory = net.write(memory, glimpse, real)
        with torch.autocast(scene.device.type, dtype=torch.bfloat16):
            predicted, smooth, x1, x2 = net.perceive(memory)
            if taken in budgets:
                reconstruction = net.decode(memory, smooth, x1, x2).float().clamp(0, 1)
                errors.append((reconstruction - scene).square().mean().item())
        view = policy(net.belief(memory, predicted.float()), limits)
    return errors


def score(net: Canvas, policy: GainPolicy, scene: Tensor, headings: Tensor) -> float:
    """The mean log of the root of the errors, the narrow camera's twice; smaller is better."""
    means = [0.5 * np.log(episode(net, policy, scene, headings, widest)).mean() for widest in BUDGETS]
    return float(np.average(means, weights=(2, 1)))


def train(args: Args) -> Path:
    """Search, resuming where `out` is. Returns its path."""
    name = ("cuda" if torch.cuda.is_available() else "cpu") if args.device == "auto" else args.device
    device = torch.device(name)
    net = load_checkpoint(args.checkpoint).to(device)
    c = net.config
    policy = GainPolicy(c.height // 16, c.width // 16, c.spherical, c.width / c.height).to(device).requires_grad_(False)
    mean, spread, done, before = np.array(START), np.array(SPREAD), 0, 0.0
    if args.out.exists():
        state = torch.load(args.out, map_location="cpu", weights_only=True)
        mean, spread = np.array(state["exponents"].tolist()), np.array(state["spread"].tolist())
        done, before = state["rounds"], state["seconds"]
    everything = scenes.load(args.data)
    kept = scenes.split(everything[: args.images] if args.images else everything)[0]
    whole = [scenes.resize(image[..., :3], c.height, c.width) for image in kept]
    rng = np.random.default_rng([args.seed, done])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    started, seconds = time.monotonic(), before
    while (seconds < 60 * args.minutes) if args.minutes else (done < args.rounds):
        picks = rng.choice(len(whole), min(args.batch, len(whole)), replace=False)
        scene = torch.from_numpy(np.stack([whole[i] for i in picks])).permute(0, 3, 1, 2).float().to(device) / 255
        headings = torch.from_numpy(rng.uniform(-1, 1, len(scene))).float()
        draws = np.maximum(rng.normal(mean, spread, (args.population, len(mean))), LOWEST)
        draws[0] = np.maximum(mean, LOWEST)
        scores = []
        for draw in draws:
            policy.exponents.copy_(torch.from_numpy(draw))
            scores.append(score(net, policy, scene, headings))
        best = draws[np.argsort(scores)[: max(2, args.population // 4)]]
        mean, spread = 0.3 * mean + 0.7 * best.mean(0), 0.3 * spread + 0.7 * best.std(0)
        done, seconds = done + 1, before + time.monotonic() - started
        found = "  ".join(f"{label} {value:.2f}" for label, value in zip(EXPONENTS, mean, strict=True))
        print(
            f"round {done}  {seconds / 60:.1f} min  {found}  of the mean {scores[0]:.4f}, best {min(scores):.4f}",
            flush=True,
        )
        exponents = torch.tensor(mean, dtype=torch.float32)
        state = {"exponents": exponents, "spread": torch.tensor(spread), "rounds": done, "seconds": seconds}
        torch.save(state, args.out)
    return args.out


if __name__ == "__main__":
    print(train(tyro.cli(Args)))
