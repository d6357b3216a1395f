"""How good an elastic scene model is on images that it does not learn from."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glimpse_ros.core.policies import grid_views
from glimpse_ros.core.types import Limits, SceneSpec

from . import augment, labelled, loop, views
from .elastic_tokens import ElasticVit
from .elastic_vit import ElasticCanvas, Memory
from .roll_out import roll_out


def whole(net: ElasticCanvas, scene: Tensor) -> Memory:
    """A memory that has seen all of scene (B, 3, H, W) at its own resolution; nothing was written into the map."""
    level = torch.ones_like(scene[:, :1])
    features = F.avg_pool2d(net.encode(torch.cat([scene - 0.5, level], 1)).float(), 4)
    return scene, level, torch.cat([features, level[..., ::4, ::4]], 1), *net.empty(len(scene))[3:]


@torch.no_grad()
def validate(net: ElasticVit, data: labelled.Labelled, device: torch.device, all_seen: bool) -> loop.Figures:
    """On held-out images: RMSE (0-255) and pixel accuracy after twelve tiles (free) and a zigzag of eight (PTZ); of a
    model that has seen all of every scene only so."""
    c = net.config
    spec = SceneSpec(c.height, c.width, "spherical" if c.spherical else "planar")
    figures: loop.Figures = {}
    net.eval()
    for name, widest, count in (("whole", 1.0, 0),) if all_seen else (("free", 1.0, 12), ("ptz", views.WIDEST_PTZ, 8)):
        limits = Limits(s=(c.glimpse / c.width, max(widest, c.glimpse / c.width)))
        count = c.fits(count)
        grid = grid_views(count, limits, spec, -0.875) if count else []
        square, right, counted = 0.0, 0.0, 0.0
        picks = np.unique(np.linspace(0, len(data.images) - 1, 16).astype(int))
        for i in picks:
            image, labels = augment.plain(
                data.images[i], None if data.maps is None else data.maps[i], c.height, c.width
            )
            scene = torch.from_numpy(image).permute(2, 0, 1)[None, :3].to(device)
            places = torch.tensor([[(v.x, v.y, v.s) for v in grid]], device=device)
            if all_seen:
                memory = whole(net, scene)  # type: ignore[arg-type]  # `check` refuses it for tokens
            else:
                memory = roll_out(net, scene, places, torch.tensor([count]))
            drawn = net.decode(memory, *net.look(memory).handed)
            square += float((drawn["reconstruction"].clamp(0, 1) - scene).square().mean()) / len(picks)
            if labels is not None and c.labels:
                maps = torch.from_numpy(labels.astype(np.int64))[None].to(device)
                logits = F.interpolate(drawn["segmentation"], maps.shape[-2:], mode="bilinear")
                counts = maps < c.labels
                right += float(((logits.argmax(1) == maps) & counts).sum())
                counted += float(counts.sum())
        figures[f"held_out/{name}"] = 255 * square**0.5
        if counted:
            figures[f"held_out/{name}_accuracy"] = right / counted
    return figures
