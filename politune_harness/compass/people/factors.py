"""How many factors people's answers have, and whether they are the axes.

Correlations are Pearson's over complete pairs. With four options they are a little lower than
those of the opinions behind the answers, and so are the loadings (Rhemtulla, Brosseau-Liard and
Savalei 2012); in return they need no more persons than a survey has.
"""

import numpy as np

from politune_harness.compass.people.reliability import correlation, pair_covariance
from politune_harness.statistics import Array

SHUFFLES = 100
"""Shuffled samples behind the eigenvalues of chance."""

LIMIT = 95
"""The percentile of chance that an eigenvalue must pass (Glorfeld 1995)."""

STARTS = 5
"""Rotations are tried from so many starts; the simplest result is taken."""


def parallel_analysis(x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the eigenvalues of the items' correlations, and what chance reaches, both (p,).

    Horn 1965, with each item's answers shuffled over persons (Buja and Eyuboglu 1992), so that
    chance has the same margins and the same missing answers. `x` is (persons, p). As many factors
    as eigenvalues pass chance, from the first until one does not.
    """
    chance = [_eigenvalues(rng.permuted(x, axis=0)) for _ in range(SHUFFLES)]
    return _eigenvalues(x), np.percentile(chance, LIMIT, axis=0)


def _eigenvalues(x: Array) -> Array:
    found = np.linalg.eigvalsh(correlation(pair_covariance(x)))
    return np.array(found[::-1], dtype=float)


def minres(r: Array, factors: int) -> Array:
    """Return unrotated minres loadings, (p, factors), of correlations (p, p).

    The uniquenesses minimise the squared residuals; given them the loadings are eigenvectors
    (Jöreskog 1977, as R's `psych::fa`).
    """
    from scipy.optimize import minimize

    def residual(unique: Array) -> tuple[float, Array]:
        values, vectors = np.linalg.eigh(r - np.diag(unique))
        left, directions = values[:-factors], vectors[:, :-factors]
        return float(left @ left) / 2, -(directions**2 @ left)

    p = len(r)
    found = minimize(residual, np.full(p, 0.5), jac=True, bounds=[(0.005, 1.0)] * p)
    values, vectors = np.linalg.eigh(r - np.diag(found.x))
    loadings: Array = vectors[:, -factors:] * np.sqrt(np.maximum(values[-factors:], 0))
    return loadings[:, ::-1]


def oblimin(loadings: Array) -> tuple[Array, Array]:
    """Rotate loadings, (p, k), to direct oblimin; return them and the factors' correlations (k, k).

    Direct quartimin (Jennrich and Sampson 1966): the sum over items of products of squared
    loadings on different factors is least.
    """
    from scipy.optimize import minimize

    k = loadings.shape[1]

    def rotated(flat: Array) -> tuple[Array, Array]:
        turn = flat.reshape(k, k)
        turn = turn / np.linalg.norm(turn, axis=0)
        return loadings @ np.linalg.inv(turn).T, turn

    def complexity(flat: Array) -> float:
        squares = rotated(flat)[0] ** 2
        return float((squares.sum(1) ** 2).sum() - (squares**2).sum()) / 4

    rng = np.random.default_rng(0)
    turns = [np.eye(k), *(np.linalg.qr(rng.normal(size=(k, k)))[0] for _ in range(STARTS - 1))]
    best = min((minimize(complexity, turn.ravel()) for turn in turns), key=lambda each: each.fun)
    found, turn = rotated(best.x)
    return found, turn.T @ turn


def congruence(loadings: Array, target: Array) -> Array:
    """Return Tucker's congruence (1951) of each factor with each axis of the target, (k, axes).

    >>> congruence(np.array([[0.5], [0.5]]), np.array([[1.0, 1.0], [1.0, -1.0]])).round(2).tolist()
    [[1.0, 0.0]]
    """
    sizes = np.linalg.norm(loadings, axis=0)[:, None] * np.linalg.norm(target, axis=0)
    found = np.zeros(sizes.shape)
    np.divide(loadings.T @ target, sizes, out=found, where=sizes > 0)
    return found


def aligned(loadings: Array, between: Array, target: Array) -> tuple[Array, Array]:
    """Return loadings and factor correlations in the order and with the signs of the axes.

    Each factor goes to one axis so that the congruences are largest together.
    """
    from scipy.optimize import linear_sum_assignment

    found = congruence(loadings, target)
    factors, axes = linear_sum_assignment(-np.abs(found))
    order = factors[np.argsort(axes)]
    signs = np.where(found[order, np.arange(len(order))] < 0, -1.0, 1.0)
    return loadings[:, order] * signs, between[np.ix_(order, order)] * np.outer(signs, signs)


def placed(loadings: Array, target: Array) -> Array:
    """Say of each item whether its largest loading is on an axis of its own, with the right sign.

    >>> placed(np.array([[0.6, 0.1], [0.1, 0.6]]), np.array([[1.0, 0.0], [0.0, -1.0]])).tolist()
    [True, False]
    """
    rows, largest = np.arange(len(loadings)), np.abs(loadings).argmax(1)
    right: Array = loadings[rows, largest] * target[rows, largest] > 0
    return right
