"""How far judges agree: pair by pair, and all together."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import msgspec
import numpy as np

from politune_harness.statistics import Array

_ENOUGH = 2
"""How many ratings, judges or answers a comparison takes."""


class Pair(msgspec.Struct, frozen=True):
    """Two judges, on the answers that both scored."""

    a: str
    b: str
    n: int
    pearson: float | None
    """None where one of the two gives a single score throughout."""
    spearman: float | None
    mae: float | None
    """Mean absolute difference, in points of the scale."""
    difference: float | None
    """Mean of a - b, in points of the scale."""


class Agreement(NamedTuple):
    """How far all judges agree; None where the scores do not vary or are too few."""

    alpha: float | None
    """Krippendorff's alpha at the interval level, over all answers with two scores or more."""
    icc_single: float | None
    """ICC(2,1): how far one judge can stand for the panel's population of judges."""
    icc_mean: float | None
    """ICC(2,k): the same of the mean of these k judges."""
    complete: int
    """The answers with a score from every judge, on which both ICCs rest."""


def agreement(scores: Array) -> Agreement:
    """Return how far the judges agree; `scores` has the shape (judges, answers)."""
    complete = int((~np.isnan(scores)).all(0).sum())
    return Agreement(krippendorff_alpha(scores), *icc(scores), complete)


def pairs(judges: Sequence[str], scores: Array) -> list[Pair]:
    """Return every pair of judges, in order; `scores` has the shape (judges, answers).

    >>> pair, = pairs(["a", "b"], np.array([[1.0, 2.0, 3.0, np.nan], [2.0, 3.0, 5.0, 9.0]]))
    >>> pair.n, round(pair.pearson, 3), pair.spearman, round(pair.mae, 3)
    (3, 0.982, 1.0, 1.333)
    """
    return [
        _pair(judges[i], judges[j], scores[i], scores[j])
        for i, j in combinations(range(len(judges)), 2)
    ]


def _pair(a: str, b: str, x: Array, y: Array) -> Pair:
    from scipy.stats import rankdata

    both = ~(np.isnan(x) | np.isnan(y))
    x, y = x[both], y[both]
    if not len(x):
        return Pair(a, b, 0, None, None, None, None)
    apart = x - y
    spearman = _correlation(rankdata(x), rankdata(y))
    mae, difference = float(np.abs(apart).mean()), float(apart.mean())
    return Pair(a, b, len(x), _correlation(x, y), spearman, mae, difference)


def _correlation(x: Array, y: Array) -> float | None:
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x**2).sum() * (y**2).sum()))
    return max(-1.0, min(1.0, float((x * y).sum()) / scale)) if scale > 0 else None


def krippendorff_alpha(scores: Array) -> float | None:
    """Return Krippendorff's alpha at the interval level; `scores` has the shape (judges, answers).

    Answers with one score or none cannot be paired and are left out (Krippendorff 2011, "Computing
    Krippendorff's Alpha-Reliability"). None where all pairable scores are the same.

    >>> round(krippendorff_alpha(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]])), 3)
    0.878
    """
    count = (~np.isnan(scores)).sum(0)
    units = scores[:, count >= _ENOUGH]
    count = count[count >= _ENOUGH]
    values = units[~np.isnan(units)]
    total = len(values)
    expected = 2 * _squares(values) / (total - 1) if total else 0.0
    if expected == 0:
        return None
    observed = sum(
        2 * _squares(unit[~np.isnan(unit)]) * m / (m - 1)
        for unit, m in zip(units.T, count, strict=True)
    )
    return 1 - float(observed) / total / expected


def _squares(values: Array) -> float:
    """Return the sum of squares about the mean: over n, half the mean square of all pairs."""
    return float(((values - values.mean()) ** 2).sum())


def icc(scores: Array) -> tuple[float | None, float | None]:
    """Return ICC(2,1) and ICC(2,k); `scores` has the shape (judges, answers).

    Two-way random effects, absolute agreement (Shrout and Fleiss 1979, "Intraclass correlations"),
    over the answers that every judge scored. None for fewer than two judges or answers, or where
    no score differs.
    """
    whole = scores[:, ~np.isnan(scores).any(0)]
    k, n = whole.shape
    if k < _ENOUGH or n < _ENOUGH:
        return None, None
    answers, judges = whole.mean(0), whole.mean(1)
    mean = whole.mean()
    rest = whole - answers - judges[:, None] + mean
    ms_answers = k * ((answers - mean) ** 2).sum() / (n - 1)
    ms_judges = n * ((judges - mean) ** 2).sum() / (k - 1)
    ms_rest = (rest**2).sum() / ((n - 1) * (k - 1))
    between = ms_answers - ms_rest
    single = ms_answers + (k - 1) * ms_rest + k * (ms_judges - ms_rest) / n
    mean_of_k = ms_answers + (ms_judges - ms_rest) / n
    return _ratio(between, single), _ratio(between, mean_of_k)


def _ratio(above: float, below: float) -> float | None:
    return float(above / below) if below > 0 else None
