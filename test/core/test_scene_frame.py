"""Scene <-> mount, limits, wrap-around and the two warps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_ros.core.scene_frame import (
    SceneFrame,
    canvas_crop_from_perspective,
    clamp_view,
    fov_from_zoom,
    overlap,
    perspective_from_equirect,
    rotation,
    wrap,
    zoom_from_fov,
)
from glimpse_ros.core.types import GlimpseError, Limits, MountLimits, PanTiltZoom, View

angles = st.floats(-3.0, 3.0)
sphere = SceneFrame("spherical", math.radians(60), mount=MountLimits((-4.0, 4.0), (-1.5, 1.5), (1.0, 20.0)))
plane = SceneFrame("planar", math.radians(50), (math.radians(90), math.radians(60)))


@given(st.floats(-math.pi, math.pi - 1e-9), st.floats(-1.5, 1.5), st.floats(1.0, 20.0))
def test_round_trip_on_the_sphere(pan, tilt, zoom):
    back = sphere.ptz_from_view(sphere.view_from_ptz(PanTiltZoom(pan, tilt, zoom)), near=pan)
    assert back.pan == pytest.approx(pan, abs=1e-9)
    assert back.tilt == pytest.approx(tilt, abs=1e-9)
    assert back.zoom == pytest.approx(zoom, rel=1e-9)


@given(st.floats(-0.75, 0.75), st.floats(-0.45, 0.45), st.floats(1.0, 4.0))
def test_round_trip_on_the_plane(pan, tilt, zoom):
    back = plane.ptz_from_view(plane.view_from_ptz(PanTiltZoom(pan, tilt, zoom)))
    assert (back.pan, back.tilt, back.zoom) == pytest.approx((pan, tilt, zoom), abs=1e-9)


def test_signs_of_the_axes():
    assert sphere.view_from_ptz(PanTiltZoom(math.pi / 2, 0, 1)).x == pytest.approx(-0.5), "left is negative x"
    assert sphere.view_from_ptz(PanTiltZoom(0, math.pi / 4, 1)).y == pytest.approx(0.5), "down is positive y"
    assert plane.view_from_ptz(PanTiltZoom(math.radians(45), 0, 1)).x == pytest.approx(-1.0), "the left edge"


@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(0.001, 9), st.floats(-10, 10))
def test_no_command_leaves_the_mount(x, y, s, near):
    mount = MountLimits((-1.0, 2.0), (-0.3, 0.7), (1.5, 8.0))
    for projection, fov in (("spherical", (2 * math.pi, math.pi)), ("planar", (1.5, 1.0))):
        ptz = SceneFrame(projection, 1.0, fov, mount).ptz_from_view(View(x, y, s), near)
        assert -1.0 <= ptz.pan <= 2.0 and -0.3 <= ptz.tilt <= 0.7 and 1.5 <= ptz.zoom <= 8.0


@given(st.floats(-50, 50), st.floats(-9, 9), st.floats(0.001, 9))
def test_no_view_outside_the_limits(x, y, s):
    limits = Limits((-0.5, 0.25), (-0.3, 0.7), (0.1, 0.4))
    for projection in ("spherical", "planar"):
        view = clamp_view(View(x, y, s), limits, projection)
        assert -0.5 <= view.x <= 0.25 and -0.3 <= view.y <= 0.7 and 0.1 <= view.s <= 0.4


def test_clamp_goes_to_the_nearer_end_across_the_seam():
    limits = Limits((-0.5, 0.25))
    assert clamp_view(View(-0.95, 0, 0.5), limits, "spherical").x == -0.5
    assert clamp_view(View(0.8, 0, 0.5), limits, "spherical").x == 0.25
    assert clamp_view(View(1.1, 0, 0.5), limits, "spherical").x == -0.5, "1.1 is -0.9, nearer to -0.5"


def test_pan_takes_the_branch_nearest_to_where_the_mount_is():
    mount = MountLimits(pan=(-1.5 * math.pi, 1.5 * math.pi))
    frame = SceneFrame(mount=mount)
    behind = View(-0.9, 0, 0.1)  # pan 0.9 pi, or -1.1 pi
    assert frame.ptz_from_view(behind, near=3.0).pan == pytest.approx(0.9 * math.pi)
    assert frame.ptz_from_view(behind, near=-3.0).pan == pytest.approx(-1.1 * math.pi)


def test_limits_of_a_mount_in_scene_units():
    frame = SceneFrame(h0=math.radians(60), mount=MountLimits((-math.pi / 2, math.pi / 4), (-0.2, 0.4), (1, 10)))
    limits = frame.limits()
    assert limits.x == pytest.approx((-0.25, 0.5))
    assert limits.s[1] == pytest.approx(1 / 6)
    assert limits.s[0] == pytest.approx(fov_from_zoom(math.radians(60), 10) / (2 * math.pi))
    assert SceneFrame().limits().x == (-1.0, 1.0), "a full turn has no limits"


@given(st.floats(0.1, 3.0), st.floats(1.0, 30.0))
def test_zoom_and_field_of_view_are_inverse(h0, zoom):
    assert zoom_from_fov(h0, fov_from_zoom(h0, zoom)) == pytest.approx(zoom, rel=1e-9)


@given(st.floats(-100, 100))
def test_wrap_keeps_the_direction(x):
    assert -1 <= wrap(x) < 1
    assert math.cos(math.pi * wrap(x)) == pytest.approx(math.cos(math.pi * x), abs=1e-9)


@given(angles, st.floats(-1.5, 1.5))
def test_rotation_is_one(pan, tilt):
    r = rotation(PanTiltZoom(pan, tilt, 1))
    assert np.allclose(r @ r.T, np.eye(3)) and np.linalg.det(r) == pytest.approx(1)
    assert r[2, 2] == pytest.approx(-math.sin(tilt)), "positive tilt points the optical axis down"


def panorama(height=256):
    """Red rises with longitude distance, green with latitude, blue marks the four headings."""
    v, u = np.mgrid[:height, : 2 * height] + 0.5
    lon, lat = (u / height - 1) * math.pi, (v / height - 0.5) * math.pi
    image = np.stack([127 + 120 * np.cos(lon), 127 + 120 * np.sin(lat), 127 + 120 * np.sin(lon)], -1)
    return image.astype(np.uint8)


@pytest.mark.parametrize("ptz", [PanTiltZoom(0, 0, 1), PanTiltZoom(3.1, 0.4, 1), PanTiltZoom(-1.2, -0.8, 1)])
def test_the_centre_of_a_frame_is_where_the_camera_looks(ptz):
    frame = perspective_from_equirect(panorama(), ptz, math.radians(40), (65, 65))
    lon, lat = -ptz.pan, ptz.tilt
    expected = [127 + 120 * math.cos(lon), 127 + 120 * math.sin(lat), 127 + 120 * math.sin(lon)]
    assert frame[32, 32].astype(int) == pytest.approx(expected, abs=4)


def test_right_in_the_frame_is_right_in_the_scene_and_down_is_down():
    frame = perspective_from_equirect(panorama(), PanTiltZoom(0, 0, 1), math.radians(60), (64, 64)).astype(int)
    assert frame[32, 60, 2] > frame[32, 4, 2] + 80, "sin(lon) rises to the right"
    assert frame[60, 32, 1] > frame[4, 32, 1] + 80, "sin(lat) rises downwards"


@pytest.mark.parametrize("ptz", [PanTiltZoom(0.3, 0.2, 1), PanTiltZoom(math.pi, -0.5, 1), PanTiltZoom(-2.0, 0.9, 1)])
def test_warping_a_frame_back_gives_the_panorama_crop(ptz):
    pano, fov = panorama(), math.radians(60)
    frame = perspective_from_equirect(pano, ptz, fov, (240, 320))
    view = SceneFrame().view_from_ptz(ptz)
    crop = canvas_crop_from_perspective(frame, ptz, fov, view, 64).astype(int)
    u = ((view.x + 1) / 2 * 512 + (np.arange(64) + 0.5 - 32) / 64 * view.s * 512).astype(int) % 512
    v = np.clip(((view.y + 1) / 2 * 256 + (np.arange(64) + 0.5 - 32) / 64 * view.s * 512).astype(int), 0, 255)
    error = np.abs(crop - pano[v[:, None], u[None, :]].astype(int))
    assert error[4:-4, 4:-4].mean() < 2.5


def test_the_poles_are_continuous():
    up = perspective_from_equirect(panorama(), PanTiltZoom(0, -math.pi / 2, 1), math.radians(30), (64, 64)).astype(int)
    assert np.abs(np.diff(up[..., 1], axis=0)).max() <= 4, "latitude's colour changes smoothly over the pole"


@pytest.mark.parametrize(
    "build",
    [
        lambda: Limits(x=(0.5, -0.5)),
        lambda: MountLimits(tilt=(1.0, -1.0)),
        lambda: MountLimits(zoom=(0.5, 2.0)),
        lambda: SceneFrame(h0=0.0),
        lambda: SceneFrame("planar"),
        lambda: View(float("nan"), 0, 1),
        lambda: View(0, 0, 0),
    ],
)
def test_refusals(build):
    with pytest.raises(GlimpseError):
        build()


def test_refusals_name_the_values():
    with pytest.raises(GlimpseError, match="limits of x: min 0.5 is greater than max -0.5"):
        Limits(x=(0.5, -0.5))


def test_ranges_of_s_are_narrowed_to_what_camera_and_model_share():
    limits = Limits((-0.5, 0.5), (0.0, 0.1), (0.1, 0.5))
    assert overlap(limits, (0.2, 0.9), "m") == Limits(limits.x, limits.y, (0.2, 0.5))
    assert overlap(limits, (0.5, 0.5), "m").s == (0.5, 0.5)
    with pytest.raises(
        GlimpseError, match=r"^m: the camera's s is 0\.1 to 0\.5, the scene model's 0\.6 to 0\.9; expected"
    ):
        overlap(limits, (0.6, 0.9), "m")


@given(st.floats(0.01, 1.0))
def test_a_model_that_knows_one_s_meets_a_camera_that_rounding_keeps_from_it(s):
    camera = Limits(s=(0.001, s * (1 - 1e-7)))
    low, high = overlap(camera, (s, s), "m").s
    assert low == high == camera.s[1]
    low, high = overlap(Limits(s=(s, 1.0)), (float(np.float32(s)), float(np.float32(s))), "m").s
    assert low <= high and low == pytest.approx(s, abs=1e-6)
