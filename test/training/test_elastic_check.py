"""What a model is told that has seen all of a scene, and what is measured of it: no glimpse is taken then."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import network, pictures, scenes  # noqa: E402

from training.elastic_check import validate, whole  # noqa: E402
from training.labelled import Labelled  # noqa: E402


def test_a_whole_memory_holds_the_scene():
    net, image = network(), scenes(2)
    colour, sharp, features, cells = whole(net, image)
    assert torch.equal(colour, image) and (sharp == 1).all() and not cells.any()
    assert [part.shape for part in (colour, sharp, features, cells)] == [part.shape for part in net.empty(2)]
    assert (features[:, -1] == 1).all() and features[:, :-1].std() > 0


def test_a_model_that_has_seen_all_is_measured_so():
    """Untrained, it draws what it was given: without error where it saw all, with some where it took glimpses."""
    net, data = network(), Labelled("blobs", pictures(2), projection="spherical")
    all_seen = validate(net, data, torch.device("cpu"), True)
    assert all_seen == {"held_out/whole": pytest.approx(0, abs=1e-3)}
    glimpsed = validate(net, data, torch.device("cpu"), False)
    assert set(glimpsed) == {"held_out/free", "held_out/ptz"}
    assert np.isfinite(list(glimpsed.values())).all() and 0.1 < glimpsed["held_out/free"] < glimpsed["held_out/ptz"]
