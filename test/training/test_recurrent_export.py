"""Bundles of the recurrent family: the same as torch, over whole episodes; small; they react; bad input is refused."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from recurrent_making import SMALL, network, save  # noqa: E402

from glimpse_ros.core.bundle import load_policy, load_scene  # noqa: E402
from glimpse_ros.core.explorer import explore, look_at_canvas  # noqa: E402
from glimpse_ros.core.types import GlimpseError, Limits, SceneSpec, View  # noqa: E402
from training import active_sampling, quadrants, ram, recurrent_export  # noqa: E402
from training.fovea import integral_image  # noqa: E402
from training.recurrent_export import export, load_agent  # noqa: E402


def agent_of(tmp_path, method="ram", **options):
    return load_agent(save(network(method, **options), tmp_path / "checkpoint.pt", method=method))


def scenes(count, side=28, seed=0):
    """(count, side, side) on 0-255: each a bright bar somewhere, on black."""
    rng, out = np.random.default_rng(seed), np.zeros((count, side, side), np.uint8)
    for scene in out:
        top, left = rng.integers(0, side - 9, 2)
        scene[top : top + rng.integers(3, 10), left : left + rng.integers(3, 10)] = rng.integers(100, 256)
    return out


def episode(bundle, canvas, first, glimpses, **options):
    scene = load_scene(bundle, "cpu", threads=1)
    rgb = np.repeat(canvas[..., None], 3, 2).astype(np.float32) / 255
    look = look_at_canvas(rgb, scene.info.glimpse, scene.info.scene, "zero")
    policy = load_policy(bundle, scene.info, "cpu", threads=1)
    limits = Limits(s=scene.info.s_range)
    return list(explore(look, scene, policy, limits=limits, glimpses=glimpses, first=first, **options))


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("ram", {}),
        ("ram", {"core": "lstm"}),
        ("active-sampling", {}),
        ("active-sampling", {"core": "lstm"}),
        ("top-down", {"top_down": True, "context": True, "entropy": True}),
        ("top-down", {"context": True}),
    ],
)
def test_a_bundle_does_what_torch_does(tmp_path, method, options):
    agent = agent_of(tmp_path, method, **options)
    size, worst = export(agent, tmp_path / "tiny", "what it saw")
    assert 0 < worst < 1e-4 and size < 2**18
    info = load_scene(tmp_path / "tiny").info
    assert info.scene == SceneSpec(28, 28, "planar") and info.glimpse.scales == (0.5, 1.0)
    assert info.s_range == pytest.approx((8 / 28, 8 / 28)) and info.details["padding"] == "zero"
    assert info.class_names == tuple("0123456789") and info.family == method and info.details["glimpses"] == 5
    assert info.details["data"] == "what it saw"
    assert info.first_view == ("policy" if options.get("top_down") else "random")


def test_parity_finds_a_difference(tmp_path):
    agent = agent_of(tmp_path)
    export(agent, tmp_path / "tiny")
    with torch.no_grad():
        agent.net.classifier.bias += 1e-3
    with pytest.raises(AssertionError, match="differs from torch by 1"):
        recurrent_export.parity(agent, tmp_path / "tiny")


def test_the_closed_loop_is_torchs_greedy_roll_out(tmp_path):
    net, images = network().eval(), scenes(12)
    first = torch.from_numpy(np.random.default_rng(1).uniform(-1, 1, (12, 1, 2))).float()
    with torch.no_grad():
        hidden, places = net.roll_out(
            integral_image(torch.from_numpy(images).float()), first, torch.zeros(4, 12, 1, 2), 0.0
        )
        net.net.classifier.bias -= net.net.classifier(hidden[-1]).mean(0)  # else every scene is of one class
        wanted = net.net.classifier(hidden)  # (5, 12, 10)
    assert len(set(wanted[-1].argmax(-1).tolist())) >= 4
    export(load_agent(save(net, tmp_path / "checkpoint.pt")), tmp_path / "tiny")
    for i, image in enumerate(images):
        steps = episode(tmp_path / "tiny", image, View(*first[i, 0].tolist(), SMALL.s), 5)
        for t, step in enumerate(steps):
            assert step.estimate.classification == pytest.approx(wanted[t, i].numpy(), abs=1e-3)
            assert step.estimate.classification.argmax() == wanted[t, i].argmax()
            if t:
                at = SMALL.snap(places[t - 1, i])[1].tolist()
                assert (step.view.x, step.view.y) == pytest.approx(at, abs=1e-5)


def test_the_policy_reacts_to_what_it_sees(tmp_path):
    export(agent_of(tmp_path), tmp_path / "tiny")
    seconds = [episode(tmp_path / "tiny", image, View(0, 0, SMALL.s), 2)[1].view for image in scenes(8)]
    assert len({(view.x, view.y) for view in seconds}) >= 4, "the same first look, other scenes, other second looks"


def test_it_stops_when_the_bounds_part(tmp_path):
    agent = agent_of(tmp_path, "active-sampling")
    export(agent, tmp_path / "tiny")
    image, first = scenes(1)[0], View(0.1, 0.0, SMALL.s)
    steps = episode(tmp_path / "tiny", image, first, 5, stop_threshold=2.0)
    beliefs = torch.from_numpy(np.stack([step.estimate.belief[0] for step in steps]))
    betas = active_sampling.best_beta(beliefs[:, 16:26], beliefs[:, 26:])
    assert [step.stop for step in steps] == pytest.approx((betas / (1 + betas)).tolist(), abs=1e-5)
    assert load_policy(tmp_path / "tiny", load_scene(tmp_path / "tiny").info).stop_threshold == 0.5, "beta 1"
    order = betas.argsort()
    beta = float(betas[order[2]] + betas[order[3]]) / 2  # three steps are below, two above
    wanted = int((betas > beta).nonzero()[0]) + 1
    assert len(episode(tmp_path / "tiny", image, first, 5, stop_threshold=beta / (1 + beta))) == wanted < 5
    assert len(episode(tmp_path / "tiny", image, first, 5, stop_threshold=0.0)) == 1, "beta 0: one glimpse"


def test_the_first_view_is_the_best_quadrant_of_the_overview(tmp_path):
    net = network("top-down", top_down=True).eval()
    with torch.no_grad():
        net.q.values.weight.mul_(20)
    agent = load_agent(save(net, tmp_path / "checkpoint.pt", method="top-down"))
    export(agent, tmp_path / "tiny")
    info = load_scene(tmp_path / "tiny").info
    policy, found = load_policy(tmp_path / "tiny", info), set()
    for image in scenes(12):
        overview = quadrants.overview_of(torch.from_numpy(image[None]).float()).expand(-1, 3, -1, -1)
        wanted = quadrants.start_view(net.q(overview))[0].tolist()
        belief = recurrent_export.unseen(agent, overview)[0].numpy()
        view = policy.decide(replace(load_scene(tmp_path / "tiny").empty(), belief=belief), None).view
        assert (view.x, view.y) == pytest.approx(wanted) and view.s == pytest.approx(SMALL.s)
        found.add((view.x, view.y))
    assert len(found) > 1, "it depends on the overview"
    blank = policy.decide(load_scene(tmp_path / "tiny").empty(), None).view
    assert abs(blank.x) == abs(blank.y) == 0.5, "without an overview it starts in a quadrant too"


def test_noise_moves_the_next_view_by_sigma(tmp_path):
    export(agent_of(tmp_path), tmp_path / "tiny")
    info = load_scene(tmp_path / "tiny").info
    mean = load_policy(tmp_path / "tiny", info).decide(load_scene(tmp_path / "tiny").empty(), None).view
    drawn = load_policy(tmp_path / "tiny", info, sample=True)
    views = [drawn.decide(load_scene(tmp_path / "tiny").empty(), None).view for _ in range(60)]
    spread = np.std([(view.x - mean.x, view.y - mean.y) for view in views])
    assert 0.05 < spread < 0.09 and {view.s for view in views} == {mean.s}


@pytest.mark.parametrize("core", ["relu", "lstm"])
@pytest.mark.parametrize("method", ["ram", "active-sampling", "top-down"])
def test_bundles_of_every_method_stay_under_three_mebibytes(tmp_path, method, core):
    options = {"top_down": True} if method == "top-down" else {}
    fovea = ram.TASKS["cluttered100x10"].fovea()
    agent = load_agent(
        save(network(method, fovea, core, 256, **options), tmp_path / "checkpoint.pt", "cluttered100x10", method)
    )
    export(agent, tmp_path / "full")
    assert sum(file.stat().st_size for file in (tmp_path / "full").iterdir()) < 3 * 2**20


def test_a_larger_network_is_stored_in_half_precision(tmp_path, capsys):
    net = network(core="lstm", hidden=320)
    agent = load_agent(save(net, tmp_path / "checkpoint.pt"))
    size, worst = export(agent, tmp_path / "half")
    assert "half precision" in capsys.readouterr().err and size < 2**21 and worst < 1e-4
    image = scenes(1)[0]
    step = episode(tmp_path / "half", image, View(0, 0, SMALL.s), 1)[0]
    with torch.no_grad():
        seen, at = SMALL.look(integral_image(torch.from_numpy(image[None]).float()), torch.zeros(1, 1, 2))
        exact = net.net.classifier(net.net(seen[0], at[0], net.net.empty(1))[0])[0].numpy()
    assert step.estimate.classification == pytest.approx(exact, abs=0.02), "what rounding the weights costs"
    with pytest.raises(GlimpseError, match="--beta -1: expected a number, at least 0"):
        export(agent, tmp_path / "half", beta=-1)
    with pytest.raises(GlimpseError, match=r"MiB; expected under 3$"):
        export(load_agent(save(network(core="lstm", hidden=640), tmp_path / "checkpoint.pt")), tmp_path / "large")


def test_what_is_no_checkpoint_of_the_family_is_refused(tmp_path):
    path = save(network(), tmp_path / "checkpoint.pt")
    assert load_agent(path, "mnist28").task == "mnist28"

    def refused(file, *words, task=None):
        with pytest.raises(GlimpseError) as error:
            load_agent(file, task)
        sentence = str(error.value)
        assert all(word in sentence for word in (str(file), *words)) and "\n" not in sentence, sentence

    refused(path, "task 'mnist28'", "expected cluttered60", task="cluttered60")
    refused(tmp_path / "none.pt", "does not exist")
    (tmp_path / "cut.pt").write_bytes(path.read_bytes()[:2000])
    refused(tmp_path / "cut.pt", "no checkpoint")
    (tmp_path / "text.pt").write_text("no weights")
    refused(tmp_path / "text.pt", "no checkpoint")
    refused(save(network(), tmp_path / "other.pt", method="panorama"), "method 'panorama'", "ram, active-sampling")
    refused(save(network(), tmp_path / "svhn.pt", task="svhn"), "task 'svhn'", "expected")
    refused(save(network(), tmp_path / "wide.pt", glimpses=5, what=3), "does not fit", "ram")
    refused(save(network(), tmp_path / "mixed.pt", method="active-sampling"), "does not fit", "active-sampling")
    torch.save({"config": [1, 2]}, tmp_path / "list.pt")
    refused(tmp_path / "list.pt", "method None")
