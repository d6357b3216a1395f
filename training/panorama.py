"""Train the canvas scene model on random glimpses.

    python -m training.panorama --data ../shared/data/panoramas/train --out runs/panorama --minutes 90

The data may as well be any folder of images (`--projection planar` for ordinary frames) or a robot's own rosbags: a PTZ
camera's is stitched by its view_state, and the loss leaves out what was never seen. Learning rate and length follow the
clock (`--minutes`) or `--steps`, whichever is given, so that the same command fits a laptop and a GPU. Stops and
resumes: `--out` holds `checkpoint.pt` and TensorBoard logs; running the command again goes on from there.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import tyro
from torch import Tensor

from glimpse_ros.core.types import GlimpseError, SceneSpec

from . import scenes, views
from .canvas import DETAIL_SCALES, Canvas, CanvasConfig
from .roll_out import roll_out

SHARP = 0.003  # typical squared error in [0, 1]^2 of a pixel that was seen


@dataclass
class Args:
    """What to train on, and for how long."""

    data: Path
    """folder of images or panoramas, a rosbag, or a folder of rosbags"""
    out: Path = Path("runs/panorama")
    """checkpoint and logs"""
    projection: Literal["spherical", "planar"] = "spherical"
    """spherical: equirectangular, wraps in x; planar: ordinary frames"""
    height: int = 256
    """canvas height [px], a multiple of 32"""
    width: int = 512
    """canvas width [px], a multiple of 32; twice the height when spherical"""
    minutes: float | None = None
    """train for so long, earlier runs from the same checkpoint included"""
    steps: int = 20000
    """train for so many steps where no minutes are given"""
    batch: int = 8
    """scenes a step"""
    most: int = 30
    """longest episode [glimpses]"""
    lr: float = 7e-4
    """peak learning rate of AdamW"""
    weight_decay: float = 0.02
    ema: float = 0.998
    """decay of the averaged weights, the ones that are kept"""
    save_every: float = 60.0
    """seconds between checkpoints"""
    device: str = "auto"
    seed: int = 0
    rate: float = 1.0
    """frames a second of a rosbag [Hz]"""
    topic: str | None = None
    """image topic of a rosbag; the first one that decodes where none is named"""
    images: int = 0
    """use only so many images (0: all), for smoke runs"""
    init: Path | None = None
    """start from the weights of another checkpoint"""


def detail(scene: Tensor, s: float, wraps: bool) -> Tensor:
    """(B, 1, H/16, W/16): the squared error per cell that a look at scale s would leave, by area and bicubic resize."""
    height, width = scene.shape[-2:]
    small = (max(1, round(32 / s * height / width)), round(32 / s))
    pad = width // 16 if wraps else 0
    coarse = torch.nn.functional.interpolate(scene, small, mode="area")
    if wraps:  # one coarse column of wrap on each side, so that the seam costs nothing
        coarse = torch.cat([coarse[..., -1:], coarse, coarse[..., :1]], -1)
        pad = width // small[1]
    fine = torch.nn.functional.interpolate(coarse, (height, width + 2 * pad), mode="bicubic")
    fine = fine[..., pad : pad + width]
    return torch.nn.functional.avg_pool2d((fine - scene).square().mean(1, keepdim=True), 16)


def losses(
    net: Canvas, scene: Tensor, known: Tensor, places: Tensor, lengths: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Weighted squared error of the reconstruction, and the likelihood of the errors that the belief predicts.

    Every pixel is weighed by the error that is usual for it: those that were not seen hold nine tenths of the squared
    error, and what there is to gain by sharpening would drown in it. Each pixel's optimum stays what it was.
    """
    memory = roll_out(net, scene, places, lengths)
    errors, smooth, x1, x2 = net.perceive(memory)
    reconstruction = net.decode(memory, smooth, x1, x2)
    guess = torch.nn.functional.interpolate(smooth.detach().float(), scale_factor=4.0, mode="nearest")
    square = (reconstruction - scene).square().mean(1, keepdim=True)  # (B, 1, H, W)
    unseen = (memory[1] <= 0).float()  # (B, 1, H, W)
    with torch.no_grad():  # a scene's own difficulty: bright, harsh ones would drown the others
        hard = ((memory[1] <= 0) * known * (guess - scene).square().mean(1, keepdim=True)).sum((1, 2, 3))
        hard = hard / (unseen * known).sum((1, 2, 3)).clamp(min=1) + 0.01
    weight = known * torch.where(unseen > 0, 1 / hard[:, None, None, None], 1 / SHARP)
    main = (square * weight).sum() / known.sum().clamp(min=1)
    with torch.no_grad():
        now = torch.nn.functional.avg_pool2d(square, 16)
        truth = torch.cat([now, *(detail(scene, s, net.config.spherical) for s in DETAIL_SCALES)], 1).clamp(min=1e-5)
    whole = (torch.nn.functional.avg_pool2d(known, 16) > 0.99).float()  # (B, 1, H/16, W/16)
    likelihood = (whole * (truth / errors + errors.log())).sum() / (whole.sum() * errors.shape[1]).clamp(
        min=1
    )  # exponential: its optimum is the expected squared error
    with torch.no_grad():
        hidden = unseen.sum().clamp(min=1)
        figures = {
            "rmse": 255 * math.sqrt(square.mean().item()),
            "rmse_seen": 255 * math.sqrt((square * (1 - unseen)).sum().item() / max((1 - unseen).sum().item(), 1)),
            "rmse_unseen": 255 * math.sqrt((square * unseen).sum().item() / hidden.item()),
            "likelihood": likelihood.item(),
        }
    return main + 0.02 * likelihood, figures


