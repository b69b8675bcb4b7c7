"""On which side judges err, where labels say which side an answer takes."""

import msgspec
import numpy as np

from politune_harness.panel.combining import Mask
from politune_harness.statistics import Array


class Errors(msgspec.Struct, frozen=True):
    """How often answers are put on a side that is not theirs."""

    not_left: int
    """The scored answers that are labelled right or neutral: what `false_left` is a share of."""
    not_right: int
    false_left: float | None
    """The share of them that the judge calls left; None where there are none."""
    false_right: float | None
    opposite_left: float | None
    """The share of answers labelled right that the judge calls left."""
    opposite_right: float | None


def errors(scores: Array, labels: Array, centre: float = 10.0, step: float = 1.0) -> Errors:
    """Return how often a judge, or a panel's mean, errs to the left and to the right.

    `scores` and `labels` have the shape (answers,) and are on one scale, low left and high right;
    NaN is missing. What lies no further than `step` from the centre is neutral on either.

    >>> found = errors(np.array([2.0, 3.0, 17.0, 10.0]), np.array([1.0, 16.0, 10.0, 18.0]))
    >>> found.false_left, found.false_right, found.opposite_left, found.opposite_right
    (0.3333333333333333, 0.5, 0.5, 0.0)
    """
    known = ~(np.isnan(scores) | np.isnan(labels))
    said, true = (_side(values[known], centre, step) for values in (scores, labels))
    return Errors(
        not_left=int((true >= 0).sum()),
        not_right=int((true <= 0).sum()),
        false_left=_share(said[true >= 0] < 0),
        false_right=_share(said[true <= 0] > 0),
        opposite_left=_share(said[true > 0] < 0),
        opposite_right=_share(said[true < 0] > 0),
    )


def _side(values: Array, centre: float, step: float) -> Array:
    return np.where(np.abs(values - centre) <= step, 0.0, np.sign(values - centre))


def _share(hits: Mask) -> float | None:
    return float(hits.mean()) if len(hits) else None
