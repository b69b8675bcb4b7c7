"""Means corrected for the judges' measured error, and whether judges have drifted."""

from collections.abc import Sequence

import msgspec
import numpy as np

from politune_harness.panel.combining import Items, Mask
from politune_harness.statistics import LEVEL, Array, Interval, difference

_ENOUGH = 2


class Corrected(msgspec.Struct, frozen=True):
    """A mean score, corrected by people's ratings of a random part of the answers."""

    corrected: Interval
    """By prediction-powered inference; None where people rated too little."""
    uncorrected: Interval
    """The judges' mean over all answers that they scored."""
    people: Interval
    """People's mean over the answers that they rated, without the judges."""
    power: float
    """How far the judges are used, from 0 (people alone) to 1."""
    rated: int
    unrated: int


class Drift(msgspec.Struct, frozen=True):
    """How far fixed texts are scored otherwise than in an earlier run."""

    anchors: int
    change: Interval
    """Later less earlier, paired by anchor, in points of the scale."""
    flagged: bool
    """Whether the interval excludes 0, which one run in twenty does by chance."""


def corrected(judged: Array, people: Array, items: Items = None) -> Corrected:
    """Return a mean corrected for the judges' error on the answers that people rated as well.

    `judged` and `people`, shape (answers,), are scores of the same answers, NaN where missing; the
    answers that people rated must be a random part of all, as `politune rate export` draws them.
    The estimator is prediction-powered inference (Angelopoulos et al. 2023, arXiv 2301.09633) with
    the weight of the judges tuned (PPI++, arXiv 2311.01453): `mean(power * judged)` over what was
    not rated, and `mean(people - power * judged)` over what was. All three means are over answers;
    their variances sum influences by item, since answers to one question are alike, and the t has
    as many degrees of freedom as there are rated items, less one.
    """
    names = _codes(items, len(judged))
    known, given = ~np.isnan(judged), ~np.isnan(people)
    rated, unrated = known & given, known & ~given
    power = _power(judged, people, rated, unrated)
    errors = np.where(rated, people - power * judged, np.nan)
    guesses = np.where(unrated & (power > 0), power * judged, np.nan)
    return Corrected(
        corrected=_sum_of_means([errors, guesses], names),
        uncorrected=_sum_of_means([judged], names),
        people=_sum_of_means([people], names),
        power=power,
        rated=int(rated.sum()),
        unrated=int(unrated.sum()),
    )


def _codes(items: Items, count: int) -> Array:
    names = [str(i) for i in range(count)] if items is None else items
    return np.unique(names, return_inverse=True)[1].astype(float)


def _power(judged: Array, people: Array, rated: Mask, unrated: Mask) -> float:
    """Return the weight of the judges that makes the variance least, from 0 to 1."""
    n, rest = int(rated.sum()), int(unrated.sum())
    if n < _ENOUGH or rest < 1:
        return 0.0
    spread = float(np.var(judged[rated | unrated], ddof=1))
    shared = float(np.cov(people[rated], judged[rated])[0, 1])
    return min(1.0, max(0.0, shared / ((1 + n / rest) * spread))) if spread > 0 else 0.0


def _sum_of_means(parts: Sequence[Array], names: Array) -> Interval:
    """Return the sum of the parts' means, clustered by item; the first part sets the freedom."""
    there = [~np.isnan(part) for part in parts]
    clusters = len(np.unique(names[there[0]]))
    if not clusters:
        return Interval(None, None, None)
    means = [float(p[t].mean()) if t.any() else 0.0 for p, t in zip(parts, there, strict=True)]
    if clusters < _ENOUGH:
        return Interval(sum(means), None, None)
    influence = sum(
        np.where(t, p - mean, 0.0) / max(t.sum(), 1)
        for p, t, mean in zip(parts, there, means, strict=True)
    )
    sums = np.bincount(names.astype(int), weights=influence)
    variance = float((sums**2).sum()) * clusters / (clusters - 1)
    half = _t(clusters - 1) * float(np.sqrt(variance))
    return Interval(sum(means), sum(means) - half, sum(means) + half)


def _t(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def drift(earlier: Array, later: Array) -> Drift:
    """Return how far anchors are scored otherwise than before; row i of both is the same anchor.

    Both have the shape (anchors,) or (anchors, repeats), NaN where a score is missing.

    >>> drift(np.array([2.0, 10.0, 18.0]), np.array([3.0, 11.0, 19.0]))
    Drift(anchors=3, change=Interval(value=1.0, low=1.0, high=1.0), flagged=True)
    """
    a, b = (each.reshape(len(each), -1) for each in (later, earlier))
    change = difference(a, b)
    both = ~np.isnan(a).all(1) & ~np.isnan(b).all(1)
    return Drift(int(both.sum()), change, flagged=_excludes_zero(change))


def _excludes_zero(change: Interval) -> bool:
    if change.low is None or change.high is None:
        return False
    return change.low > 0 or change.high < 0
