"""The bias of a data set's labels, by hand on four pixels."""

from __future__ import annotations

import numpy as np
import pytest

from glimpse_ros.core.types import GlimpseError
from training.labelled.bias import label_bias
from training.labelled.colours import spread

MAPS = [np.array([row], np.uint8) for row in ([0, 2, 1, 255], [0, 1, 255, 255], [0, 2, 2, 255], [1, 1, 255, 11])]
PALETTE = [(0, 0, 0), (100, 0, 40), (0, 200, 80)]


def test_mode_agreement_and_mean_by_hand() -> None:
    mode, agreement, mean = label_bias(MAPS, 3, PALETTE)
    assert mode.dtype == np.uint8 and mode.tolist() == [[0, 1, 1, 255]], (
        "the lowest of equals; nothing where all is void"
    )
    np.testing.assert_allclose(agreement, [[0.75, 0.5, 0.5, 0]])
    assert mean.tolist() == [[[25, 0, 10], [50, 100, 60], [50, 100, 60], [0, 0, 0]]]
    assert agreement.dtype == np.float32 and mean.dtype == np.uint8 and mean.shape == (1, 4, 3)


def test_without_a_palette_the_mean_is_grey() -> None:
    mean = label_bias(MAPS, 3)[2]
    assert mean[0, :, 0].tolist() == [32, 191, 191, 0] and (np.ptp(mean, axis=2) == 0).all()


def test_agreement_is_one_where_all_maps_are_the_same_and_falls_with_noise() -> None:
    rng = np.random.default_rng(0)
    same = np.arange(12, dtype=np.uint8).reshape(3, 4) % 5
    noisy = [np.where(rng.random((3, 4)) < 0.4, rng.integers(0, 5, (3, 4)), same).astype(np.uint8) for _ in range(60)]
    for maps, low, high in (([same] * 7, 1, 1), (noisy, 0.4, 0.95)):
        mode, agreement, _ = label_bias(maps, 5)
        np.testing.assert_array_equal(mode, same)
        assert low <= agreement.min() and agreement.max() <= high


def test_refusals() -> None:
    with pytest.raises(GlimpseError, match="0 label maps of the sizes .*; expected some, all of one"):
        label_bias([], 3)
    with pytest.raises(GlimpseError, match="2 label maps of the sizes .*; expected some, all of one"):
        label_bias([MAPS[0], MAPS[0].T], 3)
    with pytest.raises(GlimpseError, match="a palette of 3 colours; expected one for each of 4 classes"):
        label_bias(MAPS, 4, PALETTE)


def test_spread_colours_differ() -> None:
    colours = np.array(spread(182))
    assert len(np.unique(colours, axis=0)) == 182 and colours.max() <= 255 and colours.min() >= 0
    apart = np.abs(np.diff(colours, axis=0)).sum(1)
    assert apart.min() > 60, "neighbours in the list look unlike"
    assert colours.max(1).min() > 100, "none is nearly black, which is void"
