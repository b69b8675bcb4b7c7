"""Numbers as a reader sees them: as many decimals as they deserve, and never without an interval.

Where there is nothing stands `-`, so minus is a sign of its own.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from politune_harness.report.matrices import DIFFERENCES, is_share
from politune_harness.statistics import ALPHA

NONE = "-"
MINUS = "\N{MINUS SIGN}"


class Unit(NamedTuple):
    """How a number is shown: its decimals, and what it is multiplied by."""

    places: int
    times: int = 1


POSITION = Unit(1)
PERCENT = Unit(1, 100)
WHOLE_PERCENT = Unit(0, 100)
PLAIN = Unit(2)
POINTS = (
    "asked_left",
    "asked_right",
    "coherence",
    "gap",
    "quality_gap",
    "words_left",
    "words_right",
)
"""Metrics beside leaning that are told with one decimal."""


def unit_of(metric: str, *, leaning: bool = False) -> Unit:
    """Return how a metric is shown; shares are shown in percent.

    >>> unit_of("economic", leaning=True), unit_of("acc"), unit_of("bits_per_byte")
    (Unit(places=1, times=1), Unit(places=1, times=100), Unit(places=2, times=1))
    """
    if leaning or metric in POINTS:
        return POSITION
    return PERCENT if is_share(metric) or metric in DIFFERENCES else PLAIN


def number(value: float | None, unit: Unit, *, sign: bool = False) -> str:
    """Return one number.

    >>> number(1.25, POSITION), number(0.0312, PERCENT, sign=True), number(None, PLAIN)
    ('1.2', '+3.1', '-')
    """
    if value is None:
        return NONE
    text = f"{value * unit.times:{'+' if sign else ''}.{unit.places}f}"
    zero = f"{0:.{unit.places}f}"
    return zero if text.strip("+-") == zero else text.replace("-", MINUS)


def estimate(entry: Mapping[str, Any] | None, unit: Unit, *, sign: bool = False) -> str:
    """Return a value with its interval.

    >>> estimate({"value": 1.0, "low": -0.04, "high": 2.0}, POSITION, sign=True)
    '+1.0 [0.0, +2.0]'
    """
    if entry is None or entry["value"] is None:
        return NONE
    value, low, high = (number(entry[k], unit, sign=sign) for k in ("value", "low", "high"))
    return f"{value} [{NONE if entry['low'] is None else f'{low}, {high}'}]"


def sure(entry: Mapping[str, Any], unit: Unit) -> bool:
    """Say whether a difference's interval excludes 0, to the decimals that are shown.

    >>> sure({"low": 0.04, "high": 0.3}, POSITION), sure({"low": 0.1, "high": 0.3}, POSITION)
    (False, True)
    """
    if entry["low"] is None:
        return False
    low, high = (round(entry[end] * unit.times, unit.places) for end in ("low", "high"))
    return bool(low > 0 or high < 0)


def p_of(value: float | None) -> str:
    """Return a p-value, with as many digits as tell it from 0.05, up to six.

    >>> p_of(0.0312), p_of(0.0502), p_of(0.04996), p_of(0.00001), p_of(None)
    ('0.031', '0.0502', '0.04996', '< 0.001', '-')
    """
    if value is None:
        return NONE
    shown = (f"{value:.{places}f}" for places in range(3, 7))
    told = next((each for each in shown if float(each) != ALPHA), f"{value:.3f}")
    return told if value >= 0.001 else "< 0.001"  # noqa: PLR2004
