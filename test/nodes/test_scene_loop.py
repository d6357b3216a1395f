"""The scene node's loop: which frames become glimpses, what is asked, and how it goes on after every fault."""

import math

import numpy as np
import pytest
from node_fakes import Model, Output, Reporter
from onnx_graphs import write_bundle

from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.types import GlimpseError, PanTiltZoom
from glimpse_ros.nodes.health import ERROR, WARN
from glimpse_ros.nodes.lens import Lens
from glimpse_ros.nodes.loop_types import LoopSettings
from glimpse_ros.nodes.scene_loop import SceneLoop
from glimpse_ros.nodes.tag import BeliefTag
from glimpse_ros.nodes.views import ViewRing

NAMES = ["pan", "tilt", "zoom"]
LONG_AGO = 0  # a clock that has nothing to do with the frames' stamps


class Bench:
    """A loop with a camera that tells its view (ptz) or not (wide), driven by hand. Times in milliseconds."""

    def __init__(self, camera="ptz", hfov=1.0, **settings) -> None:
        self.model, self.output, self.reporter = (
            Model("spherical" if camera == "ptz" else "planar"),
            Output(),
            Reporter(),
        )
        self.records = []
        self.ring = ViewRing()
        self.loop = SceneLoop(
            self.model,
            LoopSettings(**settings),
            Lens(camera, hfov),
            self.ring,
            self.output,
            self.reporter,
            self._decode,
            listener=self.records.append,
        )

    def _decode(self, message):
        if isinstance(message, str):
            raise GlimpseError(message)
        return np.full((24, 32, 3), message, np.uint8)

    def frame(self, ms, value=100, at=None, clock=None, now=None):
        """A frame; at: where the camera looks just then."""
        if at is not None:
            self.ring.add(ms * 1_000_000, PanTiltZoom(*at))
        now = ms / 1e3 if now is None else now
        self.loop.frame(value, ms * 1_000_000, LONG_AGO if clock is None else clock, now)

    def answer(self, pan, tilt=0.0, zoom=1.0, now=None):
        _, tag, stamp = self.output.asked[-1]
        self.loop.answer(tag, stamp, NAMES, [pan, tilt, zoom], stamp / 1e9 if now is None else now)

    def tag(self, k=-1) -> BeliefTag:
        return BeliefTag.parse(self.output.asked[k][1])

    def counted(self, name):
        return self.reporter.health.counted(name)


DAY = 100_000_000  # [ms] so that stamps and LONG_AGO are a day apart


def test_the_first_glimpse_of_a_ptz_is_where_it_already_looks():
    bench = Bench()
    bench.frame(DAY, at=(0.5, -0.2, 2.0))
    assert [r.ptz for r in bench.records] == [PanTiltZoom(0.5, -0.2, 2.0)]
    assert bench.tag().ptz == (0.5, -0.2, 2.0) and bench.tag().step == 1
    assert bench.output.asked[0][2] == DAY * 1_000_000  # the image's stamp


def test_without_a_state_no_frame_is_a_glimpse():
    bench = Bench()
    for k in range(50):
        bench.frame(DAY + 33 * k)
        bench.loop.tick((DAY + 33 * k) / 1e3)
    assert not bench.records and not bench.output.asked


def test_a_frame_waits_for_the_state_at_its_stamp_but_not_long():
    bench = Bench()
    bench.ring.add((DAY - 10) * 1_000_000, PanTiltZoom(0.0, 0.0, 1.0))
    bench.frame(DAY, now=0.0)
    assert not bench.records
    bench.ring.add((DAY + 10) * 1_000_000, PanTiltZoom(0.2, 0.0, 1.0))
    bench.loop.look(0.01)
    assert bench.records[0].ptz.pan == pytest.approx(0.1)  # interpolated at the stamp
    bench.answer(0.2, now=0.02)
    bench.frame(DAY + 100, now=0.1)
    bench.loop.tick(0.15)
    assert len(bench.records) == 1
    bench.loop.tick(0.25)
    assert len(bench.records) == 2  # the last state must do


def test_frames_on_the_way_are_not_used_and_the_settled_one_is():
    bench = Bench()
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    bench.answer(1.0)
    for k, pan in enumerate((0.2, 0.4, 0.6, 0.8)):
        bench.frame(DAY + 33 * (k + 1), at=(pan, 0.0, 1.0))
    assert len(bench.records) == 1
    bench.frame(DAY + 200, value=200, at=(1.0, 0.0, 1.0))
    assert bench.records[1].ptz.pan == 1.0 and bench.records[1].glimpse.pixels.mean() == pytest.approx(200 / 255)
    assert len(bench.output.asked) == 2


