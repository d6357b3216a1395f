"""The scene node's topics: kinds of cameras, transports, maps and classes."""

import time

import cv2
import numpy as np
import pytest
from onnx_graphs import write_bundle
from rclpy.lifecycle import TransitionCallbackReturn
from ros_bench import Bench
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from glimpse_ros.core.classes import UNKNOWN, class_colours
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.nodes.base import IMAGES, MAPS
from glimpse_ros.nodes.convert import camera_info, header, map_from_image, rgb_from_image
from glimpse_ros.nodes.policy_node import PolicyNode
from glimpse_ros.nodes.scene_node import SceneNode
from glimpse_ros.nodes.tag import BeliefTag


def feed(bench, condition, ptz=None, value=100, timeout=15.0, send=None):
    """Frames until the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        stamp = time.time_ns()
        if ptz is not None:
            bench.probe.state(stamp, *ptz)
        (send or bench.probe.image)(stamp)
        time.sleep(0.03)


def tags(beliefs):
    return [BeliefTag.parse(m.header.frame_id) for m in beliefs]


def test_auto_takes_a_camera_without_a_view_state_for_a_wide_one():
    with Bench() as bench:
        beliefs = bench.probe.listen("belief", Image)
        scene = bench.add(SceneNode)
        bench.add(PolicyNode, policy="grid", glimpses=0)
        feed(bench, lambda: len(beliefs) > 5)
        assert scene.lens.kind == "wide"
        assert tags(beliefs)[0].step == 0 and tags(beliefs)[-1].step > 3
        assert tags(beliefs)[0].scene == (384, 512, "planar")  # the frames' aspect, 48 x 64


def test_auto_takes_a_camera_with_a_view_state_for_a_ptz_with_its_camera_infos_field_of_view():
    with Bench() as bench:
        beliefs = bench.probe.listen("belief", Image)
        scene = bench.add(SceneNode)
        out = bench.probe.out("camera_info", CameraInfo, IMAGES)

        def send(stamp):
            out.publish(camera_info(stamp, "camera", (48, 64), 0.4))
            bench.probe.image(stamp)

        feed(bench, lambda: beliefs, ptz=(0.1, 0.0, 1.0), send=send)
        assert scene.lens.kind == "ptz" and tags(beliefs)[0].fov[0] == pytest.approx(0.4)


def test_a_ptz_without_a_field_of_view_says_so():
    with Bench() as bench:
        scene = bench.add(SceneNode, camera="ptz")
        feed(bench, lambda: "field of view is unknown" in scene.health.report()[1], ptz=(0.1, 0.0, 1.0))


def test_compressed_images():
    with Bench() as bench:
        beliefs = bench.probe.listen("belief", Image)
        bench.add(SceneNode, camera="ptz", hfov=1.0, image_transport="compressed")
        out = bench.probe.out("image/compressed", CompressedImage, IMAGES)
        data = cv2.imencode(".jpg", np.full((48, 64, 3), 77, np.uint8))[1].tobytes()
        feed(
            bench,
            lambda: beliefs,
            ptz=(0.1, 0.0, 1.0),
            send=lambda stamp: out.publish(CompressedImage(header=header(stamp, ""), format="jpeg", data=data)),
        )


def test_every_output_of_a_bundle_is_a_topic(tmp_path):
    bundle = str(write_bundle(tmp_path / "b", glimpse=16, segmentation=True, classification=True))
    with Bench() as bench:
        heard = {
            topic: bench.probe.listen(topic, Image, MAPS)
            for topic in ("reconstruction", "uncertainty", "segmentation", "segmentation/color", "mosaic")
        }
        labels = bench.probe.listen("class_label", String, MAPS)
        beliefs = bench.probe.listen("belief", Image)
        scene = bench.add(SceneNode, camera="ptz", hfov=1.0, model=bundle)
        feed(bench, lambda: beliefs and labels and all(heard.values()), ptz=(0.1, 0.0, 1.0))
        info = scene.loop.model.info
        stamp = beliefs[0].header.stamp
        assert all(messages[0].header.stamp == stamp for messages in heard.values())
        ids = heard["segmentation"][0]
        assert ids.encoding == "mono8" and set(ids.data) <= {*range(len(info.class_names) or 2), UNKNOWN}
        colours = rgb_from_image(heard["segmentation/color"][0], 1 << 20)
        pixels = np.frombuffer(ids.data, np.uint8).reshape(ids.height, ids.width)
        np.testing.assert_array_equal(colours, class_colours(info)[pixels])
        assert rgb_from_image(heard["reconstruction"][0], 1 << 20).shape == (64, 128, 3)
        assert map_from_image(heard["uncertainty"][0], "uncertainty").max() <= 1.0
        assert labels[0].data in (info.class_names or ("0", "1"))
        assert scene.health.report()[2]["provider"] == info.provider


def test_memory_per_frame_over_dds():
    with Bench() as bench:
        beliefs = bench.probe.listen("belief", Image)
        bench.add(SceneNode, camera="wide", memory="per_frame", glimpses_per_frame=2)
        bench.add(PolicyNode, policy="grid", glimpses=2)
        feed(bench, lambda: len({tag.episode for tag in tags(beliefs)}) > 4)
        assert {tag.step for tag in tags(beliefs)} == {0, 1, 2}


def test_decay_needs_a_model_that_can_fade(monkeypatch):
    with Bench() as bench:
        bench.add(SceneNode, "inactive", camera="wide", memory="decay")
        monkeypatch.setattr(Mosaic, "fades", False)
        node = bench.add(SceneNode, "unconfigured", memory="decay", name="other_node")
        assert node.trigger_configure() == TransitionCallbackReturn.FAILURE and "cannot fade" in node.refusal
