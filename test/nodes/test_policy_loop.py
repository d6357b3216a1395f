"""The policy node's loop: one answer for each belief, nothing that is not a view, and a budget."""

import math

import numpy as np
import pytest
from node_fakes import Model, Reporter, ScriptedPolicy

from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.policies import make_policy
from glimpse_ros.core.scene_frame import SceneFrame
from glimpse_ros.core.types import Decision, GlimpseError, MountLimits, PanTiltZoom, SceneEstimate, SceneSpec, View
from glimpse_ros.nodes.health import ERROR, WARN
from glimpse_ros.nodes.policy_loop import PolicyLoop, PolicySettings
from glimpse_ros.nodes.tag import BeliefTag

BELIEF = SceneEstimate(np.zeros((4, 1), np.float32))
HERE = PanTiltZoom(0.1, 0.0, 1.0)
CAMERA = SceneFrame("spherical", 1.0)


class Bench:
    """A loop whose answers are remembered."""

    def __init__(self, *answers, info=None, make=None, **settings) -> None:
        self.policy = ScriptedPolicy(*answers)
        self.reporter = Reporter()
        self.views, self.dones = [], []
        make = make or (lambda info: self.policy)
        self.info = info or Model().info
        self.loop = PolicyLoop(self.info, make, PolicySettings(**settings), self, self.reporter)

    def next_view(self, ptz, frame_id, stamp, tag, camera):
        self.views.append((ptz, frame_id, stamp))

    def done(self, finished):
        self.dones.append(finished)

    def ask(self, step=1, stamp=None, episode="e", ptz=HERE, belief_id=None):
        camera = CAMERA
        seen = camera.view_from_ptz(ptz) if step else None
        tag = BeliefTag.of(self.info, episode, step, camera, seen, ptz)
        text = tag.text() if belief_id is None else tag.text().replace(self.info.belief_id, belief_id)
        self.loop.belief(text, step if stamp is None else stamp, BELIEF)
        return text

    def counted(self, name):
        return self.reporter.health.counted(name)


GOOD = View(0.25, 0.1, 0.1)


def test_every_belief_gets_one_answer_with_its_header():
    bench = Bench(GOOD, View(-0.5, 0.0, 0.1))
    tags = [bench.ask(1), bench.ask(2)]
    assert [(frame_id, stamp) for _, frame_id, stamp in bench.views] == [(tags[0], 1), (tags[1], 2)]
    assert bench.views[0][0] == CAMERA.ptz_from_view(GOOD, 0.1)
    assert bench.dones == [False]


def test_a_repeated_belief_gets_the_same_answer_and_the_policy_is_not_asked_again():
    bench = Bench(GOOD, View(-0.5, 0.0, 0.1))
    for _ in range(5):
        bench.ask(1)
    assert len(bench.views) == 5 and len({v[0] for v in bench.views}) == 1
    assert len(bench.policy.asked) == 1 and bench.counted("answers repeated") == 4


@pytest.mark.parametrize(
    "bad",
    [
        GlimpseError("policy.onnx: next_view is NaN"),
        View(0.0, 0.9, 0.1),  # tilt beyond the mount
        View(0.0, 0.0, 0.9),  # wider than the camera
        ZeroDivisionError("0"),
    ],
)
def test_a_bad_view_is_dropped_and_the_last_good_one_held(bad):
    bench = Bench(GOOD, bad, bad, bad, View(0.0, 0.0, 0.1), many_bad=3, mount=MountLimits(tilt=(-0.5, 0.5)))
    for step in range(1, 4):
        bench.ask(step)
    held = bench.views[0][0]
    assert [v[0] for v in bench.views] == [held] * 3 and bench.counted("views dropped") == 2
    assert bench.reporter.health.report()[0] == WARN
    bench.ask(4)
    assert bench.reporter.health.report()[0] == ERROR and "3 views in a row dropped" in bench.reporter.text
    bench.ask(5)
    assert bench.reporter.text == "ok" and bench.views[-1][0] != held


def test_a_bad_first_view_holds_the_camera_where_it_is():
    bench = Bench(GlimpseError("NaN"))
    bench.ask(1)
    assert bench.views[0][0] == HERE


