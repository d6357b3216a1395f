"""CIFAR-10 under PGD, the two rows of table 4 of "Unifying Top-down and Bottom-up for Recurrent Visual Attention".

    python -m training.cifar_pgd --data ../shared/data/cifar10_jpeg --model vgg --out runs/cifar-vgg --minutes 60
    python -m training.cifar_pgd --data ../shared/data/cifar10_jpeg --model attention --out runs/cifar-ours --minutes 60
    python -m training.cifar_pgd --table runs/cifar-vgg runs/cifar-ours

How the paper is read here. "VGG16 + PGD": trained on attacked images (Madry et al.) and tested on attacked images. No
network that was trained on clean images keeps the 47.76 % of the table; one trained so, at the usual 8/255, keeps about
that. (`--train-steps 0` trains on clean ones.) The paper's "epsilon = 0.3" has no scale, and stands in its formula
where others have the step's size. Here every length is on pixels in [0, 1]; both 8/255 and 0.3 are reported.

What is attacked is the cross-entropy of the answer after the last glimpse, by an attacker who knows everything, where
the first glimpse is taken too. Where later ones are taken gives no gradient (training/robust.py).

Ends with `accuracy.json` beside the checkpoint: accuracy on clean and on attacked test images. On a CPU, `--width 0.25`
learns something in minutes; the default is VGG16 as it is, for GPUs.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets import cifar

from . import loop
from .pgd import Attack, pgd, random_start
from .robust import MODELS, Config, Plain

ROWS = {"vgg": ("VGG16 + PGD", 47.76), "attention": ("attention + VGG16 + PGD", 54.3)}  # the paper's table 4
HELD_OUT = 50  # every so-manyth training image is never trained on
PAD = 4  # [px] by which a training image may be shifted


@dataclass
class Args(loop.LoopArgs):
    """What to train, and what to attack it with."""

    out: Path = Path("runs/cifar-pgd")
    """checkpoint.pt, accuracy.json and TensorBoard logs; running the command again goes on from there"""
    batch: int = 128
    """images a step, over all processes"""
    lr: float = 3e-4
    """peak learning rate of Adam"""
    data: Path = Path("../shared/data/cifar10_jpeg")
    """folder of CIFAR-10: python batches, archives or folders of images"""
    model: Literal["vgg", "attention"] = "vgg"
    """a row of the table: VGG16 alone, or attention that reads its features"""
    width: float = 1.0
    """share of VGG16's channels"""
    glimpses: int = 6
    """of 12 x 12 pixels, for attention"""
    eps: float = 8 / 255
    """radius of the training attack, on pixels in [0, 1]"""
    train_steps: int = 7
    """steps of the training attack (Madry et al.: 7; 1 is fast; 0: train on clean images)"""
    ramp: float = 0.4
    """share of the run in which the radius grows from 0: at the full one from the start, a short run learns nothing"""
    test_eps: tuple[float, ...] = (8 / 255, 0.3)
    """radii of the test's attacks, on pixels in [0, 1]"""
    test_steps: int = 30
    """steps of the test's attacks"""
    step: float = 0.0
    """size of a step, of training and test; 0: 2.5 eps over the number of steps"""
    test_images: int = 0
    """test on so many images (0: all)"""
    images: int = 0
    """train on only so many images (0: all), for smoke runs"""
    table: tuple[Path, ...] = ()
    """train nothing, but print the table of these runs (their --out)"""


