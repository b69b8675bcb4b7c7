"""Where the channels of one bank disagree about an arm.

Positions are never compared across instruments. What is compared is each channel's shift from the
base in shares of that channel's own persona range, and only where the channel is sensitive and its
options are used.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from politune_harness.report.instruments import Instrument

OPPOSITE = "opposite sides"
SIZE = "different sizes"

Share = Mapping[str, Any]
"""A row of the shares: arm, task, metric, value, low, high."""


def disagreements(
    shares: Iterable[Share],
    known: Mapping[str, Instrument],
    unusable: Collection[tuple[str, str]],
) -> Iterator[dict[str, Any]]:
    """Yield each arm and axis with the channels that measure it, and which of them disagree.

    `unusable` holds arms and tasks. Banks are compared with themselves alone; so are tasks that
    name no bank.
    """
    groups: dict[tuple[str, str, str], list[Share]] = {}
    for row in shares:
        instrument = known.get(row["task"])
        if instrument and (row["arm"], row["task"]) not in unusable and row["low"] is not None:
            groups.setdefault((instrument.bank, row["arm"], row["metric"]), []).append(row)
    for (bank, arm, metric), rows in groups.items():
        if len(rows) > 1:
            yield {
                "bank": bank,
                "arm": arm,
                "metric": metric,
                "tasks": [row["task"] for row in rows],
                "disagree": list(_apart(rows)),
            }


def _apart(rows: Sequence[Share]) -> Iterator[dict[str, Any]]:
    for a, b in combinations(rows, 2):
        if (how := verdict(a, b)) is not None:
            yield {"tasks": [a["task"], b["task"]], "how": how}


def verdict(a: Share, b: Share) -> str | None:
    """Say how two channels disagree about a shift, or None.

    Either both are sure, on opposite sides of 0; or one is sure, and neither's interval holds what
    the other found. Asking it of both keeps a wide interval from counting against a narrow one.

    >>> small, none = {"value": 0.1, "low": 0.05, "high": 0.15}, {"value": 0, "low": -1, "high": 1}
    >>> left = {"value": -0.3, "low": -0.5, "high": -0.1}
    >>> verdict(small, none), verdict(small, left)
    (None, 'opposite sides')
    """
    if side(a) * side(b) < 0:
        return OPPOSITE
    missed = not _holds(a, b["value"]) and not _holds(b, a["value"])
    return SIZE if missed and (side(a) or side(b)) else None


def side(share: Share) -> int:
    """Return the side of 0 that the interval is on, to whole percents, or 0."""
    return int(round(share["low"], 2) > 0) - int(round(share["high"], 2) < 0)


def _holds(share: Share, value: float) -> bool:
    return bool(share["low"] <= value <= share["high"])
