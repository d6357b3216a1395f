"""Teach the canvas model to imagine, at a quarter of its resolution: a head start for `training.panorama`.

    python -m training.imagine --data ../shared/data/panoramas/train --out runs/imagine.pt --minutes 20
    python -m training.panorama --data ../shared/data/panoramas/train --out runs/panorama --init runs/imagine.pt ...

What cannot be seen can only be guessed softly, so the guess needs no fine pixels: here a scene is H/4 x W/4, a glimpse
is a box of it that is shown (blurred, where the look was wide), and the U-Net fills the rest. A step costs a tenth of
a full one, and imagination wants many. Features of glimpses are zero here; full training brings them in.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import tyro
from torch import Tensor
from torch.nn import functional as F

from glimpse_ros.core.types import SceneSpec

from . import retina, scenes, views
from .canvas import Canvas, CanvasConfig
from .panorama import learning_rate


@dataclass
class Args:
    """What to train on, and for how long."""

    data: Path
    """folder of images or panoramas, a rosbag, or a folder of rosbags"""
    out: Path = Path("runs/imagine.pt")
    projection: Literal["spherical", "planar"] = "spherical"
    height: int = 256
    """of the full canvas [px]"""
    width: int = 512
    """of the full canvas [px]"""
    minutes: float | None = None
    """train for so long"""
    steps: int = 4000
    """train for so many steps where no minutes are given"""
    batch: int = 32
    """scenes a step"""
    lr: float = 6e-4
    """peak learning rate of AdamW"""
    weight_decay: float = 0.05
    device: str = "auto"
    seed: int = 0
    images: int = 0
    """use only so many images (0: all), for smoke runs"""


def show(scene: Tensor, places: Tensor, lengths: Tensor, wraps: bool) -> tuple[Tensor, Tensor, Tensor]:
    """scene (B, 3, h, w), places (B, T, 3), lengths (B,) -> colour times seen, the share seen, sharpness, (B, C, h, w).

    A look wider than a quarter of the scene is coarser than this canvas: there the scene is shown blurred.
    """
    height, width = scene.shape[-2:]
    count = places.shape[1]
    flat = places.flatten(0, 1)  # (B*T, 3)
    left, top, w, h = retina.boxes(flat, height, width)
    rows = retina.inside(top, h, height, False).unflatten(0, (-1, count))  # (B, T, h)
    cols = retina.inside(left, w, width, wraps).unflatten(0, (-1, count))  # (B, T, w)
    used = (torch.arange(count, device=scene.device)[None] < lengths[:, None].to(scene.device)).float()
    cover = rows[..., None] * cols[:, :, None] * used[..., None, None]  # (B, T, h, w)
    level = cover * retina.sharpness(places[..., 2])[..., None, None]
    sharp, best = level.max(1, keepdim=True)  # (B, 1, h, w)
    seen = cover.amax(1, keepdim=True)
    s = places[..., 2].gather(1, best.flatten(1)).unflatten(1, (1, height, width))  # of the sharpest look
    blurred = []
    for factor in (2, 4):
        small = F.avg_pool2d(scene, factor)
        blurred.append(F.interpolate(small, (height, width), mode="bilinear"))
    shown = torch.where(s > 0.7, blurred[1], torch.where(s > 0.35, blurred[0], scene))
    return shown * seen, seen, sharp


def imagined(net: Canvas, scene: Tensor, places: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """-> the scene as imagined (B, 3, h, w), the share of each pixel that was seen (B, 1, h, w), and the mean squared
    error (B,) of the smooth fill, which tells how hard a scene is."""
    pooled, seen, sharp = show(scene, places, lengths, net.config.spherical)
    smooth = net.fill(pooled, seen)
    blank = torch.zeros(len(scene), net.config.features, *scene.shape[-2:], device=scene.device)
    _, x1, x2 = net.understand(pooled, seen, sharp, smooth, blank)
    return net.imagine(smooth, x1, x2)[0], seen, (smooth - scene).square().mean((1, 2, 3))


@torch.no_grad()
def validate(net: Canvas, truth: Tensor) -> tuple[float, float]:
    """RMSE (0-255) after a zigzag of eight 60 degree looks: imagined, and by the smooth fill alone."""
    from glimpse_ros.core.policies import grid_views
    from glimpse_ros.core.types import Limits

    c = net.config
    spec = SceneSpec(c.height, c.width, "spherical" if c.spherical else "planar")
    grid = grid_views(8, Limits(s=(c.glimpse / c.width, views.WIDEST_PTZ)), spec, -0.875)
    places = torch.tensor([[(v.x, v.y, v.s) for v in grid]], device=truth.device).expand(len(truth), -1, -1)
    lengths = torch.full((len(truth),), 8)
    pooled, seen, _ = show(truth, places, lengths, c.spherical)
    errors = [x.clamp(0, 1) - truth for x in (imagined(net, truth, places, lengths)[0], net.fill(pooled, seen))]
    return 255 * math.sqrt(errors[0].square().mean()), 255 * math.sqrt(errors[1].square().mean())


def train(args: Args) -> Path:
    """Train; resumes where `out` is. Returns its path."""
    name = ("cuda" if torch.cuda.is_available() else "cpu") if args.device == "auto" else args.device
    device = torch.device(name)
    torch.manual_seed(args.seed)
    config = CanvasConfig(height=args.height, width=args.width, spherical=args.projection == "spherical")
    net = Canvas(config).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = Canvas(config).to(device)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    step, before = 0, 0.0
    if args.out.exists():
        state = torch.load(args.out, map_location=device, weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, before = state["step"], state["seconds"]
    height, width = config.height // 4, config.width // 4
    everything = scenes.load(args.data, widest=config.width // 2)
    kept, held_out = scenes.split(everything[: args.images] if args.images else everything)
    if step == 0:
        for model in (net, average):
            model.prior.fit(kept, config.spherical)
    held = np.stack([scenes.resize(im[..., :3], height, width) for im in held_out])
    truth = torch.from_numpy(held).permute(0, 3, 1, 2).float().to(device) / 255
    source = scenes.batches(kept, args.batch, height, width, config.spherical, args.seed + step)
    rng, spec = np.random.default_rng([args.seed, step]), SceneSpec(config.height, config.width, args.projection)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    started = saved = time.monotonic()
    seconds = before
    while True:
        progress = seconds / (60 * args.minutes) if args.minutes else step / args.steps
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(progress, args.lr)
        if progress < 1:
            numbers, counts = views.batch(rng, args.batch, 12, spec, config.glimpse / config.width)
            places, lengths = torch.from_numpy(numbers).to(device), torch.from_numpy(counts)
            scene, known = (part.to(device) for part in next(source))
            with torch.autocast(device.type, dtype=torch.bfloat16):
                guess, seen, easy = imagined(net, scene, places, lengths)
            square = (guess - scene).square() * known * torch.where(seen > 0.5, 0.1, 1.0)
            loss = (square.mean((1, 2, 3)) / (easy + 0.01)).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            step, seconds = step + 1, before + time.monotonic() - started
            decay = min(0.996, (step + 1) / (step + 3))
            with torch.no_grad():
                for kept_weight, new in zip(average.parameters(), net.parameters(), strict=True):
                    kept_weight.lerp_(new, 1 - decay)
        if progress >= 1 or time.monotonic() - saved > 60:
            ours, fill = validate(average, truth)
            print(f"step {step}  {seconds / 60:.1f} min  held out {ours:.2f}, smooth fill {fill:.2f}", flush=True)
            state = {"config": asdict(config), "net": net.state_dict(), "average": average.state_dict()}
            torch.save(state | {"optimizer": optimizer.state_dict(), "step": step, "seconds": seconds}, args.out)
            saved = time.monotonic()
        if progress >= 1:
            return args.out


if __name__ == "__main__":
    print(train(tyro.cli(Args)))
