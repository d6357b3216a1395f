"""Tiny elastic scene models that were never trained, scenes and views for them, and trees to train them on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training import adaglimpse, elastic_pretrain, loop
from training.elastic_vit import ElasticCanvas, ElasticConfig, Memory
from training.glimpse_agent import AgentConfig, Critic, agent_config
from training.labelled import Labelled

HEIGHT, WIDTH, GLIMPSE = 64, 128, 16
SMALL: dict[str, Any] = {
    "height": HEIGHT,
    "width": WIDTH,
    "glimpse": GLIMPSE,
    "patch": 8,
    "depth": 2,
    "widths": (16, 16, 24, 32),
    "segmenter": 8,
}
QUICK: dict[str, Any] = {
    "steps": 2,
    "batch": 4,
    "finer": 1,
    "precision": "32-true",
    "accelerator": "cpu",
    "save_every": 1e6,
}


def network(stirred: bool = False, seed: int = 0, **config: Any) -> ElasticCanvas:
    """A spherical 64 x 128 one, unless told otherwise; stirred: what starts at zero is random, as after training."""
    torch.manual_seed(seed)
    net = ElasticCanvas(ElasticConfig(**{**SMALL, **config})).eval()
    net.prior.fit(pictures(6), net.config.spherical)
    if stirred:
        with torch.no_grad():
            for weight in net.parameters():
                if not weight.any():
                    weight.normal_(0, 0.05)
    return net


def pictures(count: int, seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> list[NDArray[np.uint8]]:
    """Blobs of colour, as smooth across the left and right ends as elsewhere: (height, width, 3)."""
    rng, made = np.random.default_rng(seed), []
    for _ in range(count):
        coarse = rng.integers(0, 256, (4, 8, 3)).astype(np.float32)
        image = cv2.resize(np.concatenate([coarse] * 3, 1), (3 * width, height), interpolation=cv2.INTER_CUBIC)
        made.append(image[:, width : 2 * width].clip(0, 255).astype(np.uint8))
    return made


def scenes(count: int, seed: int = 0) -> Tensor:
    """Those as (B, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.stack(pictures(count, seed))).permute(0, 3, 1, 2).float() / 255


def places(count: int, glimpses: int, seed: int = 0) -> Tensor:
    """Views (B, T, 3), any place and scale."""
    rng = np.random.default_rng(seed)
    views = np.concatenate(
        [rng.uniform(-1, 1, (count, glimpses, 2)), np.exp(rng.uniform(-2.0, 0, (count, glimpses, 1)))], -1
    )
    return torch.from_numpy(views.astype(np.float32))


@torch.no_grad()
def explored(net: ElasticCanvas, images: Tensor, views: Tensor) -> tuple[Memory, Tensor]:
    """A memory of images (B, 3, H, W) seen at views (B, T, 3), and the last view as it was taken (B, 3)."""
    from training import retina

    memory = net.empty(len(images))
    for view in views.unbind(1):
        glimpse, taken = retina.sample(images, view, net.config.glimpse, net.config.spherical)
        memory = net.write(memory, glimpse, taken)
    return memory, taken


@torch.no_grad()
def believed(net: ElasticCanvas, images: Tensor, views: Tensor) -> tuple[Tensor, Tensor]:
    """The belief (B, N, D) after such looks, and the last view as it was taken (B, 3)."""
    memory, taken = explored(net, images, views)
    return net.belief(memory, net.look(memory), taken), taken


def panoramas(folder: Path, count: int = 6) -> Path:
    """A folder of them, twice as wide as high, so that they are spherical."""
    folder.mkdir(parents=True)
    for i, image in enumerate(pictures(count)):
        assert cv2.imwrite(str(folder / f"{i}.png"), image[..., ::-1])
    return folder


def pretraining(out: Path, data: str, **options: Any) -> elastic_pretrain.Args:
    """Two steps of a scene model that trains in a blink."""
    return elastic_pretrain.Args(out=out, data=data, **{**SMALL, **QUICK, "most": 3, **options})


def exploring(out: Path, data: str, scene: Path, **options: Any) -> adaglimpse.Args:
    """Two rounds of an agent that learns from its second on."""
    small = {"glimpses": 3, "epoch": 1, "warm": 8, "replay": 64, "replay_batch": 8, "width": 8, "hidden": 16}
    return adaglimpse.Args(out=out, data=data, scene=scene, **{**QUICK, **small, **options})


def agent_sizes(spherical: bool = True, **options: Any) -> AgentConfig:
    """An agent's configuration for the tiny scene model."""
    net = network(spherical=spherical)
    return replace(agent_config(net.config, width=8, hidden=16), **options)


def beliefs(spherical: bool = True, count: int = 3, glimpses: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Beliefs (B, N, D) of a stirred scene model, and the last views (B, 3)."""
    return believed(network(True, spherical=spherical), scenes(count, seed), places(count, glimpses, seed))


def critics(**options: Any) -> Critic:
    """Twin critics as after some training: what they add to what is expected begins at zero."""
    torch.manual_seed(0)
    made = Critic(agent_sizes(**options))
    with torch.no_grad():
        for weight in made.parameters():
            if not weight.any():
                weight.normal_(0, 0.3)
    return made


def bounds(limits: tuple, count: int) -> Tensor:
    """The same limits (B, 3, 2) for so many."""
    return torch.tensor(limits).expand(count, 3, 2)


def started(
    folder: Path, net: ElasticCanvas | None = None, images: list[NDArray[np.uint8]] | None = None, **options: Any
) -> adaglimpse.Run:
    """A run on generated scenes, before its first round, and no file."""
    net = net or network()
    c = net.config
    args = exploring(folder, "", folder, **options)
    rng = np.random.default_rng(0)
    images = images or [rng.integers(0, 256, (c.height, c.width, 3), np.uint8) for _ in range(4)]
    projection = "spherical" if c.spherical else "planar"
    torch.manual_seed(args.seed)
    return adaglimpse.Run(loop.launch(args), args, Labelled("made", images, projection=projection), net)
