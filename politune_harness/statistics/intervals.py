"""Means, differences and their intervals: t-based, over items and training seeds."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from politune_harness.statistics.arrays import Array, Strata, means
from politune_harness.statistics.crossed import Spread, contrast

LEVEL = 0.95
"""The share of intervals that should hold the true value."""

ALPHA = 0.05
"""How often a test may find what is not there: one less `LEVEL`, as it is written."""

CONFIRMATORY = 5
"""How many training seeds an arm needs before a claim about its data is more than a first look."""

Claim = Literal["this model only", "exploratory", "confirmatory"]


class Interval(NamedTuple):
    """A mean and its 95 % interval. None stands for what the data cannot give."""

    value: float | None
    low: float | None
    high: float | None


def item_means(rows: Iterable[tuple[str, float | None]]) -> Array:
    """Return the mean of each item's values, shape (items, 1), items in the order first seen.

    All rows of an item are one cluster. None is missing; an item with nothing else is NaN.

    >>> item_means([("a", 1.0), ("a", 3.0), ("b", None)]).tolist()
    [[2.0], [nan]]
    """
    values: dict[str, list[float]] = {}
    for item, value in rows:
        present = values.setdefault(item, [])
        if value is not None:
            present.append(value)
    found = [np.mean(v) if v else np.nan for v in values.values()]
    return np.array(found, dtype=float).reshape(-1, 1)


def mean(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the mean of the item means of rows with `item` and `value`; empty rows are none.

    >>> mean([{"item": "a", "value": 1}, {"item": "a", "value": 2}, {"item": "b", "value": 3}, {}])
    2.25
    """
    return interval(item_means((row["item"], row["value"]) for row in rows if row)).value


def interval(
    matrix: Array, limits: tuple[float, float] | None = None, strata: Strata | None = None
) -> Interval:
    """Return the mean of the item means of `matrix`, shape (items, seeds), and its interval.

    With one seed, only items are a sample: the interval speaks of this one model. With one item
    there is none. `limits` are the ends of a bounded scale, which the interval does not pass; a
    value outside them gets the plain interval.
    `strata` says what each item belongs to, its key say: then the bank's balance is no accident,
    and the strata's differences no uncertainty.

    >>> [round(end, 2) for end in interval(np.array([[1.0], [2.0], [3.0]]))]
    [2.0, -0.48, 4.48]
    """
    return around(contrast([(1.0, matrix)], strata), limits=limits)


def difference(a: Array, b: Array, strata: Strata | None = None) -> Interval:
    """Return mean(a) - mean(b) and its interval; row i of both is the same item.

    Items are paired: one that misses on either side is left out. The seeds of `a` and of `b` are
    unrelated, and may differ in number. Raises ValueError where the items differ in number.
    """
    return around(contrast([(1.0, a), (-1.0, b)], strata))


def difference_in_differences(
    arm: Array, control: Array, base: Array, strata: Strata | None = None
) -> Interval:
    """Return (arm - base) - (control - base) and its interval, on the items that all three have.

    Both arms start from the same base, so that it cancels: with nothing missing this is
    `difference(arm, control)`, and the base's own uncertainty does not enter.

    >>> base = np.array([[1.0], [2.0], [3.0]])
    >>> difference_in_differences(base + 3, base + 1, base)
    Interval(value=2.0, low=2.0, high=2.0)
    """
    return around(contrast([(1.0, arm), (-1.0, control), (0.0, base)], strata))


def p_value(
    a: Array, b: Array, base: Array | None = None, strata: Strata | None = None
) -> float | None:
    """Return the two-sided p of no difference, from the same t as its interval.

    With `base` it belongs to `difference_in_differences(a, b, base)`.

    >>> base = np.array([[1.0], [2.0], [3.0]])
    >>> p_value(base, base)
    1.0
    """
    others = [] if base is None else [(0.0, base)]
    spread = contrast([(1.0, a), (-1.0, b), *others], strata)
    return two_sided(spread) if known(spread) else None


def claim(seeds: int) -> Claim:
    """Return what a result from that many training seeds an arm may claim.

    >>> [claim(seeds) for seeds in (1, 2, 5)]
    ['this model only', 'exploratory', 'confirmatory']
    """
    if seeds >= CONFIRMATORY:
        return "confirmatory"
    return "exploratory" if seeds > 1 else "this model only"


def bounds(matrix: Array, low: float, high: float) -> tuple[float | None, float | None]:
    """Return the mean if every missing cell were `low`, and if it were `high`.

    >>> bounds(np.array([[4.0], [np.nan]]), 0, 20)
    (2.0, 12.0)
    """
    filled = (means(means(np.where(np.isnan(matrix), end, matrix))) for end in (low, high))
    least, most = (None if np.isnan(each) else float(each) for each in filled)
    return least, most


def around(
    spread: Spread, level: float = LEVEL, limits: tuple[float, float] | None = None
) -> Interval:
    """Return one estimate with its interval."""
    value = float(spread.value)
    if not known(spread):
        return Interval(None if np.isnan(value) else value, None, None)
    low, high = ends(spread, level, limits)
    return Interval(value, float(low), float(high))


def ends(
    spread: Spread, level: float = LEVEL, limits: tuple[float, float] | None = None
) -> tuple[Array, Array]:
    """Return the ends of t-based intervals around estimates."""
    from scipy.special import stdtrit

    t: Array = stdtrit(spread.freedom, (1 + level) / 2)
    half = t * np.sqrt(spread.variance)
    low, high = spread.value - half, spread.value + half
    if limits is None:
        return low, high
    inside = (limits[0] <= spread.value) & (spread.value <= limits[1])
    least, most = _wilson(spread, t, *limits)
    return np.where(inside, least, low), np.where(inside, most, high)


def _wilson(spread: Spread, t: Array, low: float, high: float) -> tuple[Array, Array]:
    """Return the ends of intervals on a bounded scale.

    A mean's variance vanishes towards the limits: the interval holds the means that are not too
    far off by the variance that they themselves would have (Wilson 1927, with as many independent
    answers as the estimated variance amounts to; items that all lie at a limit are so many).
    """
    share = np.clip((spread.value - low) / (high - low), 0, 1)
    own = share * (1 - share)
    variance = np.where(own > 0, spread.variance / (high - low) ** 2, 1)
    pull = t**2 * variance / np.where(own > 0, own, spread.freedom + 1)
    middle = (share + pull / 2) / (1 + pull)
    half = np.sqrt(pull * (own + pull / 4)) / (1 + pull)
    return low + (high - low) * (middle - half), low + (high - low) * (middle + half)


def known(spread: Spread) -> bool:
    """Return whether the data give an estimate and its variance."""
    return not (np.isnan(spread.value) or np.isnan(spread.variance))


def two_sided(spread: Spread) -> float:
    """Return the two-sided p of no difference."""
    return 2 * tail(spread, -abs(t_of(spread, 0.0)))


def t_of(spread: Spread, null: float) -> float:
    """Return how many standard errors the value lies above `null`."""
    apart = float(spread.value) - null
    error = float(np.sqrt(spread.variance))
    return apart / error if error else float(np.copysign(np.inf, apart) if apart else 0.0)


def tail(spread: Spread, t: float) -> float:
    """Return the share of the t distribution below `t`."""
    from scipy.special import stdtr

    return float(stdtr(spread.freedom, t))
