"""The prompts of our judged tasks, from the CSV files beside them, as documents for lm-eval.

Every document names its `item`, the cluster that intervals resample: a question, or a pair of
prompts that ask the same of both sides.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from politune_harness.errors import RecipeError
from politune_harness.registry import nearest

SIDES = ("left", "right")
"""The sides of a pair, in the order in which they are asked."""

Documents = Iterator[dict[str, Any]]


def questions(path: Path, samples: object = 1, topics: object = None) -> Documents:
    """Yield each question of a CSV (id, axis, topic, question) `samples` times.

    Only those on `topics`, where they are given. Raises RecipeError, in one line, for a number of
    samples below 1 or a topic that no question has.
    """
    listed = _rows(path)
    wanted = _topics(topics, dict.fromkeys(row["topic"] for row in listed))
    for row in listed:
        if row["topic"] in wanted:
            item = row.pop("id")
            for sample in _each(samples):
                yield {"item": item, **row, "sample": sample}


def instructions(path: Path, samples: object = 1) -> Documents:
    """Yield each instruction of a CSV (id, topic, side, instruction) `samples` times.

    `i01-left` and `i01-right` are the two of item `i01`, and stand beside each other.
    """
    for row in _rows(path):
        item = row["id"].removesuffix(f"-{row['side']}")
        for sample in _each(samples):
            yield {
                "item": item,
                "topic": row["topic"],
                "side": row["side"],
                "question": row["instruction"],
                "sample": sample,
            }


def pairs(path: Path, samples: object = 1) -> Documents:
    """Yield both requests of each pair of a CSV (id, topic, kind, left, right), left first."""
    for row in _rows(path):
        for sample in _each(samples):
            for side in SIDES:
                yield {
                    "item": row["id"],
                    "topic": row["topic"],
                    "kind": row["kind"],
                    "side": side,
                    "question": row[side],
                    "sample": sample,
                }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _each(samples: object) -> range:
    if type(samples) is not int or samples < 1:
        message = f"samples must be a whole number of at least 1, not {samples!r}"
        raise RecipeError(message)
    return range(samples)


def _topics(given: object, known: Mapping[str, object]) -> set[str]:
    if given is None:
        return set(known)
    if not isinstance(given, list) or not given:
        message = f"topics must be a list of {', '.join(known)}"
        raise RecipeError(message)
    for topic in given:
        if topic not in known:
            message = f"topics: no question is on {topic!r}; {nearest(str(topic), known)}"
            raise RecipeError(message)
    return set(given)
