"""The replay buffer keeps the newest steps, whole."""

import pytest

torch = pytest.importorskip("torch")
from training.replay import Replay  # noqa: E402


def test_the_replay_buffer_keeps_the_newest():
    replay = Replay(5, 2, 3, torch.device("cpu"))

    def steps(values):
        value = torch.tensor(values, dtype=torch.float32)
        many = value[:, None, None].expand(-1, 2, 3)
        return many, many[..., :1, :2].expand(-1, 3, 2), many[:, 0], value, -many, 0 * value

    replay.add(*steps([1, 2, 3]))
    assert (replay.count, replay.next) == (3, 3)
    replay.add(*steps([4, 5, 6]))
    assert (replay.count, replay.next) == (5, 1) and sorted(replay.reward.tolist()) == [2, 3, 4, 5, 6]
    replay.add(*steps([]))
    replay.add(*steps([7, 8]))
    assert sorted(replay.reward.tolist()) == [4, 5, 6, 7, 8]
    drawn = replay.draw(200, torch.Generator().manual_seed(0))
    assert set(drawn[3].tolist()) == {4, 5, 6, 7, 8} and all(part.dtype == torch.float32 for part in drawn)
    for part, sign in zip(drawn[:5], (1, 1, 1, 1, -1), strict=True):
        assert torch.equal(part, sign * drawn[3].reshape(-1, *[1] * (part.ndim - 1)).expand_as(part)), "whole steps"


def test_only_what_was_stored_is_drawn():
    replay = Replay(100, 1, 1, torch.device("cpu"))
    one = torch.ones(3, 1, 1)
    replay.add(one, torch.ones(3, 3, 2), torch.ones(3, 3), torch.ones(3), one, torch.ones(3))
    assert replay.draw(300, torch.Generator().manual_seed(0))[3].min() == 1
