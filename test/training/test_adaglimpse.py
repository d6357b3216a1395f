"""AdaGlimpse trains by Soft Actor-Critic, goes on from where it was, and learns to look where there is something."""

import math

import pytest

torch = pytest.importorskip("torch")
tyro = pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import exploring, network, panoramas, pretraining, started  # noqa: E402
from gae_training import street  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import adaglimpse, augment, elastic_pretrain, loop  # noqa: E402
from training.elastic_vit import ElasticCanvas  # noqa: E402


@pytest.fixture(scope="module")
def hills(tmp_path_factory) -> str:
    return str(panoramas(tmp_path_factory.mktemp("data") / "hills"))


@pytest.fixture(scope="module")
def scene(hills, tmp_path_factory):
    """A scene model of one step."""
    out = tmp_path_factory.mktemp("scene")
    return elastic_pretrain.train(pretraining(out, hills, steps=1, batch=2, most=2))


def refuse(args, *words):
    with pytest.raises(GlimpseError) as err:
        adaglimpse.train(args)
    sentence = str(err.value)
    assert all(word in sentence for word in words) and "\n" not in sentence, sentence


def weights(state, part):
    return {k: v for k, v in state[part].items() if v.is_floating_point()}


def same(a, b):
    return {name for name, value in a.items() if torch.equal(value, b[name])}


def test_it_explores_and_leaves_the_scene_model_alone(hills, scene, tmp_path, capsys):
    args = exploring(tmp_path, hills, scene, steps=3)
    state = loop.read_checkpoint(adaglimpse.train(args))
    rounds, seen, dropped = state["counts"]
    assert rounds == 3 and dropped == 0 and 3 * 4 * 2 <= seen <= 3 * 4 * 3
    before = loop.read_checkpoint(scene)["average"]
    assert same(before, state["average"]) == set(before), "frozen to the last bit"
    assert all(torch.isfinite(value).all() for value in weights(state, "agent").values())
    assert "gained" in capsys.readouterr().err
    net = elastic_pretrain.load_scene_model(tmp_path / "checkpoint.pt")
    assert isinstance(net, ElasticCanvas) and net.config.spherical


def test_streets_are_explored_for_their_labels(tmp_path):
    roads = f"camvid:{street(tmp_path / 'roads', 4, (64, 64))}"
    small = {"height": 64, "width": 64}
    scene = elastic_pretrain.train(pretraining(tmp_path / "scene", roads, labels=True, steps=1, most=2, **small))
    state = loop.read_checkpoint(adaglimpse.train(exploring(tmp_path / "out", roads, scene)))
    assert state["counts"][0] == 2 and state["config"]["labels"] == 11
    images = panoramas(tmp_path / "plain")
    refuse(exploring(tmp_path / "other", str(images), scene), "has no label maps", "was trained to segment")


def test_turns_alternate_once_the_freeze_is_over(hills, scene, tmp_path):
    """Epochs of one round: the agent's, then the scene model's, which alone changes then."""
    states = []
    for steps in (1, 2, 3):
        args = exploring(tmp_path, hills, scene, steps=steps, freeze=1, warm=4)
        states.append(loop.read_checkpoint(adaglimpse.train(args)))
    first, second, third = states
    begun = loop.read_checkpoint(scene)["average"]
    assert same(begun, first["average"]) == set(begun)
    moved = set(begun) - same(begun, second["average"])
    assert any("layers" in name for name in moved) and any("dec0" in name for name in moved)
    assert same(first["agent"], second["agent"]) == set(first["agent"])
    assert same(second["average"], third["average"]) == set(begun)
    assert [state["counts"][0] for state in states] == [1, 2, 3]
    assert first["counts"][1] == second["counts"][1] < third["counts"][1]
    fixed = {name for name in begun if "prior" in name}
    assert fixed and not fixed & moved


def test_it_goes_on_where_it_stopped(hills, scene, tmp_path, monkeypatch):
    args = exploring(tmp_path, hills, scene, steps=3)
    first = loop.read_checkpoint(adaglimpse.train(args))
    asked = []
    batches = augment.Batches.__call__
    monkeypatch.setattr(
        augment.Batches, "__call__", lambda s, step, part: (asked.append(step), batches(s, step, part))[1]
    )
    again = loop.read_checkpoint(adaglimpse.train(args))
    assert asked == [] and again["counts"] == first["counts"], "nothing was left to do"
    more = exploring(tmp_path, hills, scene, steps=5)
    after = loop.read_checkpoint(adaglimpse.train(more))
    assert asked == [3, 4] and after["counts"][0] == 5 and after["counts"][1] > first["counts"][1]
    assert after["seconds"] > first["seconds"]
    begun, alpha = math.log(args.temperature), after["agent"]["log_alpha"]
    assert first["agent"]["log_alpha"] != begun and alpha != first["agent"]["log_alpha"]
    assert abs(alpha - first["agent"]["log_alpha"]) < 0.5 * abs(begun), "it did not begin anew"
    steps = [s["optimizers"]["critic"]["state"][0]["step"] for s in (first, after)]
    assert steps[0] > 0 and steps[1] > steps[0]


