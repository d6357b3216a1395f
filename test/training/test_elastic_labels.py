"""Labels of what the canvas draws: of the picture's size, from the picture alone, and the picture stays as it is."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import explored, network, places, scenes  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from training.elastic_labels import Segmenter  # noqa: E402


def small(labels=3):
    torch.manual_seed(0)
    return Segmenter(labels, wraps=False, width=8)


@pytest.mark.parametrize(("height", "width"), [(96, 128), (32, 64)])
def test_every_pixel_gets_logits(height, width):
    logits = small(labels=5)(torch.rand(2, 3, height, width))
    assert logits.shape == (2, 5, height, width) and logits.dtype == torch.float32


def test_labels_follow_from_the_picture_and_do_not_change_it():
    net, image = network(labels=3, spherical=False), scenes(2)
    memory, _ = explored(net, image, places(2, 3))
    seen = net.look(memory)
    drawn = net.decode(memory, *seen.handed)
    again = net.segmenter(drawn["reconstruction"].clamp(0, 1))
    assert torch.equal(drawn["segmentation"], again)
    drawn["segmentation"].square().mean().backward()
    touched = {name.split(".")[0] for name, weight in net.named_parameters() if weight.grad is not None}
    assert touched == {"segmenter"}


def test_colours_are_learned():
    """Thirds of a scene in three colours, which is where in every scene is chance: a place tells nothing."""
    net = small()
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(1)

    def batch():
        labels = torch.randint(3, (8, 2, 4), generator=generator).repeat_interleave(16, 1).repeat_interleave(16, 2)
        return F.one_hot(labels, 3).permute(0, 3, 1, 2) * 0.8 + 0.1, labels

    for _ in range(30):
        picture, labels = batch()
        loss = F.cross_entropy(net(picture), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    picture, labels = batch()
    with torch.no_grad():
        right = (net.eval()(picture).argmax(1) == labels).float().mean()
    assert right > 0.85  # chance: 0.33