def test_a_view_that_is_never_reached_is_taken_as_it_is_after_the_timeout():
    bench = Bench(settle_timeout=2.0)
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    bench.answer(1.0, now=0.0)
    bench.frame(DAY + 100, at=(0.7, 0.0, 1.0), now=1.9)
    assert len(bench.records) == 1
    bench.frame(DAY + 200, at=(0.7, 0.0, 1.0), now=2.1)
    assert bench.records[1].ptz.pan == 0.7  # where it really is, not where it was sent
    assert bench.counted("views not reached") == 1 and "did not reach" in bench.reporter.text


def test_no_glimpse_while_a_question_is_open_and_frames_do_not_queue():
    bench = Bench()
    for k in range(100):
        bench.frame(DAY + k, at=(0.0, 0.0, 1.0))
    assert len(bench.records) == 1
    bench.answer(0.0)
    assert len(bench.records) == 2 and bench.records[1].stamp == (DAY + 99) * 1_000_000  # the newest, at once


def test_a_lost_answer_is_asked_for_again_boundedly_and_said():
    bench = Bench(ask_again=0.5)
    bench.frame(DAY, at=(0.0, 0.0, 1.0), now=0.0)
    for k in range(600):
        bench.loop.tick(k * 0.1)
    assert 14 <= bench.output.repeated <= 20
    assert len(bench.output.asked) == 1 and "is the policy node active" in bench.reporter.text
    bench.answer(0.0, now=60.0)
    assert bench.reporter.text == "ok"


def test_answers_to_other_questions_are_dropped_and_the_question_stays():
    bench = Bench()
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    _, tag, stamp = bench.output.asked[0]
    bench.loop.answer(tag, stamp - 1, NAMES, [1.0, 0.0, 1.0], 0.0)
    bench.loop.answer("hold", stamp, NAMES, [1.0, 0.0, 1.0], 0.0)
    assert bench.loop.phase == "ask" and bench.counted("answers to another question") == 2
    bench.loop.answer(tag, stamp, NAMES, [math.nan] * 3, 0.0)
    assert bench.loop.phase == "ask" and bench.counted("answers without pan or tilt") == 1
    bench.loop.answer(tag, stamp, ["pan"], [0.3], 0.0)
    assert bench.loop.phase == "look" and bench.loop.settling.target == PanTiltZoom(0.3, 0.0, 1.0)


def test_a_command_by_hand_is_followed_at_any_time():
    bench = Bench()
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    bench.loop.done(True, 0.0)
    bench.loop.answer("", 0, NAMES, [0.4, 0.0, 1.0], 0.0)
    bench.frame(DAY + 50, at=(0.4, 0.0, 1.0))
    assert bench.records[1].ptz.pan == 0.4


def test_a_reset_begins_another_episode_and_answers_of_the_old_one_are_dropped():
    bench = Bench()
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    old = bench.output.asked[0]
    bench.loop.begin()
    bench.frame(DAY + 33, at=(0.1, 0.0, 1.0))
    assert bench.tag(0).episode != bench.tag(1).episode and bench.tag(1).step == 1
    assert len(bench.model.glimpses) == 1
    bench.loop.answer(old[1], old[2], NAMES, [1.0, 0.0, 1.0], 0.0)
    assert bench.loop.phase == "ask"


def test_time_set_back_resets_the_memory_and_is_said_once():
    bench = Bench()
    bench.frame(DAY + 5000, at=(0.0, 0.0, 1.0))
    bench.answer(0.0)
    bench.frame(DAY + 5033, at=(0.0, 0.0, 1.0))
    assert len(bench.model.glimpses) == 2
    bench.frame(DAY, at=(0.3, 0.0, 1.0))
    assert len(bench.reporter.notes) == 1 and "time jumped back" in bench.reporter.notes[0]
    assert len(bench.model.glimpses) == 1 and bench.records[-1].ptz.pan == 0.3 and bench.tag().step == 1
    bench.frame(DAY + 33, at=(0.3, 0.0, 1.0))
    assert len(bench.reporter.notes) == 1


def test_a_jump_back_drops_states_of_the_time_before():
    bench = Bench()
    for k in range(100):
        bench.ring.add((DAY + 5000 + 10 * k) * 1_000_000, PanTiltZoom(2.0, 0.0, 1.0))
    bench.frame(DAY + 5900)
    bench.frame(DAY + 5100)  # no state of the new time yet
    assert len(bench.records) == 1
    bench.ring.add((DAY + 5100) * 1_000_000, PanTiltZoom(0.5, 0.0, 1.0))
    bench.loop.look(0.0)
    assert bench.records[1].ptz.pan == 0.5


