"""The scene node's topics: kinds of cameras, transports, maps and classes."""

import sys
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from onnx_graphs import plain_glimpse, write_bundle, write_street
from rclpy.lifecycle import TransitionCallbackReturn
from ros_bench import Bench
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from glimpse_ros.core.bundle import load_scene
from glimpse_ros.core.classes import UNKNOWN, class_colours
from glimpse_ros.core.memory import Mosaic
from glimpse_ros.core.types import View
from glimpse_ros.nodes.base import IMAGES, MAPS
from glimpse_ros.nodes.convert import camera_info, header, map_from_image, rgb_from_image
from glimpse_ros.nodes.policy_node import PolicyNode
from glimpse_ros.nodes.scene_node import SceneNode
from glimpse_ros.nodes.scene_output import SceneOutput
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
        feed(bench, lambda: beliefs and tags(beliefs)[-1].step > 3)
        assert scene.lens.kind == "wide" and tags(beliefs)[0].step == 0
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


def ids(message):
    """(h, w) of a segmentation's message."""
    assert message.encoding == "mono8"
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width)


ROAD, SKY = 0, 1


def test_the_segmentation_has_the_bundles_colours_and_follows_the_video(tmp_path):
    bundle = str(write_street(tmp_path / "street"))
    with Bench() as bench:
        maps, colours = (bench.probe.listen(topic, Image, MAPS) for topic in ("segmentation", "segmentation/color"))
        glimpses = 16  # all of the scene: two rows of eight glimpses
        scene = bench.add(SceneNode, camera="wide", model=bundle, memory="per_frame", glimpses_per_frame=glimpses)
        bench.add(PolicyNode, model=bundle, policy="learned", glimpses=glimpses)

        def whole():
            return [m for m in maps if (ids(m) != UNKNOWN).all()]

        def over(upper, lower):  # 16:9, which is squeezed
            return lambda stamp: bench.probe.image(stamp, upper, (90, 160), lower)

        feed(bench, whole, send=over(230, 20), timeout=30.0)
        first, before = whole()[0], len(maps)
        assert (ids(first)[:2] == SKY).all() and (ids(first)[2:] == ROAD).all()
        changed = time.time_ns()
        feed(bench, lambda: any(stamp_of(m) > changed for m in whole()), send=over(20, 230), timeout=30.0)
        last = whole()[-1]
        assert (ids(last)[:2] == ROAD).all() and (ids(last)[2:] == SKY).all(), "nothing of the old scene is left"
        assert any((ids(m) == UNKNOWN).any() for m in maps[before:]), "the memory was emptied in between"
        own = np.array(scene.loop.model.info.palette, np.uint8)
        by_stamp = {(stamp_of(m), bytes(m.data)) for m in colours}
        for message in (first, last):
            assert (stamp_of(message), own[ids(message)].tobytes()) in by_stamp
        assert scene.health.report()[2]["classes"] == "road, sky"


def stamp_of(message):
    """[ns]"""
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def test_the_label_topic_names_the_classes(tmp_path):
    vision = pytest.importorskip("vision_msgs.msg", reason="vision_msgs is not installed")
    bundle = str(write_street(tmp_path / "street"))
    with Bench() as bench:
        labels = bench.probe.listen("segmentation/label_info", vision.LabelInfo, MAPS)
        bench.add(SceneNode, camera="wide", model=bundle)
        bench.add(PolicyNode, model=bundle, policy="learned")
        feed(bench, lambda: labels)
        assert [(c.class_id, c.class_name) for c in labels[0].class_map] == [(0, "road"), (1, "sky")]


def test_label_messages_where_vision_msgs_are_installed(tmp_path, monkeypatch):
    """Messages that only remember their fields stand in for those that the ROS wheels lack."""
    names = ("VisionClass", "LabelInfo", "Classification", "ObjectHypothesis")
    messages = SimpleNamespace(**{name: type(name, (SimpleNamespace,), {}) for name in names})
    monkeypatch.setitem(sys.modules, "vision_msgs", SimpleNamespace(msg=messages))
    sent = {}

    def publisher(kind, topic, qos):
        return SimpleNamespace(publish=lambda message: sent.setdefault(topic, (kind, message)))

    model = load_scene(write_street(tmp_path / "street", classification=True))
    output = SceneOutput(SimpleNamespace(publisher=publisher), model.info, False)
    output.ask(model.step(plain_glimpse(View(0.0, 0.0, 0.25), (1.0, 1.0, 1.0), 16, 3)), "tag", 5_000_000_007, True)
    kind, info = sent["segmentation/label_info"]
    assert kind is messages.LabelInfo and (info.header.stamp.sec, info.header.stamp.nanosec) == (5, 7)
    assert [(c.class_id, c.class_name) for c in info.class_map] == [(0, "road"), (1, "sky")]
    _, classification = sent["classification"]
    assert [r.class_id for r in classification.results] == ["road", "sky"]
    assert classification.results[1].score > 0.5 and sent["class_label"][1].data == "sky"


def test_decay_needs_a_model_that_can_fade(monkeypatch):
    with Bench() as bench:
        bench.add(SceneNode, "inactive", camera="wide", memory="decay")
        monkeypatch.setattr(Mosaic, "fades", False)
        node = bench.add(SceneNode, "unconfigured", memory="decay", name="other_node")
        assert node.trigger_configure() == TransitionCallbackReturn.FAILURE and "cannot fade" in node.refusal
