"""Catch in torch: the same game as NumPy's, what the critics are told, a run of seconds that learns, and the bundle."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from glimpse_ros.core.bundle import load_policy, load_scene  # noqa: E402
from glimpse_ros.core.types import Glimpse, GlimpseError, SceneEstimate, SceneSpec, View  # noqa: E402
from glimpse_ros.datasets import catch as rules  # noqa: E402
from training import catch, catch_game  # noqa: E402
from training import loop as training_loop  # noqa: E402
from training.catch_export import export, load_catch, plain  # noqa: E402
from training.fovea import Fovea, integral_image  # noqa: E402

SMALL = {"hidden": 32, "what": 16, "batch": 8, "watch": 2, "accelerator": "cpu"}


def network(**options):
    torch.manual_seed(0)
    return catch.Catch(catch.configure(catch.Args(**{**SMALL, **options})))


def starts(count, side=24, seed=0):
    return catch_game.Start.drawn(torch.rand(count, 3, generator=torch.Generator().manual_seed(seed)), side)


def played_by(policy, start, side=24):
    """Rewards (B,) of policy(fall, frame, paddle) -> actions."""
    fall, paddle = catch_game.fall(start, side), start.paddle
    for t in range(side - 1):
        paddle = catch_game.moved(paddle, policy(fall, t, paddle), side)
    return catch_game.caught(fall.column[-1], paddle).float()


# ---- the game


@pytest.mark.parametrize("side", [8, 24])
def test_both_games_are_the_same_frame_by_frame(side):
    rng, start = np.random.default_rng(0), starts(100, side)
    fall, paddle = catch_game.fall(start, side), start.paddle
    games = [
        rules.Catch(float(x), float(dx), int(left), side)
        for x, dx, left in zip(start.x, start.dx, start.paddle, strict=True)
    ]
    for t in range(side):
        screens = torch.from_numpy(np.stack([game.screen() for game in games])).float()
        assert torch.equal(catch_game.integral(t, fall.column[t], paddle, side), integral_image(screens)), t
        assert fall.x[t].tolist() == [game.x for game in games]
        if t < side - 1:
            actions = rng.integers(0, 3, len(games))
            paddle = catch_game.moved(paddle, torch.from_numpy(actions), side)
            rewards = [game.step(int(action)) for game, action in zip(games, actions, strict=True)]
            assert any(rewards) == (t == side - 2)
    assert catch_game.caught(fall.column[-1], paddle).int().tolist() == rewards


def test_who_sees_all_catches_all_and_chance_a_twelfth():
    def knows(fall, t, paddle):
        off = fall.column[-1] - paddle
        return 1 + (off > 1).long() - (off < 0).long()

    assert played_by(knows, starts(5000)).min() == 1
    _, paddle, reward = catch_game.random_play(20000, torch.Generator().manual_seed(0))
    assert reward.mean().item() == pytest.approx(2 / 24, abs=0.008)
    assert paddle.shape == (23, 20000) and paddle.min() == 0 and paddle.max() == 22


def test_facts_of_the_next_frame_are_those_that_come():
    fall, paddle, _ = catch_game.random_play(50, torch.Generator().manual_seed(0))
    right = paddle[1:, :, None] == catch_game.moved(paddle[:-1, :, None], torch.arange(3))  # (22, 50, 3)
    actions = right.int().argmax(-1)
    now = catch_game.facts(fall, paddle, 0, 24)
    then = catch_game.facts(fall, catch_game.moved(paddle[:-1, :, None], torch.arange(3)), 1, 24)  # (22, 50, 3, facts)
    assert now.shape == (23, 50, catch_game.FACTS)
    assert torch.equal(then.gather(2, actions[..., None, None].expand(-1, -1, 1, 9)).squeeze(2), now[1:])
    late = now[..., 6] > 0
    assert late.any() and not late[0].any(), "at the start every ball can be caught"
    assert (late[1:] >= late[:-1]).all(), "what is too late stays so"


def test_a_critic_that_watched_knows_which_way_is_better():
    net, start = network(), starts(500, seed=1)
    catch.acquaint(net, 0, 120)
    fall, paddle = catch_game.fall(start), start.paddle.expand(22, -1)
    with torch.no_grad():
        worth = net.critic(catch_game.facts(fall, catch_game.moved(paddle[..., None], torch.arange(3)), 1, 24))[..., 0]
    off = fall.column[-1] - paddle - 0.5
    near = (off.abs() > 1) & (off.abs() < 8) & (paddle > 0) & (paddle < 22)
    right = (worth[..., 2] > worth[..., 0]) == (off > 0)
    assert right[near].float().mean() > 0.95


# ---- training


def test_seconds_of_training_beat_chance_on_a_small_screen(tmp_path):
    """An easier game: a short fall, all of the screen in the finest scale. Measured: 60 and 53 % on two seeds."""
    args = catch.Args(
        out=tmp_path, side=8, g=8, scales=1, core="relu", hidden=64, what=32, batch=128, steps=150, lr=3e-3, ema=0.95,
        look_after=0.05, watch=150, precision="32-true", accelerator="cpu",
    )  # fmt: skip
    net = load_catch(catch.train(args))
    still = played_by(lambda fall, t, paddle: torch.ones_like(paddle), starts(4000, 8), 8).mean().item()
    assert still < 0.3
    assert catch.caught_share(net, 2000) > 0.42


@pytest.mark.parametrize("options", [{}, {"critic": "hidden", "core": "relu"}, {"random_locations": True}])
def test_a_smoke_run_of_every_kind(tmp_path, options):
    args = catch.Args(out=tmp_path, steps=2, **{**SMALL, "look_after": 0.0, **options})
    state = training_loop.read_checkpoint(catch.train(args))
    assert state["step"] == 2 and state["config"]["method"] == "catch"
    assert all(torch.isfinite(weight).all() for weight in state["net"].values())
    catch.train(replace(args, steps=3))
    assert training_loop.read_checkpoint(tmp_path / "checkpoint.pt")["step"] == 3, "it goes on"
    with pytest.raises(GlimpseError, match="hidden.*choose another --out"):
        catch.train(replace(args, hidden=40))


@pytest.mark.parametrize("critic", ["state", "hidden"])
def test_every_weight_gets_a_gradient_even_where_looks_do_not_learn(critic):
    net = network(critic=critic)
    loss, _ = net(*catch.draw(net.config, 8, torch.Generator().manual_seed(0)), 0.2, 0.01, 0.0)
    loss.backward()
    assert all(weight.grad is not None for weight in net.parameters()), "or several processes could not train it"


def test_where_to_look_teaches_the_location_network_alone():
    net = network()
    draws = catch.draw(net.config, 8, torch.Generator().manual_seed(0))
    grads = []
    for look in (0.0, 1.0):
        net.zero_grad()
        net(*draws, 0.2, 0.01, look)[0].backward()
        grads.append({name: weight.grad.clone() for name, weight in net.named_parameters()})
    other = {name for name in grads[0] if not torch.equal(grads[0][name], grads[1][name])}
    assert other and all(name.startswith("net.locator") for name in other)
    assert all(not grads[0][name].any() for name in other)


def test_a_greedy_agent_is_seeded_and_a_random_look_goes_anywhere():
    net = network(random_locations=True)
    assert catch.caught_share(net, 100, 3) == catch.caught_share(net, 100, 3)
    _, _, noise, gumbel = catch.draw(net.config, 500, torch.Generator().manual_seed(0), greedy=True)
    assert noise.abs().max() <= 1 and noise.std().item() == pytest.approx(3**-0.5, abs=0.01) and not gumbel.any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": 3}, "--side 3: expected a screen of at least 4 px"),
        ({"side": 16}, "spans 24 px; expected 1 to 16"),
        ({"scales": 0}, "at 0 scales"),
        ({"trace": 1.5}, "--trace 1.5: expected a share"),
        ({"sigma": 0.05}, "--sigma 0.05, --sigma-end 0.07: expected"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said):
    with pytest.raises(GlimpseError, match=said):
        catch.configure(catch.Args(**options))


# ---- the bundle


@pytest.mark.parametrize("options", [{}, {"core": "relu"}, {"critic": "hidden"}, {"hidden": 320}])
def test_the_bundle_plays_as_torch_does(tmp_path, options):
    net = network(**options)
    torch.nn.init.normal_(net.net.classifier.weight, std=1.0)  # an agent that acts
    torch.nn.init.normal_(net.net.locator[-1].weight, std=1.0)
    size, worst = export(net, tmp_path / "tiny", "games")
    assert 0 < worst < 5e-3 and size < 3 * 2**20
    info = load_scene(tmp_path / "tiny").info
    assert info.scene == SceneSpec(24, 24, "planar") and info.glimpse.scales == (0.25, 0.5, 1.0)
    assert info.class_names == ("left", "stay", "right") and info.s_range == (1.0, 1.0)
    assert info.first_view == "random" and info.details["padding"] == "zero" and info.details["glimpses"] == 23


def test_the_policy_reacts_to_what_was_seen(tmp_path):
    net = network()
    torch.nn.init.normal_(net.net.locator[-1].weight, std=3.0)
    export(net, tmp_path / "tiny")
    scene = load_scene(tmp_path / "tiny", "cpu", threads=1)
    policy = load_policy(tmp_path / "tiny", scene.info, "cpu", threads=1)
    views = []
    for column in (1, 4):
        scene.reset()
        pixels = np.zeros((3, 3, 6, 6), np.float32)
        pixels[2, :, 0, column] = 1 / 16
        estimate = scene.step(Glimpse(pixels, View(0, 0, 1)))
        assert isinstance(estimate, SceneEstimate)
        views.append(policy.decide(estimate, View(0, 0, 1)).view)
    assert abs(views[0].x - views[1].x) + abs(views[0].y - views[1].y) > 1e-3


def test_folding_scales_into_weights_changes_nothing():
    net, seen = network(), torch.rand(5, 108)
    agent, at = plain(net).net, torch.rand(5, 2) * 2 - 1
    with torch.no_grad():
        inner, ours = net.net(seen * net.gain, at, net.net.empty(5)), agent(seen, at, agent.empty(5))
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(inner, ours, strict=True))
        assert torch.allclose(net.locate(inner[0]), agent.locate(ours[0]), atol=1e-6)
    assert plain(net).fovea == Fovea(24, 6, 3)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    torch.save({"config": {"method": "ram"}, "average": {}}, tmp_path / "ram.pt")
    with pytest.raises(GlimpseError, match="method 'ram'; expected 'catch'"):
        load_catch(tmp_path / "ram.pt")
    catch.train(catch.Args(out=tmp_path / "run", steps=1, **SMALL))
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    del state["average"]["net.what.weight"]
    torch.save(state, tmp_path / "broken.pt")
    with pytest.raises(GlimpseError, match="does not fit this version's Catch"):
        load_catch(tmp_path / "broken.pt")
    with pytest.raises(GlimpseError, match="does not exist"):
        load_catch(tmp_path / "none.pt")
