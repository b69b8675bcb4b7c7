"""Replay measured pieces of work on any number of workers, with the barriers of a study between.

A phase is worked as `politune_harness.study.running` does it: one process lists what is to be done,
its workers take piece after piece in the order given, and when all are done it lets every cell take
what it shares. Workers stay from one phase to the next.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """What was done between two barriers, in seconds."""

    name: str
    pieces: tuple[float, ...]
    """What each took on one worker, in the order in which they were given out."""
    alone: float = 0.0
    """What nobody could share."""


def finish(phases: Iterable[Phase], workers: int, start: float = 0.0) -> float:
    """Return when the last phase is done, in seconds; workers take `start` to be ready.

    >>> finish([Phase("read", (3.0, 1.0, 1.0, 1.0)), Phase("train", (2.0,) * 3, alone=1.0)], 2)
    8.0
    """
    now = start
    for phase in phases:
        free = [now] * workers
        for piece in phase.pieces:
            heapq.heapreplace(free, free[0] + piece)
        now = max(free) + phase.alone
    return now
