"""The size that a compressed image announces, in every format, and nothing from what is cut short."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_ros.core.image_size import compressed_size, is_cut_short

PIXELS = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
LOSSLESS = [cv2.IMWRITE_WEBP_QUALITY, 101]
KINDS = {
    "png": (".png", []),
    "jpeg": (".jpg", []),
    "progressive jpeg": (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 80]),
    "lossless webp": (".webp", LOSSLESS),
    "bmp": (".bmp", []),
    "tiff": (".tiff", []),
    "ppm": (".ppm", []),
    "pgm": (".pgm", []),
}


def encoded(kind: str) -> bytes:
    suffix, options = KINDS[kind]
    return bytes(cv2.imencode(suffix, PIXELS[..., 0] if suffix == ".pgm" else PIXELS, options)[1].tobytes())


@pytest.mark.parametrize("kind", KINDS)
def test_every_format(kind):
    data = encoded(kind)
    assert compressed_size(data) == compressed_size(memoryview(data)) == (37, 53)
    if "tiff" not in kind:
        assert compressed_size(data[:4000]) == (37, 53), "the beginning is enough"


@pytest.mark.parametrize("kind", KINDS)
def test_cut_short_tells_nothing_or_the_truth(kind):
    data = encoded(kind)
    for length in range(40):
        assert compressed_size(data[:length]) in (None, (37, 53), (37, 5))  # a PNM's last digit may be gone


def test_a_png_that_is_cut_short_or_claims_too_much():
    data = encoded("png")
    assert not is_cut_short(data) and not is_cut_short(data + b"more") and not is_cut_short(encoded("jpeg")[:99])
    assert all(is_cut_short(data[:length]) for length in range(8, len(data) - 12, 97))
    assert is_cut_short(data[:33] + b"\x7f" + data[34:]), "a part of 2 GB"


def test_a_jpeg_with_much_metadata():
    data = encoded("jpeg")
    padding = (b"\xff\xe1\xff\xff" + bytes(0xFFFD)) * 20  # 1.3 MB of it, as in photo spheres
    assert compressed_size(data[:2] + padding + data[2:]) == (37, 53)


def test_extended_webp_and_gif_and_comments_in_pnm():
    assert compressed_size(b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x34\0\0\x24\0\0") == (37, 53)
    assert compressed_size(b"GIF89a" + b"\x35\0\x25\0" + bytes(9)) == (37, 53)
    assert compressed_size(b"P5\n# made by hand\n53 # wide\n37\n255\n") == (37, 53)
    assert compressed_size(
        b"MM\0*\0\0\0\x08\0\x02\x01\0\0\x03\0\0\0\x01\0\x35\0\0\x01\x01\0\x03\0\0\0\x01\0\x25\0\0"
    ) == (37, 53)


@given(
    st.sampled_from([b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"GIF8", b"P6", b""]),
    st.binary(),
)
def test_any_bytes_give_a_size_or_none(magic, rest):
    size = compressed_size(magic + rest)
    assert size is None or len(size) == 2
