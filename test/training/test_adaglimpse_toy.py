"""A toy: grey scenes with a pattern in one corner, new each time, and looks too narrow to see it from elsewhere."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import GLIMPSE, network, started  # noqa: E402

from training import augment  # noqa: E402
from training.glimpse_agent import to_views  # noqa: E402

SIDE, NARROW = 64, 15.0  # [px], [deg] of 60


def corners(count, seed):
    rng, made = np.random.default_rng(seed), []
    for _ in range(count):
        image = np.full((SIDE, SIDE, 3), 128, np.uint8)
        blocks = rng.choice(np.array([0, 255], np.uint8), (6, 6, 1))
        image[-24:, :24] = np.kron(blocks, np.ones((4, 4, 3), np.uint8))
        made.append(image)
    return made


def final_rmse(run, act):
    """On new scenes, after three looks: the mean RMSE (0-255) of what the scene model draws."""
    scenes = torch.from_numpy(np.stack(corners(48, 1000))).permute(0, 3, 1, 2)
    s = GLIMPSE / SIDE
    limits = torch.tensor([[-1.0, 1.0], [-1.0, 1.0], [s, s]]).expand(48, 3, 2)
    belief = run.world.reset((scenes, None, None), limits)
    for _ in range(3):
        belief, _ = run.world.step(to_views(act(belief, limits), belief, limits, run.config.agent))
    return -run.world.score.mean().item()


def test_it_learns_to_look_where_there_is_something_to_see(tmp_path):
    """The paper's agent: a scene model that was never trained has nothing to tell the critics of what it expects."""
    net = network(height=SIDE, width=SIDE, depth=1, spherical=False)
    images = corners(64, 0)
    net.prior.fit(images, False)
    sac = {"updates": 3, "lr": 3e-3, "gamma": 0.5, "per": 0.1, "replay_batch": 64, "replay": 4096, "warm": 64}
    alone = {
        "given": 0.0,
        "guide": 0.0,
        "greedy": 0.0,
        "candidates": 0,
        "blind": True,
        "free": 0.0,
        "squash": 0.0,
        "max_fov": NARROW,
        "width": 16,
        "hidden": 32,
    }
    run = started(tmp_path, net, images, batch=16, **sac, **alone)
    run.batches = augment.Batches(run.data, 16, SIDE, SIDE, 0, augment=False)  # a corner stays where it is
    generator = torch.Generator().manual_seed(0)
    at_random = final_rmse(run, lambda belief, _: 2 * torch.rand(len(belief), 3, generator=generator) - 1)
    for _ in range(20):
        run.rl_round()
        run.round += 1
    learned = final_rmse(run, lambda belief, limits: run.act(belief, limits, explore=False))
    assert learned < 0.85 * at_random, (learned, at_random)
