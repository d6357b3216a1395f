"""What the attention papers compare themselves with, on the same scenes, the same loop and the same test set.

    python -m training.digit_baselines --task cluttered60 --model conv --minutes 3 --out runs/conv-cluttered60 \\
        --report models/mnist-ram/baselines.json

fc64, fc256  two layers of 64 or 256 rectifiers
conv         8 filters of 10 x 10 with stride 5, then 256 rectifiers (86 at 100 x 100). At 28 x 28 the paper does not
             say; here 5 x 5 with stride 2, about the same share of the scene
conv5        UTB-RAM's "convolutional, 5 layers", of which no more is known; here 16, 32, 32 and 64 filters of 3 x 3
             with stride 2, then 128 rectifiers
glimpse      RAM's network after one look of 8 x 8 pixels at a random place

The papers say nothing of augmentation; here the baselines have what RAM has.
"""

from __future__ import annotations

import json
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

from . import digits, loop
from .fovea import Fovea, integral_image
from .ram import TASKS
from .recurrent import Recurrent, RecurrentConfig

LOOK = (8, 1)  # g and scales of the one random glimpse
SEEDS = 5  # places tried a test scene, where a place is drawn


@dataclass
class Args(loop.LoopArgs):
    """What to train."""

    out: Path = Path("runs/digit-baseline")
    """checkpoint.pt, TensorBoard logs, and error.json with the test error"""
    data: Path = Path("../shared/data/mnist")
    """folder of MNIST's four IDX files"""
    task: Literal["mnist28", "translated60", "cluttered60", "cluttered100", "cluttered100x10"] = "mnist28"
    """scenes, a row of RAM's tables"""
    model: Literal["fc64", "fc256", "conv", "conv5", "glimpse"] = "conv"
    """which baseline"""
    augment: float = 0.4
    """how much training digits are turned, stretched and sheared; 0: not at all, 1: as far as digits bear it"""
    images: int = 0
    """use only so many digits (0: all), for smoke runs"""
    count: int = 0
    """test on the first so many scenes (0: all), for smoke runs"""
    report: Path | None = None
    """a JSON list to put the test error into as well, for training.tables"""


@dataclass(frozen=True)
class Config:
    """What the network needs to know. side: [px] of a scene."""

    model: str
    side: int