def test_an_agent_begins_from_anothers_weights(hills, scene, tmp_path):
    first = adaglimpse.train(exploring(tmp_path / "first", hills, scene))
    args = exploring(tmp_path / "then", hills, scene, steps=1, init=first, replay_batch=64, warm=1000)
    then = loop.read_checkpoint(adaglimpse.train(args))
    before = loop.read_checkpoint(first)
    assert same(before["agent"], then["agent"]) == set(before["agent"]) and then["counts"][1] > 1000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"glimpses": 4}, "glimpses 3, expected 4"),
        ({"hidden": 24}, "'hidden': 24"),
        ({"slew": 1.0}, "'slew': 1.0"),
        ({"blind": True}, "'blind': True"),
    ],
)
def test_another_configuration_at_the_same_place_is_refused(hills, scene, tmp_path, options, words):
    path = adaglimpse.train(exploring(tmp_path, hills, scene, steps=1, batch=1, glimpses=3))
    before = path.read_bytes()
    refuse(exploring(tmp_path, hills, scene, **options), str(path), words, "choose another --out")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"glimpses": 1}, "--glimpses 1: expected at least 2"),
        ({"epoch": 0}, "--epoch 0: expected at least 1"),
        ({"freeze": -1}, "--freeze -1: expected at least 0"),
        ({"warm": 0}, "--warm 0"),
        ({"replay": 0}, "--replay 0"),
        ({"replay_batch": 0}, "--replay-batch 0"),
        ({"updates": -1}, "--updates -1"),
        ({"candidates": -1}, "--candidates -1"),
        ({"max_fov": 0.0}, "--max-fov 0: expected degrees above 0, at most 360"),
        ({"max_fov": 400.0}, "--max-fov 400"),
        ({"batch": 0}, "--batch 0"),
    ],
)
def test_numbers_that_no_run_has_are_refused(hills, tmp_path, options, words):
    refuse(exploring(tmp_path / "out", hills, tmp_path / "none.pt", **options), words)
    assert not (tmp_path / "out").exists()


def test_a_scene_model_that_is_not_there_is_refused(hills, tmp_path):
    path = tmp_path / "none.pt"
    refuse(exploring(tmp_path / "out", hills, path), f"{path}: does not exist")


