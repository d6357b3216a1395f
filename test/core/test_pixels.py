"""Image messages to pixels: every encoding, padding, byte order, and every refusal."""

import array

import cv2
import numpy as np
import pytest

from glimpse_ros.core.pixels import ENCODINGS, ImageError, decode_compressed, decode_image
from glimpse_ros.core.types import GlimpseError

H, W = 6, 8
RGB = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
GRAY = RGB[..., 0]
ALPHA = np.full((H, W, 1), 7, np.uint8)


def packed(pixels, pad=0):
    """(data, step) of an image with `pad` bytes after every row."""
    rows = np.ascontiguousarray(pixels).reshape(H, -1).view(np.uint8)
    return np.pad(rows, ((0, 0), (0, pad)), constant_values=99).tobytes(), rows.shape[1] + pad


@pytest.mark.parametrize("pad", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "pixels", "expected"),
    [
        ("rgb8", RGB, RGB),
        ("bgr8", RGB[..., ::-1], RGB),
        ("8UC3", RGB[..., ::-1], RGB),
        ("rgba8", np.concatenate([RGB, ALPHA], -1), RGB),
        ("bgra8", np.concatenate([RGB[..., ::-1], ALPHA], -1), RGB),
        ("8UC4", np.concatenate([RGB[..., ::-1], ALPHA], -1), RGB),
        ("mono8", GRAY, GRAY[..., None].repeat(3, -1)),
        ("8UC1", GRAY, GRAY[..., None].repeat(3, -1)),
        ("mono16", GRAY.astype("<u2") * 256 + 200, GRAY[..., None].repeat(3, -1)),
        ("16UC1", GRAY.astype("<u2") * 256 + 200, GRAY[..., None].repeat(3, -1)),
        ("rgb16", RGB.astype("<u2") * 256 + 1, RGB),
        ("bgr16", RGB[..., ::-1].astype("<u2") * 256 + 1, RGB),
    ],
)
def test_exact_encodings(encoding, pixels, expected, pad):
    data, step = packed(pixels, pad)
    image = decode_image(encoding, H, W, step, data)
    assert image.shape == (H, W, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected)


def test_big_endian_takes_the_other_byte():
    data, step = packed((GRAY.astype(np.uint16) * 256 + 200).astype(">u2"))
    np.testing.assert_array_equal(decode_image("mono16", H, W, step, data, big_endian=True)[..., 1], GRAY)
    assert np.all(decode_image("mono16", H, W, step, data)[..., 1] == 200)


