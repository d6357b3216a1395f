"""An episode: where it looks, and that it remembers what it looked at."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from gae_training import TASKS, batch, network  # noqa: E402

from training import gae_choice, spatial  # noqa: E402


def looks_of(made, strays, places, scenes):
    """(T, B, 3) the views taken, and the attention after each look."""
    with torch.no_grad():
        steps = [(seen.views[-1], attention) for _, seen, _, attention in made.eval().episode(scenes, places, strays)]
    return torch.stack([view for view, _ in steps]), [attention for _, attention in steps]


@pytest.mark.parametrize("spherical", [False, True])
def test_stray_looks_go_to_their_places_and_others_to_attention(spherical):
    made = network(glimpses=5, net={"width": 96, "spherical": spherical})
    scenes, places = torch.rand(6, 3, 48, 96), torch.rand(5, 6, 2) * 2 - 1
    strays = torch.rand(5, 6, generator=torch.Generator().manual_seed(0)) < 0.5
    views, attentions = looks_of(made, strays, places, scenes)
    assert views.shape == (5, 6, 3) and (views[..., 2] == 0.5).all()
    visited = torch.zeros(6, 1, 3, 6)
    for t in range(5):
        if t:
            x, y = gae_choice.choose(attentions[t - 1], visited, spherical)
            expected = torch.where(strays[t][:, None], places[t], torch.stack([x, y], 1))
        else:
            expected = places[0]
        s = torch.full((6, 1), 0.5)
        taken = spatial.look(scenes, torch.cat([expected, s], 1), spherical)[1]
        assert torch.allclose(views[t], taken, atol=1e-6), t
        visited = torch.maximum(visited, spatial.footprint(taken, 3, 6, spherical))


def test_random_looks_do_not_mind_attention():
    made = network(glimpses=4, net={"width": 192})
    scenes, places = torch.rand(6, 3, 48, 192), torch.rand(4, 6, 2) * 2 - 1
    anywhere, there = torch.ones(4, 6, dtype=torch.bool), torch.zeros(4, 6, dtype=torch.bool)
    random, driven = (looks_of(made, strays, places, scenes)[0] for strays in (anywhere, there))
    for weight in made.net.attend.parameters():
        weight.data.normal_(generator=torch.Generator().manual_seed(5))
    assert torch.equal(looks_of(made, anywhere, places, scenes)[0], random)
    again = looks_of(made, there, places, scenes)[0]
    assert torch.equal(again[0], driven[0]) and not torch.equal(again[1:], driven[1:])
    expected = torch.cat([places, torch.full((4, 6, 1), 0.25)], 2).flatten(0, 1)
    assert torch.equal(random.flatten(0, 1), spatial.look(scenes.repeat(4, 1, 1, 1), expected, False)[1])


def test_no_gradient_goes_through_the_choice():
    made = network(glimpses=3)
    scenes = torch.rand(2, 3, 48, 64)
    for t, seen, _, attention in made.episode(scenes, torch.rand(3, 2, 2) * 2 - 1, torch.zeros(3, 2, dtype=torch.bool)):
        assert not seen.views[-1].requires_grad and attention.requires_grad, t


@pytest.mark.parametrize("spherical", [False, True])
def test_memories_hold_the_features_of_what_was_looked_at(spherical):
    """What an episode remembers is what writing its glimpses one by one gives."""
    made = network(glimpses=3, net={"width": 96, "spherical": spherical}).eval()
    scenes, places = torch.rand(2, 3, 48, 96), torch.rand(3, 2, 2) * 2 - 1
    memories = made.net.empty(2)
    with torch.no_grad():
        for _, seen, code, _ in made.episode(scenes, places, torch.ones(3, 2, dtype=torch.bool)):
            glimpse, taken = spatial.look(scenes, seen.views[-1], spherical)
            features = made.net.encoder(spatial.composite(glimpse))
            memories = [spatial.write(m, f, taken, spherical) for m, f in zip(memories, features, strict=True)]
            for kept, expected in zip((*seen.finer(), seen.bottom), memories, strict=True):
                assert torch.allclose(kept, expected, atol=1e-5)
            assert torch.allclose(code, made.net.think(memories[-1])[0], atol=1e-5)


def test_the_ceiling_sees_the_whole_image_at_once():
    made = network(glimpses=1, net=TASKS["both"], whole=True).eval()
    scenes, places = torch.rand(2, 3, 48, 64), torch.zeros(1, 2, 2)
    with torch.no_grad():
        ((t, seen, code, attention),) = made.episode(scenes, places, torch.zeros(1, 2, dtype=torch.bool))
        features = made.net.encoder(scenes)
    assert t == 0 and all(torch.equal(a, b) for a, b in zip((*seen.finer(), seen.bottom), features, strict=True))
    assert set(made(**batch(made))[1]) == {"loss/drawing", "loss/contrast"}
