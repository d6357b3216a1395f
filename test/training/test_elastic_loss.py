"""What the elastic scene model is trained for: what does not count, and where its expectations settle."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import HEIGHT, WIDTH, explored, network, places, scenes  # noqa: E402

from training.augment import VOID  # noqa: E402
from training.canvas import DETAIL_SCALES, FLOOR  # noqa: E402
from training.elastic_loss import labelled, losses, weighed  # noqa: E402
from training.elastic_pretrain import whole  # noqa: E402
from training.elastic_vit import FINE  # noqa: E402
from training.panorama import detail  # noqa: E402

CELLS = (HEIGHT // FINE, WIDTH // FINE)


def known_left(count=2):
    """(B, 1, H, W): 1 in the left half."""
    known = torch.zeros(count, 1, HEIGHT, WIDTH)
    known[..., : WIDTH // 2] = 1
    return known


def test_unknown_pixels_do_not_count():
    torch.manual_seed(0)
    known, image = known_left(), scenes(2)
    square, smooth = torch.rand(2, 1, HEIGHT, WIDTH), torch.rand(2, 3, HEIGHT // 4, WIDTH // 4)
    sharp = (torch.rand(2, 1, HEIGHT, WIDTH) > 0.5).float()
    expected = weighed(square, smooth, image, known, sharp)
    other = torch.where(known > 0, square, 100.0)
    elsewhere = torch.where(known > 0, image, 1 - image)
    assert torch.equal(weighed(other, smooth, elsewhere, known, sharp), expected)
    assert not torch.equal(weighed(other, smooth, elsewhere, torch.ones_like(known), sharp), expected)
    assert weighed(square, smooth, image, torch.zeros_like(known), sharp) == 0


def test_no_gradient_comes_from_unknown_pixels():
    """Of the whole loss: a scene of which nothing is known teaches nothing."""
    net, image = network(True), scenes(2)
    memory, _ = explored(net, image, places(2, 2))
    loss, _ = losses(net, memory, image, torch.zeros(2, 1, HEIGHT, WIDTH))
    loss.backward()
    assert loss == 0 and not any(w.grad.any() for w in net.parameters() if w.grad is not None)


def test_a_scene_that_was_seen_whole_is_known_perfectly():
    net, image = network(), scenes(2)
    with torch.no_grad():
        _, figures = losses(net, whole(net, image), image, torch.ones(2, 1, HEIGHT, WIDTH))
        _, unseen = losses(net, net.empty(2), image, torch.ones(2, 1, HEIGHT, WIDTH))
    assert figures["rmse"] == 0 and unseen["rmse"] > 20


def test_the_rmse_is_that_of_bytes():
    net, image = network(), scenes(2)
    with torch.no_grad():
        memory = net.empty(2)
        drawn = net.decode(memory, *net.look(memory).handed)["reconstruction"]
        _, figures = losses(net, memory, image, torch.ones(2, 1, HEIGHT, WIDTH))
    assert figures["rmse"].item() == pytest.approx(255 * (drawn - image).square().mean().sqrt().item(), rel=1e-5)


@pytest.mark.parametrize("channel", range(3))  # finer scales than the scene's own leave nothing
def test_expected_errors_settle_at_what_they_should_be(channel):
    """A head that can say one number everywhere is content with the mean squared error, now or at a detail scale."""
    net, image = network(), torch.rand(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    memory, _ = explored(net, image, places(2, 2))
    known = torch.ones(2, 1, HEIGHT, WIDTH)
    with torch.no_grad():
        drawn = net.decode(memory, *net.look(memory).handed)["reconstruction"]
        now = torch.nn.functional.avg_pool2d((drawn - image).square().mean(1, keepdim=True), FINE)
        truth = torch.cat([now, *(detail(image, s, True) for s in DETAIL_SCALES)], 1).clamp(min=1e-5)
        mean = truth.mean((0, 2, 3))
    head = net.belief_head[1]
    slopes = []
    for factor in (0.7, 1.0, 1.4):
        with torch.no_grad():
            head.weight.zero_()
            head.bias.copy_(torch.expm1((factor * mean - FLOOR) / 0.02).log())
        net.zero_grad()
        losses(net, memory, image, known)[0].backward()
        slopes.append(head.bias.grad[channel].item())
    assert slopes[0] < 0 < slopes[2]
    assert abs(slopes[1]) < 0.02 * min(-slopes[0], slopes[2])


def test_void_labels_and_ids_without_a_class_do_not_count():
    torch.manual_seed(0)
    maps = torch.randint(3, (2, HEIGHT, WIDTH))
    logits, wrong = torch.randn(2, 3, HEIGHT, WIDTH), torch.rand(2, 1, *CELLS)
    maps[:, :, WIDTH // 2 :] = VOID
    figures: dict = {}
    expected = labelled(logits, wrong, maps, figures)
    other = logits.clone()
    other[..., WIDTH // 2 :] = 50 * torch.randn(2, 3, HEIGHT, WIDTH // 2)
    unsure = wrong.clone()
    unsure[..., CELLS[1] // 2 :] = 0.5
    again: dict = {}
    assert torch.equal(labelled(other, unsure, maps, again), expected) and again == figures
    strange = torch.where(maps == VOID, 7, maps)  # an id that the model has no class for
    assert torch.equal(labelled(logits, wrong, strange, {}), expected)
    assert not torch.equal(labelled(other, wrong, maps.clamp(max=2), {}), expected)


def test_maps_that_are_all_void_teach_nothing_and_break_nothing():
    logits = torch.randn(2, 3, HEIGHT, WIDTH, requires_grad=True)
    maps, figures = torch.full((2, HEIGHT, WIDTH), VOID), {}
    loss = labelled(logits, torch.rand(2, 1, *CELLS), maps, figures)
    assert torch.isfinite(loss), "the mean over no pixel"
    loss.backward()
    assert not logits.grad.any()


@pytest.mark.parametrize("right", [0.0, 0.25, 1.0])
def test_accuracy_and_the_expected_wrong_share(right):
    """A share of each cell's pixels is labelled rightly; expecting just that costs least."""
    maps = torch.ones(1, HEIGHT, WIDTH, dtype=torch.long)
    logits = torch.zeros(1, 3, HEIGHT, WIDTH)
    logits[:, 2] = 1.0
    rows = torch.arange(HEIGHT) % FINE < right * FINE
    logits[:, 1, rows] = 2.0
    figures: dict = {}
    costs = [
        labelled(logits, torch.full((1, 1, *CELLS), share), maps, figures).item()
        for share in (1 - right, abs(0.7 - right), 0.5)
    ]
    assert figures["pixel_accuracy"].item() == pytest.approx(right)
    assert costs[0] < min(costs[1:]) - 1e-3


def test_classes_that_are_not_known_do_not_count():
    net, image = network(classes=3), scenes(3)
    with torch.no_grad():
        memory, known = net.empty(3), torch.ones(3, 1, HEIGHT, WIDTH)
        plain, _ = losses(net, memory, image, known)
        some, _ = losses(net, memory, image, known, answers=torch.tensor([1, VOID, VOID]))
        logits = net.classify(net.look(memory))
    expected = torch.nn.functional.cross_entropy(logits[:1], torch.tensor([1]))
    assert some - plain == pytest.approx(expected.item(), abs=1e-4)
    with torch.no_grad():
        none, _ = losses(net, memory, image, known, answers=torch.full((3,), VOID))
    assert none == plain


def test_labels_join_the_loss():
    net, image = network(labels=3), scenes(2)
    maps = torch.randint(3, (2, HEIGHT, WIDTH))
    memory, known = whole(net, image), torch.ones(2, 1, HEIGHT, WIDTH)
    loss, figures = losses(net, memory, image, known, maps)
    loss.backward()
    assert set(figures) == {"rmse", "pixel_accuracy"}
    for head in (net.segmenter.out, net.wrong_head[1]):
        assert head.weight.grad.any()
