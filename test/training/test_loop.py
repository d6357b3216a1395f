"""The training loop: resuming, what it refuses, the learning rate, starting from other weights, averaged weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import loop  # noqa: E402

CONFIG = {"method": "line", "width": 3}


class Line(nn.Module):
    """A loss with one minimum, at the weights 1, 2, 3."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.line = nn.Linear(3, 1, bias=False)

    def forward(self, x):
        loss = (self.line(x) - x @ torch.tensor([[1.0], [2.0], [3.0]])).square().mean()
        return loss, {"loss/line": loss.detach()}


def args(out, **options):
    kept = {"steps": 6, "batch": 8, "lr": 0.1, "precision": "32-true", "accelerator": "cpu", "save_every": 0.0}
    return loop.LoopArgs(out=out, **{**kept, **options})


def fit(given, config=CONFIG, stop_at=None, turns=None):
    """Train a Line; stop_at: the step before which somebody pulls the plug."""

    def draw(turn):
        if turn.step == stop_at:
            raise KeyboardInterrupt
        if turns is not None:
            turns.append(turn)
        return (torch.randn((given.batch, 3), generator=turn.generator)[turn.part],)

    fabric = loop.launch(given)
    torch.manual_seed(given.seed)
    return loop.fit(fabric, given, config, Line(config), draw, lambda average: {"sum": average.line.weight.sum()})


def same(a, b):
    return all(torch.equal(a[part][k], b[part][k]) for part in ("net", "average") for k in a[part])


def test_it_learns_and_keeps_averaged_weights(tmp_path, capsys):
    state = loop.read_checkpoint(fit(args(tmp_path, steps=300, save_every=60.0)), CONFIG)
    assert state["net"]["line.weight"][0].tolist() == pytest.approx([1, 2, 3], abs=0.05)
    assert state["average"]["line.weight"][0].tolist() == pytest.approx([1, 2, 3], abs=0.2)
    assert not torch.equal(state["net"]["line.weight"], state["average"]["line.weight"])
    assert state["step"] == 300 and state["seconds"] > 0
    shown = capsys.readouterr().err
    assert "step 300" in shown and "loss/line" in shown and "images_per_second" in shown and "sum" in shown
    assert list(tmp_path.glob("events.*")) and not list(tmp_path.glob("*.tmp"))


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path):
    whole = loop.read_checkpoint(fit(args(tmp_path / "whole")))
    with pytest.raises(KeyboardInterrupt):
        fit(args(tmp_path / "parts"), stop_at=3)
    assert loop.read_checkpoint(tmp_path / "parts" / "checkpoint.pt")["step"] == 3
    turns = []
    parts = loop.read_checkpoint(fit(args(tmp_path / "parts"), turns=turns))
    assert [turn.step for turn in turns] == [3, 4, 5] and parts["step"] == 6
    assert same(whole, parts)
    seeded = loop.read_checkpoint(fit(args(tmp_path / "other", seed=1)))
    assert not same(whole, seeded)


def test_a_finished_run_stays_as_it_is(tmp_path):
    path = fit(args(tmp_path))
    before = path.read_bytes()
    turns = []
    assert fit(args(tmp_path), turns=turns) == path
    assert not turns and path.read_bytes() == before


def test_the_clock_counts_earlier_runs(tmp_path):
    path = fit(args(tmp_path, minutes=0.002, lr=1e-3))
    state = loop.read_checkpoint(path)
    assert state["seconds"] >= 0.12
    turns = []
    fit(args(tmp_path, minutes=0.002, lr=1e-3), turns=turns)
    assert not turns, "the time is spent"
    fit(args(tmp_path, minutes=0.004, lr=1e-3), turns=turns)
    assert turns[0].step == state["step"] and turns[0].progress == pytest.approx(state["seconds"] / 0.24)


