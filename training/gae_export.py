"""A trained Glimpse-Attend-and-Explore network and its policy as a bundle, checked against ONNX Runtime.

    python -m training.gae_export --checkpoint runs/street/checkpoint.pt --out models/street --scene 240x320

The network draws on its working canvas; `--scene` is the size [px] of the scene that the bundle declares, and of the
reconstruction. The graphs are those of `gae_graphs`. What serves training alone (the contrastive projector) is left
behind. Weights are stored in half precision where the bundle would be too large; see `graph_parts`.
"""

from __future__ import annotations

import re
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
from glimpse_ros.core.types import Episode, GlimpseError, Limits, View

from . import loop, spatial
from .export import commit
from .gae import Config
from .gae_graphs import belief_of, blank, picture, policy_model, ready, scene_model
from .gae_net import GaeConfig, GaeNet
from .gae_seen import Seen
from .graph_parts import halved, round_weights

LARGEST = 24 * 2**20  # bytes of a bundle's graphs
TEXT = 2**16  # bytes of them that are kept for metadata
PARITY = 2e-3


@dataclass
class Args:
    """Which weights, and where to."""

    checkpoint: Path
    """of training.gae"""
    out: Path
    """the bundle's folder; its name is the bundle's name"""
    scene: str | None = None
    """HEIGHTxWIDTH of the declared scene [px], of the working canvas's aspect; without it the working canvas"""
    half: Literal["auto", "yes", "no"] = "auto"
    """store large weights in half precision; auto: where the bundle would have more than 24 MiB"""
    data_note: str | None = None
    """what it was trained on, for the metadata; without it what the checkpoint says"""
    class_names: tuple[str, ...] = ()
    """other words for the classes than those of the training data, in their order"""


@dataclass(frozen=True)
class Trained:
    """What of a checkpoint goes into a bundle."""

    net: GaeNet
    config: Config
    data: str
    class_names: tuple[str, ...] = ()
    palette: tuple[tuple[int, ...], ...] = ()


def load_trained(path: Path, class_names: tuple[str, ...] = ()) -> Trained:
    """The averaged weights of a training.gae checkpoint; class_names: other ones than its own.

    Raises GlimpseError for another method, a network that does not explore, a broken file, and class names that are
    not as many as the network's classes.
    """
    state = loop.read_checkpoint(path)
    found = state["config"] if isinstance(state["config"], dict) else {}
    if found.get("method") != "gae":
        raise GlimpseError(f"{path}: a checkpoint of method {found.get('method')!r}; expected one of training.gae")
    about = ("method", "task", "ablation", "data", "class_names", "palette")
    try:
        fields = {name: value for name, value in found.items() if name not in about}
        config = Config(**{**fields, "net": GaeConfig(**found["net"])})
        net = GaeNet(config.net)
        weights = {name: value for name, value in state["average"].items() if name.startswith("net.")}
        net.load_state_dict({name.removeprefix("net."): value for name, value in weights.items()})
        names, palette = tuple(found["class_names"]), tuple(tuple(colour) for colour in found["palette"])
    except (TypeError, KeyError, AttributeError, RuntimeError) as error:
        first = " ".join(str(error).split())[:120]
        raise GlimpseError(f"{path}: does not fit this version's gae ({first}); train it again") from error
    if config.whole:
        raise GlimpseError(f"{path}: was trained on whole images (--whole); expected a network that explores")
    classes, names = config.net.labels or config.net.classes, class_names or names
    if class_names and not classes:
        raise GlimpseError(f"{path}: knows no classes, --class-names has {len(class_names)}; expected none")
    if classes and len(names) != classes:
        raise GlimpseError(f"{path}: knows {classes} classes, the class list has {len(names)}; expected as many")
    if config.net.labels and palette and len(palette) != classes:
        raise GlimpseError(f"{path}: knows {classes} classes, its palette has {len(palette)} colours; expected as many")
    shown = names if classes else (), palette if config.net.labels else ()
    return Trained(net.eval(), config, str(found.get("data", "")), *shown)


def scene_size(config: GaeConfig, text: str | None) -> tuple[int, int]:
    """Height and width [px] that the bundle declares. Raises GlimpseError unless `text` has the canvas's aspect."""
    if text is None:
        return config.height, config.width
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if size[0] * config.width != size[1] * config.height or size[0] < config.height:
        raise GlimpseError(
            f"--scene {text}: expected HEIGHTxWIDTH of the aspect of the working canvas, {config.height}x{config.width}"
            ", and no fewer pixels"
        )
    return size