def test_stale_frozen_and_late_frames_are_counted_and_not_used():
    bench = Bench(max_frame_age=1.0)
    clock = (DAY + 3000) * 1_000_000
    bench.frame(DAY, at=(0.0, 0.0, 1.0), clock=clock)
    assert not bench.records and bench.counted("frames stale") == 1 and "3.0 s old" in bench.reporter.text
    bench.frame(DAY + 2990, at=(0.0, 0.0, 1.0), clock=clock)
    assert len(bench.records) == 1 and bench.reporter.text == "ok"
    bench.answer(0.0)
    for _ in range(10):
        bench.frame(DAY + 2990, clock=clock)
    bench.frame(DAY + 2950, clock=clock)
    assert len(bench.records) == 1
    assert bench.counted("frames repeated") == 10 and bench.counted("frames late") == 1


def test_a_frame_that_waited_too_long_for_an_answer_is_not_used():
    bench = Bench("wide", max_frame_age=1.0)
    bench.frame(DAY, now=0.0)
    bench.answer(0.1, now=0.1)
    bench.frame(DAY + 33, now=0.133)
    bench.answer(0.2, now=5.0)  # the camera was silent meanwhile
    assert len(bench.records) == 1 and bench.counted("frames stale") == 1
    bench.frame(DAY + 5000, now=5.1)
    assert len(bench.records) == 2


def test_malformed_frames_are_counted_named_and_skipped():
    bench = Bench()
    bench.frame(DAY, value="image of 3x3 rgb8: step 1 is shorter than a row of 9 bytes", at=(0.0, 0.0, 1.0))
    assert bench.counted("frames malformed") == 1 and "step 1 is shorter" in bench.reporter.text
    bench.frame(DAY + 33, at=(0.0, 0.0, 1.0))
    assert len(bench.records) == 1 and bench.reporter.text == "ok"


def test_a_model_that_answers_nan_is_an_error_after_many_but_the_loop_goes_on():
    bench = Bench()
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    bench.answer(0.0)
    bench.model.broken = True
    bench.frame(DAY + 33, at=(0.0, 0.0, 1.0))
    assert bench.reporter.health.report()[0] == WARN and bench.loop.phase == "look"
    for k in (2, 3):
        bench.frame(DAY + 33 * k, at=(0.0, 0.0, 1.0))
    assert bench.reporter.health.report()[0] == ERROR and bench.counted("glimpses failed") == 3
    assert bench.loop.phase == "ask" and len(bench.output.asked) == 2  # the policy may look elsewhere
    assert bench.tag().step == 1 and np.array_equal(bench.output.asked[1][0].belief, bench.output.asked[0][0].belief)
    bench.model.broken = False
    bench.answer(0.5)
    bench.frame(DAY + 200, at=(0.5, 0.0, 1.0))
    assert bench.reporter.text == "ok" and len(bench.records) == 2


def test_done_ends_the_questions_until_it_is_taken_back():
    bench = Bench(ask_again=0.1)
    bench.frame(DAY, at=(0.0, 0.0, 1.0), now=0.0)
    bench.loop.done(True, 0.0)
    for k in range(1, 100):
        bench.loop.tick(k * 0.1)
        bench.frame(DAY + k, at=(0.0, 0.0, 1.0))
    assert len(bench.records) == 1 and bench.output.repeated == 0
    bench.loop.done(False, 10.0)
    assert bench.output.repeated == 1 and bench.loop.phase == "ask"


def test_with_loop_done_begins_another_episode():
    bench = Bench(loop=True)
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    bench.loop.done(True, 0.0)
    bench.frame(DAY + 33, at=(0.0, 0.0, 1.0))
    assert len(bench.records) == 2 and bench.tag(0).episode != bench.tag(1).episode


def test_a_wide_camera_asks_before_its_first_crop_and_is_cropped_where_it_is_told():
    bench = Bench("wide")
    bench.frame(DAY, value=50)
    assert not bench.records and bench.tag().step == 0 and bench.tag().view is None and bench.tag().ptz is None
    assert (bench.output.asked[0][0].belief == -1).all()
    target = bench.loop.lens.wide(24, 32).view_from_ptz(PanTiltZoom(0.2, 0.1, 4.0))
    bench.answer(0.2, 0.1, 4.0)
    taken = bench.records[0].view
    assert (taken.x, taken.y, taken.s) == pytest.approx((target.x, target.y, target.s), abs=0.07)  # whole pixels
    assert bench.records[0].ptz is None and bench.records[0].stamp == DAY * 1_000_000
    bench.answer(0.0)
    assert len(bench.records) == 1  # one glimpse of each frame
    bench.frame(DAY + 33, value=60)
    assert len(bench.records) == 2


