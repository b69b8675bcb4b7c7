"""Items that people of different groups answer differently at the same position.

Zumbo 1999: ordinal logistic regressions of an item's answer on the position, then on the group
too (uniform DIF), then on their product too (non-uniform DIF). Large samples make every trifle
significant, so an item is flagged only where the regression explains more by a margin as well.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from politune_harness.compass.bank import Bank
from politune_harness.compass.people.answers import positions
from politune_harness.compass.people.records import ItemDif
from politune_harness.statistics import Array, benjamini_hochberg

Codes = NDArray[np.intp]

SIGNIFICANT = 0.05
"""Of the two-part test, adjusted over the bank's items (Benjamini and Hochberg 1995)."""

MODERATE, LARGE = 0.035, 0.070
"""Gains in Nagelkerke's R² (Jodoin and Gierl 2001)."""

GROUP = 200
"""The fewest persons of a group (Scott et al. 2009)."""

OPTION = 5
"""The fewest persons who gave an answer that counts apart; rarer ones join their neighbour."""

FAR = 30.0
"""Where a parameter stops that would go to infinity, as in data that a predictor separates."""

ROUNDS = 5
"""How often flagged items are taken out of the position, and all items tested again."""


class Fit(NamedTuple):
    """A proportional-odds model at its most likely parameters."""

    loglikelihood: float
    thresholds: Array
    slopes: Array


def proportional_odds(codes: Codes, predictors: Array) -> Fit:
    """Fit P(answer <= k) = logistic(threshold_k - predictors @ slopes) (McCullagh 1980).

    `codes` are (persons,), 0 to K - 1, each there; `predictors` are (persons, q), q may be 0. The
    parameters are the first threshold, the logs of the steps to the next, and the slopes, so every
    value of them is a model.
    """
    from scipy.optimize import minimize
    from scipy.special import expit, log_expit

    n, steps = len(codes), int(codes.max()) - 1

    def cuts(parameters: Array) -> Array:
        return np.cumsum([parameters[0], *np.exp(parameters[1 : steps + 1])])

    def loss(parameters: Array) -> tuple[float, Array]:
        ends = np.concatenate([[-np.inf], cuts(parameters), [np.inf]])
        shift = predictors @ parameters[steps + 1 :]
        upper, lower = ends[codes + 1] - shift, ends[codes] - shift
        gap = np.diff(ends)
        # log(F(u) - F(l)) = log F(u) + log F(-l) + log(1 - exp(l - u)), exact in the tails too
        loglikelihood = log_expit(upper) + log_expit(-lower) + np.log(-np.expm1(-gap))[codes]
        between = (1 / np.expm1(gap))[codes]
        by_upper, by_lower = expit(-upper) + between, -expit(lower) - between
        by_cut = np.bincount(codes, by_upper)[:-1] + np.bincount(codes, by_lower)[1:]
        by_step = np.cumsum(by_cut[::-1])[::-1]
        by_step[1:] *= np.exp(parameters[1 : steps + 1])
        slope = -(by_upper + by_lower) @ predictors
        return -loglikelihood.sum() / n, -np.concatenate([by_step, slope]) / n

    shares = np.cumsum(np.bincount(codes))[:-1] / n
    start = np.log(shares / (1 - shares))
    start = np.concatenate([start[:1], np.log(np.diff(start)), np.zeros(predictors.shape[1])])
    bounds = [(-FAR, FAR), *[(-FAR, np.log(FAR))] * steps, *[(-FAR, FAR)] * predictors.shape[1]]
    found = minimize(loss, start, jac=True, bounds=bounds, options={"ftol": 1e-11, "gtol": 1e-6})
    return Fit(-float(found.fun) * n, cuts(found.x), found.x[steps + 1 :])


def nagelkerke(loglikelihood: float, null: float, n: int) -> float:
    """Return the share of the variation that a model explains (Nagelkerke 1991).

    >>> round(nagelkerke(-40, -50, 100), 3), nagelkerke(0, -50, 100)
    (0.287, 1.0)
    """
    return float(np.expm1(2 * (null - loglikelihood) / n) / np.expm1(2 * null / n))


