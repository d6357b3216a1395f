"""Boxes at the right places, glimpses, memory and uncertainty in colour."""

from __future__ import annotations

import numpy as np
import pytest

from glimpse_ros.core.types import Glimpse, GlimpseSpec, SceneSpec, View
from glimpse_ros.report import pictures as pic


def test_box_is_split_where_it_crosses_the_seam() -> None:
    pieces = pic.box_pieces(View(0.95, 0.0, 0.25), 100, 200, "spherical")
    assert pieces == [(170, 25, 30, 50), (0, 25, 20, 50)]
    assert pic.box_pieces(View(-1.0, 0.0, 0.25), 100, 200, "spherical") == [(175, 25, 25, 50), (0, 25, 25, 50)]
    assert pic.box_pieces(View(0.0, 0.0, 0.25), 100, 200, "spherical") == [(75, 25, 50, 50)]
    assert pic.box_pieces(View(0.0, 0.0, 1.0), 100, 200, "spherical") == [(0, 0, 200, 100)]


def test_box_is_clipped_to_the_picture() -> None:
    assert pic.box_pieces(View(0.95, 0.0, 0.25), 100, 200, "planar") == [(170, 25, 30, 50)]
    assert pic.box_pieces(View(0.0, -1.0, 0.25), 100, 200, "planar") == [(75, 0, 50, 25)]


def test_boxes_are_drawn_where_the_camera_looked_and_open_at_the_seam() -> None:
    grey = np.full((100, 200, 3), 90, np.uint8)
    out = pic.with_boxes(grey, [View(0.95, 0.0, 0.25)], "spherical", thickness=2, numbers=False)
    assert np.all(grey == 90)  # a copy
    for row, col in ((25, 185), (74, 185), (50, 170), (25, 10), (74, 10), (50, 19)):
        assert tuple(out[row, col]) == pic.BOX, (row, col)
    for row, col in ((50, 199), (50, 0), (50, 100), (50, 185), (10, 185)):
        assert tuple(out[row, col]) == (90, 90, 90), (row, col)


def test_boxes_are_numbered_in_order() -> None:
    grey = np.full((200, 400, 3), 90, np.uint8)
    views = [View(-0.5, 0.0, 0.2), View(0.5, 0.0, 0.2)]
    plain = pic.with_boxes(grey, views, "spherical", numbers=False)
    out = pic.with_boxes(grey, views, "spherical")
    for view in views:
        left, top, _, _ = pic.box_pieces(view, 200, 400, "spherical")[0]
        tag = (slice(top + 4, top + 14), slice(left + 4, left + 9))
        assert np.all(plain[tag] == 90)
        assert not np.any(np.all(out[tag] == 90, -1))


def test_text_without_the_font_of_opencv_5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pic, "_font", lambda: None)
    out = np.full((40, 200, 3), 255, np.uint8)
    pic.text(out, "8 glimpses \u00b7 6 %", (5, 25), 17, weight=700)
    assert out.min() < 100
    assert pic.text_width("wider", 17) > pic.text_width("i", 17) > 0


def test_retina_sets_the_finer_scale_into_the_coarser() -> None:
    fine, coarse = np.zeros((3, 8, 8), np.float32), np.zeros((3, 8, 8), np.float32)
    fine[0], coarse[2] = 1.0, 1.0
    out = pic.retina(Glimpse(np.stack([fine, coarse]), View(0, 0, 0.5)), GlimpseSpec(8, (0.5, 1.0)), 32)
    assert out.shape == (32, 32, 3)
    assert tuple(out[16, 16]) == (255, 0, 0) and tuple(out[2, 2]) == (0, 0, 255)
    assert tuple(out[16, 8]) == (255, 0, 0) and tuple(out[16, 7]) == (0, 0, 255)


def test_remembered_shows_pixels_only_where_the_camera_looked() -> None:
    red = np.zeros((1, 3, 8, 8), np.float32)
    red[:, 0] = 1.0
    out = pic.remembered([Glimpse(red, View(1.0, 0.0, 0.25))], GlimpseSpec(8), SceneSpec(64, 128))
    assert tuple(out[32, 0]) == tuple(out[32, 127]) == (255, 0, 0)
    assert tuple(out[32, 64]) in pic.UNSEEN and tuple(out[2, 2]) in pic.UNSEEN


def test_uncertainty_is_bright_where_the_model_is_unsure() -> None:
    values = np.array([[0.0, 1.0], [np.nan, 0.5]], np.float32)
    assert pic.uncertainty_range([values, values * 0.5]) == pytest.approx((0.0, 1.0), abs=0.02)
    out = pic.uncertainty_colour(values, 0.0, 1.0, (2, 2)).astype(int).sum(-1)
    assert out[0, 0] < 20 < out[1, 1] < out[0, 1] == out[1, 0]


def test_where_the_finest_scale_looks_is_boxed_and_the_reach_of_the_newest_is_a_line() -> None:
    grey = np.full((200, 200, 3), 90, np.uint8)
    views = [View(-0.5, -0.5, 0.4), View(0.2, 0.2, 0.4)]
    out = pic.with_boxes(grey, views, "planar", numbers=False, finest=0.25)
    for left, top, w, h in (pic.box_pieces(View(v.x, v.y, 0.1), 200, 200, "planar")[0] for v in views):
        assert (w, h) == (20, 20) and tuple(out[top + h - 1, left + w // 2]) == pic.BOX
        assert tuple(out[top + h // 2, left + w // 2]) == (90, 90, 90)
    assert tuple(out[120, 80]) == pic.BOX and tuple(out[120, 81]) == tuple(out[120, 79]) == (90, 90, 90)
    assert tuple(out[50, 10]) == (90, 90, 90), "the first one's reach is not drawn"


def test_bars_are_as_tall_as_probabilities_and_named_where_there_is_room() -> None:
    shares, names = np.array([0.1, 0.7, 0.2]), ("a", "b", "c")
    plain = pic.bars(shares, (), (100, 90))
    tall = [int((plain[:98, x] != 255).any(-1).sum()) for x in (15, 45, 75)]
    assert tall == pytest.approx([9.8, 68.6, 19.6], abs=1)
    assert tuple(plain[60, 45]) == pic.BOX != tuple(plain[96, 15])
    named = pic.bars(shares, names, (100, 90))
    assert (named[90:] != plain[90:]).any() and (named[85:, 30:60] < 128).any()
    assert np.array_equal(pic.bars(shares, ("a long name",) * 3, (100, 90)), plain)
