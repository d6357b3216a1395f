"""Bags of every kind as one stream of messages: ROS 1 `.bag`, ROS 2 sqlite3 and mcap, tidy or not.

Files are told apart by their first bytes and read one by one, so a bag without its metadata.yaml, with a wrong or
partial one, or given as a single file of a split bag plays as well. Only standard messages are read, by their
standard definitions: nothing that the bag says about its types is trusted. Reading is that of the library `rosbags`.
"""

from __future__ import annotations

import functools
import heapq
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag2 import Reader as Reader2
from rosbags.typesys import Stores, get_typestore

from ..core.types import GlimpseError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAGIC = {b"#ROSBAG V": ".bag", b"SQLite format 3\0": ".db3", b"\x89MCAP0\r\n": ".mcap", b"\x28\xb5\x2f\xfd": ".zstd"}
_ZSTD = b"\x28\xb5\x2f\xfd"
BAG_SUFFIXES = (".bag", ".db3", ".mcap", ".db3.zstd", ".mcap.zstd")
MAX_MESSAGE = 1 << 30  # bytes of one message once decompressed


class BagError(GlimpseError):
    """A bag, or a topic of it, that cannot be read."""


@dataclass(frozen=True)
class BagMessage:
    """One message, deserialised when asked."""

    topic: str
    type: str
    time: int  # when it was recorded [ns]
    data: bytes
    ros1: bool

    def value(self) -> Any:
        """The message with its ROS 2 field names. Raises BagError where the bytes are not such a message."""
        try:
            if self.ros1:
                return _typestore(Stores.ROS1_NOETIC).deserialize_ros1(self.data, self.type)
            return _typestore(Stores.ROS2_HUMBLE).deserialize_cdr(_unpacked(self.data), self.type)
        except BagError:
            raise
        except Exception as err:  # foreign bytes can fail in any way inside the library
            raise BagError(f"a message on {self.topic} is not a {short_type(self.type)}") from err


class Bag:
    """An open bag. Use it as a context manager, or close it.

    topics: name -> type, as in `sensor_msgs/msg/Image`. counts: name -> messages, as far as the bag tells.
    """

    def __init__(self, path: str | Path) -> None:
        """path: a bag file, or the folder of a ROS 2 bag. Raises BagError where it cannot be read."""
        self.path = Path(path)
        self.topics: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self._stack = ExitStack()
        try:
            self._readers = [self._open(file) for file in bag_files(self.path)]
        except BaseException as err:
            self._stack.close()
            if isinstance(err, GlimpseError) or not isinstance(err, Exception):
                raise
            raise BagError(f"bag {self.path} cannot be read: {_sentence(err)}") from err
        self._readers.sort(key=lambda reader: int(reader.start_time))
        for reader in self._readers:
            for connection in reader.connections:
                self.topics.setdefault(connection.topic, standard_type(connection.msgtype))
                self.counts[connection.topic] = self.counts.get(connection.topic, 0) + connection.msgcount

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """The messages on these topics in the order of recording. Raises BagError where the bag breaks off."""
        wanted = set(topics)
        try:
            for group in self._groups():
                yield from heapq.merge(*(_read(reader, wanted) for reader in group), key=lambda message: message.time)
        except Exception as err:  # foreign bytes can fail in any way inside the library
            raise BagError(f"bag {self.path} breaks off: {_sentence(err)}") from err

    def close(self) -> None:
        """Close the files and delete what was unpacked."""
        self._stack.close()

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        return f"bag {self.path}"

    def listing(self, most: int = 8) -> str:
        """Its topics in words, a long list abbreviated."""
        return listing(self.topics, most)

    def _open(self, file: Path) -> Any:
        suffix = bag_suffix(file)
        if suffix == ".zstd":
            file = self._unzipped(file)
            suffix = bag_suffix(file)
        if suffix not in (".bag", ".db3", ".mcap"):
            raise BagError(f"{file} is no bag: expected a ROS 1 .bag or a ROS 2 .db3 or .mcap")
        if file.suffix != suffix:  # the library goes by the name
            link = Path(self._stack.enter_context(TemporaryDirectory()), file.stem + suffix)
            link.symlink_to(file.resolve())
            file = link
        reader = Reader1(file) if suffix == ".bag" else Reader2(file)
        reader.open()
        self._stack.callback(reader.close)
        return reader

    def _unzipped(self, file: Path) -> Path:
        folder = Path(self._stack.enter_context(TemporaryDirectory()))
        room = shutil.disk_usage(folder).free // 2
        target = folder / file.stem
        with zstd.open(file, "rb") as packed, target.open("wb") as out:
            while block := packed.read(1 << 20):
                room -= len(block)
                if room < 0:
                    raise BagError(f"{file} does not fit unpacked into half the free space of {folder}")
                out.write(block)
        return target

    def _groups(self) -> Iterator[list[Any]]:
        """Readers whose times overlap: merging holds a message of each, so the files of a split bag go one by one."""
        group: list[Any] = []
        end = 0
        for reader in self._readers:
            if group and reader.start_time >= end:
                yield group
                group = []
            group.append(reader)
            end = max(end, reader.end_time)
        if group:
            yield group


