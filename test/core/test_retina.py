"""Glimpses: area averages, snapping, wrap-around, padding."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_ros.core.retina import bounded, box_px, canvas_for, crop, sample, view_from_box
from glimpse_ros.core.types import GlimpseError, GlimpseSpec, SceneSpec, View

SPEC = GlimpseSpec(16)
scene = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
views = st.builds(View, st.floats(-1, 1), st.floats(-1, 1), st.floats(0.01, 1))


def test_a_glimpse_of_everything_is_the_area_resize():
    pixels, taken = sample(scene, View(0, 0, 1), SPEC, "spherical")
    expected = cv2.resize(scene, (16, 16), interpolation=cv2.INTER_AREA).transpose(2, 0, 1) / 255
    assert np.abs(pixels[0] - expected).max() < 1e-6
    assert taken == View(0, 0, 1)


@given(views)
@settings(max_examples=60)
def test_a_glimpse_is_never_finer_than_the_canvas_and_stays_inside(view):
    for projection in ("spherical", "planar"):
        pixels, taken = sample(scene, view, SPEC, projection)
        assert pixels.shape == (1, 3, 16, 16) and 0 <= pixels.min() and pixels.max() <= 1
        assert taken.s * 128 >= 16 - 1e-9
        _, top, w, h = box_px(taken, 64, 128)
        assert 0 <= top and top + h <= 64
        assert abs(taken.s - max(view.s, 16 / 128)) <= 0.5 / 128 + 1e-9


@given(views, st.integers(-3, 3))
@settings(max_examples=40)
def test_rolling_the_scene_rolls_the_view(view, turns):
    rolled = np.roll(scene, 32 * turns, 1)
    moved = View((view.x + 0.5 * turns + 1) % 2 - 1, view.y, view.s)
    a, b = sample(scene, view, SPEC, "spherical"), sample(rolled, moved, SPEC, "spherical")
    if abs(((b[1].x - a[1].x - 0.5 * turns + 1) % 2) - 1) < 1e-6:  # both snapped to the same pixel
        assert np.array_equal(a[0], b[0])


@given(st.integers(0, 127), st.integers(0, 40), st.integers(1, 24))
def test_view_from_box_is_the_inverse_of_box_px(left, top, w):
    view = view_from_box(left, top, w, w, 64, 128, "spherical")
    back = box_px(view, 64, 128)
    assert (back[0] % 128, *back[1:]) == (left, top, w, w)


def test_wrap_joins_both_ends():
    pixels, _ = sample(scene, View(-1, 0, 0.125), SPEC, "spherical")  # 16 px around the seam, one to one
    expected = np.concatenate([scene[24:40, 120:], scene[24:40, :8]], 1).transpose(2, 0, 1) / 255
    assert np.allclose(pixels[0], expected)


def test_padding_outside_a_planar_canvas():
    corner = View(-1, -1, 0.25)  # 32 px box centred on the corner
    zero, taken = sample(scene, corner, SPEC, "planar", "zero")
    assert zero[0, :, :8, :].max() == 0 and zero[0, :, :, :8].max() == 0 and zero[0, :, 8:, 8:].min() > 0
    assert (taken.x, taken.y) == (-1, -1)
    edge, _ = sample(scene, corner, SPEC, "planar", "edge")
    assert np.allclose(edge[0, :, 0, 0] * 255, scene[0, 0], atol=1)
    clamp, moved = sample(scene, corner, SPEC, "planar", "clamp")
    assert (moved.x, moved.y) == (-0.75, -0.5)
    assert np.allclose(
        clamp[0], cv2.resize(scene[:32, :32], (16, 16), interpolation=cv2.INTER_AREA).transpose(2, 0, 1) / 255
    )


@pytest.mark.parametrize("projection", ["planar", "spherical"])
def test_zero_padding_is_black_outside_wherever_the_box_lies(projection):
    rng = np.random.default_rng(2)
    for _ in range(60):
        left, top = (int(v) for v in rng.integers(-150, 150, 2))
        w, h = (int(v) for v in rng.integers(1, 120, 2))
        rows, cols = np.arange(top, top + h), np.arange(left, left + w)
        inside = ((rows >= 0) & (rows < 64))[:, None] & ((cols >= 0) & (cols < 128) | (projection == "spherical"))
        expected = np.where(inside[..., None], scene[rows[:, None] % 64, cols % 128], 0)
        assert np.array_equal(crop(scene, left, top, w, h, projection, "zero"), expected)


def test_scales_are_finest_first_around_one_centre():
    pixels, _ = sample(scene, View(0, 0, 0.5), GlimpseSpec(16, (0.25, 1.0)), "planar")
    assert np.allclose(pixels[0], scene[24:40, 56:72].transpose(2, 0, 1) / 255), "a quarter of 64 px is one to one"
    assert np.allclose(
        pixels[1], cv2.resize(scene[:, 32:96], (16, 16), interpolation=cv2.INTER_AREA).transpose(2, 0, 1) / 255
    )


def test_float_and_byte_canvases_agree():
    view = View(0.3, 0.1, 0.4)
    a, _ = sample(scene, view, SPEC, "spherical")
    b, _ = sample(scene.astype(np.float32) / 255, view, SPEC, "spherical")
    assert np.abs(a - b).max() <= 0.5 / 255 + 1e-6


def test_bounded_shrinks_the_longer_side_once():
    assert bounded(np.zeros((1000, 4000, 3), np.uint8), 2048).shape == (512, 2048, 3)
    assert bounded(scene, 2048) is scene


@pytest.mark.parametrize(("size", "exact"), [((400, 800), True), ((256, 401), False), ((430, 860), False)])
def test_halving_on_the_way_is_the_area_resize(size, exact):
    frame = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    frame = frame if exact else cv2.GaussianBlur(frame, (0, 0), 4)
    small = bounded(frame, 100)
    direct = cv2.resize(frame, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert max(small.shape) == 100 and np.abs(small.astype(int) - direct).max() <= 2


def test_unknown_padding_is_refused():
    with pytest.raises(GlimpseError, match="padding 'mirror': expected one of clamp, zero, edge"):
        sample(scene, View(0, 0, 1), SPEC, "planar", "mirror")


@pytest.mark.parametrize(
    ("frame", "scene", "canvas"),
    [
        ((720, 960), (384, 512), (720, 960)),  # same aspect: not touched
        ((1080, 1920), (288, 512), (1080, 1920)),
        ((2160, 3840), (288, 512), (1152, 2048)),  # one bounded resize
        ((720, 960), (256, 512), (480, 960)),  # the model's aspect
        ((1080, 1920), (240, 320), (1440, 1920)),  # squeezed, not cropped
    ],
)
def test_a_canvas_has_the_scenes_aspect_and_a_bounded_size(frame, scene, canvas):
    image = np.full((*frame, 3), 7, np.uint8)
    out = canvas_for(image, SceneSpec(*scene, "planar"))
    assert out.shape == (*canvas, 3) and (out == 7).all()
    assert (out is image) == (frame == canvas)


def test_a_squeezed_canvas_holds_the_whole_image():
    image = np.zeros((90, 160, 3), np.uint8)
    image[:, 80:] = 100
    image[45:] += 100
    out = canvas_for(image, SceneSpec(240, 320, "planar"))
    assert out.shape == (120, 160, 3)
    corners = [int(out[y, x, 0]) for y in (10, 110) for x in (10, 150)]
    assert corners == [0, 100, 100, 200]
