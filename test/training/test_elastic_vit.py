"""The elastic scene model with a canvas: what it writes where, how it closes as a sphere, what a belief holds."""

import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import GLIMPSE, HEIGHT, WIDTH, believed, explored, network, places, scenes  # noqa: E402

from training import retina  # noqa: E402
from training.elastic_blocks import Cross  # noqa: E402
from training.elastic_vit import (  # noqa: E402
    CELL,
    FINE,
    ElasticConfig,
    belief_channels,
    cell_boxes,
    entropy,
)
from training.footprint import SUB, fine_maps  # noqa: E402
from training.glimpse_agent import PLACE, agent_config, to_views  # noqa: E402

ROWS, COLS = HEIGHT // CELL, WIDTH // CELL
MAP = ("embed", "layers", "cell_place", "recall")


def look_at(net, memory, image, view):
    """One more glimpse of image (B, 3, H, W) at a view (x, y, s)."""
    views = torch.tensor([view]).expand(len(image), 3)
    glimpse, taken = retina.sample(image, views, net.config.glimpse, net.config.spherical)
    with torch.no_grad():
        return net.write(memory, glimpse, taken)


def turned(views, cells):
    """Views (..., 3) so many cells of the map to the right."""
    x = (views[..., :1] + cells * 2 / COLS + 1) % 2 - 1
    return torch.cat([x, views[..., 1:]], -1)


@pytest.mark.parametrize("spherical", [True, False])
def test_a_sharper_look_is_never_overwritten_by_a_blurrier_one(spherical):
    net, image = network(spherical=spherical), scenes(2)
    memory, before = net.empty(2), []
    for view in places(1, 8)[0].tolist():
        before.append(memory)
        memory = look_at(net, memory, image, view)
    for old, new, view in zip(before, [*before[1:], memory], places(1, 8)[0].tolist(), strict=True):
        level = retina.sharpness(retina.snap(torch.tensor([view]), HEIGHT, WIDTH, GLIMPSE, spherical)[:, 2])
        assert (new[1] >= old[1]).all() and (new[2][:, -1] >= old[2][:, -1]).all()
        kept = (old[1] > level + 1e-4).expand(-1, 3, -1, -1)
        assert torch.equal(new[0][kept], old[0][kept])
        kept = (old[2][:, -1:] > level + 1e-4).expand_as(new[2])
        assert torch.equal(new[2][kept], old[2][kept])


