"""A curve along an axis of numbers: how an effect grows with a dose, and where it ends."""

from typing import Any, NamedTuple

import numpy as np

from politune_harness.statistics import LEVEL, Array, Interval
from politune_harness.statistics.arrays import means
from politune_harness.statistics.crossed import share_items

RESAMPLES = 400
FARTHEST = 100.0
"""Half of the effect is looked for up to so many times the largest dose."""
BOUNDED = 2.0
"""Where it may lie beyond so many times the largest dose, the data do not bound the curve."""


class Saturating(NamedTuple):
    """A fit of effect = top x dose / (half + dose), which is 0 without a dose."""

    top: Interval
    """What no dose surpasses."""
    half: Interval
    """The dose of half of that."""
    bounded: bool
    """Whether the data bound the curve: otherwise it still rises like a line."""


def saturating(doses: Array, effects: list[tuple[Array, Array]], seed: int = 0) -> Saturating:
    """Fit a saturating curve to the contrasts of conditions, by least squares.

    `effects` holds for each dose the matrices (items, seeds) of two arms on the same items. The
    intervals are percentiles over drawings of items, the same ones in every condition, and of
    each arm's seeds (the pigeonhole bootstrap of Owen 2007), which for few seeds are rather too
    narrow. An item that misses in one arm of a condition is left out of the other.

    >>> rng = np.random.default_rng(0)
    >>> doses = np.array([25.0, 50, 200])
    >>> arms = [(rng.normal(8 * d / (50 + d), 0.1, (40, 3)), np.zeros((40, 1))) for d in doses]
    >>> fit = saturating(doses, arms)
    >>> round(fit.top.value), round(fit.half.value, -1), fit.bounded
    (8, 50.0, True)
    """
    rng = np.random.default_rng(seed)
    shared = (share_items([(1.0, a), (-1.0, b)])[1] for a, b in effects)
    effects = [(each[0], each[1]) for each in shared]
    items = len(effects[0][0])
    drawn = [
        _fit(doses, _drawn(rng, effects, rng.integers(0, items, items))) for _ in range(RESAMPLES)
    ]
    whole = _fit(doses, np.array([_mean(a) - _mean(b) for a, b in effects]))
    tails = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    top, half = (
        Interval(float(value), *(float(e) for e in np.quantile(each, tails)))
        for value, each in zip(whole, np.array(drawn).T, strict=True)
    )
    return Saturating(top, half, bool((half.high or 0) < BOUNDED * doses.max()))


def _mean(matrix: Array) -> float:
    return float(np.nanmean(means(matrix)))


def _drawn(rng: np.random.Generator, effects: list[tuple[Array, Array]], rows: Any) -> Array:  # noqa: ANN401
    """Return the contrasts of one drawing."""

    def drawn(matrix: Array) -> float:
        seeds = matrix.shape[1]
        return _mean(matrix[rows][:, rng.integers(0, seeds, seeds)])

    return np.array([drawn(a) - drawn(b) for a, b in effects])


def _fit(doses: Array, effects: Array) -> tuple[float, float]:
    """Return the top and the half by least squares: for a given half, the top is linear."""
    from scipy.optimize import minimize_scalar

    def top(half: float) -> float:
        shape = doses / (half + doses)
        return float(shape @ effects / (shape @ shape))

    def left(log_half: float) -> float:
        half = float(np.exp(log_half))
        return float(((effects - top(half) * doses / (half + doses)) ** 2).sum())

    ends = np.log([doses.min() / FARTHEST, doses.max() * FARTHEST])
    half = float(np.exp(minimize_scalar(left, bounds=tuple(ends), method="bounded").x))
    return top(half), half


def at(fit: Saturating, doses: Array) -> Array:
    """Return the fitted effect of doses."""
    value: Array = (fit.top.value or 0) * doses / ((fit.half.value or 1) + doses)
    return value
