"""CIFAR-10 from python batches, archives and folders: the same pixels, and one sentence for what is none of them."""

from __future__ import annotations

import io
import pickle
import re
import struct
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets import cifar

SHARED = Path(__file__).resolve().parents[2] / "../shared/data/cifar10_jpeg"


def pictures(count: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random images (N, 32, 32, 3), and labels in turn."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 32, 32, 3), np.uint8), np.arange(count) % 10


def python2_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    """As the published batches were written, by Python 2's cPickle: protocol 2, strings of bytes."""
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    dtype = b"cnumpy\ndtype\nq\x01(" + text(b"u1") + b"K\x00K\x01tRq\x02(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xff"
    dtype += b"J\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x03(cnumpy\nndarray\nK\x00\x85" + text(b"b") + b"tRq\x04(K\x01"
    array += number(rows.shape[0]) + number(rows.shape[1]) + b"\x86" + dtype + b"\x89"
    array += b"T" + struct.pack("<i", rows.nbytes) + rows.tobytes() + b"tb"
    listed = b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + listed + text(b"batch_label") + text(b"1") + b"u."


def write_batches(folder: Path, count: int = 20) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate((*cifar.BATCHES["train"], *cifar.BATCHES["test"])):
        (folder / name).write_bytes(python2_batch(*pictures(count, i)))


def write_folders(folder: Path, count: int = 20, suffix: str = ".png") -> None:
    for i, split in enumerate(("train", "test")):
        for n, (image, label) in enumerate(zip(*pictures(count, i), strict=True)):
            place = folder / split / cifar.CLASSES[label]
            place.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(place / f"{n:04}{suffix}"), image[..., ::-1])


def write_archives(folder: Path, source: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        with tarfile.open(folder / f"cifar10_{split}.tar.gz", "w:gz") as archive:
            archive.add(source / split, split)


def test_a_published_batch_is_what_python_2_wrote():
    images, labels = pictures()
    held = pickle.loads(python2_batch(images, labels), encoding="bytes")
    assert held[b"labels"] == labels.tolist()
    np.testing.assert_array_equal(held[b"data"].reshape(-1, 3, 32, 32)[:, 1], images[..., 1])


@pytest.mark.parametrize("below", [".", cifar.BATCH_FOLDER])
def test_python_batches(tmp_path, below):
    write_batches(tmp_path / below)
    train, test = cifar.load(tmp_path), cifar.load(tmp_path, "test")
    np.testing.assert_array_equal(train.images, np.concatenate([pictures(seed=i)[0] for i in range(5)]))
    np.testing.assert_array_equal(train.labels, np.tile(np.arange(10), 10))
    np.testing.assert_array_equal(test.images, pictures(seed=5)[0])
    assert train.images.shape == (100, 32, 32, 3) and train.images.dtype == np.uint8 and train.labels.dtype == np.int64
    assert train.classes == cifar.CLASSES and train.source == "CIFAR-10, python batches"


def test_python_batches_still_in_their_archive(tmp_path):
    write_batches(tmp_path / "unpacked" / cifar.BATCH_FOLDER)
    with tarfile.open(tmp_path / cifar.BATCH_ARCHIVE, "w:gz") as archive:
        archive.add(tmp_path / "unpacked" / cifar.BATCH_FOLDER, cifar.BATCH_FOLDER)
    for split in ("train", "test"):
        packed, plain = cifar.load(tmp_path, split), cifar.load(tmp_path / "unpacked", split)
        np.testing.assert_array_equal(packed.images, plain.images)
        np.testing.assert_array_equal(packed.labels, plain.labels)


def test_batches_that_python_3_wrote_again(tmp_path):
    write_batches(tmp_path)
    for name in cifar.BATCHES["test"]:
        held = pickle.loads((tmp_path / name).read_bytes(), encoding="bytes")
        for protocol in (2, 4):
            (tmp_path / name).write_bytes(pickle.dumps({k.decode(): v for k, v in held.items()}, protocol))
            np.testing.assert_array_equal(cifar.load(tmp_path, "test").images, pictures(seed=5)[0])


def test_folders_and_archives_hold_the_same(tmp_path):
    write_folders(tmp_path / "folders")
    write_archives(tmp_path / "archives", tmp_path / "folders")
    for i, split in enumerate(("train", "test")):
        one, other = cifar.load(tmp_path / "folders", split), cifar.load(tmp_path / "archives", split)
        images, labels = pictures(seed=i)
        order = np.argsort(labels, kind="stable")
        for found in (one, other):
            np.testing.assert_array_equal(found.images, images[order])
            np.testing.assert_array_equal(found.labels, labels[order])
            assert found.classes == cifar.CLASSES and found.source == "CIFAR-10, image files"


def test_jpeg_is_named_as_such(tmp_path):
    write_folders(tmp_path, suffix=".jpg")
    found = cifar.load(tmp_path)
    assert found.source == "CIFAR-10, JPEG-compressed, not the canonical pixels"
    assert not np.array_equal(found.images, pictures()[0])


def test_other_classes_are_not_called_cifar(tmp_path):
    write_folders(tmp_path)
    (tmp_path / "train" / "truck").rename(tmp_path / "train" / "apple")
    found = cifar.load(tmp_path)
    assert found.source == "10 classes, image files" and found.classes[1] == "apple"


def refuse(folder: Path, words: str, split: str = "train") -> None:
    with pytest.raises(GlimpseError, match=words) as caught:
        cifar.load(folder, split)
    text = str(caught.value)
    assert str(folder) in text and "\n" not in text and len(text) < 500, text


def test_where_there_is_nothing(tmp_path):
    refuse(tmp_path, "holds no train split of CIFAR-10; expected data_batch_1")
    refuse(tmp_path / "no", "does not exist", "test")
    with pytest.raises(GlimpseError, match="split 'val' of CIFAR-10: expected one of train, test"):
        cifar.load(tmp_path, "val")


def test_a_batch_that_is_missing(tmp_path):
    write_batches(tmp_path)
    (tmp_path / "data_batch_3").unlink()
    refuse(tmp_path, "data_batch_3: does not exist")


def damaged(change: dict) -> bytes:
    images, labels = pictures()
    held = {b"data": images.reshape(20, -1), b"labels": labels.tolist()}
    return pickle.dumps({k: v for k, v in {**held, **change}.items() if v is not None}, 2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (python2_batch(*pictures())[:-5000], "test_batch: is no whole pickle"),
        (b"", "test_batch: is no whole pickle"),
        (b"\x1f\x8b not unpacked", "test_batch: is no whole pickle"),
        (b"cos\nsystem\n(S'true'\ntR.", "test_batch: would run 'os.system' if it were unpickled"),
        (pickle.dumps([1, 2], 2), "test_batch: holds no dict"),
        (damaged({b"data": None}), "holds no array of bytes as `data`"),
        (damaged({b"data": np.zeros((20, 784), np.uint8)}), r"holds the shape \(20, 784\) as `data`"),
        (damaged({b"data": np.zeros((20, 3072))}), "holds no array of bytes as `data`"),
        (damaged({b"labels": None, b"fine_labels": [0] * 20}), "`labels` are not 20 numbers from 0 to 9"),
        (damaged({b"labels": [10] * 20}), "`labels` are not 20 numbers from 0 to 9"),
        (damaged({b"labels": [1] * 19}), "`labels` are not 20 numbers from 0 to 9"),
        (damaged({b"labels": [1.0] * 20}), "`labels` are not 20 numbers from 0 to 9"),
    ],
)
def test_batches_of_another_kind(tmp_path, data, words):
    write_batches(tmp_path)
    (tmp_path / "test_batch").write_bytes(data)
    refuse(tmp_path, words, "test")


