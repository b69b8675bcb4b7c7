"""How a bank's items lie on its axes and topics, by where agreeing with them leads."""

from collections.abc import Sequence
from typing import NamedTuple

from politune_harness.compass.bank import Axis, Bank, Item
from politune_harness.compass.results import LIMIT


class Count(NamedTuple):
    """How many items of a topic weigh on an axis, by where agreeing with the statement leads."""

    axis: str
    topic: str
    low: int
    high: int


def counts(bank: Bank) -> list[Count]:
    """Return the items of each axis and topic by their keys, in the bank's order."""
    return [
        Count(axis.name, topic, keyed(items, axis, -1), keyed(items, axis, 1))
        for axis in bank.axes
        for topic, items in _topics(bank, axis).items()
    ]


def _topics(bank: Bank, axis: Axis) -> dict[str, list[Item]]:
    topics: dict[str, list[Item]] = {}
    for item in bank.items:
        if item.weights[axis.name]:
            topics.setdefault(item.topic, []).append(item)
    return topics


def keyed(items: Sequence[Item], axis: Axis, sign: int) -> int:
    """Return how many items' statements lead to the high end of an axis (1), or to the low (-1)."""
    return sum(item.weights[axis.name] * sign > 0 for item in items)


def table(bank: Bank) -> str:
    """Return the items by axis, topic and key as a Markdown table, a total below each axis."""
    lines = ["| axis | topic | low | high |", "|---|---|---:|---:|"]
    found = counts(bank)
    for axis in bank.axes:
        rows = [row for row in found if row.axis == axis.name]
        lines += [f"| {axis.name} | {row.topic} | {row.low} | {row.high} |" for row in rows]
        low, high = (sum(column) for column in zip(*(row[2:] for row in rows), strict=True))
        lines.append(f"| **{axis.name}** | **all** | **{low}** | **{high}** |")
    return "\n".join(lines)


def agreeing(bank: Bank, axis: Axis) -> float:
    """Return where agreeing fully with every statement lands: 0 where the keys are balanced."""
    weights = [item.weights[axis.name] for item in bank.items]
    return LIMIT * sum(weights) / sum(map(abs, weights))