def test_a_checkpoint_of_another_task_is_refused_by_what_differs(tmp_path):
    path = fit(args(tmp_path))
    before = path.read_bytes()
    with pytest.raises(GlimpseError) as err:
        fit(args(tmp_path), config={"method": "line", "width": 4, "depth": 2})
    text = str(err.value)
    assert "width 3, expected 4" in text and "depth None, expected 2" in text and "method" not in text
    assert str(path) in text and "choose another --out" in text and "\n" not in text
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["cut off", "text", "nothing", "other"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = fit(args(tmp_path))
    data = path.read_bytes()
    if content == "other":
        torch.save({"net": {}}, path)
    else:
        path.write_bytes({"cut off": data[: len(data) // 2], "text": b"hello", "nothing": b""}[content])
    with pytest.raises(GlimpseError, match="is no checkpoint of this loop") as err:
        fit(args(tmp_path))
    assert str(path) in str(err.value) and "\n" not in str(err.value)


def test_a_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(GlimpseError, match=r"nowhere.pt: does not exist; expected a checkpoint"):
        loop.read_checkpoint(tmp_path / "nowhere.pt")
    with pytest.raises(GlimpseError, match=r"nowhere.pt: does not exist; expected a checkpoint"):
        fit(args(tmp_path / "out", init=tmp_path / "nowhere.pt"))


@pytest.mark.parametrize(("batch", "world"), [(7, 2), (0, 1), (2, 4), (-2, 2)])
def test_a_batch_that_processes_cannot_share_is_refused(tmp_path, monkeypatch, batch, world):
    monkeypatch.setenv("WORLD_SIZE", str(world))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(world))
    with pytest.raises(GlimpseError, match=f"--batch {batch}: expected a multiple of the {world} processes"):
        loop.launch(args(tmp_path, batch=batch))


def test_the_learning_rate_warms_up_and_falls():
    rates = [loop.learning_rate(i / 1000, 2.0) for i in range(1001)]
    peak = max(range(1001), key=rates.__getitem__)
    assert rates[0] == pytest.approx(0.1) and 8 <= peak <= 11 and rates[peak] == pytest.approx(2.0, rel=0.01)
    assert rates[500] == pytest.approx(1.01, rel=0.01) and rates[1000] == pytest.approx(0.02)
    assert all(a > b for a, b in zip(rates[peak:], rates[peak + 1 :], strict=False))
    assert loop.learning_rate(1.2, 2.0) == rates[1000]


def test_other_weights_are_a_beginning(tmp_path):
    path = fit(args(tmp_path / "first", steps=40))
    average = loop.read_checkpoint(path)["average"]["line.weight"]
    net = Line(CONFIG)
    loop.begin(net, path)
    assert torch.equal(net.line.weight, average)

    wider, own = nn.Module(), nn.Linear(5, 1, bias=False)
    wider.line = own
    before = own.weight.detach().clone()
    loop.begin(wider, path)
    assert torch.equal(own.weight[:, :3], average), "finer scales come first"
    assert (own.weight[:, 3:].abs() <= before[:, 3:].abs()).all()

    other = nn.Sequential(nn.Linear(9, 4))
    with pytest.raises(GlimpseError, match="checkpoint.pt"):
        loop.begin(other, path)


def test_parts_of_a_network_are_clipped_one_by_one(tmp_path):
    """A part with a huge gradient must not make another's small."""

    class Two(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.config = config
            self.net = nn.ModuleDict({"calm": nn.Linear(1, 1, bias=False), "wild": nn.Linear(1, 1, bias=False)})

        def forward(self, x):
            loss = self.net["calm"](x).sum() + 1e6 * self.net["wild"](x).sum()
            return loss, {}

    seen = {}
    net = Two({})

    class Watch(torch.optim.AdamW):
        def step(self, *a, **k):
            seen.update({name: p.grad.abs().item() for name, p in net.named_parameters()})
            return super().step(*a, **k)

    given, patch = args(tmp_path, steps=1), pytest.MonkeyPatch()
    patch.setattr(torch.optim, "AdamW", Watch)
    try:
        loop.fit(loop.launch(given), given, {}, net, lambda turn: (torch.ones(1, 1),), lambda average: {})
    finally:
        patch.undo()
    assert seen == {"net.calm.weight": pytest.approx(1.0), "net.wild.weight": pytest.approx(5.0)}


def test_weights_decay_only_if_asked(tmp_path):
    """Without a gradient a weight stays; with decay it shrinks by the learning rate's share each step."""

    class Still(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.config = config
            self.line = nn.Linear(2, 2, bias=False)
            nn.init.constant_(self.line.weight, 2.0)

        def forward(self, x):
            return (self.line(x) * 0).sum(), {}

    def left(out, **options):
        given = args(out, steps=3, **options)
        path = loop.fit(loop.launch(given), given, {}, Still({}), lambda turn: (torch.ones(1, 2),), lambda average: {})
        return loop.read_checkpoint(path)["net"]["line.weight"]

    assert torch.equal(left(tmp_path / "none"), torch.full((2, 2), 2.0))
    rates = [loop.learning_rate(step / 3, 0.1) for step in range(3)]
    expected = 2.0
    for rate in rates:
        expected *= 1 - 0.5 * rate
    assert torch.allclose(left(tmp_path / "some", weight_decay=0.5), torch.full((2, 2), expected), rtol=1e-5)


class Normed(nn.Module):
    """A batch norm and a mask that never changes."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.line, self.norm = nn.Linear(2, 2), nn.BatchNorm1d(2, momentum=0.5)
        self.register_buffer("table", torch.arange(3))

    def forward(self, x):
        return self.norm(self.line(x)).square().mean(), {}


def test_running_statistics_are_averaged_as_weights_are(tmp_path):
    """The averaged weights' features have statistics of their own; those of one step would not fit them."""
    seen = []

    class Watched(Normed):
        def forward(self, x):
            out = super().forward(x)
            seen.append({name: value.clone() for name, value in self.state_dict().items()})
            return out

    def draw(turn):
        return (torch.randn(8, 2, generator=turn.generator) + turn.step,)

    given = args(tmp_path, steps=5, ema=0.6)
    torch.manual_seed(0)
    net = Watched({})
    net.table += 4
    first = {name: value.clone() for name, value in net.state_dict().items()}
    checked = []
    state = loop.read_checkpoint(loop.fit(loop.launch(given), given, {}, net, draw, lambda a: checked.append(a) or {}))
    for name in ("norm.running_mean", "norm.running_var"):
        expected = first[name]
        for k, step in enumerate(seen):  # nothing else changes a statistic than the forward pass
            expected = torch.lerp(expected, step[name], 1 - min(0.6, (k + 2) / (k + 11)))
        assert torch.allclose(state["average"][name], expected, atol=1e-6)
        assert not torch.allclose(state["average"][name], state["net"][name], atol=1e-2)
    assert state["average"]["table"].tolist() == state["net"]["table"].tolist() == [4, 5, 6]
    assert all(torch.equal(checked[-1].state_dict()[name], value) for name, value in state["average"].items())


def test_running_statistics_go_on_after_an_interruption(tmp_path):
    def run(out, stop_at=None):
        def draw(turn):
            if turn.step == stop_at:
                raise KeyboardInterrupt
            return (torch.randn(8, 2, generator=turn.generator) * (1 + turn.step),)

        given = args(out)
        torch.manual_seed(0)
        return loop.read_checkpoint(loop.fit(loop.launch(given), given, {}, Normed({}), draw, lambda average: {}))

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", stop_at=3)
    parts = run(tmp_path / "parts")
    assert "norm.running_var" in parts["average"] and parts["step"] == 6
    assert all(torch.equal(whole["net"][name], value) for name, value in parts["net"].items())
    floating = [name for name, value in whole["average"].items() if value.is_floating_point()]
    assert all(torch.equal(whole["average"][name], parts["average"][name]) for name in floating)
