"""Bags of every kind give back their frames; what cannot be read is refused or counted, in a sentence."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from bag_making import (
    KINDS,
    SECOND,
    START,
    compressed,
    image,
    picture,
    text,
    write_bag,
    write_legacy_db3,
)

from glimpse_ros.core.pixels import ImageError
from glimpse_ros.datasets.bag_reader import Bag, BagError, is_bag, listing, standard_type
from glimpse_ros.datasets.bags import choose_topic, frames, image_topics, stamps, went_back
from glimpse_ros.datasets.skipped import Skipped

STEP = SECOND // 10


def times(count: int) -> list[int]:
    return [START + i * STEP for i in range(count)]


def same(found: list, indices: list[int]) -> None:
    """Frames are exactly the pictures of these indices."""
    assert len(found) == len(indices)
    for frame, index in zip(found, indices, strict=True):
        np.testing.assert_array_equal(frame.image, picture(index))


def refused(path: Path, *words: str, topic: str | None = None) -> None:
    with pytest.raises(BagError) as caught:
        list(frames(path, topic))
    sentence = str(caught.value)
    for word in (str(path), *words):
        assert word in sentence, sentence
    assert "\n" not in sentence and len(sentence) < 900, sentence


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [image, compressed])
def test_every_kind_gives_back_its_frames(tmp_path, kind, make):
    rows = [row for i, t in enumerate(times(4)) for row in (text(t), make(i, t))]
    found = list(frames(write_bag(tmp_path / "bag", rows, kind)))
    same(found, [0, 1, 2, 3])
    assert [f.stamp for f in found] == times(4)
    assert all(f.ptz is None for f in found)


@pytest.mark.parametrize("kind", ["sqlite3", "mcap", "mcap file zstd", "sqlite3 message zstd"])
def test_a_lone_file_without_its_metadata_plays(tmp_path, kind):
    folder = write_bag(tmp_path / "bag", [image(i, t) for i, t in enumerate(times(3))], kind)
    (folder / "metadata.yaml").unlink()
    same(list(frames(folder)), [0, 1, 2])
    (file,) = folder.iterdir()
    assert is_bag(file) and is_bag(folder)
    same(list(frames(file)), [0, 1, 2])


def test_a_file_with_a_foreign_name_plays(tmp_path):
    folder = write_bag(tmp_path / "bag", [image(0, START)], "mcap")
    shutil.move(folder / "bag.mcap", tmp_path / "recording")
    same(list(frames(tmp_path / "recording")), [0])


def test_types_of_2019_without_msg(tmp_path):
    rows = [image(0, START, stamp=0), text(START), compressed(1, START + STEP)]
    lone = write_legacy_db3(tmp_path / "sample.db3", rows)
    found = list(frames(lone))
    same(found, [0])
    assert found[0].stamp == START, "without a stamp in the header the time of recording counts"
    same(list(frames(tmp_path, "/camera/image/compressed")), [1])


@pytest.mark.parametrize("kind", ["sqlite3", "mcap", "ros1"])
@pytest.mark.parametrize("overlap", [False, True])
def test_split_files_play_in_order_of_recording(tmp_path, kind, overlap):
    parts = [[0, 2, 4], [1, 3, 5]] if overlap else [[3, 4, 5], [0, 1, 2]]
    folder = tmp_path / "split"
    folder.mkdir()
    for part, indices in enumerate(parts):
        made = write_bag(tmp_path / f"part_{part}", [image(i, START + i * STEP) for i in indices], kind)
        for file in [made] if made.is_file() else [f for f in made.iterdir() if f.suffix != ".yaml"]:
            shutil.copy(file, folder)
    same(list(frames(folder)), [0, 1, 2, 3, 4, 5])


def test_broken_metadata_is_not_needed(tmp_path):
    folder = write_bag(tmp_path / "bag", [image(0, START)], "sqlite3")
    (folder / "metadata.yaml").write_text("rosbag2_bagfile_information: {version: 99}\n")
    same(list(frames(folder)), [0])


def test_packed_beside_unpacked_counts_once(tmp_path):
    rows = [image(0, START)]
    folder = write_bag(tmp_path / "bag", rows, "sqlite3")
    packed = write_bag(tmp_path / "packed", rows, "sqlite3 file zstd")
    (zst,) = packed.glob("*.zstd")
    shutil.copy(zst, folder / "bag.db3.zstd")
    same(list(frames(folder)), [0])


def test_rate_thins_and_jitter_costs_nothing(tmp_path):
    jitter = np.random.default_rng(0).integers(-STEP // 20, STEP // 20, 40)
    rows = [image(i, START + i * STEP + int(jitter[i])) for i in range(40)]
    path = write_bag(tmp_path / "bag", rows)
    same(list(frames(path, rate=10)), list(range(40)))
    assert len(list(frames(path, rate=5))) == 20
    assert len(list(frames(path, rate=1))) == 4
    assert len(list(frames(path, rate=100))) == 40


def test_header_stamps_are_kept_as_they_are(tmp_path):
    given = [START, START + STEP, START - 5 * SECOND, START - 4 * SECOND]
    rows = [image(i, START + i * STEP, stamp=s) for i, s in enumerate(given)]
    path = write_bag(tmp_path / "bag", rows)
    found = [f.stamp for f in frames(path)]
    assert found == given == stamps(path)
    assert [went_back(a, b) for a, b in zip([None, *found], found, strict=False)] == [False, False, True, False]


def test_the_topic_is_chosen_or_named(tmp_path):
    rows = [image(9, START, topic="/few"), image(9, START + 1, topic="/depth/image")]
    rows += [image(9, START + i, topic="/depth/image") for i in range(2, 9)]
    rows += [compressed(i, t) for i, t in enumerate(times(3))]
    path = write_bag(tmp_path / "bag", rows)
    with Bag(path) as bag:
        assert image_topics(bag) == ["/camera/image/compressed", "/few", "/depth/image"]
        assert choose_topic(bag) == "/camera/image/compressed"
        for name in ("/few", "few", "camera/image", "/camera/image/compressed"):
            assert choose_topic(bag, name) == ("/few" if "few" in name else "/camera/image/compressed")
    same(list(frames(path, "/few")), [9])


def test_raw_is_preferred_and_a_topic_that_does_not_decode_is_passed_over(tmp_path):
    rows = [compressed(1, START), image(0, START)]
    with Bag(write_bag(tmp_path / "both", rows)) as bag:
        assert choose_topic(bag) == "/camera/image"
    rows = [image(0, START, encoding="32FC1"), image(0, START + 1, encoding="32FC1"), compressed(1, START + 2)]
    with Bag(write_bag(tmp_path / "one", rows)) as bag:
        assert choose_topic(bag) == "/camera/image/compressed"


BAD = {
    "encoding": {"encoding": "holograph"},
    "step": {"step": 3},
    "length": {"data": np.zeros(5, np.uint8)},
    "size": {"height": 0},
}


@pytest.mark.parametrize("kind", ["ros1", "sqlite3", "mcap"])
def test_malformed_images_are_counted_with_a_reason(tmp_path, kind):
    rows = [image(0, START)]
    rows += [image(1, START + (1 + i) * STEP, **fields) for i, fields in enumerate(BAD.values())]
    rows += [("/camera/image", "sensor_msgs/msg/Image", START + 5 * STEP, {"raw": b"\0\1\0\0rubbish"})]
    rows += [image(2, START + 6 * STEP)]
    skipped = Skipped(named=2)
    same(list(frames(write_bag(tmp_path / "bag", rows, kind), skipped=skipped)), [0, 2])
    assert skipped.reasons == {"encoding": 1, "step": 1, "length": 1, "size": 1, "message": 1}
    assert skipped.count == 5 and str(skipped).startswith("5 skipped (")
    assert "'holograph'" in str(skipped) and str(skipped).endswith("and 3 more")


def test_an_absurd_size_takes_no_memory(tmp_path):
    rows = [image(0, START), image(0, START + 1, height=2**31, width=2**31, step=2**31)]
    skipped = Skipped()
    same(list(frames(write_bag(tmp_path / "bag", rows), skipped=skipped)), [0])
    assert skipped.reasons == {"size": 1}


@pytest.mark.parametrize("kind", ["ros1", "sqlite3", "mcap"])
def test_a_bag_without_images_names_its_topics(tmp_path, kind):
    path = write_bag(tmp_path / "bag", [text(START, f"/text_{i:02}") for i in range(20)], kind)
    refused(path, "has no images", "/text_00 (std_msgs/String)", "and 12 more")


def test_images_of_which_none_decodes(tmp_path):
    rows = [compressed(0, START, data=b"\xff\xd8\xff\xe0 not a JPEG"), text(START)]
    path = write_bag(tmp_path / "bag", rows)
    refused(path, "without a decodable image", "/camera/image/compressed (sensor_msgs/CompressedImage)")


def test_a_named_topic_that_is_not_there_or_no_image(tmp_path):
    path = write_bag(tmp_path / "bag", [image(0, START), text(START)])
    refused(path, "has no topic /nowhere", "its image topics are /camera/image (", topic="/nowhere")
    refused(path, "topic /text", "is a std_msgs/String, expected an Image", topic="/text")


@pytest.mark.parametrize("kind", ["ros1", "sqlite3", "mcap", "mcap file zstd"])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.97])
def test_truncated_bags(tmp_path, kind, keep):
    made = write_bag(tmp_path / "bag", [image(i, t) for i, t in enumerate(times(40))], kind)
    (file,) = [made] if made.is_file() else [f for f in made.iterdir() if f.suffix != ".yaml"]
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * keep)])
    refused(made)


@pytest.mark.parametrize("name", ["a.bag", "a.db3", "a.mcap", "a.db3.zstd"])
def test_foreign_files_with_a_bags_name(tmp_path, name):
    (tmp_path / name).write_bytes(np.random.default_rng(0).bytes(3000))
    refused(tmp_path / name, "is no bag", "expected")
    assert is_bag(tmp_path / name), "by its name: so the refusal is a bag's"


def test_a_database_that_is_no_bag(tmp_path):
    db = sqlite3.connect(tmp_path / "notes.db3")
    db.execute("CREATE TABLE notes(id INTEGER)")
    db.commit()
    db.close()
    refused(tmp_path / "notes.db3", "cannot be read")


def test_missing_bags_and_folders_without(tmp_path):
    refused(tmp_path / "nowhere", "does not exist")
    refused(tmp_path, "holds no bag")
    assert not is_bag(tmp_path)


def test_damage_inside_a_bag_is_told_after_the_frames_before_it(tmp_path):
    rows = [
        image(i, t, height=100, width=100, step=300, data=np.zeros(30000, np.uint8)) for i, t in enumerate(times(9))
    ]
    made = write_bag(tmp_path / "bag", rows, "sqlite3 message zstd")
    db = sqlite3.connect(made / "bag.db3")
    db.execute("UPDATE messages SET data = substr(data, 1, 20) WHERE id > 5")
    db.commit()
    db.close()
    skipped = Skipped()
    assert len(list(frames(made, skipped=skipped))) == 5
    assert skipped.reasons == {"message": 4}


def test_small_words():
    assert standard_type("sensor_msgs/Image") == standard_type("sensor_msgs/msg/Image") == "sensor_msgs/msg/Image"
    assert listing({}) == "none"
    assert listing({"/b": "x/msg/Y", "/a": "x/msg/Z"}) == "/a (x/Z), /b (x/Y)"
    assert not went_back(None, 5) and not went_back(5, 5) and went_back(6, 5)
    assert issubclass(BagError, ValueError) and issubclass(ImageError, ValueError)


# ---- real bags

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "bags"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/bags is not on this machine")


@needs_real
@pytest.mark.parametrize(
    ("name", "count", "shape"),
    [
        ("constructed/udacity_road", 221, (270, 480, 3)),
        ("constructed/davis_tennis_pan", 70, (480, 854, 3)),
        ("recorded/klintan_sample", 1, (480, 640, 3)),
        ("recorded/klintan_sample/sample.db3", 1, (480, 640, 3)),
    ],
)
def test_real_bags_with_images_play(name, count, shape):
    found = [(f.image.shape, f.stamp, f.image.std()) for f in frames(REAL / name)]
    assert len(found) == count
    assert {shape for shape, _, _ in found} == {shape}
    assert [stamp for _, stamp, _ in found] == sorted(stamp for _, stamp, _ in found)
    assert min(std for _, _, std in found) > 20, "pictures, not grey"


@needs_real
def test_the_two_topics_of_a_real_bag_show_the_same_kind_of_picture():
    (raw,) = frames(REAL / "recorded/klintan_sample", "/image")
    (jpeg,) = frames(REAL / "recorded/klintan_sample", "/image/compressed")
    assert raw.image.shape == jpeg.image.shape
    correlation = np.corrcoef(raw.image[..., 0].ravel(), raw.image[..., 2].ravel())[0, 1]
    assert correlation > 0.8, "channels of a photograph go together"


@needs_real
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("constructed/soccer_ptz_telemetry", ["has no images", "/ptz/camera_info (sensor_msgs/CameraInfo)"]),
        ("recorded/aerial_ats_2025-12-03", ["has no images", "and 24 more"]),
        ("recorded/embag_ros1", ["has no images", "/luminar_pointcloud (sensor_msgs/PointCloud2)"]),
        ("recorded/rosbag2_wbag_sqlite3", ["has no images", "HHH (std_msgs/String)"]),
        ("recorded/rosbag2_wbag_mcap", ["has no images", "HHH (std_msgs/String)"]),
        ("recorded/rosbagsrs_sqlite3", ["image topics without a decodable image", "/test/sensor_msgs/image"]),
        ("constructed/soccer_ptz_telemetry.csv", ["is no bag"]),
    ],
)
def test_real_bags_without_images_are_refused(name, words):
    refused(REAL / name, *words)
