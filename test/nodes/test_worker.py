"""The worker: newest job of each kind, nothing queues, errors do not end it."""

import threading
import time

import pytest

from glimpse_ros.nodes.worker import Worker


def started(on_error=lambda err: None, tick=None, period=0.1) -> Worker:
    worker = Worker("worker", on_error)
    if tick is not None:
        worker.on_tick(tick, period)
    worker.start()
    return worker


def test_while_one_job_runs_only_the_newest_of_each_kind_waits():
    worker, ran, go = started(), [], threading.Event()
    worker.post("frame", lambda: go.wait(5.0))
    time.sleep(0.05)
    for i in range(1000):
        worker.post("frame", lambda i=i: ran.append(i))
    worker.post("answer", lambda: ran.append("answer"))
    go.set()
    assert worker.idle(5.0)
    assert ran == [999, "answer"]
    assert worker.replaced == 999
    assert worker.stop()


def test_an_error_is_told_and_the_next_job_runs():
    errors, ran = [], []
    worker = started(errors.append)
    worker.post("a", lambda: 1 // 0)
    worker.post("b", lambda: ran.append(1))
    assert worker.idle(5.0) and worker.stop()
    assert ran == [1] and [type(e) for e in errors] == [ZeroDivisionError]


def test_it_ticks_also_while_jobs_keep_coming():
    ticks = []
    worker = started(tick=lambda: ticks.append(time.monotonic()), period=0.02)
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        worker.post("frame", lambda: time.sleep(0.005))
        time.sleep(0.001)
    assert worker.stop()
    assert 5 <= len(ticks) <= 16


def test_stop_drops_what_waits_and_it_can_start_again():
    worker, ran = started(), []
    worker.post("slow", lambda: time.sleep(0.1))
    time.sleep(0.02)
    worker.post("never", lambda: ran.append("never"))
    assert worker.stop()
    worker.post("ignored", lambda: ran.append("ignored"))
    worker.start()
    worker.post("again", lambda: ran.append("again"))
    assert worker.idle(5.0) and worker.stop()
    assert ran == ["again"]


def test_a_job_may_stop_its_own_worker():
    worker = started()
    worker.post("last", worker.stop)
    time.sleep(0.1)
    assert worker.stop()


def test_it_does_not_start_over_a_job_that_hangs():
    worker, go = started(), threading.Event()
    worker.post("slow", go.wait)
    time.sleep(0.05)
    assert not worker.stop(timeout=0.05)
    with pytest.raises(RuntimeError, match="still running"):
        worker.start()
    go.set()
    assert worker.stop()
    worker.start()
    assert worker.stop()
