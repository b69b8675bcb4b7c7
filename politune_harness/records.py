"""The rows that flow between stages: frozen structs, one a JSON line.

An `id` is unique within an artifact and kept by every later stage, so that any number in a
report can be traced to the rows behind it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import JsonValue as JSON  # noqa: N814

__all__ = [
    "JSON",
    "Completion",
    "Document",
    "Dropped",
    "ModelRef",
    "Note",
    "Preference",
    "Prompt",
    "Record",
    "Score",
]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What every row has."""

    id: str


class Document(Record, frozen=True, kw_only=True, gc=False):
    """A passage of source text. Filters annotate it through `metadata`."""

    text: str
    metadata: Mapping[str, Any] = {}


class Dropped(Record, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A row that a source, filter or writer left out, and why."""

    reason: str
    """A short class of reasons, the same words for the same cause: they are counted."""
    detail: str = ""
    """What was seen, such as a reply that could not be parsed. It is kept, and not counted."""
    malformed: bool = False
    """Whether the row was broken, and not merely unwanted: too many of those stop a run."""


class Note(Record, frozen=True, kw_only=True):
    """What a component found out about its own work, such as how far it agrees with another.

    It is kept beside the rows, printed when it is made, and shown in the report.
    """

    text: str
    values: Mapping[str, Any] = {}
    """The numbers in the text."""


class Preference(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt with a preferred and a dispreferred answer, in TRL's column names."""

    prompt: str
    chosen: str
    rejected: str
    """Empty where there is none: such a row is for SFT alone."""
    metadata: Mapping[str, Any] = {}
    """What is known of the document that the pair was written from."""


class Prompt(Record, frozen=True, kw_only=True):
    """What a generator is asked: one user turn, with an optional system turn before it."""

    prompt: str
    system: str | None = None


class Completion(Record, frozen=True, kw_only=True):
    """What a generator answered."""

    prompt: str
    completion: str
    poles: tuple[str, str] | None = None
    """What a judge is to place it between, as sentences; by default left and right."""
    other: tuple[str, str] | None = None
    """The other request of a pair and its answer, for a judge that compares the two."""
    tokens: tuple[int, int] | None = None
    """How many tokens were read and written for it, where an endpoint says so."""


class Score(Record, frozen=True, kw_only=True):
    """A judgement of one completion. `value` is None where there is none; nothing is imputed."""

    value: float | None
    reason: str = ""
    """Why this value, or why none."""
    judge: str
    """Who judged: the model or classifier, never left out."""
    reply: str = ""
    """The judge's raw reply."""
    off_schema: tuple[str, ...] = ()
    """The replies that held anything but what was asked for, in the form asked for."""
    failed: bool = False
    """Whether there is no value because the judge could not be asked: it may be, another time."""


class ModelRef(msgspec.Struct, frozen=True, kw_only=True):
    """A base model, by Hub id or folder, and the folder of the adapter to put on it."""

    base: str
    adapter: str | None = None
    step: int | None = None
    """How many steps it was trained for, where it is a checkpoint."""
    trust_remote_code: bool = False
    """Whether Python code that comes with the base may be run."""


def at(metadata: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401
    """Return what stands under a name in metadata, or under names in names; None if nothing.

    >>> at({"stance": {"topic": "taxes"}}, "stance.topic"), at({}, "stance.topic")
    ('taxes', None)
    """
    value: Any = metadata
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
