"""The canvas's blocks: what is done in one step is the same as in two."""

import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402

from training.canvas_blocks import Entry, Join  # noqa: E402


@pytest.mark.parametrize("wraps", [True, False])
def test_entering_and_joining_are_one_convolution_after_the_other(wraps):
    torch.manual_seed(0)
    entry, join, x = Entry(5, 7, wraps), Join(7, 3, 4), torch.rand(2, 5, 8, 12)
    moved = F.pixel_unshuffle(x, 2)  # (2, 20, 4, 6)
    plain = F.conv2d(
        F.pad(moved, (1, 1, 0, 0), mode="circular" if wraps else "constant"),
        entry.conv.weight,
        entry.conv.bias,
        padding=(1, 0),
    )
    found = entry(x)
    assert torch.allclose(found, plain, atol=1e-5) and found.shape == (2, 7, 4, 6)
    fine = torch.rand(2, 3, 8, 12)
    side_by_side = torch.cat([F.interpolate(found, scale_factor=2.0), fine], 1)
    assert torch.allclose(join(found, fine), F.conv2d(side_by_side, join.weight, join.bias), atol=1e-5)