def test_no_command_leaves_the_limits_of_the_mount():
    mount = MountLimits((-0.5, 0.2), (-0.1, 0.1), (1.0, 2.0))
    rng = np.random.default_rng(0)
    limits = SceneFrame("spherical", 1.0, mount=mount).limits()
    views = [View(float(x), float(y), float(s)) for x, y, s in rng.uniform([-1, -1, 0.01], [1, 1, 1], (200, 3))]
    inside = [View(limits.x[i], limits.y[j], limits.s[k]) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    bench = Bench(*views, *inside, mount=mount, glimpses=0)
    start = PanTiltZoom(0.1, 0.0, 1.0)
    for step in range(1, len(views) + len(inside) + 1):
        bench.ask(step, ptz=start)
    assert bench.counted("views dropped") > 150 and len(bench.views) == 208
    for ptz, _, _ in bench.views:
        assert -0.5 <= ptz.pan <= 0.2 and -0.1 <= ptz.tilt <= 0.1 and 1.0 <= ptz.zoom <= 2.0


def test_the_budget_ends_the_episode_and_a_repeated_belief_hears_it_again():
    bench = Bench(GOOD, glimpses=3)
    for step in (1, 2, 3):
        bench.ask(step)
    assert len(bench.views) == 2 and bench.dones == [False, True]
    bench.ask(3)
    assert bench.dones == [False, True, True]


def test_a_budget_of_zero_has_no_end():
    bench = Bench(GOOD, glimpses=0)
    for step in range(1, 100):
        bench.ask(step)
    assert len(bench.views) == 99 and bench.dones == [False]


def test_the_stop_score_ends_the_episode():
    bench = Bench(Decision(GOOD, 0.2), Decision(GOOD, 0.9), stop_threshold=0.5)
    bench.ask(1)
    bench.ask(2)
    assert len(bench.views) == 1 and bench.dones == [False, True]


@pytest.mark.parametrize(
    ("setting", "own", "views"),
    [(None, 0.5, 1), (None, 0.95, 3), (None, None, 3), (0.1, 0.95, 0), (math.inf, 0.1, 3), (0.0, None, 0)],
)
def test_the_policys_own_threshold_holds_where_none_is_set(setting, own, views):
    bench = Bench(Decision(GOOD, 0.2), Decision(GOOD, 0.9), Decision(GOOD, 0.1), stop_threshold=setting)
    bench.policy.stop_threshold = own
    for step in range(1, 4):
        bench.ask(step)
        if bench.loop.stopped:
            break
    assert len(bench.views) == views and bench.dones == [False] + [True] * (views < 3)
    first = bench.loop.episode
    scores = [((first, 1), 0.2), ((first, 2), 0.9), ((first, 3), 0.1)][: min(views + 1, 3)]
    assert list(bench.loop.scores) == scores
    bench.ask(1, episode="next", stamp=9)
    assert [key for key, _ in bench.loop.scores] == [key for key, _ in scores] + [("next", 1)]


def test_nobody_stops_before_the_first_glimpse():
    info = Model("planar").info
    bench = Bench(Decision(GOOD, 0.9), info=info, stop_threshold=0.5)
    tag = BeliefTag.of(info, "e", 0, SceneFrame("planar", 1.0, (1.0, 0.8)), None, None).text()
    bench.loop.belief(tag, 1, BELIEF)
    assert len(bench.views) == 1 and bench.dones == [False] and not bench.loop.scores


def test_what_comes_from_an_earlier_episode_is_dropped():
    bench = Bench(GOOD)
    bench.ask(1, episode="first")
    bench.ask(1, episode="second", stamp=5)
    bench.ask(2, episode="first", stamp=4)
    assert len(bench.views) == 2 and bench.counted("beliefs of earlier episodes") == 1
    assert len(bench.policy.episodes) == 2 and bench.dones == [False, False]
    assert [e.seed for e in bench.policy.episodes] == [0, 1]


def test_a_reset_makes_the_budget_whole_again():
    bench = Bench(GOOD, glimpses=2)
    bench.ask(1)
    bench.ask(2)
    bench.loop.restart()
    bench.ask(2)
    assert len(bench.views) == 2 and bench.dones == [False, True, False]
    bench.ask(3)
    assert bench.dones[-1] is True


def test_beliefs_of_another_model_are_refused_by_name():
    bench = Bench(GOOD)
    bench.ask(1, belief_id="somebody")
    assert not bench.views and "somebody" in bench.reporter.text and bench.reporter.health.report()[0] == ERROR
    bench.ask(1)
    assert len(bench.views) == 1 and bench.reporter.text == "ok"


def test_a_foreign_frame_id_is_said():
    bench = Bench(GOOD)
    bench.loop.belief("camera_link", 1, BELIEF)
    assert not bench.views and bench.counted("beliefs unreadable") == 1 and "camera_link" in bench.reporter.text


def test_where_the_ranges_do_not_meet_no_view_is_chosen():
    info = Mosaic().info
    bench = Bench(info=info, make=lambda i: make_policy("random", "mosaic", i), mount=MountLimits(zoom=(30.0, 40.0)))
    bench.ask(1, ptz=PanTiltZoom(0.0, 0.0, 30.0))
    assert not bench.views and "no view is chosen" in bench.reporter.text


def test_a_mosaic_takes_the_size_of_the_beliefs_scene_and_other_models_do_not():
    made = []

    def make(info):
        made.append(info)
        return ScriptedPolicy(GOOD)

    bench = Bench(info=Mosaic().info, make=make)
    bench.info = Mosaic(SceneSpec(384, 512, "planar")).info
    bench.ask(1)
    assert len(bench.views) == 1 and made[1].scene == SceneSpec(384, 512, "planar")
    other = Bench(GOOD)
    other.info = Model("planar").info
    other.ask(1)
    assert not other.views and "planar scene" in other.reporter.text


def test_before_a_wide_cameras_first_crop_the_policy_names_the_first_view():
    bench = Bench(info=Mosaic().info, make=lambda i: make_policy("grid", "mosaic", i))
    tag = BeliefTag.of(bench.info, "e", 0, CAMERA, None, None).text()
    bench.loop.belief(tag, 1, BELIEF)
    assert len(bench.views) == 1 and math.isfinite(bench.views[0][0].pan)
