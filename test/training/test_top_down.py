"""Top-down attention: the quadrants' geometry, part by part, matched ablations, a toy it learns, real digits."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
tyro = pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import digits, loop, quadrants, ram, top_down  # noqa: E402
from training.fovea import Fovea, integral_image  # noqa: E402
from training.recurrent import RecurrentConfig  # noqa: E402

CPU = torch.device("cpu")
TINY = top_down.Config(RecurrentConfig(144, hidden=16, what=16, where=8), Fovea(60, 12, 1), 4, rollouts=3)
PARTS = [(d, e, c) for d in (False, True) for e in (False, True) for c in (False, True)]


def inputs(config, b=5, seed=0):
    """A batch of noise, as `TopDown.forward` takes it, and a generator."""
    g = torch.Generator().manual_seed(seed)
    side, m = config.fovea.side, config.rollouts
    scenes = (torch.rand((b, side, side), generator=g) * 255).round()
    labels = torch.randint(config.net.classes, (b,), generator=g)
    first = torch.rand((b, m, 2), generator=g) * 2 - 1
    noise = torch.randn((config.glimpses - 1, b, m, 2), generator=g)
    wild = torch.randint(-1, 4, (b, m), generator=g)
    return integral_image(scenes), labels, first, noise, 0.2, quadrants.overview_of(scenes), wild


def built(config, seed=0):
    torch.manual_seed(seed)
    return top_down.TopDown(config)


def test_an_overview_is_what_opencv_makes_of_the_scene():
    scene = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    expected = cv2.resize(scene.astype(np.float32), (50, 50), interpolation=cv2.INTER_AREA) / 255
    overview = quadrants.overview_of(torch.from_numpy(scene)[None].float())
    assert overview.shape == (1, 1, 50, 50)
    np.testing.assert_allclose(overview[0, 0], expected, atol=1e-6)


@pytest.mark.parametrize(("quadrant", "x", "y"), [(0, -0.5, -0.5), (1, 0.5, -0.5), (2, -0.5, 0.5), (3, 0.5, 0.5)])
def test_a_quadrant_lies_where_the_fovea_sees_it(quadrant, x, y):
    scene = torch.zeros(1, 100, 100)
    top, left = int(50 + 50 * y) - 10, int(50 + 50 * x) - 10
    scene[0, top : top + 20, left : left + 20] = 255  # a square around the quadrant's centre
    start = quadrants.start_view(torch.nn.functional.one_hot(torch.tensor([quadrant]), 4).float())
    assert start.tolist() == [[x, y]]
    seen, _ = Fovea(100, 12, 1).look(integral_image(scene), start[:, None])
    assert seen.min() == 1
    q = quadrants.QNet(50, 50)
    with torch.no_grad():  # sums up each region
        for layer in (q.conv, q.region, q.values):
            layer.weight.fill_(0.01)
            layer.bias.zero_()
        q.values.weight.copy_(torch.eye(4).repeat_interleave(32, 1))
    assert q(quadrants.overview_of(scene)).argmax(-1).item() == quadrant, "row by row"
    assert torch.allclose(q(quadrants.overview_of(scene).expand(-1, 3, -1, -1)), q(quadrants.overview_of(scene)))


def test_the_first_glimpse_is_taken_inside_the_chosen_quadrant(monkeypatch):
    config = replace(TINY, top_down=True)
    net, batch, starts = built(config), inputs(config, 200), []
    roll_out = net.roll_out
    monkeypatch.setattr(net, "roll_out", lambda i, first, *rest: (starts.append(first), roll_out(i, first, *rest))[1])
    net(*batch)
    wild, best = batch[-1], net.q(batch[-2]).argmax(-1, keepdim=True).expand(-1, 3)
    inside = (starts[0] > 0).long()  # (B, M, 2)
    assert torch.equal(inside[..., 0] + 2 * inside[..., 1], torch.where(wild < 0, best, wild))
    spread = starts[0].abs()
    assert spread.max() > 0.95 and spread.min() < 0.05, "anywhere in it"


@pytest.mark.parametrize(
    ("bright", "bits"), [(0, 0.0), (1, 0.0597), (36, 0.8113), (72, 1.0), (108, 0.8113), (144, 0.0)]
)
def test_entropy_of_known_patches(bright, bits):
    patch = torch.full((144,), 0.5)  # 0.5 itself is dark
    patch[:bright] = 0.51
    assert top_down.bits(patch).item() == pytest.approx(bits, abs=2e-4)


def test_entropy_weighs_the_policy_gradient_step_by_step():
    """With lambda the weights are affine in it, so its gradient is the difference of two."""
    batch = inputs(TINY)
    grads = {}
    for name, config in {
        "plain": TINY,
        "0": replace(TINY, entropy=True, lam=0.0),
        "1": replace(TINY, entropy=True, lam=1.0),
    }.items():
        net = built(config)
        net(*batch)[0].backward()
        grads[name] = net.net.locator[0].weight.grad
        others = net.net.core.weight.grad
        grads.setdefault("core", others)
        assert torch.equal(others, grads["core"]), "nothing else changes"
    assert torch.allclose(grads["1"] - grads["0"], grads["plain"], atol=1e-5)
    assert not torch.allclose(grads["0"], torch.zeros(1))
    black = (torch.zeros_like(batch[0]), *batch[1:])
    net = built(replace(TINY, entropy=True, lam=0.0))
    net(*black)[0].backward()
    assert net.net.locator[0].weight.grad.abs().max() == 0, "nothing to see, nothing to learn about where"


def test_a_choice_is_weighed_by_what_it_showed():
    config = replace(TINY, entropy=True)
    integral, _, first, noise, sigma, _, _ = inputs(config)
    _, drawn, shown = built(config).roll_out(integral, first, noise, sigma)
    for places, entropy in zip(drawn, shown, strict=True):
        seen, _ = config.fovea.look(integral, places.view(5, 3, 2).clamp(-1, 1))
        assert torch.equal(top_down.bits(seen).flatten(), entropy)


def test_the_context_reaches_the_core_and_not_the_locator():
    batch, grads = inputs(TINY), []
    for beta1 in (0.0, 1.0):
        net = built(replace(TINY, context=True, beta1=beta1))
        net(*batch)[0].backward()
        grads.append({name: p.grad.clone() for name, p in net.named_parameters()})
    changed = {name for name in grads[0] if not torch.equal(grads[0][name], grads[1][name])}
    assert {"net.core.weight", "net.what.weight", "net.classifier.weight", "context.0.weight"} <= changed
    assert not any(name.startswith(("net.locator", "net.baseline")) for name in changed)
    assert grads[0]["context.0.weight"].abs().max() == 0 and grads[1]["context.0.weight"].abs().max() > 0


def test_beta2_weighs_the_policy_gradient():
    batch, grads = inputs(TINY), []
    for beta2 in (1.0, 0.01):
        net = built(replace(TINY, beta2=beta2))
        net(*batch)[0].backward()
        grads.append(net.net.locator[2].weight.grad)
    assert torch.allclose(grads[1], grads[0] / 100, atol=1e-7)


@pytest.mark.parametrize("supervise", ["last", "all"])
@pytest.mark.parametrize("reward", ["probability", "correct"])
def test_without_its_parts_it_is_ram(supervise, reward):
    config = replace(TINY, supervise=supervise, reward=reward)
    plain = ram.Config(config.net, config.fovea, config.glimpses, config.rollouts, supervise, reward)
    torch.manual_seed(0)
    other, batch = ram.Ram(plain), inputs(config)
    assert built(config)(*batch)[0].item() == pytest.approx(other(*batch[:5])[0].item(), abs=1e-6)


def test_the_target_of_the_quadrants_is_the_reward():
    """One glimpse: what the class network says there is what the quadrant is worth."""
    config = replace(TINY, top_down=True, glimpses=1, reward="correct")
    net, (integral, labels, first, noise, sigma, overview, wild) = built(config), inputs(config, 40)
    with torch.no_grad():
        net.q.values.weight.zero_()
        net.q.values.bias.fill_(0.25)
    loss, figures = net(integral, labels, first, noise, sigma, overview, wild)
    right = figures["train/accuracy"].item()
    # Of an error up to 1 Huber's loss is half its square: 0.75 where right, 0.25 where wrong.
    assert figures["loss/q"].item() == pytest.approx(right * 0.5 * 0.75**2 + (1 - right) * 0.5 * 0.25**2, abs=1e-6)
    assert torch.isfinite(loss)


def stripes(b, g):
    """Scenes (b, 60, 60) with one striped square, 0: lying, 1: upright; kinds and quadrants (b,) each."""
    kind, quadrant = torch.randint(2, (b,), generator=g), torch.randint(4, (b,), generator=g)
    wave = ((torch.arange(30) // 4) % 2).float() * 255
    squares = torch.stack([wave[:, None].expand(30, 30), wave.expand(30, 30)])
    scenes = torch.zeros(b, 2, 2, 30, 30)
    scenes[torch.arange(b), quadrant // 2, quadrant % 2] = squares[kind]
    return scenes.permute(0, 1, 3, 2, 4).reshape(b, 60, 60), kind, quadrant


def test_it_learns_which_quadrant_to_look_into():
    net_config = RecurrentConfig(144, classes=2, hidden=32, what=32, where=8)
    config = top_down.Config(net_config, Fovea(60, 12, 1), 1, rollouts=4, top_down=True)
    net, g, steps = built(config), torch.Generator().manual_seed(0), 150
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)

    def chosen():
        scenes, _, quadrant = stripes(500, torch.Generator().manual_seed(1))
        return (net.q(quadrants.overview_of(scenes)).argmax(-1) == quadrant).float().mean().item()

    assert chosen() < 0.5
    for step in range(steps):
        scenes, kind, _ = stripes(32, g)
        first = torch.rand((32, 4, 2), generator=g) * 2 - 1
        wild = torch.randint(4, (32, 4), generator=g)
        wild[torch.rand((32, 4), generator=g) >= top_down.exploration(step / steps)] = -1
        batch = integral_image(scenes), kind, first, torch.zeros(0, 32, 4, 2), 0.1, quadrants.overview_of(scenes), wild
        optimizer.zero_grad()
        net(*batch)[0].backward()
        optimizer.step()
    assert chosen() > 0.9
    scenes, kind, _ = stripes(500, torch.Generator().manual_seed(2))
    assert top_down.accuracy(net, scenes, kind, 1) > 0.9
    blind = top_down.TopDown(replace(config, top_down=False))
    blind.load_state_dict({k: v for k, v in net.state_dict().items() if not k.startswith("q.")})
    assert top_down.accuracy(blind, scenes, kind, 1) < 0.75, "the same network from a random place"


def test_exploration_fades_over_the_first_fifth():
    assert [top_down.exploration(p) for p in (0, 0.1, 0.2, 1)] == pytest.approx([1, 0.525, 0.05, 0.05])


def test_every_ablation_sees_the_same_scenes_and_begins_with_the_same_weights():
    g = torch.Generator().manual_seed(0)
    some = digits.Digits((torch.rand((30, 784), generator=g) * 255).round(), torch.arange(30) % 10)
    batches, weights = [], []
    for top, entropy, context in PARTS:
        args = top_down.Args(task="cluttered60", batch=6, top_down=top, entropy=entropy, context=context)
        config = top_down.configure(args)
        turn = loop.Turn(3, 0.1, torch.Generator().manual_seed(7), slice(0, 6), CPU)
        batches.append(top_down.prepare(args, config, some, turn))
        weights.append(built(config).net.state_dict())
    for batch in batches[1:]:
        for a, b in zip(batches[0], batch, strict=True):
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    for other in weights[1:]:
        assert all(torch.equal(value, other[name]) for name, value in weights[0].items())
    assert (batches[0][-1] >= 0).float().mean() > 0.2, "half of the quadrants are explored"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "mnist28", "--top-down"], "--top-down on mnist28: .*expected a cluttered task"),
        (["--glimpses", "0"], "--glimpses 0, .*expected at least 1"),
        (["--rollouts", "0"], "--rollouts 0: expected at least 1"),
        (["--lam", "-1"], "--lam -1.0, .*expected none below 0"),
    ],
)
def test_refusals(words, message):
    with pytest.raises(GlimpseError, match=message):
        top_down.configure(tyro.cli(top_down.Args, args=words))


@pytest.mark.parametrize("sides", [(25, 50), (50, 25), (10, 50)])
def test_an_overview_that_has_no_quadrants_is_refused(sides):
    with pytest.raises(GlimpseError, match="expected even sides of at least 12"):
        quadrants.QNet(*sides)


DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mnist"


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/mnist is not on this machine")
def test_a_few_steps_on_digits_from_the_weights_of_ram(tmp_path):
    words = f"--data {DATA} --task cluttered60 --images 200 --batch 8 --rollouts 2 --glimpses 3 --hidden 32 --what 16"
    words = [*words.split(), "--steps", "2", "--accelerator", "cpu"]
    first = ram.train(tyro.cli(ram.Args, args=[*words, "--out", str(tmp_path / "ram")]))
    options = ["--top-down", "--entropy", "--context", "--init", str(first), "--out", str(tmp_path / "top-down")]
    args = tyro.cli(top_down.Args, args=[*words, *options])
    net, kept = built(top_down.configure(args)), loop.read_checkpoint(first)["average"]
    loop.begin(net, first)
    assert all(torch.equal(net.state_dict()[name], kept[name]) for name in kept), "all that RAM learned"
    path = top_down.train(args)
    found = loop.read_checkpoint(path)
    assert found["step"] == 2
    assert found["config"]["method"] == "top-down" and found["config"]["task"] == "cluttered60"
    assert found["config"]["top_down"] and found["config"]["fovea"] == {"side": 60, "g": 12, "scales": 3}
    assert {"q.conv.weight", "context.2.bias", "net.core.weight"} <= set(found["average"])
    assert torch.allclose(found["average"]["net.core.weight"], kept["net.core.weight"], atol=0.01)
    top_down.train(replace(args, steps=3))
    assert loop.read_checkpoint(path)["step"] == 3, "it goes on from its checkpoint"
    with pytest.raises(GlimpseError, match="choose another --out"):
        top_down.train(replace(args, context=False))
