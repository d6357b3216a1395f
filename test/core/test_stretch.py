"""A stretched picture holds what the picture holds: averages over areas stay."""

import numpy as np
import pytest

from glimpse_ros.core.retina import averaged
from glimpse_ros.core.stretch import stretched
from glimpse_ros.core.types import SceneSpec


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)


@pytest.mark.parametrize(("scene", "size"), [((64, 128), (60, 120)), ((96, 128), (60, 80)), ((128, 48), (160, 60))])
def test_one_axis_grows_and_averages_stay(image, scene, size):
    out = stretched(image, SceneSpec(*scene))
    assert out.shape == (*size, 3)
    assert np.abs(averaged(out, 20, 20) - averaged(image, 20, 20)).max() < 1 / 255


def test_the_same_aspect_is_the_same_picture(image):
    assert stretched(image, SceneSpec(160, 160)) is image
    assert stretched(image[:, :59], SceneSpec(160, 160)).shape == (60, 59, 3), "a pixel is not worth a resize"
    assert np.array_equal(stretched(image, SceneSpec(64, 128))[:, ::2], image)
