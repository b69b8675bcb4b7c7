"""Decisions that hold their promise: equivalence, many tests at once, paired accuracy."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from politune_harness.statistics.arrays import Array, Strata, means
from politune_harness.statistics.crossed import Spread, contrast
from politune_harness.statistics.intervals import ALPHA, around, known, t_of, tail, two_sided

Verdict = Literal["equivalent", "different", "undecided"]

_ROUNDING = 1e-9
"""A standard error below this share of the margin is none."""


class Equivalence(NamedTuple):
    """Whether a difference is smaller than what would matter. None: the data cannot say."""

    value: float | None
    low: float | None
    """The 90 % interval, which lies within the margin where the test rejects at 5 %."""
    high: float | None
    p: float | None
    """Of the two one-sided tests, the greater."""
    margin: float
    verdict: Verdict


def equivalence(a: Array, b: Array, margin: float, strata: Strata | None = None) -> Equivalence:
    """Test whether mean(a) - mean(b) lies within -margin and margin, on the same items.

    Two one-sided tests (Schuirmann 1987), with the variance and degrees of freedom of
    `difference`. Of items that are right or wrong the variance is no less than it would be at the
    margin, where as many have to differ: the idea of a score test (Tango 1998), without which few
    items that happen to agree would prove anything. "equivalent": the difference is surely within
    the margin, even if surely not zero; "different": it is surely not zero, and may be beyond the
    margin; else "undecided", which is what too few items or seeds give. Raises ValueError for a
    margin that is not positive.

    >>> items = np.arange(8.0).reshape(8, 1)
    >>> equivalence(items, items + 0.1 * items % 0.2, margin=1).verdict
    'equivalent'
    """
    if not margin > 0:
        message = f"a margin of {margin}: it must be above 0"
        raise ValueError(message)
    return within(contrast([(1.0, a), (-1.0, b)], strata), margin, [a, b])


def within(spread: Spread, margin: float, scores: Sequence[Array]) -> Equivalence:
    """Test whether an estimate from `scores` lies within -margin and margin, as `equivalence` does.

    What does not vary at all cannot say how far off it may be, and is never equivalent.
    """
    apart = known(spread) and significant(two_sided(spread))
    different: Verdict = "different" if apart else "undecided"
    least = _least_variance(scores, margin)
    variance = np.maximum(spread.variance, least)
    varies = variance > (_ROUNDING * margin) ** 2
    spread = spread._replace(variance=np.where(varies, variance, np.nan))
    value, low, high = around(spread, 1 - 2 * ALPHA)
    if not known(spread):
        return Equivalence(value, low, high, None, margin, different)
    p = max(tail(spread, -t_of(spread, -margin)), tail(spread, t_of(spread, margin)))
    verdict: Verdict = "equivalent" if significant(p) else different
    return Equivalence(value, low, high, p, margin, verdict)


def _least_variance(scores: Sequence[Array], margin: float) -> float:
    """Return the variance of the mean over right or wrong items of which a share `margin` differs.

    More seeds make it no less, for all of them may lose the same items. 0 for other scores.
    """
    answers = np.concatenate([x[~np.isnan(x)].ravel() for x in scores])
    items = int((~np.isnan(sum((means(x) for x in scores), np.zeros(())))).sum())
    binary = bool(np.isin(answers, [0, 1]).all())
    return margin * (1 - margin) / items if binary and items else 0.0


def significant(p: float | None) -> bool:
    """Say whether a p-value is low enough to call something found; a missing one is not.

    >>> significant(0.049), significant(0.05), significant(None)
    (True, False, False)
    """
    return p is not None and p < ALPHA


def among(alone: Verdict | None, p: float | None) -> Verdict | None:
    """Return a verdict among others: different only where the corrected p is significant, too.

    >>> among("different", 0.2), among("different", 0.01), among("equivalent", 0.2)
    ('undecided', 'different', 'equivalent')
    """
    return "undecided" if alone == "different" and not significant(p) else alone


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for all of them: the chance of a single false one (Holm 1979).

    A missing p (None or NaN) stays missing and does not count.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    return _adjusted(ps, _holm)


def benjamini_hochberg(ps: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for the share of false ones among those found (1995).

    A missing p (None or NaN) stays missing and does not count.

    >>> benjamini_hochberg([0.01, None, 0.04, 0.03])
    [0.03, None, 0.04, 0.04]
    """
    from scipy.stats import false_discovery_control

    return _adjusted(ps, false_discovery_control)


def _holm(ps: Array) -> Array:
    order = np.argsort(ps)
    steps = np.arange(len(ps), 0, -1)
    adjusted = np.empty_like(ps)
    adjusted[order] = np.minimum(np.maximum.accumulate(ps[order] * steps), 1)
    return adjusted


def _adjusted(ps: Sequence[float | None], adjust: Callable[[Array], Array]) -> list[float | None]:
    given = [p for p in ps if not _misses(p)]
    adjusted = iter(adjust(np.array(given, dtype=float)).tolist() if given else [])
    return [None if _misses(p) else next(adjusted) for p in ps]


def _misses(p: float | None) -> bool:
    return p is None or bool(np.isnan(p))


class McNemar(NamedTuple):
    """How many items only one of two models gets right, and the exact p of that being chance."""

    only_a: int
    only_b: int
    p: float


def mcnemar(a: Array, b: Array) -> McNemar:
    """Compare two models, right (1) or wrong (0) on the same items, shape (items, 1) each.

    Exact: a binomial test of the items on which they differ (McNemar 1947). Items that miss on
    either side are left out. For several seeds use `difference`: their answers to an item are not
    independent. Raises ValueError for more than one seed, and for other values.

    >>> mcnemar(np.array([[1.0], [1.0], [0.0]]), np.array([[0.0], [0.0], [0.0]]))
    McNemar(only_a=2, only_b=0, p=0.5)
    """
    from scipy.stats import binomtest

    if a.shape != b.shape or a.shape[1:] != (1,):
        message = f"shapes {a.shape} and {b.shape}: one model each, (items, 1), on the same items"
        raise ValueError(message)
    if not np.isin(np.concatenate([a[~np.isnan(a)], b[~np.isnan(b)]]), [0, 1]).all():
        message = "answers are right (1) or wrong (0)"
        raise ValueError(message)
    only_a, only_b = int((a > b).sum()), int((a < b).sum())
    apart = only_a + only_b
    return McNemar(only_a, only_b, float(binomtest(only_a, apart).pvalue) if apart else 1.0)
