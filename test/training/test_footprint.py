"""What lies under a look, and what the scene model expects of it."""

import itertools
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import HEIGHT, WIDTH, agent_sizes, beliefs, bounds, critics, places  # noqa: E402

from training import retina  # noqa: E402
from training.canvas import DETAIL_SCALES  # noqa: E402
from training.elastic_vit import FINE  # noqa: E402
from training.footprint import SUB, fine_maps, footprint, footprint_channels  # noqa: E402
from training.glimpse_agent import AgentConfig, to_views  # noqa: E402

EVERYWHERE = ((-1.0, 1.0), (-1.0, 1.0), (1 / 8, 1.0))


def test_the_map_of_a_belief_lies_row_by_row():
    config = AgentConfig(2, 4, 3, 5, True)
    maps = torch.rand(2, 3, 4, 8)
    cells = torch.nn.functional.pixel_unshuffle(maps, 2).flatten(2).transpose(1, 2)
    belief = torch.cat([cells, torch.rand(2, 8, 9)], -1)
    assert torch.equal(fine_maps(belief, config), maps)


@pytest.mark.parametrize("spherical", [True, False])
def test_a_footprint_is_the_mean_over_the_box(spherical):
    """Against every pixel of the scene, where each fine cell is 16 x 16 of them."""
    config = agent_sizes(spherical)
    belief, _ = beliefs(spherical)
    views = retina.snap(places(3, 6, 4).flatten(0, 1), HEIGHT, WIDTH, 16, spherical).unflatten(0, (3, 6))
    views = torch.cat([views[:, 1:], torch.tensor([[[0.9375, 0.5, 1 / 8]]]).expand(3, 1, 3)], 1)
    if not spherical:
        views[:, -1, 0] = 0.875
    found = footprint(views, belief, config)
    assert found.shape == (3, 6, footprint_channels(config))
    maps = fine_maps(belief, config)
    maps = torch.cat([maps, (maps[:, -1:] <= 0).float()], 1)
    pixels = maps.repeat_interleave(FINE, 2).repeat_interleave(FINE, 3).numpy()
    for i, j in itertools.product(range(3), range(6)):
        x, y, s = views[i, j].tolist()
        wide, tall = round(s * WIDTH), min(round(s * WIDTH), HEIGHT)
        left, top = round((x + 1) / 2 * WIDTH - wide / 2), round((y + 1) / 2 * HEIGHT - tall / 2)
        if wide > WIDTH - FINE:  # where both ends share a cell it counts once
            continue
        columns = np.arange(left, left + wide) % WIDTH
        mean = pixels[i][:, top : top + tall][:, :, columns].mean((1, 2))
        assert found[i, j, : len(mean)].numpy() == pytest.approx(mean, abs=2e-4)
        area = math.sqrt(wide * tall / (WIDTH * HEIGHT))
        assert found[i, j, len(mean)].item() == pytest.approx(area, abs=1e-3)
    total = maps[:, 0].square().mean((1, 2)).sqrt()
    assert torch.allclose(found[..., -1], total[:, None].expand(-1, 6), atol=1e-6)


@pytest.mark.parametrize(("s", "k"), [(1.0, 0), (0.5, 1), (0.25, 2), (0.125, 3)])
def test_a_look_takes_away_what_its_scale_does_not_leave(s, k):
    """At a detail scale: the share of the squared error now, less what that scale would leave, under the box."""
    config = agent_sizes()
    belief, _ = beliefs()
    view = torch.tensor([[[0.0, 0.0, s]]]).expand(3, 1, 3)
    maps = fine_maps(belief, config)
    rows, cols = maps.shape[-2:]
    tall, wide = min(round(s * cols), rows), round(s * cols)
    box = (..., slice((rows - tall) // 2, (rows + tall) // 2), slice((cols - wide) // 2, (cols + wide) // 2))
    if tall % 2 or wide % 2:  # between cells
        box = None
    now, left = maps[:, 0].square(), maps[:, 1 + k].square()
    gain = (now - left).clamp(min=0)
    if box is None:
        weights = torch.zeros(rows, cols)
        weights[rows // 2 - 1 : rows // 2 + 1, cols // 2 - 1 : cols // 2 + 1] = 0.25
        expected = (gain * weights).sum((1, 2)) / (rows * cols)
    else:
        expected = gain[box].sum((1, 2)) / (rows * cols)
    found = footprint(view, belief, config)
    at = config.channels + 1 + 2  # the means, how much was not seen, the area, the drop
    expected = expected.clamp(min=1e-8)
    assert torch.allclose(found[:, 0, at] / 10, expected.sqrt(), atol=1e-5)
    total = now.mean((1, 2))
    drop = total.sqrt() - (total - expected).clamp(min=1e-8).sqrt()
    assert torch.allclose(found[:, 0, at - 1] / 10, drop, atol=1e-5)
    assert expected.max() > 1e-6 and len(DETAIL_SCALES) == 4


def test_gradients_reach_the_action_through_the_footprint():
    """All three of it; in a box on the border between cells that differ."""
    config = agent_sizes()
    belief, _ = beliefs()
    action = torch.tensor([[0.1, 0.2, -0.6]]).repeat(3, 1).requires_grad_()
    views = to_views(action[:, None], belief, bounds(EVERYWHERE, 3), config)
    footprint(views, belief, config)[..., : config.channels + 4].sum().backward()
    assert (action.grad.abs() > 1e-6).all()
    action.grad = None
    critics()(belief, bounds(EVERYWHERE, 3), action[:, None]).sum().backward()
    assert (action.grad.abs() > 1e-7).all()


def test_a_look_that_gains_nothing_breaks_no_gradient():
    """The root of what it gains has none at zero."""
    config = agent_sizes()
    belief = beliefs()[0].clone()
    belief[..., : SUB * config.channels] = 0.1  # a look at any scale leaves what is there
    action = torch.tensor([[0.1, 0.2, 1.0]]).repeat(3, 1).requires_grad_()
    critics()(belief, bounds(((-1.0, 1.0), (-1.0, 1.0), (1.0, 1.0)), 3), action[:, None]).sum().backward()
    assert torch.isfinite(action.grad).all() and action.grad.any()
