"""What an evaluation measured: one row for each metric of each sample.

    {"task": "politune_compass", "metric": "economic", "item": "tax-3", "value": -2.5}

A value is a number or missing, never a guess; `item` is the cluster that intervals resample.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.records import JSON


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value of one metric on one sample."""

    task: str
    metric: str
    item: str
    """The proposition, question or document: all of its rows are one cluster."""
    value: float | None = None
    judge: str | None = None
    """Who judged, where a value is a judgement."""
    sample: int | str | None = None
    """Which answer to the item this is, where it was asked for several."""
    key: int | None = None
    """On an axis, the way that agreeing with the item's statement points: 1 or -1."""


def rows_of(task: str, samples: Sequence[Mapping[str, Any]]) -> Iterator[Measurement]:
    """Yield the measurements in a task's samples as lm-eval logs them.

    A sample's metric is a number, or (in tasks of ours) `{"item", "value", ...}`, or a list of
    those. What is neither, such as the pairs that a perplexity is made of, is no measurement. A
    metric's name carries lm-eval's filter only where the task has several.
    """
    several = len({sample["filter"] for sample in samples}) > 1
    for sample in samples:
        for name in sample["metrics"]:
            metric = f"{name},{sample['filter']}" if several else name
            found = sample[name]
            for value in found if isinstance(found, list) else [found]:
                if isinstance(value, Mapping) and {"item", "value"} <= value.keys():
                    yield Measurement(
                        task=task,
                        metric=metric,
                        item=str(value["item"]),
                        value=number(value["value"]),
                        judge=value.get("judge"),
                        sample=value.get("sample"),
                        key=keyed(sample.get("doc") or {}, name),
                    )
                elif not isinstance(found, list) and is_number(value):
                    yield Measurement(
                        task=task, metric=metric, item=_document(sample), value=number(value)
                    )


def keyed(doc: Mapping[str, Any], axis: str) -> int | None:
    """Return the way that agreeing with an item's statement points on an axis, whatever is shown.

    A document's own weight is that of the sentence it shows. Where it has points for each option in
    place of a weight, they rise or fall with it. None where it does not weigh on the axis.

    >>> keyed({"weights": {"economic": -0.5}, "wording": "reversed"}, "economic")
    1
    >>> keyed({"points": {"social": [7, 5, 0, -2]}}, "social")
    -1
    """
    points = (doc.get("points") or {}).get(axis)
    weight = points[-1] - points[0] if points else (doc.get("weights") or {}).get(axis)
    if not weight:
        return None
    return (1 if weight > 0 else -1) * (-1 if doc.get("wording") == "reversed" else 1)


def identity(sample: Mapping[str, Any]) -> tuple[str, int | str | None]:
    """Return the item that a sample belongs to, and which answer to it this is."""
    for row in rows_of("", [sample]):
        return row.item, row.sample
    return _document(sample), None


def _document(sample: Mapping[str, Any]) -> str:
    return str(sample["doc_hash"])[:16]


def is_number(value: object) -> bool:
    """Say whether a value, numpy's scalars included, is one number."""
    return value is None or (hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0)


def number(value: Any) -> float | None:  # noqa: ANN401
    """Return a finite float; None for whatever is missing or not finite."""
    found = None if value is None else float(value)
    return found if found is not None and math.isfinite(found) else None


def plain(value: object) -> JSON:  # noqa: PLR0911
    """Return a value as JSON can hold it, the same at every run.

    Numbers that are not finite become None, sets are sorted, and an object that JSON has no word
    for is named by its type.

    >>> plain({"a": {2, 1}, "b": float("nan"), 3: (b"x", object())})
    {'a': [1, 2], 'b': None, '3': ['<bytes>', '<object>']}
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(inner) for inner in value), key=str)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return f"<{type(value).__name__}>"


def read(path: Path) -> list[Measurement]:
    """Read measurements.jsonl."""
    decode = msgspec.json.Decoder(Measurement).decode
    with path.open("rb") as lines:
        return [decode(line) for line in lines]
