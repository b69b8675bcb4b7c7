"""A model watched over time: a history of its evaluations, and whether the last is like the others.

    HISTORY.jsonl    one evaluation a line, in the order in which they were made

Each measure has a chart with limits for the next value, and others for the mean of the last eight.
A model that does not change passes them as seldom as three standard deviations of a control chart
(Shewhart 1931), though they come from a few first evaluations: they are prediction limits (Hahn
and Meeker 1991). Measures of different versions of an instrument are never put on one chart.
"""

import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from politune_harness.compared import Column
from politune_harness.errors import DataError
from politune_harness.statistics import Array

RUN = 8
"""How many evaluations are looked at together, for a shift that no single one shows."""
EXACT = 1e-6
"""Less than this share of a value is rounding, where a model answers the same every time."""
DRAWN = (".png", ".svg", ".pdf")
"""As what control charts can be drawn."""
BY_CHANCE = 0.0027
"""How often a value of a model that does not change passes its limits; a mean does as often."""
FALSE_ALARMS = 2 * BY_CHANCE
"""How often, at most, a measure of a model that does not change raises an alarm."""

State = Literal["too early", "in control", "beyond the limits", "shifted", "missing"]
ALARMS: frozenset[State] = frozenset({"beyond the limits", "shifted", "missing"})


class Value(msgspec.Struct, frozen=True):
    """One measure of one evaluation."""

    task: str
    version: str
    metric: str
    value: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What stands on one chart."""
        return self.task, self.version, self.metric


class Evaluated(msgspec.Struct, frozen=True, omit_defaults=True):
    """One evaluation."""

    name: str
    model: str
    values: tuple[Value, ...]
    partial: bool = False
    """Whether it is of some items alone."""

    @classmethod
    def of(cls, column: Column, name: str) -> "Evaluated":
        """Return what a result folder holds, as `politune compare` reads it."""
        values = tuple(
            Value(task, column.versions.get(task, ""), metric, entry.value)
            for (task, metric), entry in sorted(column.values.items())
            if entry.value is not None and np.isfinite(entry.value)
        )
        return cls(name, column.model, values, column.partial)


class Chart(msgspec.Struct, frozen=True):
    """One measure over time."""

    task: str
    version: str
    metric: str
    values: tuple[float, ...]
    centre: float | None
    low: float | None
    high: float | None
    state: State


def read(history: Path) -> list[Evaluated]:
    """Read a history, which may not be there yet. Raises DataError where a line is none."""
    try:
        return msgspec.json.Decoder(Evaluated).decode_lines(history.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        message = f"history {history} cannot be read: {error}"
        raise DataError(message) from None


def append(history: Path, found: Evaluated) -> None:
    """Add an evaluation to a history.

    The same one again changes nothing. Raises DataError where its name stands for another.
    """
    history.parent.mkdir(parents=True, exist_ok=True)
    with history.open("ab") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        for known in read(history):
            if (known.name, known.model, known.values) == (found.name, found.model, found.values):
                return
            if known.name == found.name:
                message = f"{history} has another evaluation called {found.name}: use --name"
                raise DataError(message)
        out.write(msgspec.json.encode(found) + b"\n")


def charts(history: Sequence[Evaluated], baseline: int) -> Iterator[Chart]:
    """Yield a chart of each measure that the last evaluation has, or lacks and the one before had.

    Those of a task that came in another version are not lacking: see `renewed`. `baseline` is how
    many of its first evaluations set the limits.
    """
    if not history:
        return
    now = {value.key: value for value in history[-1].values}
    new = renewed(history)
    before = history[-2].values if history[1:] else ()
    gone = [v for v in before if v.key not in now and v.task not in new]
    for about in (*now.values(), *gone):
        told = [v.value for each in history for v in each.values if v.key == about.key]
        found = chart(about, told, baseline)
        yield found if about.key in now else msgspec.structs.replace(found, state="missing")


def renewed(history: Sequence[Evaluated]) -> dict[str, tuple[str, str]]:
    """Return the tasks of the last evaluation that had another version before: that, and its own.

    Each is another instrument, whose charts begin anew.
    """
    ends = history[-2:-1], history[-1:]
    was, now = ({v.task: v.version for e in some for v in e.values} for some in ends)
    return {
        task: (was[task], version)
        for task, version in now.items()
        if was.get(task, version) != version
    }


def unlike(history: Sequence[Evaluated]) -> Iterator[str]:
    """Yield in what the last evaluation is unlike the others, though their charts are the same."""
    *before, last = history
    if others := sorted({each.model for each in before} - {last.model}):
        yield f"{last.name} is of the model {last.model}; others here are of {', '.join(others)}"
    if any(each.partial != last.partial for each in before):
        yield "some of these evaluations are of all items, and some of a part of them (--limit)"


def chart(about: "Value | Chart", values: Sequence[float], baseline: int) -> Chart:
    """Return the chart of some values, in the order of time, and what the last one says.

    >>> about = Value("t", "1", "m", 0)
    >>> [chart(about, [*[1.0, 1.2] * 5, x], 10).state for x in (1.1, 3.0)]
    ['in control', 'beyond the limits']
    """
    first = np.array(values[:baseline])
    named = {"task": about.task, "version": about.version, "metric": about.metric}
    if len(values) <= baseline:
        return Chart(
            **named, values=tuple(values), centre=None, low=None, high=None, state="too early"
        )
    centre, last = float(first.mean()), np.array(values[baseline:])
    wide, wide_of_mean = (_limit(first, count) for count in (1, RUN))
    state: State = "in control"
    if len(last) >= RUN and abs(last[-RUN:].mean() - centre) > wide_of_mean:
        state = "shifted"
    if abs(last[-1] - centre) > wide:
        state = "beyond the limits"
    return Chart(
        **named,
        values=tuple(values),
        centre=centre,
        low=centre - wide,
        high=centre + wide,
        state=state,
    )


def _limit(first: Array, count: int) -> float:
    """Return how far the mean of the next `count` values lies from that of the first, at most.

    That is so for all but `BY_CHANCE` of normal values; the first are at least two.
    """
    from scipy.stats import t

    wide = t.isf(BY_CHANCE / 2, len(first) - 1) * first.std(ddof=1)
    wide *= np.sqrt(1 / count + 1 / len(first))
    return max(float(wide), EXACT * max(1.0, abs(float(first.mean()))))
