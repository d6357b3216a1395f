"""The torch twin sees and pastes what the core does."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from glimpse_ros.core import retina as core  # noqa: E402
from glimpse_ros.core.memory import Mosaic, sharpness  # noqa: E402
from glimpse_ros.core.types import Glimpse, GlimpseSpec, SceneSpec, View  # noqa: E402
from training import retina  # noqa: E402

rng = np.random.default_rng(0)
scene = rng.random((64, 128, 3), np.float32)
tensor = torch.from_numpy(scene).permute(2, 0, 1)[None]
VIEWS = [View(*v) for v in zip(rng.uniform(-1, 1, 20), rng.uniform(-1, 1, 20), rng.uniform(0.1, 1, 20), strict=True)]


@pytest.mark.parametrize("projection", ["spherical", "planar"])
def test_samples_agree(projection):
    batch = torch.cat([torch.from_numpy(v.array()) for v in VIEWS])
    glimpses, taken = retina.sample(tensor.expand(20, -1, -1, -1), batch, 16, projection == "spherical")
    for view, glimpse, place in zip(VIEWS, glimpses, taken, strict=True):
        expected, where = core.sample(scene, view, GlimpseSpec(16), projection)
        assert np.abs(glimpse.numpy() - expected[0]).max() < 1e-5
        assert place.tolist() == pytest.approx([where.x, where.y, where.s], abs=1e-6)


@pytest.mark.parametrize("projection", ["spherical", "planar"])
def test_pastes_agree(projection):
    for view in VIEWS[:8]:
        pixels, taken = core.sample(scene, view, GlimpseSpec(16), projection)
        memory = Mosaic(SceneSpec(64, 128, projection), GlimpseSpec(16))
        memory.paste(Glimpse(pixels, taken))
        wraps = projection == "spherical"
        pasted, covered = retina.paste(torch.from_numpy(pixels), torch.from_numpy(taken.array()), 64, 128, wraps)
        assert np.array_equal(covered[0, 0].numpy() > 0.5, memory.seen)
        difference = np.abs(pasted[0].permute(1, 2, 0).clamp(0, 1).numpy() - memory.colour)[memory.seen]
        assert difference.max() < 1e-4


def test_sharpness_agrees():
    s = np.linspace(0.05, 1, 12, dtype=np.float32)
    assert retina.sharpness(torch.from_numpy(s)).tolist() == pytest.approx([sharpness(float(v)) for v in s], abs=1e-6)
