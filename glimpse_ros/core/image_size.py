"""The size that a compressed image announces, read from its first bytes, so that it can be refused before decoding.

Formats: JPEG, PNG, WebP, BMP, TIFF, GIF and PNM. Others, whose size cannot be told without decoding, are not taken.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

FORMATS = "JPEG, PNG, WebP, BMP, TIFF, GIF or PNM"
_PNM = re.compile(rb"P[1-6](?:\s|#[^\n]{0,200}\n){1,50}(\d{1,9})(?:\s|#[^\n]{0,200}\n){1,50}(\d{1,9})\s")


def compressed_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """(height, width) [pixels] as announced by an image of one of the formats above; None: not one, or cut short.

    The beginning of the image is enough, save for a JPEG with much metadata and for a TIFF.
    """
    head = bytes(data[:64])
    for magic, reader in _READERS.items():
        if head.startswith(magic):
            try:
                return reader(data)
            except (struct.error, IndexError):
                return None
    return None


def is_cut_short(data: bytes | memoryview) -> bool:
    """Whether a PNG's parts reach past its end: OpenCV takes gigabytes for a part that only claims its length."""
    if bytes(data[:8]) != b"\x89PNG\r\n\x1a\n":
        return False
    at = 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if bytes(data[at + 4 : at + 8]) == b"IEND":
            return False
        at += length + 12
    return True


def _png(data: bytes | memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def _gif(data: bytes | memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return height, width


def _bmp(data: bytes | memoryview) -> tuple[int, int]:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return abs(height), abs(width)


def _jpeg(data: bytes | memoryview) -> tuple[int, int] | None:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return None


def _webp(data: bytes | memoryview) -> tuple[int, int] | None:
    kind = bytes(data[8:16])
    if kind == b"WEBPVP8X":
        packed = int.from_bytes(data[24:30], "little")
        return (packed >> 24) + 1, (packed & 0xFFFFFF) + 1
    if kind == b"WEBPVP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return (packed >> 14 & 0x3FFF) + 1, (packed & 0x3FFF) + 1
    if kind == b"WEBPVP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    return None


def _tiff(data: bytes | memoryview) -> tuple[int, int] | None:
    order = "<" if data[0] == 0x49 else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    found: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * min(count, 512), 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (256, 257) and kind in (3, 4):  # width, height; as short or long
            (found[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)
    return (found[257], found[256]) if len(found) == 2 else None


def _pnm(data: bytes | memoryview) -> tuple[int, int] | None:
    found = _PNM.match(data[:20_000])
    return (int(found[2]), int(found[1])) if found else None


_READERS: dict[bytes, Callable[[bytes | memoryview], tuple[int, int] | None]] = {
    b"\xff\xd8": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"BM": _bmp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"GIF8": _gif,
    **{b"P%d" % i: _pnm for i in range(1, 7)},
}
