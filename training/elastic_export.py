"""A trained elastic scene model and AdaGlimpse's agent as a bundle, checked against ONNX Runtime.

    python -m training.elastic_export --checkpoint runs/adaglimpse/checkpoint.pt --out models/adaglimpse
    python -m training.elastic_export --checkpoint runs/adaglimpse-street/checkpoint.pt --out models/adaglimpse-street \
        --data camvid:../shared/data/camvid --scene 240x320

The graphs are those of `elastic_graphs`. What serves training alone (the fast critics, the temperature; with `--act
actor` the critics too) is left behind. Large weights are stored in half precision; see `graph_parts`.
"""

from __future__ import annotations

import copy
import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from torch import Tensor

from glimpse_ros.core.bundle import belief_id, encode_belief, load_policy, load_scene, write_graph
from glimpse_ros.core.explorer import look_at_canvas
from glimpse_ros.core.types import Decision, Episode, GlimpseError, Limits, View

from . import labelled, loop
from .adaglimpse import Agent
from .elastic_graphs import Act, Choice, policy_model, scene_model, shown
from .elastic_pretrain import DRAWING, load_scene_model
from .elastic_vit import ElasticCanvas, ElasticConfig
from .export import commit
from .gae_export import scene_size
from .gae_graphs import picture
from .glimpse_agent import AgentConfig, agent_config
from .graph_parts import MATRIX, halved, round_weights
from .retina import sample

GLIMPSES, LABELS = 12, 8  # the budget of an episode; that of one whose scene is segmented
PARITY = 2e-3
ROUGHLY = 0.05  # of what is rounded to integers, as a share of its root mean square
RANGED = 48  # scenes that ranges are taken from


@dataclass
class Args:
    """Which weights, and where to."""

    checkpoint: Path
    """of training.adaglimpse"""
    out: Path
    """the bundle's folder; its name is the bundle's name"""
    act: Act = "actor"
    """the actor's mean, or the best action by the slow critics, whose average over updates is steadier"""
    data: str = ""
    """what it was trained on, for the metadata; of a model that knows classes kind:PATH, where their names are"""
    data_note: str | None = None
    """what it was trained on, in other words"""
    first_view: Literal["random", "policy"] = "random"
    """the agent can choose it too"""
    scene: str | None = None
    """HEIGHTxWIDTH of the declared scene [px], of the canvas's aspect; without it the canvas"""
    precision: Literal["half", "single", "integers"] = "half"
    """of large weights; integers: half, and large convolutions are done in 8 bits, see `quantised`"""
    ranges: str | None = None
    """with --precision integers: scenes that show which numbers occur, folder or kind:PATH"""
    slew: float | None = None
    """what a second of motion costs the critics' choice, in units of score, if not what it was trained with"""
    glimpse_size: float | None = None
    """what a look as wide as the scene costs it, in units of score, if not what it was trained with"""
    drawn: Path | None = None
    """a checkpoint of training.elastic_pretrain --part, begun from this scene model: take what draws from there"""
    untrained: bool = False
    """an agent of random weights where the checkpoint has none, for tests and timing"""


@dataclass(frozen=True)
class Trained:
    """What of a checkpoint goes into a bundle."""

    net: ElasticCanvas
    agent: Agent
    config: dict[str, Any]  # of the checkpoint
    data: str = ""
    class_names: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()


def load_trained(
    path: Path,
    data: str = "",
    untrained: bool = False,
    slew: float | None = None,
    drawn: Path | None = None,
    glimpse_size: float | None = None,
) -> Trained:
    """The averaged scene model and the agent of a training.adaglimpse checkpoint.

    data: what it was trained on; of a model that knows classes what `labelled.load` takes. untrained: an agent of
    random weights where there is none. slew, drawn, glimpse_size: see `Args`. Raises GlimpseError for another
    checkpoint and other classes.
    """
    state = loop.read_checkpoint(path)
    if "agent" not in state and not untrained:
        raise GlimpseError(
            f"{path}: holds a scene model and no agent; expected a checkpoint of training.adaglimpse, or --untrained"
        )
    torch.manual_seed(0)
    try:
        net = load_scene_model(path)
        if not isinstance(net, ElasticCanvas):
            raise GlimpseError(f"{path}: its memory grows with every glimpse; expected one trained with memory canvas")
        config = AgentConfig(**state["config"]["agent"]) if "agent" in state else agent_config(net.config)
        if config.blind and (slew is not None or glimpse_size is not None):
            raise GlimpseError(
                f"{path}: its critics are blind, and know no price of motion or size but what they learned"
            )
        if slew is not None:
            config = replace(config, slew=slew)
        if glimpse_size is not None:
            config = replace(config, glimpse_size=glimpse_size)
        agent = Agent(config, temperature=1.0)
        if drawn is not None:
            redraw(net, drawn)
        if "agent" in state:
            agent.load_state_dict(state["agent"])
    except (TypeError, KeyError, RuntimeError) as error:
        first = " ".join(str(error).split())[:120]
        raise GlimpseError(f"{path}: does not fit this version ({first}); train it again") from error
    count = net.config.labels or net.config.classes
    if not count:
        return Trained(net, agent.eval(), state["config"], data)
    if not data:
        raise GlimpseError(f"{path}: knows {count} classes; expected --data kind:PATH, where their names are")
    found = labelled.load(data, "train", (net.config.height, net.config.width))
    if len(found.class_names) != count:
        raise GlimpseError(f"--data {data}: has {len(found.class_names)} classes; expected {count}, as {path} knows")
    return Trained(
        net, agent.eval(), state["config"], found.name, found.class_names, found.palette if net.config.labels else ()
    )


