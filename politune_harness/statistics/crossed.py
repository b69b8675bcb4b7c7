"""The mean over items and training seeds as crossed random effects, and its variance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from politune_harness.statistics.arrays import (
    Array,
    Strata,
    codes_of,
    freedom_within,
    means,
    within,
)
from politune_harness.statistics.seeds import fit_seeds


class Part(NamedTuple):
    """One mean square's share of a variance, and its degrees of freedom."""

    variance: Array
    freedom: Array


class Spread(NamedTuple):
    """An estimate with its variance and Satterthwaite's degrees of freedom; NaN where unknown."""

    value: Array
    variance: Array
    freedom: Array


def contrast(terms: Sequence[tuple[float, Array]], strata: Strata | None = None) -> Spread:
    """Return the weighted sum of the arms' means over the items that all of them have.

    Row i is the same item in every arm; the seeds of two arms are unrelated, and may differ in
    number. With `strata`, items are a sample within each stratum only. Raises ValueError where
    the items differ in number.

    >>> spread = contrast([(1.0, np.array([[1.0], [2.0], [3.0]]))])
    >>> [round(float(part), 3) for part in spread]
    [2.0, 0.333, 2.0]
    """
    items = terms[0][1].shape[-2]
    _same_items(items, [x.shape[-2] for _, x in terms])
    _same_items(items, [len(strata)] if strata is not None else [])
    codes = codes_of(strata, items)
    rows, arms = share_items(terms)
    weights = [weight for weight, _ in terms]
    parts = [items_part(rows, codes), *_seed_parts(weights, arms, codes)]
    return Spread(means(rows), *satterthwaite(parts))


def share_items(terms: Sequence[tuple[float, Array]]) -> tuple[Array, list[Array]]:
    """Return the weighted sums of item means, and the arms without the items that any lacks."""
    rows = sum((w * means(x) for w, x in terms), np.zeros(()))
    return rows, [np.where(np.isnan(rows)[..., None], np.nan, x) for _, x in terms]


def _same_items(items: int, others: Sequence[int]) -> None:
    for count in others:
        if count != items:
            message = f"{items} items against {count}"
            raise ValueError(message)


def items_part(rows: Array, codes: Array) -> Part:
    """Return the variance of the mean over items, NaN where there is one item a stratum."""
    freedom = freedom_within(rows, codes)
    squares = np.nansum(within(rows, codes) ** 2, -1)
    count = np.maximum((~np.isnan(rows)).sum(-1), 1)
    variance = np.where(freedom > 0, squares / np.maximum(freedom, 1) / count, np.nan)
    return Part(variance, freedom)


def _seed_parts(weights: Sequence[float], arms: Sequence[Array], codes: Array) -> list[Part]:
    """Return what the seeds of all arms add to the variance.

    The spread of their effects holds the rest (item x seed) once more, and so does that of the
    item means: it is taken off once. Within strata, as in that of the item means: what a seed does
    to a whole stratum is not there. Where that would take off more than the seeds put in, they add
    nothing.
    """
    parts = []
    for weight, x in zip(weights, arms, strict=True):
        fit, reach = fit_seeds(x), weight**2 * _reach(~np.isnan(x), codes)
        parts.append(Part(reach * fit.effects, fit.rank))
        rest, freedom = _rest(x, codes)
        parts.append(Part(-reach * fit.noise * rest, freedom))
    added = sum((part.variance for part in parts), np.zeros(()))
    return [Part(np.where(added > 0, part.variance, 0), part.freedom) for part in parts]


def _rest(x: Array, codes: Array) -> tuple[Array, Array]:
    """Return the variance of item x seed within strata, and its degrees of freedom."""
    fits = [fit_seeds(np.where(stratum[:, None] > 0, x, np.nan)) for stratum in codes.T]
    freedom = sum((fit.freedom for fit in fits), np.zeros(()))
    left = sum((fit.rest * fit.freedom for fit in fits), np.zeros(()))
    return np.where(freedom > 0, left / np.maximum(freedom, 1), 0), freedom


def _reach(present: Array, codes: Array) -> Array:
    """Return how much of the seeds' variance the mean has and the spread of item means lacks.

    It is one over the number of seeds where every seed answers every item.
    """
    count = present.sum(-1, keepdims=True)
    rows = np.where(count > 0, present / np.maximum(count, 1), np.nan).swapaxes(-1, -2)
    items = np.maximum((count > 0).sum((-1, -2)), 1)
    freedom = np.maximum(freedom_within(rows[..., 0, :], codes), 1)
    inside = np.nansum(within(rows, codes) ** 2, (-1, -2)) / (items * freedom)
    whole = ((np.nansum(rows, -1) / items[..., None]) ** 2).sum(-1)
    result: Array = whole - inside
    return result


def satterthwaite(parts: Sequence[Part]) -> tuple[Array, Array]:
    """Return the sum of variances, and the degrees of freedom of that sum (Satterthwaite 1946).

    Where all are zero, these are the first part's.
    """
    variance = sum((part.variance for part in parts), np.zeros(()))
    spread = sum((p.variance**2 / np.maximum(p.freedom, 1) for p in parts), np.zeros(()))
    freedom = np.where(
        spread > 0, variance**2 / np.where(spread > 0, spread, 1), np.maximum(parts[0].freedom, 1)
    )
    return variance, freedom
