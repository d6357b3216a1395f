"""A trained Catch agent as a bundle, checked against torch over whole games.

    python -m training.catch_export --checkpoint runs/catch/checkpoint.pt --out models/catch

The screens come as a canvas of 24 x 24 pixels, one a frame. `classification` holds the logits of the paddle's actions
left, stay, right; the policy says where to look in the next frame. An episode is a game: 23 frames.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from glimpse_ros.core.bundle import load_policy, load_scene
from glimpse_ros.core.retina import sample
from glimpse_ros.core.types import Episode, Glimpse, GlimpseError, Limits, View
from glimpse_ros.datasets.catch import ACTIONS
from glimpse_ros.datasets.catch import Catch as Game

from . import loop, recurrent_export
from .catch import SLOW, Catch, Config, draw
from .catch_game import Start, fall
from .fovea import Fovea
from .recurrent import RecurrentConfig


@dataclass
class Args:
    """Which weights, and where to."""

    checkpoint: Path
    """of training.catch"""
    out: Path
    """the bundle's folder; its name is the bundle's name"""
    data_note: str = "Catch, games drawn on the fly (glimpse_ros/datasets/catch.py)"
    """what it was trained on, for the metadata"""


def load_catch(path: Path) -> Catch:
    """The averaged weights of a checkpoint. Raises GlimpseError for another method, and for a broken file."""
    state = loop.read_checkpoint(path)
    config = state["config"] if isinstance(state["config"], dict) else {}
    if config.get("method") != "catch":
        raise GlimpseError(f"{path}: a checkpoint of method {config.get('method')!r}; expected 'catch'")
    try:
        fields = {key: value for key, value in config.items() if key != "method"}
        fields |= {"net": RecurrentConfig(**fields["net"]), "fovea": Fovea(**fields["fovea"])}
        net = Catch(Config(**fields))
        net.load_state_dict(state["average"])
    except (TypeError, KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0].rstrip(":")
        raise GlimpseError(f"{path}: does not fit this version's Catch ({first}); train it again") from error
    return net.eval()


@torch.no_grad()
def plain(net: Catch) -> recurrent_export.Agent:
    """The agent as the family's exporter takes it: what it scales is folded into the weights, powers of 2 all."""
    inner = Catch(net.config)
    inner.load_state_dict(net.state_dict())
    agent = inner.net.eval()
    agent.what.weight.mul_(net.gain)
    last = agent.locator[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight.mul_(SLOW)
    last.bias.mul_(SLOW)
    fovea = net.config.fovea
    return recurrent_export.Agent("catch", "catch", agent, fovea, fovea.side - 1, class_names=ACTIONS)


def export(net: Catch, out: Path, data: str = "") -> tuple[int, float]:
    """Write scene.onnx and policy.onnx into `out`: bytes, and the largest difference to torch over whole games.

    Raises GlimpseError for a network too large for a bundle, AssertionError where the bundle differs from torch.
    """
    size, worst = recurrent_export.export(plain(net), out, data)
    return size, max(worst, parity(net, out))


@torch.no_grad()
def parity(net: Catch, bundle: Path, games: int = 20) -> float:
    """The largest difference between torch's and the bundle's logits over games that each plays by itself, greedily.

    Both begin alike; the bundle sees NumPy's screens through the core retina, in float32: of bytes it makes bytes,
    which says 16 / 255 for 1 / 16. Raises AssertionError where one acts otherwise or a logit differs by more than 5e-3.
    """
    side = net.config.fovea.side
    uniform, first, noise, gumbel = draw(net.config, games, torch.Generator().manual_seed(0), greedy=True)
    start = Start.drawn(uniform, side)
    theirs = net.play(fall(start, side), start.paddle, first, torch.zeros_like(noise), gumbel, 0.0)
    scene = load_scene(bundle, "cpu", threads=1)
    policy, info = load_policy(bundle, scene.info, "cpu", threads=1), scene.info
    worst = 0.0
    for i in range(games):
        game = Game(float(start.x[i]), float(start.dx[i]), int(start.paddle[i]), side)
        scene.reset()
        policy.reset(Episode(Limits(s=info.s_range), side - 1, None, info.scene, i))
        (x, y), reward = first[i].tolist(), 0
        view = View(x, y, info.s_range[0])
        for t in range(side - 1):
            screen = np.repeat(game.screen()[..., None].astype(np.float32) / 255, 3, 2)
            glimpse = Glimpse(*sample(screen, view, info.glimpse, info.scene.projection, "zero"))
            estimate = scene.step(glimpse)
            assert estimate.classification is not None
            worst = max(worst, float(np.abs(estimate.classification - theirs.logits[t, i].numpy()).max()))
            action = int(estimate.classification.argmax())
            assert action == int(theirs.action[t, i]), f"{bundle} acts otherwise than torch in game {i}, frame {t}"
            reward, view = game.step(action), policy.decide(estimate, glimpse.view).view
        assert reward == int(theirs.reward[i])
    assert worst < 5e-3, f"{bundle} differs from torch by {worst:.1e}"
    return worst


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        size, worst = export(load_catch(args.checkpoint), args.out, args.data_note)
        print(f"{args.out}: {size / 2**20:.2f} MiB, largest difference to torch {worst:.1e}")
    except GlimpseError as error:
        sys.exit(str(error))
