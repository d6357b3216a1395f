"""The cost of a step with either memory: turns alternate, tokens grow, the command writes what it found."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import elastic_cost  # noqa: E402

SMALL = {"height": 64, "width": 128, "depth": 1, "glimpses": "1,3", "rounds": 2, "threads": 1}


def test_the_figures(tmp_path, capsys):
    before = torch.get_num_threads()
    args = elastic_cost.Args(json=tmp_path / "new" / "cost.json", **SMALL)
    found = elastic_cost.main(args)
    assert json.loads(args.json.read_text()) == found and torch.get_num_threads() == before
    assert found["glimpses"] == [1, 3] and found["tokens"]["decoder_depth"] == 2
    for name in elastic_cost.NAMES:
        for kind in elastic_cost.KINDS:
            low, p10, middle = (found[name][kind][part] for part in ("min_ms", "p10_ms", "median_ms"))
            assert all(0 < a <= b <= c for a, b, c in zip(low, p10, middle, strict=True))
        assert all(a < b for a, b in zip(*(found[name][kind]["min_ms"] for kind in elastic_cost.KINDS), strict=True))
    assert "tokens  step" in capsys.readouterr().err


def test_turns_alternate_and_the_memory_holds_what_came_before(monkeypatch):
    order = []

    def step(net, memory, glimpse, view):
        tokens = net.config.memory == "tokens"
        order.append((net.config.memory, int((1 - memory[2]).sum()) // 4 if tokens else None))
        return float(len(order)), float(len(order)) + 1

    monkeypatch.setattr(elastic_cost, "step", step)
    found = elastic_cost.measure(elastic_cost.Args(**SMALL))
    assert order == [("tokens", 0), ("canvas", None), ("tokens", 2), ("canvas", None)] * 3
    assert found["tokens"]["step"]["median_ms"] == [7, 9] and found["canvas"]["drawn_step"]["min_ms"] == [7, 9]


def test_the_papers_sizes():
    args = elastic_cost.Args(size="base", official=True, canvas_size="tiny")
    tokens, canvas = (elastic_cost.configure(name, args) for name in elastic_cost.NAMES)
    assert tokens.dims == (768, 12, 12) and (tokens.decoder_width, tokens.decoder_depth) == (512, 8)
    assert canvas.dims == (192, 4, 3) and tokens.fine == canvas.fine == (14, 14) and tokens.capacity == 12


def test_what_makes_no_sense_is_refused():
    for options, said in (
        ({"glimpses": "1,two"}, "--glimpses 1,two: expected whole numbers above 0"),
        ({"glimpses": "0"}, "--glimpses 0"),
        ({"rounds": 0}, "--rounds 0"),
        ({"height": 50}, "--height 50"),
    ):
        with pytest.raises(GlimpseError, match=said):
            elastic_cost.measure(elastic_cost.Args(**{**SMALL, **options}))
