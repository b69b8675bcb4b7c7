"""From people's answers to all that they say about a bank.

No figure stands on fewer persons than its method asks for: it is None then, and a line says why.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from politune_harness.compass.bank import Bank
from politune_harness.compass.people import factors, reliability
from politune_harness.compass.people.answers import Answers, positions, weighted
from politune_harness.compass.people.dif import GROUP, differential
from politune_harness.compass.people.groups import known_groups, pearson, stand, thirds
from politune_harness.compass.people.records import (
    AxisReport,
    Differential,
    Estimate,
    Flag,
    ItemReport,
    Placement,
    Structure,
    Validation,
)
from politune_harness.errors import DataError
from politune_harness.statistics import LEVEL, Array

PERSONS = 100
"""The fewest persons, and the fewest who answered two items both (Gorsuch 1983)."""

STRUCTURE = 200
"""The fewest persons for factors, and more than there are items (Comrey and Lee 1992: "fair")."""

ITEMS = 3
"""The fewest items of a factor: with two, its loadings are not determined."""

LOW = 0.2
"""An item-rest correlation below this is flagged (Kline 1986; Streiner and Norman 2008)."""

UNSETTLED = 0.05
"""The largest share of bootstrap samples without a solution at which an interval is given."""


def validate(bank: Bank, answers: Answers) -> Validation:
    """Return what answers say about their bank; the same answers say the same.

    Raises DataError, in one line, for fewer than 100 persons, or an axis that fewer answered.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    scores = {axis.name: positions(bank, axis.name, answers.agreement) for axis in bank.axes}
    least = min(int((~np.isnan(each)).sum()) for each in scores.values())
    if least < PERSONS:
        message = (
            f"{answers.persons} persons, {least} with answers on every axis: too few to say "
            f"anything about {bank.name}; at least {PERSONS} are needed"
        )
        raise DataError(message)
    few: list[str] = []
    rng = np.random.default_rng(0)
    # The matrices are many and small: threads would wait for each other longer than they work.
    with threadpool_limits(1, "blas"):
        axes = {name: _axis(bank, name, answers, each, rng, few) for name, each in scores.items()}
        structure = _structure(bank, answers.agreement, rng, few)
        dif = dict(_differential(bank, answers, few))
    labels = {**answers.groups, **{name: thirds(p) for name, p in _given(answers.placements)}}
    return Validation(
        bank=bank.name,
        version=bank.version,
        hash=bank.hash,
        persons=answers.persons,
        axes=axes,
        structure=structure,
        groups={column: known_groups(each, scores) for column, each in labels.items()},
        placements={
            column: {
                axis: _placement(each, p, f"{column}, {axis}", few) for axis, p in scores.items()
            }
            for column, each in answers.placements.items()
        },
        dif=dif,
        too_few=few,
    )


def _given(placements: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    return ((name, each) for name, each in placements.items() if not np.isnan(each).all())


def _pairs(x: Array) -> int:
    """Return the smallest number of persons who answered two items both."""
    answered = (~np.isnan(x)).astype(float)
    return int((answered.T @ answered).min())


def _axis(
    bank: Bank, axis: str, answers: Answers, score: Array, rng: np.random.Generator, few: list[str]
) -> AxisReport:
    x, on = weighted(bank, axis, answers.agreement)
    covariance = reliability.pair_covariance(x)
    together = _pairs(x)
    enough = together >= PERSONS and len(on) > 1
    if together < PERSONS:
        few.append(f"{axis}: two items have only {together} persons together, not {PERSONS}")
    rest = reliability.item_rest(covariance) if enough else np.full(len(on), np.nan)
    alpha, omega = _reliability(x, covariance, rng) if enough else (None, None)
    if enough and omega is None:
        few.append(f"{axis}: no one factor to be had for omega")
    return AxisReport(
        position=stand(score),
        alpha=alpha,
        omega=omega,
        items={
            bank.items[i].id: ItemReport(
                missing=int(np.isnan(x[:, k]).sum()),
                item_rest=None if np.isnan(rest[k]) else float(rest[k]),
                flag=_flag(rest[k], covariance[k, k]) if enough else None,
            )
            for k, i in enumerate(on)
        },
    )


def _flag(rest: float, variance: float) -> Flag | None:
    if not variance > 0:
        return "constant"
    return "negative" if rest < 0 else "low" if rest < LOW else None


def _reliability(
    x: Array, covariance: Array, rng: np.random.Generator
) -> tuple[Estimate | None, Estimate | None]:
    """Return alpha and omega; the bootstrap intervals are percentiles over persons."""
    drawn = reliability.resampled(x, rng)
    alpha = _estimate(float(reliability.alpha(covariance)), reliability.alpha(drawn))
    if x.shape[1] < ITEMS:
        return alpha, None
    loadings = reliability.one_factor(reliability.correlation(covariance))
    if np.isnan(loadings).any():
        return alpha, None
    again = reliability.one_factor(reliability.correlation(drawn), loadings)
    omega = float(reliability.omega(covariance, loadings))
    return alpha, _estimate(omega, reliability.omega(drawn, again))


def _estimate(value: float, drawn: Array) -> Estimate | None:
    if not np.isfinite(value):
        return None
    settled = drawn[np.isfinite(drawn)]
    if len(settled) < (1 - UNSETTLED) * len(drawn):
        return Estimate(value)
    low, high = np.quantile(settled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _structure(
    bank: Bank, agreement: Array, rng: np.random.Generator, few: list[str]
) -> Structure | None:
    together, p, k = _pairs(agreement), len(bank.items), len(bank.axes)
    needed = max(STRUCTURE, p + 1)
    if together < needed or p < ITEMS * k:
        why = f"{together} persons answered every two items, not {needed}"
        few.append(f"factors: {why if together < needed else f'{p} items, not {ITEMS * k}'}")
        return None
    names = [axis.name for axis in bank.axes]
    target = np.array([[item.weights[name] for name in names] for item in bank.items])
    eigenvalues, chance = factors.parallel_analysis(agreement, rng)
    r = reliability.correlation(reliability.pair_covariance(agreement))
    turned = factors.oblimin(factors.minres(r, k))
    loadings, between = factors.aligned(*turned, target)
    right = factors.placed(loadings, target)
    return Structure(
        eigenvalues=eigenvalues.tolist(),
        chance=chance.tolist(),
        factors=int(np.argmin(np.append(eigenvalues > chance, False))),
        loadings={
            item.id: dict(zip(names, row, strict=True))
            for item, row in zip(bank.items, loadings.tolist(), strict=True)
        },
        between={
            name: dict(zip(names, row, strict=True))
            for name, row in zip(names, between.tolist(), strict=True)
        },
        congruence=dict(
            zip(names, np.diagonal(factors.congruence(loadings, target)).tolist(), strict=True)
        ),
        placed=float(right.mean()),
        misplaced=[item.id for item, ok in zip(bank.items, right, strict=True) if not ok],
    )


def _placement(placement: Array, position: Array, where: str, few: list[str]) -> Placement:
    n, r = pearson(placement, position)
    if n < PERSONS:
        few.append(f"{where}: {n} persons placed themselves, not {PERSONS}")
    return Placement(n, r if n >= PERSONS else None)


def _differential(
    bank: Bank, answers: Answers, few: list[str]
) -> Iterator[tuple[str, Differential]]:
    for column, labels in answers.groups.items():
        names, items, untested = differential(bank, answers.agreement, labels)
        if names:
            yield column, Differential(names, items, untested)
        else:
            few.append(f"DIF by {column}: it takes two groups of at least {GROUP} persons")
