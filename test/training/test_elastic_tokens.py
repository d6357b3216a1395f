"""The paper's memory: a set of tokens of fixed capacity, its decoder, its rollout, its agent and what it costs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402

from glimpse_ros.core.types import GlimpseError  # noqa: E402
from training import adaglimpse, elastic_cost, elastic_pretrain  # noqa: E402
from training.elastic_loss import losses  # noqa: E402
from training.elastic_tokens import ElasticTokens, label_head, rollout, scene_model  # noqa: E402
from training.elastic_vit import ElasticCanvas, ElasticConfig, corner_code, entropy, token_boxes  # noqa: E402
from training.glimpse_agent import Actor, Critic, to_views  # noqa: E402
from training.loop import read_checkpoint  # noqa: E402
from training.token_agent import TokenAgentConfig, TokenPool, agent_for  # noqa: E402

CONFIG = ElasticConfig(
    64, 128, 32, memory="tokens", depth=2, capacity=3, decoder_width=32, decoder_depth=1, labels=4, classes=3
)
LIMITS = torch.tensor([[[-1.0, 1.0], [-1.0, 1.0], [0.25, 1.0]]])


def made(**options):
    torch.manual_seed(0)
    net = ElasticTokens(replace(CONFIG, **options)).eval()
    for block in (*net.encoder, *net.decoder):  # so that every block tells
        torch.nn.init.ones_(block.scale1)
        torch.nn.init.ones_(block.scale2)
    return net


def glimpses(count, batch=2, size=32):
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(count, batch, 3, size, size, generator=generator)
    views = torch.rand(count, batch, 3, generator=generator) * torch.tensor([1.0, 0.5, 0.2])
    return list(zip(pixels, views + torch.tensor([-0.5, -0.25, 0.25]), strict=True))


def written(net, looks):
    memory = net.empty(len(looks[0][1]) if looks else 2)
    for glimpse, view in looks:
        memory = net.write(memory, glimpse, view)
    return memory


@torch.no_grad()
def told(net, memory, sliced=True):
    """All that the model says of a memory."""
    seen = net.look(memory, sliced)
    drawn = net.decode(memory, *seen.handed)
    attention = entropy(seen.attention, net.config.asked)
    belief = net.belief(memory, seen, torch.zeros(len(memory[2]), 3))
    return {**drawn, "errors": seen.errors, "attention": attention, "belief": belief, "classes": net.classify(seen)}


def same(a, b, **options):
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=2e-5, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}", **options)


@pytest.mark.parametrize("patch, glimpse", [(16, 32), (9, 27)])
def test_shapes(patch, glimpse):
    net = made(patch=patch, glimpse=glimpse)
    n = (glimpse // patch) ** 2
    memory = written(net, glimpses(2, size=glimpse))
    assert [tuple(part.shape) for part in memory] == [(2, 3 * n, 3, patch, patch), (2, 3 * n, 4), (2, 3 * n)]
    out = told(net, memory)
    assert {name: tuple(part.shape) for name, part in out.items()} == {
        "reconstruction": (2, 3, 64, 128), "segmentation": (2, 4, 64, 128), "errors": (2, 6, 4, 8),
        "attention": (2, 1, 4, 8), "belief": (2, 3 * n, 3 * patch**2 + 6 + 192), "classes": (2, 3),
    }  # fmt: skip
    assert torch.equal(net.draft(memory, *net.look(memory).handed), out["reconstruction"])
    assert (out["errors"] > 0).all() and (out["errors"][:, -1] < 1).all()


def test_tokens_are_the_glimpse_row_by_row():
    net, (glimpse, view) = made(), glimpses(1)[0]
    patches, boxes, mask = written(net, [(glimpse, view)])
    assert torch.equal(patches[:, 1], glimpse[:, :, :16, 16:]) and torch.equal(patches[:, 2], glimpse[:, :, 16:, :16])
    assert torch.equal(boxes[:, :4], token_boxes(view, 2, 2.0))
    assert mask.tolist() == [[0] * 4 + [1] * 8] * 2 and not patches[:, 4:].any()


def test_empty_slots_change_nothing():
    net, looks = made(), glimpses(2)
    memory = written(net, looks)
    same(told(net, memory), told(net, memory, sliced=False))
    memory[0][:, 8:], memory[1][:, 8:] = 0.7, 0.3  # whatever lies there
    seen = net.look(memory, sliced=False)
    torch.testing.assert_close(seen.errors, net.look(memory).errors, atol=1e-6, rtol=1e-4)
    alone = [told(net, tuple(part[k : k + 1] for part in written(net, looks[: k + 1]))) for k in (0, 1)]
    mixed = tuple(torch.stack([a[0], b[1]]) for a, b in zip(written(net, looks[:1]), written(net, looks), strict=True))
    together = told(net, mixed)  # one scene with one glimpse, one with two
    for k, one in enumerate(alone):
        same(one, {name: part[k : k + 1] for name, part in together.items()})
    more = net.write(mixed, *glimpses(3)[2])
    assert more[2].sum(1).tolist() == [4, 0], "each scene's first empty slots"


def test_the_order_of_glimpses_does_not_matter():
    net, looks = made(), glimpses(3)
    a, b = (told(net, written(net, order)) for order in (looks, looks[::-1]))
    turned = b.pop("belief").unflatten(1, (3, 4)).flip(1).flatten(1, 2)
    same({"belief": a.pop("belief")}, {"belief": turned})
    same(a, b)
    shifted = told(net, written(net, [looks[0], looks[0], looks[2]]))
    assert (shifted["reconstruction"] - a["reconstruction"]).abs().max() > 1e-3, "but what was seen does"


def test_an_empty_memory():
    net = made()
    memory = net.empty(2)
    out = told(net, memory)
    assert all(torch.isfinite(part).all() for part in out.values())
    same(out, told(net, memory, sliced=False))
    assert not out["belief"][..., :-193].any() and (out["belief"][..., 3 * 256 + 5] == 1).all()


def test_the_capacity_is_refused_in_torch_and_kept_in_a_graph():
    net, looks = made(labels=0, classes=0), glimpses(4)
    full = written(net, looks[:3])
    with pytest.raises(GlimpseError, match="the memory is full; expected at most 3 glimpses"):
        net.write(full, *looks[3])

    class Step(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, glimpse, view, *states):
            memory = self.net.write(states, glimpse, view)
            seen = self.net.look(memory)
            return (*memory, seen.errors, self.net.belief(memory, seen, view))

    with torch.no_grad():
        graph = torch.jit.trace(Step(), (*looks[0], *net.empty(2)), check_trace=False)
        memory = net.empty(2)
        for glimpse, view in looks[:3]:
            *traced, errors, belief = graph(glimpse, view, *memory)
            memory = net.write(memory, glimpse, view)
            assert all(torch.equal(a, b) for a, b in zip(traced, memory, strict=True))
            seen = net.look(memory)
            torch.testing.assert_close(belief, net.belief(memory, seen, looks[0][1]), atol=2e-5, rtol=1e-4)
            torch.testing.assert_close(errors, seen.errors, atol=1e-6, rtol=1e-4)
        *traced, _, _ = graph(*looks[3], *memory)
        assert all(torch.equal(a, b) for a, b in zip(traced, memory, strict=True)), "nothing is written"


def test_sizes_are_the_papers():
    """Counted in the official code: encoder, decoder (and our linear head for the errors), actor (and our limits)."""
    config = elastic_cost.configure("tokens", elastic_cost.Args(size="base", official=True))
    with torch.device("meta"):
        net = ElasticTokens(config)
        actor = Actor(agent_for(config, 128, 256))
    weights = sum(p.numel() for p in net.parameters()) - sum(p.numel() for p in net.error_head.parameters())
    assert weights == 85_665_792 + 26_016_512 and config.fine == (14, 14)
    assert sum(p.numel() for p in actor.parameters()) == 445_022 + 4 * 256
    colours = sum(p.numel() for p in net.colour_head.parameters())
    with torch.device("meta"):
        head = label_head(512, 150, wraps=False)
    assert sum(p.numel() for p in head.parameters()) == 30_974_102 - (26_016_512 - colours)


def test_the_code_closes_on_the_sphere_and_is_continuous():
    views = torch.tensor([[0.999, 0.1, 0.25], [0.999 - 2, 0.1, 0.25]])
    across = corner_code(token_boxes(views, 2, 2.0), 192, (8, 16), wraps=True)
    assert across.shape == (2, 4, 192)
    torch.testing.assert_close(across[0], across[1], atol=2e-4, rtol=0)
    flat = corner_code(token_boxes(views, 2, 2.0), 192, (8, 16), wraps=False)
    assert (flat[0] - flat[1]).abs().max() > 0.5, "a plane does not"
    path = torch.stack([torch.linspace(-1, 1, 2001), torch.zeros(2001), torch.full((2001,), 0.25)], 1)
    for wraps in (True, False):
        code = corner_code(token_boxes(path, 2, 2.0), 192, (8, 16), wraps)
        assert code.diff(dim=0).abs().max() < 1.2 * math.pi * 32 * 1e-3, "no faster than its shortest wave"
        assert torch.cdist(code[::100, 0], code[::100, 0])[0, 1:-1].min() > 0.5, "and each place has its own"


def test_rollout():
    uniform = torch.full((1, 2, 4, 4), 0.25)
    assert torch.allclose(rollout([uniform] * 3, torch.zeros(1, 4)), torch.full((1, 3), 1 / 3))
    one = torch.tensor([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4], [0.6, 0.25, 0.15]])[None, None]
    # Of nine the four weakest fall (0.1 stays, it is the first): 0.15, 0.2, 0.25 and one that is kept, 0.1.
    kept = torch.tensor([[0.1, 0.7, 0.0], [0.3, 0.3, 0.4], [0.6, 0.0, 0.0]])
    mixed = (kept + torch.eye(3)) / 2
    mixed = mixed / mixed.sum(1, keepdim=True)
    expected = torch.softmax((mixed @ mixed)[0, 1:], 0)
    assert torch.allclose(rollout([one, one], torch.zeros(1, 3))[0], expected)
    padded = F.pad(one, (0, 2, 0, 2), value=0.5)
    found = rollout([padded, padded], torch.tensor([[0.0, 0, 0, 1, 1]]))
    assert torch.allclose(found[0], F.pad(expected, (0, 2))), "slots that are empty have no share"


def test_training_reduces_the_loss():
    net = made().train()
    scene = F.interpolate(torch.rand(1, 3, 4, 8), (64, 128), mode="bilinear")
    maps, answers = (scene.mean(1) * 3.99).long(), torch.tensor([1])
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
    memory = written(net, [(g[:1], v[:1]) for g, v in glimpses(2)])
    values = []
    for _ in range(8):
        loss, figures = losses(net, memory, scene, torch.ones(1, 1, 64, 128), maps, answers)
        optimizer.zero_grad()
        loss.backward()
        values.append((float(loss.detach()), float(figures["rmse"])))
        assert all(p.grad is not None for p in net.parameters()), "every weight learns"
        optimizer.step()
    assert values[-1][0] < 0.6 * values[0][0] and values[-1][1] < values[0][1]


def test_agent():
    net = made()
    config = agent_for(net.config, 16, 32)
    assert isinstance(config, TokenAgentConfig) and config.blind and not config.follows
    actor, critic = Actor(config), Critic(config)
    assert isinstance(actor.pool, TokenPool)
    beliefs = [told(net, memory)["belief"] for memory in (net.empty(2), written(net, glimpses(2)))]
    limits = LIMITS.expand(2, 3, 2)
    for belief in beliefs:
        action, log = actor.sample(belief, limits)
        q = critic(belief, limits, action[:, None])
        assert action.shape == (2, 3) and q.shape == (2, 2, 1) and torch.isfinite(log).all() and torch.isfinite(q).all()
    shuffled = beliefs[1][:, torch.randperm(12)]
    whole = actor.pool(beliefs[1], limits)
    torch.testing.assert_close(actor.pool(shuffled, limits), whole, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(actor.pool(beliefs[1][:, :8], limits), whole, atol=1e-5, rtol=1e-4)
    views = to_views(torch.tensor([[-1.0, 0, -1], [1.0, 1, 1]]), beliefs[1], limits, config)  # places, not steps
    torch.testing.assert_close(views, torch.tensor([[-1.0, 0, 0.25], [1, 0, 1]]))
    assert isinstance(scene_model(replace(net.config, memory="canvas", features=8)), ElasticCanvas)
    assert agent_for(replace(net.config, memory="canvas")).follows


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Panoramas, and a scene model with tokens trained on them for two steps."""
    root = tmp_path_factory.mktemp("tokens")
    (root / "data").mkdir()
    rng = np.random.default_rng(0)
    for k in range(12):
        pixels = Image.fromarray(rng.integers(0, 256, (8, 16, 3), dtype=np.uint8)).resize((128, 64))
        pixels.save(root / "data" / f"{k}.png")
    options = {"height": 64, "width": 128, "finer": 1, "depth": 1, "decoder_width": 32, "decoder_depth": 1, "batch": 2}
    options |= {"precision": "32-true", "accelerator": "cpu"}
    args = elastic_pretrain.Args(
        data=str(root / "data"), out=root / "scene", memory="tokens", capacity=3, steps=2, **options
    )
    return args, elastic_pretrain.train(args)


