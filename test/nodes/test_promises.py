"""The promises of the design, each with its fault injected: a played camera, real nodes, real DDS."""

import math
import threading
import time

import numpy as np
import pytest
from onnx_graphs import write_bundle
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from ros_bench import Bench, wait_for
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from glimpse_ros.core.types import PanTiltZoom
from glimpse_ros.nodes.base import IMAGES, LOOP, MAPS
from glimpse_ros.nodes.convert import header, joints_from_ptz, ns_from_stamp
from glimpse_ros.nodes.policy_node import PolicyNode
from glimpse_ros.nodes.scene_node import SceneNode
from glimpse_ros.nodes.tag import BeliefTag

SUCCESS = TransitionCallbackReturn.SUCCESS
NAMES = ("pan", "tilt", "zoom")


class Driver:
    """Plays an ideal PTZ driver through a probe: frames at 50 Hz, and it is at once where it is sent."""

    def __init__(self, bench: Bench, at=(0.3, -0.1, 1.0)) -> None:
        self.probe, self.at, self.commands, self.frames = bench.probe, at, [], 0
        self.frozen = self.silent = False
        self.spoiled: dict = {}
        self.offset = 0  # [ns] added to the stamps
        self.stamps: list[int] = []
        bench.probe.create_subscription(JointState, "next_view", self._on_command, LOOP)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _on_command(self, message: JointState) -> None:
        self.commands.append(message)
        self.at = tuple(message.position)

    def answers(self) -> int:
        """Commands, those counted once that came again because a belief was asked again."""
        return len({ns_from_stamp(m.header.stamp) for m in self.commands})

    def _run(self) -> None:
        while not self._over.wait(0.02):
            if not self.silent:
                stamp = self.stamps[-1] if self.frozen else time.time_ns() + self.offset
                self.stamps.append(stamp)
                self.probe.state(stamp, *self.at)
                self.probe.image(stamp, **self.spoiled)

    def __enter__(self) -> "Driver":
        self._thread.start()
        return self

    def __exit__(self, *err: object) -> None:
        self._over.set()
        self._thread.join()


def pair(bench: Bench, policy="random", glimpses=0, seed=0, scene=None, **parameters):
    """Scene and policy node, active."""
    s = bench.add(SceneNode, camera="ptz", hfov=1.0, **{"ask_again": 0.1, **(scene or {})})
    p = bench.add(PolicyNode, policy=policy, glimpses=glimpses, seed=seed, **parameters)
    return s, p


def test_topics_have_the_qos_of_the_design():
    reliable, best_effort = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
    volatile, latched = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL
    with Bench() as bench:
        pair(bench, "uncertainty")
        bench.matched("next_view")
        space = f"/{bench.kwargs['namespace']}"
        for topic, reliability, durability in (
            ("belief", reliable, volatile),
            ("next_view", reliable, volatile),
            ("reconstruction", reliable, latched),
            ("mosaic", reliable, latched),
            ("uncertainty", reliable, latched),
        ):
            (info,) = bench.probe.get_publishers_info_by_topic(f"{space}/{topic}")
            assert (info.qos_profile.reliability, info.qos_profile.durability) == (reliability, durability), topic
        (image,) = bench.probe.get_subscriptions_info_by_topic(f"{space}/image")
        assert image.qos_profile.reliability == best_effort
        for info in bench.probe.get_subscriptions_info_by_topic(f"{space}/view_state"):
            assert info.qos_profile.reliability == reliable


def test_the_loop_runs_and_every_stamp_is_an_images_stamp():
    with Bench() as bench, Driver(bench) as driver:
        heard = {t: bench.probe.listen(t, Image, MAPS) for t in ("reconstruction", "mosaic", "uncertainty")}
        beliefs, views = bench.probe.listen("belief", Image), bench.probe.listen("next_view", JointState)
        pair(bench)
        wait_for(lambda: len(views) > 10)
        for messages in (beliefs, views, *heard.values()):
            assert len(messages) > 5
            assert {ns_from_stamp(m.header.stamp) for m in messages} <= set(driver.stamps)
        first = BeliefTag.parse(beliefs[0].header.frame_id)
        assert first.ptz == (0.3, -0.1, 1.0)  # where it already looked
        answered = {ns_from_stamp(m.header.stamp): m.header.frame_id for m in beliefs}
        for view in views[:10]:
            assert answered[ns_from_stamp(view.header.stamp)] == view.header.frame_id
        belief = beliefs[3]
        assert belief.encoding == "32FC1" and (belief.height, belief.width, belief.step) == (512, 4, 16)


