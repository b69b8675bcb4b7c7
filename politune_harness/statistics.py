"""How sure a mean is: intervals over items and training seeds, and bounds over what is missing.

A value is the mean of item means; NaN is missing and is never filled in. Items and seeds are
crossed random effects: both are samples, and every seed answers every item. So the variance of
the mean is estimated from its components (items, seeds, rest), with Satterthwaite's degrees of
freedom, and the interval is t-based. It needs no resampling, hence no random numbers: no bootstrap
is exact for a crossed array (McCullagh 2000, "Resampling and exchangeable arrays"; Owen 2007, "The
pigeonhole bootstrap"), and percentiles of one (Field and Welsh 2007, "Bootstrapping clustered
data") are too narrow for a few dozen items, and far too narrow for a handful of seeds. Why
clustered at all: Miller 2024, "Adding error bars to evals", arXiv 2411.00640.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.95
"""The share of intervals that should hold the true value."""


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
    means = [np.mean(v) if v else np.nan for v in values.values()]
    return np.array(means, dtype=float).reshape(-1, 1)


def mean(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the mean of the item means of rows with `item` and `value`; empty rows are none.

    >>> mean([{"item": "a", "value": 1}, {"item": "a", "value": 2}, {"item": "b", "value": 3}, {}])
    2.25
    """
    return interval(item_means((row["item"], row["value"]) for row in rows if row)).value


def interval(matrix: Array, limits: tuple[float, float] | None = None) -> Interval:
    """Return the mean of the item means of `matrix`, shape (items, seeds), and its interval.

    With one seed, only items are a sample: the interval speaks of this one model. With one item
    there is none. `limits` are the ends of a bounded scale, which the interval does not pass.

    >>> [round(end, 2) for end in interval(np.array([[1.0], [2.0], [3.0]]))]
    [2.0, -0.48, 4.48]
    """
    rows = _means(matrix, axis=1)
    value = _mean(rows)
    return _around(value, [_items_part(rows), *_seed_parts(matrix)], limits)


def difference(a: Array, b: Array) -> Interval:
    """Return mean(a) - mean(b) and its interval; row i of both is the same item.

    Items are paired: one that misses on either side is left out. The seeds of `a` and of `b` are
    unrelated, and may differ in number. Raises ValueError where the items differ in number.
    """
    if len(a) != len(b):
        message = f"{len(a)} items against {len(b)}"
        raise ValueError(message)
    rows = _means(a, axis=1) - _means(b, axis=1)
    both = ~np.isnan(rows)
    parts = [_items_part(rows), *_seed_parts(a[both]), *_seed_parts(b[both])]
    return _around(_mean(rows), parts, None)


def bounds(matrix: Array, low: float, high: float) -> tuple[float | None, float | None]:
    """Return the mean if every missing cell were `low`, and if it were `high`.

    >>> bounds(np.array([[4.0], [np.nan]]), 0, 20)
    (2.0, 12.0)
    """
    filled = (_mean(_means(np.where(np.isnan(matrix), end, matrix), axis=1)) for end in (low, high))
    least, most = filled
    return least, most


def _means(values: Array, axis: int) -> Array:
    """Return means over what is there, and NaN where nothing is."""
    present = ~np.isnan(values)
    count = present.sum(axis)
    total = np.where(present, values, 0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _mean(values: Array) -> float | None:
    present = values[~np.isnan(values)]
    return float(present.mean()) if len(present) else None


def _items_part(rows: Array) -> tuple[float, float]:
    """Return the variance of the mean over items, and its degrees of freedom."""
    rows = rows[~np.isnan(rows)]
    n = len(rows)
    return (float(rows.var(ddof=1)) / n, n - 1) if n > 1 else (np.nan, 0)


def _seed_parts(matrix: Array) -> list[tuple[float, float]]:
    """Return what the seeds of one arm add to the variance of its mean.

    The variance of the seed means holds the rest (item x seed) once more, and so does that of the
    item means: it is taken off once, as in the analysis of variance. Where that would take off
    more than the seeds put in, they add nothing.
    """
    deviations = matrix - _means(matrix, axis=1)[:, None]
    effects = _means(deviations, axis=0)
    effects = effects[~np.isnan(effects)]
    m, n = len(effects), int((~np.isnan(deviations)).any(axis=1).sum())
    if m < 2 or n < 2:  # noqa: PLR2004
        return []
    seeds = float(effects.var(ddof=1)) / m
    rest = deviations - _means(deviations, axis=0)
    freedom = (n - 1) * (m - 1)
    repeated = float(np.nansum(rest**2)) / freedom / (n * m)
    if seeds <= repeated:
        return []
    return [(seeds, m - 1), (-repeated, freedom)]


def _around(
    value: float | None,
    parts: list[tuple[float, float]],
    limits: tuple[float, float] | None,
) -> Interval:
    from scipy.special import stdtrit

    variance = sum(part for part, _ in parts)
    if value is None or np.isnan(variance):
        return Interval(value, None, None)
    spread = sum(part**2 / freedom for part, freedom in parts)
    freedom = variance**2 / spread if spread else 1.0
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * variance**0.5
    low, high = value - half, value + half
    if limits:
        low, high = max(low, limits[0]), min(high, limits[1])
    return Interval(value, low, high)
