"""The model card of a bundle of the recurrent family, from its tables and its checkpoint.

    python -m training.tables ram --json runs/tables-ram.json
    python -m training.cards --bundle models/mnist-ram --checkpoint runs/ram-cluttered60/checkpoint.pt \\
        --tables runs/tables-ram.json --machine "two CPU cores, no GPU" \\
        --commands "python -m training.ram --task cluttered60 --out runs/ram-cluttered60 --minutes 40"
"""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import tyro

from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.types import GlimpseError, SceneInfo

from . import loop
from .recurrent_export import Agent, Policy, Scene, load_agent, parity, rounded
from .tables.text import Table

PAPERS = {
    "ram": "Mnih et al., *Recurrent Models of Visual Attention*, 2014",
    "active-sampling": "Lu, *Revisit Recurrent Attention Model from an Active Sampling Perspective*, 2019",
    "top-down": "*Unifying Top-down and Bottom-up for Recurrent Visual Attention*, ICLR submission, 2021",
}
BELIEFS = {
    "ram": "the belief is the hidden state",
    "active-sampling": "the belief is the hidden state, the class probabilities and how wrong each of them may be",
    "top-down": "the belief is the hidden state and the quadrant of an overview that is worth the first look",
}
DECIDES = {
    "ram": "where to look next, from the hidden state",
    "active-sampling": (
        "where to look next, and a stop score: beta / (1 + beta) of the largest beta at which the most probable "
        "class's lower confidence bound is above all others' upper ones, so `stop_threshold` sets beta"
    ),
    "top-down": "the first look from the overview, the next ones from the hidden state",
}
WIDTH = 120  # letters of a line
HIDDEN = ("net", "fovea", "method", "task")  # of a checkpoint's config, told elsewhere on the card


@dataclass
class Args:
    """What the card is made of."""

    bundle: Path
    """its folder; README.md is written there"""
    checkpoint: Path
    """that it was exported from"""
    tables: tuple[Path, ...]
    """--json of training.tables; those of this bundle are shown"""
    machine: str
    """what it was trained on"""
    commands: tuple[str, ...]
    """how it was trained and exported"""
    note: str = ""
    """a paragraph on what is special about it, or still wrong with it"""


def card(args: Args) -> str:
    """The text. Raises GlimpseError where the bundle is not this checkpoint's, and where a file is something else."""
    agent, state = load_agent(args.checkpoint), loop.read_checkpoint(args.checkpoint)
    info = load_scene(args.bundle, "cpu", threads=1).info
    check(agent, args.bundle)
    shown = [table for path in args.tables for table in read_tables(path) if table.bundle == args.bundle.name]
    if not shown:
        raise GlimpseError(f"{', '.join(map(str, args.tables))}: no table is of {args.bundle.name}; expected one")
    figures = [table.markdown() for table in shown]
    figures += [f"![{png.stem}]({png.name})" for png in sorted(args.bundle.glob("*.png"))]
    config = {key: value for key, value in state["config"].items() if key not in HIDDEN}
    options = ", ".join(f"{key} {value}" for key, value in config.items())
    core = {"relu": "a ReLU network", "lstm": "an LSTM"}[agent.net.config.core]
    kind = "ram" if agent.method == "top-down" and agent.q is None else agent.method
    made = f"{info.details['data']}. {state['step']} steps in {state['seconds'] / 60:.0f} minutes on {args.machine}"
    commit = f"; commit {info.details['commit']}" if info.details["commit"] else ""
    parts = [
        f"# {args.bundle.name}",
        f"{PAPERS[agent.method]}; task {agent.task}. {describe(info)}; trained with {agent.glimpses} glimpses an "
        f"episode. {weights(agent) / 1000:.0f} thousand weights.",
        "\n".join(
            (
                "| graph | does |",
                "|---|---|",
                f"| `scene.onnx` | takes in a glimpse and where it was: {core} of {agent.net.config.hidden} units, and "
                f"the class of the digit; {BELIEFS[kind]} |",
                f"| `policy.onnx` | {DECIDES[kind]} |",
            )
        ),
        "First view: chosen by the policy from the overview."
        if info.first_view == "policy"
        else "First view: seeded, uniform over the scene. Views may reach over its border, where all is black.",
        "## Figures",
        "Single greedy roll-outs over the frozen test scenes; no averaging, no choice made on test data.",
        *figures,
        "## Data and making",
        f"{made}{commit}. The last 5000 training digits were held out to watch it.",
        "```bash\n" + "\n".join(args.commands) + "\n```",
        f"Options of its checkpoint: {options}.",
        *([args.note] if args.note else []),
    ]
    text = "\n\n".join(parts).split("\n\n")
    return "\n\n".join(part if part.startswith(("|", "#", "`", "!")) else fill(part, WIDTH) for part in text) + "\n"


def describe(info: SceneInfo) -> str:
    """Retina and scene in words."""
    g, scales = info.glimpse.size, len(info.glimpse.scales)
    seen = f"Glimpses of {g} x {g} pixels at {scales} scale{'s' if scales > 1 else ''}"
    overview = info.details.get("overview")
    coarse = f" after an overview of {overview[0]} x {overview[1]} pixels" if isinstance(overview, tuple) else ""
    return f"{seen} over scenes of {info.scene.height} x {info.scene.width}{coarse}"


def weights(agent: Agent) -> int:
    """Numbers that the two graphs hold."""
    scene, policy = Scene(agent), Policy(agent)
    kept = {
        id(weight): weight.numel()
        for module in (scene, policy)
        for name, weight in module.named_parameters()
        if "baseline" not in name and not name.startswith("doubt.net")
    }
    return sum(kept.values())


def check(agent: Agent, bundle: Path) -> None:
    """Raises GlimpseError unless the bundle holds these weights, large ones perhaps in half precision."""
    half = copy.deepcopy(agent)
    rounded(half)
    for candidate in (agent, half):
        try:
            parity(candidate, bundle, episodes=1)
            return
        except (AssertionError, GlimpseError, ValueError):
            continue
    raise GlimpseError(f"{bundle}: differs from the checkpoint; expected the bundle that was exported from it")


def read_tables(path: Path) -> list[Table]:
    """What `training.tables --json` wrote. Raises GlimpseError for another file."""
    try:
        return [Table(**table) for table in json.loads(path.read_text())["tables"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise GlimpseError(f"{path}: cannot be read as tables ({error}); expected --json of training.tables") from error


if __name__ == "__main__":
    try:
        args = tyro.cli(Args)
        (args.bundle / "README.md").write_text(card(args))
        print(args.bundle / "README.md")
    except GlimpseError as refusal:
        sys.exit(str(refusal))
