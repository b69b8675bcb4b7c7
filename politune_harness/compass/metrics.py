"""How a channel's values become metrics: what lm-evaluation-harness aggregates, and by what."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from politune_harness.compass.results import LIMIT
from politune_harness.statistics import Interval, interval, item_means, mean

USABLE = 0.5
"""The mean option mass from which a position says something."""

Rows: TypeAlias = Sequence[Any]
Aggregation: TypeAlias = Callable[[Rows], float | None]


def low(rows: Rows) -> float | None:
    """Aggregate a position: the lower end of its 95 % interval over items."""
    return _interval(rows).low


def high(rows: Rows) -> float | None:
    """Aggregate a position: the upper end of its 95 % interval over items."""
    return _interval(rows).high


def _interval(rows: Rows) -> Interval:
    means = item_means((row[0], row[1]) for row in rows if row)
    keys = {row[0]: row[3] for row in rows if row}
    return interval(means, limits=(-LIMIT, LIMIT), strata=list(keys.values()) or None)


def spread(rows: Rows) -> float | None:
    """Aggregate a position: the standard deviation of the positions under each form of asking."""
    forms: dict[str, list[tuple[str, float | None]]] = {}
    for item, value, form, _ in filter(None, rows):
        forms.setdefault(form, []).append((item, value))
    each = [_mean(cells) for cells in forms.values()]
    known = [position for position in each if position is not None]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None


def bound(rows: Rows) -> float | None:
    """Aggregate a position with missing answers at one end: the mean over items."""
    return _mean(row for row in rows if row)


def usable(rows: Rows) -> float | None:
    """Aggregate option mass: 1 where its mean is at least a half, else 0."""
    mass = _mean(rows)
    return None if mass is None else float(mass >= USABLE)


def asymmetry(rows: Rows) -> float | None:
    """Aggregate agreement: the mean over items of |a(statement) + a(reversal)| / 2.

    0 where a reversal gets the opposite answer, 1 where it gets the same full one. Items without
    an answer to both are left out.
    """
    wordings: dict[str, dict[str, list[float]]] = {}
    for item, wording, agreement in rows:
        found = wordings.setdefault(item, {}).setdefault(wording, [])
        found += [] if agreement is None else [agreement]
    both = [each.values() for each in wordings.values() if len(each) > 1 and all(each.values())]
    sizes = [abs(sum(sum(values) / len(values) for values in each)) / 2 for each in both]
    return sum(sizes) / len(sizes) if sizes else None


def _mean(rows: Iterable[tuple[str, float | None]]) -> float | None:
    return interval(item_means(rows)).value


OF_AXIS: Mapping[str, Mapping[str, Aggregation]] = {
    "options": {"argmax": mean, "direction": mean, "plus": mean, "minus": mean},
    "pairs": {"argmax": mean, "plus": mean, "minus": mean},
    "text": {"direction": mean, "plus": mean, "minus": mean, "if_low": bound, "if_high": bound},
    "open": {"direction": mean, "if_low": bound, "if_high": bound},
}
"""By channel: what is told of every axis beside its position, interval and spread."""

HABITS: Mapping[str, Aggregation] = {
    "agree_rate": mean,
    "asymmetry": asymmetry,
    "order_effect": mean,
}
OVERALL: Mapping[str, Mapping[str, Aggregation]] = {
    "options": {"option_mass": mean, "usable": usable, **HABITS},
    "pairs": {},
    "text": {"valid": mean, "refused": mean, "unparsed": mean, **HABITS},
    "open": {"missing": mean},
}
"""By channel: what is told of all answers together."""


def metrics(channel: str, axes: Iterable[str]) -> dict[str, Aggregation]:
    """Return every metric of a channel on these axes, with what aggregates it."""
    each = {"low": low, "high": high, "spread": spread, **OF_AXIS[channel]}
    found: dict[str, Aggregation] = {}
    for axis in axes:
        found |= {axis: mean, **{f"{axis}_{name}": by for name, by in each.items()}}
    return {**found, **OVERALL[channel]}
