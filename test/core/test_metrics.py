"""Figures pool over all pixels of all images."""

import numpy as np
import pytest

from glimpse_ros.core.metrics import ClassSum, ErrorSum


def test_rmse_pools_before_the_root():
    total = ErrorSum()
    total.add(np.full((2, 2, 3), 10.0), np.zeros((2, 2, 3)))
    total.add(np.zeros((2, 2, 3)), np.zeros((2, 2, 3)))
    assert total.rmse == pytest.approx(np.sqrt(50)), "not the mean of 10 and 0"
    assert total.rgb_l2 == pytest.approx(10 * np.sqrt(3) / 2)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="expected the same shape"):
        ErrorSum().add(np.zeros((2, 2, 3)), np.zeros((2, 3, 3)))


def test_classes_leave_the_unknown_out():
    total = ClassSum(3)
    total.add(np.array([0, 1, 1, 2, 0]), np.array([0, 1, 0, 255, 255]))
    assert total.accuracy == pytest.approx(2 / 3)
    assert total.miou == pytest.approx((0.5 + 0.5) / 2), "class 2 never occurs among the known"
