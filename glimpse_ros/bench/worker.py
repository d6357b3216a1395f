"""One phase of the bench, in this process: `python -m glimpse_ros.bench.worker PHASE SETTINGS`; prints JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module

from ..core.types import GlimpseError
from ..progress import Progress
from .figures import Settings

PHASES = {
    "steps": "one step of the loop, without ROS",
    "latency": "camera frame to next_view through DDS, 1080p at 30 Hz, the camera in a process of its own",
    "loop": "closed loop through DDS, with an ideal camera",
    "memory": "resident memory, every frame through DDS",
}


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 1 with one sentence on stderr."""
    name, settings = arguments or sys.argv[1:]
    try:
        # First of all, for the ROS wheels start Python once more.
        phase = import_module(f"{__package__}.{name}")
        with Progress() as say:
            figures = phase.measure(Settings(**json.loads(settings)), say)
    except GlimpseError as err:
        print(f"{name}: {err}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as err:
        if (err.name or "").startswith("glimpse_ros"):
            raise
        print(
            f"{name}: needs {err.name}, which is not there: source ROS 2, or install the extra `ros`", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps([vars(figure) for figure in figures]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
