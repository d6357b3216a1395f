"""Batches with labels: the same in every process and after a restart; labels move with their image."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from training import augment  # noqa: E402
from training.augment import VOID, Batches, planar  # noqa: E402
from training.labelled import Labelled  # noqa: E402

H, W = 48, 64
EVERYTHING = slice(None)


def flat(count: int = 5, size: tuple[int, int] = (60, 80), **options: object) -> Labelled:
    """Planar images of one colour each: image i is 20 i + 40."""
    images = [np.full((*size, 3), 20 * i + 40, np.uint8) for i in range(count)]
    return Labelled("flat", images, answers=np.arange(count), class_names=tuple("abcde"[:count]), **options)


def striped(count: int = 4, size: tuple[int, int] = (60, 80), projection: str = "planar") -> Labelled:
    """The left half of every image is dark and class 0, the right half bright and class 1; the last row is void."""
    left = np.arange(size[1])[None, :, None] < size[1] // 2
    image = np.broadcast_to(np.where(left, 40, 210), (*size, 3)).astype(np.uint8)
    ids = np.where(left[..., 0], 0, 1).astype(np.uint8) * np.ones((size[0], 1), np.uint8)
    ids[-1] = VOID
    return Labelled("striped", [image] * count, [ids] * count, None, ("dark", "bright"), ((0, 0, 0),) * 2, projection)


def test_shapes_and_types():
    scenes, known, maps, answers = Batches(flat(), 4, H, W, seed=0)(0, EVERYTHING)
    assert scenes.shape == (4, 3, H, W) and scenes.dtype == torch.uint8
    assert known.shape == (4, 1, H, W) and known.dtype == torch.bool and known.all()
    assert maps is None and answers.shape == (4,) and answers.dtype == torch.int64
    scenes, _, maps, answers = Batches(striped(), 3, H, W, seed=0)(0, EVERYTHING)
    assert maps.shape == (3, H, W) and maps.dtype == torch.int64 and answers is None


def same(a: tuple, b: tuple) -> bool:
    return all((x is None and y is None) or torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_the_same_seed_and_step_give_the_same_batch():
    """In any order, after a restart, whether made ahead on the thread or not."""
    data = striped()
    first = Batches(data, 3, H, W, seed=5)
    one_after_another = [first(step, EVERYTHING) for step in range(3)]
    later = Batches(data, 3, H, W, seed=5)
    assert same(later(2, EVERYTHING), one_after_another[2])
    assert same(later(0, EVERYTHING), one_after_another[0])
    assert same(later(1, EVERYTHING), one_after_another[1]), "made ahead"
    assert not same(one_after_another[0], one_after_another[1])
    assert not same(Batches(data, 3, H, W, seed=6)(0, EVERYTHING), one_after_another[0])


@pytest.mark.parametrize("data", [striped(), flat()])
def test_processes_share_one_batch(data):
    whole = Batches(data, 4, H, W, seed=1)(3, EVERYTHING)
    parts = [Batches(data, 4, H, W, seed=1)(3, slice(2 * rank, 2 * rank + 2)) for rank in range(2)]
    for k, value in enumerate(whole):
        assert (value is None) == (parts[0][k] is None)
        assert value is None or torch.equal(torch.cat([part[k] for part in parts]), value)


def test_every_scene_comes_once_before_any_comes_twice():
    batches = Batches(flat(5), 3, H, W, seed=2)
    order = np.concatenate([batches.picks(step) for step in range(10)])
    epochs = order.reshape(6, 5)
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs.tolist())
    assert len({tuple(epoch) for epoch in epochs.tolist()}) > 3, "in another order each time"
    answers = torch.cat([batches(step, EVERYTHING)[3] for step in range(10)])
    assert answers.tolist() == order.tolist()


def test_a_batch_may_be_larger_than_the_data():
    answers = Batches(flat(2), 7, H, W, seed=0)(0, EVERYTHING)[3]
    assert sorted(torch.bincount(answers).tolist()) == [3, 4]


def test_a_class_stays_with_its_image():
    data = flat(5)
    scenes, _, _, answers = Batches(data, 5, H, W, seed=0, augment=False)(0, EVERYTHING)
    assert scenes.float().mean((1, 2, 3)).tolist() == [20 * k + 40 for k in answers.tolist()]


@pytest.mark.parametrize("size", [(60, 80), (30, 40), (144, 192)])
def test_labels_move_with_their_image(size):
    """Whatever part was taken, and whether mirrored: bright pixels are of class 1, but for the pixels at the border."""
    scenes, _, maps, _ = Batches(striped(24, size), 24, H, W, seed=0)(0, EVERYTHING)
    mirrored = 0
    for scene, ids in zip(scenes.float().mean(1), maps, strict=True):
        kept = ids != VOID
        bright = scene > (scene.min() + scene.max()) / 2
        both = len(ids[kept].unique()) == 2
        wrong = (bright != (ids == 1))[kept].float().mean().item()
        assert wrong < 2.5 / W if both else wrong == 0 or not bright.any() or bright.all()
        mirrored += both and ids[0, 0].item() == 1
        assert set(ids.unique().tolist()) <= {0, 1, VOID}
    assert 5 <= mirrored <= 19


def test_parts_of_planar_scenes_differ_in_place_and_light():
    row = np.arange(80, dtype=np.uint8)[None, :, None]
    image = np.broadcast_to(row, (60, 80, 3)).copy()
    rng = np.random.default_rng(0)
    columns = np.broadcast_to(row[..., 0], (60, 80)).copy()
    widths, firsts = [], []
    for _ in range(60):
        scene, ids = planar(image, columns, H, W, rng)
        assert scene.shape == (H, W, 3) and scene.dtype == np.float32 and 0 <= scene.min() <= scene.max() <= 1
        assert (ids == ids[0]).all(), "columns stay columns"
        steps = np.diff(ids[0].astype(int))
        assert (steps >= 0).all() or (steps <= 0).all()
        widths.append(np.ptp(ids[0].astype(int)) + 1)
        firsts.append(min(ids[0]))
    assert min(widths) >= 0.5 * 80 * 0.75 and max(widths) > 76 and np.std(firsts) > 5
    assert planar(image, None, H, W, rng)[1] is None


def test_without_augmentation_it_is_the_scene():
    data = striped(size=(H, W))
    scenes, known, maps, _ = Batches(data, 2, H, W, seed=0, augment=False)(0, EVERYTHING)
    assert np.array_equal(scenes[0].permute(1, 2, 0).numpy(), data.images[0])
    assert np.array_equal(maps[0].numpy(), data.maps[0]) and known.all()


def test_a_panorama_is_turned_whole():
    """Rolled, never cropped in x: both halves stay as wide as they are, at least where it is not folded or tilted."""
    data = Labelled("round", [striped(size=(48, 96)).images[0]] * 40, projection="spherical")
    scenes, known, maps, answers = Batches(data, 40, H, 96, seed=0)(0, EVERYTHING)
    middle = scenes.float().mean(1)[:, H // 2]
    middle = (middle > (middle.amin(1, keepdim=True) + middle.amax(1, keepdim=True)) / 2).float()
    share, edges = middle.mean(1), (middle != middle.roll(1, -1)).sum(1)
    assert known.all() and maps is None and answers is None
    assert (edges <= 4).all() and ((share - 0.5).abs() < 0.06).sum() >= 25
    starts = {int((row.diff() != 0).nonzero()[0]) for row in middle[edges == 2]}
    assert len(starts) > 10, "any heading"


def test_what_a_moving_camera_never_saw_is_unknown():
    known = np.zeros((60, 120), bool)
    known[20:40] = True
    image = np.full((60, 120, 3), 90, np.uint8)
    data = Labelled("bag", [image] * 8, projection="spherical", known=[known] * 8)
    _, mask, _, _ = Batches(data, 8, H, 96, seed=0)(0, EVERYTHING)
    share = mask.float().mean((1, 2, 3))
    assert (share > 0.15).all() and (share < 0.6).all()
    assert mask[:, :, H // 2].all() and not mask[:, :, 0].any()


def test_a_thread_makes_one_step_ahead():
    class Counted(Batches):
        made: list[int] = []

        def make(self, step, part):
            self.made.append(step)
            return super().make(step, part)

    batches = Counted(flat(), 2, H, W, seed=0)
    for step in (0, 1, 2):
        batches(step, EVERYTHING)
    batches.worker.shutdown(wait=True)
    assert batches.made == [0, 1, 2, 3], "none is made twice"


def test_what_goes_wrong_on_the_thread_is_raised():
    data = flat(2)
    batches = Batches(data, 2, H, W, seed=0)
    batches(0, EVERYTHING)
    batches.worker.submit(int).result()
    data.images[0] = None
    batches.ready = (1, batches.worker.submit(batches.make, 1, EVERYTHING))
    with pytest.raises(AttributeError, match="'NoneType'"):
        batches(1, EVERYTHING)


def test_the_labels_of_a_panorama_are_turned_with_it():
    """Rolled, folded or cropped: bright pixels are of class 1, but for those at borders; headings and sides differ."""
    data = striped(24, (60, 120), "spherical")
    scenes, known, maps, _ = Batches(data, 24, H, 96, seed=0)(0, EVERYTHING)
    assert maps.shape == (24, H, 96) and known.all() and set(maps.unique().tolist()) == {0, 1, VOID}
    starts = set()
    for scene, ids in zip(scenes.float().mean(1), maps, strict=True):
        kept = ids != VOID
        bright = scene > (scene.min() + scene.max()) / 2
        assert (bright != (ids == 1))[kept].float().mean() < 4.5 / 96
        starts.add(tuple((ids[0].diff() != 0).nonzero().flatten().tolist()))
    assert len(starts) > 12


def test_a_labelled_panorama_is_mirrored_half_of_the_time():
    """Three classes around the horizon in one sense or the other."""
    ids = np.broadcast_to((np.arange(120) // 40).astype(np.uint8), (60, 120)).copy()
    data = Labelled("round", [np.repeat(ids[..., None] * 60, 3, 2)] * 40, [ids] * 40, projection="spherical")
    scenes, _, maps, _ = Batches(data, 40, H, 96, seed=0)(0, EVERYTHING)
    senses = [((row - row.roll(1)) % 3).unique().tolist() for row in maps[:, 0]]
    assert senses.count([0, 1]) > 8 and senses.count([0, 2]) > 8
    assert not torch.equal(scenes[0], scenes[1])


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("augmented", [True, False])
@pytest.mark.parametrize("projection", ["planar", "spherical"])
def test_what_was_never_seen_moves_with_the_scene(projection, augmented, labelled):
    """White is known, black is not."""
    known = np.zeros((60, 120), bool)
    known[:, :60] = True
    image = np.repeat(known[..., None] * np.uint8(255), 3, 2)
    maps = [known.astype(np.uint8)] * 12 if labelled else None
    data = Labelled("bag", [image] * 12, maps, projection=projection, known=[known] * 12)
    scenes, mask, ids, _ = Batches(data, 12, H, 96, seed=0, augment=augmented)(0, EVERYTHING)
    bright = scenes.float().mean(1) > 100
    assert (bright != mask[:, 0]).float().mean() < 3 / 96 and 0.2 < mask.float().mean() < 0.8
    assert ids is None or ((ids == 1) != mask[:, 0]).float().mean() < 3 / 96
    assert scenes[mask.expand(-1, 3, -1, -1)].min() > 100, "no pixel that blends much of the unseen counts"


def test_labels_are_taken_from_the_middle_of_a_pixel():
    """As the loaders do: without a drift by half a pixel where a map becomes smaller."""
    ids = np.arange(9, dtype=np.uint8)[None].repeat(9, 0)
    assert augment.nearest(ids, 3, 3).tolist() == [[1, 4, 7]] * 3


def test_void_is_what_the_loaders_call_void():
    from glimpse_ros.datasets.label_maps import VOID as LOADED

    assert augment.VOID == LOADED == 255
