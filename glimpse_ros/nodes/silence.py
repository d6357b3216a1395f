"""Why a topic is silent, in words: "no output" is the most frequent complaint about ROS nodes, and QoS the most
frequent cause."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.subscription import Subscription

TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"
LARGER = "DEFAULT?sockets_size=8MB"  # at the publisher is enough


def why_silent(node: Node, subscription: Subscription, qos: QoSProfile, large: bool = False) -> str:
    """The likely cause; `large`: the topic carries images."""
    topic = subscription.topic_name
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        return f"nobody publishes {topic}: is the camera driver running, and is the topic remapped?"
    wanted = _type_name(subscription.msg_type)
    for info in publishers:
        who = f"{info.node_namespace.rstrip('/')}/{info.node_name}"
        if info.topic_type != wanted:
            return f"{who} publishes {topic} as {info.topic_type}, expected {wanted}"
        compatible, reason = qos_check_compatible(info.qos_profile, qos)
        if compatible == QoSCompatibility.ERROR:
            return f"the QoS of {who} on {topic} does not match: {reason.strip().rstrip(';')}"
    text = f"{topic} has {len(publishers)} publisher(s) of matching QoS but nothing arrives"
    if large:
        text += (
            f": by default Fast DDS loses large images between processes, start the driver with {TRANSPORTS}={LARGER}"
        )
    return text


def _type_name(kind: Any) -> str:
    """As the graph tells it: sensor_msgs/msg/Image."""
    package, _, _ = kind.__module__.partition(".")
    return f"{package}/msg/{kind.__name__}"
