"""Two halves of what is asked, split by topic: one to choose a checkpoint by, one to report on.

Nothing that a checkpoint was chosen by is in a report of it. A topic falls into the same half in
every task, so an issue is never looked at by one instrument and reported by another.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from politune_harness.errors import RecipeError

Half: TypeAlias = Literal["selection", "report"]

SALT = 37397
"""Chosen so that of our own banks each axis, and each way of keying it, falls into equal halves."""


def half(topic: str) -> Half:
    """Return the half that a topic falls into, by a hash of its name.

    >>> half("taxes"), half("wages")
    ('report', 'selection')
    """
    odd = hashlib.sha256(f"{SALT}:{topic}".encode()).digest()[0] & 1
    return "selection" if odd else "report"


def restrict(tasks: Mapping[str, Any], wanted: Half, whole: Collection[str] = ()) -> None:
    """Leave lm-eval's tasks only the documents of a half.

    A task whose documents have no topics is left whole for a report, and chooses nothing:
    RecipeError is raised for it, unless it is one of those that are asked `whole` since no rule
    looks at them, and for a task without a topic in the half.
    """
    for name, task in tasks.items():
        split = task.config.test_split or task.config.validation_split
        documents = task.dataset[split]
        if "topic" not in documents.column_names:
            if wanted == "selection" and name not in whole:
                message = f"{name} has no topics to split it by, so no checkpoint can be chosen by "
                raise RecipeError(message + "it: leave it out of evaluate.trajectory")
            continue
        kept = [i for i, topic in enumerate(documents["topic"]) if half(str(topic)) == wanted]
        if not kept:
            message = f"{name} asks about no topic of the {wanted} half; give it more topics"
            raise RecipeError(message)
        task.dataset[split] = documents.select(kept)


def told(samples: Mapping[str, Sequence[Mapping[str, Any]]], wanted: Half) -> dict[str, Any]:
    """Return what results.json says of a half: its topics, and the tasks that were asked whole."""
    known = {name: [each["doc"].get("topic") for each in rows] for name, rows in samples.items()}
    return {
        "half": wanted,
        "topics": sorted({str(t) for each in known.values() for t in each if t is not None}),
        "whole": sorted(name for name, each in known.items() if None in each),
    }
