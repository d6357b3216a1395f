"""The filmstrip and the animation: sizes, boxes, frames."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from explorations import explored
from PIL import Image

from glimpse_ros.report import animation as gif
from glimpse_ros.report import filmstrip as strip
from glimpse_ros.report import pictures as pic
from glimpse_ros.report.panels import Panels, thinned


def test_thinning_keeps_first_and_last() -> None:
    assert thinned(5, 8) == [0, 1, 2, 3, 4]
    assert thinned(100, 5) == [0, 25, 50, 74, 99]
    assert [strip.columns(n) for n in (1, 8, 9, 12, 24)] == [4, 8, 5, 6, 8]


def test_filmstrip_has_its_size_and_its_boxes() -> None:
    e = explored(3)
    out = strip.filmstrip(e)
    width = (strip.WIDTH - 2 * strip.MARGIN - strip.GAP) // 2
    assert out.shape[1] == strip.WIDTH and out.shape[0] > 84 + width // 2
    decoded = cv2.imdecode(np.frombuffer(pic.png(out), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == out.shape and np.array_equal(decoded[..., ::-1], out)
    left = strip.MARGIN + width + strip.GAP  # the truth begins here
    top = 84 + 34
    height = Panels(e).size(width)[0]
    for record in e.records:
        for x, y, w, h in pic.box_pieces(record.view, height, width, "spherical"):
            # The middle of the lower edge, away from seam and number.
            assert tuple(out[top + y + h - 1, left + x + w // 2]) == pic.BOX
    assert len(pic.box_pieces(e.records[0].view, height, width, "spherical")) == 2
    imagined = out[top : top + height, strip.MARGIN : strip.MARGIN + width]
    assert np.array_equal(imagined, Panels(e).imagined(2, width))
    assert strip.filmstrip(explored(9)).shape[0] > out.shape[0]  # a second band


def test_gif_has_every_step_and_ends_with_the_truth() -> None:
    e = explored(3)
    pictures, durations = gif.frames(e)
    assert len(pictures) == len(durations) == 9 and durations[-1] == gif.END
    assert len({p.shape for p in pictures}) == 1 and pictures[0].shape[1] == gif.WIDTH
    movie = Image.open(io.BytesIO(gif.encode_gif(pictures, durations)))
    assert movie.format == "GIF" and movie.n_frames == 9 and movie.size == pictures[0].shape[1::-1]
    assert movie.info["loop"] == 0
    movie.seek(8)
    assert movie.info["duration"] == gif.END
    shown = np.asarray(movie.convert("RGB")).astype(int)
    assert np.abs(shown - pictures[-1].astype(int)).mean() < 8
    assert len(gif.frames(explored(12))[0]) == 24


def test_gif_stays_below_its_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gif, "MAX_BYTES", 150_000)
    gif.write_gif(explored(2), tmp_path / "small.gif")
    assert (tmp_path / "small.gif").stat().st_size <= 150_000
    assert Image.open(tmp_path / "small.gif").size[0] < gif.WIDTH