def differential(
    bank: Bank, agreement: Array, groups: Sequence[str]
) -> tuple[list[str], list[ItemDif], list[str]]:
    """Test every item between the groups of at least 200 persons.

    Returns the groups, none where there are not two, then the items tested, then those not.

    `agreement` is (persons, items), `groups` names each person's. The position is that on the
    item's main axis over all items but those flagged in the round before, the item itself always
    among them, until the flags stay (at most 5 rounds).
    """
    names = [name for name in sorted(set(groups)) if name and groups.count(name) >= GROUP]
    if len(names) < 2:  # noqa: PLR2004
        return [], [], []
    inside = np.array([name in names for name in groups])
    codes = np.array([names.index(name) for name in groups if name in names])
    flagged: set[str] = set()
    for _ in range(ROUNDS):
        found = _tests(bank, agreement[inside], codes, names, flagged)
        before, flagged = flagged, {test.item for test in found if test.flagged}
        if flagged == before:
            break
    tested = {test.item for test in found}
    return names, found, [item.id for item in bank.items if item.id not in tested]


def _tests(
    bank: Bank, agreement: Array, groups: Codes, names: Sequence[str], dropped: set[str]
) -> list[ItemDif]:
    raw = []
    for i, item in enumerate(bank.items):
        axis = max(item.weights, key=lambda name: abs(item.weights[name]))
        kept = [j for j, each in enumerate(bank.items) if j == i or each.id not in dropped]
        position = positions(bank, axis, agreement, kept)
        test = _test(item.id, agreement[:, i], position, groups, names)
        raw += [test] if test else []
    adjusted = benjamini_hochberg([test.p for test in raw])
    return [
        msgspec.structs.replace(
            test,
            p_adjusted=p,
            flagged=p is not None and p < SIGNIFICANT and test.size != "negligible",
        )
        for test, p in zip(raw, adjusted, strict=True)
    ]


def _test(
    item: str, agreement: Array, position: Array, groups: Codes, names: Sequence[str]
) -> ItemDif | None:
    """Compare the three models of one item; None where a group is too small or all answer alike."""
    from scipy.special import chdtrc

    here = ~np.isnan(agreement)
    n, group, codes = int(here.sum()), groups[here], _options(agreement[here])
    sizes = np.bincount(group, minlength=len(names))
    if codes.max(initial=0) == 0 or sizes.min() < GROUP or np.ptp(position[here]) == 0:
        return None
    matched = ((position[here] - position[here].mean()) / position[here].std())[:, None]
    member = np.eye(len(names))[group][:, 1:]
    nested = [matched, member, matched * member]
    fits = [proportional_odds(codes, np.hstack([matched[:, :0], *nested[:k]])) for k in range(4)]
    null, alone, uniform, full = (fit.loglikelihood for fit in fits)
    extra = len(names) - 1
    gain = nagelkerke(full, null, n) - nagelkerke(alone, null, n)
    p = float(chdtrc(2 * extra, max(2 * (full - alone), 0)))
    return ItemDif(
        item=item,
        persons=n,
        p_uniform=float(chdtrc(extra, max(2 * (uniform - alone), 0))),
        p_nonuniform=float(chdtrc(extra, max(2 * (full - uniform), 0))),
        p=p,
        p_adjusted=p,
        gain=gain,
        size="large" if gain > LARGE else "moderate" if gain >= MODERATE else "negligible",
        more=names[int(np.argmax([0, *fits[2].slopes[1:]]))],
        flagged=False,
    )


def _options(agreement: Array) -> Codes:
    """Return the order of each answer among those given; rare ones join the one before.

    >>> _options(np.array([-1.0] * 6 + [0.3] * 6 + [1.0])).tolist() == [0] * 6 + [1] * 7
    True
    """
    _, codes = np.unique(agreement.round(6), return_inverse=True)
    counts = np.bincount(codes)
    levels, joined = 0, np.zeros(len(counts), dtype=np.intp)
    filled = 0
    for code, count in enumerate(counts):
        if filled >= OPTION and counts[code:].sum() >= OPTION:
            levels, filled = levels + 1, 0
        joined[code] = levels
        filled += int(count)
    return joined[codes]