@dataclass(frozen=True)
class Pictures:
    """Images (N, 3, 32, 32) uint8 and labels (N,), on the device."""

    images: Tensor
    labels: Tensor

    @staticmethod
    def of(data: cifar.Cifar, picked: np.ndarray, device: torch.device) -> Pictures:
        """Those `picked` by index."""
        images = torch.from_numpy(data.images[picked]).permute(0, 3, 1, 2)  # channels last in memory
        return Pictures(images.to(device), torch.from_numpy(data.labels[picked]).to(device))

    def batch(self, size: int, generator: torch.Generator, part: slice) -> tuple[Tensor, Tensor]:
        """The slice `part` of a random batch of `size`, shifted and mirrored: (B, 3, 32, 32) in [0, 1], and labels."""
        device, side = self.images.device, cifar.SIDE
        picked = torch.randint(len(self.labels), (size,), generator=generator).to(device)[part]
        corner = torch.randint(2 * PAD + 1, (size, 2), generator=generator).to(device)[part]
        mirror = torch.randint(2, (size, 1), generator=generator).to(device)[part]
        step = torch.arange(side, device=device)
        rows = corner[:, :1] + step  # (B, side)
        cols = corner[:, 1:] + torch.where(mirror > 0, side - 1 - step, step)
        padded = F.pad(self.images[picked], (PAD,) * 4)
        index = torch.arange(len(picked), device=device)[:, None, None]
        images = padded[index, :, rows[:, :, None], cols[:, None, :]]  # (B, side, side, 3)
        return images.permute(0, 3, 1, 2).float() / 255, self.labels[picked]


def configure(args: Args, classes: int = 10) -> Config:
    """Raises GlimpseError for what makes no sense."""
    if args.glimpses < 1 or not 0 < args.width <= 4:
        raise GlimpseError(
            f"--glimpses {args.glimpses}, --width {args.width}: expected at least 1 glimpse and a width above 0, to 4"
        )
    if not 0 <= args.ramp <= 1 or args.test_images < 0 or args.images < 0:
        raise GlimpseError("--ramp, --test-images and --images: expected a share from 0 to 1 and no negative number")
    for eps in args.test_eps:
        Attack(eps, args.test_steps, args.step)
    return Config(
        args.model, Attack(args.eps, args.train_steps, args.step), args.width, classes, glimpses=args.glimpses
    )


