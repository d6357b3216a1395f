"""The Gaussian prior: what it measures, and that its posterior is the exact one."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from training.prior import NUGGET, PARTLY, Prior  # noqa: E402


def striped(n=40, rows=4, cols=8):
    """(h, w, 3) scenes: a random wave in x, the lower half as bright as the upper is dark."""
    rng = np.random.default_rng(0)
    scenes = []
    for _ in range(n):
        wave = 60 * np.sin(2 * np.pi * (np.arange(cols) / cols + rng.random())) * rng.normal()
        rows_of = np.where(np.arange(rows) < rows / 2, 1, -1)[:, None] * wave[None]
        scenes.append(np.clip(127 + np.repeat(rows_of[..., None], 3, 2), 0, 255).astype(np.uint8))
    return scenes


def observed(scene, seen):
    """pooled (1, 3, h, w) and known (1, 1, h, w) of a scene (h, w, 3) seen at the cells `seen` (h, w)."""
    known = torch.from_numpy(seen.astype(np.float32))[None, None]
    return torch.from_numpy(scene.astype(np.float32) / 255).permute(2, 0, 1)[None] * known, known


def test_before_the_first_glimpse_it_is_the_mean():
    prior = Prior(4, 8)
    prior.fit(striped(), True)
    nothing = torch.zeros(1, 1, 4, 8)
    assert torch.allclose(prior(nothing.expand(1, 3, -1, -1), nothing)[0], prior.mean.T.reshape(3, 4, 8), atol=1e-6)
    assert torch.allclose(prior.mean[0], prior.mean[7]), "on a sphere no heading is special"


def test_steps_of_conjugate_gradients_reach_the_exact_answer():
    torch.manual_seed(0)
    prior = Prior(4, 8)
    prior.fit(striped(), True)
    known = torch.rand(1, 1, 4, 8) * (torch.rand(1, 1, 4, 8) > 0.5)
    pooled = torch.rand(1, 3, 4, 8) * known
    share = known.flatten().double()
    weight = torch.where(share > 1e-3, share / (NUGGET * share + PARTLY * (1 - share)), torch.zeros(()).double())
    root, c = weight.sqrt(), prior.covariance.double()
    seen = (pooled.flatten(2)[0] / known.flatten().clamp(min=1e-4)).double().T - prior.mean.double()
    x = torch.linalg.solve(torch.eye(32).double() + root[:, None] * c * root[None], root[:, None] * seen)
    exact = prior.mean.double() + c @ (root[:, None] * x)
    assert torch.allclose(prior(pooled, known)[0].flatten(1).T.double(), exact, atol=2e-3)


def test_it_infers_what_was_not_seen():
    prior = Prior(4, 8)
    prior.fit(striped(), True)
    scene = striped(3)[0]
    seen = np.zeros((4, 8), bool)
    seen[0] = True
    guess = prior(*observed(scene, seen))[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(guess[3] - scene[3]).mean() < 0.25 * np.abs(127 - scene[3].astype(float)).mean()


def test_a_rolled_scene_gives_a_rolled_answer():
    prior = Prior(4, 8)
    prior.fit(striped(), True)
    scene, seen = striped(3)[1], np.zeros((4, 8), bool)
    seen[1:3, 2:5] = True
    a = prior(*observed(scene, seen))
    b = prior(*observed(np.roll(scene, 3, 1), np.roll(seen, 3, 1)))
    assert torch.allclose(torch.roll(a, 3, -1), b, atol=1e-4)


def test_few_planar_scenes_still_tell_that_neighbours_are_alike():
    prior = Prior(4, 8)
    prior.fit(striped(2), False)
    c = prior.covariance.numpy()
    assert np.allclose(c, c.T, atol=1e-5) and np.linalg.eigvalsh(c).min() > -1e-5
    assert c[9, 10] > c[9, 14], "next to it more than far away"
    assert np.trace(c) == pytest.approx(32, rel=1e-4)


def test_scenes_with_gaps_do_not_count():
    whole = striped(10)
    gappy = [np.concatenate([np.zeros_like(s), np.zeros((4, 8, 1), np.uint8)], 2) for s in whole]
    a, b = Prior(4, 8), Prior(4, 8)
    a.fit(whole, True)
    b.fit(whole + gappy, True)
    assert torch.equal(a.covariance, b.covariance)
