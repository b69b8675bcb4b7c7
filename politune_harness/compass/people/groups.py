"""Where groups of people stand whose politics are known, and how far that agrees with the axes.

Nobody is to be found out from a table: groups of fewer than ten persons are not shown, nor are
groups from whose figures those of fewer than ten others would follow.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from politune_harness.compass.people.records import Effect, Estimate, Groups, Stand
from politune_harness.statistics import LEVEL, Array

SMALLEST = 10
"""The fewest persons about whom anything is said, as in official statistics."""

THIRDS = ("low third", "middle third", "high third")
"""Groups by self-placement: thirds of the range of the answers given."""


def known_groups(labels: Sequence[str], positions: Mapping[str, Array]) -> Groups:
    """Return where the groups stand that can be shown; `positions` are (persons,) by axis."""
    names = sorted(set(labels) - {""}, key=lambda name: (name in THIRDS, _rank(name)))
    members = np.array([[label == name for label in labels] for name in names], dtype=bool)
    members = members.reshape(len(names), len(labels))
    scored = np.column_stack([~np.isnan(each) for each in positions.values()])
    shown = reportable(members, scored)
    return Groups(
        stands={
            names[g]: {axis: stand(each[members[g]]) for axis, each in positions.items()}
            for g in shown
        },
        masked=len(names) - len(shown),
        others=len(labels) - int(members[shown].sum()),
        effects={
            axis: effect([each[members[g]] for g in shown]) for axis, each in positions.items()
        }
        if len(shown) > 1
        else {},
    )


def _rank(name: str) -> tuple[int, str]:
    return (THIRDS.index(name), "") if name in THIRDS else (0, name)


def reportable(members: NDArray[np.bool_], scored: NDArray[np.bool_]) -> list[int]:
    """Return which groups can be shown, in order.

    `members` is (groups, persons), `scored` (persons, axes). A group needs ten persons on every
    axis; and where fewer than ten persons are left over, their mean could be had by subtraction
    from that of all, so the smallest group joins them (complementary suppression).

    >>> members = np.repeat(np.eye(3, dtype=bool), [40, 20, 3], axis=1)
    >>> reportable(members, np.ones((63, 1), dtype=bool))
    [0]
    """
    sizes = members.astype(int) @ scored.astype(int)
    least = sizes.min(1)
    shown = sorted((g for g in range(len(least)) if least[g] >= SMALLEST), key=lambda g: -least[g])
    while shown:
        left = scored.sum(0) - sizes[shown].sum(0)
        if not ((left > 0) & (left < SMALLEST)).any():
            break
        shown.pop()
    return sorted(shown)


def stand(position: Array) -> Stand:
    """Return the mean position and its t-based interval; NaN does not count."""
    from scipy.special import stdtrit

    given = position[~np.isnan(position)]
    n, sd = len(given), float(given.std(ddof=1))
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * sd / n**0.5
    mean = float(given.mean())
    return Stand(n, Estimate(mean, mean - half, mean + half), sd)


def effect(groups: Sequence[Array]) -> Effect:
    """Return effect sizes of positions by group, each (persons of the group,)."""
    given = [each[~np.isnan(each)] for each in groups]
    every = np.concatenate(given)
    within = float(sum(((each - each.mean()) ** 2).sum() for each in given))
    total = float(((every - every.mean()) ** 2).sum())
    eta2 = _eta2(1 - within / total, len(given), len(every)) if total else Estimate(0.0)
    two = len(given) == 2 and within > 0  # noqa: PLR2004
    return Effect(eta2, _cohens_d(given[0], given[1], within) if two else None)


def _eta2(value: float, groups: int, n: int) -> Estimate:
    """Return eta squared with the interval by the noncentral F distribution (Steiger 2004)."""
    from scipy.optimize import brentq
    from scipy.stats import ncf

    between, within = groups - 1, n - groups
    if value >= 1:
        return Estimate(1.0)
    f = value / (1 - value) * within / between

    def end(share: float) -> float:
        def over(size: float) -> float:
            return float(ncf.cdf(f, between, within, size)) - share

        size = brentq(over, 0, 100 + 3 * f * between) if over(0) > 0 else 0.0
        return float(size / (size + n))

    return Estimate(value, end((1 + LEVEL) / 2), end((1 - LEVEL) / 2))


def _cohens_d(first: Array, last: Array, within: float) -> Estimate:
    """Return Cohen's d with the large-sample interval of Hedges and Olkin (1985)."""
    n, m = len(first), len(last)
    d = float(last.mean() - first.mean()) / np.sqrt(within / (n + m - 2))
    half = _normal() * np.sqrt((n + m) / (n * m) + d**2 / (2 * (n + m)))
    return Estimate(float(d), float(d - half), float(d + half))


def _normal() -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + LEVEL) / 2))


def pearson(a: Array, b: Array) -> tuple[int, Estimate | None]:
    """Return how many persons have both, and their correlation, by Fisher's z (1915).

    None where either does not vary, or fewer than four persons have both.
    """
    both = ~np.isnan(a) & ~np.isnan(b)
    n = int(both.sum())
    if n < 4 or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:  # noqa: PLR2004
        return n, None
    r = float(np.corrcoef(a[both], b[both])[0, 1])
    z, half = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)), _normal() / np.sqrt(n - 3)
    return n, Estimate(r, float(np.tanh(z - half)), float(np.tanh(z + half)))


def thirds(placement: Array) -> list[str]:
    """Return each person's third of the range of the placements given; empty is missing.

    >>> thirds(np.array([0.0, 3, 4, 6, 7, 10, np.nan]))[1:5]
    ['low third', 'middle third', 'middle third', 'high third']
    """
    low, high = np.nanmin(placement), np.nanmax(placement)
    cuts = low + (high - low) * np.array([1, 2]) / 3
    found = np.digitize(placement, cuts)
    return ["" if np.isnan(p) else THIRDS[i] for p, i in zip(placement, found, strict=True)]
