"""A report of frames explored one by one, of their classes, and of images of another shape than the model's scene."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from explorations import ROAD, SKY, driven, explored
from PIL import Image

from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.types import Limits, View
from glimpse_ros.report import Exploration, metrics
from glimpse_ros.report import animation as gif
from glimpse_ros.report import filmstrip as strip
from glimpse_ros.report import pictures as pic
from glimpse_ros.report.baselines import with_baselines
from glimpse_ros.report.page import page
from glimpse_ros.report.panels import Panels, headline, numbered


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    """Pixels of exactly that colour."""
    return int((picture == colour).all(-1).sum())


def test_each_frame_begins_anew() -> None:
    e = driven(2, 4)
    assert e.starts == (0, 4) and [e.start(k) for k in range(8)] == [0] * 4 + [4] * 4
    one = 3 * 16 * 16 / (120 * 160)
    assert e.pixel_fraction() == pytest.approx([one * k for k in (1, 2, 3, 4)] * 2)
    assert headline(e) == "2 frames, 4 glimpses of each, 16 % of the pixels"
    assert numbered(e, 5) == "frame 2, glimpse 2 of 4" and numbered(explored(3), 1) == "glimpse 2 of 3"
    short = Exploration("drive", e.info, "learned", e.records[:6], frames=e.frames[:6])
    assert headline(short) == "2 frames, at most 4 glimpses of each, 16 % of the pixels"
    assert numbered(short, 5) == "frame 2, glimpse 2 of 2"
    panels = Panels(e)
    seen = panels.seen(5, 160)
    assert (seen[45:75, :75] == 160).all() and not (seen == 60).any(), "of the second frame alone"
    boxed = panels.looks(4, 640)
    assert has(boxed[:, 320:], pic.BOX) == 0 < has(boxed[:, :320], pic.BOX), "the boxes of the first frame are gone"


def test_what_is_written_down_of_the_classes() -> None:
    found = metrics(driven(2, 4))
    assert found["starts"] == [0, 4] and len(found["segmentation"]) == 8
    assert found["segmentation"][0] == pytest.approx({"unknown": 0.75, "road": 0.125, "sky": 0.125})
    assert list(found["segmentation"][0])[0] == "unknown"
    assert found["segmentation"][7] == pytest.approx({"road": 0.5, "sky": 0.5})
    assert metrics(explored(2))["segmentation"] is None and metrics(explored(2))["starts"] == [0]


def test_classes_and_attention_are_drawn_where_they_are() -> None:
    panels = Panels(driven(1, 4))
    early, late = panels.segmentation(0, 320), panels.segmentation(3, 320)
    assert tuple(early[60, 40]) == tuple(late[60, 300]) == SKY and tuple(late[200, 300]) == ROAD
    assert tuple(early[60, 120]) == (0, 0, 0), "nothing is said of it yet"
    bright = panels.attention(1, 320).astype(int).sum(-1)
    assert bright[120, 180] > 600 > 30 > bright[120, 20], "in the fifth of eight columns"
    assert [name for name, _ in panels.occurring()] == ["unknown", "road", "sky"], "no car was seen"


def test_borders_of_classes_lie_where_the_logits_cross_and_only_what_is_in_the_legend_is_drawn() -> None:
    e = driven(1, 1, size=(240, 320))
    logits = np.full((3, 6, 8), -1.0, np.float32)
    logits[2] = (8.0, 8.0, 8.0, 1.0, 0.0, 0.0, 0.0, 0.0)  # sky
    logits[0] = (0.0, 0.0, 0.0, 0.0, 4.0, 8.0, 8.0, 8.0)  # road; they cross at a fifth of the way to the fifth column
    logits[1, :, 3:5] = 0.9  # car: the second best on both sides, and never the best
    estimate = replace(e.records[0].estimate, segmentation=logits)
    panels = Panels(replace(e, records=[replace(e.records[0], estimate=estimate)]))
    drawn = panels.segmentation(0, 640)
    assert has(drawn, SKY) + has(drawn, ROAD) == drawn.size // 3 and has(drawn, (64, 0, 128)) == 0
    assert has(drawn[200], SKY) == pytest.approx(80 * 3.5 + 80 * 0.2, abs=2), "not 320, where the pixels' edge is"
    assert {name for name, _ in panels.occurring()} == {"sky", "road"}


def test_the_legend_takes_the_lines_that_it_needs() -> None:
    classes = [(f"class {k}", (k, 2 * k, 255 - k)) for k in range(12)]
    wide, narrow = pic.legend(classes, 2000, 15), pic.legend(classes, 200, 15)
    assert wide.shape == (24, 2000, 3) and narrow.shape[0] > 3 * wide.shape[0]
    for _, colour in classes:
        assert has(wide, colour) == has(narrow, colour) == 13 * 13


def test_filmstrip_page_and_animation_show_the_classes_of_each_frame() -> None:
    e = driven(2, 4)
    sheet = strip.filmstrip(e)
    assert sheet.shape[0] > strip.filmstrip(driven(1, 4)).shape[0] + 600, "a band for each frame"
    assert has(sheet, SKY) > 60_000 and has(sheet, ROAD) > 60_000
    text = page(e)
    held = re.search(r'<script id="steps" type="application/json">(.*?)</script>', text, re.S)
    assert held is not None
    steps = json.loads(held.group(1))
    assert [step["start"] for step in steps] == [0] * 4 + [4] * 4
    assert len({step["attention"] for step in steps}) == 4 and "classes" not in steps[0]
    assert text.count("data-classes=") == 8 and 'id="classes"' in text and 'id="attention"' in text
    assert f'<i style="background:rgb{ROAD}"></i>road' in text and "car</li>" not in text
    assert text.count('<section class="row four">') == 1, "classes, attention, seen and error: two by two"
    assert "glimpses of each frame<" in text and text.count('<polyline class="c0"') == 2
    assert "<td>2</td><td>4</td>" in text and "and anew of each frame" in text
    assert [int(n) for n in re.findall(r'class="tag on"[^>]*>(\d)<', text)] == [1, 2, 3, 4] * 2
    pictures, _ = gif.frames(e)
    each = len(pictures) // 8
    ends = [pictures[each * k + each - 1] for k in range(8)]
    skies = [has(picture, SKY) for picture in ends]
    assert skies[0] < skies[1] < skies[2] < skies[3] > skies[4] == skies[0] and skies[3] > 10_000
    first = pictures[each * 4]
    legend = has(Panels(e).legend(gif.ROOM, gif.NAMES), SKY)
    assert has(first, SKY) == legend, "the second frame begins without classes"


def test_the_animation_keeps_the_colours_of_the_legend_however_few_pixels_they_have(tmp_path) -> None:
    rng = np.random.default_rng(0)
    noisy = rng.integers(0, 256, (200, 300, 3)).astype(np.uint8)  # takes all of the palette
    for n, colour in enumerate((ROAD, SKY, (0, 128, 192))):
        noisy[10 : 10 + 4, 20 * n : 20 * n + 4] = colour
    encoded = gif.encode_gif([noisy], [100], (ROAD, SKY, (0, 128, 192)))
    shown = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
    for n, colour in enumerate((ROAD, SKY, (0, 128, 192))):
        assert (shown[10 : 10 + 4, 20 * n : 20 * n + 4] == colour).all()
    gif.write_gif(driven(1, 2), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as movie:
        movie.seek(movie.n_frames - 1)
        last = np.asarray(movie.convert("RGB"))
    assert has(last, SKY) > 10_000 and has(last, ROAD) > 10_000


def test_a_squeezed_image_has_its_own_shape_and_the_glimpses_what_they_covered() -> None:
    e = driven(1, 4, size=(90, 160))
    panels, first = Panels(e), e.records[0].view
    assert panels.size(640) == (360, 640)
    pieces = pic.box_pieces(View(first.x, first.y, first.s / 3), 360, 640, "planar", 0.75)
    (left, top, w, h) = pieces[0]
    assert (w, h) == (53, 40), "square on 4:3, so lower on 16:9"
    out = panels.looks(0, 640, numbers=False)
    assert tuple(out[top + h - 1, left + w // 2]) == pic.BOX and tuple(out[top + h // 2, left]) == pic.BOX
    seen = panels.seen(3, 640)
    rows = np.flatnonzero((seen == 60).all((1, 2)))
    assert rows[0] == pytest.approx(120, abs=2) and rows[-1] == pytest.approx(240, abs=2), "a third of the height"
    assert e.rmse()[-1] < 1.0


def test_baselines_forget_as_the_run_did() -> None:
    e = driven(2, 4)
    curves = {curve.name: curve.rmse for curve in with_baselines(e, Mosaic(e.info.scene, e.info.glimpse), Limits())}
    assert curves["mosaic + the same glimpses"] == pytest.approx(e.rmse())
    assert all(len(rmse) == 8 for rmse in curves.values())
    # Each frame is of one grey, so one look tells it all, and what were left of the frame before would be an error.
    assert all(max(rmse) < 1.0 for rmse in curves.values())
