"""Catch: how the ball moves, what the paddle may do, when there is a reward, and that the game can be won."""

import numpy as np
import pytest

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.catch import ACTIONS, SIDE, Catch


def games(count, seed=0):
    rng = np.random.default_rng(seed)
    return [Catch.drawn(rng) for _ in range(count)]


def towards(game):
    """The action of a player who knows where the ball will land."""
    return 0 if game.landing < game.paddle else 2 if game.landing > game.paddle + 1 else 1


def test_the_ball_falls_a_row_a_frame_and_bounces_off_the_walls():
    game, xs = Catch(22.5, 0.75, 3), []
    for _ in range(4):
        game.step(1)
        xs.append(float(game.x))
    assert xs == [23.25, 24.0, 23.25, 22.5], "the wall mirrors it"
    assert game.row == 4 and float(game.dx) == -0.75
    game, xs = Catch(0.5, -1.0, 3), []
    for _ in range(3):
        game.step(1)
        xs.append((float(game.x), game.column))
    assert xs == [(0.5, 0), (1.5, 1), (2.5, 2)] and float(game.dx) == 1.0


def test_a_ball_keeps_its_speed_and_stays_on_the_screen():
    for game in games(200):
        speed, columns = abs(float(game.dx)), [game.column]
        assert speed <= 1
        while not game.over:
            game.step(1)
            columns.append(game.column)
            assert abs(float(game.dx)) == speed
        assert len(columns) == SIDE and 0 <= min(columns) and max(columns) < SIDE
        assert max(abs(np.diff(columns))) <= 1, "a paddle can keep up with it"


def test_starts_are_spread_over_the_screen():
    fresh = games(4000, seed=1)
    assert np.bincount([g.column for g in fresh], minlength=24).min() > 4000 / 24 * 0.6
    assert np.bincount([g.paddle for g in fresh], minlength=23).min() > 4000 / 23 * 0.6
    speeds = np.array([g.dx for g in fresh])
    assert abs(speeds.mean()) < 0.03 and 0.5 < np.abs(speeds).mean() < 0.56 and np.abs(speeds).max() > 0.98
    assert [g.x for g in games(5)] == [g.x for g in games(5)], "seeded"


def test_the_screen_shows_the_ball_and_the_paddle():
    game = Catch(5.9, 0.5, 11)
    screen = game.screen()
    assert screen.dtype == np.uint8 and screen.shape == (24, 24)
    assert {(int(r), int(c)) for r, c in np.argwhere(screen == 255)} == {(0, 5), (23, 11), (23, 12)}
    game.step(2)
    assert {(int(r), int(c)) for r, c in np.argwhere(game.screen())} == {(1, 6), (23, 12), (23, 13)}


def test_the_paddle_moves_a_column_at_a_time_and_stays_on_the_screen():
    left, right = Catch(3.0, 0.0, 1), Catch(3.0, 0.0, 21)
    for _ in range(3):
        left.step(ACTIONS.index("left"))
        right.step(ACTIONS.index("right"))
    assert (left.paddle, right.paddle) == (0, 22)
    left.step(ACTIONS.index("stay"))
    right.step(ACTIONS.index("left"))
    assert (left.paddle, right.paddle) == (0, 21)


@pytest.mark.parametrize(("paddle", "won"), [(8, 0), (9, 1), (10, 1), (11, 0)])
def test_only_a_ball_on_the_paddle_is_rewarded_and_only_at_the_end(paddle, won):
    game = Catch(10.5, 0.0, paddle)
    rewards = [game.step(1) for _ in range(23)]
    assert rewards == [0] * 22 + [won] and game.over


def test_who_sees_all_catches_all():
    for game in games(100, seed=2):
        while not game.over:
            reward = game.step(towards(game))
        assert reward == 1


def test_chance_catches_what_two_columns_of_24_are_worth():
    rng, won = np.random.default_rng(3), 0
    for game in games(3000, seed=3):
        while not game.over:
            reward = game.step(int(rng.integers(3)))
        won += reward
    assert abs(won / 3000 - 2 / 24) < 0.015


def test_what_makes_no_sense_is_refused():
    game = Catch(1.0, 0.0, 0)
    with pytest.raises(GlimpseError, match="action 3 .*expected 0, 1 or 2"):
        game.step(3)
    for _ in range(23):
        game.step(1)
    with pytest.raises(GlimpseError, match="row 23 of 24.*before the end"):
        game.step(1)
    for bad in ({"x": 24.0}, {"x": -0.1}, {"dx": 1.5}, {"paddle": 23}, {"paddle": -1}, {"side": 3}):
        with pytest.raises(GlimpseError, match="expected"):
            Catch(**{"x": 1.0, "dx": 0.0, "paddle": 0, **bad})
