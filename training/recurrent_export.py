"""A trained network of the recurrent family as a bundle, checked against ONNX Runtime.

    python -m training.recurrent_export --checkpoint runs/ram-cluttered60/checkpoint.pt --out models/mnist-ram

`scene.onnx` is one step of the network: what was seen and where in, class and belief out. `policy.onnx` is the location
network. The belief begins with the hidden state h_t; what a method decides by besides is appended to it:

ram              h_t
active-sampling  h_t, class probabilities p_t, self-uncertainty u_t; the policy makes the stop score of p_t and u_t
top-down         h_t, the centre (x, y) of the best quadrant of the overview, and 1 while nothing was seen (view s = 0)

What serves training alone (baseline, context head) is left behind.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import tyro
from torch import Tensor, nn

from glimpse_ros.core.bundle import belief_id, encode_belief, load_policy, load_scene, write_graph
from glimpse_ros.core.explorer import look_at_canvas
from glimpse_ros.core.types import Episode, GlimpseError, Limits, View

from . import active_sampling, loop, quadrants, ram, top_down
from .export import commit, to_onnx
from .fovea import Fovea
from .graph_parts import halved, round_weights
from .recurrent import Recurrent, RecurrentConfig

SIGMA = 0.07  # standard deviation of a location where the runtime asks for noise: that of the end of training
LARGEST = 3 * 2**20  # bytes of a bundle's graphs; above, weights are stored in half precision


@dataclass
class Args:
    """Which weights, and where to."""

    checkpoint: Path
    """of training.ram, training.active_sampling or training.top_down"""
    out: Path
    """the bundle's folder; its name is the bundle's name"""
    task: str | None = None
    """refuse a checkpoint of another task"""
    data_note: str = "MNIST, scenes made on the fly (glimpse_ros/datasets/mnist.py)"
    """what it was trained on, for the metadata"""
    beta: float = 1.0
    """active sampling: width of the confidence bounds at which it stops, unless it is told another stop_threshold"""


@dataclass(frozen=True)
class Agent:
    """What of a checkpoint goes into a bundle."""

    method: str
    task: str
    net: Recurrent
    fovea: Fovea
    glimpses: int
    doubt: active_sampling.ActiveSampling | None = None  # gives the self-uncertainty
    q: quadrants.QNet | None = None  # gives the quadrants of the overview their values
    class_names: tuple[str, ...] = tuple("0123456789")


METHODS: dict[str, tuple[type, type]] = {
    "ram": (ram.Ram, ram.Config),
    "active-sampling": (active_sampling.ActiveSampling, active_sampling.Config),
    "top-down": (top_down.TopDown, top_down.Config),
}


def load_agent(path: Path, task: str | None = None) -> Agent:
    """The averaged weights of a checkpoint. Raises GlimpseError for another method or task, and for a broken file."""
    state = loop.read_checkpoint(path)
    config = state["config"] if isinstance(state["config"], dict) else {}
    fields = {key: value for key, value in config.items() if key not in ("method", "task", "augment")}
    method, found = config.get("method"), config.get("task")
    if method not in METHODS:
        raise GlimpseError(f"{path}: a checkpoint of method {method!r}; expected one of {', '.join(METHODS)}")
    if found not in ([*ram.TASKS] if task is None else [task]):
        raise GlimpseError(f"{path}: a checkpoint of task {found!r}; expected {task or ' or '.join(ram.TASKS)}")
    module_type, config_type = METHODS[method]
    try:
        fields |= {"net": RecurrentConfig(**fields["net"]), "fovea": Fovea(**fields["fovea"])}
        module = module_type(config_type(**fields))
        module.load_state_dict(state["average"])
    except (TypeError, KeyError, RuntimeError) as error:
        first = str(error).splitlines()[0].rstrip(":")
        raise GlimpseError(f"{path}: does not fit this version's {method} ({first}); train it again") from error
    module.eval()
    doubt = module if method == "active-sampling" else None
    return Agent(method, found, module.net, fields["fovea"], fields["glimpses"], doubt, getattr(module, "q", None))


class Scene(nn.Module):
    """glimpse (1, S, 3, g, g), view (1, 3), [overview (1, 3, h, w)], states -> next states, belief, classification."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self.net, self.doubt, self.q = agent.net, agent.doubt, agent.q

    def forward(self, glimpse: Tensor, view: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        states = rest if self.q is None else rest[1:]
        grey = glimpse.mean(2).flatten(1)  # (1, S * g * g)
        states = self.net(grey, view[:, :2], states)
        logits = self.net.classifier(states[0])
        belief = [states[0]]
        if self.doubt is not None:
            p = logits.softmax(-1)
            belief += [p, self.doubt.judge(states[0], p)]
        if self.q is not None:
            belief += [quadrants.start_view(self.q(rest[0])), (view[:, 2:] <= 0).float()]
        return *states, torch.cat(belief, 1)[:, None], logits


class Policy(nn.Module):
    """belief (1, 1, N), noise (1, 2) -> next_view (1, 3) and, from active sampling, stop (1, 1)."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self.net, self.s = agent.net, agent.fovea.s
        self.stops, self.chooses = agent.doubt is not None, agent.q is not None

    def forward(self, belief: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        hidden, classes = self.net.config.hidden, self.net.config.classes
        state, more = belief[:, 0, :hidden], belief[:, 0, hidden:]
        at = self.net.locate(state)
        if self.chooses:
            at = torch.where(more[:, 2:] > 0.5, more[:, :2], at)
        at = (at + SIGMA * noise).clamp(-1, 1)
        view = torch.cat([at, torch.full_like(at[:, :1], self.s)], 1)
        if not self.stops:
            return (view,)
        return view, active_sampling.stop_score(more[:, :classes], more[:, classes:])[:, None]


def graphs(agent: Agent) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """The two graphs, without metadata."""
    f, scene, policy = agent.fovea, Scene(agent).eval(), Policy(agent).eval()
    inputs, names = [torch.rand(1, f.scales, 3, f.g, f.g), torch.tensor([[0.1, 0.2, f.s]])], ["glimpse", "view"]
    if agent.q is not None:
        inputs, names = [*inputs, torch.rand(1, 3, f.side // 2, f.side // 2)], [*names, "overview"]
    states = ["state_hidden", "state_cell"][: len(agent.net.empty(1))]
    outputs = [*(f"next_{name}" for name in states), "belief", "classification"]
    model = to_onnx(scene, (*inputs, *agent.net.empty(1)), [*names, *states], outputs)
    with torch.no_grad():
        belief = scene(*inputs, *agent.net.empty(1))[-2]
    decides = to_onnx(
        policy, (belief, torch.zeros(1, 2)), ["belief", "noise"], ["next_view", "stop"][: 1 + policy.stops]
    )
    return model, decides


def rounded(agent: Agent) -> None:
    """Every large weight to the nearest in half precision, in place."""
    modules = [module for module in (agent.doubt or agent.net, agent.q) if module is not None]
    round_weights(modules)


def export(agent: Agent, out: Path, data: str = "", beta: float = 1.0) -> tuple[int, float]:
    """Write scene.onnx and policy.onnx into `out`, then run both beside torch: bytes, and the largest difference.

    Raises GlimpseError for a network too large for a bundle, AssertionError where the bundle differs from torch.
    """
    if not 0 <= beta < float("inf"):
        raise GlimpseError(f"--beta {beta}: expected a number, at least 0")
    scene, policy = graphs(agent)
    if scene.ByteSize() + policy.ByteSize() > LARGEST - 2**16:  # metadata comes on top
        rounded(agent)
        scene, policy = (halved(model) for model in graphs(agent))
        print(f"{out}: large weights in half precision, to stay under {LARGEST / 2**20:g} MiB", file=sys.stderr)
    size = scene.ByteSize() + policy.ByteSize()
    if size > LARGEST - 2**16:
        raise GlimpseError(f"{out}: the graphs have {size / 2**20:.1f} MiB; expected under {LARGEST / 2**20:g}")
    f = agent.fovea
    shared: dict[str, Any] = {"family": agent.method, "name": out.name, "glimpse": f.g, "padding": "zero"}
    shared |= {"scales": [0.5**k for k in reversed(range(f.scales))], "s_range": [f.s, f.s]}
    shared |= {"scene": {"height": f.side, "width": f.side, "projection": "planar"}}
    shared |= {"class_names": list(agent.class_names), "glimpses": agent.glimpses}
    shared |= {"first_view": "random" if agent.q is None else "policy", "data": data, "commit": commit()}
    if agent.q is not None:  # what a policy decides by that is shown no overview
        shared["empty_belief"] = encode_belief(unseen(agent, torch.zeros(1, 3, f.side // 2, f.side // 2))[0].numpy())
    out.mkdir(parents=True, exist_ok=True)
    model = scene.SerializeToString()
    write_graph(out / "scene.onnx", model, {**shared, "role": "scene"})
    fields = {**shared, "role": "policy", "belief_id": belief_id(model)}
    if agent.doubt is not None:
        fields["stop_threshold"] = beta / (1 + beta)
    write_graph(out / "policy.onnx", policy.SerializeToString(), fields)
    return size, parity(agent, out)


@torch.no_grad()
def unseen(agent: Agent, overview: Tensor) -> Tensor:
    """The belief (1, 1, N) of a top-down agent after the overview (1, 3, h, w) alone."""
    f = agent.fovea
    return Scene(agent)(torch.zeros(1, f.scales, 3, f.g, f.g), torch.zeros(1, 3), overview, *agent.net.empty(1))[-2]


@torch.no_grad()
def parity(agent: Agent, bundle: Path, episodes: int = 4) -> float:
    """The largest difference between torch and the bundle over episodes that the bundle's policy drives.

    Raises AssertionError where one is above 1e-4.
    """
    scene, f, worst = load_scene(bundle, "cpu", threads=1), agent.fovea, 0.0
    policy = load_policy(bundle, scene.info, "cpu", threads=1)
    step, decide = Scene(agent), Policy(agent)
    limits, rng = Limits(s=scene.info.s_range), np.random.default_rng(0)
    for episode in range(episodes):
        grey = rng.integers(0, 256, (f.side, f.side, 1), np.uint8) * (rng.random((f.side, 1, 1)) > 0.5)
        canvas = np.repeat(grey, 3, 2)
        look = look_at_canvas(canvas, scene.info.glimpse, scene.info.scene, "zero")
        scene.reset()
        policy.reset(Episode(limits, agent.glimpses, None, scene.info.scene, episode))
        states, overview, pairs = agent.net.empty(1), [], []
        view = View(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1)), f.s)
        if agent.q is not None:
            overview = [torch.rand(1, 3, f.side // 2, f.side // 2)]
            scene.set_overview(overview[0][0].numpy())  # type: ignore[attr-defined]
            view = policy.decide(scene.empty(), None).view
            pairs.append((view.array(), decide(unseen(agent, overview[0]), torch.zeros(1, 2))[0]))
        for _ in range(agent.glimpses):
            glimpse = look(view)
            estimate = scene.step(glimpse)
            assert estimate.classification is not None
            decision = policy.decide(estimate, glimpse.view)
            view = decision.view
            pixels, at = torch.from_numpy(glimpse.pixels)[None], torch.from_numpy(glimpse.view.array())
            *states, belief, logits = step(pixels, at, *overview, *states)
            overview = [torch.zeros_like(o) for o in overview]  # the runtime shows it once
            wanted, *stop = decide(belief, torch.zeros(1, 2))
            pairs += [(estimate.belief, belief[0]), (estimate.classification, logits[0]), (view.array(), wanted)]
            pairs += [(np.array([[decision.stop]]), stop[0])] if stop else []
        worst = max([worst, *(float(np.abs(ours - torchs.numpy()).max()) for ours, torchs in pairs)])
    assert worst < 1e-4, f"{bundle} differs from torch by {worst:.1e}"
    return worst


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        size, worst = export(load_agent(args.checkpoint, args.task), args.out, args.data_note, args.beta)
        print(f"{args.out}: {size / 2**20:.2f} MiB, largest difference to torch {worst:.1e}")
    except GlimpseError as error:
        sys.exit(str(error))
