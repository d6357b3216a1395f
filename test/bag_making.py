"""Tiny bags of every kind, written with the library rosbags, or by hand where it writes none such."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore

START = 1_700_000_000_000_000_000  # ns
SECOND = 1_000_000_000
ROS1 = get_typestore(Stores.ROS1_NOETIC)
ROS2 = get_typestore(Stores.ROS2_HUMBLE)
IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
JOINT_STATE, CAMERA_INFO = "sensor_msgs/msg/JointState", "sensor_msgs/msg/CameraInfo"

# kind -> (version of ROS, how it is written)
KINDS: dict[str, tuple[int, Any]] = {
    "ros1": (1, None),
    "ros1 bz2": (1, Writer1.CompressionFormat.BZ2),
    "ros1 lz4": (1, Writer1.CompressionFormat.LZ4),
    "sqlite3": (2, (StoragePlugin.SQLITE3, CompressionMode.NONE)),
    "sqlite3 file zstd": (2, (StoragePlugin.SQLITE3, CompressionMode.FILE)),
    "sqlite3 message zstd": (2, (StoragePlugin.SQLITE3, CompressionMode.MESSAGE)),
    "mcap": (2, (StoragePlugin.MCAP, CompressionMode.NONE)),
    "mcap chunk zstd": (2, (StoragePlugin.MCAP, CompressionMode.STORAGE)),
    "mcap file zstd": (2, (StoragePlugin.MCAP, CompressionMode.FILE)),
    "mcap message zstd": (2, (StoragePlugin.MCAP, CompressionMode.MESSAGE)),
}

Row = tuple[str, str, int, dict[str, Any]]  # topic, type, time of recording [ns], fields


def picture(index: int, height: int = 12, width: int = 16) -> np.ndarray:
    """(H, W, 3) uint8 RGB, different for every index."""
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)


def image(index: int, time: int, stamp: int | None = None, topic: str = "/camera/image", **fields: Any) -> Row:
    """A raw rgb8 image; `fields` overwrite."""
    rgb = picture(index)
    values = {
        "header": time if stamp is None else stamp,
        "height": rgb.shape[0],
        "width": rgb.shape[1],
        "encoding": "rgb8",
        "is_bigendian": 0,
        "step": rgb.shape[1] * 3,
        "data": rgb.ravel(),
    }
    return topic, IMAGE, time, values | fields


def compressed(index: int, time: int, topic: str = "/camera/image/compressed", data: bytes | None = None) -> Row:
    """A PNG, so that it comes back exactly."""
    png = cv2.imencode(".png", picture(index)[..., ::-1])[1].ravel()
    values = {"header": time, "format": "png", "data": png if data is None else np.frombuffer(data, np.uint8)}
    return topic, COMPRESSED, time, values


def joints(time: int, topic: str = "/view_state", **positions: float) -> Row:
    """A joint state with these positions."""
    empty = np.zeros(0)
    values = {
        "header": time,
        "name": list(positions),
        "position": np.array(list(positions.values()), np.float64),
        "velocity": empty,
        "effort": empty,
    }
    return topic, JOINT_STATE, time, values


def camera_info(time: int, focal: float, height: int, width: int, topic: str = "/camera/camera_info") -> Row:
    """A pinhole camera."""
    k = np.array([focal, 0, width / 2, 0, focal, height / 2, 0, 0, 1], np.float64)
    return topic, CAMERA_INFO, time, {"header": time, "height": height, "width": width, "k": k}


def text(time: int, topic: str = "/text") -> Row:
    """Something that is no image."""
    return topic, "std_msgs/msg/String", time, {"data": "hello"}


def message(kind: str, fields: dict[str, Any], ros: int) -> Any:
    """A message object of the library from plain fields; `header` is a stamp [ns]."""
    types = (ROS1 if ros == 1 else ROS2).types
    fields = dict(fields)
    if "header" in fields:
        seconds, nanoseconds = divmod(fields["header"], SECOND)
        header = {"stamp": types["builtin_interfaces/msg/Time"](seconds, nanoseconds), "frame_id": "camera"}
        if ros == 1:
            header["seq"] = 0
        fields["header"] = types["std_msgs/msg/Header"](**header)
    if kind == CAMERA_INFO:
        matrices = {"d": np.zeros(5), "k": fields.pop("k"), "r": np.eye(3).ravel(), "p": np.zeros(12)}
        if ros == 1:
            matrices = {name.upper(): value for name, value in matrices.items()}
        roi = types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        fields |= matrices | {"distortion_model": "plumb_bob", "binning_x": 0, "binning_y": 0, "roi": roi}
    return types[kind](**fields)


def write_bag(path: Path, rows: Sequence[Row], kind: str = "mcap") -> Path:
    """A bag of these messages; returns what to open: the `.bag` file or the folder."""
    ros, how = KINDS[kind]
    if ros == 1:
        path = path.with_suffix(".bag")
        writer: Any = Writer1(path)
        if how is not None:
            writer.set_compression(how)
    else:
        writer = Writer2(path, version=9, storage_plugin=how[0])
        writer.set_compression(how[1], CompressionFormat.ZSTD)
    store = ROS1 if ros == 1 else ROS2
    with writer:
        connections: dict[str, Any] = {}
        for topic, msgtype, time, fields in rows:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, msgtype, typestore=store)
            raw = fields["raw"] if "raw" in fields else serialized(msgtype, fields, ros)
            writer.write(connections[topic], time, raw)
    return path


def serialized(msgtype: str, fields: dict[str, Any], ros: int = 2) -> bytes:
    """A message's bytes."""
    value = message(msgtype, fields, ros)
    return bytes(ROS1.serialize_ros1(value, msgtype) if ros == 1 else ROS2.serialize_cdr(value, msgtype))


def write_legacy_db3(path: Path, rows: Sequence[Row]) -> Path:
    """A lone sqlite3 file as rosbag2 wrote it in 2019: no metadata.yaml, no QoS, types without `/msg/`."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)")
    db.execute("CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)")
    ids: dict[str, int] = {}
    for topic, msgtype, time, fields in rows:
        if topic not in ids:
            ids[topic] = len(ids) + 1
            db.execute("INSERT INTO topics VALUES(?,?,?,'cdr')", (ids[topic], topic, msgtype.replace("/msg/", "/")))
        data = serialized(msgtype, fields)
        db.execute("INSERT INTO messages(topic_id, timestamp, data) VALUES(?,?,?)", (ids[topic], time, data))
    db.commit()
    db.close()
    return path
