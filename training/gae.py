"""Glimpse-Attend-and-Explore (Seifi, Jha, Tuytelaars, "Glimpse-Attend-and-Explore: Self-Attention for Active Visual
Exploration", 2021).

    python -m training.gae --data camvid:../shared/data/camvid --task both --height 144 --width 192 --out runs/street

A retina looks at a few places of a scene; a spatial memory keeps what its encoder says about them; from the memory the
whole scene is drawn, segmented or named. A map of attention gates the features on their way, is trained by the task's
gradient through these gates, and says where to look next. No reinforcement learning.

The tasks' losses are summed over steps in the paper. Here `--decode-steps` of them, a run of consecutive ones that is
drawn anew each time, stand for all: a quarter of the drawings a scene, so more scenes. 0 gives all of them.

`--foresight` is ours, beyond the paper. The whole image's features enter the memory in proportion to attention with a
weight of zero in value but not in gradient, so the task's loss tells attention what a look at a cell would gain.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import Tensor, nn
from torch.nn import functional as F

from glimpse_ros.core.types import GlimpseError

from . import gae_choice, labelled, loop, spatial
from .augment import VOID, Batches
from .gae_args import Args, Config, check_sizes, configure
from .gae_check import check
from .gae_contrast import projector
from .gae_net import CELL, GaeNet
from .gae_seen import Seen
from .resnet import load_weights


class Gae(nn.Module):
    """The network; its forward is one batch's loss."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.net = GaeNet(config.net)
        self.project = projector(config.net) if config.net.contrast else None

    def forward(
        self,
        scenes: Tensor,
        known: Tensor,
        maps: Tensor | None,
        answers: Tensor | None,
        places: Tensor,
        strays: Tensor,
        start: int,
    ) -> tuple[Tensor, loop.Figures]:
        """Look, draw, weigh.

        scenes (B, 3, H, W) uint8; known (B, 1, H, W) bool; maps (B, H, W) class ids, VOID is not counted; answers (B,);
        places (T, B, 2): where stray glimpses go, x and y in [-1, 1]; strays (T, B): which are; start: the first step
        that is drawn.
        """
        c, net = self.config, self.net
        scenes, known, places = scenes.float() / 255, known.float(), places.float()
        total = scenes.new_zeros(())
        figures: dict[str, Tensor] = {}
        whole = self.whole_features(scenes) if self.project is not None or c.foresight else ()
        previous = scenes.new_zeros(len(scenes), c.net.drawn, c.net.height, c.net.width)
        drawn_steps = range(start, min(start + (c.decode_steps or c.glimpses), c.glimpses))
        last = c.glimpses - 1 if c.net.classes or not c.net.decoder else drawn_steps[-1]
        for t, seen, code, attention in self.episode(scenes, places[: last + 1], strays):
            told, bottom, hint = bool(c.net.classes), seen.bottom, None
            if c.foresight and not c.whole and (told or t in drawn_steps):
                hint = seen.hint(attention, c.foresight)
                bottom = bottom + hint * whole[3]
                code, attention = self.think_again(bottom)
            if told:
                assert answers is not None
                logits = net.classify(bottom, code, attention).float()
                loss = F.cross_entropy(logits, answers, label_smoothing=0.1)
                total = total + loss / c.glimpses
                figures |= {"loss/class": loss, "train/accuracy": (logits.argmax(1) == answers).float().mean()}
            predicted: tuple[Tensor, ...] = (code,)
            if c.net.decoder and (t in drawn_steps or c.whole):
                finer = seen.finer()
                if hint is not None:
                    finer = tuple(m + F.interpolate(hint, f.shape[-2:]) * f for m, f in zip(finer, whole, strict=False))
                drawing, attended, contrasted, features = net.decode(finer, code, attention, previous)
                previous, predicted, told = drawing, (*features, code), True
                loss, each = self.task_loss(drawing, scenes, known, maps)
                streams = sum(self.task_loss(d, scenes, known, maps)[0] for d in (attended, contrasted))
                total = total + (loss + streams) / len(drawn_steps)
                figures |= {"loss/drawing": loss}
                if c.predicts_loss:
                    wrong = F.avg_pool2d(each.detach(), CELL)
                    total = total + F.mse_loss(attention.float(), wrong / wrong.mean().clamp(min=1e-6))
            if self.project is not None and told and len(predicted) == (4 if c.net.decoder else 1):
                away = self.project(predicted, whole[-len(predicted) :])
                total = total + c.contrast * away / (c.glimpses if not c.net.decoder else len(drawn_steps))
                figures |= {"loss/contrast": away}
        return total, {name: value.detach() for name, value in figures.items()}

    def think_again(self, bottom: Tensor) -> tuple[Tensor, Tensor]:
        """`think` of a memory that was thought of before: its norm does not count the same values twice."""
        norm = self.net.reduce[1]
        assert isinstance(norm, nn.BatchNorm2d)
        norm.track_running_stats = False
        thought = self.net.think(bottom)
        norm.track_running_stats = True
        return thought

    def whole_features(self, scenes: Tensor) -> tuple[Tensor, ...]:
        """The encoder's features of the whole image: no gradient, and no say in its running statistics."""
        encoder, training = self.net.encoder, self.training
        encoder.eval()
        with torch.no_grad():
            features = encoder(scenes)
        encoder.train(training)
        return features

    def task_loss(self, drawing: Tensor, scenes: Tensor, known: Tensor, maps: Tensor | None) -> tuple[Tensor, Tensor]:
        """A drawing's loss, and that of each pixel (B, 1, H, W)."""
        c, drawing = self.config, drawing.float().contiguous()
        each = torch.zeros_like(known)
        loss = drawing.new_zeros(())
        if c.net.colours:
            squared = (drawing[:, :3] - scenes).square().sum(1, keepdim=True)
            error = ((squared + 1e-5).sqrt() if c.pixel_loss == "l2" else squared) * known
            loss, each = loss + c.pixels * error.sum() / known.sum().clamp(min=1), each + c.pixels * error
        if c.net.labels:
            assert maps is not None
            error = F.cross_entropy(drawing[:, c.net.colours :], maps, ignore_index=VOID, reduction="none")  # (B, H, W)
            loss, each = loss + error.sum() / (maps != VOID).sum().clamp(min=1), each + error[:, None]
        return loss, each

    def episode(self, scenes: Tensor, places: Tensor, strays: Tensor) -> Iterator[tuple[int, Seen, Tensor, Tensor]]:
        """Look T times; yields the step, what was seen so far, code and attention."""
        c, net, wraps = self.config, self.net, self.config.net.spherical
        if c.whole:
            features = net.encoder(scenes)
            seen = Seen(c.net, [[f] for f in features], [], features[-1], torch.ones_like(features[-1][:, :1]))
            yield 0, seen, *net.think(features[-1])
            return
        nothing = scenes.new_zeros(len(scenes), 1, *c.net.cells)
        seen = Seen(c.net, [[], [], [], []], [], nothing, nothing)
        x, y = places[0].unbind(-1)
        for t in range(len(places)):
            with torch.no_grad(), torch.autocast(scenes.device.type, enabled=False):  # places need all their digits
                s = torch.full_like(x, spatial.SIDE / c.net.width)
                glimpse, taken = spatial.look(scenes, torch.stack([x, y, s], 1), wraps)
            seen.add(net.encoder(spatial.composite(glimpse)), taken)
            code, attention = net.think(seen.bottom)
            yield t, seen, code, attention
            if t + 1 < len(places):
                with torch.no_grad():
                    x, y = gae_choice.choose(attention.float(), seen.visited, wraps, c.choice, c.anchor)
                    stray = strays[t + 1]
                    x, y = torch.where(stray, places[t + 1, :, 0], x), torch.where(stray, places[t + 1, :, 1], y)


