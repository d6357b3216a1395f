"""What a classification and a segmentation say."""

import numpy as np
import pytest

from glimpse_ros.core.classes import UNKNOWN, class_colours, class_ids, class_name, likeliest, softmax
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


def test_class_ids_and_colours():
    logits = np.zeros((3, 2, 2), np.float32)
    logits[1, 0, 0] = 1.0
    logits[2, 1, 1] = 5.0
    assert class_ids(logits).tolist() == [[1, UNKNOWN], [UNKNOWN, 2]]
    info = SceneInfo(
        "x", SceneSpec(8, 16), GlimpseSpec(8), (0.1, 1.0), "x", class_names=("a", "b"), palette=((1, 2, 3), (4, 5, 6))
    )
    colours = class_colours(info)
    assert colours.shape == (256, 3) and colours[1].tolist() == [4, 5, 6] and colours[UNKNOWN].tolist() == [0, 0, 0]
    assert len({tuple(c) for c in colours[2:40].tolist()}) > 30
