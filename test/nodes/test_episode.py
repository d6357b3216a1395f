"""Stamps, questions, matching, and what a policy may say."""

import math

import pytest

from glimpse_ros.core.types import Limits, View
from glimpse_ros.nodes.episode import AnswerGuard, Asking, Matcher, StampGuard, age

SECOND = 1_000_000_000


def test_stamps_are_new_repeated_late_or_backwards():
    guard = StampGuard()
    judged = [guard.judge(t * SECOND // 10) for t in (100, 101, 101, 100, 105, 20, 21)]
    assert judged == ["new", "new", "repeated", "late", "new", "backwards", "new"]


def test_age_is_not_judged_across_clocks():
    assert age(100 * SECOND, 103 * SECOND) == 3.0
    assert age(0, 1_700_000_000 * SECOND) is None


def test_a_question_is_repeated_ever_more_rarely_and_never_given_up():
    asking, asked, now = Asking(("e", 1), 0.0, first=0.5, longest=4.0), [], 0.0
    while now < 60.0:
        now += 0.1
        if asking.due(now):
            asked.append(round(now, 1))
    waits = [round(b - a, 1) for a, b in zip([0.0, *asked], asked, strict=False)]
    assert waits[:5] == pytest.approx([0.5, 1.0, 2.0, 4.0, 4.0], abs=0.11)
    assert 15 <= len(asked) <= 18


def test_an_answer_is_known_by_its_header():
    asking = Asking(("e", 7), 0.0)
    assert asking.answered_by("e", 7)
    assert not asking.answered_by("e", 8) and not asking.answered_by("f", 7)


def test_only_messages_of_one_stamp_go_together():
    matcher = Matcher(frozenset({"belief", "uncertainty"}))
    assert matcher.put("belief", 1, "b1") is None
    assert matcher.put("uncertainty", 2, "u2") is None
    assert matcher.put("belief", 2, "b2") == {"belief": "b2", "uncertainty": "u2"}
    assert matcher.put("belief", 2, "again") == {"belief": "again", "uncertainty": "u2"}
    assert matcher.put("belief", 3, "b3") is None
    assert len(matcher._newest) == 2


LIMITS = Limits((-0.5, 0.5), (-0.2, 0.2), (0.1, 0.3))


@pytest.mark.parametrize(
    ("view", "good"),
    [
        ((0.5, 0.2, 0.3), True),
        ((0.50005, 0.2, 0.3), True),  # float32 rounding
        ((0.6, 0.0, 0.2), False),
        ((0.0, 0.3, 0.2), False),
        ((0.0, 0.0, 0.31), False),
        ((2.5, 0.0, 0.2), True),  # the same direction, a turn on
    ],
)
def test_views_outside_the_limits_are_bad(view, good):
    guard = AnswerGuard()
    assert guard.good(View(*view), LIMITS, "spherical") is good
    assert guard.dropped == (not good)


def test_a_planar_x_does_not_wrap():
    assert not AnswerGuard().good(View(2.5, 0.0, 0.2), LIMITS, "planar")


def test_many_bad_answers_in_a_row_are_an_error_and_one_good_one_ends_it():
    guard = AnswerGuard(many=3)
    for _ in range(2):
        guard.bad("NaN")
    assert not guard.broken
    guard.bad("NaN")
    assert guard.broken and guard.dropped == 3
    assert guard.good(View(0.0, 0.0, 0.2), LIMITS, "planar")
    assert not guard.broken and guard.dropped == 3


def test_a_view_that_is_not_finite_cannot_even_be_made():
    with pytest.raises(ValueError, match="not finite"):
        View(math.nan, 0.0, 0.5)
