"""Time and memory of No-Decoder beside Attend-and-Segment: what backpropagation keeps is counted, turns alternate."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import gae_cost  # noqa: E402
from training.tables import gae_cost as table  # noqa: E402

SMALL = {"height": 64, "width": 64, "encoder": 8, "decoder": 8, "merge": 2, "glimpses": 3, "batch": 2, "threads": 1}


def args(**options):
    return gae_cost.Args(**{**SMALL, "rounds": 1, "steps": 1, **options})


def test_what_is_held_is_counted_once():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(100, 10))

        def forward(self, x):
            y = x @ self.weight.T  # keeps x, which was there before, and the weight
            z = y.exp()  # keeps z
            return (z * z[:, :]).sum(), {}  # and z again, twice

    x = torch.randn(7, 10)
    assert gae_cost.held(Net(), (x,)) == 7 * 100 * 4
    net = Net()
    gae_cost.held(net, (x,))
    assert net.weight.grad is None, "nothing stays behind"


def test_the_decoder_is_what_costs():
    heavy, light = (gae_cost.model(name, args()) for name in ("attend-and-segment", "no-decoder"))
    assert heavy.config.predicts_loss and heavy.config.net.decoder == 8 and heavy.config.net.colours == 3
    assert light.config.net.decoder == 0 and light.config.net.colours == 0
    assert heavy.config.decode_steps == 0, "every step is drawn"
    assert heavy.config.net.classes == light.config.net.classes == 15
    turn = gae_cost.batch(args())
    kept = {name: gae_cost.held(net, turn) for name, net in (("heavy", heavy), ("light", light))}
    assert kept["heavy"] > 5 * kept["light"] > 0
    twice = {name: gae_cost.held(net, turn) for name, net in (("heavy", heavy), ("light", light))}
    assert twice == kept, "the same every time"
    longer = args(glimpses=6)
    more = gae_cost.held(gae_cost.model("attend-and-segment", longer), gae_cost.batch(longer))
    assert more > 1.7 * kept["heavy"], "it grows with the glimpses"
    for net in (heavy, light):
        logits = gae_cost.explore(net.eval(), turn)
        assert logits.shape == (2, 15) and not logits.requires_grad


def test_the_published_sizes_hold_the_goal():
    """At the paper's widths the ratio of what is held does not depend on the machine; one scene is enough."""
    options = {"encoder": 64, "decoder": 64, "merge": 5, "glimpses": 2, "batch": 1, "height": 160, "width": 160}
    kept = [
        gae_cost.held(gae_cost.model(name, args(**options)), gae_cost.batch(args(**options)))
        for name in ("attend-and-segment", "no-decoder")
    ]
    assert kept[0] > 14 * kept[1]


@pytest.mark.slow
def test_a_turn_of_each_in_a_process_of_its_own(tmp_path):
    found = gae_cost.measure(args())
    assert set(found) == {*table.SIZES, "encoder", "decoder", "device", *table.NAMES}
    assert found["batch"] == 2 and found["rounds"] == 1 and found["device"] == "a CPU"
    for name in table.NAMES:
        assert set(found[name]) == set(table.FIGURES) and all(value > 0 for value in found[name].values())
        assert found[name]["train_peak"] >= found[name]["test_peak"]
    assert found["attend-and-segment"]["train_held"] > 5 * found["no-decoder"]["train_held"]
    (tmp_path / "scene15").mkdir()
    (tmp_path / "scene15" / "cost.json").write_text(json.dumps(found))
    made = table.table(tmp_path)
    assert float(made.rows[2][3]) == pytest.approx(
        found["attend-and-segment"]["train_held"] / found["no-decoder"]["train_held"], abs=0.05
    )
    assert "64x64, 3 glimpses" in made.notes[1]


def test_turns_alternate(monkeypatch):
    order = []

    def turn(command, **options):
        order.append(next(part.partition("=")[2] for part in command if part.startswith("--which")))
        value = float(len(order))
        return subprocess.CompletedProcess(command, 0, json.dumps(dict.fromkeys(table.FIGURES, value)) + "\n", "")

    monkeypatch.setattr(gae_cost.subprocess, "run", turn)
    found = gae_cost.measure(args(rounds=3))
    assert order == ["attend-and-segment", "no-decoder"] * 3
    assert found["attend-and-segment"]["test_seconds"] == 3 and found["no-decoder"]["test_seconds"] == 4, "medians"


def test_what_makes_no_sense_is_refused(monkeypatch):
    for options, said in (
        ({"rounds": 0}, "--rounds 0"),
        ({"height": 50}, "--height 50 --width 64: expected multiples"),
    ):
        with pytest.raises(GlimpseError, match=said):
            gae_cost.measure(args(**options))
    failed = subprocess.CompletedProcess([], 1, "", "first\nout of memory\n")
    monkeypatch.setattr(gae_cost.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(GlimpseError, match="attend-and-segment: its turn failed .out of memory."):
        gae_cost.measure(args())


@pytest.mark.slow
def test_the_command(tmp_path):
    command = [f"--{name}={value}" for name, value in {**SMALL, "rounds": 1, "steps": 1}.items()]
    out = subprocess.run(
        [sys.executable, "-m", "training.gae_cost", *command, "--json", str(tmp_path / "new" / "cost.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    assert table.read(tmp_path / "new" / "cost.json")["height"] == 64
    assert set(asdict(args())) >= set(table.SIZES)