def test_a_close_look_replaces_a_far_one_and_not_the_reverse():
    net, image = network(), scenes(1)
    far, near = (0.0, 0.0, 1.0), (0.25, 0.5, GLIMPSE / WIDTH)
    one = look_at(net, look_at(net, net.empty(1), image, far), image, near)
    other = look_at(net, look_at(net, net.empty(1), image, near), image, far)
    for a, b in zip(one[:3], other[:3], strict=True):
        assert torch.equal(a, b)
    top, left = (HEIGHT * 3 // 4 - GLIMPSE // 2, WIDTH * 5 // 8 - GLIMPSE // 2)
    box = (..., slice(top, top + GLIMPSE), slice(left, left + GLIMPSE))
    assert torch.allclose(one[0][box], image[box], atol=1e-5), "at its own resolution nothing is lost"
    assert not torch.allclose(one[0], image, atol=0.05)


def test_a_turned_panorama_gives_a_turned_mosaic_and_what_is_read_from_it():
    """Views on whole pixels, before the map of tokens is recalled: that one knows absolute headings."""
    net, image, cells = network(), scenes(2), 3
    views = retina.snap(places(2, 4).flatten(0, 1), HEIGHT, WIDTH, GLIMPSE, True).unflatten(0, (2, 4))
    with torch.no_grad():
        net.belief_head[1].weight.normal_(0, 1)
        net.leave.conv.weight.normal_(0, 0.05)
        net.dream.conv.weight.normal_(0, 0.05)
        net.mid[1].out.weight.normal_(0, 0.2)
        found = []
        for scene, seen_at in ((image, views), (image.roll(cells * CELL, -1), turned(views, cells))):
            memory, _ = explored(net, scene, seen_at)
            seen = net.look(memory)
            found.append(
                (
                    *memory[:3],
                    seen.errors,
                    seen.latent.transpose(1, 2).unflatten(2, (ROWS, COLS)),
                    entropy(seen.attention, (ROWS, COLS)),
                    net.decode(memory, *seen.handed)["reconstruction"],
                )
            )
    assert found[0][3].std() > 1e-3 and found[0][-1].std() > 0.1
    for a, b in zip(*found, strict=True):
        shift = cells * a.shape[-1] // COLS
        assert torch.allclose(a.roll(shift, -1), b, atol=2e-5)
        assert not torch.allclose(a, b, atol=1e-3) or a.std() < 1e-3


def test_a_planar_scene_is_not_turned():
    net, image = network(spherical=False), scenes(1)
    views = torch.tensor([[[-0.9, 0.0, 0.25]]])
    a, _ = explored(net, image, views)
    b, _ = explored(net, image.roll(CELL, -1), turned(views, 1))
    assert not torch.equal(a[1].roll(CELL, -1), b[1]), "the first box was moved inside"
    assert a[1][..., :2].any() and not a[1][..., -2:].any(), "and none continues on the other side"


def test_attention_stays_near_where_a_head_is_told_so():
    """What is far away counts as if it were not there: the slot `nothing` remains."""
    torch.manual_seed(0)
    cross = Cross(24, 3)
    x, y = torch.randn(2, 5, 24), torch.randn(2, 4, 24)
    gone = torch.full((2, 5, 4), 1e4)
    with torch.no_grad():
        cross.slope.fill_(3.0)
        assert torch.allclose(cross(x, y, gone), cross(x, torch.randn(2, 4, 24), gone), atol=1e-6)
        some = gone.clone()
        some[:, :, 2] = 0.5
        other = y.clone()
        other[:, [0, 1, 3]] = 7.0
        assert torch.allclose(cross(x, y, some), cross(x, other, some), atol=1e-6)
        assert not torch.allclose(cross(x, y, some), cross(x, y, gone), atol=1e-2)


@pytest.mark.parametrize("stirred", [False, True])
def test_what_was_seen_changes_the_map_most_where_it_was_seen(stirred):
    net = network(stirred)
    view = torch.tensor([[-0.75, -0.5, 0.25]])  # the first cell
    with torch.no_grad():
        one, other = (net.write(net.empty(1), torch.rand(1, 3, GLIMPSE, GLIMPSE), view)[3] for _ in range(2))
    change = (one - other)[0].norm(dim=-1)  # (N,)
    opposite = COLS // 2
    assert change[0] > 1.3 * change[opposite] and change[opposite] > 0


@pytest.mark.parametrize("stirred", [False, True])
@pytest.mark.parametrize("options", [{}, {"spherical": False}, {"labels": 3, "classes": 2}])
def test_before_the_first_glimpse_all_is_finite(stirred, options):
    net = network(stirred, **options)
    memory = net.empty(2)
    with torch.no_grad():
        seen = net.look(memory)
        drawn = net.decode(memory, *seen.handed)
        outputs = [seen.latent, seen.errors, net.belief(memory, seen, torch.zeros(2, 3)), *drawn.values()]
        if net.config.classes:
            outputs.append(net.classify(seen))
            assert drawn["segmentation"].shape == (2, 3, HEIGHT, WIDTH)
    assert all(torch.isfinite(part).all() for part in outputs)
    if not stirred:
        mean = net.prior.mean.T.reshape(3, HEIGHT // FINE, WIDTH // FINE).mean((1, 2))
        assert torch.allclose(drawn["reconstruction"].mean((2, 3)), mean.expand(2, 3), atol=5e-3), "the prior's mean"
    assert (seen.errors > 0).all()


def test_the_memory_does_not_grow():
    net, image = network(True), scenes(2)
    memory = net.empty(2)
    shapes = [part.shape for part in memory]
    for view in places(1, 6)[0].tolist():
        memory = look_at(net, memory, image, view)
        assert [part.shape for part in memory] == shapes and all(part.dtype == torch.float32 for part in memory)
        assert all(torch.isfinite(part).all() for part in memory)


def test_a_glimpse_of_one_scene_does_not_touch_another():
    net, image, views = network(True), scenes(3), places(3, 2)
    together, _ = explored(net, image, views)
    for i in range(3):
        alone, _ = explored(net, image[i : i + 1], views[i : i + 1])
        for a, b in zip(alone, together, strict=True):
            assert torch.allclose(a[0], b[i], atol=1e-5)


def test_entropy_lies_between_none_and_that_of_looking_everywhere():
    heads, n = 4, ROWS * COLS
    flat, sharp = torch.full((1, heads, n, n), 1 / n), torch.eye(n).expand(1, heads, n, n)
    assert torch.allclose(entropy(flat, (ROWS, COLS)), torch.full((1, 1, ROWS, COLS), heads * math.log(n)), atol=1e-4)
    assert entropy(sharp, (ROWS, COLS)).abs().max() < 1e-4
    net = network(True)
    memory, _ = explored(net, scenes(2), places(2, 3))
    with torch.no_grad():
        found = entropy(net.look(memory).attention, (ROWS, COLS))
    assert found.shape == (2, 1, ROWS, COLS) and (found > 0).all() and (found <= heads * math.log(n) + 1e-4).all()
    one = torch.full((1, heads, n, n), 1 / n)
    one[:, :, 5] = sharp[0, 0, 5]
    assert entropy(one, (ROWS, COLS)).flatten().argmin() == 5, "row by row"


@pytest.mark.parametrize("options", [{}, {"spherical": False}, {"labels": 3}])
def test_a_belief_is_what_the_agent_reads(options):
    net, image, views = network(True, **options), scenes(2), places(2, 3)
    c = agent_config(net.config)
    memory, taken = explored(net, image, views)
    with torch.no_grad():
        seen = net.look(memory)
        belief = net.belief(memory, seen, taken)
    channels = belief_channels(net.config)
    assert belief.shape == (2, ROWS * COLS, SUB * channels + PLACE + 1 + net.config.widths[3])
    maps = fine_maps(belief, c)
    sharp = torch.nn.functional.avg_pool2d(memory[1], FINE)
    assert torch.equal(maps, torch.cat([seen.errors.sqrt(), sharp], 1)) and maps.shape[1] == channels
    assert torch.equal(belief[..., SUB * channels + PLACE + 1 :], seen.latent), "the rest"
    importance = belief[..., SUB * channels + PLACE]
    assert torch.allclose(importance.mean(1), torch.ones(2), atol=1e-5) and importance.std() > 0
    assert torch.allclose(belief[..., SUB * channels + 2], taken[:, 2:].expand(-1, ROWS * COLS))
    looked_at = seen.attention.mean((1, 2)) * ROWS * COLS
    assert torch.allclose(importance, looked_at)


def test_the_last_views_place_can_be_read_from_a_belief():
    net, c = network(), agent_config(network().config)
    belief, taken = believed(net, scenes(6), places(6, 1, seed=3))
    limits = torch.tensor([[-1.0, 1.0], [-1.0, 1.0], [1 / 8, 1.0]]).expand(6, 3, 2)
    again = to_views(torch.zeros(6, 3), belief, limits, c)
    off = (again[:, 0] - taken[:, 0] + 1) % 2 - 1
    assert off.abs().max() < 1e-5, "no step is the same heading"
    height = (cell_boxes(ROWS, COLS)[0, :, 1] + 1 / ROWS) - belief[..., SUB * c.channels + 1]
    assert torch.allclose(height, taken[:, 1:2].expand_as(height), atol=1e-6)


def test_the_belief_lies_as_the_last_view_does():
    """Turned by whole cells it is the same slots in another order, where nothing is recalled from the map."""
    net, image = network(), scenes(2)
    views = retina.snap(places(2, 3).flatten(0, 1), HEIGHT, WIDTH, GLIMPSE, True).unflatten(0, (2, 3))
    a, _ = believed(net, image, views)
    b, _ = believed(net, image.roll(CELL, -1), turned(views, 1))
    moved = a.unflatten(1, (ROWS, COLS)).roll(1, 2).flatten(1, 2)
    assert torch.allclose(moved, b, atol=1e-5) and not torch.allclose(a, b, atol=1e-2)


def test_the_draft_is_the_reconstruction_before_it_is_sharpened():
    net, image = network(True), scenes(1)
    memory, _ = explored(net, image, places(1, 3))
    with torch.no_grad():
        seen = net.look(memory)
        draft = net.draft(memory, *seen.handed)
        finished = net.decode(memory, *seen.handed)["reconstruction"]
        for weight in net.leave.parameters():
            weight.zero_()
        plain = net.decode(memory, *seen.handed)["reconstruction"]
    assert torch.allclose(draft, plain, atol=1e-6) and not torch.allclose(draft, finished, atol=1e-3)


def test_what_the_map_holds_reaches_what_is_drawn_and_the_gradient_comes_back():
    net, image = network(True), scenes(1)
    glimpse, taken = retina.sample(image, torch.tensor([[0.0, 0.0, 0.5]]), GLIMPSE, True)
    memory = net.write(net.empty(1), glimpse, taken)
    seen = net.look(memory)
    (net.decode(memory, *seen.handed)["reconstruction"].square().mean() + seen.errors.mean()).backward()
    silent = [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == [], silent


@pytest.mark.parametrize(("size", "dims"), [("tiny", (192, 12, 3)), ("small", (384, 12, 6)), ("base", (768, 12, 12))])
def test_the_papers_encoder_is_depth_zero(size, dims):
    assert ElasticConfig(size=size, depth=0).dims == dims
    assert replace(ElasticConfig(size=size), depth=3).dims == (dims[0], 3, dims[2])
    assert np.prod(ElasticConfig().cells) == 128 and ElasticConfig().fine == (16, 32)


def test_without_the_map_the_mosaic_is_all():
    """As long as the map has no say, which is how it begins, both expect and draw the same."""
    full = network()
    plain = network(map=False)
    found = plain.load_state_dict(full.state_dict(), strict=False)
    assert not found.missing_keys and all(name.startswith(MAP) for name in found.unexpected_keys)
    images, views = scenes(2), places(2, 4)
    memory, taken = explored(plain, images, views)
    assert len(memory) == 3 and len(explored(full, images, views)[0]) == 4
    with torch.no_grad():
        drawn = plain.decode(memory, *plain.look(memory).handed)["reconstruction"]
        belief = plain.belief(memory, plain.look(memory), taken)
        other = explored(full, images, views)[0]
        wanted = full.decode(other, *full.look(other).handed)["reconstruction"]
    assert torch.allclose(drawn, wanted, atol=1e-6) and belief.shape[1] == ROWS * COLS
    assert plain.config.described()["map"] is False and "map" not in full.config.described()
