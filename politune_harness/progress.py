"""How long work tells how far it is, without knowing who watches.

A component wraps its loop in `track`; the command line installs a display. With none installed,
`track` only passes the rows through.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Display(Protocol):
    """What shows progress: a bar for each piece of work under way."""

    def add(self, label: str, total: int | None) -> int:
        """Show a new piece of work; return its number."""
        ...

    def advance(self, work: int, by: int = 1) -> None:
        """Move a piece of work on."""
        ...

    def rename(self, work: int, label: str) -> None:
        """Say something else of a piece of work."""
        ...

    def remove(self, work: int) -> None:
        """Take a finished piece of work away."""
        ...

    def note(self, text: str) -> None:
        """Show a line that stays."""
        ...


_display: ContextVar[Display | None] = ContextVar("display", default=None)


@contextmanager
def shown_on(display: Display) -> Iterator[None]:
    """Show all progress inside on `display`."""
    token = _display.set(display)
    try:
        yield
    finally:
        _display.reset(token)


class Work:
    """A piece of work that is moved on by hand."""

    def __init__(self, display: Display | None, number: int) -> None:
        self._display, self._number = display, number

    def advance(self, by: int = 1) -> None:
        """Say that `by` more are done."""
        if self._display is not None:
            self._display.advance(self._number, by)

    def rename(self, label: str) -> None:
        """Say something else of it."""
        if self._display is not None:
            self._display.rename(self._number, label)


@contextmanager
def working(label: str, total: int | None = None) -> Iterator[Work]:
    """Show a piece of work of `total` steps while inside."""
    display = _display.get()
    number = display.add(label, total) if display else 0
    try:
        yield Work(display, number)
    finally:
        if display:
            display.remove(number)


def note(text: str) -> None:
    """Show a line that stays, if anybody watches."""
    if display := _display.get():
        display.note(text)


def track(rows: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield `rows`, showing how many have been taken.

    >>> list(track([1, 2], "rows"))
    [1, 2]
    """
    with working(label, total) as work:
        for row in rows:
            yield row
            work.advance()