def test_latched_maps_reach_who_comes_late():
    with Bench() as bench, Driver(bench):
        scene, _ = pair(bench, glimpses=3)
        wait_for(lambda: scene.loop.phase == "done")
        late = bench.probe.listen("reconstruction", Image, MAPS)
        wait_for(lambda: late)
        assert late[0].encoding == "rgb8" and (late[0].height, late[0].width) == (256, 512)


def test_a_policy_that_starts_late_is_waited_for():
    with Bench() as bench, Driver(bench) as driver:
        bench.add(SceneNode, camera="ptz", hfov=1.0, ask_again=0.05)
        time.sleep(0.5)
        assert not driver.commands
        bench.add(PolicyNode, policy="random", glimpses=0)
        wait_for(lambda: len(driver.commands) > 3)


def test_a_policy_that_wants_maps_gets_them_by_exact_stamp():
    with Bench() as bench, Driver(bench) as driver:
        pair(bench, "uncertainty")
        wait_for(lambda: len({tuple(m.position) for m in driver.commands}) > 3)  # it really looks around


@pytest.mark.parametrize(
    ("spoiled", "named"),
    [
        ({"encoding": "32SC4x"}, "encoding"),
        ({"step": 5}, "step 5 is shorter than a row"),
        ({"height": 4800}, "expected"),
        ({"height": 0}, "above zero"),
        ({"width": 1 << 30, "step": 3 << 30}, "pixels"),
    ],
)
def test_malformed_images_are_skipped_counted_and_named(spoiled, named):
    with Bench() as bench, Driver(bench) as driver:
        driver.spoiled = spoiled
        scene, _ = pair(bench)
        wait_for(lambda: scene.health.counted("frames malformed") > 3)
        level, text, values = wait_for(
            lambda: bench.probe.diagnosis("scene_node")[0] and bench.probe.diagnosis("scene_node")
        )
        assert level == 1 and named in text and int(values["frames malformed"]) > 3
        assert not driver.commands
        driver.spoiled = {}
        wait_for(lambda: len(driver.commands) > 3)
        wait_for(lambda: "malformed" not in scene.health.report()[1] and scene.health.report()[0] == 0)


def test_nan_from_the_policy_graph_is_dropped_the_view_held_and_many_are_an_error(tmp_path):
    bundle = str(write_bundle(tmp_path / "nan", policy_nan=True))
    with Bench() as bench, Driver(bench) as driver:
        pair(bench, "learned", scene={"model": bundle}, model=bundle, many_bad=3)
        wait_for(lambda: len(driver.commands) > 5)
        assert {tuple(m.position) for m in driver.commands} == {(0.3, -0.1, 1.0)}
        level, text, values = wait_for(
            lambda: bench.probe.diagnosis("policy_node")[0] == 2 and bench.probe.diagnosis("policy_node")
        )
        assert "views in a row dropped" in text and int(values["views dropped"]) >= 3


def test_nan_from_the_scene_graph_leaves_the_glimpse_out_and_the_loop_goes_on(tmp_path):
    bundle = str(write_bundle(tmp_path / "nan", nan=0.5))  # NaN for glimpses right of x = 0.5
    with Bench() as bench, Driver(bench) as driver:
        scene, _ = pair(bench, "random", scene={"model": bundle}, model=bundle)
        wait_for(lambda: scene.health.counted("glimpses failed") > 8, 20.0)
        n = len(driver.commands)
        wait_for(lambda: len(driver.commands) > n + 10, 20.0)
        beliefs = bench.probe.listen("belief", Image)
        wait_for(lambda: len(beliefs) > 5)
        assert all(np.isfinite(np.frombuffer(m.data, np.float32)).all() for m in beliefs)


