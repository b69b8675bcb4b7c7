"""What a command has paid for replies, and how much more it may pay.

A request is sent only once the most that it can cost is set aside, so a limit is never passed, not
even by requests that are under way together.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from politune_harness.errors import BudgetError


class Spending:
    """What was paid so far, in the currency of the prices; safe to share between threads."""

    def __init__(self, limit: float | None = None) -> None:
        self.spent = 0.0
        self._limit, self._aside, self._under_way = limit, 0.0, 0
        self._settled = threading.Condition()

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._limit is not None

    def set_aside(self, most: float) -> None:
        """Set aside what a request may cost at most, waiting for others to be settled first.

        Raises BudgetError where even then there is not as much left.
        """
        with self._settled:
            while self._limit is not None and self.spent + self._aside + most > self._limit:
                if not self._under_way:
                    message = (
                        f"stopped at {self.spent:.4f}: one more reply might pass --max-cost "
                        f"{self._limit:g}; run the same command again to go on, with as much again"
                    )
                    raise BudgetError(message)
                self._settled.wait()
            self._aside += most
            self._under_way += 1

    def settle(self, most: float, paid: float) -> None:
        """Say what a request cost for which `most` was set aside."""
        with self._settled:
            self._under_way -= 1
            self._aside = self._aside - most if self._under_way else 0.0
            self.spent += paid
            self._settled.notify_all()


_current: ContextVar[Spending | None] = ContextVar("spending", default=None)
_without_limit = Spending()


def spending() -> Spending:
    """Return what everything inside `limited` pays from; outside, there is no limit."""
    return _current.get() or _without_limit


@contextmanager
def limited(most: float | None) -> Iterator[Spending]:
    """Let everything inside pay `most` at the most; None sets no limit."""
    mine = Spending(most)
    token = _current.set(mine)
    try:
        yield mine
    finally:
        _current.reset(token)
