"""Topic by topic: how far each arm moved on the items of each topic, from the base.

A topic has few items, so these are places to look, and no findings: there are no intervals.
"""

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key
from politune_harness.report.markdown import code, md, section, table
from politune_harness.report.numbers import number
from politune_harness.report.reading import BASE, Run

Shift = dict[str, Any]
"""task, metric, topic, n items, and `arms`: by arm, the mean shift of those items."""


def shifts(run: Run, keys: list[Key]) -> Iterator[Shift]:
    """Yield the shift of each arm from the base on each measure and topic."""
    means = {arm: _means(run, arm, keys) for arm in run.arms}
    for task, metric in keys:
        topics: dict[str, list[str]] = {}
        for item in means[BASE].get((task, metric), {}):
            if topic := run.topics.get((task, item)):
                topics.setdefault(topic, []).append(item)
        for topic, items in sorted(topics.items()):
            arms = {
                arm: _shift(each.get((task, metric), {}), means[BASE][task, metric], items)
                for arm, each in means.items()
                if arm != BASE
            }
            yield {"task": task, "metric": metric, "topic": topic, "n": len(items), "arms": arms}


def _means(run: Run, arm: str, keys: list[Key]) -> dict[Key, dict[str, float]]:
    """Return an arm's mean of each item, over its rows and seeds."""
    values: dict[Key, dict[str, list[float]]] = {}
    for evaluation in run.arms[arm].values():
        for row in evaluation.rows:
            if (row.task, row.metric) in keys and row.value is not None:
                items = values.setdefault((row.task, row.metric), {})
                items.setdefault(row.item, []).append(row.value)
    return {key: {item: fmean(v) for item, v in each.items()} for key, each in values.items()}


def _shift(arm: Mapping[str, float], base: Mapping[str, float], items: list[str]) -> float | None:
    both = [arm[item] - base[item] for item in items if item in arm]
    return fmean(both) if both else None


def topics(findings: Findings) -> str:
    """Return the table of topics by measure and arm."""
    rows = [
        [
            code(each["task"]),
            md(each["metric"]),
            md(each["topic"]),
            str(each["n"]),
            *(
                number(
                    each["arms"].get(arm), findings.unit(each["task"], each["metric"]), sign=True
                )
                for arm in findings.tuned
            ),
        ]
        for each in findings.results["topics"]
    ]
    note = "Mean shift from the base on the items of each topic. A topic has few items, *n*: these "
    note += "are places to look, and no findings."
    head = ["task", "metric", "topic", "n", *map(md, findings.tuned)]
    return section("Topic by topic", note if rows else "", table(head, rows, words=3))
