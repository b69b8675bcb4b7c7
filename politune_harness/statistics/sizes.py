"""How large a shift is, and how small a one a study could have seen."""

import numpy as np

from politune_harness.statistics.arrays import Array, means
from politune_harness.statistics.crossed import Part, Spread, satterthwaite, share_items
from politune_harness.statistics.intervals import ALPHA, known
from politune_harness.statistics.seeds import Seeds, fit_seeds

POWER = 0.8
"""How often a shift of the smallest detectable size would be found."""

_ROUNDING = 1e-12
"""A standard deviation below this share of the greatest value is none."""


def effect_size(a: Array, b: Array) -> float | None:
    """Return the standardised mean difference of item means, corrected for few items.

    Cohen's d_av: mean(a) - mean(b) over the root mean square of the two arms' standard deviations
    over items, so that it does not grow with how alike the arms answer, as d_z does; times Hedges'
    correction with the degrees of freedom of paired data, 2 (n - 1) / (1 + r^2) (Cousineau 2020).
    Items that miss on either side are left out; None for fewer than three, or no spread.
    """
    from scipy.special import gammaln

    both = np.column_stack([means(a), means(b)])
    both = both[~np.isnan(both).any(axis=1)]
    if len(both) < 3:  # noqa: PLR2004
        return None
    spread = np.cov(both.T)
    pooled = float(np.sqrt(np.trace(spread) / 2))
    if pooled <= _ROUNDING * np.abs(both).max():
        return None
    within = np.sqrt(spread[0, 0] * spread[1, 1])
    r = spread[0, 1] / within if within else 0.0
    half = (len(both) - 1) / (1 + r**2)
    correction = float(np.exp(gammaln(half) - gammaln(half - 0.5)) / np.sqrt(half))
    return correction * float(np.subtract(*both.mean(axis=0))) / pooled


def smallest_detectable_shift(
    a: Array, b: Array, items: int | None = None, seeds: int | None = None
) -> float | None:
    """Return the smallest mean(a) - mean(b) that such a study finds in four of five repetitions.

    Two-sided at 5 %, by the noncentral t. `items` and `seeds` plan another study with the same
    variances; they are those of the arrays if not given. An arm with one seed keeps one: what
    other seeds would do cannot be known from it. None where the data give no variance. Raises
    ValueError for a plan of fewer than two items or seeds.

    >>> a, b = np.arange(9.0).reshape(9, 1) % 4, np.zeros((9, 1))
    >>> [round(smallest_detectable_shift(a, b, items=n) or 0, 2) for n in (9, 36, 144)]
    [1.31, 0.59, 0.29]
    """
    if any(planned is not None and planned < 2 for planned in (items, seeds)):  # noqa: PLR2004
        message = f"a plan of {items} items and {seeds} seeds: at least 2 of each"
        raise ValueError(message)
    rows, arms = share_items([(1.0, a), (-1.0, b)])
    now = int((~np.isnan(rows)).sum())
    if now < 2:  # noqa: PLR2004
        return None
    n = items or now
    between = float(np.nanvar(rows, ddof=1))
    parts = []
    for x in arms:
        have = int((~np.isnan(x)).any(0).sum())
        m = seeds if seeds and have > 1 else have
        fit = fit_seeds(x)
        between += float(fit.rest) * (1 / m - 1 / have)
        parts += _planned(fit, n, m)
    item = Part(np.array(max(between, 0) / n), np.array(n - 1))
    return detectable(Spread(np.zeros(()), *satterthwaite([item, *parts])))


def _planned(fit: Seeds, n: int, m: int) -> list[Part]:
    """Return what `m` seeds would add to the variance of a mean over `n` items."""
    if fit.variance == 0:
        return []
    rest = fit.rest / n
    seeds = Part((fit.variance + rest) / m, np.array(m - 1))
    return [seeds, Part(-rest / m, np.array((n - 1) * (m - 1)))]


def detectable(spread: Spread, tests: int = 1) -> float | None:
    """Return the smallest true value that is found in four of five repetitions of an estimate.

    It is one of so many `tests` that are corrected together: at 5 % over their number, which errs
    to the safe side for Holm's. None where the data give no variance.
    """
    from scipy.special import nctdtrinc, stdtrit

    if not known(spread):
        return None
    critical = stdtrit(spread.freedom, 1 - ALPHA / tests / 2)
    shift = nctdtrinc(spread.freedom, 1 - POWER, critical)
    return float(shift * np.sqrt(spread.variance))
