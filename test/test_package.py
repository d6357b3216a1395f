"""What is installed, and that package.xml (for ROS) and setup.py (for pip) tell the same story."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NODES = ("camera_node", "scene_node", "policy_node")

# How rosdep calls what pip calls otherwise.
ROSDEP = {
    "python3-numpy": "numpy",
    "python3-opencv": "opencv-python",
    "python3-pil": "pillow",
    "python3-rosbags-pip": "rosbags",
    "python3-onnxruntime-pip": "onnxruntime",
    "python3-pytest": "pytest",
    "python3-hypothesis": "hypothesis",
}
# Of rosbags, so rosdep need not know it; named in setup.py because it is imported here too.
PIP_ONLY = {"backports.zstd"}
# Only for `ros2 launch` and for what is imported late: not on PyPI, so not in the extra `ros`.
ROS_ONLY = {"cv_bridge", "vision_msgs", "launch", "launch_ros", "ros2bag", "ros2launch"}


@pytest.fixture(scope="module")
def setup() -> dict[str, object]:
    """The keywords that setup.py hands to setuptools.setup, without building anything."""
    code = (
        "import json, setuptools, runpy\n"
        "setuptools.setup = lambda **words: print(json.dumps(words))\n"
        "runpy.run_path('setup.py', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def manifest() -> ET.Element:
    return ET.parse(ROOT / "package.xml").getroot()


def names(requirements: list[str]) -> set[str]:
    """Distribution names without extras and versions."""
    return {
        text.replace("[", " ").replace(">", " ").replace("=", " ").replace("~", " ").split()[0] for text in requirements
    }


def depends(manifest: ET.Element, *kinds: str) -> set[str]:
    return {element.text or "" for kind in kinds for element in manifest.findall(kind)}


@pytest.mark.parametrize("key", ["name", "version", "description", "license"])
def test_both_say_the_same(setup: dict, manifest: ET.Element, key: str) -> None:
    assert manifest.findtext(key) == setup[key]


def test_maintainer_is_the_same(setup: dict, manifest: ET.Element) -> None:
    maintainer = manifest.find("maintainer")
    assert maintainer is not None
    assert (maintainer.text, maintainer.get("email")) == (setup["maintainer"], setup["maintainer_email"])


def test_format_and_build_type(manifest: ET.Element) -> None:
    assert manifest.get("format") == "3"
    assert manifest.findtext("export/build_type") == "ament_python"


def test_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text


def test_every_dependency_is_named_in_both(setup: dict, manifest: ET.Element) -> None:
    run = depends(manifest, "exec_depend", "depend") - ROS_ONLY
    from_ros = {name for name in run if name not in ROSDEP}
    from_pip = {ROSDEP[name] for name in run if name in ROSDEP}
    extras = setup["extras_require"]
    assert {f"ros-kilted-{name.replace('_', '-')}" for name in from_ros} == names(extras["ros"])
    assert from_pip | PIP_ONLY == names(setup["install_requires"]) | names(extras["cpu"])
    assert {ROSDEP[name] for name in depends(manifest, "test_depend")} <= names(extras["test"])


def test_every_ros_import_is_a_dependency(manifest: ET.Element) -> None:
    known = depends(manifest, "exec_depend", "depend")
    for path in sorted((ROOT / "glimpse_ros").rglob("*.py")) + sorted((ROOT / "launch").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                found.append(node.module or "")
            for top in {name.split(".")[0] for name in found}:
                if top.endswith("_msgs") or top in (
                    "rclpy",
                    "std_srvs",
                    "rcl_interfaces",
                    "launch",
                    "launch_ros",
                    "cv_bridge",
                ):
                    assert top in known, f"{path.relative_to(ROOT)} imports {top}, which package.xml does not name"


def test_every_requirement_has_a_lower_bound(setup: dict) -> None:
    for text in [*setup["install_requires"], *(name for extra in setup["extras_require"].values() for name in extra)]:
        assert any(sign in text for sign in (">=", "==", "~=")), f"{text} has no lower bound"


def test_never_both_runtimes(setup: dict) -> None:
    """onnxruntime and onnxruntime-gpu hold the same module."""
    everything = [*setup["install_requires"], *(n for k, e in setup["extras_require"].items() if k != "gpu" for n in e)]
    assert "onnxruntime-gpu" not in names(everything)
    assert names(setup["extras_require"]["gpu"]) == {"onnxruntime-gpu"}


def test_data_files_hold_every_file_of_launch_config_and_models(setup: dict) -> None:
    installed = {f"{folder}/{Path(file).name}" for folder, files in setup["data_files"] for file in files}
    for top in ("launch", "config", "models"):
        for path in (ROOT / top).rglob("*"):
            hidden = any(part.startswith((".", "__")) for part in path.relative_to(ROOT).parts)
            if path.is_file() and not hidden:
                assert f"share/glimpse_ros/{path.relative_to(ROOT)}" in installed
    assert "share/glimpse_ros/package.xml" in installed
    assert "share/ament_index/resource_index/packages/glimpse_ros" in installed
    assert {"share/glimpse_ros/launch/explore.launch.py", "share/glimpse_ros/config/params.yaml"} <= installed
    assert all((ROOT / file).is_file() for _, files in setup["data_files"] for file in files)


def test_scripts_go_where_ros2_run_looks() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    assert parser["install"]["install_scripts"] == parser["develop"]["script_dir"] == "$base/lib/glimpse_ros"


def test_training_stays_out(setup: dict) -> None:
    assert all(name.split(".")[0] == "glimpse_ros" for name in setup["packages"])
    folders = {
        p.parent.relative_to(ROOT).as_posix().replace("/", ".") for p in (ROOT / "glimpse_ros").rglob("__init__.py")
    }
    assert set(setup["packages"]) == folders


def test_entry_points_lead_to_functions(setup: dict) -> None:
    points = dict(point.split(" = ") for point in setup["entry_points"]["console_scripts"])
    assert set(points) == {"glimpse", *NODES}
    for target in points.values():
        module, function = target.split(":")
        spec = importlib.util.find_spec(module)
        assert spec is not None and spec.origin is not None, f"{module} does not exist"
        tree = ast.parse(Path(spec.origin).read_text())
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert function in defined, f"{module} has no {function}"


@pytest.mark.skipif(
    not (Path(sysconfig.get_path("data")) / "share/glimpse_ros/package.xml").exists(),
    reason="the package is not installed in this environment (make test installs it)",
)
class TestInstalled:
    """The environment that runs the tests, as an ament prefix."""

    prefix = Path(sysconfig.get_path("data"))

    def test_is_an_ament_prefix(self) -> None:
        assert (self.prefix / "share/ament_index/resource_index/packages/glimpse_ros").is_file()
        for name in ("explore", "playback", "record"):
            assert (self.prefix / f"share/glimpse_ros/launch/{name}.launch.py").is_file()

    @pytest.mark.parametrize("node", NODES)
    def test_nodes_can_be_found_by_ros2_run(self, node: str) -> None:
        assert os.access(self.prefix / "lib/glimpse_ros" / node, os.X_OK)

    def test_the_command_starts_from_anywhere(self, tmp_path: Path) -> None:
        env = {key: value for key, value in os.environ.items() if key != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
        done = subprocess.run(
            [self.prefix / "bin/glimpse", "--help"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert all(word in done.stdout for word in ("explore", "evaluate", "info"))
