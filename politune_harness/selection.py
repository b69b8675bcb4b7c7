"""Which checkpoint of a training is its result: pure functions over what evaluations measured.

A checkpoint's *trait* is how far it moved from the base toward its arm's side; its *coherence*
says how sound its answers still are, 1 being the base's own. The rule is a total order, so what is
not among the best of some checkpoints is never among the best of more: weights may be removed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from politune_harness.components import Ruling
from politune_harness.errors import RecipeError
from politune_harness.lm import FLUENCY
from politune_harness.measurements import Measurement
from politune_harness.recipe import AWAY, TRAIT, Select
from politune_harness.registry import nearest

if TYPE_CHECKING:
    from politune_harness.report.instruments import Scale

Key: TypeAlias = tuple[str, str]
"""A task and a metric."""
Means: TypeAlias = Mapping[Key, Mapping[str, float]]
"""By task and metric, the mean of each item that has a value."""

JUDGED = 20.0
"""The best that judges of coherence can say."""
START = "4-start/base"
"""Within a run: the base, on what checkpoints are evaluated on."""
CHOICE = "selection.json"
"""Within a training: its points, and which of them is its result."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint, as far as choosing goes."""

    step: int
    trait: float | None = None
    """The movement toward the arm's side, in percent of a scale's width; None without a side."""
    coherence: float | None = None
    """From 0 to 1; None where no answer in text was measured."""
    values: dict[str, float] = {}
    """The plain mean of each measure of leaning, as `task metric`."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What came of choosing, as it lies beside the checkpoints."""

    points: list[Point]
    chosen: int
    """The step whose weights are the result."""
    held: bool
    """Whether that one is as coherent as it was to be."""
    rule: str
    """How it was chosen, in words."""


def means(rows: Iterable[Measurement]) -> Means:
    """Return item means; a missing value is left out."""
    found: dict[Key, dict[str, list[float]]] = {}
    for row in rows:
        if row.value is not None:
            items = found.setdefault((row.task, row.metric), {})
            items.setdefault(row.item, []).append(row.value)
    return {
        key: {item: sum(values) / len(values) for item, values in items.items()}
        for key, items in found.items()
    }


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def movement(base: Means, now: Means, key: Key) -> float | None:
    """Return the mean change of a metric over the items that both have; None where none do."""
    before, after = base.get(key, {}), now.get(key, {})
    shared = before.keys() & after.keys()
    return _mean(after[item] - before[item] for item in sorted(shared))


@dataclass(frozen=True)
class Side:
    """Where an arm is to move, and by which measures that is seen."""

    signs: Mapping[Key, int]
    """1 where the arm's side is the high end of a measure, -1 where the low, 0 for away."""
    scales: "Mapping[Key, Scale]"

    def trait(self, base: Means, now: Means) -> float | None:
        """Return the mean movement over the measures; None where one of them has no value."""
        found = []
        for key, sign in self.signs.items():
            moved, scale = movement(base, now, key), self.scales[key]
            if moved is None:
                return None
            toward = abs(moved) if sign == 0 else sign * moved
            found.append(100 * toward / (scale.high - scale.low))
        return _mean(found)


def side(scales: "Mapping[Key, Scale]", toward: Sequence[str], by: str, arm: str) -> Side | None:
    """Return where an arm is to move; None where it has no side.

    Raises RecipeError where no measure is called `by`, or none has the arm's side at an end.
    """
    named = {key: scale for key, scale in scales.items() if by in (TRAIT, key[1])}
    if not named:
        known = {metric for _, metric in scales}
        message = f"evaluate.select.by: the trajectory measures no {by!r}; {nearest(by, known)}"
        raise RecipeError(message)
    if not toward:
        return None
    if AWAY in toward:
        return Side(dict.fromkeys(named, 0), scales)
    ends = {pole for scale in named.values() for pole in (scale.low_name, scale.high_name)}
    for pole in toward:
        if pole not in ends:
            message = f"arms.{arm}.toward: no measure has an end called {pole!r}; "
            raise RecipeError(message + nearest(pole, {*ends, AWAY}))
    high = {key: 1 for key, scale in named.items() if scale.high_name in toward}
    low = {key: -1 for key, scale in named.items() if scale.low_name in toward}
    return Side({**high, **low}, scales)


