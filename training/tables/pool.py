"""Jobs of a table, done one after another or by several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Made = TypeVar("Made")


def pooled(work: Callable[[Job], Made], jobs: list[Job], workers: int) -> Iterator[Made]:
    """What `work`, a function of a module, makes of each job, in their order."""
    if workers == 1 or len(jobs) < 2:
        yield from map(work, jobs)
        return
    context = multiprocessing.get_context("spawn")  # onnxruntime's threads do not survive a fork
    with ProcessPoolExecutor(min(workers, len(jobs)), context) as pool:
        try:
            yield from pool.map(work, jobs)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # a refusal need not wait for what nobody will read
            raise
