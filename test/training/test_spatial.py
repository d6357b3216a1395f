"""The retina sees what the runtime's does, its composite is sharp in the middle, and both ways to remember agree."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from glimpse_ros.core import retina as core  # noqa: E402
from glimpse_ros.core.types import GlimpseSpec, View  # noqa: E402
from training import spatial  # noqa: E402
from training.resnet import STRIDES  # noqa: E402

H, W = 96, 128
S = spatial.SIDE / W
SPEC = GlimpseSpec(spatial.PIXELS, spatial.SCALES)


def random_views(count: int, seed: int, s: float = S) -> torch.Tensor:
    """(count, 3) anywhere, the first ones in the corners and on the seam."""
    corners = [[x, y] for x in (-1.0, 1.0) for y in (-1.0, 1.0)]
    places = np.concatenate([corners, np.random.default_rng(seed).uniform(-1, 1, (count, 2))])[:count]
    return torch.tensor(np.column_stack([places, np.full(count, s)]), dtype=torch.float32)


def at_box(left: float, top: float, height: int = H, width: int = W) -> list[float]:
    """The view whose widest box begins there."""
    return [(left + 24) / width * 2 - 1, (top + 24) / height * 2 - 1, 48 / width]


@pytest.mark.parametrize("wide", [1, 2])
@pytest.mark.parametrize("projection", ["planar", "spherical"])
def test_it_sees_what_the_core_retina_sees(projection, wide):
    scene = np.random.default_rng(0).random((H, W, 3), np.float32)
    tensor = torch.from_numpy(scene).permute(2, 0, 1)[None]
    views = random_views(24, 1, wide * S)
    glimpses, taken = spatial.look(tensor.expand(24, -1, -1, -1), views, projection == "spherical")
    assert glimpses.shape == (24, 3, 3, 16, 16)
    for view, glimpse, place in zip(views.tolist(), glimpses.numpy(), taken.tolist(), strict=True):
        expected, where = core.sample(scene, View(*view), SPEC, projection)
        assert place == pytest.approx([where.x, where.y, where.s], abs=1e-6)
        assert np.abs(glimpse - expected).max() < 1e-5, view


def test_a_glimpse_is_finest_first_and_of_the_place_looked_at():
    scene = torch.zeros(1, 3, H, W)
    scene[0, 0, 40:56, 56:72] = 1  # the middle 16 pixels of the box at (40, 24)
    glimpse, taken = spatial.look(scene, torch.tensor([at_box(40, 24)]), False)
    assert glimpse[0, :, 0].sum((1, 2)).tolist() == pytest.approx([256, 256 / 4, 256 / 9], rel=1e-4)
    assert glimpse[0, :, 1:].abs().max() == 0
    assert taken[0].tolist() == pytest.approx(at_box(40, 24), abs=1e-6)


def test_the_composite_is_the_scene_in_the_middle_and_coarser_outside():
    generator = torch.Generator().manual_seed(0)
    scene = torch.rand(1, 3, H, W, generator=generator)
    image = spatial.composite(spatial.look(scene, torch.tensor([at_box(40, 24)]), False)[0])[0]
    truth = scene[0, :, 24:72, 40:88]
    assert image.shape == (3, 48, 48)
    assert torch.allclose(image[:, 16:32, 16:32], truth[:, 16:32, 16:32], atol=1e-5), "as it is"
    middle, ring = torch.zeros(48, 48, dtype=torch.bool), torch.zeros(48, 48, dtype=torch.bool)
    middle[16:32, 16:32] = True
    ring[8:40, 8:40] = True
    ring &= ~middle
    outside = ~(middle | ring)
    assert (int(middle.sum()), int(ring.sum()), int(outside.sum())) == (256, 768, 1280)
    fine, coarse = (image[:, where].std().item() for where in (ring, outside))
    assert truth.std() > 0.25, "noise, which fades as it is averaged over 4 and 9 pixels"
    assert 0.05 < coarse < 0.9 * fine < 0.1


def test_the_composite_has_no_seam_where_the_scene_has_none():
    """Bilinear up and area down keep a plane but for the half cell at the outer edge."""
    plane = torch.arange(W).float().expand(1, 3, H, W) / W
    view = torch.tensor([at_box(40, 24)])
    image = spatial.composite(spatial.look(plane, view, False)[0])[0, 0]
    assert torch.allclose(image[:, 2:-2], plane[0, 0, 24:72, 42:86], atol=0.75 / W)
    assert torch.allclose(image, plane[0, 0, 24:72, 40:88], atol=1.01 / W)
    same = spatial.composite(torch.full((2, 3, 3, 16, 16), 0.3))
    assert torch.allclose(same, torch.full((2, 3, 48, 48), 0.3))


@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0), (0.25, 0.5, 1.0)])
def test_the_composite_takes_other_scales(scales):
    glimpse = torch.arange(len(scales)).float().view(1, -1, 1, 1, 1).expand(1, -1, 3, 8, 8)
    side = round(8 / scales[0])
    image = spatial.composite(glimpse, scales)[0, 0]
    counts = [int((image == k).sum()) for k in range(len(scales))]
    sides = [0] + [round(side * s) for s in scales]
    assert image.shape == (side, side)
    assert counts == [b * b - a * a for a, b in zip(sides[:-1], sides[1:], strict=True)]
    assert image[side // 2, side // 2] == 0, "the finest is in the middle"


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("wraps", [False, True])
def test_a_footprint_covers_as_many_cells_as_the_glimpse_is_large(wraps, stride):
    scene = torch.zeros(1, 3, H, W).expand(20, -1, -1, -1)
    _, taken = spatial.look(scene, random_views(20, 2), wraps)
    share = spatial.footprint(taken, H // stride, W // stride, wraps)
    assert share.shape == (20, 1, H // stride, W // stride) and share.min() >= 0 and share.max() <= 1
    assert torch.allclose(share.sum((1, 2, 3)), torch.full((20,), (48 / stride) ** 2), atol=1e-3)


def test_a_footprint_is_where_the_view_is():
    share = spatial.footprint(torch.tensor([at_box(32, 16), at_box(-16, 0), at_box(40, 0)]), 6, 8, True)[:, 0]
    assert share[0].nonzero().tolist() == [[r, c] for r in (1, 2, 3) for c in (2, 3, 4)]
    assert share[1].nonzero().tolist() == [[r, c] for r in (0, 1, 2) for c in (0, 1, 7)], "over the seam"
    assert share[2, 0].tolist() == [0, 0, 0.5, 1, 1, 0.5, 0, 0]


def episode(views: torch.Tensor, stride: int, wraps: bool, channels: int = 3) -> tuple[list, list]:
    """Features and real views of looks, all of one scene: (1, C, k, k) and (1, 3) each."""
    scene = torch.zeros(len(views), 3, H, W)
    taken = spatial.look(scene, views, wraps)[1]
    size, generator = spatial.SIDE // stride, torch.Generator().manual_seed(stride)
    features = torch.randn(len(views), 1, channels, size, size, generator=generator)
    return list(features), list(taken[:, None])


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("wraps", [False, True])
def test_writing_one_by_one_is_remembering_all_at_once(wraps, stride):
    """To the last bit: a graph does the one, training the other. Views overlap, wrap and are off the grid."""
    for seed in range(3):
        views = random_views(8, seed)[torch.randperm(8, generator=torch.Generator().manual_seed(seed))]
        features, taken = episode(views, stride, wraps)
        memory = torch.zeros(1, 3, H // stride, W // stride)
        for t, (feature, view) in enumerate(zip(features, taken, strict=True)):
            memory = spatial.write(memory, feature, view, wraps)
            at_once = spatial.remember(features[: t + 1], taken[: t + 1], *memory.shape[-2:], wraps)
            assert torch.equal(memory, at_once), (seed, t)


@pytest.mark.parametrize("stride", STRIDES)
def test_a_view_on_the_grid_is_written_as_it_is(stride):
    features, taken = episode(torch.tensor([at_box(32, 16), at_box(-16, 48)]), stride, True)
    memory = spatial.remember(features, taken, H // stride, W // stride, True)[0]
    k = 16 // stride
    assert torch.equal(memory[:, k : 4 * k, 2 * k : 5 * k], features[0][0])
    assert torch.equal(memory[:, 3 * k :, -k:], features[1][0, :, :, :k]), "left of the seam"
    assert torch.equal(memory[:, 4 * k :, : 2 * k], features[1][0, :, k:, k:]), "right of it"
    seen = torch.zeros(H // stride, W // stride, dtype=torch.bool)
    seen[k : 4 * k, 2 * k : 5 * k] = True
    seen[3 * k :, -k:] = seen[3 * k :, : 2 * k] = True
    assert not memory[:, ~seen].any() and memory[:, seen].all(), "zero where nothing was seen"


def test_the_newest_wins_where_views_overlap():
    ones = [torch.full((1, 1, 3, 3), float(k)) for k in (1, 2, 3)]
    views = [torch.tensor([at_box(left, 16)]) for left in (16, 32, 16)]
    two = spatial.remember(ones[:2], views[:2], 6, 8, False)[0, 0]
    assert two[2].tolist() == [0, 1, 2, 2, 2, 0, 0, 0]
    three = spatial.remember(ones, views, 6, 8, False)[0, 0]
    assert three[2].tolist() == [0, 3, 3, 3, 2, 0, 0, 0]


def test_a_view_off_the_grid_is_written_where_it_is():
    """Moved by a quarter of a cell it covers the same cells; by half of one, four of them, edges repeated."""
    feature = torch.arange(1.0, 10).view(1, 1, 3, 3)
    row = {
        shift: spatial.remember([feature], [torch.tensor([at_box(16 + shift, 16)])], 6, 8, False)[0, 0, 1].tolist()
        for shift in (0, 4, 12)
    }
    assert row == {0: [0, 1, 2, 3, 0, 0, 0, 0], 4: [0, 1, 2, 3, 0, 0, 0, 0], 12: [0, 0, 1, 2, 3, 0, 0, 0]}
    half = spatial.remember([feature], [torch.tensor([at_box(24, 16)])], 6, 8, False)[0, 0, 1]
    assert half.tolist() == [0, 1, 2, 3, 3, 0, 0, 0]


@pytest.mark.parametrize("wraps", [False, True])
def test_rounding_decides_no_cell(wraps):
    """A view that is half a cell off the grid is remembered the same where its digits differ in the last places."""
    generator, lefts = torch.Generator().manual_seed(0), range(-40 if wraps else 8, 72, 16)
    views = torch.tensor([at_box(left, top) for left in lefts for top in (8, 24, 40)])
    feature = torch.randn(1, 2, 3, 3, generator=generator).expand(len(views), -1, -1, -1)
    kept = spatial.remember([feature], [views], H // 16, W // 16, wraps)
    assert (kept != 0).flatten(1).sum(1).tolist() == [2 * (16 - 4)] * len(views), "but the corners"
    for _ in range(20):
        near = views + (torch.rand(views.shape, generator=generator) - 0.5) * 4e-6
        assert torch.equal(spatial.remember([feature], [near], H // 16, W // 16, wraps), kept)


def test_every_scene_of_a_batch_has_its_own_memory():
    features = [torch.randn(3, 2, 6, 6, generator=torch.Generator().manual_seed(t)) for t in range(4)]
    views = [random_views(6, t)[:3] for t in range(4)]
    together = spatial.remember(features, views, H // 8, W // 8, True)
    for i in range(3):
        alone = spatial.remember([f[i : i + 1] for f in features], [v[i : i + 1] for v in views], H // 8, W // 8, True)
        assert torch.equal(together[i], alone[0])


def test_gradients_reach_the_features_that_are_still_remembered():
    features = [torch.ones(1, 1, 3, 3, requires_grad=True) for _ in range(2)]
    views = [torch.tensor([at_box(left, 16)]) for left in (16, 32)]
    spatial.remember(features, views, 6, 8, False).sum().backward()
    assert features[0].grad[0, 0].tolist() == [[1, 0, 0]] * 3 and features[1].grad.sum() == 9
