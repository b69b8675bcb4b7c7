"""How far an axis hangs together: alpha, omega and item-rest correlations, over persons.

The items are on the scale of the score (agreement times weight), so that the figures speak of the
position itself and not of a score that nobody computes. Two items are compared over the persons
who answered both; nothing is filled in.
"""

import numpy as np

from politune_harness.statistics import Array

RESAMPLES = 1000
"""Bootstrap samples of persons behind an interval."""

SETTLED = 1e-6
"""The largest change of a loading at which a one-factor solution is taken."""

STEPS = 1000
"""After so many steps a solution that has not settled counts as none."""


def pair_covariance(x: Array, counts: Array | None = None) -> Array:
    """Return the covariances of items, (p, p), each over the persons who answered both.

    `x` is (persons, p), with NaN for what is missing; `counts`, (persons,), is how often each
    person stands in the sample. As R's `cov(use = "pairwise.complete.obs")`.

    >>> pair_covariance(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, np.nan]])).tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """
    answered = ~np.isnan(x)
    both = np.hstack([np.where(answered, x, 0), answered])
    if counts is not None:
        both *= np.sqrt(counts)[:, None]
    products, p = both.T @ both, x.shape[1]
    persons = np.maximum(products[p:, p:], 2)
    sums = products[:p, p:]
    covariance: Array = (products[:p, :p] - sums * sums.T / persons) / (persons - 1)
    return covariance


def correlation(covariance: Array) -> Array:
    """Return correlations, (..., p, p); an item that does not vary goes with no other.

    >>> correlation(np.array([[4.0, 1.0], [1.0, 1.0]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    scale = sd[..., :, None] * sd[..., None, :]
    found = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    return np.where(np.eye(scale.shape[-1], dtype=bool), 1, found)


def alpha(covariance: Array) -> Array:
    """Return Cronbach's alpha (1951) of covariances, (..., p, p); NaN where all answer alike.

    >>> round(float(alpha(np.array([[2.0, 1.0], [1.0, 2.0]]))), 4)
    0.6667
    """
    p = covariance.shape[-1]
    own = np.trace(covariance, axis1=-2, axis2=-1)
    found: Array = p / (p - 1) * (1 - _share(own, covariance.sum((-2, -1))))
    return found


def one_factor(r: Array, start: Array | None = None) -> Array:
    """Return minres loadings on one factor (Harman and Jones 1966) of correlations, (..., p, p).

    Each loading is in turn the least-squares solution given the others; half steps, since full
    ones swing between two sides of it. No loading passes 1. NaN where nothing settles, as it may
    not where there is no common factor.
    """
    off = r * (1 - np.eye(r.shape[-1]))
    loadings = _leading(r) if start is None else np.broadcast_to(start, r.shape[:-1])
    for _ in range(STEPS):
        squares = loadings**2
        others = np.maximum(squares.sum(-1, keepdims=True) - squares, np.finfo(float).tiny)
        wanted = (off @ loadings[..., None])[..., 0] / others
        moved = np.clip((loadings + wanted) / 2, -1, 1)
        change = np.abs(moved - loadings).max(-1, keepdims=True)
        loadings = moved
        if (change < SETTLED).all():
            break
    return np.where(change < SETTLED, loadings, np.nan)


def _leading(r: Array) -> Array:
    values, vectors = np.linalg.eigh(r)
    first = vectors[..., -1] * np.sqrt(values[..., -1:])
    upright: Array = first * np.where(first.sum(-1, keepdims=True) < 0, -1, 1)
    return upright


def omega(covariance: Array, loadings: Array) -> Array:
    """Return McDonald's omega total (1999) of covariances (..., p, p) and one-factor loadings.

    The share of the score's variance that the common factor explains, by the model.
    """
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    common = (loadings * np.sqrt(variance)).sum(-1) ** 2
    return _share(common, common + ((1 - loadings**2) * variance).sum(-1))


def _share(part: Array, whole: Array) -> Array:
    """Return part / whole; NaN where there is no whole, since no answers differ."""
    found = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=found, where=np.not_equal(whole, 0))
    return found


def item_rest(covariance: Array) -> Array:
    """Return each item's correlation with the sum of the others, (p,); NaN if it does not vary.

    >>> item_rest(np.array([[1.0, 0.5], [0.5, 1.0]])).tolist()
    [0.5, 0.5]
    """
    own, row = np.diagonal(covariance), covariance.sum(1)
    rest = covariance.sum() - 2 * row + own
    product = own * rest
    found = np.full(len(own), np.nan)
    np.divide(row - own, np.sqrt(np.maximum(product, 0)), out=found, where=product > 0)
    return found


def resampled(x: Array, rng: np.random.Generator) -> Array:
    """Return the covariances of bootstrap samples of persons, (RESAMPLES, p, p)."""
    n = len(x)
    draws = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    return np.array([pair_covariance(x, counts) for counts in draws])
