"""Progress in a terminal, by rich; one line a finished stage where there is no terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from politune_harness.progress import shown_on


class RichDisplay:
    """Shows each piece of work under way: what, how far, how long still."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("·"),
            TimeElapsedColumn(),
            TextColumn("· still"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._names: dict[int, tuple[str, float]] = {}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show all progress inside."""
        with self._progress, shown_on(self):
            yield

    def add(self, label: str, total: int | None) -> int:
        """Show a new piece of work."""
        number = self._progress.add_task(label, total=total)
        self._names[number] = (label, time.monotonic())
        return int(number)

    def advance(self, work: int, by: int = 1) -> None:
        """Move a piece of work on."""
        from rich.progress import TaskID

        self._progress.advance(TaskID(work), by)

    def rename(self, work: int, label: str) -> None:
        """Say something else of a piece of work."""
        from rich.progress import TaskID

        self._progress.update(TaskID(work), description=label)

    def remove(self, work: int) -> None:
        """Take a finished piece of work away; a stage leaves a line behind."""
        from rich.progress import TaskID

        self._progress.remove_task(TaskID(work))
        label, start = self._names.pop(work)
        if "/" in label or label == "report":
            self._console.print(f"  {label}  [dim]{time.monotonic() - start:.1f} s[/dim]")

    def note(self, text: str) -> None:
        """Leave a line behind."""
        self._console.print(f"  {text}", markup=False, highlight=False)
