"""Batches of digit scenes: frozen by their seed, sliced without a change, the digit never erased by clutter."""

from __future__ import annotations

import pytest
from digit_making import REAL, needs_real, write_mnist

torch = pytest.importorskip("torch")
from glimpse_ros.core.types import GlimpseError  # noqa: E402
from glimpse_ros.datasets.mnist import VARIANTS, Variant  # noqa: E402
from training import digits  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """200 training digits, each as bright all over as its label, and one."""
    digit = digits.Digits.load(write_mnist(tmp_path_factory.mktemp("mnist")), CPU)
    assert digit.pixels.shape == (200, 784) and digit.pixels.dtype == torch.float32
    return digits.Digits((digit.labels[:, None] + 1.0).expand(-1, 784).contiguous(), digit.labels)


def made(train, name="cluttered60", seed=0, size=12, **options):
    return digits.batch(train, VARIANTS[name], size, torch.Generator().manual_seed(seed), **options)


@pytest.mark.parametrize("augment", [0.0, 1.0])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_seed_freezes_a_batch(train, name, augment):
    scenes, labels = made(train, name, augment=augment)
    assert scenes.shape == (12, VARIANTS[name].side, VARIANTS[name].side) and labels.shape == (12,)
    assert scenes.min() >= 0 and scenes.max() <= 255 and torch.equal(scenes, scenes.round()), "sums of it are exact"
    again, other = made(train, name, augment=augment), made(train, name, seed=1, augment=augment)
    assert torch.equal(scenes, again[0]) and torch.equal(labels, again[1])
    assert not torch.equal(scenes, other[0])


@pytest.mark.parametrize("name", VARIANTS)
def test_slices_are_parts_of_the_whole_batch(train, name):
    whole = made(train, name, augment=1.0)
    parts = [made(train, name, augment=1.0, part=slice(i, i + 4)) for i in (0, 4, 8)]
    assert torch.equal(torch.cat([scenes for scenes, _ in parts]), whole[0])
    assert torch.equal(torch.cat([labels for _, labels in parts]), whole[1])


@pytest.mark.parametrize("name", ["cluttered60", "cluttered100", "cluttered100x10"])
def test_clutter_never_erases_the_digit(train, name):
    kind = VARIANTS[name]
    alone, labels = digits.batch(train, Variant(kind.side), 64, torch.Generator().manual_seed(0), augment=0.0)
    scenes, same = made(train, name, size=64, augment=0.0)  # the digit and its place are drawn first
    assert torch.equal(labels, same) and torch.equal(alone.amax((1, 2)), labels + 1.0), "labels are right"
    assert ((alone > 0).sum((1, 2)) == 28 * 28).all()
    assert (scenes >= alone).all(), "the brighter pixel wins"
    covered = (scenes > alone).sum((1, 2))
    assert (covered <= kind.pieces * 64).all() and covered.float().mean() > kind.pieces * 64 / 2, "there is clutter"
    assert len(scenes.unique()) == 11, "pieces of every digit"


def test_digits_lie_anywhere_on_the_canvas(train):
    scenes, _ = made(train, "translated60", size=2000, augment=0.0)
    for along in (1, 2):
        first = (scenes > 0).any(along).float().argmax(1)  # row or column of the box's corner
        assert first.unique().tolist() == list(range(33)) and 15 < first.float().mean() < 17


def test_augmentation_moves_a_digit_a_little(tmp_path):
    real = digits.Digits.load(write_mnist(tmp_path), CPU)
    plain, _ = made(real, "28", augment=0.0)
    turned, _ = made(real, "28", augment=1.0)
    assert not torch.equal(plain, turned)
    for a, b in zip(plain.flatten(1) > 128, turned.flatten(1) > 128, strict=True):
        assert 0.6 < b.sum() / a.sum() < 1.6
    image = torch.rand(1, 1, 28, 28)
    assert torch.allclose(digits.warped(image, torch.zeros(1, 6)), image, atol=1e-5), "no warp, no change"


def test_held_out_digits_are_never_trained_on(tmp_path):
    folder = write_mnist(tmp_path)
    train, held = (digits.Digits.load(folder, CPU, held_out=part) for part in (False, True))
    assert (len(train.labels), len(held.labels)) == (200, digits.HELD_OUT)
    assert not {row.numpy().tobytes() for row in train.pixels} & {row.numpy().tobytes() for row in held.pixels}
    few = digits.Digits.load(folder, CPU, count=30)
    assert torch.equal(few.pixels, train.pixels[:30]) and torch.equal(few.labels, train.labels[:30])


@pytest.mark.skipif(not REAL.is_dir(), reason=needs_real)
def test_real_digits_keep_their_labels():
    train = digits.Digits.load(REAL, CPU, count=1000)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    scenes, labels = made(train, "28", augment=0.0)
    found = (train.pixels[None, :] == scenes[:4].flatten(1)[:, None]).all(-1).float().argmax(1)
    assert torch.equal(train.labels[found], labels[:4])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(GlimpseError, match="train-images-idx3-ubyte.gz: does not exist; expected an IDX file"):
        digits.Digits.load(tmp_path, CPU)
