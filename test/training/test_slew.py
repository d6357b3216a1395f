"""Seconds of motion in torch are those of the runtime."""

import math

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tyro")
pytest.importorskip("lightning_fabric")
from elastic_making import agent_sizes, beliefs, bounds, places  # noqa: E402

from glimpse_ros.core import motion  # noqa: E402
from glimpse_ros.core.types import View  # noqa: E402
from training import glimpse_agent  # noqa: E402
from training.slew import PAN_RATE, TILT_RATE, ZOOM_RATE, scene_fov, slew_seconds  # noqa: E402


@pytest.mark.parametrize("projection", ["spherical", "planar"])
def test_seconds_of_motion_are_those_of_the_runtime(projection):
    spherical, aspect = projection == "spherical", 2.0 if projection == "spherical" else 4 / 3
    across = math.radians(360.0 if spherical else 60.0)
    fov = motion.scene_fov(projection, across, 1 / aspect)
    a, b = places(40, 1, 1)[:, 0], places(40, 1, 2)[:, 0]
    a[:20, 2] = b[:20, 2] = 0.5  # without zoom, so that pan and tilt decide
    b[:5, 0] = a[:5, 0]
    found = slew_seconds(a, b, torch.full((40,), 0.8), spherical, across, aspect)
    for before, after, seconds in zip(a.tolist(), b.tolist(), found.tolist(), strict=True):
        expected = motion.slew_seconds(View(*before), View(*after), widest=0.8, projection=projection, fov=fov)
        assert seconds == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_rates_are_those_of_the_runtime():
    rates = motion.SlewRates()
    assert (rates.pan, rates.tilt, rates.zoom) == (PAN_RATE, TILT_RATE, ZOOM_RATE)


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [
        ((0.9, 0.0, 0.5), (-0.9, 0.0, 0.5), 0.2 * math.pi / 2.0),  # the short way, over the seam
        ((0.0, -0.5, 0.5), (0.0, 0.5, 0.5), math.pi / 2 / 1.5),
        ((0.0, 0.0, 1.0), (0.0, 0.0, 0.1), 9 / 3.0),
        ((0.0, 0.0, 0.1), (0.1, 0.0, 1.0), 9 / 3.0),  # all at once, the slowest counts
        ((0.3, 0.2, 0.4), (0.3, 0.2, 0.4), 0.0),
    ],
)
def test_seconds_by_hand(before, after, seconds):
    found = slew_seconds(torch.tensor([before]), torch.tensor([after]), torch.ones(1), True, 2 * math.pi, 2.0)
    assert found.item() == pytest.approx(seconds, abs=1e-5)


@pytest.mark.parametrize("spherical", [True, False])
def test_critics_know_how_long_a_look_takes(spherical):
    """From the last view, which a belief tells; nothing before the first."""
    config, (belief, last) = agent_sizes(spherical, slew=2.0), beliefs(spherical)
    views, limits = places(3, 5, 7), bounds(((-1.0, 1.0), (-1.0, 1.0), (1 / 8, 0.8)), 3)
    found = glimpse_agent.motion(views, belief, limits, config)
    across, widest = scene_fov(spherical), torch.full((3, 5), 0.8)
    wanted = slew_seconds(last[:, None].expand_as(views), views, widest, spherical, across, 2.0)
    assert torch.allclose(found, wanted, atol=1e-3) and found.std() > 0.1
    first = belief.clone()
    first[:, :, glimpse_agent.SUB * config.channels + 2] = 0
    assert not glimpse_agent.motion(views, first, limits, config).any()


def test_what_motion_costs_is_known_from_the_beginning():
    """Critics of 2 grey levels a second begin that much lower, in units of reward."""
    belief, _ = beliefs()
    limits, action = bounds(((-1.0, 1.0), (-1.0, 1.0), (1 / 8, 1.0)), 3), torch.rand(3, 9, 3) * 2 - 1
    free, charged = (glimpse_agent.Critic(agent_sizes(slew=slew))(belief, limits, action) for slew in (0.0, 2.0))
    views = glimpse_agent.to_views(action, belief, limits, agent_sizes())
    seconds = glimpse_agent.motion(views, belief, limits, agent_sizes())
    assert torch.allclose(free - charged, (0.3 * 2.0 * seconds)[None].expand(2, -1, -1), atol=1e-4)