@torch.no_grad()
def validate(net: Canvas, held_out: list[scenes.Image], device: torch.device) -> dict[str, float]:
    """RMSE (0-255) on held-out training images: a 4 x 2 grid of tiles (free), a zigzag of eight (PTZ)."""
    from glimpse_ros.core.policies import grid_views
    from glimpse_ros.core.types import Limits

    c = net.config
    spec = SceneSpec(c.height, c.width, "spherical" if c.spherical else "planar")
    truth = np.stack([scenes.resize(im[..., :3], c.height, c.width) for im in held_out])
    scene = torch.from_numpy(truth).permute(0, 3, 1, 2).float().to(device) / 255
    figures = {}
    for name, widest in (("free", 1.0), ("ptz", views.WIDEST_PTZ)):
        grid = grid_views(8, Limits(s=(c.glimpse / c.width, widest)), spec, -0.875)
        places = torch.tensor([[(v.x, v.y, v.s) for v in grid]], device=device).expand(len(scene), -1, -1)
        errors = []
        for part in torch.arange(len(scene)).split(8):
            memory = roll_out(net, scene[part], places[part], torch.full((len(part),), 8))
            errors.append((net(memory)[0].clamp(0, 1) - scene[part]).square().mean((1, 2, 3)))
        figures[f"held_out/{name}"] = 255 * math.sqrt(torch.cat(errors).mean().item())
    return figures


def learning_rate(progress: float, peak: float) -> float:
    """A short warm-up, then a cosine down to a hundredth of the peak; progress in [0, 1]."""
    warm = min(1.0, progress / 0.02 + 0.05)
    return peak * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is. Returns the checkpoint's path. Raises GlimpseError for other settings."""
    from torch.utils.tensorboard import SummaryWriter

    device = (
        torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if args.device == "auto"
        else torch.device(args.device)
    )
    torch.manual_seed(args.seed)
    if args.height % 32 or args.width % 32 or (args.projection == "spherical" and args.width != 2 * args.height):
        raise GlimpseError(f"canvas {args.height}x{args.width}: expected multiples of 32, and 1:2 when spherical")
    config = CanvasConfig(height=args.height, width=args.width, spherical=args.projection == "spherical")
    net = Canvas(config).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast
    average = Canvas(config).to(device)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "checkpoint.pt"
    step, seconds = 0, 0.0
    if path.exists():
        state = torch.load(path, map_location=device, weights_only=True)
        if state["config"] != asdict(config):
            raise GlimpseError(
                f"{path}: was trained with {state['config']}, expected {asdict(config)}; choose another --out"
            )
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds = state["step"], state["seconds"]
    elif args.init is not None:
        kept_weights = torch.load(args.init, map_location=device, weights_only=True)["average"]
        net.load_state_dict(kept_weights)
        average.load_state_dict(kept_weights)
    everything = scenes.load(args.data, rate=args.rate, topic=args.topic)
    kept, held_out = scenes.split(everything[: args.images] if args.images else everything)
    if step == 0 and args.init is None:
        for model in (net, average):
            model.prior.fit(kept, config.spherical)
    log = SummaryWriter(str(args.out))
    rng = np.random.default_rng([args.seed, step])
    spec = SceneSpec(config.height, config.width, args.projection)
    source: Iterator[tuple[Tensor, Tensor]] = scenes.batches(
        kept, args.batch, config.height, config.width, config.spherical, args.seed + step
    )
    weights = sum(p.numel() for p in net.parameters()) / 1e6
    print(f"{weights:.2f} M weights, {len(kept)} scenes, {len(held_out)} held out, {device}")
    started = saved = time.monotonic()
    before = seconds
    half = torch.bfloat16
    while True:
        progress = seconds / (60 * args.minutes) if args.minutes else step / args.steps
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(progress, args.lr)
        places, lengths = views.batch(rng, args.batch, args.most, spec, config.glimpse / config.width)
        scene, known = (part.to(device) for part in next(source))
        with torch.autocast(device.type, dtype=half):
            loss, figures = losses(net, scene, known, torch.from_numpy(places).to(device), torch.from_numpy(lengths))
        if not torch.isfinite(loss):
            print(f"step {step}: loss is not finite, batch dropped", file=sys.stderr)
            continue
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step, seconds = step + 1, before + time.monotonic() - started
        decay = min(args.ema, (step + 1) / (step + 10))
        with torch.no_grad():
            for kept_weight, weight in zip(average.parameters(), net.parameters(), strict=True):
                kept_weight.lerp_(weight, 1 - decay)
        if step % 20 == 0:
            for name, value in figures.items():
                log.add_scalar(name, value, step)
            print(
                f"\rstep {step}  {100 * progress:5.1f} %  {seconds / 60:.1f} min  rmse {figures['rmse']:.1f}",
                end="",
                flush=True,
            )
        last = (seconds >= 60 * args.minutes) if args.minutes else step >= args.steps
        if last or time.monotonic() - saved > args.save_every:
            figures = validate(average, held_out, device)
            for name, value in figures.items():
                log.add_scalar(name, value, step)
            print(f"\rstep {step}  {seconds / 60:.1f} min  " + "  ".join(f"{k} {v:.2f}" for k, v in figures.items()))
            state = {"config": asdict(config), "net": net.state_dict(), "average": average.state_dict()}
            state |= {"optimizer": optimizer.state_dict(), "step": step, "seconds": seconds}
            torch.save(state, path.with_suffix(".tmp"))
            path.with_suffix(".tmp").replace(path)
            saved = time.monotonic()
    log.close()
    return path


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