def test_help_says_what_the_options_mean(capsys):
    with pytest.raises(SystemExit) as done:
        tyro.cli(adaglimpse.Args, args=["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert done.value.code == 0 and "--freeze" in said and "--target-entropy" in said and "as in the paper" in said


def filled(run, rounds=2):
    for _ in range(rounds):
        run.rl_round()
        run.round += 1
    return run.replay.draw(16, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("candidates", [0, 4])
def test_the_target_critics_follow_slowly(tmp_path, candidates):
    run = started(tmp_path, warm=1000, updates=0, tau=0.25, candidates=candidates)
    steps, agent = filled(run, 1), run.agent
    before = [w.clone() for w in agent.target.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, agent.critic.parameters(), strict=True))
    run.learner.update(steps)
    for old, target, critic in zip(before, agent.target.parameters(), agent.critic.parameters(), strict=True):
        assert torch.allclose(target, old + 0.25 * (critic - old), atol=1e-6) and not target.requires_grad
    assert any(not torch.equal(a, b) for a, b in zip(before, agent.critic.parameters(), strict=True))


@pytest.mark.parametrize(("target", "sign"), [(6.0, 1), (-30.0, -1)])
def test_the_temperature_goes_towards_the_target_entropy(tmp_path, target, sign):
    """Up where the actor is too sure, down where it is not sure enough."""
    run = started(tmp_path, warm=1000, updates=0, target_entropy=target, temperature=0.1)
    steps = filled(run, 1)
    before = run.agent.log_alpha.item()
    for _ in range(3):
        figures = run.learner.update(steps)
    assert sign * (run.agent.log_alpha.item() - before) > 0 and sign * (target - figures["entropy"]) > 0


def test_the_actors_step_leaves_the_critics_and_the_targets_alone(tmp_path):
    run = started(tmp_path, warm=1000, updates=0, tau=0.0)
    steps = filled(run, 1)
    targets = [w.clone() for w in run.agent.target.parameters()]
    run.learner.update(steps)
    assert all(torch.equal(a, b) for a, b in zip(targets, run.agent.target.parameters(), strict=True))
    assert all(weight.requires_grad for weight in run.agent.critic.parameters())


def test_critics_learn_the_reward_of_last_steps(tmp_path):
    """With nothing to come after, the value of an action is its reward."""
    run = started(tmp_path, warm=1000, updates=0, lr=1e-2)
    belief, limits, action, _, after, _ = filled(run, 1)
    steps = (belief, limits, action, action[:, 2] - 0.5 * action[:, 1], after, torch.ones(len(belief)))
    first = run.learner.update(steps)["critic"]
    for _ in range(40):
        last = run.learner.update(steps)["critic"]
    assert last < 0.2 * first


def test_actions_are_uniform_until_the_buffer_is_warm(tmp_path):
    run = started(tmp_path, warm=10, guide=0.0, stray=0.0, greedy=0.0)
    belief = run.world.reset(run.begin()[0], run.begin()[1])[:1].expand(2000, -1, -1)
    limits = run.begin()[1][:1].expand(2000, 3, 2)
    with torch.no_grad():
        run.agent.actor.head[-1].bias[:3] = 4.0
    at_random = run.act(belief, limits, explore=True)
    assert torch.allclose(at_random.mean(0), torch.zeros(3), atol=0.06)
    assert torch.allclose(at_random.std(0), torch.full((3,), 3**-0.5), atol=0.04)
    run.seen = 10
    assert run.act(belief, limits, explore=True).mean() > 0.9
    mean = run.act(belief, limits, explore=False)
    assert torch.equal(mean[0], mean[-1]) and mean.std(0).max() < 1e-6


def test_guided_actions_expect_more_than_strays(tmp_path):
    net = network(True)
    run = started(tmp_path, net, warm=10, guide=1.0, stray=0.0)
    scenes, limits, _, _ = run.begin()
    belief = run.world.reset(scenes, limits)
    guided = torch.stack([run.act(belief, limits, explore=True) for _ in range(20)], 1)
    run.args.guide, run.args.stray = 0.0, 1.0  # whatever else was chosen
    strays = torch.stack([run.act(belief, limits, explore=True) for _ in range(20)], 1)
    run.args.greedy, run.args.stray, run.seen = 1.0, 0.0, 10
    with torch.no_grad():
        run.agent.critic.trust.bias.fill_(50.0)  # all that counts
    greedy = torch.stack([run.act(belief, limits, explore=True) for _ in range(20)], 1)
    drops = [adaglimpse.expected_drop(a, belief, limits, run.config.agent).mean(1) for a in (guided, strays, greedy)]
    assert (drops[0] > drops[1]).all() and (drops[2] > drops[1]).all()


def test_rewards_weigh_more_where_a_glimpse_may_span_the_scene(tmp_path):
    found = []
    for weight in (1.0, 4.0):
        run = started(tmp_path, warm=1000, free=1.0, free_weight=weight, squash=0.0)
        run.rl_round()
        found.append(run.replay.reward[: run.replay.count])
    assert found[0].any() and torch.allclose(4 * found[0], found[1])
    narrow = started(tmp_path, warm=1000, free=0.0, free_weight=4.0, squash=0.0)
    narrow.rl_round()
    plain = started(tmp_path, warm=1000, free=0.0, free_weight=1.0, squash=0.0)
    plain.rl_round()
    assert torch.equal(narrow.replay.reward, plain.replay.reward)


class Poisoned(ElasticCanvas):
    """A scene model whose belief is not a number for the second scene, once it has seen anything."""

    def belief(self, memory, seen, view):
        made = super().belief(memory, seen, view)
        made[1] = torch.where(memory[1][1].any(), math.nan, made[1])
        return made


def test_an_episode_with_a_nan_is_dropped_and_the_rest_goes_on(tmp_path):
    net = network()
    sick = Poisoned(net.config).eval()
    sick.load_state_dict(net.state_dict())
    run = started(tmp_path, sick, warm=4)
    for k in (1, 2, 3):
        figures = run.rl_round()
        run.round += 1
        assert run.dropped == k and all(math.isfinite(value) for value in figures.values())
    assert run.seen == run.replay.count and run.seen % 3 == 0 and "critic" in figures
    assert torch.isfinite(run.replay.belief).all() and torch.isfinite(run.replay.after).all()
    assert all(torch.isfinite(weight).all() for weight in run.agent.parameters())


def test_a_scene_turn_that_is_not_finite_changes_nothing(tmp_path):
    net = network()
    run = started(tmp_path, net, warm=4)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with torch.no_grad():
        net.dream.conv.bias[0] = math.nan
    assert run.scene_round() == {} and run.dropped == 4
    assert same(before, net.state_dict()) == set(before) - {"dream.conv.bias"}