class Baseline(nn.Module):
    """Its forward is one batch's loss."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, side = config, config.side
        if config.model == "glimpse":
            self.fovea = Fovea(side, *LOOK)
            self.net: nn.Module = Recurrent(RecurrentConfig(self.fovea.size))
        elif config.model == "conv5":
            layers, channels = [], [1, 16, 32, 32, 64]
            for before, after in zip(channels, channels[1:], strict=False):
                layers += [nn.Conv2d(before, after, 3, 2, 1), nn.ReLU()]
                side = (side + 1) // 2
            self.net = nn.Sequential(*layers, nn.Flatten(), *dense(64 * side**2, 128), nn.Linear(128, 10))
        elif config.model == "conv":
            size, stride = (5, 2) if side == mnist.SIDE else (10, 5)
            cells = ((side - size) // stride + 1) ** 2
            units = 86 if side == 100 else 256
            first = nn.Conv2d(1, 8, size, stride)
            self.net = nn.Sequential(first, nn.ReLU(), nn.Flatten(), *dense(8 * cells, units), nn.Linear(units, 10))
        else:
            units = int(config.model.removeprefix("fc"))
            self.net = nn.Sequential(
                nn.Flatten(), *dense(side**2, units), *dense(units, units), nn.Linear(units, 10)
            )  # fmt: skip

    def forward(self, scenes: Tensor, labels: Tensor, at: Tensor) -> tuple[Tensor, loop.Figures]:
        """scenes (B, side, side) on 0-255; labels (B,); at (B, 2) in [-1, 1]: where the one glimpse is taken."""
        logits = self.name(scenes, at)
        loss = F.cross_entropy(logits, labels)
        return loss, {"loss/class": loss.detach(), "train/accuracy": (logits.argmax(-1) == labels).float().mean()}

    def name(self, scenes: Tensor, at: Tensor) -> Tensor:
        """Logits (B, 10)."""
        if not isinstance(self.net, Recurrent):
            return self.net(scenes[:, None] / 255).float()
        with torch.no_grad(), torch.autocast(scenes.device.type, enabled=False):  # places need all their digits
            glimpse, taken = self.fovea.look(integral_image(scenes), at[:, None])
        state = self.net(glimpse[:, 0], taken[:, 0], self.net.empty(len(scenes), scenes.device))
        return self.net.classifier(state[0]).float()


def dense(inputs: int, units: int) -> tuple[nn.Module, nn.Module]:
    """A layer of rectifiers."""
    return nn.Linear(inputs, units), nn.ReLU()


@torch.no_grad()
def error(net: Baseline, scenes: Tensor, labels: Tensor, seed: int = 0) -> float:
    """Share of scenes (N, side, side) named wrongly; a seed is a draw of places."""
    generator, wrong = torch.Generator().manual_seed(seed), 0
    for scene, truth in zip(scenes.split(500), labels.split(500), strict=True):
        at = (torch.rand((len(scene), 2), generator=generator) * 2 - 1).to(scene.device)
        wrong += int((net.name(scene.float(), at).argmax(-1) != truth).sum())
    return wrong / len(labels)


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is. Returns the checkpoint's path."""
    fabric = loop.launch(args)
    kind = mnist.variant(TASKS[args.task].variant)
    torch.manual_seed(args.seed)
    net = Baseline(Config(args.model, kind.side))
    train_set = digits.Digits.load(args.data, fabric.device, count=args.images)
    held_out = digits.Digits.load(args.data, fabric.device, held_out=True, count=args.images)
    checks = digits.batch(held_out, kind, 2000, torch.Generator().manual_seed(1))

    def draw(turn: loop.Turn) -> tuple[Any, ...]:
        scenes, labels = digits.batch(train_set, kind, args.batch, turn.generator, args.augment, turn.part)
        at = torch.rand((args.batch, 2), generator=turn.generator) * 2 - 1
        return scenes, labels, at[turn.part].to(turn.device)

    def validate(average: nn.Module) -> loop.Figures:
        assert isinstance(average, Baseline)
        return {"held_out/accuracy": 1 - error(average, *checks)}

    about = {"method": "baseline", "task": args.task, "augment": args.augment, **asdict(net.config)}
    return loop.fit(fabric, args, about, net, draw, validate)


def test(path: Path, data: Path, count: int = 0) -> dict[str, Any]:
    """The row of a checkpoint: task, model, error [%] over the frozen test scenes and its spread over draws of places,
    weights, training minutes and steps.
    """
    state = loop.read_checkpoint(path)
    config = state["config"]
    net = Baseline(Config(config["model"], config["side"])).eval()
    net.load_state_dict(state["average"])
    scenes, labels = mnist.test_scenes(data, TASKS[config["task"]].variant, count or None)
    tensors = torch.from_numpy(scenes.copy()), torch.from_numpy(labels.copy()).long()
    seeds = range(SEEDS if config["model"] == "glimpse" else 1)
    errors = torch.tensor([100 * error(net, *tensors, seed) for seed in seeds])
    row = {"task": config["task"], "model": config["model"], "error": round(errors.mean().item(), 3)}
    row |= {"spread": round(errors.std(correction=0).item(), 3), "scenes": len(labels)}
    row |= {"weights": sum(weight.numel() for weight in net.parameters())}
    return row | {"minutes": round(state["seconds"] / 60, 2), "steps": state["step"]}


def put(row: dict[str, Any], report: Path) -> None:
    """Into a JSON list, in place of an older row of the same task and model. Raises GlimpseError for another file."""
    rows = []
    if report.exists():
        try:
            rows = json.loads(report.read_text())
            kept = [old for old in rows if (old["task"], old["model"]) != (row["task"], row["model"])]
        except (ValueError, TypeError, KeyError) as found:
            raise GlimpseError(f"{report}: is no list of baselines ({found}); expected one, or no file") from found
        rows = kept
    report.parent.mkdir(parents=True, exist_ok=True)
    rows = sorted([*rows, row], key=lambda r: (r["task"], r["model"]))
    report.write_text("[\n" + ",\n".join(f" {json.dumps(r)}" for r in rows) + "\n]\n")


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        found = test(train(args), args.data, args.count)
        (args.out / "error.json").write_text(json.dumps(found) + "\n")
        if args.report is not None:
            put(found, args.report)
        print(json.dumps(found))
    except GlimpseError as refusal:
        sys.exit(str(refusal))
