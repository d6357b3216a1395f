"""The shared network: shapes of both cores, and which loss reaches which weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import loop, ram  # noqa: E402
from training.fovea import Fovea, integral_image  # noqa: E402
from training.recurrent import Recurrent, RecurrentConfig  # noqa: E402

CORES = pytest.mark.parametrize("core", ["relu", "lstm"])


def tiny(core="relu", **options):
    torch.manual_seed(0)
    fovea = Fovea(28, 8, 1)
    return ram.Ram(ram.Config(RecurrentConfig(fovea.size, core=core, what=16, where=8, hidden=24), fovea, 3, **options))


def losses(net, b=5, m=2):
    g = torch.Generator().manual_seed(1)
    scenes = torch.randint(256, (b, 28, 28), generator=g).float()
    first, noise = torch.rand((b, m, 2), generator=g) * 2 - 1, torch.randn((2, b, m, 2), generator=g)
    return net(integral_image(scenes), torch.arange(b) % 10, first, noise, 0.2)


def gradients(net):
    """Of each of the network's parts, as one vector; None where no loss reached it."""
    net.zero_grad()
    losses(net)[0].backward()
    found = {}
    for name, part in net.net.named_children():
        grads = [p.grad for p in part.parameters()]
        found[name] = None if grads[0] is None else torch.cat([g.flatten() for g in grads])
    return found


@CORES
def test_shapes(core):
    net = Recurrent(RecurrentConfig(64, core=core, hidden=32))
    state = net.empty(7)
    assert len(state) == (2 if core == "lstm" else 1) and all(not s.any() for s in state)
    for _ in range(2):
        state = net(torch.rand(7, 64), torch.rand(7, 2), state)
        assert [s.shape for s in state] == [(7, 32)] * (2 if core == "lstm" else 1)
    where = net.locate(state[0] * 1000)
    assert where.shape == (7, 2) and where.abs().max() <= 1
    assert net.classifier(state[0]).shape == (7, 10) and net.baseline(state[0]).shape == (7, 1)


@CORES
def test_the_state_remembers_what_and_where(core):
    torch.manual_seed(0)
    net = Recurrent(RecurrentConfig(16, core=core))
    glimpse, xy = torch.rand(2, 1, 16), torch.tensor([[[-0.5, 0.2]], [[0.5, -0.2]]])
    last = (torch.zeros(1, 16), torch.zeros(1, 2))
    ends = [
        net(*last, net(what, where, net.empty(1)))[0]
        for what, where in ((glimpse[0], xy[0]), (glimpse[1], xy[0]), (glimpse[0], xy[1]))
    ]
    assert not torch.allclose(ends[0], ends[1]) and not torch.allclose(ends[0], ends[2])


@CORES
@pytest.mark.parametrize("supervise", ["last", "all"])
def test_reinforce_reaches_the_locator_and_nothing_else(core, supervise, monkeypatch):
    net = tiny(core, supervise=supervise)
    full = gradients(net)
    assert all(grad is not None and grad.any() for grad in full.values())
    locate = net.net.locate
    monkeypatch.setattr(net.net, "locate", lambda hidden: locate(hidden).detach())
    without = gradients(net)
    assert without.pop("locator") is None
    assert full.pop("locator").abs().sum() > 0
    for name, grad in without.items():
        assert torch.equal(grad, full[name]), name


@CORES
def test_neither_class_nor_value_reaches_the_locator(core):
    found = gradients(tiny(core, random_locations=True))
    assert not found.pop("locator").any(), "there, but zero: every process of several has the same gradients to share"
    assert all(grad.any() for grad in found.values())


def test_the_value_trains_the_baseline_alone():
    net = tiny()
    before = gradients(net)
    torch.nn.init.constant_(net.net.baseline.bias, 5.0)  # another guess, so another advantage
    after = gradients(net)
    changed = {name for name, grad in after.items() if not torch.allclose(grad, before[name], atol=1e-4)}
    assert changed == {"baseline"}, "what all roll-outs of an image share is no advantage"


def test_one_rollout_learns_from_the_baseline():
    net = tiny(rollouts=1)
    losses(net, m=1)[0].backward()
    one = net.net.locator[2].weight.grad.clone()
    net.zero_grad()
    torch.nn.init.constant_(net.net.baseline.bias, 5.0)
    losses(net, m=1)[0].backward()
    assert not torch.equal(one, net.net.locator[2].weight.grad)


def test_attached_the_locator_teaches_the_core(monkeypatch):
    """The same losses, differing only in how far REINFORCE's gradient goes; the locator's own share stays the same."""
    monkeypatch.setattr(ram.F, "cross_entropy", lambda logits, truth: logits.sum() * 0)  # leave REINFORCE and the value
    alone, half, whole = (gradients(tiny(attach=attach)) for attach in (0.0, 0.5, 1.0))
    assert not alone["core"].any() and not alone["what"].any()
    assert whole["core"].abs().max() > 0 and whole["what"].abs().max() > 0
    last = slice(-24, None)  # the core's bias: gradients that came through the first state are scaled more than once
    assert 0 < half["core"][last].norm() < whole["core"][last].norm()
    assert torch.allclose(alone["locator"], whole["locator"], atol=1e-7)


def test_a_wider_network_begins_where_a_narrow_one_ended(tmp_path):
    """The old units go on almost as before, so the answers stay close."""
    narrow, wide = tiny(), broad("relu")
    torch.save({"config": {}, "average": narrow.state_dict()}, tmp_path / "narrow.pt")
    strange = (answers(wide) - answers(narrow)).norm()
    loop.begin(wide, tmp_path / "narrow.pt")
    assert torch.equal(wide.net.core.weight[:24, :24], narrow.net.core.weight[:, :24])  # what is seen
    assert torch.equal(wide.net.core.weight[:24, 48:72], narrow.net.core.weight[:, 24:])  # what is remembered
    assert (answers(wide) - answers(narrow)).norm() < 0.5 * strange


def test_a_wider_lstm_is_refused(tmp_path):
    torch.save({"config": {}, "average": tiny("lstm").state_dict()}, tmp_path / "narrow.pt")
    with pytest.raises(GlimpseError, match=r"core.weight_ih is \(96, 24\); expected an LSTM of this size"):
        loop.begin(broad("lstm"), tmp_path / "narrow.pt")


def broad(core):
    torch.manual_seed(1)
    fovea = Fovea(28, 8, 1)
    return ram.Ram(ram.Config(RecurrentConfig(fovea.size, core=core, what=32, where=8, hidden=48), fovea, 3))


def answers(net):
    """(T, B * M, classes) of greedy looks from the middle."""
    g = torch.Generator().manual_seed(1)
    scenes = torch.randint(256, (5, 28, 28), generator=g).float()
    noise = torch.zeros(2, 5, 2, 2)
    with torch.no_grad():
        hidden, _ = net.roll_out(integral_image(scenes), torch.zeros(5, 2, 2), noise, 0.0)
        return net.net.classifier(hidden)
