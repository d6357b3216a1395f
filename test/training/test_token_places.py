"""Where tokens and cells lie, their codes, and how far they are apart."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import GLIMPSE, HEIGHT, WIDTH, network, places  # noqa: E402

from training import retina  # noqa: E402
from training.elastic_vit import CELL  # noqa: E402
from training.token_places import apart, cell_boxes, corner_code, token_boxes  # noqa: E402

ROWS, COLS = HEIGHT // CELL, WIDTH // CELL


def test_corner_codes_close_on_the_sphere_and_only_there():
    boxes = torch.tensor([[[-0.3, -0.5, 0.4, 0.5], [0.9, -1.0, 1.3, 1.0]]])
    around = boxes + torch.tensor([2.0, 0.0, 2.0, 0.0])
    for wraps, same in ((True, True), (False, False)):
        a, b = (corner_code(box, 192, (8, 16), wraps) for box in (boxes, around))
        assert a.shape == (1, 2, 192) and a.abs().max() <= 1
        assert torch.allclose(a, b, atol=1e-3) == same


def test_corner_codes_tell_neighbouring_cells_and_scales_apart():
    boxes = cell_boxes(8, 16)
    code = corner_code(boxes, 192, (8, 16), True)[0]
    distance = torch.cdist(code, code) + 10 * torch.eye(len(code))
    assert distance.min() > 1
    half = torch.cat([boxes[:, :1, :2], boxes[:, :1, :2] + (boxes[:, :1, 2:] - boxes[:, :1, :2]) / 2], -1)
    assert (corner_code(half, 192, (8, 16), True) - code[0]).norm() > 1, "of the same corner, half as wide"


@pytest.mark.parametrize("aspect", [2.0, 4 / 3])
def test_tokens_lie_where_the_retina_samples(aspect):
    height, width, grid = 96, int(96 * aspect), 3
    views = retina.snap(places(1, 12)[0], height, width, 12, True)
    boxes = token_boxes(views, grid, width / height).unflatten(1, (grid, grid))
    left, top, w, h = retina.boxes(views, height, width)
    pixels = (boxes + 1) / 2 * torch.tensor([width, height, width, height])
    for row in range(grid):
        for col in range(grid):
            expected = torch.stack([left + w * col / 3, top + h * row / 3], 1)
            size = torch.stack([w, h], 1) / grid
            assert torch.allclose(pixels[:, row, col], torch.cat([expected, expected + size], 1), atol=1e-3)


def test_a_token_is_the_pixels_of_its_own_box():
    net = network(patch=8)
    glimpse = torch.rand(1, 3, GLIMPSE, GLIMPSE)
    other = glimpse.clone()
    other[:, :, :8, 8:] += 0.5  # the first row's second patch
    view = torch.tensor([[0.0, 0.0, 0.5]])
    with torch.no_grad():
        a, boxes = net.embed(glimpse, view)
        b, _ = net.embed(other, view)
    assert (a != b).any(-1).tolist() == [[False, True, False, False]]
    assert boxes[0, 1].tolist() == [0.0, -1.0, 0.5, 0.0]


def test_how_far_boxes_are_apart():
    """0 concentric, 1 where they touch at a side, also across the seam."""
    a = torch.tensor([[[-0.2, -0.1, 0.2, 0.1]]])
    b = torch.tensor([[[-0.1, -0.3, 0.1, 0.3], [0.2, -0.1, 0.4, 0.1], [-0.2, 0.1, 0.2, 0.2], [0.2, 0.1, 0.4, 0.3]]])
    assert apart(a, b, True)[0, 0].tolist() == pytest.approx([0, 1, 1, 2], abs=1e-5)
    left, right = torch.tensor([[[-1.0, 0.0, -0.8, 0.2]]]), torch.tensor([[[0.6, 0.0, 1.0, 0.2]]])
    assert apart(left, right, True).item() == pytest.approx(1, abs=1e-5)
    assert apart(right, left, True).item() == pytest.approx(1, abs=1e-5)
    assert apart(left, right, False).item() == pytest.approx(((1.7) / 0.3) ** 2, rel=1e-5)
    beyond = torch.tensor([[[0.9, 0.0, 1.1, 0.2]]])  # a box that hangs over the seam
    assert apart(beyond, torch.tensor([[[-1.1, 0.0, -0.9, 0.2]]]), True).item() == pytest.approx(0, abs=1e-5)
    assert apart(beyond, left, True).item() == pytest.approx(0.25, abs=1e-4)
