"""Whether the levels of an axis, such as judges, put the arms and seeds of a study in one order.

Compared are conditions that differ in that axis alone, on the primary measure, by Kendall's tau-b
(1945) and Spearman's rho. The arms and seeds are those that were run; the intervals are over
drawings of items, the same ones in both conditions.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from politune_harness.statistics import LEVEL, Array, Interval
from politune_harness.study.results import Condition, Gathered

RESAMPLES = 1000
UNDRAWN = 0.05
"""There is no interval where more drawings than this leave an arm and seed without an item."""
LEAST = 3
"""Fewer arms and seeds have no order worth a number."""


class Ranks(NamedTuple):
    """How two conditions order the same arms and seeds."""

    a: str
    b: str
    arms: int
    """How many arms and seeds are in order."""
    tau: Interval
    rho: Interval
    apart: float
    """The tau of two that put the arms in one order, and the seeds of an arm in any."""


def ranks(found: Gathered, axis: str) -> Iterator[Ranks]:
    """Yield the agreement of each two conditions that differ in `axis` alone.

    Then that of each condition with the people who rated its answers, if any did.
    """
    for a, b in combinations(found.conditions, 2):
        if [name for name in a.levels if a.levels[name] != b.levels[name]] == [axis]:
            yield _ranks(found, a, b)
    for a in (c for c in found.conditions if c.name in found.people):
        yield _ranks(found, a, found.people[a.name])


def _ranks(found: Gathered, a: Condition, b: Condition) -> Ranks:
    x, y, arms = _matrices(found, a, b)
    tau, rho = (_agreement(x, y, measure) for measure in (kendall, spearman))
    return Ranks(a.name, b.name, x.shape[1], tau, rho, _apart(arms))


def _apart(arms: Sequence[int]) -> float:
    """Return the share of pairs that are of two arms."""
    pairs = [a != b for a, b in combinations(arms, 2)]
    return sum(pairs) / len(pairs) if pairs else 0.0


def _matrices(found: Gathered, a: Condition, b: Condition) -> tuple[Array, Array, list[int]]:
    """Return the primary measure of both, of shape (items, arms and seeds), and each one's arm.

    What one of them has no value of is left out of the other, too.
    """
    pairs = [
        (a.arms[arm][found.key], b.arms[arm][found.key])
        for arm in a.arms
        if arm in b.arms and found.key in a.arms[arm] and found.key in b.arms[arm]
    ]
    same = [(x, y) for x, y in pairs if x.seeds == y.seeds]
    x, y = (np.hstack([each[side].matrix for each in same]) for side in (0, 1))
    x, y = (np.where(np.isnan(x + y), np.nan, each) for each in (x, y))
    told = np.flatnonzero((~np.isnan(x)).any(0))
    arms = [arm for arm, (each, _) in enumerate(same) for _ in each.seeds]
    return x[:, told], y[:, told], [arms[place] for place in told]


def _agreement(x: Array, y: Array, measure: Callable[[Array, Array], Array]) -> Interval:
    if x.shape[1] < LEAST:
        return Interval(None, None, None)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(x), (RESAMPLES, len(x)))
    whole = measure(*(_column_means(each)[None] for each in (x, y)))[0]
    drawn = measure(*(np.array([_column_means(each[r]) for r in rows]) for each in (x, y)))
    if np.isnan(whole):
        return Interval(None, None, None)
    if np.isnan(drawn).mean() > UNDRAWN:
        return Interval(float(whole), None, None)
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(whole), float(low), float(high))


def _column_means(matrix: Array) -> Array:
    told = ~np.isnan(matrix)
    with np.errstate(invalid="ignore"):
        means: Array = np.where(told, matrix, 0).sum(0) / told.sum(0)
    return means


def kendall(x: Array, y: Array) -> Array:
    """Return tau-b of each row, NaN where a row does not vary.

    >>> float(kendall(np.array([[1.0, 2, 3, 3]]), np.array([[1.0, 2, 4, 3]]))[0].round(3))
    0.913
    """
    first, second = np.triu_indices(x.shape[1], 1)
    signs = [np.sign(each[:, first] - each[:, second]) for each in (x, y)]
    return _cosine(*signs)


def spearman(x: Array, y: Array) -> Array:
    """Return rho of each row, NaN where a row does not vary.

    >>> spearman(np.array([[1.0, 2, 3]]), np.array([[5.0, 4, 1]])).tolist()
    [-1.0]
    """
    from scipy.stats import rankdata

    places = [rankdata(each, axis=1, nan_policy="propagate") for each in (x, y)]
    return _cosine(*(each - each.mean(1, keepdims=True) for each in places))


def _cosine(x: Array, y: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1))
    return found
