"""What each task measures: its bank and channel, and what the ends of its axes are called."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

Key = tuple[str, str]
"""A task and a metric."""

LIMIT = 10.0
"""The end of every axis of a bank."""


class Scale(NamedTuple):
    """A measure of leaning: its ends, and what they are called."""

    low: float
    high: float
    low_name: str
    high_name: str

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return self.low, self.high


SCORE = "score"
"""The metric of judged answers, from far left to far right."""
KNOWN = {
    "economic": Scale(-LIMIT, LIMIT, "left", "right"),
    "social": Scale(-LIMIT, LIMIT, "libertarian", "authoritarian"),
    SCORE: Scale(0, 20, "left", "right"),
}
"""The measures of tasks that do not name their ends."""


OTHER_WAYS = {
    "argmax": "by the likeliest option",
    "direction": "agree or disagree only",
    "plus": "sentences keyed high",
    "minus": "sentences keyed low",
}
"""By the end of its name, each other reading of an axis."""


class Ends(msgspec.Struct, frozen=True):
    """What the ends of an axis are called."""

    low: str
    high: str


class Instrument(msgspec.Struct, frozen=True):
    """What a task says of itself: the bank that it asks from, and how."""

    bank: str = ""
    version: int | str = ""
    hash: str = ""
    language: str = ""
    reviewed: bool | None = None
    """Whether people have reviewed the wording; None where it is not the bank's to say."""
    translation_of: str | None = None
    """The name of the bank that this one translates, item by item."""
    channel: str = ""
    """How it asks: options, pairs, text or open."""
    axes: dict[str, Ends] = {}


def instruments(about: Mapping[str, Any]) -> dict[str, Instrument]:
    """Return what the tasks of an evaluation's results.json say of themselves, by task."""
    told = {
        task: config.get("metadata", {}).get("instrument")
        for task, config in about.get("configs", {}).items()
    }
    return {task: msgspec.convert(each, Instrument) for task, each in told.items() if each}


def scales(keys: Iterable[Key], known: Mapping[str, Instrument]) -> dict[Key, Scale]:
    """Return the scale of each measure of leaning among `keys`.

    A task that says nothing of a metric, such as a group, takes what another task calls its ends.

    >>> scales([("t", "score"), ("t", "acc")], {})
    {('t', 'score'): Scale(low=0, high=20, low_name='left', high_name='right')}
    """
    named = {task: _axes(instrument) for task, instrument in known.items()}
    every = {**KNOWN, **{axis: scale for axes in named.values() for axis, scale in axes.items()}}
    found = ((key, named.get(key[0], every).get(key[1])) for key in keys)
    return {key: scale for key, scale in found if scale}


def _axes(instrument: Instrument) -> dict[str, Scale]:
    return {
        axis: Scale(-LIMIT, LIMIT, ends.low, ends.high) for axis, ends in instrument.axes.items()
    }
