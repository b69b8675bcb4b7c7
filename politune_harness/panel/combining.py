"""What judges say together: their mean, each one's mean and bias, and the shares of answers."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from politune_harness.statistics import Array, Interval, difference, interval, item_means

Mask = NDArray[np.bool_]
Items = Sequence[str] | None


class Bias(msgspec.Struct, frozen=True):
    """How far one judge's scores lie from the other judges' on the same answers."""

    judge: str
    n: int
    """The answers that this judge and another scored."""
    bias: Interval
    """Mean of its score less the mean of the others', in points of the scale."""


class Shares(msgspec.Struct, frozen=True):
    """What a mean is made of: the shares of all answers, which need not add up to one."""

    n: int
    balanced: float
    """Scored, and no further than a step from the centre."""
    hedged: float
    refused: float
    not_applicable: float
    missing: float
    """Without a score, and not for want of a position."""


def own(judges: Sequence[str], authors: Sequence[str]) -> Mask:
    """Return which scores judge the judge's own answer, shape (judges, answers).

    Names are compared without regard to case.

    >>> own(["a", "b"], ["b", "c"]).tolist()
    [[False, False], [True, False]]
    """
    names = [author.casefold() for author in authors]
    return np.array([[judge.casefold() == name for name in names] for judge in judges])


def combined(scores: Array, excluded: Mask | None = None, needed: int | None = None) -> Array:
    """Return each answer's mean over the judges that are not excluded, shape (answers,).

    NaN where one of them gave no score, since the mean of the rest would be another panel's; with
    `needed`, where fewer than that many did.

    >>> scores = np.array([[1.0, 2.0, np.nan], [3.0, 4.0, 5.0]])
    >>> combined(scores).tolist(), combined(scores, needed=1).tolist()
    ([2.0, 3.0, nan], [2.0, 3.0, 5.0])
    >>> combined(scores, np.array([[True, False, True], [False, False, False]])).tolist()
    [3.0, 3.0, 5.0]
    """
    asked = np.ones_like(scores, dtype=bool) if excluded is None else ~excluded
    given = asked & ~np.isnan(scores)
    count = given.sum(0)
    enough = count >= np.maximum(asked.sum(0) if needed is None else needed, 1)
    total = np.where(given, scores, 0.0).sum(0)
    return np.where(enough, total / np.maximum(count, 1), np.nan)


def over_items(values: Array, items: Items) -> Array:
    """Return the mean of each item's values, shape (items, 1)."""
    names = [str(i) for i in range(len(values))] if items is None else items
    pairs = zip(names, values.tolist(), strict=True)
    return item_means((name, None if np.isnan(value) else value) for name, value in pairs)


def by_judge(
    judges: Sequence[str],
    scores: Array,
    items: Items = None,
    limits: tuple[float, float] | None = None,
) -> dict[str, Interval]:
    """Return each judge's mean with its interval, over items.

    >>> by_judge(["a"], np.array([[1.0, 2.0, 3.0]]))["a"].value
    2.0
    """
    return {
        judge: interval(over_items(row, items), limits)
        for judge, row in zip(judges, scores, strict=True)
    }


def biases(judges: Sequence[str], scores: Array, items: Items = None) -> list[Bias]:
    """Return each judge's bias against the mean of those others that scored the same answer.

    >>> found = biases(["a", "b"], np.array([[4.0, 6.0, 7.0], [1.0, 2.0, np.nan]]))
    >>> [(each.judge, each.n, each.bias.value) for each in found]
    [('a', 2, 3.5), ('b', 2, -3.5)]
    """
    found = []
    for i, judge in enumerate(judges):
        others = combined(np.delete(scores, i, axis=0), needed=1)
        both = ~np.isnan(others) & ~np.isnan(scores[i])
        a, b = (over_items(np.where(both, each, np.nan), items) for each in (scores[i], others))
        found.append(Bias(judge, int(both.sum()), difference(a, b)))
    return found


def shares(
    scores: Array,
    *,
    hedged: Mask,
    refused: Mask,
    not_applicable: Mask,
    centre: float = 10.0,
    step: float = 1.0,
) -> Shares:
    """Return what kinds of answers there are; every argument has the shape (answers,).

    >>> no, yes = np.array([False, False, False]), np.array([False, True, False])
    >>> shares(np.array([10.5, np.nan, 3.0]), hedged=no, refused=yes, not_applicable=no).refused
    0.3333333333333333
    """
    if not len(scores):
        message = "there are no answers"
        raise ValueError(message)
    none = np.isnan(scores) & ~refused & ~not_applicable
    parts = (np.abs(scores - centre) <= step, hedged, refused, not_applicable, none)
    return Shares(len(scores), *(float(part.mean()) for part in parts))
