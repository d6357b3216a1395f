"""The numbers of a report, and the curves beside them."""

from __future__ import annotations

import json
import math
import re

import cv2
import numpy as np
import pytest
from explorations import PTZ, Posed, explored, world

from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.types import GlimpseError, GlimpseSpec, PanTiltZoom, SceneInfo, SceneSpec
from glimpse_ros.report import Exploration, metrics
from glimpse_ros.report.baselines import with_baselines
from glimpse_ros.report.curves import nice_step, svg
from glimpse_ros.report.exploration import Curve
from glimpse_ros.report.page import page


def test_metrics() -> None:
    e = explored(3)
    out = metrics(e)
    assert json.loads(json.dumps(out, allow_nan=False)) == out
    assert (out["model"], out["policy"], out["glimpses"], out["seed"]) == ("mosaic", "grid", 3, 5)
    assert out["max_fov"] == 60 and out["size"] == "256x512"
    assert out["pixel_fraction"] == pytest.approx([256 * k / (256 * 512) for k in (1, 2, 3)])
    assert len(out["views"]) == len(out["rmse"]) == 3
    first = out["views"][0]
    assert first["s"] == pytest.approx(1 / 6, abs=0.01)
    assert first["mount"]["pan"] == pytest.approx(-180 * first["x"]) and abs(first["mount"]["pan"]) > 170
    truth = e.evaluation_truth()
    last = cv2.resize(
        e.records[2].estimate.reconstruction.transpose(1, 2, 0), (512, 256), interpolation=cv2.INTER_CUBIC
    )
    by_hand = np.sqrt(np.mean((last.clip(0, 1) * 255 - truth.astype(np.float64)) ** 2))
    assert out["rmse"][2] == pytest.approx(by_hand, abs=0.1)


def test_metrics_without_truth_and_with_a_mount() -> None:
    e = explored(2, truth=False)
    ptz = PanTiltZoom(math.radians(30), math.radians(-10), 2.0)
    records = [Posed(r.view, r.glimpse, r.estimate, 0.01, ptz) for r in e.records]
    out = metrics(Exploration("bag", e.info, "grid", records))
    assert out["rmse"] is None and out["max_fov"] is None and out["baselines"] == {}
    assert out["views"][1]["mount"] == pytest.approx({"pan": 30.0, "tilt": -10.0, "zoom": 2.0})
    planar = SceneInfo("m", SceneSpec(96, 128, "planar"), GlimpseSpec(16), (0.1, 1.0), "m")
    wide = Exploration("photo", planar, "grid", e.records, truth=world(150, 200))
    assert metrics(wide)["views"][0]["mount"] is None and metrics(wide)["size"] == "150x200"


def test_an_overview_is_counted_except_of_a_camera_that_cannot_take_one() -> None:
    e = explored(2)
    info = SceneInfo(**{**vars(e.info), "details": {"overview": (8, 16)}})
    seen = Exploration("x", info, "grid", e.records, truth=e.truth)
    assert seen.pixel_fraction() == pytest.approx([(128 + 256 * k) / (256 * 512) for k in (1, 2)])
    assert "128 + 2 \u00d7 256 = 640 of" in page(seen)
    records = [Posed(r.view, r.glimpse, r.estimate, 0.01, PanTiltZoom(0.0, 0.0, 1.0)) for r in e.records]
    moved = Exploration("x", info, "grid", records, truth=e.truth)
    assert moved.pixel_fraction() == e.pixel_fraction()


def test_an_exploration_without_a_glimpse_is_refused() -> None:
    with pytest.raises(GlimpseError, match=r"empty\.png: no glimpse was taken"):
        Exploration("empty.png", explored(1).info, "grid", [])


def test_baselines_start_alike_and_the_mosaic_has_no_second_self() -> None:
    e = explored(3)
    curves = with_baselines(e, Mosaic(e.info.scene, e.info.glimpse), PTZ)
    assert [c.name for c in curves] == ["mosaic + random, mean of 3"]
    other = explored(3, "uncertainty")
    said: list[str] = []
    curves = with_baselines(other, Mosaic(e.info.scene, e.info.glimpse), PTZ, said.append)
    assert [c.name for c in curves] == ["mosaic + random, mean of 3", "mosaic + grid"] == said
    for curve in curves:
        assert len(curve.rmse) == 3
        assert curve.rmse[0] == pytest.approx(other.rmse()[0], abs=0.5)  # the same first view
    assert curves[1].rmse[2] == pytest.approx(e.rmse()[2], abs=0.5)
    assert with_baselines(explored(2, truth=False), Mosaic(), PTZ) == ()


def test_learned_models_are_also_compared_on_their_own_glimpses() -> None:
    e = explored(3)
    learned = Exploration(e.source, SceneInfo(**{**vars(e.info), "family": "canvas", "name": "panorama"}), "learned",
                          e.records, 5, e.truth)  # fmt: skip
    curves = with_baselines(learned, Mosaic(e.info.scene, e.info.glimpse), PTZ)
    assert [c.name for c in curves] == ["panorama + random, mean of 3", "mosaic + the same glimpses", "mosaic + grid"]
    assert curves[1].rmse == pytest.approx(e.rmse(), abs=0.01)


def test_curves_scale_to_their_values() -> None:
    assert (nice_step(80), nice_step(31), nice_step(0.7)) == (20, 10, 0.2)
    drawn = svg([Curve("run", (40.0, 20.0)), Curve("other", (40.0, 30.0))])
    run = re.search(r'class="c0" points="([^"]+)"', drawn)
    assert run is not None
    (x0, y0), (x1, y1) = (tuple(map(float, p.split(","))) for p in run.group(1).split())
    assert x0 == 44 and x1 == 544 and y1 - y0 == pytest.approx((300 - 14 - 40) * 20 / 40, rel=0.2)


def test_no_line_leads_from_one_frame_to_the_next_and_each_is_counted_anew() -> None:
    drawn = svg([Curve("run", (40.0, 20.0, 10.0, 44.0, 22.0)), Curve("other", (40.0, 30.0, 20.0, 41.0, 31.0))], (0, 3))
    for name in ("c0", "c1"):
        lines = re.findall(f'<polyline class="{name}" points="([^"]+)"', drawn)
        assert [len(line.split()) for line in lines] == [3, 2]
        assert [line.split()[0].split(",")[0] for line in lines] == ["44.0", "419.0"]
    numbers = re.findall(r'y="278" text-anchor="middle">(\d+)<', drawn)
    assert numbers == ["1", "2", "3", "1", "2"] and "glimpses of each frame<" in drawn


def test_a_scene_that_changes_is_compared_with_what_it_was_at_each_glimpse() -> None:
    e = explored(3)
    dark = (e.truth // 3).astype(np.uint8)
    changing = Exploration(e.source, e.info, "grid", e.records, frames=[e.truth, dark, e.truth])
    assert changing.rmse()[::2] == e.rmse()[::2]
    assert changing.rmse()[1] > e.rmse()[1] + 10
    curves = with_baselines(changing, Mosaic(e.info.scene, e.info.glimpse), PTZ)
    assert len(curves[0].rmse) == 3 and curves[0].rmse[1] > curves[0].rmse[0]
    with pytest.raises(ValueError, match="2 frames for 3 glimpses"):
        Exploration(e.source, e.info, "grid", e.records, frames=[dark, dark])