def test_adaglimpse_runs_on_tokens(trained, tmp_path):
    args, scene = trained
    net = elastic_pretrain.load_scene_model(scene)
    assert isinstance(net, ElasticTokens) and net.config.capacity == 3
    options = {"precision": "32-true", "accelerator": "cpu"}
    options |= {"batch": 2, "warm": 2, "replay": 8, "replay_batch": 2, "width": 8, "hidden": 16, "finer": 1}
    out = adaglimpse.train(
        adaglimpse.Args(
            scene=scene, data=args.data, out=tmp_path / "agent", glimpses=3, steps=3, epoch=1, freeze=1,
            given=0.0, **options,
        )
    )  # fmt: skip
    state = read_checkpoint(out)
    assert state["config"]["memory"] == "tokens" and state["config"]["agent"]["blind"]
    assert state["counts"] == [3, 12, 0], "three rounds, one of them for the scene model, from an empty memory on"
    assert isinstance(elastic_pretrain.load_scene_model(out), ElasticTokens)
    more = adaglimpse.Args(scene=scene, data=args.data, out=tmp_path / "more", glimpses=4, steps=1, **options)
    with pytest.raises(GlimpseError, match="expected at most 3 glimpses"):
        adaglimpse.train(more)


def test_what_tokens_cannot_be_trained_for(trained):
    args, _ = trained
    for options, said in (
        ({"whole": True}, "--whole --memory tokens"),
        ({"capacity": 0}, "--capacity 0"),
        ({"decoder_width": 40}, "--decoder-width 40: expected a multiple of 32"),
    ):
        with pytest.raises(GlimpseError, match=said):
            elastic_pretrain.train(replace(args, **options))


def test_a_canvas_before_tokens_still_agrees():
    """Checkpoints from before lack the decoder's sizes, and are gone on with."""
    canvas = ElasticConfig().described()
    assert not {"decoder_width", "decoder_depth"} & set(canvas)
    assert ElasticConfig(**canvas) == ElasticConfig()
    assert {"decoder_width", "decoder_depth"} <= set(CONFIG.described())
