"""An exploration as it happens, in a rerun viewer in the browser. Optional: the extra `viewer`.

rerun's Python server cannot be told what to listen on, so its command line is started with `--bind 127.0.0.1`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .core.classes import class_colours, class_ids
from .core.types import GlimpseError, SceneInfo
from .report.exploration import Record, resized, rgb, rmse
from .report.pictures import BOX, box_pieces, class_colour, retina, uncertainty_colour, uncertainty_range

HOST = "127.0.0.1"
GRPC_PORT, WEB_PORT = 9876, 9090  # rerun's own; another free one where they are taken
MEMORY = "256MB"  # kept for browsers that come later; the oldest goes first
PATIENCE = 20.0  # [s] for the server to listen


class LiveView:
    """A server on this machine; `url` is the page to open. Raises GlimpseError where it cannot be started."""

    def __init__(self, title: str, info: SceneInfo, truth: NDArray[np.uint8] | None = None) -> None:
        if find_spec("rerun") is None or find_spec("rerun_cli") is None:
            raise GlimpseError("--live needs the rerun viewer, which is not installed: pip install 'rerun-sdk>=0.24'")
        import rerun

        self._rr: Any = rerun
        self._info, self._truth = info, truth
        self._high = 0.0  # the largest uncertainty so far
        grpc, web = free_port(GRPC_PORT), free_port(WEB_PORT)
        address = f"rerun+http://{HOST}:{grpc}/proxy"
        self.url = f"http://{HOST}:{web}/?url={address.replace('+', '%2B')}"
        command = [sys.executable, "-m", "rerun_cli", "--serve-web", "--bind", HOST, "--port", str(grpc)]
        command += ["--web-viewer-port", str(web), "--server-memory-limit", MEMORY]
        # The ROS wheels mark the environment; another interpreter must not see it.
        clean = {k: v for k, v in os.environ.items() if k != "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
        quiet: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        self._server = subprocess.Popen(command, env=clean, start_new_session=True, **quiet)
        try:
            self._wait(grpc, web)
            self._stream = rerun.RecordingStream("glimpse_ros")
            self._stream.connect_grpc(address)
            self._stream.send_blueprint(self._blueprint())
            self._stream.log("about", rerun.TextDocument(title), static=True)
            if truth is not None:
                self._stream.log("scene/truth", rerun.Image(resized(truth, self._size())), static=True)
        except BaseException:
            self.close()
            raise

    def show(self, step: int, record: Record) -> None:
        """Send what followed from a glimpse; `step` counts from 1."""
        rr, stream, estimate = self._rr, self._stream, record.estimate
        height, width = self._size()
        stream.set_time("glimpse", sequence=step)
        if getattr(record, "step", 0) == 1:  # another frame, explored on its own
            stream.log("scene/glimpses", rr.Clear(recursive=True))
        pieces = box_pieces(record.view, height, width, self._info.scene.projection)
        names = [str(step)] * len(pieces)
        boxes = rr.Boxes2D(array=pieces, array_format=rr.Box2DFormat.XYWH, labels=names, colors=BOX)
        stream.log(f"scene/glimpses/{step}", boxes)
        side = max(128, self._info.glimpse.size)
        stream.log("glimpse", rr.Image(retina(record.glimpse, self._info.glimpse, side)))
        if estimate.reconstruction is not None:
            picture = rgb(estimate.reconstruction)
            stream.log("imagined", rr.Image(picture))
            if self._truth is not None:
                stream.log("rmse", rr.Scalars(rmse(picture, resized(self._truth, self._size()))))
        if estimate.uncertainty is not None:
            self._high = max(self._high, float(np.nanmax(estimate.uncertainty)), 1e-6)
            stream.log(
                "uncertainty", rr.Image(uncertainty_colour(estimate.uncertainty, 0.0, self._high, (height, width)))
            )

        if estimate.segmentation is not None:
            picture = class_colour(class_ids(estimate.segmentation), class_colours(self._info), (height, width))
            stream.log("classes", rr.Image(picture))
        if estimate.attention is not None:
            span = uncertainty_range([estimate.attention])
            stream.log("attention", rr.Image(uncertainty_colour(estimate.attention, *span, (height, width))))

    def wait(self) -> None:
        """Keep the page up until Ctrl-C, or until the server ends."""
        try:
            self._server.wait()
        except KeyboardInterrupt:
            pass

    def close(self) -> None:
        """Send what is left and end the server."""
        if hasattr(self, "_stream"):
            self._stream.flush()
            self._stream.disconnect()
        self._end(signal.SIGTERM) or self._end(signal.SIGKILL)

    def __enter__(self) -> LiveView:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _size(self) -> tuple[int, int]:
        return self._info.scene.height, self._info.scene.width

    def _end(self, how: signal.Signals) -> bool:
        """Signal the server and what it started; whether all of them ended within five seconds."""
        until = time.monotonic() + 5.0
        try:
            os.killpg(self._server.pid, how)
            while time.monotonic() < until:
                self._server.poll()  # a child that ended stays in the group until it is asked after
                os.killpg(self._server.pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            return True
        return False

    def _wait(self, *ports: int) -> None:
        until = time.monotonic() + PATIENCE
        for port in ports:
            while not listening(port):
                if self._server.poll() is not None:
                    raise GlimpseError(f"--live: rerun ended with status {self._server.returncode} before it listened")
                if time.monotonic() > until:
                    raise GlimpseError(f"--live: rerun does not listen on {HOST}:{port} after {PATIENCE:g} s")
                time.sleep(0.1)

    def _blueprint(self) -> Any:
        import rerun.blueprint as rrb

        left = rrb.Vertical(
            rrb.Spatial2DView(origin="imagined", name="remembered and imagined"),
            rrb.Spatial2DView(origin="scene", name="the scene and the glimpses"),
        )
        shown = {"segmentation": "classes", "attention": "attention", "uncertainty": "uncertainty"}
        maps = [path for output, path in shown.items() if output in self._info.outputs]
        right = rrb.Vertical(
            *(rrb.Spatial2DView(origin=path, name=path) for path in ("glimpse", *maps)),
            rrb.TimeSeriesView(origin="rmse", name="RMSE"),
        )
        return rrb.Blueprint(rrb.Horizontal(left, right, column_shares=[3, 2]), collapse_panels=True)


def listening(port: int) -> bool:
    """Whether something on this machine accepts connections on the port."""
    try:
        with socket.create_connection((HOST, port), 0.5):
            return True
    except OSError:
        return False


def free_port(wanted: int) -> int:
    """The port wanted, or another that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise GlimpseError(f"no free port on {HOST}")
