"""Arrays with gaps and with strata.

The last axes are (items, seeds), or the one that a function names; leading axes are separate
studies, which is what makes a simulation of thousands of them fast.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""Shape (..., items, seeds) where nothing else is said. NaN is missing, and is never filled in."""

Strata = Sequence[Hashable]
"""What each item belongs to, in the order of the items: its key, for example."""


def means(values: Array) -> Array:
    """Return means along the last axis over what is there, and NaN where nothing is."""
    count, total = (~np.isnan(values)).sum(-1), np.nansum(values, -1)
    result: Array = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return result


def codes_of(strata: Strata | None, items: int) -> Array:
    """Return which stratum each item belongs to, shape (items, strata), as ones and zeros."""
    if strata is None:
        return np.ones((items, 1))
    names = list(dict.fromkeys(strata))
    codes = [[float(each == name) for name in names] for each in strata]
    return np.array(codes).reshape(items, len(names))


def within(values: Array, codes: Array) -> Array:
    """Return the last axis less the means of its strata."""
    present = ~np.isnan(values)
    count = present.astype(float) @ codes
    total = np.where(present, values, 0) @ codes
    result: Array = values - (total / np.maximum(count, 1)) @ codes.T
    return result


def freedom_within(rows: Array, codes: Array) -> Array:
    """Return the number of items less the number of strata that have any."""
    count = (~np.isnan(rows)).astype(float) @ codes
    freedom: Array = count.sum(-1) - (count > 0).sum(-1)
    return freedom
