"""Pickles read without unpickling: plain values and arrays come through, nothing is ever called."""

from __future__ import annotations

import pickle
import struct

import numpy as np
import pytest

from glimpse_ros.datasets import plain_pickle


class Runs:
    """Unpickling this writes a file: a harmless stand-in for anything worse."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


PLAIN = {b"data": [1, 2, 300, -5, 2**40, 1.5, None, True, False], "text": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))}


@pytest.mark.parametrize("protocol", range(5))
def test_plain_values_come_through(protocol):
    value = {**PLAIN, "shared": [[7]] * 3, "bytes": bytes(range(256))}
    assert plain_pickle.read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", range(5))
def test_arrays_of_bytes_come_through(protocol):
    array = np.random.default_rng(0).integers(0, 256, (7, 5), np.uint8)
    found = plain_pickle.array(plain_pickle.read(pickle.dumps(array, protocol)))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == np.uint8


@pytest.mark.parametrize(
    "other",
    [np.ones((2, 2), np.float32), np.asfortranarray(np.ones((3, 2), np.uint8)), np.array([None]), [1], "u1", None],
)
def test_other_arrays_and_values_are_none(other):
    assert plain_pickle.array(plain_pickle.read(pickle.dumps(other, 2))) is None


def test_an_array_shorter_than_its_shape_is_none():
    data = pickle.dumps(np.zeros(10, np.uint8), 2).replace(b"K\n", b"K\xff", 1)  # the shape's 10 becomes 255
    assert plain_pickle.array(plain_pickle.read(data)) is None


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_run(tmp_path, protocol):
    data = pickle.dumps({b"data": Runs(tmp_path / "ran")}, protocol)
    with pytest.raises(ValueError, match=r"would run '(_?io|__builtin__|builtins)\.open'"):
        plain_pickle.read(data)
    assert not (tmp_path / "ran").exists()
    pickle.loads(data)[b"data"].close()
    assert (tmp_path / "ran").exists(), "the pickle is a malicious one indeed"


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # the classic
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02cnumpy\nload\n.",
        b"Pabc\n.",  # PERSID
        b"\x80\x02cnumpy\ndtype\n)\x81.",  # NEWOBJ
    ],
)
def test_what_could_run_something_is_refused(data):
    with pytest.raises(ValueError, match="which no plain data needs"):
        plain_pickle.read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x1f\x8b\x08 gzip",
        b"<html>",
        b".",
        b"K\x01",
        b"K\x01K\x02.",
        b"h\x05.",
        b"t.",
        b"K\x01K\x02a.",
        b"]K\x01K\x02s.",
        b"}]K\x01s.",  # a key that is a list
        b"})K\x01s.",  # a key that is a tuple
        b"}(K\x01u.",
        b"cnumpy\ndtype\nK\x01R.",
        b"K\x01K\x02b.",
        b"\x8e" + struct.pack("<Q", 1 << 60) + b"x.",  # 2^60 bytes are promised
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00utf_8tR.",
    ],
)
def test_what_is_no_whole_pickle_is_refused(data):
    with pytest.raises(ValueError, match="is no whole pickle"):
        plain_pickle.read(data)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_every_cut_is_refused(protocol):
    data = pickle.dumps({b"data": np.arange(6, dtype=np.uint8), b"labels": [1, 2]}, protocol)
    for end in range(len(data)):
        with pytest.raises(ValueError, match="is no whole pickle|would run"):
            plain_pickle.read(data[:end])


def test_a_memo_of_four_billion_takes_no_memory():
    assert plain_pickle.read(b"K\x07r\xff\xff\xff\xffj\xff\xff\xff\xff\x86.") == (7, 7)


def test_deep_nesting_is_read():
    value = plain_pickle.read(b"]" + b"\x85" * 100_000 + b".")  # ((((...[]...,),),),)
    assert isinstance(value, tuple) and len(value) == 1


def test_a_short_file_cannot_ask_for_much_memory():
    text = b"X" + struct.pack("<I", 1000) + b"a" * 1000
    once = b"(c_codecs\nencode\nq\x00" + text + b"X\x06\x00\x00\x00latin1\x86q\x01R"
    assert plain_pickle.read(once + b"t.") == (b"a" * 1000,)
    with pytest.raises(ValueError, match="is no whole pickle"):
        plain_pickle.read(once + b"h\x00h\x01R" * 10 + b"t.")


@pytest.mark.parametrize(
    "shape", [b"(" + b"K\x01" * 70 + b"t", b"K\x00" + b"\x8a\x09" + b"\xff" * 8 + b"\x00" + b"\x86"]
)
def test_an_array_of_an_impossible_shape_is_none(shape):
    dtype = b"cnumpy\ndtype\nU\x02u1\x85R"
    for raw in (b"U\x01a", b"U\x00"):
        state = b"(K\x01" + shape + dtype + b"\x89" + raw + b"tb."
        assert plain_pickle.array(plain_pickle.read(b"cnumpy.core.multiarray\n_reconstruct\n)R" + state)) is None
