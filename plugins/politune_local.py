"""The engine that works on this machine, in as many processes as it has cores, or GPUs."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import ClassVar, Self, TypeVar

from pydantic import PositiveInt, PrivateAttr

from politune_harness import Engine, ServiceError, hookimpl

Item = TypeVar("Item")
Result = TypeVar("Result")


THREADS, DEVICES = "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"


class Local(Engine):
    """Processes of this machine. One item, or one worker, needs none but the harness's own.

    Where it has GPUs, each process that loads a model gets one of its own.
    """

    _alone: ClassVar = 1
    """So many items are worked in this process."""
    workers: PositiveInt | None = None
    """How many processes; by default one for each core that this process may use."""

    def map(
        self, work: Callable[[Item], Result], items: Sequence[Item], *, model: bool = False
    ) -> Iterator[Result]:
        devices = gpus() if model else []
        most = self.workers or cores()
        workers = min(most, len(devices) or most)
        if workers < 2 or len(items) <= self._alone:  # noqa: PLR2004
            yield from map(work, items)
            return
        with self._processes(workers, tuple(devices[:workers])) as processes:
            yield from processes.map(work, items)

    @contextmanager
    def kept(self) -> Iterator[Engine]:
        standing = _Standing(workers=self.workers)
        try:
            yield standing
        finally:
            standing.end()

    @contextmanager
    def _processes(self, workers: int, devices: tuple[str, ...]) -> "Iterator[_Processes]":
        with _Processes(workers, devices) as processes:
            yield processes


class _Standing(Local):
    """The same, whose processes stay for the next items: what they have loaded, they have."""

    _alone: ClassVar = 0  # a last item gets as many threads as others did
    _last: "_Processes | None" = PrivateAttr(None)

    @contextmanager
    def _processes(self, workers: int, devices: tuple[str, ...]) -> "Iterator[_Processes]":
        if self._last is None or self._last.kind != (workers, devices):
            self.end()
            self._last = _Processes(workers, devices)
        try:
            yield self._last
        except BaseException:
            self.end(at_once=True)
            raise

    def end(self, *, at_once: bool = False) -> None:
        """Let go of the processes."""
        last, self._last = self._last, None
        if last is not None:
            last.end(at_once=at_once)


class _Processes:
    """Processes that end with this one, or when it lets go of them."""

    def __init__(self, workers: int, devices: tuple[str, ...]) -> None:
        self.kind = workers, devices
        context = get_context("spawn")
        lifeline, self._held = context.Pipe(duplex=False)
        own: SimpleQueue[str] = context.SimpleQueue()
        for device in devices:
            own.put(device)
        share = str(max(1, cores() // workers))
        given = (lifeline, share, own if devices else None)
        self._pool = ProcessPoolExecutor(workers, context, _attend, given)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self.end(at_once=error is not None)

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        try:
            yield from self._pool.map(work, items)
        except BrokenProcessPool:
            message = (
                "a worker process was lost: short of memory (give the engine fewer `workers`), "
                "or started from a script that does not ask whether it is `__main__`?"
            )
            raise ServiceError(message) from None

    def end(self, *, at_once: bool) -> None:
        """End them, and what they are at, if that is to be `at_once`."""
        if at_once:
            self._held.close()
        self._pool.shutdown()
        self._held.close()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def gpus() -> list[str]:
    """Return the names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES has them."""
    if DEVICES in os.environ:
        return [name for name in os.environ[DEVICES].split(",") if name]
    return [str(n) for n, _ in enumerate(Path("/proc/driver/nvidia/gpus").glob("*"))]


def _attend(lifeline: Connection, threads: str, devices: "SimpleQueue[str] | None") -> None:
    """Let this worker end at once when the process that started it does, or lets go of it.

    It gets its share of the cores, before anything that counts them is loaded, and of the GPUs.
    """
    os.environ.setdefault(THREADS, threads)
    if devices is not None:
        os.environ[DEVICES] = devices.get()
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        lifeline.poll(None)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@hookimpl
def politune_engines() -> Mapping[str, type[Engine]]:
    return {"local": Local}