def test_a_frame_of_another_shape_than_the_scene_is_squeezed_and_its_angles_stay_true():
    bench = Bench("wide", hfov=math.radians(90.0))  # frames of 4:3, a scene of 2:1
    bench.frame(DAY, value=50)
    assert bench.loop.shot.canvas.shape == (16, 32, 3)
    assert bench.tag().fov[1:] == pytest.approx((math.radians(90.0), 2 * math.atan(0.75)))
    bench.answer(0.0, math.atan(0.75), 4.0)  # the lower edge of the image, which no squeezing moves
    assert bench.loop.view is not None and bench.loop.view.y == pytest.approx(1.0)


def test_glimpses_per_frame():
    bench = Bench("wide", glimpses_per_frame=3)
    bench.frame(DAY, value=50)
    bench.frame(DAY + 1, value=60)
    for pan in (0.1, 0.2, 0.3, 0.4):
        bench.answer(pan)
    assert [r.stamp - DAY * 1_000_000 for r in bench.records] == [0, 0, 0, 1_000_000]


def test_memory_per_frame_is_an_episode_of_its_own_for_each_frame():
    bench = Bench("wide", glimpses_per_frame=2, memory="per_frame")
    for k in range(3):
        bench.frame(DAY + k, value=50 + k)
        assert bench.tag().step == 0  # the policy is asked for the first view anew
        bench.answer(0.1)
        bench.answer(0.2)
        if k == 1:
            bench.loop.done(True, 0.0)  # whether it says so or not
        assert len(bench.model.glimpses) == 2
    episodes = {BeliefTag.parse(tag).episode for _, tag, _ in bench.output.asked}
    assert len(episodes) == 3 and len(bench.records) == 6


def test_memory_decay_fades_at_each_new_frame():
    bench = Bench("wide", glimpses_per_frame=2, memory="decay", forget_rate=0.25)
    faded = []
    bench.model.forget = faded.append
    for k in range(3):
        bench.frame(DAY + k)
        for _ in range(3):
            bench.answer(0.1)
    assert faded == [0.25, 0.25]


def test_a_ptz_camera_with_a_planar_model_is_an_error_not_a_guess():
    bench = Bench()
    bench.loop.model = Model("planar")
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    assert not bench.records and "needs a spherical scene model" in bench.reporter.text
    assert bench.reporter.health.report()[0] == ERROR


def test_without_a_field_of_view_nothing_is_guessed():
    bench = Bench(hfov=0.0)
    bench.frame(DAY, at=(0.0, 0.0, 1.0))
    assert not bench.records and "field of view is unknown" in bench.reporter.text


def test_a_wide_cameras_first_question_is_what_the_overview_tells(tmp_path):
    bench = Bench("wide")
    bench.loop.model = load_scene(write_bundle(tmp_path / "b", glimpse=8, projection="planar", overview=True))
    bench.frame(DAY, value=51)
    assert bench.tag().step == 0
    np.testing.assert_allclose(bench.output.asked[0][0].belief[:, :3], 0.2, atol=0.01)
    bench.answer(0.0, 0.0, 8.0)
    bench.frame(DAY + 33, value=102)
    colours = bench.output.asked[1][0].belief[:, :3]
    np.testing.assert_allclose(colours, 0.2, atol=0.01)  # seen at 51, and the overview of the first frame elsewhere
    bench.loop.begin()
    bench.frame(DAY + 66, value=204)
    np.testing.assert_allclose(bench.output.asked[-1][0].belief[:, :3], 0.8, atol=0.01)  # another episode, another one


def test_an_overview_that_the_model_cannot_use_is_said_and_it_goes_on_without(tmp_path):
    bench = Bench("wide")
    bench.loop.model = load_scene(write_bundle(tmp_path / "b", glimpse=8, projection="planar", overview=True, nan=-0.5))
    bench.frame(DAY, value=51)
    assert bench.reporter.health.report()[0] == ERROR and "it goes on without an overview" in bench.reporter.text
    assert bench.counted("overviews failed") == 1 and not bench.output.asked[0][0].belief.any()
    target = PanTiltZoom(0.4, 0.0, 8.0)  # left of x = -0.5 the graph is well
    bench.answer(target.pan, target.tilt, target.zoom)
    assert len(bench.records) == 1 and bench.reporter.text == "ok"