@pytest.mark.parametrize("depth", ["8", "16"])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_gives_back_a_flat_colour(pattern, depth):
    colour = {"r": 200, "g": 120, "b": 30}
    tile = np.array([colour[c] for c in pattern], np.uint8).reshape(2, 2)
    mosaic = np.tile(tile, (H // 2, W // 2))
    data, step = packed(mosaic if depth == "8" else mosaic.astype("<u2") * 256)
    image = decode_image(f"bayer_{pattern}{depth}", H, W, step, data)
    np.testing.assert_array_equal(image, np.broadcast_to([200, 120, 30], (H, W, 3)))


@pytest.mark.parametrize(
    ("encoding", "order"), [("yuv422", "uyvy"), ("uyvy", "uyvy"), ("yuyv", "yuyv"), ("yuv422_yuy2", "yuyv")]
)
def test_yuv_orders(encoding, order):
    value = {"y": 81, "u": 90, "v": 240}  # BT.601 limited range: pure red
    data, step = packed(np.tile(np.array([value[c] for c in order], np.uint8), (H, W // 2)))
    image = decode_image(encoding, H, W, step, data)
    np.testing.assert_allclose(image, np.broadcast_to([255, 0, 0], (H, W, 3)), atol=2)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda d: array.array("B", d), np.frombuffer])
def test_any_buffer_and_memory_of_its_own(kind):
    data, step = packed(RGB)
    buffer = kind(data) if kind is not np.frombuffer else np.frombuffer(data, np.uint8).copy()
    image = decode_image("rgb8", H, W, step, buffer)
    image[:] = 0  # writable
    np.testing.assert_array_equal(decode_image("rgb8", H, W, step, buffer), RGB)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encoding": "32FC1"}, "encoding"),
        ({"encoding": ""}, "encoding"),
        ({"encoding": "x" * 100_000}, "encoding"),
        ({"height": 0}, "size"),
        ({"width": 0}, "size"),
        ({"height": 2**32 - 1, "width": 2**32 - 1, "step": 2**32 - 1}, "size"),
        ({"height": -1}, "size"),
        ({"max_pixels": H * W - 1}, "size"),
        ({"step": W * 3 - 1}, "step"),
        ({"step": 0}, "step"),
        ({"step": W * 3 + 1}, "length"),
        ({"data": b""}, "length"),
        ({"data": b"x" * (H * W * 3 - 1)}, "length"),
        ({"data": None}, "data"),
        ({"data": ["a"]}, "data"),
        ({"encoding": "yuyv", "width": 7}, "size"),
        ({"encoding": "bayer_rggb8", "height": 2}, "size"),
    ],
)
def test_refusals_are_one_sentence_and_a_reason(change, reason):
    fields = {"encoding": "rgb8", "height": H, "width": W, "step": W * 3, "data": RGB.tobytes()} | change
    with pytest.raises(ImageError) as caught:
        decode_image(**fields)
    assert caught.value.reason == reason
    assert isinstance(caught.value, GlimpseError) and 10 < len(str(caught.value)) < 200


def test_every_encoding_decodes_its_smallest_message_and_longer_data():
    for encoding in ENCODINGS:
        step = W * 8
        assert decode_image(encoding, H, W, step, bytes(step * H + 3)).shape == (H, W, 3)


def encoded(suffix, image=RGB):
    return cv2.imencode(suffix, image[..., ::-1])[1].tobytes()


FORMATS = [".png", ".bmp", ".webp", ".jpg", ".tiff", ".ppm"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_compressed(suffix):
    flat = np.broadcast_to(np.array([200, 120, 30], np.uint8), (32, 48, 3))
    data = encoded(suffix, flat)
    np.testing.assert_allclose(decode_compressed(data), flat, atol=6)


def test_compressed_png_is_exact_and_16_bits_keep_their_high_byte():
    np.testing.assert_array_equal(decode_compressed(encoded(".png")), RGB)
    deep = cv2.imencode(".png", GRAY.astype(np.uint16) * 256 + 100)[1]
    np.testing.assert_array_equal(decode_compressed(deep)[..., 0], GRAY)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "length"), (b"not an image", "data"), (encoded(".png")[:40], "data"), (None, "data"), (b"\xff\xd8", "data")],
)
def test_compressed_refusals(data, reason):
    with pytest.raises(ImageError) as caught:
        decode_compressed(data)
    assert caught.value.reason == reason


@pytest.mark.parametrize("suffix", FORMATS)
def test_compressed_bomb_is_refused(suffix):
    with pytest.raises(ImageError, match="at most 100 pixels") as caught:
        decode_compressed(encoded(suffix, np.zeros((20, 20, 3), np.uint8)), max_pixels=100)
    assert caught.value.reason == "size"


def test_png_that_announces_an_absurd_size_takes_no_memory():
    data = bytearray(encoded(".png"))
    data[16:24] = (1 << 30).to_bytes(4, "big") * 2
    with pytest.raises(ImageError, match="expected at most"):
        decode_compressed(bytes(data))


def test_compressed_depth_is_no_picture():
    with pytest.raises(ImageError, match="depth") as caught:
        decode_compressed(b"\0" * 12 + encoded(".png"), file_format="16UC1; compressedDepth png")
    assert caught.value.reason == "encoding"
