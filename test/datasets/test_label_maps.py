"""Label pictures: read by index whatever the kind of PNG, refused in a sentence where they hold no classes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tree_making import labels, palette_labels

from glimpse_ros.core.types import GlimpseError
from glimpse_ros.datasets.label_maps import (
    OUTSIDE,
    VOID,
    Unreadable,
    nearest,
    plain_table,
    read_ids,
    read_map,
    table_of,
)

IDS = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 0, 3]], np.uint8)


def test_grey_bytes_are_the_ids(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), IDS)
    found = read_ids(tmp_path / "a.png")
    np.testing.assert_array_equal(found, IDS)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_palette_is_read_by_index_not_by_colour(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "voc.png"
    palette_labels(path, IDS, bits)
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).ndim == 3, "OpenCV would have given colours"
    assert path.read_bytes()[24:26] == bytes([bits, 3])
    np.testing.assert_array_equal(read_ids(path), IDS)


def grey_png(path: Path, ids: np.ndarray, depth: int) -> None:
    """A grey PNG of so many bits a pixel, written by hand: nobody's writer makes one of 2."""
    rows = []
    for row in ids:
        bits = "".join(f"{value:0{depth}b}" for value in row)
        bits += "0" * (-len(bits) % 8)
        rows.append(b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big"))
    data = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], depth, 0, 0, 0, 0)
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")):
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(data)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_few_bits_of_grey_are_ids_not_brightness(tmp_path: Path, depth: int) -> None:
    ids = IDS % 2**depth
    grey_png(tmp_path / "a.png", ids, depth)
    brightest = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED).max()
    assert brightest == int(ids.max()) * 255 // (2**depth - 1), "as OpenCV spreads them"
    np.testing.assert_array_equal(read_ids(tmp_path / "a.png"), ids)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (Image.fromarray(IDS.astype(np.uint16) * 1000), "it has 16 bits of grey"),
        (Image.fromarray(np.stack([IDS] * 3, 2)), "it has 8 bits of RGB colours"),
        (Image.fromarray(np.stack([IDS] * 4, 2)), "it has 8 bits of RGB colours and alpha"),
        (Image.fromarray(np.stack([IDS] * 2, 2)), "it has 8 bits of grey and alpha"),
    ],
)
def test_pictures_of_no_ids_are_refused(tmp_path: Path, image: Image.Image, found: str) -> None:
    path = tmp_path / "labels.png"
    image.save(path)
    with pytest.raises(GlimpseError) as error:
        read_ids(path)
    expected = "expected an 8-bit PNG of class ids with one channel or a palette"
    assert str(error.value) == f"{path}: {expected}, {found}"
    assert not isinstance(error.value, Unreadable), "it is whole, so `missing=skip` must not pass over it"


def test_files_that_do_not_decode_are_unreadable(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.jpg"), IDS)
    labels(tmp_path / "whole.png", (0, 1, 2), (64, 64))
    whole = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:-20])
    (tmp_path / "empty.png").write_bytes(b"")
    start = whole.index(b"IDAT") + 10
    (tmp_path / "damaged.png").write_bytes(whole[:start] + b"\xff" * 6 + whole[start + 6 :])
    for name, found in {
        "a.jpg": "it is no whole PNG",
        "cut.png": "it is no whole PNG",
        "empty.png": "it is no whole PNG",
        "damaged.png": "it does not decode",
        "none.png": "it cannot be read (No such file or directory)",
    }.items():
        with pytest.raises(Unreadable) as error:
            read_ids(tmp_path / name)
        assert str(error.value).startswith(f"{tmp_path / name}: expected an 8-bit PNG of class ids, {found}")


def test_a_size_beyond_reason_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    labels(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = struct.pack(">II", 100_000, 90_000)
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(GlimpseError, match="of at most 268435456 pixels, it says 90000x100000"):
        read_ids(tmp_path / "a.png")


def test_a_table_translates_and_what_is_outside_is_named(tmp_path: Path) -> None:
    labels(tmp_path / "a.png", (0, 7, 8, 255), (4, 8))
    table = table_of({0: VOID, 255: VOID, 7: 0, 8: 1})
    assert table.tolist().count(OUTSIDE) == 252
    found = read_map(tmp_path / "a.png", table, "ids")
    assert found.dtype == np.uint8 and found[3].tolist() == [VOID, VOID, 0, 0, 1, 1, VOID, VOID]
    with pytest.raises(GlimpseError) as error:
        read_map(tmp_path / "a.png", plain_table(8, 255), "0 to 7, and 255 for void")
    assert str(error.value) == (
        f"{tmp_path / 'a.png'}: holds the label 8 (row 0, column 4); expected 0 to 7, and 255 for void"
    )


def test_every_id_may_be_a_class() -> None:
    np.testing.assert_array_equal(plain_table(256), np.arange(256))
    assert plain_table(3, 11)[[0, 1, 2, 3, 11]].tolist() == [0, 1, 2, OUTSIDE, VOID]


def test_nearest_keeps_ids_and_takes_the_middle_of_each_cell() -> None:
    ids = np.arange(27, dtype=np.uint8).reshape(1, 27).repeat(6, 0)
    small = nearest(ids, (2, 9))
    np.testing.assert_array_equal(small, np.broadcast_to(np.arange(9) * 3 + 1, (2, 9)))
    assert nearest(ids, (6, 27)) is ids
    edge = np.array([[0, 0, 0, 5, 5, 5]], np.uint8)
    assert set(np.unique(nearest(edge, (4, 10)))) == {0, 5}, "no id that was not there"
