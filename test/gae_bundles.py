"""Glimpse-Attend-and-Explore networks that were never trained, and their checkpoints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.gae import Config, Gae
from training.gae_net import GaeConfig

TASKS: dict[str, dict[str, Any]] = {
    "segment": {"colours": 0, "labels": 5},
    "both": {"labels": 5},
    "reconstruct": {},
    "classify": {"colours": 0, "classes": 4, "decoder": 0},
    "classify-full": {"classes": 4},
}


def network(task: str = "both", config: dict[str, Any] | None = None, **net: Any) -> Gae:
    """A tiny one, of 4 x 6 cells, whose norms, attention and output head do something."""
    torch.manual_seed(0)
    sizes = {"height": 64, "width": 96, "spherical": False, "encoder": 8, "decoder": 8, "merge": 2}
    made = Gae(Config(GaeConfig(**{**sizes, **TASKS[task], **net}), **{"glimpses": 5, **(config or {})}))
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, nn.BatchNorm2d):
                for values, low, high in ((module.running_mean, -0.3, 0.3), (module.running_var, 0.5, 1.5)):
                    assert values is not None
                    values.uniform_(low, high)
                module.weight.uniform_(0.7, 1.3)
                module.bias.uniform_(-0.2, 0.2)
        for name, weight in made.net.named_parameters():
            if name.startswith(("attend.", "fill.")):
                weight.mul_(6)
            elif name.startswith("merge."):
                weight.add_(torch.randn_like(weight) * 0.1)
    return made.eval()


def save(made: Gae, path: Path, task: str = "both", **more: Any) -> Path:
    """Its checkpoint, as the loop writes it; more: of its config."""
    c = made.config.net
    names = [f"class {k}" for k in range(c.labels or c.classes)]
    palette = [[10 * k, 20, 30] for k in range(c.labels)]
    about = {"method": "gae", "task": task, "ablation": "full", "data": "tiny train"}
    about |= {"class_names": names, "palette": palette, **asdict(made.config), **more}
    torch.save({"config": about, "average": made.state_dict(), "step": 7, "seconds": 90.0}, path)
    return path
