"""The prior by its leading components: the full one's answer, and an inverse by matrix products that is one."""

import math

import pytest

torch = pytest.importorskip("torch")
from elastic_making import pictures  # noqa: E402

from training.low_rank_prior import CONDITION, LowRankPrior, invert, newton, solve  # noqa: E402
from training.prior import NUGGET, PARTLY, Prior  # noqa: E402

ROWS, COLS = 4, 8


def seen(seed=0, share=0.5, count=3):
    """Random colours of random cells, seen in part: pooled (B, 3, rows, cols), known (B, 1, rows, cols)."""
    g = torch.Generator().manual_seed(seed)
    known = torch.rand(count, 1, ROWS, COLS, generator=g) * (torch.rand(count, 1, ROWS, COLS, generator=g) < share)
    return torch.rand(count, 3, ROWS, COLS, generator=g) * known, known


def fitted(components=ROWS * COLS, spherical=True, count=30):
    prior = LowRankPrior(ROWS, COLS, components)
    prior.fit(pictures(count), spherical)
    return prior


@pytest.mark.parametrize("spherical", [True, False])
def test_with_all_components_it_is_the_full_prior(spherical):
    full, low = Prior(ROWS, COLS), fitted(spherical=spherical)
    full.fit(pictures(30), spherical)
    for share in (0.1, 0.5, 1.0):
        pooled, known = seen(share=share)
        found = low(pooled, known)
        assert torch.allclose(found, full(pooled, known), atol=4e-3) and found.std() > 0.02


def test_its_answer_is_the_exact_one():
    """Conditioning a Gaussian on noisy cells, in doubles."""
    low, (pooled, known) = fitted(components=12), seen()
    basis, mean = low.basis.double(), low.mean.double()
    covariance = basis @ basis.T
    for i in range(len(pooled)):
        share = known[i].flatten().double()
        cells = (share > 1e-3).nonzero().flatten()
        share = share[cells]
        values = pooled[i].flatten(1).T[cells].double() / share[:, None].clamp(min=1e-4)
        noise = (NUGGET * share + PARTLY * (1 - share)) / share + low.rest.double()[cells]
        gain = covariance[:, cells] @ torch.linalg.inv(covariance[cells][:, cells] + noise.diag())
        exact = mean + gain @ (values - mean[cells])
        assert torch.allclose(low(pooled, known)[i].flatten(1).T.double(), exact, atol=1e-3)


@pytest.mark.parametrize("condition", [1.0, 1e2, 1e4])
def test_newtons_inverse_is_the_inverse(condition):
    torch.manual_seed(0)
    vectors = torch.linalg.qr(torch.randn(4, 24, 24, dtype=torch.float64)).Q
    values = torch.logspace(0, -torch.log10(torch.tensor(condition)).item(), 24, dtype=torch.float64)
    system = vectors @ (values[:, None] * vectors.transpose(1, 2))
    right = torch.randn(4, 24, 3, dtype=torch.float64)
    exact = torch.linalg.solve(system, right)
    assert (solve(system, right) - exact).norm() < 1e-6 * exact.norm()
    single = solve(system.float(), right.float()).double()
    assert (single - exact).norm() < 5e-3 * exact.norm()


@pytest.mark.parametrize("components", [5, ROWS * COLS])
def test_the_systems_of_scenes_are_solved(components):
    """Alike scenes seen whole: the worst that single precision is given."""
    low = LowRankPrior(ROWS, COLS, components)
    low.fit(pictures(2), True)
    known = torch.ones(1, 1, ROWS, COLS)
    weight = 1 / (NUGGET + low.rest[None, :, None])
    system = low.basis.T @ (weight * low.basis) + torch.eye(components)
    right = low.basis.T @ (weight * (torch.rand(1, ROWS * COLS, 3) - low.mean))
    exact = torch.linalg.solve(system.double(), right.double())
    assert (solve(system, right).double() - exact).norm() < 1e-3 * exact.norm()
    assert torch.isfinite(low(torch.rand(1, 3, ROWS, COLS), known)).all()


def test_steps_are_enough_for_the_condition_that_is_promised():
    torch.manual_seed(0)
    vectors = torch.linalg.qr(torch.randn(48, 48, dtype=torch.float64)).Q
    system = (vectors * torch.logspace(0, -math.log10(CONDITION), 48, dtype=torch.float64)) @ vectors.T
    largest, eye = torch.ones(1, 1, 1, dtype=torch.float64), torch.eye(48, dtype=torch.float64)
    assert (newton(system[None], largest)[0] @ system - eye).norm() < 1e-3
    assert (invert(system[None])[0] @ system - eye).norm() < 0.1, "rows sum to more than the largest eigenvalue"


@pytest.mark.parametrize("components", [5, ROWS * COLS])
def test_nothing_seen_is_the_mean(components):
    low = fitted(components)
    nothing = torch.zeros(2, 1, ROWS, COLS)
    found = low(nothing.expand(2, 3, -1, -1), nothing)
    assert torch.allclose(found, low.mean.T.reshape(1, 3, ROWS, COLS).expand(2, -1, -1, -1), atol=1e-6)
    assert low.mean.std() > 0


@pytest.mark.parametrize("components", [5, ROWS * COLS])
def test_what_was_seen_whole_is_finite_and_near_what_was_seen(components):
    low = fitted(components)
    scene = torch.from_numpy(pictures(1, seed=9)[0]).permute(2, 0, 1)[None].float() / 255
    cells = torch.nn.functional.adaptive_avg_pool2d(scene, (ROWS, COLS))
    found = low(cells, torch.ones(1, 1, ROWS, COLS))
    away = (cells - low.mean.T.reshape(1, 3, ROWS, COLS)).square().mean()
    assert torch.isfinite(found).all() and (found - cells).square().mean() < (0.8 if components == 5 else 0.05) * away


def test_what_the_basis_leaves_out_is_noise_of_its_own_cell():
    few, all_of_it = fitted(5), fitted()
    assert few.basis.shape == (ROWS * COLS, 5) and all_of_it.rest.max() < 1e-4
    total = few.basis.square().sum(1) + few.rest
    assert torch.allclose(total, all_of_it.basis.square().sum(1), atol=1e-4), "the variance is kept"
    assert few.rest.mean() > 0.05
    assert torch.allclose(few.basis @ few.basis.T, all_of_it.basis[:, :5] @ all_of_it.basis[:, :5].T, atol=1e-4)
    assert (all_of_it.basis.square().sum(0).diff() <= 1e-5).all(), "largest first"


def test_a_rolled_scene_gives_a_rolled_answer():
    low, (pooled, known) = fitted(), seen()
    a, b = low(pooled, known), low(pooled.roll(3, -1), known.roll(3, -1))
    assert torch.allclose(a.roll(3, -1), b, atol=1e-3)


def test_it_never_has_more_components_than_cells():
    assert LowRankPrior(2, 3).basis.shape == (6, 6) and LowRankPrior(16, 32, 100).basis.shape == (512, 100)
