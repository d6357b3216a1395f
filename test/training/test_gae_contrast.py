"""The contrastive loss: bounds, no gradient into what it compares with, and how large each projector is."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from training.gae_contrast import Lean, Paper, projector  # noqa: E402
from training.gae_net import GaeConfig, GaeNet  # noqa: E402
from training.resnet import STRIDES  # noqa: E402

SMALL = {"height": 48, "width": 64, "encoder": 8, "decoder": 6, "code": 5}
KINDS = ["lean", "paper"]


def features(channels: tuple[int, ...], seed: int, levels: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(2, c, 48 // d, 64 // d, generator=generator, requires_grad=True)
        for c, d in zip(channels, STRIDES[-levels:], strict=True)
    ]


def made(kind: str, **options: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return projector(GaeConfig(**{**SMALL, **options}, projector=kind))


def weights(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_cosine_with_a_gradient_on_one_side(kind):
    project = made(kind)
    predicted, whole = features((6, 6, 12, 5), 1), features((8, 8, 16, 32), 2)
    loss = project(predicted, whole)
    assert loss.shape == () and -1 <= loss.item() <= 1
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in predicted), "every level"
    for name, weight in project.named_parameters():
        assert (weight.grad is None) == (not weight.requires_grad) == name.startswith("of_target"), name


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_reaches_the_whole_image_where_that_is_cut_off(kind):
    """The lean one leaves that to its caller, who computes the target without gradients."""
    project, whole = made(kind), [f.detach() for f in features((8, 8, 16, 32), 2)]
    project(features((6, 6, 12, 5), 1), whole).backward()
    assert all(f.grad is None for f in whole)


@pytest.mark.parametrize("kind", KINDS)
def test_it_falls_as_predictions_learn_to_agree(kind):
    project, whole = made(kind), [f.detach() for f in features((8, 8, 16, 32), 2)]
    predicted = features((6, 6, 12, 5), 1)
    optimizer = torch.optim.Adam([*project.parameters(), *predicted], 0.05)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = project(predicted, whole)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > -0.3 and losses[-1] < -0.7


@pytest.mark.parametrize("kind", KINDS)
def test_its_scale_does_not_depend_on_that_of_the_features(kind):
    project, whole = made(kind), features((8, 8, 16, 32), 2)
    if kind == "paper":  # whose reductions have a bias
        for reduction in project.of_target:
            torch.nn.init.zeros_(reduction.bias)
    predicted = features((6, 6, 12, 5), 1)
    assert project(predicted, [10 * f for f in whole]).item() == pytest.approx(
        project(predicted, whole).item(), abs=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_decoder_it_compares_the_code_alone(kind):
    project = made(kind, decoder=0)
    loss = project(features((5,), 1, levels=1), features((32,), 2, levels=1))
    assert -1 <= loss.item() <= 1
    assert isinstance(project, {"lean": Lean, "paper": Paper}[kind])


def test_the_lean_one_agrees_where_a_level_is_what_it_should_be():
    """Made to pass features on, it gives -1 for equal maps and +1 for opposite ones."""
    project = Lean((4, 4), (4, 4))
    for head in project.heads:
        for conv in (head[0], head[2]):
            torch.nn.init.dirac_(conv.weight)
            torch.nn.init.zeros_(conv.bias)
    maps = [torch.rand(2, 4, 6, 8) + 0.1, torch.rand(2, 4, 3, 4) + 0.1]
    assert project(maps, maps).item() == pytest.approx(-1, abs=1e-5)
    assert project(maps, [-m for m in maps]).item() == pytest.approx(1, abs=1e-5)
    assert project(maps, [maps[0], -maps[1]]).item() == pytest.approx(0, abs=1e-5), "the mean over levels"


def test_the_papers_sizes():
    """At 128 x 256: 134 of the 150 to 165 million weights are those of the finest level; the lean one is small."""
    sizes = {"height": 128, "width": 256, "encoder": 64, "decoder": 64, "merge": 5}
    with torch.device("meta"):  # nothing is allocated
        net = GaeNet(GaeConfig(**sizes))
        paper, lean = (projector(GaeConfig(**sizes, projector=kind)) for kind in KINDS[::-1])
    assert [mlp[0].in_features for mlp in paper.mlps] == [8192, 2048, 2048, 1024]
    assert weights(paper.mlps[0]) == 2 * (8192 * 8192 + 8192) == 134_234_112
    assert 150e6 < weights(paper) + weights(net) < 165e6
    assert weights(lean) < 0.2e6 < 4e6 < weights(net) < 15e6
