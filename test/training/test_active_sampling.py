"""Active sampling: which motive trains what, when it stops, long episodes, runs of seconds."""

from __future__ import annotations

import math

import pytest
from digit_making import REAL, needs_real, write_mnist

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from glimpse_ros.datasets import mnist  # noqa: E402
from training import active_sampling, loop, ram  # noqa: E402
from training.active_sampling import ActiveSampling, Args, best_beta, configure, dynamic, stop_score, watch  # noqa: E402
from training.fovea import integral_image  # noqa: E402

SMALL = {"batch": 8, "rollouts": 2, "hidden": 32, "what": 16, "images": 200, "accelerator": "cpu"}


def network(**options):
    """A small one, its head no longer at its beginning."""
    torch.manual_seed(0)
    net = ActiveSampling(configure(Args(**{"hidden": 24, "what": 16, "glimpses": 3, "rollouts": 2, **options})))
    torch.nn.init.normal_(net.doubt.weight, std=0.1)
    return net


def learned(net, b=6):
    """Loss, figures and each weight's gradient of one batch, the same for every network."""
    net.zero_grad()
    g, m, t = torch.Generator().manual_seed(1), net.config.rollouts, net.config.glimpses
    scenes, labels = torch.randint(256, (b, 28, 28), generator=g).float(), torch.arange(b) % 10
    first, noise = torch.rand((b, m, 2), generator=g) * 2 - 1, torch.randn((t - 1, b, m, 2), generator=g)
    loss, figures = net(integral_image(scenes), labels, first, noise, 0.2)
    loss.backward()
    return loss.item(), figures, {name: p.grad.clone() for name, p in net.named_parameters()}


# ---- when to stop


def by_the_rule(p, u, beta):
    """As the paper writes it: the best class's lower bound is above all upper bounds of others."""
    best = max(range(len(p)), key=p.__getitem__)
    return p[best] - beta * u[best] > max(p[j] + beta * u[j] for j in range(len(p)) if j != best)


def test_best_beta_is_where_the_rule_turns():
    g = torch.Generator().manual_seed(0)
    p, u = (torch.randn((200, 10), generator=g) * 2).softmax(-1), torch.rand((200, 10), generator=g) * 0.3
    for row, doubt, beta in zip(p.tolist(), u.tolist(), best_beta(p, u).tolist(), strict=True):
        assert by_the_rule(row, doubt, beta * 0.999) and not by_the_rule(row, doubt, beta * 1.001)


def test_the_score_is_a_monotone_function_of_best_beta():
    g = torch.Generator().manual_seed(0)
    p, u = torch.randn((5, 40, 10), generator=g).softmax(-1), torch.rand((5, 40, 10), generator=g)
    beta, score = best_beta(p, u), stop_score(p, u)
    assert beta.shape == score.shape == (5, 40)
    assert torch.allclose(score, beta / (1 + beta), atol=1e-6)


@pytest.mark.parametrize(
    ("p", "u", "beta", "score"),
    [
        ([0.7, 0.2, 0.1], [0.3, 0.2, 0.1], 1.0, 0.5),  # the runner-up, 0.5 / 0.5, holds the bound
        ([0.6, 0.2, 0.2], [0.1, 0.1, 0.3], 1.0, 0.5),  # the third: less sure of itself
        ([0.7, 0.2, 0.1], [0, 0, 0], math.inf, 1.0),
        ([1, 0, 0], [0, 0, 0], math.inf, 1.0),
        ([0.5, 0.5, 0], [0, 0, 0], 0.0, 0.0),
        ([0.5, 0.5, 0], [0.2, 0.2, 0], 0.0, 0.0),
        ([0.4, 0.3, 0.3], [0, 0, 0.1], 1.0, 0.5),
    ],
)
def test_scores_of_cases(p, u, beta, score):
    p, u = torch.tensor([p], dtype=torch.float32), torch.tensor([u], dtype=torch.float32)
    assert best_beta(p, u).item() == pytest.approx(beta, rel=1e-5)
    assert stop_score(p, u).item() == pytest.approx(score, rel=1e-5)


def test_each_scene_stops_for_itself_and_at_its_first_chance():
    p = torch.tensor([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.0, 0.9, 0.1]])[:, None].repeat(1, 2, 1)
    u = torch.full_like(p, 0.1)
    u[:, 1] = 0.3  # the second scene doubts itself more
    labels = torch.tensor([0, 1])
    assert best_beta(p, u).T.tolist() == [pytest.approx([1, 1.5, 3.5, 4]), pytest.approx([1 / 3, 0.5, 7 / 6, 4 / 3])]
    assert dynamic(p, u, labels, 0.0) == (0.5, 1.0), "beta 0: one glimpse"
    assert dynamic(p, u, labels, 1.2) == (1.0, (2 + 4) / 2)
    assert dynamic(p, u, labels, 100.0) == (0.5, 4.0), "never sure: the last glimpse's answer"
    first = p.clone()
    first[3] = p[0]  # what comes later does not matter
    assert dynamic(first, u, labels, 0.4) == dynamic(p, u, labels, 0.4) == (0.5, 1.5)