def coherence(base: Means, now: Means) -> float | None:
    """Return how sound the answers in text are, from 0 to 1, as a mean over tasks.

    By judges of coherence where a task has them. Otherwise it is how likely a byte of the answers
    is to the base, beside a byte of the base's own (2 to the power of the difference in bits, at
    most 1), times the share that is not empty and the share that does not repeat itself: a text
    that goes round in circles is cheap in bits. None where there are no answers in text.
    """
    judged = [_mean(items.values()) for (_, m), items in now.items() if m == "coherence"]
    if told := [value / JUDGED for value in judged if value is not None]:
        return _mean(told)
    tasks = sorted({task for task, metric in base if metric == FLUENCY})
    found = [_fluent(base, now, task) for task in tasks]
    known = [each for each in found if each is not None]
    return _mean(known) if len(known) == len(tasks) else None


def _fluent(base: Means, now: Means, task: str) -> float | None:
    empty = _share(now, task, "empty")
    more = movement(base, now, (task, FLUENCY))
    if more is None:
        return 0.0 if empty == 1 else None
    likely: float = min(1.0, 2**-more)
    return likely * (1 - empty) * (1 - _share(now, task, "repetition"))


def _share(now: Means, task: str, metric: str) -> float:
    """Return a side metric's mean, 0 for a task that does not look at it."""
    return _mean(now.get((task, metric), {}).values()) or 0.0


Rule: TypeAlias = Callable[[Sequence[Point]], Ruling]
"""Says from the points so far, in order, what becomes of a training."""


@dataclass(frozen=True)
class Best:
    """Keep what moved furthest of what is coherent; of what is not, the most coherent."""

    select: Select

    def held(self, point: Point) -> bool:
        """Say whether a checkpoint is as coherent as it is to be."""
        floor = self.select.coherence_at_least
        return floor is None or (point.coherence is not None and point.coherence >= floor)

    def __call__(self, points: Sequence[Point]) -> Ruling:
        ranked = sorted(points, key=self._key)
        best = ranked[0].step
        since = sum(point.step > best for point in points)
        return Ruling(
            best=best,
            keep=frozenset(point.step for point in ranked[: self.select.keep]),
            stop=self.select.patience is not None and since >= self.select.patience,
        )

    def _key(self, point: Point) -> tuple[bool, float, int]:
        held = self.held(point)
        good = point.trait if held else point.coherence
        return not held, float("inf") if good is None else -good, point.step

    def __str__(self) -> str:
        floor = self.select.coherence_at_least
        beyond = "" if floor is None else f" of those with a coherence of at least {floor:g}"
        return f"the furthest toward its side by {self.select.by}{beyond}"


@dataclass(frozen=True)
class Alike:
    """Keep what was trained about as long as the arms with a side were, up to their choice."""

    step: float
    """The mean of the steps that were chosen for them."""
    keep: int = 1

    def held(self, point: Point) -> bool:
        """Nothing is asked of its coherence."""
        del point
        return True

    def __call__(self, points: Sequence[Point]) -> Ruling:
        ranked = sorted(points, key=lambda point: (abs(point.step - self.step), point.step))
        return Ruling(
            best=ranked[0].step,
            keep=frozenset(point.step for point in ranked[: self.keep]),
            stop=points[-1].step >= self.step,
        )

    def __str__(self) -> str:
        return f"nearest to {self.step:g} steps, the mean of the arms with a side"


def everything(points: Sequence[Point]) -> Ruling:
    """Keep every checkpoint, the last as the result."""
    del points
    return Ruling()


def read_choice(training: Path) -> Choice | None:
    """Return what came of choosing in a training's folder; None where nothing was chosen."""
    path = training / "trajectory" / CHOICE
    return msgspec.json.decode(path.read_bytes(), type=Choice) if path.is_file() else None
