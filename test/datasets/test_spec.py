"""Data as one word: what it says, and what it cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.spec import FOLDER, DataSpec, parse_spec

KINDS = ("mnist", "camvid")


@pytest.mark.parametrize("text", ["photos", "../x/y", "/data/a b", "C:/data", "3d:x", "photos?split=test", ""])
def test_a_path_alone_is_a_folder(text: str) -> None:
    assert parse_spec(text, KINDS) == DataSpec(text, FOLDER, Path(text))


def test_what_exists_as_it_stands_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mnist:x").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_spec("mnist:x", KINDS).kind == FOLDER


def test_a_kind_a_path_and_options() -> None:
    text = "mnist:../shared/mnist?variant=cluttered60&count=10"
    spec = parse_spec(text, KINDS)
    assert spec == DataSpec(text, "mnist", Path("../shared/mnist"), {"variant": "cluttered60", "count": "10"})
    assert spec.read(variant="28", count="", split="test") == {
        "variant": "cluttered60",
        "count": "10",
        "split": "test",
    }
    assert parse_spec("camvid:a:b", KINDS) == DataSpec("camvid:a:b", "camvid", Path("a:b"))
    assert parse_spec("camvid:a?x=y=z", KINDS).options == {"x": "y=z"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mist:a", "mist:a: kind 'mist' is unknown; expected a folder that exists, or mnist:PATH, camvid:PATH"),
        ("mnist:", "mnist:: names no path; expected mnist:PATH?key=value"),
        ("mnist:?variant=28", "names no path"),
        ("mnist:a?variant", "'variant' is no option; expected mnist:PATH"),
        ("mnist:a?variant=", "'variant=' is no option"),
        ("mnist:a?=28", "'=28' is no option"),
        ("mnist:a?x=1&&y=2", "'' is no option"),
        ("mnist:a?x=1&x=2", "'x=2' is no option"),
    ],
)
def test_what_is_no_data_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(GlimpseError) as err:
        parse_spec(text, KINDS)
    assert sentence in str(err.value) and "\n" not in str(err.value)


def test_an_option_that_nobody_reads_is_refused() -> None:
    with pytest.raises(GlimpseError, match=r"mnist:a\?v=1: option 'v' is unknown; expected some of variant, split"):
        parse_spec("mnist:a?v=1", KINDS).read(variant="28", split="test")