def export(
    trained: Trained, out: Path, scene: str | None = None, half: str = "auto", data: str | None = None
) -> tuple[int, float]:
    """Write scene.onnx and policy.onnx into `out`, then run both beside torch: bytes, and the largest difference.

    Raises GlimpseError for a scene of another aspect and a network too large for a bundle, AssertionError where the
    bundle differs from torch.
    """
    c, c_net, net = trained.config, trained.config.net, ready(trained.net)
    height, width = scene_size(c_net, scene)
    step, policy = scene_model(net, (height, width)), policy_model(net, c.choice, c.anchor)
    size = step.ByteSize() + policy.ByteSize()
    if half == "yes" or (half == "auto" and size > LARGEST - TEXT):
        round_weights([net])
        trained = replace(trained, net=net)
        step = halved(scene_model(net, (height, width)))
        size = step.ByteSize() + policy.ByteSize()
        print(f"{out}: large weights in half precision", file=sys.stderr)
    if size > LARGEST - TEXT:
        raise GlimpseError(f"{out}: the graphs have {size / 2**20:.1f} MiB; expected under {LARGEST / 2**20:g}")
    s = spatial.SIDE / c_net.width
    with torch.no_grad():
        attention = trained.net.think(trained.net.empty(1, 1)[0])[1]
        empty = belief_of(attention, torch.zeros_like(attention))[0].numpy()
    shared: dict[str, Any] = {"family": "gae", "name": out.name, "glimpse": spatial.PIXELS}
    shared |= {"scales": list(spatial.SCALES), "padding": "clamp", "s_range": [s, s], "first_view": "random"}
    projection = "spherical" if c_net.spherical else "planar"
    shared |= {"scene": {"height": height, "width": width, "projection": projection}, "glimpses": c.glimpses}
    shared |= {"class_names": list(trained.class_names), "palette": [list(colour) for colour in trained.palette]}
    shared |= {"data": trained.data if data is None else data, "commit": commit()}
    out.mkdir(parents=True, exist_ok=True)
    model = step.SerializeToString()
    write_graph(out / "scene.onnx", model, {**shared, "role": "scene", "empty_belief": encode_belief(empty)})
    fields = {**shared, "role": "policy", "belief_id": belief_id(model)}
    write_graph(out / "policy.onnx", policy.SerializeToString(), fields)
    return sum(file.stat().st_size for file in out.glob("*.onnx")), parity(trained, out)


@torch.no_grad()
def parity(trained: Trained, bundle: Path, glimpses: int = 6) -> float:
    """The largest difference between torch and the bundle over an episode that the bundle's policy drives, one view of
    it off the grid of cells. The memories are those of training, which remembers otherwise than the graph.

    Raises AssertionError where one is above PARITY.
    """
    scene, net, c, worst = load_scene(bundle, "cpu", threads=1), trained.net, trained.config.net, 0.0
    info, size = scene.info, (scene.info.scene.height, scene.info.scene.width)
    policy = load_policy(bundle, info, "cpu", threads=1)
    policy.reset(Episode(Limits(s=info.s_range), glimpses, None, info.scene))
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((1, 3, 6, 8), np.float32))
    smooth = torch.nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)
    canvas = smooth[0].permute(1, 2, 0).contiguous().numpy()
    look = look_at_canvas(canvas, info.glimpse, info.scene, "clamp")
    nothing = torch.zeros(1, 1, *c.cells)
    seen = Seen(c, [[], [], [], []], [], nothing, nothing)
    previous, view = blank(net) if c.decoder else torch.zeros(0), policy.decide(scene.empty(), None).view
    for step in range(glimpses):
        off_grid = View(-0.37, 0.23, view.s)
        glimpse = look(off_grid if step == 2 else view)
        estimate = scene.step(glimpse)
        view = policy.decide(estimate, glimpse.view).view
        at = torch.from_numpy(glimpse.view.array())
        seen.add(net.encoder(spatial.composite(torch.from_numpy(glimpse.pixels)[None])), at)
        code, attention = net.think(seen.bottom)
        pairs: list[tuple[Any, Tensor]] = [(estimate.belief, belief_of(attention, seen.visited)[0])]
        pairs.append((estimate.attention, attention[0, 0]))
        if c.decoder:
            previous = net.decode(seen.finer(), code, attention, previous)[0]
        if c.colours and c.decoder:
            pairs.append((estimate.reconstruction, picture(previous[:, : c.colours], size)[0]))
        if c.labels:
            pairs.append((estimate.segmentation, previous[0, c.colours : c.drawn]))
        if c.classes:
            pairs.append((estimate.classification, net.classify(seen.bottom, code, attention)[0]))
        worst = max([worst, *(float(np.abs(ours - torchs.numpy()).max()) for ours, torchs in pairs)])
    assert worst < PARITY, f"{bundle} differs from torch by {worst:.1e}"
    return worst


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        trained = load_trained(args.checkpoint, args.class_names)
        size, worst = export(trained, args.out, args.scene, args.half, args.data_note)
        print(f"{args.out}: {size / 2**20:.2f} MiB, largest difference to torch {worst:.1e}")
    except GlimpseError as error:
        sys.exit(str(error))
