"""SVHN's two formats, written here as MATLAB writes them: what is read, cut out and refused. Generated numbers."""

import gzip
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets import svhn

PHOTOGRAPHS = {  # name, size (height, width), boxes: height, left, top, width, label
    "1.png": ((40, 90), [(20, 30, 10, 10, 1), (20, 40, 10, 12, 10)]),  # 10
    "2.png": ((50, 50), [(30, 10, 5, 12, 9)]),  # 9
    "3.png": ((60, 150), [(30, 5 + 20 * i, 20, 18, i + 1) for i in range(6)]),  # 123456, one digit too many
    "4.png": ((30, 140), [(20, -2 + 22 * i, 4, 20, 5 - i) for i in range(5)]),  # 54321, reaching over the border
}


def write_boxes(path, photographs):
    """A digitStruct.mat as MATLAB 7.3 stores one: everything by reference, several numbers as references again."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        refs, names, boxes = file.create_group("#refs#"), [], []

        def keep(array):
            return refs.create_dataset(f"r{len(refs)}", data=array).ref

        for name, (_, digits) in photographs.items():
            names.append(keep(np.array([[ord(letter)] for letter in name], np.uint16)))
            box = refs.create_group(f"b{len(refs)}")
            for key, values in zip(("height", "left", "top", "width", "label"), zip(*digits, strict=True), strict=True):
                if len(values) == 1:
                    box[key] = np.array([[float(values[0])]])
                else:
                    column = [[keep(np.array([[float(value)]]))] for value in values]
                    box.create_dataset(key, data=np.array(column, object), dtype=h5py.ref_dtype)
            boxes.append(box.ref)
        for key, column in (("name", names), ("bbox", boxes)):
            rows = np.array([[ref] for ref in column], object)
            file.create_dataset(f"digitStruct/{key}", data=rows, dtype=h5py.ref_dtype)


@pytest.fixture
def full(tmp_path):
    """A folder with a train split of full numbers: black, each digit's box a grey of its own."""
    folder = tmp_path / "train"
    folder.mkdir()
    for name, (size, digits) in PHOTOGRAPHS.items():
        image = np.zeros((*size, 3), np.uint8)
        for height, left, top, width, label in digits:
            image[top : top + height, max(left, 0) : left + width] = (0, 0, 20 * label)  # BGR: red
        cv2.imwrite(str(folder / name), image)
    write_boxes(folder / "digitStruct.mat", PHOTOGRAPHS)
    return tmp_path


@pytest.fixture
def single(tmp_path):
    """A folder with a train split of five single digits, and what it holds."""
    io = pytest.importorskip("scipy.io")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 5), np.uint8)
    content = {"X": pixels, "y": np.array([[1], [9], [10], [10], [3]], np.uint8)}
    io.savemat(tmp_path / "train_32x32.mat", content, do_compression=True)
    return tmp_path, content


def test_full_numbers(full):
    numbers = svhn.load(full, "train")
    assert numbers.kind == "full numbers"
    assert numbers.images.shape == (3, 64, 64, 3) and numbers.images.dtype == np.uint8
    assert numbers.symbols.tolist() == [[1, 0, 10, -1, -1, -1], [9, 10, -1, -1, -1, -1], [5, 4, 3, 2, 1, 10]]
    assert len(svhn.load(full, "train", 1).images) == 1
    assert svhn.present(full, "train") and not svhn.present(full, "test")


def test_a_picture_is_the_digits_and_a_margin(full):
    """1.png: digits from 30 to 52 and 10 to 30, so the picture shows 26.7 to 55.3 and 7 to 33, outwards rounded."""
    picture = svhn.load(full, "train").images[0]
    assert (picture[..., 1:] == 0).all() and picture[..., 0].max() >= 195, "RGB"
    across, down = picture[32, :, 0] > 10, picture[:, 32, 0] > 10
    scale = 64 / np.array([30, 26])  # 26 to 56, 7 to 33
    for seen, first, last, by in ((across, 30 - 26, 52 - 26, scale[0]), (down, 10 - 7, 30 - 7, scale[1])):
        assert np.flatnonzero(seen)[[0, -1]] == pytest.approx([first * by, last * by - 1], abs=2)
    assert picture[32, int(9 * scale[0]), 0] == pytest.approx(20, abs=1), "the 1, left of the 0"


