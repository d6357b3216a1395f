"""What make would do: which extras, which interpreter, what it says where it cannot. Nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that the set-up depends on, without a venv."""
    for name in ("Makefile", "setup.py", "setup.cfg", "package.xml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder: Path, *words: str, path: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run make there, without a ROS, without what another make, its variables too, or ROS left in the environment."""
    others = ("MAKE", "MFLAGS", "ROS_", "_ROS", "ARGS", "RUNTIME", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    if path is not None:
        kept["PATH"] = f"{path}{os.pathsep}{kept['PATH']}"
    return subprocess.run(["make", *words], cwd=folder, env={**kept, **env}, capture_output=True, text=True, timeout=60)


def fake(folder: Path, name: str, text: str) -> None:
    """A command of that name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_explore_installs_no_torch_and_no_test_tools(checkout: Path) -> None:
    steps = make(checkout, "-n", "explore").stdout
    assert "'.[ros,cpu]'" in steps and "test" not in steps.split("'.[ros,cpu]'")[1].split("glimpse explore")[0]
    assert steps.rstrip().endswith(".venv/bin/glimpse explore --out out/explore")


def test_arguments_come_last_so_that_they_win(checkout: Path) -> None:
    steps = make(checkout, "-n", "explore", "ARGS=--glimpses 3 --out elsewhere").stdout
    assert "glimpse explore --out out/explore --glimpses 3 --out elsewhere" in steps


def test_test_runs_every_tool(checkout: Path) -> None:
    steps = make(checkout, "-n", "test").stdout
    assert "'.[ros,cpu,test]'" in steps
    for command in ("ruff check", "ruff format --check", "mypy", "pytest -m 'not slow'"):
        assert command in steps


def test_a_system_ros_is_used_and_no_wheel_put_beside_it(checkout: Path) -> None:
    steps = make(checkout, "-n", "explore", ROS_DISTRO="jazzy").stdout
    assert "-m venv --system-site-packages .venv" in steps
    assert "'.[cpu]'" in steps and "ros," not in steps
    assert "--system-site-packages" not in make(checkout, "-n", "explore").stdout


def test_the_gpu_runtime_takes_the_place_of_the_other(checkout: Path) -> None:
    steps = make(checkout, "-n", "explore", "RUNTIME=gpu").stdout
    assert "'.[ros,gpu]'" in steps
    assert "pip uninstall --quiet --yes onnxruntime " in steps


def test_the_second_time_nothing_is_set_up(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    for stamp in (".made-wheels", ".run-cpu", ".installed"):
        (checkout / ".venv" / stamp).touch()
    assert make(checkout, "-n", "explore").stdout.strip() == ".venv/bin/glimpse explore --out out/explore"
    os.utime(checkout / "setup.py")
    assert "pip install" in make(checkout, "-n", "explore").stdout


def test_without_wheels_it_names_the_system_ros(checkout: Path) -> None:
    fake(checkout / "bin", "uname", "echo Linux aarch64")
    done = make(checkout, "explore", path=checkout / "bin")
    assert done.returncode != 0
    first = done.stderr.splitlines()[0]
    assert "wheels for Linux x86_64 only" in first and "Linux aarch64" in first and "setup.bash" in first
    assert not (checkout / ".venv").exists()


def test_without_a_python_it_says_which(checkout: Path) -> None:
    names = ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10")
    for name in names:
        fake(checkout / "bin", name, "exit 1")
    done = make(checkout, "explore", path=checkout / "bin")
    assert done.returncode != 0
    assert done.stderr.startswith("Python 3.10 to 3.14 with venv is needed")


def test_clean_keeps_results(checkout: Path) -> None:
    for name in ("out", "runs", "build", ".venv"):
        (checkout / name).mkdir()
    assert make(checkout, "clean").returncode == 0
    assert {path.name for path in checkout.iterdir() if path.is_dir()} == {"out", "runs"}


def test_continuous_integration_runs_make_test() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert "exec make test" in (ROOT / ".ci/run").read_text()