def test_a_folder_where_a_batch_should_be(tmp_path):
    write_batches(tmp_path)
    (tmp_path / "test_batch").unlink()
    (tmp_path / "test_batch").mkdir()
    refuse(tmp_path, "test_batch: cannot be read", "test")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("x.png", b"", "empty"),
        ("x.jpg", b"\xff\xd8\xff\xe0 cut", "truck/x.jpg is no image of 32x32"),
        ("x.png", cv2.imencode(".png", np.zeros((28, 28, 3), np.uint8))[1].tobytes(), "truck/x.png is 28x28"),
        (
            "x.png",
            cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes(),
            "truck/x.png is no image of 32x32",
        ),
    ],
)
def test_images_of_another_kind_in_folders_and_archives(tmp_path, name, data, words):
    write_folders(tmp_path / "folders")
    (tmp_path / "folders" / "train" / "truck" / name).write_bytes(data)
    write_archives(tmp_path / "archives", tmp_path / "folders")
    refuse(tmp_path / "folders", words)
    refuse(tmp_path / "archives", words)


def test_folders_without_classes(tmp_path):
    (tmp_path / "train").mkdir()
    refuse(tmp_path, "holds images of 0 classes")
    (tmp_path / "train" / "cat").mkdir()
    refuse(tmp_path, "has no images")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_an_archive_that_is_cut_off(tmp_path, share):
    write_folders(tmp_path / "folders")
    write_archives(tmp_path, tmp_path / "folders")
    path = tmp_path / "cifar10_train.tar.gz"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    refuse(tmp_path, "cifar10_train.tar.gz: cannot be read")


def test_archives_of_another_kind(tmp_path):
    path = tmp_path / "cifar10_train.tar.gz"
    path.write_bytes(b"PK\x03\x04 a zip" * 100)
    refuse(tmp_path, "cannot be read")
    with tarfile.open(path, "w:gz") as archive:
        held = tarfile.TarInfo("train/cat/huge.png")
        held.size = 2 << 20
        archive.addfile(held, io.BytesIO(bytes(held.size)))
    refuse(tmp_path, "huge.png has 2097152 bytes; expected at most 1048576")
    with tarfile.open(tmp_path / cifar.BATCH_ARCHIVE, "w:gz"):
        pass
    refuse(tmp_path, "has no data_batch_1")


def test_an_archive_is_never_unpacked_and_links_are_passed_over(tmp_path):
    write_folders(tmp_path / "folders")
    image = (tmp_path / "folders" / "train" / "cat" / "0003.png").read_bytes()
    (tmp_path / "data").mkdir()
    with tarfile.open(tmp_path / "data" / "cifar10_train.tar.gz", "w:gz") as archive:
        for name in ("train/cat/a.png", "train/dog/b.png", "../../train/dog/up.png"):
            held = tarfile.TarInfo(name)
            held.size = len(image)
            archive.addfile(held, io.BytesIO(image))
        link = tarfile.TarInfo("train/dog/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert np.bincount(cifar.load(tmp_path / "data").labels).tolist() == [1, 2]
    assert sorted(p.name for p in (tmp_path / "data").rglob("*")) == ["cifar10_train.tar.gz"]
    assert not list(tmp_path.rglob("up.png"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not on this machine")
def test_the_real_test_split():
    found = cifar.load(SHARED, "test")
    assert found.images.shape == (10000, 32, 32, 3) and found.classes == cifar.CLASSES
    assert np.bincount(found.labels).tolist() == [1000] * 10
    assert re.search("JPEG-compressed", found.source)
    np.testing.assert_allclose(found.images.mean((0, 1, 2)) / 255, [0.494, 0.485, 0.450], atol=0.002)
