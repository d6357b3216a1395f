"""What is kept and drawn again: it fits its room, is of all ages, and comes back as it was put in."""

import pytest

torch = pytest.importorskip("torch")

from training.kept import Kept  # noqa: E402


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(*numbers):
    """A batch of samples that tell their number: as colours (3, 2, 2) and as bytes (2, 2)."""
    n = torch.tensor(numbers)
    return [n.float()[:, None, None, None].expand(-1, 3, 2, 2), n.to(torch.uint8)[:, None, None].expand(-1, 2, 2)]


def test_samples_come_back_whole():
    kept = Kept(room=8)
    kept.add(numbered(1, 2, 3), generator())
    colours, numbers = kept.pick(20, generator(1))
    assert colours.shape == (20, 3, 2, 2) and colours.dtype == torch.float32
    assert numbers.shape == (20, 2, 2) and numbers.dtype == torch.uint8
    assert torch.equal(colours[:, 0, 0, 0].to(torch.uint8), numbers[:, 0, 0])
    assert set(numbers[:, 0, 0].tolist()) == {1, 2, 3}


def test_the_room_is_never_exceeded_and_what_is_kept_is_of_all_ages():
    kept, chance = Kept(room=32), generator(2)
    for k in range(0, 96, 4):
        kept.add(numbered(*range(k, k + 4)), chance)
        assert len(kept) == min(k + 4, 32)
    ages = sorted(int(sample[1][0, 0]) for sample in kept.samples)
    assert len(set(ages)) == 32 and ages[0] < 32 and ages[-1] >= 92


def test_a_sample_does_not_change_with_what_it_was_made_from():
    kept, made = Kept(room=2), [torch.ones(1, 3), torch.ones(1, 2, dtype=torch.uint8)]
    kept.add(made, generator())
    for part in made:
        part.zero_()
    assert all(part.all() for part in kept.pick(2, generator()))


def test_half_precision_is_enough_for_colours_and_autocast_does_not_mind():
    kept, colours = Kept(room=4), torch.rand(4, 3, 8, 8, generator=generator())
    kept.add([colours], generator())
    with torch.autocast("cpu", torch.bfloat16):
        (back,) = kept.pick(16, generator(3))
    assert back.dtype == torch.float32 and (back[:, None] - colours).abs().flatten(2).amax(2).amin(1).max() < 5e-4
