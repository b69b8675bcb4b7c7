"""The engine that works shards on this machine, in as many processes as it has cores."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

from pydantic import PositiveInt

from politune_harness import Engine, ServiceError, hookimpl

Item = TypeVar("Item")
Result = TypeVar("Result")


class Local(Engine):
    """Processes of this machine. One shard, or one worker, needs none but the harness's own."""

    workers: PositiveInt | None = None
    """How many processes; by default one for each core that this process may use."""

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        workers = min(self.workers or cores(), len(items))
        if workers < 2:  # noqa: PLR2004
            yield from map(work, items)
            return
        context = get_context("spawn")
        lifeline, held = context.Pipe(duplex=False)
        with held, ProcessPoolExecutor(workers, context, _attend, (lifeline,)) as pool:
            try:
                yield from pool.map(work, items)
            except BrokenProcessPool:
                message = (
                    "a worker process was lost: short of memory (give the engine fewer `workers`), "
                    "or started from a script that does not ask whether it is `__main__`?"
                )
                raise ServiceError(message) from None
            except BaseException:
                held.close()
                raise


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _attend(lifeline: Connection) -> None:
    """Let this worker end at once when the process that started it does, or lets go of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        lifeline.poll(None)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@hookimpl
def politune_engines() -> Mapping[str, type[Engine]]:
    return {"local": Local}