def bag_files(path: Path) -> list[Path]:
    """The storage files of a bag: itself, or those in its folder, sorted. Raises BagError where there are none."""
    if path.is_file():
        if not path.stat().st_size:
            raise BagError(f"bag {path} is empty")
        if bag_suffix(path) is None:
            raise BagError(f"{path} is no bag: expected a ROS 1 .bag or a ROS 2 .db3 or .mcap")
        return [path]
    if not path.is_dir():
        raise BagError(f"bag {path} does not exist")
    files = sorted(f for f in path.iterdir() if f.name.endswith(BAG_SUFFIXES) and not f.name.startswith("."))
    names = {f.name for f in files}
    files = [f for f in files if not (f.suffix == ".zstd" and f.stem in names)]  # packed beside unpacked
    if not files:
        raise BagError(f"folder {path} holds no bag: expected files ending in {', '.join(BAG_SUFFIXES)}")
    for file in files:
        if not file.stat().st_size:
            raise BagError(f"bag {file} is empty")
    return files


def bag_suffix(file: Path) -> str | None:
    """`.bag`, `.db3`, `.mcap` or `.zstd` by the first bytes of a file; None: no bag."""
    with file.open("rb") as stream:
        head = stream.read(16)
    return next((suffix for magic, suffix in _MAGIC.items() if head.startswith(magic)), None)


def is_bag(path: Path) -> bool:
    """Whether a file or folder is a bag, or claims by its name to be one."""
    if path.is_dir():
        return any(f.name == "metadata.yaml" or f.name.endswith(BAG_SUFFIXES) for f in path.iterdir())
    return path.name.endswith(BAG_SUFFIXES) or bag_suffix(path) in (".bag", ".db3", ".mcap")


def standard_type(name: str) -> str:
    """`sensor_msgs/msg/Image` for the `sensor_msgs/Image` of ROS 1 and of early ROS 2."""
    parts = name.split("/")
    return f"{parts[0]}/msg/{parts[1]}" if len(parts) == 2 else name


def short_type(name: str) -> str:
    """`sensor_msgs/Image`: for people."""
    return name.replace("/msg/", "/")


def listing(topics: dict[str, str], most: int = 8) -> str:
    """`/a (std_msgs/String), /b (...) and 3 more`."""
    if not topics:
        return "none"
    named = [f"{name[:80]} ({short_type(kind)[:60]})" for name, kind in sorted(topics.items())[:most]]
    more = len(topics) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _read(reader: Any, topics: set[str]) -> Iterator[BagMessage]:
    connections = [c for c in reader.connections if c.topic in topics]
    if not connections:  # to the library, none means all
        return
    ros1 = isinstance(reader, Reader1)
    stream: Iterable[tuple[Any, int, bytes]] = reader.messages(connections)
    for connection, time, data in stream:
        yield BagMessage(connection.topic, standard_type(connection.msgtype), time, data, ros1)


def _unpacked(data: bytes) -> bytes:
    """A message-wise compressed message begins with zstd's magic, which no CDR header can."""
    if data[:4] != _ZSTD:
        return data
    unpacker = zstd.ZstdDecompressor()
    plain: bytes = unpacker.decompress(data, MAX_MESSAGE)
    if not unpacker.eof:
        raise BagError(f"a compressed message is cut short or larger than {MAX_MESSAGE} bytes")
    return plain


@functools.cache
def _typestore(store: Stores) -> Any:
    return get_typestore(store)


def _sentence(err: Exception) -> str:
    """A foreign error as the end of a sentence of ours."""
    return " ".join(str(err).split()).rstrip(".")[:200] or type(err).__name__