def test_a_silent_camera_stops_the_commands_and_the_warning_names_topic_and_cause():
    with Bench() as bench:
        scene, _ = pair(bench, scene={"camera_timeout": 0.5})
        wait_for(lambda: "nobody publishes" in scene.health.report()[1])
        assert f"/{bench.kwargs['namespace']}/image" in scene.health.report()[1]
        with Driver(bench) as driver:
            wait_for(lambda: len(driver.commands) > 3)
            wait_for(lambda: scene.health.report()[0] == 0)
            driver.silent = True
            time.sleep(0.2)
            n = len({tuple(m.position) for m in driver.commands})
            wait_for(lambda: "no usable frame" in scene.health.report()[1])
            text = scene.health.report()[1]
            assert "nothing arrives" in text and "FASTDDS_BUILTIN_TRANSPORTS" in text
            assert len({tuple(m.position) for m in driver.commands}) == n  # answers repeated at most, never a new one


def test_a_frozen_camera_is_named_as_frozen():
    with Bench() as bench, Driver(bench) as driver:
        scene, _ = pair(bench, scene={"camera_timeout": 0.5})
        wait_for(lambda: len(driver.commands) > 3)
        driver.frozen = True
        wait_for(lambda: "is frozen" in scene.health.report()[1])
        driver.frozen = False
        wait_for(lambda: scene.health.report()[0] == 0)


def test_stale_frames_give_no_command():
    with Bench() as bench, Driver(bench) as driver:
        driver.offset = -5_000_000_000
        scene, _ = pair(bench)
        wait_for(lambda: scene.health.counted("frames stale") > 5)
        assert not driver.commands and "s old on this node's clock" in scene.health.report()[1]


def test_a_best_effort_view_state_is_named_as_the_cause():
    with Bench() as bench:
        scene = bench.add(SceneNode, camera="ptz", hfov=1.0, camera_timeout=0.5)
        out = bench.probe.create_publisher(JointState, "view_state", IMAGES)
        wait_for(lambda: "no view_state" in scene.health.report()[1] and "QoS of" in scene.health.report()[1])
        assert "view_state does not match" in scene.health.report()[1] and "probe" in scene.health.report()[1]
        bench.probe.destroy_publisher(out)


def test_a_wrong_type_on_the_image_topic_is_named():
    with Bench() as bench:
        bench.stranger().out("image", Bool)
        scene = bench.add(SceneNode, camera="ptz", hfov=1.0, camera_timeout=0.5)
        wait_for(lambda: "std_msgs/msg/Bool, expected sensor_msgs/msg/Image" in scene.health.report()[1])


def test_two_publishers_of_next_view_are_named():
    with Bench() as bench, Driver(bench):
        scene, policy = pair(bench)
        other = bench.probe.create_publisher(JointState, "next_view", LOOP)
        for node in (scene, policy):
            wait_for(lambda node=node: "2 publishers of" in node.health.report()[1])
            text = node.health.report()[1]
            assert "probe" in text and "policy_node" in text
        bench.probe.destroy_publisher(other)
        wait_for(lambda: scene.health.report()[0] == 0)


def test_time_running_backwards_resets_the_memory_once():
    with Bench() as bench, Driver(bench) as driver:
        beliefs = bench.probe.listen("belief", Image)
        scene, _ = pair(bench, scene={"max_frame_age": 0.0})
        wait_for(lambda: len(driver.commands) > 5)
        driver.offset = -100_000_000_000
        wait_for(lambda: scene.health.counted("time jumps back") == 1)
        n = len(beliefs)
        wait_for(lambda: len(beliefs) > n + 5)
        tags = [BeliefTag.parse(m.header.frame_id) for m in beliefs]
        assert len({tag.episode for tag in tags}) == 2
        steps = dict.fromkeys(tag.step for tag in tags if tag.episode == tags[-1].episode)  # one may be asked again
        assert list(steps)[:3] == [1, 2, 3]
        assert scene.health.counted("time jumps back") == 1


