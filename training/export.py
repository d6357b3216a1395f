"""A trained canvas model and its policy as a bundle, checked against ONNX Runtime.

    python -m training.export --checkpoint runs/panorama/checkpoint.pt --policy runs/policy.pt \
        --out models/panorama

`scene.onnx` is one step: write, perceive, and, under an ONNX If on `decode`, the decoder, so that a step which only
decides costs less. The decoder is exported as a graph of its own and becomes the If's branch.
"""

from __future__ import annotations

import copy
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import tyro
from torch import Tensor, nn

from glimpse_ros.core.bundle import belief_id, encode_belief, load_policy, load_scene, write_graph
from glimpse_ros.core.types import Episode, Glimpse, Limits, View

from .canvas import BELIEF_CHANNELS, Canvas, CanvasConfig, Memory
from .gain_policy import GainPolicy
from .graph_parts import halved, round_weights, under_if
from .retina import sample

OPSET = 17
STATES = ("state_colour", "state_sharpness", "state_features", "state_sharpness_features")


@dataclass
class Args:
    """Which weights, and where to."""

    checkpoint: Path
    """of training.panorama"""
    out: Path
    """the bundle's folder; its name is the bundle's name"""
    policy: Path | None = None
    """of training.search; without it the policy has the exponents that a search starts from"""
    data: str = ""
    """what it was trained on, for the model card's metadata"""
    first_view: str = "random"


def split(memory: Memory) -> tuple[Tensor, ...]:
    """The memory as the bundle's states: what the runtime lets fade has a state of its own."""
    return memory[0], memory[1], memory[2][:, :-1], memory[2][:, -1:]


def joined(states: tuple[Tensor, ...]) -> Memory:
    """The inverse of `split`."""
    return states[0], states[1], torch.cat(states[2:4], 1)