# ---- which motive trains what


@pytest.mark.parametrize("supervise", ["last", "all"])
def test_losses_are_the_papers(supervise):
    """By hand, from the roll-out's states: means over the batch, uncertainty summed over steps and classes."""
    net = network(supervise=supervise, uncertainty=0.01, intrinsic=0.5, random_locations=True)
    b, m = 4, 2
    scenes, labels = torch.randint(256, (b, 28, 28)).float(), torch.tensor([3, 1, 4, 1])
    first, noise = torch.rand(b, m, 2) * 2 - 1, torch.rand(2, b, m, 2) * 2 - 1
    loss, figures = net(integral_image(scenes), labels, first, noise, 0.2)
    hidden, _ = net.roll_out(integral_image(scenes), first, noise, 0.2)
    logits, truth = net.net.classifier(hidden), labels.repeat_interleave(m)
    p, u = logits.softmax(-1), net.judge(hidden, logits.softmax(-1))
    steps = range(3) if supervise == "all" else [2]
    named = sum(F.cross_entropy(logits[t], truth) for t in steps) / len(steps)
    uniform = sum(-(p[t].log() / 10).sum(-1).mean() for t in steps) / len(steps)
    error = (torch.eye(10)[truth] - p).abs()
    assert figures["loss/class"].item() == pytest.approx(named.item(), rel=1e-5)
    assert figures["loss/uniform"].item() == pytest.approx(uniform.item(), rel=1e-5)
    assert figures["loss/uncertainty"].item() == pytest.approx(u.abs().sum((0, 2)).mean().item(), rel=1e-5)
    assert figures["loss/head"].item() == pytest.approx((u - error).square().mean().item(), rel=1e-5)
    parts = named + 0.5 * uniform + 0.01 * figures["loss/uncertainty"] + figures["loss/head"] + figures["loss/value"]
    assert loss.item() == pytest.approx(parts.item(), rel=1e-5)


def test_less_uncertainty_trains_the_rest_and_not_the_head():
    without, strong = (learned(network(uncertainty=weight))[2] for weight in (0.0, 1.0))
    changed = {name for name in without if not torch.allclose(without[name], strong[name], atol=1e-7)}
    assert {"net.core.weight", "net.what.weight", "net.classifier.weight"} <= changed
    assert not {name for name in changed if "doubt" in name or "locator" in name or "baseline" in name}
    assert strong["doubt.weight"].any(), "the regression trains it"


def test_the_regression_trains_the_head_alone(monkeypatch):
    net = network(uncertainty=0.0)
    full = learned(net)[2]
    monkeypatch.setattr(F, "mse_loss", lambda said, error: said.sum() * 0 + (said - 5).square().mean())
    other = learned(net)[2]
    assert {name for name in full if not torch.equal(full[name], other[name])} == {"doubt.weight", "doubt.bias"}


def test_intrinsic_motive_keeps_answers_near_uniform():
    torch.manual_seed(0)
    largest = []
    for weight in (0.0, 3.0):
        net = network(intrinsic=weight, uncertainty=0.0)
        optimizer = torch.optim.Adam(net.parameters(), 1e-2)
        for _ in range(40):
            learned(net)
            optimizer.step()
        p, _ = watch(net, torch.randint(256, (20, 28, 28), generator=torch.Generator().manual_seed(0)).float(), 3)
        largest.append(p.max(-1).values.mean().item())
    assert largest[1] < 0.35 < largest[0] - 0.2


def test_plain_ram_is_a_special_case():
    """Without the two motives what is learned is RAM's, digit for digit; the head only listens."""
    net = network(uncertainty=0.0, intrinsic=0.0)
    plain = ram.Ram(ram.configure(ram.Args(hidden=24, what=16, glimpses=3, rollouts=2)))
    plain.net.load_state_dict(net.net.state_dict())
    found = learned(net)[2]
    expected = learned(plain)[2]
    for name, grad in expected.items():
        assert torch.allclose(grad, found[name], atol=1e-7), name


def test_the_head_begins_with_the_error_of_a_guess():
    """p = 0.1 is wrong by 0.9 for one class and by 0.1 for nine. A class whose ReLU began below 0 might stay there."""
    net = ActiveSampling(configure(Args(hidden=24, what=16)))
    _, u = watch(net, torch.randint(256, (5, 28, 28)).float(), 3)
    assert torch.allclose(u, torch.tensor(0.18))