def redraw(net: ElasticCanvas, path: Path) -> None:
    """Take what draws over from the checkpoint at `path`. Raises GlimpseError where more than that is another."""
    other = load_scene_model(path).state_dict()
    for name, value in net.state_dict().items():
        if name.split(".")[0] not in DRAWING and not (name in other and torch.equal(other[name], value)):
            raise GlimpseError(f"{path}: {name} is another; expected a scene model that only draws differently")
    net.load_state_dict(other)


@torch.no_grad()
def reach(net: ElasticCanvas, scenes: int = 8, glimpses: int = 12) -> float:
    """The longest vector of a cell in episodes as long as training's. Without a bound the map's vectors grow with
    every glimpse, and after a hundred the model is where it never was."""
    c, rng = net.config, np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((scenes, 3, 12, 24), np.float32))
    scene = torch.nn.functional.interpolate(coarse, (c.height, c.width), mode="bicubic").clamp(0, 1)
    memory, longest = net.empty(scenes), 0.0
    for _ in range(glimpses):
        s = np.exp(rng.uniform(np.log(c.glimpse / c.width), 0, (scenes, 1)))
        at = torch.from_numpy(np.concatenate([rng.uniform(-1, 1, (scenes, 2)), s], 1).astype(np.float32))
        memory = net.write(memory, *sample(scene, at, c.glimpse, c.spherical))
        longest = max(longest, float(memory[3].norm(dim=-1).max()))
    return longest


def rounded(trained: Trained) -> Trained:
    """With large weights as half precision stores them, tables too."""
    net, agent = copy.deepcopy((trained.net, trained.agent))
    round_weights([net, agent])
    for table in (t for t in net.buffers() if t.numel() >= MATRIX):
        table.copy_(table.half().float())
    return Trained(net, agent, trained.config, trained.data, trained.class_names, trained.palette)


@torch.no_grad()
def export(
    trained: Trained,
    out: Path,
    act: Act = "actor",
    scene: str | None = None,
    half: bool = True,
    first_view: str = "random",
    data: str | None = None,
    ranges: Tensor | None = None,
) -> tuple[int, float]:
    """Write scene.onnx and policy.onnx into `out`, then run both beside torch: bytes, and the largest difference.

    scene: HEIGHTxWIDTH that the bundle declares. ranges: scenes (N, 3, H, W) in [0, 1]; with them large convolutions
    are done in integers. Raises GlimpseError for a scene of another aspect, AssertionError where the bundle differs
    from torch by more than PARITY, with integers by more than ROUGHLY.
    """
    size = scene_size(trained.net.config, scene)  # type: ignore[arg-type]
    trained = rounded(trained) if half else trained
    net, agent, c = trained.net, trained.agent, trained.net.config
    if c.map:
        net.reach = reach(net)
    choice = Choice(agent.actor, agent.target if act == "critic" else None).eval()
    step, policy = scene_model(net, size, ranges), policy_model(choice, net)
    if half:
        step, policy = halved(step), halved(policy)
    memory = net.empty(1)
    empty = net.belief(memory, net.look(memory), torch.zeros(1, 3))[0].numpy()
    shared: dict[str, Any] = {"family": "adaglimpse", "name": out.name, "glimpse": c.glimpse, "scales": [1.0]}
    shared |= {"padding": "clamp", "s_range": [c.glimpse / c.width, 1.0], "first_view": first_view}
    projection = "spherical" if c.spherical else "planar"
    shared |= {"scene": {"height": size[0], "width": size[1], "projection": projection}}
    shared |= {"glimpses": LABELS if c.labels else GLIMPSES, "class_names": list(trained.class_names)}
    shared |= {"palette": [list(colour) for colour in trained.palette]}
    shared |= {"data": trained.data if data is None else data, "commit": commit()}
    out.mkdir(parents=True, exist_ok=True)
    model = step.SerializeToString()
    write_graph(out / "scene.onnx", model, {**shared, "role": "scene", "empty_belief": encode_belief(empty)})
    fields = {**shared, "role": "policy", "act": act, "belief_id": belief_id(model)}
    write_graph(out / "policy.onnx", policy.SerializeToString(), fields)
    worst = parity(trained, choice, out, rough=ranges is not None)
    return sum(file.stat().st_size for file in out.glob("*.onnx")), worst


