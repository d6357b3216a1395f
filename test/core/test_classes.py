"""What a classification says."""

import numpy as np
import pytest

from glimpse_ros.core.classes import class_name, likeliest, softmax
from glimpse_ros.core.types import GlimpseSpec, SceneInfo, SceneSpec

INFO = SceneInfo("m", SceneSpec(8, 8, "planar"), GlimpseSpec(4), (0.5, 1.0), "m", class_names=("a", "b"))


def test_probabilities_are_those_of_the_logits_however_large():
    p = softmax(np.array([0.0, np.log(3.0)], np.float32))
    np.testing.assert_allclose(p, [0.25, 0.75], atol=1e-7)
    np.testing.assert_allclose(softmax(np.array([1e30, 0.0, 1e30], np.float32)), [0.5, 0.0, 0.5])


def test_names_and_numbers():
    assert likeliest(INFO, np.array([0.0, np.log(3.0)], np.float32)) == ("b", pytest.approx(0.75))
    assert class_name(INFO, 1) == "b" and class_name(INFO, 7) == "7"
    assert likeliest(INFO, np.array([0.0, 0.0, 9.0], np.float32))[0] == "2"
