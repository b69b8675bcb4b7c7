"""A bootstrap of items and seeds: a check on the t-based intervals that assumes no normality.

Items are clusters and are drawn with all their cells, seeds are drawn with all their items (Owen
2007, "The pigeonhole bootstrap"). A drawing is how often each item and each seed comes, so that
thousands of them are a few matrix products.
"""

from typing import NamedTuple

import numpy as np

from politune_harness.statistics.arrays import Array, Strata, codes_of, means
from politune_harness.statistics.crossed import contrast, share_items
from politune_harness.statistics.intervals import LEVEL, Interval, known

_CELLS = 2**20
"""Drawings x items at once: it bounds memory."""


class _Arm(NamedTuple):
    """One arm's cells of the items that are used, each of shape (items, seeds)."""

    weight: float
    there: Array
    """1 where a cell is, 0 where it is missing."""
    cells: Array
    """Less `centre`, so that squares lose no digits; 0 where missing."""
    centre: float


def bootstrap(
    a: Array,
    b: Array | None = None,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    studentised: bool = True,
    strata: Strata | None = None,
) -> Interval:
    """Return mean(a), or mean(a) - mean(b), and its 95 % interval from `resamples` drawings.

    Arrays have the shape (items, seeds), or (items, variants, seeds): the variants of an item (its
    templates, orders, and its reversed statement) are one cluster. Items are drawn within
    `strata`, the same ones for both arms; the seeds of each arm are drawn for themselves.
    Studentised, each drawing is measured in its own standard error, as in `interval`; otherwise
    the ends are percentiles, which are too narrow for few items or seeds. The same `seed` gives
    the same interval.

    >>> bootstrap(np.array([[1.0], [2.0], [4.0], [5.0]])).value
    3.0
    """
    arrays = [_over_variants(x) for x in (a, b) if x is not None]
    terms = list(zip((1.0, -1.0), arrays, strict=False))
    spread = contrast(terms, strata)
    value = float(spread.value)
    if not known(spread):
        return Interval(None if np.isnan(value) else value, None, None)
    rows, _ = share_items(terms)
    used = ~np.isnan(rows)
    arms = [_arm(weight, x[used]) for weight, x in terms]
    codes = codes_of(strata, len(used))[used]
    drawn = _drawn(np.random.default_rng(seed), arms, codes, resamples)
    tails = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if not studentised:
        low, high = np.quantile(drawn[0], tails)
        return Interval(value, float(low), float(high))
    apart, variances = drawn[:, drawn[1] > 0]
    t = (apart - value) / np.sqrt(variances) if len(apart) else np.zeros(1)
    most, least = np.quantile(t, tails) * np.sqrt(spread.variance)
    return Interval(value, value - float(least), value - float(most))


def _over_variants(x: Array) -> Array:
    return means(x.swapaxes(1, 2)) if x.ndim > 2 else x  # noqa: PLR2004


def _arm(weight: float, x: Array) -> _Arm:
    centre = float(np.nanmean(x))
    return _Arm(weight, (~np.isnan(x)).astype(float), np.nan_to_num(x - centre), centre)


def _drawn(rng: np.random.Generator, arms: list[_Arm], codes: Array, resamples: int) -> Array:
    """Return the estimate and its variance of every drawing that has items, shape (2, drawings)."""
    size = max(1, _CELLS // len(codes))
    blocks = [min(size, resamples - start) for start in range(0, resamples, size)]
    found = np.concatenate([_block(rng, arms, codes, block) for block in blocks], axis=1)
    drawn: Array = found[:, ~np.isnan(found[0])]
    return drawn


def _block(rng: np.random.Generator, arms: list[_Arm], codes: Array, size: int) -> Array:
    items = _draw_items(rng, codes, size)
    seeds = [_draw(rng, arm.cells.shape[1], size) for arm in arms]
    rows = [_rows(arm, drawn) for arm, drawn in zip(arms, seeds, strict=True)]
    total = sum((arm.weight * each for arm, each in zip(arms, rows, strict=True)), np.zeros(()))
    items = np.where(np.isnan(total), 0, items)
    total = np.nan_to_num(total)
    value, variance = _items_part(total, items, codes)
    added = np.zeros(size)
    for arm, each, drawn in zip(arms, rows, seeds, strict=True):
        value += arm.weight * arm.centre
        added += arm.weight**2 * _seeds_part(arm, np.nan_to_num(each), items, drawn, codes)
    return np.stack([value, variance + np.maximum(added, 0)])


def _draw(rng: np.random.Generator, count: int, size: int) -> Array:
    """Return how often each of `count` is drawn, shape (size, count)."""
    places = rng.integers(0, count, (size, count)) + count * np.arange(size)[:, None]
    drawn = np.bincount(places.ravel(), minlength=size * count)
    return drawn.reshape(size, count).astype(float)


def _draw_items(rng: np.random.Generator, codes: Array, size: int) -> Array:
    drawn = np.zeros((size, len(codes)))
    for stratum in codes.T:
        members = stratum > 0
        drawn[:, members] = _draw(rng, int(members.sum()), size)
    return drawn


def _rows(arm: _Arm, seeds: Array) -> Array:
    """Return item means under drawn seeds, shape (drawings, items); NaN where none has the item."""
    count = seeds @ arm.there.T
    rows: Array = np.where(count > 0, seeds @ arm.cells.T / np.maximum(count, 1), np.nan)
    return rows


def _items_part(rows: Array, items: Array, codes: Array) -> tuple[Array, Array]:
    """Return the mean over drawn items, and its variance within strata."""
    count = items @ codes
    sums = (items * rows) @ codes
    n = count.sum(1)
    squares = (items * rows**2).sum(1) - (sums**2 / np.maximum(count, 1)).sum(1)
    freedom = np.maximum(n - (count > 0).sum(1), 1)
    value = np.where(n > 0, sums.sum(1) / np.maximum(n, 1), np.nan)
    return value, np.maximum(squares, 0) / freedom / np.maximum(n, 1)


def _seeds_part(arm: _Arm, rows: Array, items: Array, seeds: Array, codes: Array) -> Array:
    """Return what the seeds of one arm add to the variance of a drawing's mean.

    As in the analysis of variance, the rest within strata; exact where no cell is missing.
    """
    m = arm.cells.shape[1]
    if m < 2:  # noqa: PLR2004
        return np.zeros(len(seeds))
    n = np.maximum(items.sum(1), 2)
    _, effects = _effects(arm, rows, items)
    middle = (seeds * effects).sum(1, keepdims=True) / m
    between = (seeds * (effects - middle) ** 2).sum(1) / (m - 1)
    around = seeds @ (arm.cells**2).T - seeds @ arm.there.T * rows**2
    left = (items * around).sum(1)
    for stratum in codes.T:
        weights, inside = _effects(arm, rows, items * stratum)
        left -= (seeds * weights * inside**2).sum(1)
    freedom = np.maximum(n - (items @ codes > 0).sum(1), 1)
    rest = np.maximum(left, 0) / (freedom * (m - 1)) / n
    added: Array = (between - rest) / m
    return added


def _effects(arm: _Arm, rows: Array, items: Array) -> tuple[Array, Array]:
    """Return how many cells of drawn items each seed has, and its mean distance from the rows."""
    weights = items @ arm.there
    return weights, (items @ arm.cells - (items * rows) @ arm.there) / np.maximum(weights, 1)
