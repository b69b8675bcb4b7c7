"""A study and what it found, as its report and its answer tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from politune_harness.report.instruments import Key
from politune_harness.report.markdown import md
from politune_harness.report.numbers import MINUS, NONE, Unit, estimate, unit_of
from politune_harness.statistics import Array, claim
from politune_harness.study import DOSES, Grid, arms_of, frozen
from politune_harness.study.curve import Saturating, saturating
from politune_harness.study.front import Point, points
from politune_harness.study.lines import lines
from politune_harness.study.ranks import Ranks, ranks
from politune_harness.study.results import (
    Gathered,
    Outcome,
    Terms,
    gather,
    outcomes,
    placed,
    primary,
)
from politune_harness.study.training import Training, trainings

EXPLORATORY = "exploratory"
"""What every outcome is called that was not frozen as the primary one."""


@dataclass(frozen=True)
class Told:
    """A study and what it found."""

    grid: Grid
    found: Gathered
    frozen: Mapping[str, Any]
    primary: Sequence[Outcome]
    """Each with how far it may be claimed, as the others have it."""
    others: Sequence[Outcome]
    """By condition: every measure of leaning, and what each arm lost."""
    curves: Mapping[str, Saturating]
    """By the name of each line of conditions; see `lines.lines`."""
    front: Sequence[Point]
    """What moving costs; as with `trained`, none where conditions are the same answers, judged by
    others."""
    trained: Sequence[Training]
    ranks: Sequence[Ranks] = ()
    """How alike the levels of an axis order arms and seeds, if the study asks that."""

    @property
    def unit(self) -> Unit:
        """How the primary measure is shown."""
        return self.unit_of(self.found.key)

    def unit_of(self, key: Key) -> Unit:
        """Return how a measure is shown."""
        return unit_of(key[1], leaning=key in self.found.scales)

    def estimate(self, each: Outcome) -> str:
        """Return a primary outcome with its interval."""
        return estimate(each, self.unit, sign=True)

    @property
    def amended(self) -> bool:
        """Whether what was decided changed after the first result."""
        return bool(self.frozen["amended"])


def tell(grid: Grid, out: Path) -> Told:
    """Read a study's cells, and compare them. Raises DataError where one is not finished."""
    held = frozen.checked(grid, out)
    found = gather(grid, out)
    others = outcomes(found)
    axis = grid.study.ranks
    return Told(
        grid,
        found,
        held,
        [{**each, "claim": _claim(each, held)} for each in primary(found, grid)],
        [{**each, "claim": EXPLORATORY} for each in others],
        _curves(grid, found),
        points(found, others) if axis is None else [],
        trainings(grid, out, found.arms) if axis is None else [],
        [] if axis is None else [*ranks(found, axis)],
    )


def _claim(each: Outcome, held: Mapping[str, Any]) -> str:
    """Return how far a primary outcome may be claimed."""
    return f"{EXPLORATORY} (amended)" if held["amended"] else claim(each["seeds"])


def _curves(grid: Grid, found: Gathered) -> dict[str, Saturating]:
    """Return what is fitted to each line of conditions, if the study asks that."""
    (a, b), key = found.effect.contrast, found.moved
    held = lines(found) if grid.study.curve else []
    return {
        line.name: saturating(
            np.array([x for x, _ in line.points]),
            [_matrices(c.terms(key, a, b)) for _, c in line.points],
        )
        for line in held
        if len(line.points) >= DOSES
    }


def _matrices(terms: Terms) -> tuple[Array, Array]:
    (_, a), (_, b) = terms
    return a.matrix, b.matrix


def less(a: str, b: str) -> str:
    """Return a contrast in words: arms of one side as their mean."""
    sides = [[md(name) for name in arms_of(side)] for side in (a, b)]
    told = [f"the mean of {' and '.join(side)}" if side[1:] else side[0] for side in sides]
    return f" {MINUS} ".join(told)


def by_condition(told: Told, key: Key, contrast: Sequence[str]) -> dict[str, Outcome]:
    """Return, by condition, the outcome of a contrast by a measure."""
    place = (*key, *contrast)
    return {of: each for (of, *where), each in placed(told.others).items() if (*where,) == place}


def movements(told: Told) -> dict[str, Outcome]:
    """Return, by condition, the outcome of what is to move."""
    return by_condition(told, told.found.moved, told.found.effect.contrast)


def per_thousand(told: Told, each: Training) -> str:
    return _share(told, each, each.weights / 1000)


def per_second(told: Told, each: Training) -> str:
    return _share(told, each, each.seconds)


def _share(told: Told, each: Training, of: float | None) -> str:
    """Return what a condition moves for one of `of`, with its interval."""
    moved = movements(told).get(each.of)
    if not of or moved is None or each.goes_on:
        return NONE
    parts = {k: None if moved[k] is None else moved[k] / of for k in ("value", "low", "high")}
    return estimate(parts, Unit(3, told.unit_of(told.found.moved).times), sign=True)
