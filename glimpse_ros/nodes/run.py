"""Runs nodes: an executor in a thread of its own, and the way out on SIGINT and SIGTERM.

rclpy's own signal handling takes the context away first, and then nothing can be published any more: not even that
the camera is to stand still. So it is switched off, and the order here is: stop spinning, hold, shut down.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle, ParameterException
from rclpy.executors import ExternalShutdownException, ShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from ..core.types import GlimpseError
from .base import GlimpseNode


class Spinner:
    """A node's callbacks in one thread, until `stop`. A context manager; leaving it does not destroy the node.

    The node is one of rclpy's with a method `failed`, which is told what a callback raises.
    """

    def __init__(self, node: Any) -> None:
        self.node = node
        self._stopping = False
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self._thread = threading.Thread(target=self._spin, name=f"{node.get_name()} executor", daemon=True)

    def __enter__(self) -> Spinner:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether it still spins."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Let the running callback finish, then end the thread."""
        if self._stopping:
            return
        self._stopping = True
        self._executor.create_task(lambda: None)  # wakes spin_once and makes it return
        self._thread.join(10.0)
        self._executor.remove_node(self.node)
        self._executor.shutdown(0)

    def _spin(self) -> None:
        while not self._stopping and self.node.context.ok():
            try:
                self._executor.spin_once()
            except (ExternalShutdownException, ShutdownException):
                return
            except InvalidHandle:  # an entity was destroyed while it was being waited for
                continue
            except Exception as err:  # nodes guard their own callbacks; services of rclpy can still raise
                self.node.failed(err)


def end(node: GlimpseNode) -> None:
    """Hold what moves, then to finalized and away. The node must not be spinning any more."""
    try:
        if node.active or node.configured:
            node.trigger_shutdown()
    finally:
        node.destroy_node()


def run_node(make: Callable[[], GlimpseNode], args: Sequence[str] | None = None) -> int:
    """The `main` of a node: runs it until SIGINT or SIGTERM. Gives the exit status."""
    over = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: over.set())
    rclpy.init(args=list(args) if args is not None else None, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make()
    except (GlimpseError, ParameterException) as err:
        print(f"cannot start: {err}", file=sys.stderr)
        rclpy.shutdown()
        return 1
    try:
        with Spinner(node) as spinner:
            while spinner.alive and not over.wait(0.5):
                pass
        end(node)
    finally:
        rclpy.try_shutdown()
    return 0


def new_context() -> Context:
    """A context of its own, without signal handlers, for graphs that live inside another program."""
    context = Context()
    rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
    return context
