"""What the three nodes share: lifecycle with one-sentence refusals, parameters, QoS, diagnostics, a worker thread.

Threads
-------
The executor's thread runs callbacks, which only take messages over and return. All state of the loop belongs to the
worker's thread; transitions first wait until that one is idle.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from ..core.types import GlimpseError
from .health import ERROR, OK, WARN, Health
from .parameters import Param, declare, values
from .worker import Worker


def _qos(reliability: ReliabilityPolicy, durability: DurabilityPolicy) -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=reliability, durability=durability)


IMAGES = _qos(ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE)  # how images are subscribed
MAPS = _qos(ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL)
LOOP = _qos(ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE)

COMMON = (Param("autostart", False, "configure and activate without being told to, for `ros2 run`"),)
REPEAT_WARNING = 30.0  # [s] a standing problem is said again this often


class GlimpseNode(LifecycleNode):
    """A lifecycle node. Subclasses give `TABLE` and fill in `setup`, `start`, `hold`, `stop`, `teardown`, `watch`."""

    TABLE: tuple[Param, ...] = ()

    def __init__(self, name: str, parameters: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """parameters: overrides by name. kwargs: of rclpy's Node (context, namespace ...)."""
        # First what `destroy_node` reads: rclpy raises out of the middle of the declarations.
        self.table = (*COMMON, *self.TABLE)
        self.configured = False
        self.active = False
        self.values: dict[str, Any] = {}
        self.health = Health()
        self.refusal = ""  # why the last transition failed
        self.worker = Worker(name, self.failed)
        self._made: list[tuple[Callable[[Any], bool], Any]] = []
        self._said: dict[str, float] = {}
        overrides = [Parameter(key, value=value) for key, value in (parameters or {}).items()]
        super().__init__(name, parameter_overrides=overrides, **kwargs)
        declare(self, self.table)
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._second = self.create_timer(1.0, self.guarded(self._every_second), clock=self.steady)
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._start_timer = None
        if self.get_parameter("autostart").value is True:
            self._start_timer = self.create_timer(0.0, self.guarded(self._autostart), clock=self.steady)

    # What subclasses fill in. `setup` and `start` may raise GlimpseError: the transition fails with its sentence.

    def setup(self) -> None:
        """Load models, create publishers and subscriptions."""

    def start(self) -> None:
        """Warm up; from the end of it on callbacks do their work."""

    def hold(self) -> None:
        """Keep still what moves: called on the way out of active, while publishers still publish."""

    def stop(self) -> None:
        """Forget what was going on."""

    def teardown(self) -> None:
        """Let go of what `setup` took."""

    def watch(self) -> None:
        """Called every second, active or not, in the executor's thread: look for what is missing."""

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unconfigured to inactive; FAILURE, with one sentence, where something cannot be used."""
        self.health.clear()
        try:
            self.values = values(self, self.table)
            self.setup()
        except Exception as err:
            self._refuse("configure", err)
            self._release()
            return TransitionCallbackReturn.FAILURE
        self.configured = True
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Inactive to active."""
        try:
            self.start()
            self.worker.start()
        except Exception as err:
            self._refuse("activate", err)
            self._guard_call(self.stop)
            return TransitionCallbackReturn.FAILURE
        answer = super().on_activate(state)
        self.health.solved("refused")
        self.active = True
        return answer

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Active to inactive: what moves is held, what runs is waited for."""
        self._leave_active()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Inactive to unconfigured: another bundle may come."""
        answer = super().on_cleanup(state)
        self._release()
        return answer

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """To finalized, from anywhere."""
        self._leave_active()
        answer = super().on_shutdown(state)
        self._release()
        return answer

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Whatever went wrong: back to unconfigured, alive."""
        self._leave_active()
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Ends the worker too."""
        self._leave_active()
        super().destroy_node()

    def _leave_active(self) -> None:
        was_active, self.active = self.active, False
        if not self.worker.stop():
            self.get_logger().warning("the worker is still busy and is left behind")
        if was_active:
            self._guard_call(self.hold)
            self._guard_call(self.stop)
            self.health.clear()

    def _release(self) -> None:
        self._guard_call(self.teardown)
        while self._made:
            destroy, entity = self._made.pop()
            destroy(entity)
        self.configured = False

    def _refuse(self, what: str, err: Exception) -> None:
        # What is not a GlimpseError is no fault of the user's: name its type.
        text = str(err) if isinstance(err, GlimpseError) else f"{type(err).__name__}: {err}"
        self.refusal = text
        self.health.problem("refused", ERROR, text)
        self.get_logger().error(f"cannot {what}: {text}")
        self._diagnostics.publish(self.diagnostics())

    def _autostart(self) -> None:
        if self._start_timer is not None:
            self.destroy_timer(self._start_timer)
            self._start_timer = None
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    # Parameters

    def _on_set_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        """Values are read in configure: later changes would be silently without effect, so they are refused."""
        known = {param.name: param for param in self.table}
        for change in changes:
            if change.name not in known:
                continue
            if self.configured:
                reason = f"{change.name} is read in configure: deactivate and clean up first"
                return SetParametersResult(successful=False, reason=reason)
            try:
                known[change.name].check(change.value)
            except GlimpseError as err:
                return SetParametersResult(successful=False, reason=str(err))
        return SetParametersResult(successful=True)

    # Entities that live from configure to cleanup

    def publisher(self, kind: type, topic: str, qos: QoSProfile) -> Any:
        """A publisher that publishes while active."""
        made: Any = self.create_lifecycle_publisher(kind, topic, qos)
        self._made.append((self.destroy_lifecycle_publisher, made))
        return made

    def subscribe(self, kind: type, topic: str, callback: Callable[[Any], None], qos: QoSProfile) -> Subscription:
        """A subscription whose callback is called while active only."""

        def gated(message: Any) -> None:
            if self.active:
                callback(message)

        made = self.create_subscription(kind, topic, self.guarded(gated), qos)
        self._made.append((self.destroy_subscription, made))
        return made

    def service(self, kind: type, name: str, callback: Callable[[Any, Any], Any]) -> None:
        """A service."""
        made = self.create_service(kind, name, callback)
        self._made.append((self.destroy_service, made))

    def timer(self, period: float, callback: Callable[[], None]) -> None:
        """A timer on the steady clock [s], called while active only."""

        def gated() -> None:
            if self.active:
                callback()

        made = self.create_timer(period, self.guarded(gated), clock=self.steady)
        self._made.append((self.destroy_timer, made))

    # Faults

    def guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """The callback, but what it raises is counted and said: rclpy would end the executor."""

        def call(*args: Any) -> None:
            try:
                callback(*args)
            except Exception as err:
                self.failed(err)

        return call

    def failed(self, err: Exception) -> None:
        """Something unforeseen in a callback or a job."""
        n = self.health.count("errors")
        text = str(err) if isinstance(err, GlimpseError) else f"{type(err).__name__}: {err}"
        self.problem("error", WARN, f"{text} ({n} so far)")

    def _guard_call(self, call: Callable[[], None]) -> None:
        self.guarded(call)()

    def problem(self, key: str, level: int, text: str) -> None:
        """State a standing problem; it is logged when it is new and then twice a minute at most."""
        fresh = self.health.problem(key, level, text)
        now = time.monotonic()
        if not fresh and now - self._said.get(key, -REPEAT_WARNING) < REPEAT_WARNING:
            return
        self._said[key] = now
        if level == ERROR:
            self.get_logger().error(text)
        else:
            self.get_logger().warning(text)

    def note(self, text: str) -> None:
        """Something that happened, said once."""
        self.get_logger().warning(text)

    def solved(self, key: str, text: str = "") -> None:
        """The problem is gone; `text` is logged where there was one."""
        if self.health.solved(key) and text:
            self.get_logger().info(text)

    def check_commanders(self, topic: str) -> None:
        """Two publishers of the same command pull a camera to and fro."""
        full = self.resolve_topic_name(topic)
        n = self.count_publishers(full)
        if n > 1:
            infos = self.get_publishers_info_by_topic(full)
            names = sorted({f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in infos})
            self.problem("commanders", WARN, f"{n} publishers of {full} ({', '.join(names)}): expected one")
        else:
            self.solved("commanders", f"one publisher of {full} again")

    # Diagnostics

    def _every_second(self) -> None:
        if self.context.ok():
            self._guard_call(self.watch)
            self._diagnostics.publish(self.diagnostics())

    def diagnostics(self) -> DiagnosticArray:
        """This node's state as one message."""
        level, text, numbers = self.health.report()
        state = "active" if self.active else "inactive" if self.configured else "unconfigured"
        name = self.get_fully_qualified_name().lstrip("/")
        status = DiagnosticStatus(level=bytes([level]), name=f"{name}: loop", hardware_id="")
        status.message = text if level != OK else state
        status.values = [KeyValue(key="state", value=state), *(KeyValue(key=k, value=v) for k, v in numbers.items())]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        return message
