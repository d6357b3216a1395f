"""The command line as others script against it: exit status, one sentence on stderr, files and the last line."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from explorations import world
from onnx_graphs import write_bundle, write_street

from glimpse_ros.cli import main, parser
from glimpse_ros.core.types import GlimpseError
from glimpse_ros.explore import shipped

ROOT = Path(__file__).resolve().parents[1]
needs_ros = pytest.mark.skipif(
    importlib.util.find_spec("rclpy") is None, reason="explore runs ROS nodes, no rclpy here"
)


def glimpse(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: the ROS wheels start Python anew."""
    clean = {k: v for k, v in os.environ.items() if k != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
    clean.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    command = [sys.executable, "-m", "glimpse_ros.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=120, check=False)


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Status 1, nothing on stdout, one last sentence on stderr with these words, no traceback."""
    assert result.returncode == 1, result.stderr
    assert result.stdout == "" and "Traceback" not in result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("glimpse explore: ")
    for word in words:
        assert word in last


def save(path: Path, image: np.ndarray) -> Path:
    cv2.imwrite(str(path), image[..., ::-1])
    return path


def test_info_says_what_a_bundle_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_bundle(tmp_path / "tiny", glimpse=16, scales=(0.5, 1.0))
    assert main(["info", str(folder)]) == 0
    said = capsys.readouterr().out
    for words in ("tiny", "64x128, spherical", "16x16 pixels, scales 0.5, 1", "belief: float32 (1, 32, 4)", "learned"):
        assert words in said
    assert main(["info", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["policy"]["wants"] == []
    write_bundle(folder, stop=True, policy_fields={"stop_threshold": 0.75})
    assert main(["info", str(folder)]) == 0
    assert "stops by itself at a score of 0.75" in capsys.readouterr().out


def test_info_of_a_bundle_without_a_policy_and_of_the_mosaic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(write_bundle(tmp_path / "eye", policy=False))]) == 0
    assert "policy      none" in capsys.readouterr().out
    assert main(["info", "mosaic"]) == 0
    assert "256x512, spherical" in capsys.readouterr().out


def test_info_says_why_a_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_bundle(tmp_path / "tiny")
    (folder / "scene.onnx").write_bytes(b"not a graph")
    assert main(["info", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith("glimpse info: ") and f"{folder}/scene.onnx" in err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["explore", "--glimpses", "x"], ["info"], ["evaluate"]])
def test_wrong_options_have_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: glimpse" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--glimpses", "0"), ("--seed", "-1"), ("--stop-threshold", "-1"), ("--stop-threshold", "nan")],
)
def test_numbers_out_of_range_are_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", option, value]) == 1
    assert capsys.readouterr().err.startswith(f"glimpse explore: {option} {value}: expected at least")


def test_options_that_others_script_against() -> None:
    line = "explore --input PATH --glimpses 8 --policy learned --model models/panorama --out DIR --fast --live"
    args = parser().parse_args(line.split())
    assert (args.input, args.glimpses, args.policy, args.fast, args.live) == ("PATH", 8, "learned", True, True)
    line = "evaluate --model models/panorama,mosaic --policy learned,uncertainty,random,grid --data DIR --glimpses 12"
    args = parser().parse_args([*line.split(), *"--size 256x512 --max-fov 60 --seeds 3 --json FILE".split()])
    assert (args.size, args.max_fov, args.seeds) == ((256, 512), 60.0, 3)


def test_without_ros_one_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [n for n in sys.modules if n.split(".")[0] == "rclpy" or n.startswith("glimpse_ros.nodes.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rclpy", None)
    monkeypatch.setattr(sys, "path", [str(ROOT)])  # nor any of its packages of messages
    assert main(["explore"]) == 1
    assert "explore needs ROS 2" in capsys.readouterr().err


def test_the_scene_that_ships_is_found_and_its_absence_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share = tmp_path / "share" / "glimpse_ros"
    (share / "config").mkdir(parents=True)
    (share / "config" / "x.jpg").write_text("")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert shipped("config/x.jpg") == share / "config" / "x.jpg"
    with pytest.raises(GlimpseError, match=r"^config/y\.jpg did not come with this installation"):
        shipped("config/y.jpg")


@needs_ros
def test_explore_a_panorama(tmp_path: Path) -> None:
    scene = save(tmp_path / "world.png", world(256, 512))
    out = tmp_path / "report"
    result = glimpse("explore", "--input", scene, "--glimpses", 3, "--model", "mosaic", "--policy", "uncertainty",
                     "--out", out, "--fast", "--seed", 4)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == str(out / "index.html")
    assert {p.name for p in out.iterdir()} == {"index.html", "filmstrip.png", "metrics.json", "exploration.gif"}
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["model"], metrics["policy"], metrics["glimpses"], metrics["seed"]) == (
        "mosaic",
        "uncertainty",
        3,
        4,
    )
    assert metrics["max_fov"] == 60 and len(metrics["rmse"]) == len(metrics["views"]) == 3
    assert metrics["views"][0]["mount"] == {"pan": 0, "tilt": 0, "zoom": 1}  # where the camera already looked
    assert set(metrics["baselines"]) == {"mosaic + random, mean of 3", "mosaic + grid"}
    assert set(metrics["seconds"]) == {"load", "explore", "compare"}
    assert "3 glimpses" in (out / "index.html").read_text()


@needs_ros
def test_explore_with_a_bundle_takes_its_policy(tmp_path: Path) -> None:
    scene, bundle = save(tmp_path / "world.png", world(256, 512)), write_bundle(tmp_path / "tiny")
    result = glimpse("explore", "--input", scene, "--glimpses", 2, "--model", bundle, "--out", tmp_path / "o", "--fast")
    assert result.returncode == 0, result.stderr
    metrics = json.loads((tmp_path / "o" / "metrics.json").read_text())
    assert (metrics["model"], metrics["policy"]) == ("tiny", "learned")
    assert "mosaic + the same glimpses" in metrics["baselines"]


@needs_ros
def test_explore_a_digit_and_stop(tmp_path: Path) -> None:
    canvas = np.zeros((60, 60, 3), np.uint8)
    canvas[10:50, 25:35] = 255
    digit = save(tmp_path / "digit.png", canvas)
    shape = {"glimpse": 12, "scales": (0.25, 0.5, 1.0), "scene": (60, 60), "projection": "planar"}
    heads = {"reconstruction": False, "classification": True, "classes": 10, "stop": True}
    fields = {"padding": "zero", "s_range": [0.8, 0.8]}
    bundle = write_bundle(
        tmp_path / "ram", **shape, **heads, scene_fields=fields, policy_fields={"stop_threshold": 0.9}
    )
    result = glimpse("explore", "--input", digit, "--model", bundle, "--out", tmp_path / "o", "--fast")
    assert result.returncode == 0, result.stderr
    metrics = json.loads((tmp_path / "o" / "metrics.json").read_text())
    taken = metrics["glimpses"]
    assert 1 < taken < 8 and metrics["stopped"] is True and metrics["size"] == "60x60" and metrics["rmse"] is None
    assert f"note: the policy stopped after glimpse {taken} of at most 8: its score" in result.stderr
    assert metrics["views"][-1]["stop"] >= 0.9 > metrics["views"][-2]["stop"]
    name = metrics["classes"][-1]["name"]
    assert result.stdout.startswith(f"class {name} (") and f"after {taken} glimpses" in result.stdout
    never = glimpse("explore", "--input", digit, "--model", bundle, "--out", tmp_path / "o", "--fast", "--glimpses", 6,
                    "--stop-threshold", "inf")  # fmt: skip
    assert never.returncode == 0 and json.loads((tmp_path / "o" / "metrics.json").read_text())["glimpses"] == 6


@needs_ros
def test_explore_a_folder_with_a_file_that_is_no_image(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(2):
        save(folder / f"{k}.png", world(96, 128) // (k + 1))
    (folder / "notes.txt").write_text("no image")
    result = glimpse(
        *("explore", "--input", folder, "--glimpses", 3, "--model", "mosaic", "--memory", "carried"),
        *("--out", tmp_path / "o", "--fast"),
    )
    assert result.returncode == 0, result.stderr
    # On a busy machine the first frame gives way to the second: frames are dropped, not queued.
    assert "notes.txt" in result.stderr and re.search("the input ended after glimpse [12]:", result.stderr)
    metrics = json.loads((tmp_path / "o" / "metrics.json").read_text())
    assert metrics["size"] == "96x128" and metrics["projection"] == "planar" and len(metrics["rmse"]) == 3
    assert metrics["max_fov"] is None and len(metrics["notes"]) == 2


@needs_ros
def test_explore_frames_of_a_road_one_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(20):  # 16:9; the first is dark, the others bright
        save(folder / f"{k:02}.png", np.full((90, 160, 3), 220 if k else 30, np.uint8))
    bundle, out = write_street(tmp_path / "street"), tmp_path / "o"
    result = glimpse("explore", "--input", folder, "--glimpses", 3, "--model", bundle, "--out", out)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("2 frames, 3 glimpses of each, 16 % of the pixels: RMSE")
    assert "WARN" not in result.stderr and "note:" not in result.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["starts"], metrics["policy"], metrics["size"]) == ([0, 3], "learned", "90x160")
    assert [set(shares) - {"unknown"} for shares in metrics["segmentation"]] == [{"road"}] * 3 + [{"sky"}] * 3
    known = [1 - shares["unknown"] for shares in metrics["segmentation"]]
    assert known[0] < known[1] < known[2] and known[:3] == known[3:]
    few = glimpse(
        "explore", "--input", folder, "--frames", 60, "--glimpses", 1, "--model", bundle, "--out", out, "--fast"
    )
    assert re.search(r"note: \d+ of 60 frames: the input ended before", few.stderr), few.stderr


@needs_ros
def test_explore_refuses_in_one_sentence(tmp_path: Path) -> None:
    scene, photo = save(tmp_path / "world.png", world(128, 256)), save(tmp_path / "photo.png", world(96, 128))
    out = ("--out", tmp_path / "o")
    refused(glimpse("explore", "--input", tmp_path / "none.png", *out), "none.png does not exist")
    refused(glimpse("explore", "--input", scene, "--model", "mosaic", "--policy", "learned", *out), "has no policy")
    refused(glimpse("explore", "--input", scene, "--topic", "/image", *out), "--topic /image", "not a bag")
    refused(glimpse("explore", "--input", scene, "--max-fov", 190, *out), "190", "less than 180")
    refused(
        glimpse("explore", "--input", scene, "--model", "mosaic", "--max-fov", 5, *out), "expected ranges that overlap"
    )
    bundle = write_bundle(tmp_path / "tiny")
    refused(glimpse("explore", "--input", photo, "--model", bundle, *out), "is spherical, the input is planar")
    refused(glimpse("explore", "--input", photo, "--frames", 2, *out), "--frames 2: the input is not a sequence")
    refused(glimpse("explore", "--input", scene, "--model", "mosaic", "--memory", "per_frame", *out), "camera ptz")
    (tmp_path / "file").write_text("")
    refused(glimpse("explore", "--input", scene, "--model", "mosaic", "--out", tmp_path / "file"), "cannot write")
    assert not (tmp_path / "o" / "index.html").exists()
