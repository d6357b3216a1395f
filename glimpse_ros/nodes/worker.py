"""One thread for the work that must not block a callback. It keeps the newest job of each kind: nothing queues."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Job = Callable[[], None]


class Worker:
    """Runs posted jobs one at a time, and a tick at least every so often (steady clock).

    A job posted while another of the same kind waits takes its place. What a job raises goes to `on_error`; the
    thread lives on.
    """

    def __init__(self, name: str, on_error: Callable[[Exception], None]) -> None:
        self._name, self._on_error = name, on_error
        self._tick: Job | None = None
        self._period = 0.1
        self._waiting: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._busy = False
        self._stopping = True
        self._thread: threading.Thread | None = None
        self.replaced = 0  # jobs that never ran because a newer one of their kind came

    def on_tick(self, tick: Job, period: float = 0.1) -> None:
        """What to do at least every `period` seconds; set before `start`."""
        self._tick, self._period = tick, period

    def start(self) -> None:
        """Start the thread; nothing happens where it runs already. RuntimeError where an old job still hangs."""
        if self._thread is not None and self._thread.is_alive():
            if self._stopping:
                raise RuntimeError(f"{self._name}: a job of before is still running")
            return
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Forget what waits, let the running job finish; False where it did not within `timeout` seconds.

        May be called from a job itself, which then is the last one.
        """
        thread = self._thread
        with self._changed:
            self._stopping = True
            self._waiting.clear()
            self._changed.notify_all()
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        if thread.is_alive():
            return False
        self._thread = None
        return True

    def post(self, kind: str, job: Job) -> None:
        """Have `job` run soon; a waiting one of the same kind is dropped. Ignored where the worker is stopped."""
        with self._changed:
            if self._stopping:
                return
            self.replaced += kind in self._waiting
            self._waiting[kind] = job
            self._changed.notify_all()

    def idle(self, timeout: float) -> bool:
        """Wait until nothing runs and nothing waits."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and not self._waiting, timeout)

    def _run(self) -> None:
        due = time.monotonic() + self._period
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                while not self._waiting and not self._stopping:
                    left = due - time.monotonic()
                    if left <= 0.0:
                        break
                    self._changed.wait(left)
                if self._stopping:
                    return
                job = self._waiting.pop(next(iter(self._waiting))) if self._waiting else None
                self._busy = True
            now = time.monotonic()
            if job is not None:
                self._guarded(job)
            if now >= due:
                # From now on, not from when it was due: after a slow job there is nothing to catch up with.
                due = now + self._period
                if self._tick is not None and not self._stopping:
                    self._guarded(self._tick)

    def _guarded(self, job: Job) -> None:
        try:
            job()
        except Exception as err:  # a robot's node outlives one bad message
            self._on_error(err)
