"""The tag in a belief's frame_id keeps every bit, and anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_ros.core.types import GlimpseError, MountLimits, PanTiltZoom, View
from glimpse_ros.nodes.tag import BeliefTag

finite = st.floats(-3, 3)
TAG = BeliefTag("e", 2, "mosaic", (256, 512, "spherical"), (1.0, 6.28, 3.14), "spherical", (0.1, 0.2, 0.3), None)


@given(finite, finite, st.floats(0.01, 1.0), finite, finite, st.floats(1, 30), st.floats(0.1, 3.0))
def test_floats_keep_every_bit(x, y, s, pan, tilt, zoom, h0):
    tag = BeliefTag("e", 3, "id", (64, 128, "spherical"), (h0, 6.2, 3.1), "spherical", (x, y, s), (pan, tilt, zoom))
    back = BeliefTag.parse(tag.text())
    assert back == tag
    assert back.seen() == View(x, y, s) and back.looking() == PanTiltZoom(pan, tilt, zoom)
    assert back.camera(MountLimits()).h0 == h0


def test_before_the_first_glimpse_and_for_wide_cameras_there_is_no_view():
    tag = BeliefTag("e", 0, "id", (64, 128, "planar"), (1.0, 1.0, 0.8), "planar")
    back = BeliefTag.parse(tag.text())
    assert back.seen() is None and back.looking() is None and back.spec().projection == "planar"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "camera_optical_frame",
        "{}",
        "[]",
        "null",
        TAG.text().replace("0.1", "NaN"),
        TAG.text().replace("0.3", "-0.3"),  # s below zero
        TAG.text().replace("spherical", "cubic"),
        TAG.text().replace("1.0,6.28", "9.0,6.28"),  # a field of view of more than half a turn
        TAG.text().replace("1.0,6.28,3.14", "1.0"),
        "{" * 5000,
    ],
)
def test_anything_else_is_refused_in_one_short_sentence(text):
    with pytest.raises(GlimpseError) as err:
        BeliefTag.parse(text)
    assert "\n" not in str(err.value) and len(str(err.value)) < 300
