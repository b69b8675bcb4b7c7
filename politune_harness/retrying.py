"""Work on many items at once, and again on those that ask for it, without a worker that waits.

An item whose turn is yet to come holds up no other: that is what makes many retries cheap.
"""

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
R = TypeVar("R")


class Later(msgspec.Struct, frozen=True):
    """Returned in place of a result: try again in so many seconds."""

    pause: float


def retried(
    work: Callable[[T, int], R | Later], items: Sequence[T], workers: int
) -> Generator[tuple[int, R]]:
    """Yield each item's number and result as results come, `workers` at work at once.

    `work` takes an item and how often it was tried before; what it raises is raised here. Closing
    the generator drops what has not begun.

    >>> once = lambda item, before: item if before else Later(0.0)
    >>> sorted(retried(once, "ab", workers=2))
    [(0, 'a'), (1, 'b')]
    """
    jobs: _Jobs[R] = _Jobs(len(items))

    def labour() -> None:
        while (job := jobs.take()) is not None:
            number, before = job
            try:
                result = work(items[number], before)
            except BaseException as error:  # noqa: BLE001 - raised where results are taken
                jobs.fail(error)
            else:
                if isinstance(result, Later):
                    jobs.postpone(number, before + 1, result.pause)
                else:
                    jobs.finish(number, result)

    with ThreadPoolExecutor(workers) as pool:
        for _ in range(min(workers, len(items))):
            pool.submit(labour)
        try:
            for _ in items:
                yield jobs.result()
        finally:
            jobs.close()


class _Jobs(Generic[R]):
    """What is to be done, and what is done."""

    def __init__(self, count: int) -> None:
        self._fresh = deque(range(count))
        self._postponed: list[tuple[float, int, int]] = []
        self._done: deque[tuple[int, R]] = deque()
        self._error: BaseException | None = None
        self._open = count
        self._changed = threading.Condition()

    def take(self) -> tuple[int, int] | None:
        """Wait for the next item to work on; None when there is no more."""
        with self._changed:
            while self._open > 0:
                pause = self._postponed[0][0] - time.monotonic() if self._postponed else None
                if pause is not None and pause <= 0:
                    return heapq.heappop(self._postponed)[1:]
                if self._fresh:
                    return self._fresh.popleft(), 0
                self._changed.wait(pause)
        return None

    def postpone(self, number: int, before: int, pause: float) -> None:
        with self._changed:
            heapq.heappush(self._postponed, (time.monotonic() + pause, number, before))
            self._changed.notify_all()

    def finish(self, number: int, result: R) -> None:
        with self._changed:
            self._done.append((number, result))
            self._open -= 1
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        with self._changed:
            self._error, self._open = error, 0
            self._changed.notify_all()

    def result(self) -> tuple[int, R]:
        with self._changed:
            while not (self._done or self._error):
                self._changed.wait()
            if self._error:
                raise self._error
            return self._done.popleft()

    def close(self) -> None:
        with self._changed:
            self._open = 0
            self._changed.notify_all()
