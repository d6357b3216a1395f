"""The rules of the house about who imports whom, read from the source without running it.

core     imports neither torch, nor ROS, nor anything of glimpse_ros outside core
nodes    hold the only ROS imports
training never imports rclpy, and nothing of glimpse_ros imports training
nobody   imports in a circle
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROS = ("rclpy", "launch", "launch_ros", "ament_index_python", "rcl_interfaces", "builtin_interfaces", "cv_bridge")
TORCH = ("torch", "torchvision", "lightning")


def is_ros(module: str) -> bool:
    top = module.split(".")[0]
    return top in ROS or top.endswith("_msgs") or top in ("std_srvs", "composition_interfaces")


def is_in(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def modules(root: Path, *packages: str) -> dict[str, Path]:
    """Dotted name of every module below the packages, with its file."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def without_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, late imports in functions too, but not what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from without_type_checking(other)
            continue
        yield child
        yield from without_type_checking(child)


def imports(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """Dotted names that a module imports: our own resolved to modules, others as written."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in without_type_checking(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in known else base)
    return found - {name}


def breaches(root: Path) -> list[str]:
    """Every import that a rule forbids, as "importer imports imported"."""
    known = modules(root, "glimpse_ros", "training")
    wrong = []
    for name, path in known.items():
        for other in sorted(imports(name, path, known)):
            in_core, in_nodes = is_in(name, "glimpse_ros.core"), is_in(name, "glimpse_ros.nodes")
            forbidden = (
                (in_core and is_in(other, "glimpse_ros") and not is_in(other, "glimpse_ros.core"))
                or (is_ros(other) and not in_nodes)
                or (is_in(other, *TORCH) and not is_in(name, "training"))
                or (is_in(other, "training") and not is_in(name, "training"))
                or (is_in(name, "training") and is_in(other, "glimpse_ros.nodes"))
            )
            if forbidden:
                wrong.append(f"{name} imports {other}")
    return wrong


def circles(root: Path) -> list[str]:
    """Circles of imports, each as "a -> b -> a"."""
    known = modules(root, "glimpse_ros", "training")
    graph = {name: sorted(imports(name, path, known) & known.keys()) for name, path in known.items()}
    found: list[str] = []
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        if name in trail:
            found.append(" -> ".join([*trail[trail.index(name) :], name]))
            return
        if name in done:
            return
        for other in graph[name]:
            visit(other, [*trail, name])
        done.add(name)

    for name in graph:
        visit(name, [])
    return found


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_nobody_imports_what_the_rules_forbid() -> None:
    assert len(modules(ROOT, "glimpse_ros")) > 10, "the walk found too little to mean anything"
    assert breaches(ROOT) == []


def test_no_circles() -> None:
    assert circles(ROOT) == []


def test_torch_load_reads_weights_only() -> None:
    careless = []
    for name, path in modules(ROOT, "glimpse_ros", "training").items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                if not any(word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords):
                    careless.append(f"{name}:{node.lineno}")
    assert careless == []


@pytest.mark.parametrize(
    ("file", "text", "breach"),
    [
        ("glimpse_ros/core/a.py", "import torch.nn", "glimpse_ros.core.a imports torch.nn"),
        ("glimpse_ros/core/a.py", "from ..cameras import b", "glimpse_ros.core.a imports glimpse_ros.cameras.b"),
        ("glimpse_ros/core/a.py", "def f():\n    import rclpy", "glimpse_ros.core.a imports rclpy"),
        ("glimpse_ros/cli.py", "from sensor_msgs.msg import Image", "glimpse_ros.cli imports sensor_msgs.msg"),
        ("glimpse_ros/nodes/n.py", "from training import t", "glimpse_ros.nodes.n imports training"),
        ("training/t.py", "from rclpy.node import Node", "training.t imports rclpy.node"),
        ("training/t.py", "import glimpse_ros.nodes.n", "training.t imports glimpse_ros.nodes.n"),
    ],
)
def test_the_walk_finds_a_breach(tmp_path: Path, file: str, text: str, breach: str) -> None:
    write(tmp_path, {"glimpse_ros/cameras/b.py": "", "glimpse_ros/nodes/n.py": "import rclpy", file: text})
    assert breaches(tmp_path) == [breach]


def test_the_walk_finds_a_circle(tmp_path: Path) -> None:
    files = {
        "glimpse_ros/core/a.py": "from .b import x",
        "glimpse_ros/core/b.py": "def f():\n    from glimpse_ros.core import c",
        "glimpse_ros/core/c.py": "import glimpse_ros.core.a",
    }
    write(tmp_path, files)
    assert circles(tmp_path) == [
        "glimpse_ros.core.a -> glimpse_ros.core.b -> glimpse_ros.core.c -> glimpse_ros.core.a",
    ]


def test_type_checking_imports_are_free(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import rclpy\n"
    write(tmp_path, {"glimpse_ros/core/a.py": text})
    assert breaches(tmp_path) == []
