"""What models/panorama has learned, in the elastic scene model."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from glimpse_ros.core.bundle import load_scene  # noqa: E402
from glimpse_ros.core.types import Glimpse, GlimpseError, View  # noqa: E402
from training.elastic_from_panorama import canvas_weights, elastic, save  # noqa: E402
from training.elastic_pretrain import load_scene_model  # noqa: E402
from training.low_rank_prior import LowRankPrior  # noqa: E402

BUNDLE = Path(__file__).parents[2] / "models" / "panorama"


@pytest.mark.parametrize("tokens", [True, False])
def test_it_draws_and_expects_what_the_bundle_does(tmp_path, tokens):
    net = elastic(canvas_weights(BUNDLE), tokens)
    save(net, tmp_path / "runs" / "checkpoint.pt")
    net = load_scene_model(tmp_path / "runs" / "checkpoint.pt")
    exact = LowRankPrior(*net.config.fine, components=512)  # of 192 components it is another prior
    exact.take(canvas_weights(BUNDLE)["prior.mean"], canvas_weights(BUNDLE)["prior.covariance"])
    net.prior = exact
    scene = load_scene(BUNDLE, "cpu", threads=1)
    torch.manual_seed(0)
    memory = net.empty(1)
    for view in (View(0.25, 0.0, 0.25), View(-0.5, 0.25, 0.125)):
        smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 4), (32, 32), mode="bicubic").clamp(0, 1)
        estimate = scene.step(Glimpse(smooth.numpy(), view))
        with torch.no_grad():
            memory = net.write(memory, smooth, torch.from_numpy(view.array()))
            seen = net.look(memory)
            drawn = net.decode(memory, *seen.handed)["reconstruction"].clamp(0, 1)
    assert np.abs(estimate.reconstruction - drawn[0].numpy()).max() < 5e-3
    assert np.abs(estimate.uncertainty - seen.errors[0, :1].sqrt().numpy()).max() < 5e-3


def test_other_bundles_are_refused(tmp_path):
    with pytest.raises(GlimpseError, match="scene.onnx: does not exist"):
        canvas_weights(tmp_path)
    with pytest.raises(GlimpseError, match="holds no .* expected models/panorama"):
        canvas_weights(BUNDLE.parent / "street")
