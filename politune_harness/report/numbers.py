"""Numbers as a reader sees them: as many decimals as they deserve, and never without an interval.

Where there is nothing stands `-`, so minus is a sign of its own.
"""

from collections.abc import Mapping
from typing import Any

from politune_harness.report.summary import LEANING, scale_of

NONE = "-"
MINUS = "\N{MINUS SIGN}"


def decimals(metric: str) -> tuple[int, int]:
    """Return a metric's decimals, and what it is multiplied by: shares are shown in percent.

    >>> decimals("economic"), decimals("acc"), decimals("bits_per_byte")
    ((1, 1), (1, 100), (2, 1))
    """
    if metric in LEANING:
        return 1, 1
    return (1, 100) if scale_of(metric) or metric == "acc_above_chance" else (2, 1)


def number(value: float | None, metric: str, *, sign: bool = False) -> str:
    """Return one number.

    >>> number(1.25, "economic"), number(0.0312, "acc", sign=True), number(None, "acc")
    ('1.2', '+3.1', '-')
    """
    if value is None:
        return NONE
    places, times = decimals(metric)
    text = f"{value * times:{'+' if sign else ''}.{places}f}"
    zero = f"{0:.{places}f}"
    return zero if text.strip("+-") == zero else text.replace("-", MINUS)


def estimate(entry: Mapping[str, Any] | None, metric: str, *, sign: bool = False) -> str:
    """Return a value with its interval.

    >>> estimate({"value": 1.0, "low": -0.04, "high": 2.0}, "social", sign=True)
    '+1.0 [0.0, +2.0]'
    """
    if entry is None or entry["value"] is None:
        return NONE
    value, low, high = (number(entry[k], metric, sign=sign) for k in ("value", "low", "high"))
    return f"{value} [{NONE if entry['low'] is None else f'{low}, {high}'}]"


def sure(entry: Mapping[str, Any], metric: str) -> bool:
    """Say whether a difference's interval excludes 0, to the decimals that are shown.

    >>> sure({"low": 0.04, "high": 0.3}, "economic"), sure({"low": 0.1, "high": 0.3}, "economic")
    (False, True)
    """
    if entry["low"] is None:
        return False
    places, times = decimals(metric)
    low, high = (round(entry[end] * times, places) for end in ("low", "high"))
    return bool(low > 0 or high < 0)
