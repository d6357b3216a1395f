"""The package, for pip and for colcon. package.xml tells ROS the same; test/test_package.py keeps the two together."""

import os
import sys
from pathlib import Path

from setuptools import find_packages, setup

NAME = "glimpse_ros"
NODES = ("camera_node", "scene_node", "policy_node")

# Every lower bound was tried, these and the cpu extra together on Python 3.10.
REQUIRES = [
    "numpy>=1.21.5",
    "opencv-python>=4.5.5",
    "pillow>=9.0.0",
    "rosbags>=0.11.0",
    "backports.zstd>=1.0.0; python_version < '3.14'",
]

# ROS 2 Kilted from PyPI, for machines without a ROS of their own. Never beside a system ROS.
ROS = ["ros-kilted-rclpy[fastrtps]>=9.1.2"]
ROS += [
    f"ros-kilted-{name}>={version}"
    for name, version in {
        "ament-index-python": "1.11.0",
        "builtin-interfaces": "2.3.0",
        "diagnostic-msgs": "5.5.1",
        "geometry-msgs": "5.5.1",
        "lifecycle-msgs": "2.3.0",
        "rcl-interfaces": "2.3.0",
        "rosgraph-msgs": "2.3.0",
        "sensor-msgs": "5.5.1",
        "std-msgs": "5.5.1",
        "std-srvs": "5.5.1",
        "trajectory-msgs": "5.5.1",
        "visualization-msgs": "5.5.1",
    }.items()
]

TRAIN = [
    "torch>=2.13.0",
    "lightning-fabric>=2.5.0",
    "onnx>=1.17.0",
    "tensorboard>=2.18.0",
    "tyro>=0.9.2",
    "matplotlib>=3.8.4",
    "h5py>=3.11.0",
    "scipy>=1.13.0",
]

VIEWER = ["rerun-sdk>=0.26.2"]

EXTRAS = {
    "ros": ROS,
    "cpu": ["onnxruntime>=1.16.3"],
    "gpu": ["onnxruntime-gpu>=1.16.3"],  # instead of cpu, never beside it
    "train": TRAIN,
    "viewer": VIEWER,
    # ruff and mypy to the minor version: a newer one may ask for other formatting.
    "test": [
        *(name for name in TRAIN if not name.startswith("torch")),
        "torch==2.13.0",
        *VIEWER,
        "hypothesis>=6.100",
        "mypy~=2.4.1",
        "pytest>=8",
        "pytest-timeout>=2.3",
        "ruff~=0.17.5",
    ],
}


def shared(top: str) -> list[tuple[str, list[str]]]:
    """`top` and all below it as data files under share/glimpse_ros, the tree kept."""
    folders = []
    for folder, names, files in os.walk(top):
        names[:] = sorted(name for name in names if not name.startswith((".", "__")))
        kept = sorted(name for name in files if not name.startswith("."))
        if kept:
            folders.append((f"share/{NAME}/{folder}", [f"{folder}/{name}" for name in kept]))
    return folders


def forwarders() -> list[tuple[str, list[str]]]:
    """The nodes as lib/glimpse_ros/<node>, where `ros2 run` and `ros2 launch` look in each prefix.

    colcon puts them there itself (setup.cfg). pip puts them into bin only, so a wheel, and with it a venv used as an
    ament prefix, brings a forwarder for each.
    """
    folder = Path("build") / "forwarders"
    folder.mkdir(parents=True, exist_ok=True)
    for node in NODES:
        path = folder / node
        path.write_text('#!/bin/sh\nexec "$(dirname "$0")/../../bin/$(basename "$0")" "$@"\n')
        path.chmod(0o755)
    return [(f"lib/{NAME}", [str(folder / node) for node in NODES])]


data_files = [
    ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
    (f"share/{NAME}", ["package.xml", "LICENSE"]),
    *(entry for top in ("launch", "config", "models") for entry in shared(top)),
]
if "bdist_wheel" in sys.argv:
    data_files += forwarders()

setup(
    name=NAME,
    version="0.1.0",
    description="Point a camera where it matters: learned visual exploration for ROS 2.",
    maintainer="glimpse_ros maintainers",
    maintainer_email="maintainers@users.noreply.b-seed-025018d8.example",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed"]},
    data_files=data_files,
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    zip_safe=False,
    entry_points={
        "console_scripts": [
            f"glimpse = {NAME}.cli:main",
            *(f"{node} = {NAME}.nodes.start:{node}" for node in NODES),
        ],
    },
)