class Write(nn.Module):
    """glimpse, view, states -> states, belief, uncertainty and the decoder's inputs."""

    def __init__(self, net: Canvas) -> None:
        super().__init__()
        self.net = net

    def forward(self, glimpse: Tensor, view: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        memory = self.net.write(joined(states), glimpse[:, 0], view)
        errors, smooth, x1, x2 = self.net.perceive(memory)
        return (*split(memory), self.net.belief(memory, errors), errors[:, :1].sqrt(), smooth, x1, x2)


class Decode(nn.Module):
    """States and the decoder's inputs -> reconstruction in [0, 1]."""

    def __init__(self, net: Canvas) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.net.decode(joined(inputs[:4]), *inputs[4:]).clamp(0, 1)


def to_onnx(module: nn.Module, inputs: tuple[Tensor, ...], names: list[str], outputs: list[str]) -> onnx.ModelProto:
    """Trace a module into a checked ModelProto with these names."""
    with warnings.catch_warnings(), torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # the tracer's notes on shapes that are static here
        file = f"{folder}/graph.onnx"
        torch.onnx.export(
            module.eval(), inputs, file, input_names=names, output_names=outputs, opset_version=OPSET, dynamo=False
        )
        return onnx.load(file)


def scene_model(net: Canvas) -> onnx.ModelProto:
    """The two graphs of the scene model, the second one under an If."""
    c = net.config
    memory = net.empty(1)
    glimpse, view = torch.rand(1, 1, 3, c.glimpse, c.glimpse), torch.tensor([[0.1, 0.2, 0.25]])
    handed = ["smooth", "x1", "x2"]
    outputs = [f"next_{name}" for name in STATES] + ["belief", "uncertainty", *handed]
    trunk = to_onnx(Write(net), (glimpse, view, *split(memory)), ["glimpse", "view", *STATES], outputs)
    with torch.no_grad():
        features = net.perceive(memory)[1:]
    names = [*(f"next_{name}" for name in STATES), *handed]
    decoder = to_onnx(Decode(net), (*split(memory), *features), names, ["reconstruction"])
    return under_if(trunk, decoder, handed)


def policy_model(policy: GainPolicy) -> onnx.ModelProto:
    """belief, limits -> next_view."""
    belief = torch.rand(1, policy.rows * policy.cols, BELIEF_CHANNELS)
    limits = torch.tensor([[[-1.0, 1.0], [-1.0, 1.0], [1 / 16, 1.0]]])
    model = to_onnx(policy, (belief, limits), ["belief", "limits"], ["next_view"])
    onnx.checker.check_model(model)
    return model


def commit() -> str:
    """The short hash of the source that exports; empty outside a checkout."""
    out = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return out.stdout.strip()


def export(net: Canvas, policy: GainPolicy, out: Path, data: str = "", first_view: str = "random") -> None:
    """Write scene.onnx and policy.onnx into `out`, large weights in half precision, then run both beside torch
    (`parity`)."""
    c = net.config
    out.mkdir(parents=True, exist_ok=True)
    net, policy = copy.deepcopy(net).eval().cpu(), policy.eval().cpu()
    round_weights([net])
    with torch.no_grad():
        memory = net.empty(1)
        empty = net.belief(memory, net.perceive(memory)[0])[0].numpy()
    shared: dict[str, Any] = {"family": "canvas", "name": out.name, "glimpse": c.glimpse, "scales": [1.0]}
    shared |= {"padding": "clamp", "s_range": [c.glimpse / c.width, 1.0], "first_view": first_view, "glimpses": 8}
    shared |= {"scene": {"height": c.height, "width": c.width, "projection": "spherical" if c.spherical else "planar"}}
    shared |= {"data": data, "commit": commit()}
    scene = halved(scene_model(net)).SerializeToString()
    write_graph(out / "scene.onnx", scene, {**shared, "role": "scene", "empty_belief": encode_belief(empty)})
    fields = {**shared, "role": "policy", "belief_id": belief_id(scene)}
    write_graph(out / "policy.onnx", policy_model(policy).SerializeToString(), fields)
    worst = parity(net, policy, out)
    size = sum(file.stat().st_size for file in out.glob("*.onnx")) / 2**20
    print(f"{out}: {size:.2f} MiB, largest difference to torch {worst:.1e}")


@torch.no_grad()
def parity(net: Canvas, policy: GainPolicy, bundle: Path, glimpses: int = 6) -> float:
    """The largest difference between torch and the bundle over an episode that the policy drives.

    Raises AssertionError where belief or reconstruction differ by more than 5e-3.
    """
    scene, runtime = load_scene(bundle), None
    runtime = load_policy(bundle, scene.info)
    limits = Limits(s=scene.info.s_range)
    runtime.reset(Episode(limits, glimpses, None, scene.info.scene))
    memory, worst, c = net.empty(1), 0.0, net.config
    # Smooth, as scenes are: white noise is what conjugate gradients answer last, and rounding shows in their answer.
    torch.manual_seed(0)
    canvas = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 12), (c.height, c.width), mode="bicubic").clamp(0, 1)
    view = View(0.25, 0.0, 0.25)
    for _ in range(glimpses):
        # On whole pixels, as the retina gives them: at half a pixel rounding would decide who covers it.
        seen, taken = sample(canvas, torch.from_numpy(view.array()), c.glimpse, c.spherical)
        pixels, view = seen.numpy(), View(*taken[0].tolist())
        estimate = scene.step(Glimpse(pixels, view))
        memory = net.write(memory, torch.from_numpy(pixels), torch.from_numpy(view.array()))
        reconstruction, errors = net(memory)
        belief = net.belief(memory, errors)
        assert estimate.reconstruction is not None
        worst = max(worst, float(np.abs(estimate.belief - belief[0].numpy()).max()))
        worst = max(worst, float(np.abs(estimate.reconstruction - reconstruction[0].clamp(0, 1).numpy()).max()))
        view = runtime.decide(estimate, view).view
        gain, candidates = policy.gains(belief, torch.from_numpy(limits.array()))
        chosen = (candidates[0] - torch.tensor([view.x, view.y, view.s])).abs().sum(-1) < 1e-4
        assert gain[0][chosen].max() >= gain.max() * 0.999, "the exported policy chose a view that torch finds worse"
    assert worst < 5e-3, f"{bundle} differs from torch by {worst:.1e}"
    return worst


def load_checkpoint(path: Path) -> Canvas:
    """The averaged weights of a training.panorama checkpoint."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    config = state["config"] | {"widths": tuple(state["config"]["widths"])}
    net = Canvas(CanvasConfig(**config))
    net.load_state_dict(state["average"])
    return net.eval()


if __name__ == "__main__":
    args = tyro.cli(Args)
    net = load_checkpoint(args.checkpoint)
    c = net.config
    policy = GainPolicy(c.height // 16, c.width // 16, c.spherical, c.width / c.height)
    if args.policy is not None:
        found = torch.load(args.policy, map_location="cpu", weights_only=True)["exponents"]
        policy.load_state_dict({"exponents": found})
    export(net, policy, args.out, args.data, args.first_view)