def test_the_head_learns_the_error():
    """Here the answer is always the same, 3 with p = 0.9; it is right for one digit in ten."""
    net = network()
    torch.nn.init.zeros_(net.net.classifier.weight)
    with torch.no_grad():
        net.net.classifier.bias.copy_((torch.eye(10)[3] * 0.89 + 0.1 / 9).clamp_max(0.9).log())
    torch.nn.init.zeros_(net.doubt.weight)
    torch.nn.init.constant_(net.doubt.bias, 0.18)
    optimizer = torch.optim.Adam(net.doubt.parameters(), 5e-3)
    losses = []
    for _ in range(100):
        losses.append(learned(net, b=10)[1]["loss/head"].item())
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]
    _, u = watch(net, torch.randint(256, (20, 28, 28)).float(), 3)
    assert u[..., 3].mean().item() == pytest.approx(0.1 * 0.1 + 0.9 * 0.9, abs=0.1)
    assert u[..., 5].mean().item() == pytest.approx(0.1 * (1 - 0.1 / 9) + 0.9 * 0.1 / 9, abs=0.06)


# ---- runs


@pytest.mark.parametrize(("options", "words"), [
    ({"glimpses": 0}, "--glimpses 0"), ({"glimpses": -1}, "--glimpses -1"), ({"rollouts": 0}, "--rollouts 0"),
    ({"uncertainty": -1e-4}, "--uncertainty -0.0001"), ({"intrinsic": -0.1}, "--intrinsic -0.1"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(options, words):
    with pytest.raises(GlimpseError, match=words) as err:
        configure(Args(**options))
    assert "expected" in str(err.value) and "\n" not in str(err.value)


@pytest.mark.parametrize(
    "options",
    [{}, {"glimpses": 1}, {"task": "cluttered60", "core": "lstm", "supervise": "last", "reward": "correct"},
     {"random_locations": True, "glimpses": 2}],
)  # fmt: skip
def test_a_smoke_run_of_every_kind(tmp_path, capsys, monkeypatch, options):
    monkeypatch.setattr(active_sampling, "LONG", 9)
    args = Args(data=write_mnist(tmp_path), out=tmp_path / "out", steps=2, **{**SMALL, **options})
    state = loop.read_checkpoint(active_sampling.train(args))
    shown = capsys.readouterr().err
    assert (state["config"]["method"], state["config"]["task"]) == ("active-sampling", args.task)
    assert (state["config"]["uncertainty"], state["config"]["intrinsic"]) == (3e-4, 0.1) and state["step"] == 2
    assert "nan" not in shown and "held_out/accuracy_9" in shown and "held_out/glimpses_beta1" in shown
    assert all(torch.isfinite(weight).all() for weight in state["net"].values())
    with pytest.raises(GlimpseError, match="intrinsic 0.1, expected 0.2.*choose another --out"):
        active_sampling.train(Args(**{**vars(args), "intrinsic": 0.2}))


def test_a_checkpoint_of_ram_is_a_beginning_but_not_a_continuation(tmp_path):
    data = write_mnist(tmp_path)
    path = ram.train(ram.Args(data=data, out=tmp_path / "ram", steps=1, glimpses=2, **SMALL))
    with pytest.raises(GlimpseError, match="method 'ram', expected 'active-sampling'"):
        active_sampling.train(Args(data=data, out=tmp_path / "ram", steps=1, glimpses=2, **SMALL))
    net = ActiveSampling(configure(Args(hidden=32, what=16)))
    loop.begin(net, path)
    assert torch.equal(net.net.core.weight, loop.read_checkpoint(path)["average"]["net.core.weight"])


@pytest.mark.skipif(not REAL.is_dir(), reason=needs_real)
def test_real_digits_are_named_sooner_where_the_network_may_stop(tmp_path):
    """Seconds of training: more glimpses for a larger beta, and better answers."""
    args = Args(
        data=REAL, out=tmp_path, images=2000, glimpses=4, batch=32, rollouts=2, steps=250, lr=3e-3, ema=0.98,
        hidden=128, augment=0.0, precision="32-true", accelerator="cpu",
    )  # fmt: skip
    state = loop.read_checkpoint(active_sampling.train(args))
    net = ActiveSampling(configure(args))
    net.load_state_dict(state["average"])
    held, labels = (torch.from_numpy(part[-1000:].copy()) for part in mnist.load(REAL, "train"))
    p, u = watch(net, held.float(), 12)
    error = (F.one_hot(labels.long(), 10) - p).abs()
    assert (u - error)[3].square().mean() < 0.8 * (error[3] - error[3].mean((0, 1))).square().mean(), (
        "u knows something"
    )
    accuracy, glimpses = zip(*(dynamic(p, u, labels, beta) for beta in (0.0, 0.5, 1.0, 2.0)), strict=True)
    assert glimpses[0] == 1 and list(glimpses) == sorted(glimpses) and glimpses[-1] > glimpses[1] + 0.5
    assert min(accuracy[1:]) > accuracy[0] + 0.2, "one glimpse anywhere is not enough"