def test_single_digits(single):
    folder, content = single
    numbers = svhn.load(folder, "train")
    assert numbers.kind == "single digits" and numbers.images.shape == (5, 64, 64, 3)
    assert numbers.symbols[:, :3].tolist() == [[1, 10, -1], [9, 10, -1], [0, 10, -1], [0, 10, -1], [3, 10, -1]]
    small = cv2.resize(numbers.images[3], (32, 32), interpolation=cv2.INTER_AREA).astype(int)
    assert np.corrcoef(small.ravel(), content["X"][..., 3].ravel())[0, 1] > 0.9, "upright, in order"
    assert len(svhn.load(folder, "train", 2).symbols) == 2


def test_full_numbers_come_first(full):
    (full / "train_32x32.mat").write_bytes(b"never opened")
    assert svhn.load(full, "train").kind == "full numbers"


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(GlimpseError, match="neither test/digitStruct.mat nor test_32x32.mat; expected a split of SVHN"):
        svhn.load(tmp_path, "test")
    with pytest.raises(GlimpseError, match="split 'val' of SVHN: expected one of train, test, extra"):
        svhn.load(tmp_path, "val")
    pytest.importorskip("h5py"), pytest.importorskip("scipy")
    with pytest.raises(GlimpseError, match="digitStruct.mat: does not exist"):
        svhn.read_full(tmp_path / "digitStruct.mat")
    with pytest.raises(GlimpseError, match="train_32x32.mat: does not exist"):
        svhn.read_single(tmp_path / "train_32x32.mat")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_struct_that_is_cut_off_is_refused(full, share):
    path = full / "train" / "digitStruct.mat"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(GlimpseError, match="digitStruct.mat: cannot be read .*expected SVHN's whole digitStruct.mat"):
        svhn.load(full, "train")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_single_digits_that_are_cut_off_are_refused(single, share):
    path = single[0] / "train_32x32.mat"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(GlimpseError, match="train_32x32.mat: cannot be read .*expected SVHN's X .* MATLAB 5"):
        svhn.load(single[0], "train")


def test_each_format_under_the_others_name_is_refused(full, single):
    struct_path, single_path = full / "train" / "digitStruct.mat", single[0] / "train_32x32.mat"
    struct_bytes = struct_path.read_bytes()
    struct_path.write_bytes(single_path.read_bytes())
    with pytest.raises(GlimpseError, match="expected SVHN's whole digitStruct.mat, MATLAB 7.3"):
        svhn.read_full(struct_path)
    single_path.write_bytes(struct_bytes)
    with pytest.raises(GlimpseError, match="cannot be read .*MATLAB 5"):
        svhn.read_single(single_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": np.zeros((32, 32, 3, 0), np.uint8)}, r"X is uint8 \(32, 32, 3, 0\); expected"),
        ({"X": np.zeros((5, 32, 32, 3), np.uint8)}, r"X is uint8 \(5, 32, 32, 3\); expected"),
        ({"X": np.zeros((32, 32, 3, 5))}, r"X is float64"),
        ({"y": np.ones((4, 1), np.uint8)}, r"y has the shape \(4, 1\) for 5 digits"),
        ({"y": np.full((5, 1), 11, np.uint8)}, r"labels are \[11.0\]; expected digits from 1 to 10"),
        ({"y": None}, "cannot be read .*KeyError"),
    ],
)
def test_single_digits_of_another_kind_are_refused(single, changes, message):
    io = pytest.importorskip("scipy.io")
    folder, content = single
    io.savemat(folder / "train_32x32.mat", {k: v for k, v in {**content, **changes}.items() if v is not None})
    with pytest.raises(GlimpseError, match=message):
        svhn.load(folder, "train")


