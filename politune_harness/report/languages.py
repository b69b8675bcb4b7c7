"""A bank and its translation, item by item: where the two are answered differently."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from politune_harness.report.instruments import Instrument, Key, Scale
from politune_harness.report.reading import Run
from politune_harness.statistics import difference, item_means


def pairs(known: Mapping[str, Instrument]) -> list[tuple[str, str]]:
    """Return each task with the task that asks its translation through the same channel."""
    return [
        (original, translation)
        for translation, theirs in known.items()
        for original, ours in known.items()
        if theirs.translation_of == ours.bank and theirs.channel == ours.channel
    ]


def tables(
    run: Run, scales: Mapping[Key, Scale], known: Mapping[str, Instrument]
) -> Iterator[dict[str, Any]]:
    """Yield the base's positions in two languages: each item, the largest difference first.

    The difference of the means is there only where the recipe says `compare_languages`: it may be
    the translation's as well as the model's.
    """
    for original, translation in pairs(known):
        for axis in known[original].axes:
            here, there = _items(run, (original, axis)), _items(run, (translation, axis))
            both = sorted(here.keys() & there.keys())
            if not both or (original, axis) not in scales:
                continue
            rows = [_row(item, here[item], there[item]) for item in both]
            yield {
                "tasks": [original, translation],
                "languages": [known[task].language for task in (original, translation)],
                "reviewed": known[translation].reviewed,
                "metric": axis,
                "items": sorted(rows, key=lambda row: -abs(row["difference"])),
                "mean": _mean(here, there, both) if run.recipe.evaluate.compare_languages else None,
            }


def _items(run: Run, key: Key) -> dict[str, float]:
    """Return the base's position on each item that it answered."""
    rows = [row for row in run.base.rows if (row.task, row.metric) == key]
    names = dict.fromkeys(row.item for row in rows)
    means = item_means((row.item, row.value) for row in rows)[:, 0]
    return {item: float(m) for item, m in zip(names, means, strict=True) if not np.isnan(m)}


def _row(item: str, here: float, there: float) -> dict[str, Any]:
    return {"item": item, "values": [here, there], "difference": there - here}


def _mean(here: Mapping[str, float], there: Mapping[str, float], both: list[str]) -> dict[str, Any]:
    a, b = (np.array([[each[item]] for item in both]) for each in (there, here))
    return difference(a, b)._asdict()
