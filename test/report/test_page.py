"""The page: whole, self-contained, safe; and the folder with everything in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from explorations import Posed, explored

from glimpse_ros.core.explorer import look_at_canvas
from glimpse_ros.core.types import GlimpseError, GlimpseSpec, SceneEstimate, SceneInfo, SceneSpec, View
from glimpse_ros.report import Exploration, metrics, write_report
from glimpse_ros.report import animation as gif
from glimpse_ros.report import filmstrip as strip
from glimpse_ros.report.page import page
from glimpse_ros.report.panels import Panels, headline
from glimpse_ros.report.pictures import BOX, UNSEEN, box_pieces


class Page(HTMLParser):
    """Collects addresses, ids and texts; complains about unbalanced tags."""

    VOID = frozenset({"meta", "link", "img", "input", "line", "path", "circle", "polyline", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.sources += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag


@pytest.mark.parametrize("truth", [True, False])
def test_page_needs_nothing_but_itself(truth: bool) -> None:
    e = explored(3, truth=truth)
    text = page(e)
    parsed = Page(text)
    assert parsed.open == []
    assert all(source.startswith("data:") for source in parsed.sources), "a request would leave the page"
    assert "http:" not in text and "https:" not in text and "@import" not in text and "url(" not in text
    ids = {attrs["id"] for _, attrs in parsed.tags if "id" in attrs}
    assert {"step", "play", "said", "imagined", "seen", "uncertainty", "saw"} <= ids
    assert ("now" in ids) == truth
    held = re.search(r'<script id="steps" type="application/json">(.*?)</script>', text, re.S)
    assert held is not None
    steps = json.loads(held.group(1))
    assert [s["step"] for s in steps] == [0, 1, 2]
    assert sum("data-imagined" in attrs for _, attrs in parsed.tags) == 3
    slider = next(attrs for tag, attrs in parsed.tags if tag == "input")
    assert slider["max"] == "2"
    assert sum(tag == "g" for tag, _ in parsed.tags) == 3  # a box for each glimpse
    wrapped = next(attrs["d"] for tag, attrs in parsed.tags if tag == "path")
    assert wrapped is not None and wrapped.count("M") == 2 and "M1024," in wrapped and " M0," in wrapped


def test_page_of_a_scene_that_changes_shows_it_at_each_glimpse() -> None:
    e = explored(2)
    text = page(Exploration(e.source, e.info, "grid", e.records, frames=[e.truth, 255 - e.truth]))
    held = re.search(r'<script id="steps" type="application/json">(.*?)</script>', text, re.S)
    assert held is not None
    first, second = json.loads(held.group(1))
    assert first["truth"] != second["truth"] and 'id="truth"' in text


def test_page_escapes_what_comes_from_outside() -> None:
    e = explored(1)
    name = '</script><img src="http://x/y.png" onerror=alert(1)>'
    nasty = Exploration(name, e.info, "<b>", e.records, truth=e.truth, notes=("</dl>",))
    parsed = Page(page(nasty))
    assert all(source.startswith("data:") for source in parsed.sources)
    assert not any("onerror" in attrs for _, attrs in parsed.tags)


def test_page_and_strip_of_a_model_that_classifies_and_does_not_reconstruct() -> None:
    e = explored(2)
    segmentation = np.zeros((3, 8, 16), np.float32)
    segmentation[1] = 1.0
    records = []
    for record in e.records:
        logits = np.array([0.0, 2.0], np.float32)
        estimate = SceneEstimate(record.estimate.belief, segmentation=segmentation, classification=logits)
        records.append(Posed(record.view, record.glimpse, estimate, 0.01, None))
    info = SceneInfo(**{**vars(e.info), "class_names": ("cat", "dog")})
    plain = Exploration("x.png", info, "random", records, truth=e.truth)
    assert plain.rmse() is None and metrics(plain)["rmse"] is None
    text = page(plain)
    assert "dog" in text and "Remembered<" in text.replace(" <", "<") and 'id="classes"' in text
    assert strip.filmstrip(plain).shape[1] == strip.WIDTH
    assert len(gif.frames(plain)[0]) == 6


def test_write_report(tmp_path: Path) -> None:
    said: list[str] = []
    path = write_report(explored(2), tmp_path / "new" / "folder", said.append)
    assert path == tmp_path / "new" / "folder" / "index.html"
    names = {"index.html", "filmstrip.png", "metrics.json", "exploration.gif"}
    assert {p.name for p in path.parent.iterdir()} == names and len(said) == 4
    assert json.loads((path.parent / "metrics.json").read_text())["glimpses"] == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(GlimpseError, match=r"cannot write the report to .*file"):
        write_report(explored(1), tmp_path / "file")


def tiny(steps: int = 3, truth: bool = True) -> Exploration:
    """A digit of 60 px seen through three scales by a model that only classifies."""
    canvas = np.zeros((60, 60, 3), np.uint8)
    canvas[20:40, 28:34] = 255
    spec, scene = GlimpseSpec(12, (0.25, 0.5, 1.0)), SceneSpec(60, 60, "planar")
    names = tuple("0123456789")
    info = SceneInfo("ram", scene, spec, (0.8, 0.8), "ram", outputs=frozenset({"classification"}), class_names=names)
    look = look_at_canvas(canvas, spec, scene, "zero")
    records = []
    for k in range(steps):
        logits = np.zeros(10, np.float32)
        logits[7] = k
        glimpse = look(View(0.45 * k - 0.9, 0.9 - 0.5 * k, 0.8))
        estimate = SceneEstimate(np.zeros((1, 4), np.float32), classification=logits)
        records.append(Posed(glimpse.view, glimpse, estimate, 0.01, None, stop=0.25 * k))
    return Exploration("digit.png", info, "learned", records, truth=canvas if truth else None, stopped=True)


def test_a_tiny_scene_is_shown_pixel_by_pixel_with_its_class() -> None:
    e = tiny()
    panels = Panels(e)
    assert e.evaluation_size() == (60, 60) and e.pixel_fraction()[-1] == pytest.approx(3 * 432 / 3600)
    truth, seen = panels.truth(0, 600), panels.seen(2, 600)
    np.testing.assert_array_equal(truth, e.truth.repeat(10, 0).repeat(10, 1))
    x, y, w, h = box_pieces(View(e.records[2].view.x, e.records[2].view.y, 0.2), 600, 600, "planar")[0]
    fovea = (slice(y, y + h), slice(x, x + w))  # seen at the truth's own resolution
    np.testing.assert_array_equal(seen[fovea], truth[fovea])
    assert truth[fovea].max() == 255 and tuple(seen[5, 595]) in UNSEEN
    p = float(np.exp(2) / (np.exp(2) + 9))
    assert panels.label(2) == f"7 ({100 * p:.0f} %)" and e.label(0)[1] == pytest.approx(0.1)
    assert headline(e) == f"class 7 ({100 * p:.0f} %) after 3 glimpses, 36 % of the pixels"
    found = metrics(e)
    assert found["stopped"] is True and found["size"] == "60x60"
    assert found["classes"][2] == {"name": "7", "probability": pytest.approx(p)}
    assert [view["stop"] for view in found["views"]] == [0.0, 0.25, 0.5]


def test_the_filmstrip_of_a_tiny_scene_has_boxes_and_bars() -> None:
    e = tiny()
    out = strip.filmstrip(e)
    width = (strip.WIDTH - 2 * strip.MARGIN - strip.GAP) // 2
    left, top = strip.MARGIN + width + strip.GAP, 84 + 34
    for record in e.records:  # of 12 px, the finest scale: the widest would fill the picture
        x, y, w, h = box_pieces(View(record.view.x, record.view.y, 0.2), width, width, "planar")[0]
        assert tuple(out[top + y + h - 1, left + x + w // 2]) == BOX
    amber = (out[-24 - strip.BARS : -24] == BOX).all(-1)  # the lowest row: the tallest bar of each glimpse
    columns = [int(part.sum()) for part in np.array_split(amber[:, strip.MARGIN + strip.LABELS :], 4, 1)]
    assert 0 < columns[0] < columns[1] < columns[2] and columns[3] == 0


@pytest.mark.parametrize("truth", [True, False])
def test_the_page_of_a_model_that_only_classifies_makes_sense(truth: bool) -> None:
    e = tiny(truth=truth)
    text = page(e)
    parsed = Page(text)
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids)) and {"imagined", "bars", "saw"} <= set(ids) and ("seen" in ids) != truth
    assert "hatched: never looked at" in text and "imagined from" not in text
    assert "<th>class</th><th>stop score</th>" in text and "<td>7 (" in text and "<td>0.500</td>" in text
    assert text.count('class="reach"') == 3
    assert len(gif.frames(e)[0]) == 9