def train(args: Args) -> Path:
    """Train, resuming where a checkpoint is. Returns the checkpoint's path. Raises GlimpseError."""
    check_sizes(args)
    fabric = loop.launch(args)
    size = (args.height * 5 // 4, args.width * 5 // 4)  # room for crops
    data = labelled.load(args.data, "train", size)
    held_out = labelled.load(args.data, "val", (args.height, args.width))
    config = configure(args, data)
    torch.manual_seed(args.seed)
    net = Gae(config)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if args.encoder_weights is not None:
        load_weights(net.net.encoder, args.encoder_weights)
    weights = sum(p.numel() for p in net.parameters()) / 1e6, sum(p.numel() for p in net.net.parameters()) / 1e6
    print(
        f"{weights[0]:.1f} million weights, {weights[1]:.1f} of them in the bundle; {len(data.images)} scenes",
        file=sys.stderr,
    )
    batches = Batches(data, args.batch, args.height, args.width, args.seed)
    steps = config.glimpses
    most = steps - min(args.decode_steps or steps, steps)  # the last step at which a run of drawn steps can start

    def draw(turn: loop.Turn) -> tuple[Any, ...]:
        scenes, known, maps, answers = batches(turn.step, turn.part)
        places = torch.rand((steps, args.batch, 2), generator=turn.generator) * 2 - 1
        strays = torch.rand((steps, args.batch), generator=turn.generator) < (1 if config.random_looks else args.stray)
        # Half of the time the last steps: their memory is the one that counts most.
        start = int(torch.randint(2 * most + 1, (), generator=turn.generator).clamp(max=most))
        tensors = (scenes, known, maps, answers, places[:, turn.part], strays[:, turn.part])
        return (*(None if t is None else t.to(turn.device) for t in tensors), start)

    def validate(average: nn.Module) -> loop.Figures:
        assert isinstance(average, Gae)
        return {f"held_out/{name}": value for name, value in check(average, held_out).items()}

    about: dict[str, Any] = {"method": "gae", "task": args.task, "ablation": args.ablation, "data": data.name}
    about |= {"class_names": list(data.class_names), "palette": [list(colour) for colour in data.palette]}
    return loop.fit(fabric, args, {**about, **asdict(config)}, net, draw, validate)


if __name__ == "__main__":
    try:
        print(train(tyro.cli(Args)))
    except GlimpseError as error:
        sys.exit(str(error))
