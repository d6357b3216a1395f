"""Random views to train on: inside the scene, of the lengths and zooms that were asked for."""

import numpy as np
import pytest

pytest.importorskip("torch")

from glimpse_ros.core.types import SceneSpec  # noqa: E402
from training import views  # noqa: E402

SCENES = [SceneSpec(256, 512, "spherical"), SceneSpec(96, 128, "planar")]
MOST, NARROWEST = 12, 1 / 16


def covered(episode, scene):
    """The share of the scene that boxes (T, 3) cover, on a grid of points."""
    xs, ys = np.meshgrid((np.arange(64) + 0.5) / 32 - 1, (np.arange(32) + 0.5) / 16 - 1)
    seen = np.zeros(xs.shape, bool)
    for x, y, s in episode:
        across = np.abs(xs - x)
        across = np.minimum(across, 2 - across) if scene.projection == "spherical" else across
        seen |= (across <= s) & (np.abs(ys - y) <= s * scene.width / scene.height)
    return seen.mean()


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.projection)
def test_tiles_cover_the_scene_and_then_come_parts_of_a_tile(scene):
    rng, longest = np.random.default_rng(0), 0
    for _ in range(40):
        episode = views.in_tiles(rng, MOST, scene, NARROWEST)
        assert 1 <= len(episode) <= MOST and episode.dtype == np.float32
        widest = episode[:, 2].max()
        tiles = episode[episode[:, 2] > 0.75 * widest]
        assert np.array_equal(tiles, episode[: len(tiles)])  # they come first
        assert covered(tiles, scene) > 0.97
        closer = episode[len(tiles) :]
        assert (closer[:, 2] <= max(widest / 2, NARROWEST) + 1e-6).all() and (closer[:, 2] >= NARROWEST - 1e-6).all()
        longest = max(longest, len(closer))
    assert longest >= 3


def test_as_many_episodes_are_tiled_as_asked():
    scene, rng = SCENES[0], np.random.default_rng(1)

    def shares(tiled):
        episodes = [views.episode(rng, MOST, scene, NARROWEST, free=0.5, tiled=tiled) for _ in range(300)]
        return np.mean([covered(episode, scene) > 0.97 for episode in episodes])

    assert shares(1.0) > 0.4  # all of the free half
    assert shares(0.0) < shares(0.5) - 0.05 < shares(1.0) - 0.1
