"""The loop: budgets, first views, stopping, and camera frames as glimpses."""

import math

import numpy as np
import pytest
from onnx_graphs import write_bundle

from glimpse_ros.core.bundle import load_policy, load_scene
from glimpse_ros.core.explorer import explore, give_overview, glimpse_from_frame, look_at_canvas
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import make_policy
from glimpse_ros.core.retina import sample
from glimpse_ros.core.scene_frame import SceneFrame, perspective_from_equirect
from glimpse_ros.core.types import Decision, Frame, GlimpseError, GlimpseSpec, Limits, PanTiltZoom, SceneSpec, View

SPHERE = SceneSpec(64, 128, "spherical")
rng = np.random.default_rng(0)
truth = np.repeat(np.repeat(rng.integers(0, 256, (8, 16, 3), np.uint8), 8, 0), 8, 1)


def run(policy, **options):
    scene = Mosaic(SPHERE, GlimpseSpec(16))
    look = look_at_canvas(truth, scene.info.glimpse, SPHERE)
    arguments = {"limits": Limits(s=(0.125, 0.5)), "glimpses": 6, "seed": 3} | options
    return list(explore(look, scene, make_policy(policy, "mosaic", scene.info), **arguments))


def test_the_budget_is_spent_and_the_error_falls():
    steps = run("grid", glimpses=8)
    errors = [np.sqrt(((s.estimate.reconstruction.transpose(1, 2, 0) * 255 - truth) ** 2).mean()) for s in steps]
    assert len(steps) == 8 and errors[-1] < 0.5 * errors[0]


def test_the_same_seed_gives_the_same_views():
    assert [s.view for s in run("random")] == [s.view for s in run("random")]
    assert [s.view for s in run("random")] != [s.view for s in run("random", seed=4)]


def test_a_forced_first_view_is_taken_by_every_policy():
    first = View(0.25, 0.0, 0.25)
    for policy in ("grid", "random", "uncertainty"):
        assert run(policy, first=first, forced=True)[0].view == first
    assert run("grid", first=first)[0].view != first, "unforced, the grid takes only its heading"


class Stopper:
    """Says stop a little louder after every glimpse."""

    wants = frozenset()

    def reset(self, episode):
        self.count = 0

    def decide(self, estimate, seen):
        self.count += seen is not None
        return Decision(View(0, 0, 0.25), self.count / 10)


def test_stop_threshold_ends_the_episode():
    scene = Mosaic(SPHERE, GlimpseSpec(16))
    look = look_at_canvas(truth, scene.info.glimpse, SPHERE)
    arguments = {"limits": Limits(), "glimpses": 9}
    assert len(list(explore(look, scene, Stopper(), stop_threshold=0.3, **arguments))) == 3
    assert len(list(explore(look, scene, Stopper(), **arguments))) == 9


def test_with_an_overview_the_policy_chooses_the_first_view_from_it(tmp_path):
    options = {"glimpse": 16, "projection": "planar", "overview": True, "brightest": True}
    folder = write_bundle(tmp_path / "b", scene_fields={"first_view": "policy", "s_range": [0.25, 0.25]}, **options)
    scene = load_scene(folder)
    policy = load_policy(folder, scene.info)
    for row, column in ((0, 0), (2, 5), (3, 7)):
        canvas = np.full((64, 128, 3), 40, np.uint8)
        canvas[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = 250
        arguments = {"limits": Limits(), "glimpses": 2}
        for image in (canvas, canvas.astype(np.float32) / 255):  # byte and float alike
            look = look_at_canvas(image, scene.info.glimpse, scene.info.scene, "zero")
            view = next(iter(explore(look, scene, policy, overview=image, **arguments))).view
            assert (view.x, view.y) == pytest.approx(((column + 0.5) / 4 - 1, (row + 0.5) / 2 - 1))
        blind = next(iter(explore(look, scene, policy, **arguments))).view
        assert (blind.x, blind.y) == pytest.approx((-0.875, -0.75))  # the first cell: all are equally dark


def test_an_overview_is_averaged_by_area_and_only_for_models_that_take_one():
    class Taker:
        overview_size = (2, 3)

        def set_overview(self, image):
            self.image = image

    taker, canvas = Taker(), np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    give_overview(taker, canvas)
    expected = canvas.reshape(2, 10, 3, 10, 3).mean((1, 3)).transpose(2, 0, 1) / 255
    assert taker.image.dtype == np.float32 and np.abs(taker.image - expected).max() < 0.6 / 255
    give_overview(Mosaic(SPHERE, GlimpseSpec(16)), canvas)  # takes none: nothing happens


@pytest.mark.parametrize("ptz", [PanTiltZoom(0, 0, 1), PanTiltZoom(2.9, 0.3, 2.5), PanTiltZoom(-1, -0.6, 1.5)])
def test_a_ptz_frame_gives_the_glimpse_of_the_canvas(ptz):
    v, u = np.mgrid[:256, :512] / 40
    smooth = (127 + 100 * np.stack([np.sin(u * 2 * math.pi * 40 / 512 * 3), np.sin(v), np.cos(v * 2)], -1)).astype(
        np.uint8
    )
    camera, spec, scene = SceneFrame(h0=math.radians(60)), GlimpseSpec(32), SceneSpec(256, 512, "spherical")
    fov = 2 * math.atan(math.tan(math.radians(30)) / ptz.zoom)
    image = perspective_from_equirect(smooth, ptz, fov, (480, 640))
    glimpse = glimpse_from_frame(Frame(image, 7, ptz), None, camera, spec, scene)
    expected, taken = sample(smooth, glimpse.view, spec, "spherical")
    assert glimpse.stamp == 7 and glimpse.view.s == pytest.approx(fov / (2 * math.pi))
    assert np.abs(glimpse.pixels - expected)[0, :, 3:-3, 3:-3].mean() < 0.02
    assert taken.x == pytest.approx(glimpse.view.x, abs=1 / 512)


def test_a_wide_frame_is_cropped_at_the_view():
    frame = Frame(truth, 5)
    glimpse = glimpse_from_frame(frame, View(0.5, 0, 0.25), SceneFrame(), GlimpseSpec(16), SPHERE)
    assert np.array_equal(glimpse.pixels, sample(truth, View(0.5, 0, 0.25), GlimpseSpec(16), "spherical")[0])
    with pytest.raises(GlimpseError, match="needs the view"):
        glimpse_from_frame(frame, None, SceneFrame(), GlimpseSpec(16), SPHERE)