def test_done_ends_the_loop_and_reset_begins_it_again():
    with Bench() as bench, Driver(bench) as driver:
        dones = bench.probe.listen("done", Bool, MAPS)
        scene, policy = pair(bench, glimpses=4)
        wait_for(lambda: dones and dones[-1].data)
        time.sleep(0.5)
        assert driver.answers() == 3  # the first glimpse needs none
        for service, more in (("scene_node/reset", 3), ("policy_node/reset", 3)):
            n, m = driver.answers(), len(dones)
            client = bench.probe.create_client(Trigger, service)
            assert client.wait_for_service(5.0)
            answer = client.call_async(Trigger.Request())
            wait_for(answer.done)
            assert answer.result().success
            wait_for(lambda m=m: len(dones) > m and dones[-1].data)
            assert driver.answers() == n + more
        assert [d.data for d in dones] == [False, True, False, True, False, True] or dones[-1].data


def test_limits_are_kept_at_the_mount():
    limits = {"pan_min": -0.4, "pan_max": 0.2, "tilt_min": -0.1, "tilt_max": 0.1, "zoom_min": 1.5, "zoom_max": 2.0}
    with Bench() as bench, Driver(bench, at=(0.1, 0.0, 1.5)) as driver:
        pair(bench, "random", **limits)
        wait_for(lambda: len(driver.commands) > 20)
        for message in driver.commands:
            pan, tilt, zoom = message.position
            assert -0.4 <= pan <= 0.2 and -0.1 <= tilt <= 0.1 and 1.5 <= zoom <= 2.0


def test_deactivate_holds_the_camera_where_it_is():
    with Bench() as bench:
        views = bench.probe.listen("next_view", JointState)
        _, policy = pair(bench)
        stamp = time.time_ns()
        bench.probe.out("image", Image, IMAGES)
        bench.probe.out("view_state", JointState)
        bench.matched("image", subscribers=1)
        bench.matched("view_state", subscribers=2)

        def fed():
            bench.probe.state(time.time_ns(), 0.1)
            bench.probe.image(time.time_ns())
            time.sleep(0.02)
            return views

        wait_for(fed)
        for k in range(10):  # the mount is on its way
            bench.probe.state(stamp + 10**9 + k, 0.1 + 0.01 * k)
        time.sleep(0.2)
        assert policy.trigger_deactivate() == SUCCESS
        wait_for(lambda: views[-1].header.frame_id == "hold")
        assert list(views[-1].position) == pytest.approx([0.19, 0.0, 1.0])
        n = len(views)
        time.sleep(0.3)
        assert len(views) == n


def test_partial_and_nan_commands_do_not_stop_the_loop():
    with Bench() as bench, Driver(bench):
        beliefs = bench.probe.listen("belief", Image)
        scene = bench.add(SceneNode, camera="ptz", hfov=1.0, ask_again=0.1)
        out = bench.probe.out("next_view", JointState)
        bench.matched("next_view", subscribers=2)
        wait_for(lambda: beliefs)
        head = beliefs[0].header
        out.publish(joints_from_ptz(PanTiltZoom(math.nan, math.nan, math.nan), head, NAMES))
        wait_for(lambda: scene.health.counted("answers without pan or tilt") == 1)
        out.publish(joints_from_ptz(PanTiltZoom(0.5, 0.0, 1.0), header(5, head.frame_id), NAMES))
        wait_for(lambda: scene.health.counted("answers to another question") == 1)
        out.publish(joints_from_ptz(PanTiltZoom(0.5, 0.0, math.nan), head, NAMES))
        wait_for(lambda: BeliefTag.parse(beliefs[-1].header.frame_id).step == 2)
        assert BeliefTag.parse(beliefs[-1].header.frame_id).ptz is not None


def test_a_flood_of_frames_does_not_queue():
    with Bench() as bench, Driver(bench) as driver:
        scene, _ = pair(bench)
        wait_for(lambda: len(driver.commands) > 3)
        for _ in range(300):
            stamp = time.time_ns()
            bench.probe.state(stamp, *driver.at)
            bench.probe.image(stamp)
        n = scene.loop.step
        wait_for(lambda: scene.loop.step > n + 3)
        assert len(scene.worker._waiting) <= 4 and len(scene.states) <= 256