@pytest.mark.parametrize(
    ("name", "digits", "message"),
    [
        ("1.png", [(20, 30, 10, 10, 12)], r"labels are \[12.0\]; expected digits from 1 to 10"),
        ("1.png", [(20, 30, 10, 10, 1.5)], r"labels are \[1.5\]"),
        ("1.png", [(0, 30, 10, 10, 1)], "boxes of 1.png span .*expected a width and a height"),
        ("1.png", [(20, float("nan"), 10, 10, 1)], "boxes of 1.png span .*expected a width and a height"),
        ("1.png", [(20, 300, 10, 10, 1)], "boxes of 1.png span .*expected them inside 90 x 40"),
        ("9.png", [(20, 30, 10, 10, 1)], "9.png cannot be read"),
        ("../train/1.png", [(20, 30, 10, 10, 1)], "names the photograph .*expected a file of its own folder"),
    ],
)
def test_full_numbers_that_make_no_sense_are_refused(full, name, digits, message):
    write_boxes(full / "train" / "digitStruct.mat", {name: ((40, 90), digits)})
    with pytest.raises(GlimpseError, match=message):
        svhn.load(full, "train")


def test_a_photograph_that_is_cut_off_is_refused(full):
    path = full / "train" / "2.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(GlimpseError, match="2.png"):
        svhn.load(full, "train")


def test_another_hdf5_file_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "digitStruct.mat", "w") as file:
        file["other"] = np.zeros(3)
    with pytest.raises(GlimpseError, match="expected SVHN's whole digitStruct.mat"):
        svhn.read_full(tmp_path / "digitStruct.mat")


@pytest.mark.parametrize(("module", "read"), [("h5py", svhn.read_full), ("scipy.io", svhn.read_single)])
def test_a_missing_reader_is_named(monkeypatch, tmp_path, module, read):
    monkeypatch.setitem(sys.modules, module, None)
    package = module.split(".")[0]
    with pytest.raises(GlimpseError, match=rf"which is not installed \(pip install {package}\)"):
        read(tmp_path / "digits.mat")


@pytest.fixture
def mnist(tmp_path):
    """Thirty digits in MNIST's files, each a filled square."""
    for split in ("train", "t10k"):
        pixels = np.zeros((30, 28, 28), np.uint8)
        pixels[:, 4:24, 4:24] = 255
        for name, data in (("images-idx3", pixels), ("labels-idx1", (np.arange(30) % 10).astype(np.uint8))):
            header = struct.pack(f">HBB{data.ndim}I", 0, 8, data.ndim, *data.shape)
            (tmp_path / f"{split}-{name}-ubyte.gz").write_bytes(gzip.compress(header + data.tobytes()))
    return tmp_path


def test_generated_numbers(mnist):
    numbers = svhn.generate(mnist, "train", 200)
    assert numbers.kind == "generated" and numbers.images.shape == (200, 64, 64, 3)
    lengths = (numbers.symbols != -1).sum(1) - 1
    assert set(lengths) == {1, 2, 3, 4, 5}
    for row, length in zip(numbers.symbols, lengths, strict=True):
        assert row[length] == 10 and (row[:length] < 10).all() and (row[length + 1 :] == -1).all()
    again, other = svhn.generate(mnist, "train", 20), svhn.generate(mnist, "test", 20)
    assert np.array_equal(again.images, numbers.images[:20]), "fewer are the same"
    assert not np.array_equal(other.symbols, again.symbols)


def test_generated_digits_lie_inside_every_crop_and_can_be_told_from_the_ground():
    rng = np.random.RandomState(0)
    full, none = np.full((28, 28), 255, np.uint8), np.zeros((28, 28), np.uint8)
    for count in range(1, 6):
        state = rng.get_state()
        ground = svhn.draw([none] * count, rng).astype(int)
        rng.set_state(state)
        inked = svhn.draw([full] * count, rng).astype(int)
        changed = (np.abs(inked - ground).max(-1) > 8).nonzero()
        assert min(c.min() for c in changed) >= 10 and max(c.max() for c in changed) < 54
        assert np.abs(inked - ground).max(-1)[changed].mean() > 40


REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "svhn"


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/svhn is not on this machine")
def test_the_real_set():
    assert len(svhn.load(REAL, "train", 20).images) == 20