def accuracy(net: Plain, data: Pictures, attack: Attack, seed: int = 0) -> tuple[float, float]:
    """Share of images named rightly, and the share that still is after the attack: one greedy roll-out from one random
    first location, the same in both.

    Images that are named wrongly as they are count as lost and are not attacked.
    """
    generator, right, kept = torch.Generator().manual_seed(seed), 0, 0
    device = data.images.device
    with torch.no_grad():
        for some, labels in zip(data.images.split(250), data.labels.split(250), strict=True):
            images = some.float() / 255
            first = (torch.rand((len(images), 2), generator=generator) * 2 - 1).to(device)
            start = random_start(images.shape, generator).to(device)
            good = net.logits(images, first).argmax(-1) == labels
            right += int(good.sum())
            images, labels, first, start = images[good], labels[good], first[good], start[good]
            if len(images):
                attacked = pgd(lambda x, at=first: net.logits(x, at), images, labels, attack, start)  # type: ignore[misc]
                kept += int((net.logits(attacked, first).argmax(-1) == labels).sum())
    return right / len(data.labels), kept / len(data.labels)


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is, and test. Returns the path of accuracy.json."""
    configure(args)
    fabric = loop.launch(args)
    data, test = cifar.load(args.data, "train"), cifar.load(args.data, "test")
    if data.classes != test.classes:
        raise GlimpseError(f"{args.data}: the training classes {data.classes} are not the test's {test.classes}")
    config = configure(args, len(data.classes))
    every = np.arange(len(data.labels))
    held = every % HELD_OUT == HELD_OUT - 1
    if not held.any() or held.all():
        raise GlimpseError(f"{args.data}: holds {len(every)} training images; expected at least {HELD_OUT}")
    train_set = Pictures.of(data, some(every[~held], args.images), fabric.device)
    checks = Pictures.of(data, some(every[held], 250), fabric.device)
    torch.manual_seed(args.seed)
    net = MODELS[args.model](config)

    def draw(turn: loop.Turn) -> tuple[Any, ...]:
        images, labels = train_set.batch(args.batch, turn.generator, turn.part)
        first = torch.rand((args.batch, 2), generator=turn.generator)[turn.part] * 2 - 1
        noise = torch.randn((config.glimpses - 1, args.batch, 2), generator=turn.generator)[:, turn.part]
        start = random_start((args.batch, 3, cifar.SIDE, cifar.SIDE), turn.generator)[turn.part]
        grown = min(1.0, turn.progress / args.ramp) if args.ramp else 1.0
        return images, labels, first.to(turn.device), noise.to(turn.device), start.to(turn.device), grown

    def validate(average: nn.Module) -> loop.Figures:
        assert isinstance(average, Plain)
        clean, attacked = accuracy(average, checks, Attack(args.eps, 10, args.step))
        return {"held_out/clean": clean, "held_out/attacked": attacked}

    about = {"method": "cifar-pgd", **asdict(config)}
    path = loop.fit(fabric, args, about, net, draw, validate)
    found = args.out / "accuracy.json"
    if fabric.is_global_zero:
        state = loop.read_checkpoint(path, about)
        net = MODELS[args.model](config).to(fabric.device)
        net.load_state_dict(state["average"])
        shown = Pictures.of(test, some(np.arange(len(test.labels)), args.test_images), fabric.device)
        results = measure(net, shown, args)
        results |= {"data": data.source, "minutes": state["seconds"] / 60, "steps": state["step"], "batch": args.batch}
        found.write_text(json.dumps(results, indent=2) + "\n")
    fabric.barrier()
    return found


def some(indices: np.ndarray, count: int) -> np.ndarray:
    """`count` of them, evenly spread, for image files come sorted by class; all where count is 0."""
    return indices[np.linspace(0, len(indices) - 1, count).round().astype(int)] if 0 < count < len(indices) else indices


def measure(net: Plain, data: Pictures, args: Args) -> dict[str, Any]:
    """What accuracy.json says of a trained network: percentages, and how they came about."""
    attacks, clean = [], 0.0
    for eps in args.test_eps or (0.0,):
        attack = Attack(eps, args.test_steps, args.step)
        clean, attacked = accuracy(net, data, attack, args.seed)
        attacks.append({"eps": eps, "steps": attack.steps, "size": attack.stride, "accuracy": 100 * attacked})
    return {
        "model": args.model,
        "width": args.width,
        "parameters": sum(p.numel() for p in net.parameters()),
        "trained_on": asdict(net.config.train),
        "seed": args.seed,
        "test_images": len(data.labels),
        "clean": 100 * clean,
        "attacks": attacks,
    }


def read_results(run: Path) -> dict[str, Any]:
    """A run's accuracy.json. Raises GlimpseError where there is none."""
    path = run / "accuracy.json"
    try:
        found = json.loads(path.read_text())
        if found["model"] not in ROWS or not all(
            {"eps", "steps", "accuracy"} <= {*attack} for attack in found["attacks"]
        ):
            raise KeyError("model or attacks")
        return dict(found)
    except FileNotFoundError:
        raise GlimpseError(f"{path}: does not exist; expected the results of training.cifar_pgd") from None
    except (ValueError, KeyError, TypeError) as error:
        raise GlimpseError(f"{path}: is not what training.cifar_pgd writes ({type(error).__name__})") from error


def table(results: list[dict[str, Any]]) -> str:
    """The paper's table 4 beside what these runs reached, in Markdown: accuracy in %, one row a model."""
    attacks = sorted({(a["eps"], a["steps"]) for found in results for a in found["attacks"]})
    heads = [f"PGD, {steps} steps, eps {eps:.3g}" for eps, steps in attacks]
    lines = [f"| CIFAR-10, accuracy % | paper (eps 0.3, of no scale) | clean | {' | '.join(heads)} | run |"]
    lines.append("|---" * (4 + len(heads)) + "|")
    for model, (name, paper) in ROWS.items():
        runs = [found for found in results if found["model"] == model]
        if not runs:
            lines.append(f"| {name} | {paper} |" + " – |" * (2 + len(heads)))
        for found in runs:
            reached = {(a["eps"], a["steps"]): f"{a['accuracy']:.2f}" for a in found["attacks"]}
            run = f"{found['data']}; width {found['width']:g}, {found['minutes']:.0f} min, seed {found['seed']}"
            cells = [f"{found['clean']:.2f}", *(reached.get(attack, "–") for attack in attacks), run]
            lines.append(f"| {name} | {paper} | {' | '.join(cells)}; {found['test_images']} test images |")
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        chosen = tyro.cli(Args)
        print(table([read_results(run) for run in chosen.table]) if chosen.table else train(chosen))
    except GlimpseError as error:
        sys.exit(str(error))
