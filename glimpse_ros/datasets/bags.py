"""The frames of a bag: which topic, which images, where the camera looked. For cameras, evaluation and training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..core.pixels import ImageError, decode_compressed, decode_image
from ..core.types import Frame, GlimpseError
from .bag_poses import Lens, Poses, header_stamp, read_lens, read_poses, state_topic
from .bag_reader import Bag, BagError, BagMessage, listing, short_type
from .skipped import Skipped

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
JOINTS = ("pan", "tilt", "zoom")
TRIES = 30  # messages of a topic that may be malformed before it counts as one without images

__all__ = ["Bag", "BagError", "choose_topic", "frame_from", "frames", "image_topics", "stamps", "thin", "went_back"]


def image_topics(bag: Bag) -> list[str]:
    """Topics whose type is an image's: depth last, then those with most messages first, raw before compressed."""
    found = [name for name, kind in bag.topics.items() if kind in (IMAGE, COMPRESSED)]
    depth = {name: "depth" in name.lower() for name in found}
    return sorted(found, key=lambda n: (depth[n], -bag.counts[n], bag.topics[n] == COMPRESSED, n))


def choose_topic(bag: Bag, named: str | None = None) -> str:
    """The image topic to play: the one named, else the first of `image_topics` on which an image decodes.

    named: with or without its leading slash or a trailing `/compressed`. Raises BagError that tells what there is.
    """
    candidates = image_topics(bag)
    if named:
        found = _resolve(bag, named)
        if found is None:
            known = f"its image topics are {listing({n: bag.topics[n] for n in candidates})}" if candidates else ""
            raise BagError(f"{bag} has no topic {named}: {known or 'it has ' + bag.listing()}")
        if found not in candidates:
            raise BagError(f"topic {found} of {bag} is a {short_type(bag.topics[found])}, expected an Image")
        candidates = [found]
    if not candidates:
        raise BagError(f"{bag} has no images: its topics are {bag.listing()}")
    last = "no message"
    for topic in candidates:
        for _, message in zip(range(TRIES), bag.messages([topic]), strict=False):
            try:
                frame_from(message)
                return topic
            except GlimpseError as err:
                last = str(err)
    topics = listing({n: bag.topics[n] for n in candidates})
    raise BagError(f"{bag} has image topics without a decodable image ({last}): {topics}")


def frame_from(message: BagMessage, poses: Poses | None = None) -> Frame:
    """An image message as a Frame with its header's stamp. Raises ImageError, with a reason to count it by.

    poses: a PTZ bag's; an image at whose stamp the pose is not known cannot be used.
    """
    try:
        value = message.value()
    except GlimpseError as err:
        raise ImageError(str(err), "message") from err
    stamp = header_stamp(value, message.time)
    ptz = None
    if poses is not None:
        ptz = poses.at(stamp)
        if ptz is None:
            raise ImageError(f"no view state near the image at {stamp} ns", "pose")
    if message.type == COMPRESSED:
        return Frame(decode_compressed(value.data, file_format=value.format), stamp, ptz)
    image = decode_image(value.encoding, value.height, value.width, value.step, value.data, bool(value.is_bigendian))
    return Frame(image, stamp, ptz)


def frames(
    path: str | Path,
    topic: str | None = None,
    rate: float | None = None,
    *,
    joints: tuple[str, str, str] = JOINTS,
    skipped: Skipped | None = None,
) -> Iterator[Frame]:
    """The frames of a bag in the order of recording, with header stamps; `ptz` is set where the bag tells it.

    topic: None chooses one. rate: at most so many frames a second [Hz]; None: all. Malformed images are passed over
    and added to `skipped`. Raises BagError where the bag holds no images or breaks off.
    """
    skipped = Skipped() if skipped is None else skipped
    with Bag(path) as bag:
        topic = choose_topic(bag, topic)
        poses, _ = camera_of(bag, topic, joints)
        for message in thin(bag.messages([topic]), rate):
            try:
                frame = frame_from(message, poses)
            except ImageError as err:
                skipped.add(f"{topic} at {message.time}", str(err), err.reason)
                continue
            yield frame


def camera_of(
    bag: Bag, topic: str, joints: tuple[str, str, str] = JOINTS, states: str | None = None
) -> tuple[Poses | None, Lens | None]:
    """Where the camera of an image topic looked, and its lens; None for what the bag does not tell."""
    found = state_topic(bag, joints, states)
    lens = read_lens(bag, topic, every=found is not None)
    return (read_poses(bag, found, joints, lens) if found else None), lens


def stamps(path: str | Path, topic: str | None = None) -> list[int]:
    """The header stamps [ns] of a topic's images in the order of recording, for a /clock; nothing is decoded."""
    with Bag(path) as bag:
        topic = choose_topic(bag, topic)
        found = []
        for message in bag.messages([topic]):
            try:
                found.append(header_stamp(message.value(), message.time))
            except GlimpseError:
                continue
        return found


def thin(messages: Iterable[BagMessage], rate: float | None) -> Iterator[BagMessage]:
    """At most `rate` messages a second [Hz], by the time of recording; all of them where it is None."""
    period = 0.0 if rate is None else 1e9 / rate
    due: float | None = None
    for message in messages:
        if due is not None and message.time < due - 0.1 * period:  # a little jitter must not cost every second frame
            continue
        due = message.time + period if due is None or message.time > due + period else due + period
        yield message


def went_back(previous: int | None, stamp: int) -> bool:
    """Whether time jumped backwards from one stamp [ns] to the next: a looped bag, a clock set back."""
    return previous is not None and stamp < previous


def _resolve(bag: Bag, named: str) -> str | None:
    base = "/" + named.lstrip("/")
    options = (named, base, named.lstrip("/"), base + "/compressed", base.removesuffix("/compressed"))
    return next((name for name in options if name in bag.topics), None)
