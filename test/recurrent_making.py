"""Networks of the recurrent family that were never trained, their checkpoints and bundles."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.fovea import Fovea
from training.recurrent import RecurrentConfig
from training.recurrent_export import METHODS, export, load_agent

SMALL = Fovea(28, 4, 2)


def network(
    method: str = "ram", fovea: Fovea = SMALL, core: str = "relu", hidden: int = 16, glimpses: int = 5, **options: Any
) -> nn.Module:
    """One whose locator moves about and whose classes differ: as initialised it hardly leaves the centre."""
    torch.manual_seed(0)
    kind, config = METHODS[method]
    made = kind(config(RecurrentConfig(fovea.size, core=core, hidden=hidden), fovea, glimpses, **options))
    with torch.no_grad():
        made.net.locator[2].weight.mul_(10)
        made.net.classifier.weight.mul_(10)
    return made.eval()


def save(made: Any, path: Path, task: str = "mnist28", method: str = "ram", **more: Any) -> Path:
    """Its checkpoint, as the loop writes it; more: of its config."""
    about = {"method": method, "task": task, "augment": 0.4, **asdict(made.config), **more}
    torch.save({"config": about, "average": made.state_dict(), "step": 7, "seconds": 90.0}, path)
    return path


def bundle(folder: Path, made: Any, task: str = "mnist28", method: str = "ram") -> Path:
    """Its bundle; the checkpoint lies beside it as `<name>.pt`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    agent = load_agent(save(made, folder.parent / f"{folder.name}.pt", task, method))
    export(agent, folder, "what it saw")
    return folder
