"""The page: whole, self-contained, safe; and the folder with everything in it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from explorations import Posed, explored

from glimpse_ros.core.types import GlimpseError, SceneEstimate, SceneInfo
from glimpse_ros.report import Exploration, metrics, write_report
from glimpse_ros.report import animation as gif
from glimpse_ros.report import filmstrip as strip
from glimpse_ros.report.page import page


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