def some_scenes(data: str, config: ElasticConfig) -> Tensor:
    """RANGED scenes (N, 3, H, W) in [0, 1] of what `labelled.load` takes. Raises GlimpseError for data of another
    projection."""
    found = labelled.load(data, "train", (config.height, config.width))
    if (found.projection == "spherical") != config.spherical:
        raise GlimpseError(f"--ranges {data}: {found.projection} scenes; expected those of the model's projection")
    picks = np.linspace(0, len(found.images) - 1, min(RANGED, len(found.images))).round().astype(int)
    images = np.stack([found.images[i] for i in picks])
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


@torch.no_grad()
def parity(trained: Trained, choice: Choice, bundle: Path, glimpses: int = 6, rough: bool = False) -> float:
    """The largest difference between torch and the bundle over an episode that the bundle's policy drives, relative to
    the largest number of each output, at least 1; with rough the root mean square of both.

    Raises AssertionError where one is above PARITY, with rough above ROUGHLY.
    """
    scene = load_scene(bundle, "cpu", threads=1)
    info, net, c = scene.info, trained.net, trained.net.config
    policy, size = load_policy(bundle, info, "cpu", threads=1), (info.scene.height, info.scene.width)
    limits = Limits(s=info.s_range)
    policy.reset(Episode(limits, glimpses, None, info.scene))
    # Smooth, as scenes are: rounding shows where there is only noise.
    coarse = torch.from_numpy(np.random.default_rng(0).random((1, 3, 6, 12), np.float32))
    canvas = torch.nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)
    look = look_at_canvas(canvas[0].permute(1, 2, 0).contiguous().numpy(), info.glimpse, info.scene, "clamp")
    names = ["belief", "uncertainty", "attention", *(["classification"] if c.classes else [])]
    memory, view, worst = net.empty(1), View(0.25, 0.0, 0.25), 0.0
    for _ in range(glimpses):
        glimpse = look(view)
        estimate, at = scene.step(glimpse), torch.from_numpy(glimpse.view.array())
        memory = net.write(memory, torch.from_numpy(glimpse.pixels), at)
        seen = net.look(memory)
        wanted = dict(zip(names, shown(net, memory, seen, at), strict=True)) | net.decode(memory, *seen.handed)
        if c.colours:
            wanted["reconstruction"] = picture(wanted["reconstruction"], size)
        decision = policy.decide(estimate, glimpse.view)
        view = decision.view
        for name, value in wanted.items():
            torchs = value.numpy().squeeze()
            off = np.abs(getattr(estimate, name).squeeze() - torchs)
            if rough:
                worst = max(worst, math.sqrt(np.square(off).mean() / np.square(torchs).mean()))
            else:
                worst = max(worst, float(off.max() / max(1.0, np.abs(torchs).max())))
        worst = max(worst, astray(choice, torch.from_numpy(estimate.belief)[None], limits, decision))
    assert worst < (ROUGHLY if rough else PARITY), f"{bundle} differs from torch by {worst:.1e}"
    return worst


def astray(choice: Choice, belief: Tensor, limits: Limits, decision: Decision) -> float:
    """How far a decision is from torch's own; with critics in what they promise, for many views are equally good."""
    given, taken = torch.from_numpy(limits.array()), torch.from_numpy(decision.view.array())
    wanted, stop = choice(belief, given)
    off = float((taken - wanted).abs().max())
    if choice.grid is not None:
        q, views = choice.grid.candidates(belief, given, choice.actor(belief, given)[0].tanh())
        found = q[(views - taken).abs().amax(1).argmin()]
        off = float((q.max() - found) / q.abs().max().clamp(min=1))
    return max(off, abs(float(stop) - float(decision.stop or 0)))


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        if args.act == "actor" and (args.slew is not None or args.glimpse_size is not None):
            raise GlimpseError("--slew and --glimpse-size need --act critic: an actor's mean weighs nothing")
        if (args.precision == "integers") != (args.ranges is not None):
            raise GlimpseError("--precision integers and --ranges go together: scenes show which numbers occur")
        trained = load_trained(args.checkpoint, args.data, args.untrained, args.slew, args.drawn, args.glimpse_size)
        half, ranges = args.precision != "single", some_scenes(args.ranges, trained.net.config) if args.ranges else None
        size, worst = export(trained, args.out, args.act, args.scene, half, args.first_view, args.data_note, ranges)
        print(f"{args.out}: {size / 2**20:.2f} MiB, largest difference to torch {worst:.1e}")
    except GlimpseError as error:
        sys.exit(str(error))
