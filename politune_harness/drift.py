"""A model watched over time: a history of its evaluations, and whether the last is like the others.

    HISTORY.jsonl    one evaluation a line, in the order in which they were made

Each measure has a control chart of individual values (Shewhart 1931): its limits lie three standard
deviations from the mean of the first evaluations, the deviation being their mean moving range over
1.128. Measures of different versions of an instrument are never put on one chart.
"""

import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from politune_harness.compared import Column
from politune_harness.errors import DataError

SIGMAS = 3
RANGE = 1.128
"""The mean range of two draws from a normal distribution, in standard deviations."""
RUN = 8
"""So many evaluations in a row on one side of the centre are a shift (Western Electric 1956). The
median of the first ones is that centre, and what lies on it ends a row: a share that is nearly
always 0 is not below its mean for that."""
EXACT = 1e-6
"""Less than this share of a value is rounding, where a model answers the same every time."""
DRAWN = (".png", ".svg", ".pdf")
"""As what control charts can be drawn."""
BY_CHANCE = 0.0027
"""How often a value of a model that does not change lies beyond the limits."""

State = Literal["too early", "in control", "beyond the limits", "shifted"]
ALARMS: frozenset[State] = frozenset({"beyond the limits", "shifted"})


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


class Evaluated(msgspec.Struct, frozen=True):
    """One evaluation."""

    name: str
    model: str
    values: tuple[Value, ...]

    @classmethod
    def of(cls, column: Column, name: str) -> "Evaluated":
        """Return what a result folder holds, as `politune compare` reads it."""
        values = tuple(
            Value(task, column.versions.get(task, ""), metric, entry.value)
            for (task, metric), entry in sorted(column.values.items())
            if entry.value is not None
        )
        return cls(name, column.model, values)


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


def append(history: Path, found: Evaluated) -> bool:
    """Add an evaluation to a history; say whether it is new.

    The same one again changes nothing. Raises DataError where its name stands for another.
    """
    history.parent.mkdir(parents=True, exist_ok=True)
    with history.open("ab") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        for known in read(history):
            if known == found:
                return False
            if known.name == found.name:
                message = f"{history} has another evaluation called {found.name}: use --name"
                raise DataError(message)
        out.write(msgspec.json.encode(found) + b"\n")
    return True


def charts(history: Sequence[Evaluated], baseline: int) -> Iterator[Chart]:
    """Yield a chart of each measure that the last evaluation has.

    `baseline` is how many of its first evaluations set the limits.
    """
    for last in history[-1].values if history else ():
        told = [v.value for each in history for v in each.values if v.key == last.key]
        yield chart(last, told, baseline)


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
    centre = float(first.mean())
    rounding = EXACT * max(1.0, abs(centre))
    wide = max(SIGMAS * float(np.abs(np.diff(first)).mean()) / RANGE, rounding)
    off = np.array(values[baseline:])[-RUN:] - np.median(first)
    sides = np.where(np.abs(off) > rounding, np.sign(off), 0)
    state: State = "shifted" if abs(sides.sum()) == RUN else "in control"
    if abs(values[-1] - centre) > wide:
        state = "beyond the limits"
    return Chart(
        **named,
        values=tuple(values),
        centre=centre,
        low=centre - wide,
        high=centre + wide,
        state=state,
    )
