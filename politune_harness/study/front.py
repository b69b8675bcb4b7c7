"""Which conditions no other beats: those that move as far at a lower cost are on the front."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from politune_harness.lm import FLUENCY
from politune_harness.report.fronts import front
from politune_harness.report.instruments import Key
from politune_harness.report.reading import BASE
from politune_harness.study.results import Gathered, Outcome, placed


@dataclass(frozen=True)
class Point:
    """A condition, as the front sees it: estimates, whose intervals are told elsewhere."""

    of: str
    moved: float | None
    costs: Mapping[Key, float | None]
    """The mean change of its arms by each measure of cost."""
    front: bool
    """Whether none is as good in everything and better in something."""


def points(found: Gathered, outcomes: Sequence[Outcome]) -> list[Point]:
    """Return every condition with what it moves, in size, and what it costs.

    Ability is better where there is more of it; bits per byte where there are fewer. None is on
    the front where there are no costs. Nor is one where conditions move an arm to either side of
    the base, since these are two aims.
    """
    by = {place: each["value"] for place, each in placed(outcomes).items()}
    rows = []
    for condition in found.conditions:
        moved = by.get((condition.name, *found.moved, *found.effect.contrast))
        changes = {
            key: [by.get((condition.name, *key, arm, BASE)) for arm in found.arms]
            for key in found.costs
        }
        costs = {key: _mean(each) for key, each in changes.items()}
        rows.append((condition.name, moved, costs))
    sign = {key: -1 if key[1] == FLUENCY else 1 for key in found.costs}
    best = front(
        [
            (
                None if m is None else abs(m),
                *(None if v is None else sign[k] * v for k, v in c.items()),
            )
            for _, m, c in rows
        ]
    )
    ways = {m > 0 for _, m, _ in rows if m}
    apart = BASE in found.effect.contrast and len(ways) > 1
    fair = bool(found.costs) and not apart
    return [Point(*row, is_best and fair) for row, is_best in zip(rows, best, strict=True)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
