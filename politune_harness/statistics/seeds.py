"""What training seeds put into one arm's scores, told from the items and from the rest."""

from typing import NamedTuple

import numpy as np

from politune_harness.statistics.arrays import Array, means

_ZERO = 1e-9
"""Eigenvalues below this share of the greatest are none."""


class Seeds(NamedTuple):
    """What the seeds of one arm say: the spread of their effects, and of what is left."""

    effects: Array
    """Mean square of the fitted effects: the seeds' variance, and `noise` times the rest's."""
    rest: Array
    """Variance of item x seed, 0 where nothing is left to tell it from."""
    noise: Array
    rank: Array
    """Degrees of freedom of `effects`: the seeds less one where all can be compared."""
    freedom: Array
    """Degrees of freedom of `rest`."""

    @property
    def variance(self) -> Array:
        """The variance between seeds."""
        return np.maximum(self.effects - self.noise * self.rest, 0)


def fit_seeds(x: Array) -> Seeds:
    """Fit the effects of seeds and items by least squares (Henderson 1953, method 3).

    So a seed that misses hard items looks no better for it. With nothing missing this is the
    analysis of variance of a two-way layout without replication.
    """
    present = ~np.isnan(x)
    z = present.astype(float)
    deviations = np.where(present, x - means(x)[..., None], 0)
    values, vectors = np.linalg.eigh(_normal(z))
    known = values > _ZERO * np.maximum(values[..., -1:], 1)
    inverse = np.where(known, 1 / np.where(known, values, 1), 0)
    along = (deviations.sum(-2)[..., None, :] @ vectors)[..., 0, :]
    rank = known.sum(-1)
    freedom = z.sum((-1, -2)) - present.any(-1).sum(-1) - rank
    left = np.maximum((deviations**2).sum((-1, -2)) - (along**2 * inverse).sum(-1), 0)
    return Seeds(
        effects=((along * inverse) ** 2).sum(-1) / np.maximum(rank, 1),
        rest=np.where(freedom > 0, left / np.maximum(freedom, 1), 0),
        noise=inverse.sum(-1) / np.maximum(rank, 1),
        rank=rank,
        freedom=freedom,
    )


def _normal(z: Array) -> Array:
    """Return the normal equations of the seeds' effects, the items' being eliminated."""
    share = z / np.maximum(z.sum(-1, keepdims=True), 1)
    result: Array = np.eye(z.shape[-1]) * z.sum(-2)[..., None, :] - z.swapaxes(-1, -2) @ share
    return result
