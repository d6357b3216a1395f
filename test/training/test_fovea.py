"""The retina of training sees what the runtime's does, on every task's scenes and over their borders."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from glimpse_ros.core import retina as core  # noqa: E402
from glimpse_ros.core.types import GlimpseError, GlimpseSpec, View  # noqa: E402
from training.fovea import Fovea, integral_image  # noqa: E402
from training.ram import TASKS  # noqa: E402

FOVEAS = {name: task.fovea() for name, task in TASKS.items()} | {"catch": Fovea(24, 6, 3)}


def scenes(side: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(side).integers(0, 256, (count, side, side)).astype(np.uint8)


@pytest.mark.parametrize("name", FOVEAS)
def test_it_sees_what_the_core_retina_sees(name):
    fovea = FOVEAS[name]
    images = scenes(fovea.side)
    corners = [[x, y] for x in (-1, 0, 1) for y in (-1, 0, 1)]
    xy = np.concatenate([corners, np.random.default_rng(1).uniform(-1, 1, (24, 2))]).astype(np.float32)
    batch = integral_image(torch.from_numpy(images).float())
    glimpses, taken = fovea.look(batch, torch.from_numpy(xy)[None].expand(3, -1, -1))
    assert glimpses.shape == (3, len(xy), fovea.size) and taken.shape == (3, len(xy), 2)
    spec = GlimpseSpec(fovea.g, tuple(2.0**-k for k in reversed(range(fovea.scales))))
    for image, seen, places in zip(images, glimpses, taken, strict=True):
        rgb = np.repeat(image[..., None], 3, -1).astype(np.float32) / 255
        for at, one, place in zip(xy, seen, places, strict=True):
            expected, view = core.sample(rgb, View(*at.tolist(), fovea.s), spec, "planar", padding="zero")
            assert place.tolist() == pytest.approx([view.x, view.y], abs=1e-6)
            assert np.abs(one.numpy().reshape(expected[:, 0].shape) - expected.mean(1)).max() < 1e-5, at


@pytest.mark.parametrize("name", ["mnist28", "cluttered60", "catch"])
def test_the_corner_of_the_scene_is_the_middle_of_the_glimpse(name):
    fovea = FOVEAS[name]
    image = torch.full((1, fovea.side, fovea.side), 255.0)
    seen, taken = fovea.look(integral_image(image), torch.tensor([[[-1.0, -1.0], [1.0, 1.0]]]))
    assert taken.tolist() == [[[-1, -1], [1, 1]]], "not moved inside"
    top_left, bottom_right = seen[0].view(2, fovea.scales, fovea.g, fovea.g)
    half, quarter = fovea.g // 2, fovea.scales * fovea.g**2 / 4
    assert (top_left[:, half:, half:] == 1).all() and top_left.sum() == quarter
    assert (bottom_right[:, :half, :half] == 1).all() and bottom_right.sum() == quarter


def test_x_is_right_and_y_is_down():
    image = torch.zeros(1, 28, 28)
    image[0, 20, 6] = 255  # row 20, column 6
    at = torch.tensor([[[2 * 6 / 28 - 1, 2 * 20 / 28 - 1]]])
    pixels = Fovea(28, 8, 1).look(integral_image(image), at)[0].view(8, 8)
    assert pixels.nonzero().tolist() == [[4, 4]]


def test_scales_run_from_fine_to_coarse():
    image = torch.zeros(1, 60, 60)
    image[0, 24:36, 24:36] = 255  # the finest box of a look at the middle
    pixels = Fovea(60, 12, 3).look(integral_image(image), torch.zeros(1, 1, 2))[0].view(3, -1)
    assert pixels.mean(1).tolist() == pytest.approx([1, 1 / 4, 1 / 16])


def test_sums_of_a_bright_scene_are_exact():
    image = torch.full((1, 100, 100), 255.0)
    image[0, 99, 99] = 254
    seen = Fovea(100, 1, 1).look(integral_image(image), torch.tensor([[[0.99, 0.99], [0.97, 0.99]]]))[0]
    assert seen.flatten().tolist() == [pytest.approx(254 / 255, abs=1e-7), 1]


@pytest.mark.parametrize(("side", "g", "scales"), [(28, 30, 1), (60, 12, 4), (28, 0, 1), (28, 8, 0)])
def test_a_glimpse_larger_than_the_scene_or_empty_is_refused(side, g, scales):
    with pytest.raises(GlimpseError, match=f"glimpse of {g} px at {scales} scales .* expected 1 to {side}"):
        Fovea(side, g, scales)
