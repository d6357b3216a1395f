"""Counters, standing problems and the watchdog."""

from glimpse_ros.nodes.health import ERROR, OK, WARN, Health, Silence


def test_the_worst_problem_comes_first():
    health = Health()
    assert health.report() == (OK, "ok", {})
    health.problem("a", WARN, "slow")
    health.problem("b", ERROR, "broken")
    assert health.report()[:2] == (ERROR, "broken; slow")
    health.solved("b")
    assert health.report()[:2] == (WARN, "slow")


def test_a_problem_is_fresh_once_and_again_when_its_level_changes():
    health = Health()
    assert health.problem("a", WARN, "1") and not health.problem("a", WARN, "2")
    assert health.problem("a", ERROR, "3")
    assert health.solved("a") and not health.solved("a")
    assert health.problem("a", ERROR, "4")


def test_counters_and_values_outlive_problems():
    health = Health()
    assert [health.count("frames"), health.count("frames", 2)] == [1, 3]
    health.tell("model", "mosaic")
    health.problem("a", WARN, "slow")
    health.clear()
    assert health.report() == (OK, "ok", {"model": "mosaic", "frames": "3"}) and health.counted("frames") == 3


def test_silence_has_a_limit():
    silence = Silence(2.0, 10.0)
    assert silence.quiet(11.9) is None and silence.quiet(12.5) == 2.5
    silence.hear(12.5)
    assert silence.quiet(13.0) is None
    assert Silence(0.0, 0.0).quiet(1e9) is None
