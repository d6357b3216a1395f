"""The mosaic: what is remembered, what wins, how gaps are filled."""

import numpy as np
import pytest

from glimpse_ros.core.memory import Mosaic, fill, sharpness
from glimpse_ros.core.retina import sample
from glimpse_ros.core.types import Glimpse, GlimpseSpec, SceneSpec, View

SCENE = SceneSpec(64, 128, "spherical")


def flat(colour, view, size=16):
    return Glimpse(np.broadcast_to(np.float32(colour)[:, None, None], (1, 3, size, size)).copy(), view)


def mosaic(projection="spherical"):
    return Mosaic(SceneSpec(64, 128, projection), GlimpseSpec(16))


def test_sharpness_grows_with_zoom():
    assert sharpness(1.0) == pytest.approx(0.2) and sharpness(1 / 16) == pytest.approx(1.0)
    assert sharpness(0.5) > sharpness(0.6) > sharpness(1.0)


def test_a_sharper_look_is_never_overwritten_by_a_blurrier_one():
    memory = mosaic()
    memory.paste(flat((1, 0, 0), View(0, 0, 0.25)))
    memory.paste(flat((0, 0, 1), View(0, 0, 1.0)))
    image = memory.filled()
    assert np.allclose(image[32, 64], (1, 0, 0)) and np.allclose(image[32, 10], (0, 0, 1))
    memory.paste(flat((0, 1, 0), View(0, 0, 0.25)))
    assert np.allclose(memory.filled()[32, 64], (0, 1, 0)), "an equally sharp, newer look wins"


def test_coverage_and_age():
    memory = mosaic()
    memory.paste(flat((1, 1, 1), View(0, 0, 0.25)))
    assert memory.coverage() == pytest.approx(32 * 32 / (64 * 128))
    memory.paste(flat((1, 1, 1), View(-0.5, 0, 0.25)))
    assert memory.age[32, 64] == 1 and memory.age[32, 32] == 0


def test_a_glimpse_across_the_seam_is_written_on_both_sides():
    memory = mosaic()
    memory.paste(flat((1, 0, 0), View(-1, 0, 0.25)))
    assert memory.seen[32, :16].all() and memory.seen[32, -16:].all() and not memory.seen[32, 20:100].any()


def test_planar_does_not_wrap():
    memory = mosaic("planar")
    memory.paste(flat((1, 0, 0), View(-1, 0, 0.25)))
    assert memory.seen[32, :16].all() and not memory.seen[32, -16:].any()


def test_native_glimpses_restore_the_scene_exactly():
    truth = np.random.default_rng(1).integers(0, 256, (64, 128, 3), np.uint8)
    memory = mosaic()
    for i in range(8):
        for j in range(4):
            pixels, taken = sample(
                truth, View((i + 0.5) / 4 - 1, (j + 0.5) / 2 - 1, 1 / 8), GlimpseSpec(16), "spherical"
            )
            memory.paste(Glimpse(pixels, taken))
    assert memory.coverage() == 1.0 and np.array_equal(memory.image(), truth)


def test_the_fill_is_constant_for_a_constant_scene_and_wraps():
    seen = np.zeros((64, 128), bool)
    seen[20:40, :10] = True
    colour = np.where(seen[..., None], np.float32([0.2, 0.5, 0.9]), 0).astype(np.float32)
    assert np.allclose(fill(colour, seen, "spherical"), [0.2, 0.5, 0.9], atol=1e-4)
    seen[20:40, 60:70] = True
    colour[20:40, 60:70] = (1, 0, 0)
    wrapped, planar = fill(colour, seen, "spherical"), fill(colour, seen, "planar")
    assert wrapped[30, 120, 2] > 0.6, "column 120 is next to column 0 on a sphere"
    assert planar[30, 120, 2] < 0.4, "and far from it in a plane"


def test_nothing_seen_is_grey_and_uncertain():
    estimate = mosaic().empty()
    assert np.allclose(estimate.reconstruction, 0.5) and np.allclose(estimate.uncertainty, 1.0)
    assert estimate.belief.shape == (512, 4)


def test_uncertainty_falls_where_it_looked():
    memory = mosaic()
    estimate = memory.step(flat((1, 1, 1), View(0, 0, 0.25)))
    assert estimate.uncertainty[8, 16] < 0.5 and estimate.uncertainty[8, 2] == 1.0


def test_decode_off_leaves_the_picture_out():
    assert mosaic().step(flat((1, 1, 1), View(0, 0, 0.25)), decode=False).reconstruction is None


def test_finer_scales_of_a_retina_win_in_the_middle():
    memory = Mosaic(SCENE, GlimpseSpec(16, (0.25, 1.0)))
    pixels = np.zeros((2, 3, 16, 16), np.float32)
    pixels[0, 0], pixels[1, 2] = 1, 1  # fine red, coarse blue
    memory.paste(Glimpse(pixels, View(0, 0, 0.5)))
    assert np.allclose(memory.filled()[32, 64], (1, 0, 0)) and np.allclose(memory.filled()[32, 40], (0, 0, 1))


def test_an_estimate_does_not_change_when_more_is_seen():
    memory = mosaic()
    before = memory.step(flat((1, 0, 0), View(0, 0, 1.0))).reconstruction.copy()
    kept = memory.step(flat((1, 0, 0), View(0, 0, 1.0))).reconstruction
    memory.step(flat((0, 0, 1), View(0, 0, 0.25)))
    assert np.array_equal(kept, before)


def test_forgetting_lets_newer_blurrier_looks_win():
    memory = mosaic()
    memory.paste(flat((1, 0, 0), View(0, 0, 0.25)))
    memory.forget(0.9)
    memory.paste(flat((0, 0, 1), View(0, 0, 1.0)))
    assert np.allclose(memory.filled()[32, 64], (0, 0, 1))
