"""Do the instruments agree? Each arm and seed on each topic, as every instrument sees it.

A multitrait-multimethod table (Campbell and Fiske 1959): topics are the traits, instruments (tasks,
and each judge of a task that has several: a language model, a classifier, a tuned encoder) the
methods; arms, seeds and evaluated checkpoints are the cases. What instruments
show alike on one topic should be more alike than what they show on different topics. Compared are
shifts from the base in shares of the way from a scale's centre to its end, never positions.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from politune_harness.rating import Judged
from politune_harness.report.instruments import SCORE, Key, Scale
from politune_harness.report.reading import BASE, Evaluation, Run
from politune_harness.statistics import Array, item_means

Case = tuple[str, str]
"""An arm and one of its seeds, or a checkpoint of it, such as `0, step 4`."""
Topics = Mapping[tuple[str, str], str]
"""By task and item, its topic."""
Shifts = Mapping[str, Mapping[tuple[Case, str], float]]
"""By method, and by case and topic: the shift from the base."""

LEAST = 3
"""Fewer cells than this have no correlation worth a number."""
READABLE = 0.1
"""A discrepancy worth reading: both shifts at least this share of the way, to opposite sides."""
MOST = 20
"""How many discrepancies are kept."""


class Agreement(NamedTuple):
    """How two methods agree; correlations are None where too little varies."""

    methods: tuple[str, str]
    same: float | None
    """Over cases and topics, each on the same topic: convergent validity."""
    other: float | None
    """Each on another topic of the same case: what a general shift alone explains."""
    cells: int
    topics: int


def methods(run: Run, scales: Mapping[Key, Scale]) -> dict[str, Any]:
    """Return the table, and the discrepancies worth reading, for results.json."""
    found = shifts(run, scales)
    return {
        "agreement": [agreement(found, a, b)._asdict() for a, b in combinations(found, 2)],
        "discrepancies": list(discrepancies(found))[:MOST],
    }


def shifts(run: Run, scales: Mapping[Key, Scale]) -> dict[str, dict[tuple[Case, str], float]]:
    """Return what each method sees of each arm and seed on each topic; see `Shifts`.

    Checkpoints are compared with the base on what they were asked, which may be other topics.
    """
    places = {(arm, seed): e for arm, seeds in run.arms.items() for seed, e in seeds.items()}
    found = _shifts(places, run.topics, run.answers, scales)
    if (way := run.trajectories) is not None:
        places = {(p.arm, f"{p.seed}, step {p.point.step}"): p.evaluation for p in way.points}
        along = _shifts({(BASE, ""): way.base, **places}, way.topics, way.answers, scales)
        for method, each in along.items():
            found[method] = found.get(method, {}) | each
    return dict(sorted(found.items()))


def _shifts(
    places: Mapping[Case, Evaluation],
    topics: Topics,
    answers: Iterable[Judged],
    scales: Mapping[Key, Scale],
) -> dict[str, dict[tuple[Case, str], float]]:
    values: dict[str, dict[tuple[Case, str], float]] = {}
    for case, evaluation in places.items():
        for method, topic, value in _topics(evaluation, topics, scales):
            values.setdefault(method, {})[case, topic] = value
    for method, topic, case, value in _by_judge(answers, topics, scales):
        values.setdefault(method, {})[case, topic] = value
    found = {
        method: {
            (case, topic): value - each[(BASE, ""), topic]
            for (case, topic), value in each.items()
            if case[0] != BASE and ((BASE, ""), topic) in each
        }
        for method, each in values.items()
    }
    return {method: each for method, each in found.items() if each}


def _topics(
    evaluation: Evaluation, topics: Topics, scales: Mapping[Key, Scale]
) -> Iterator[tuple[str, str, float]]:
    """Yield each task and topic with the mean of the topic's items, in shares of the scale."""
    groups: dict[tuple[str, str], list[tuple[str, float | None]]] = {}
    for row in evaluation.rows:
        scale = scales.get((row.task, row.metric))
        topic = topics.get((row.task, row.item))
        if scale and topic:
            share = None if row.value is None else _share(row.value, scale)
            groups.setdefault((row.task, topic), []).append((row.item, share))
    yield from _means(groups)


def _by_judge(
    answers: Iterable[Judged], topics: Topics, scales: Mapping[Key, Scale]
) -> Iterator[tuple[str, str, Case, float]]:
    """Yield what each of several judges of a task sees, as a method of its own."""
    groups: dict[Case, dict[tuple[str, str], list[tuple[str, float | None]]]] = {}
    for each in answers:
        scale, topic = scales.get((each.task, SCORE)), topics.get((each.task, each.item))
        if scale is None or topic is None or len(each.scores) < 2:  # noqa: PLR2004
            continue
        mine = groups.setdefault((each.arm, each.seed), {})
        for judge, value in each.scores.items():
            share = None if value is None else _share(value, scale)
            mine.setdefault((f"{each.task} by {judge}", topic), []).append((each.item, share))
    for case, mine in groups.items():
        for method, topic, value in _means(mine):
            yield method, topic, case, value


def _share(value: float, scale: Scale) -> float:
    return (value - (scale.low + scale.high) / 2) / ((scale.high - scale.low) / 2)


def _means(
    groups: Mapping[tuple[str, str], Iterable[tuple[str, float | None]]],
) -> Iterator[tuple[str, str, float]]:
    for (method, topic), rows in groups.items():
        means = item_means(rows)
        if not np.isnan(means).all():
            yield method, topic, float(np.nanmean(means))


def agreement(found: Shifts, a: str, b: str) -> Agreement:
    """Return how two methods agree on the cases and topics that both have seen.

    >>> x = {(("left", s), t): v for s, t, v in (("0", "tax", -1.0), ("0", "army", -0.2),
    ...     ("1", "tax", -0.8), ("1", "army", 0.1))}
    >>> told = agreement({"a": x, "b": x}, "a", "b")
    >>> round(told.same, 2), told.cells, told.topics
    (1.0, 4, 2)
    """
    both = sorted(found[a].keys() & found[b].keys())
    cases, topics = sorted({case for case, _ in both}), sorted({topic for _, topic in both})
    x, y = (_matrix(found[name], cases, topics) for name in (a, b))
    same = ~np.isnan(x) & ~np.isnan(y)
    others = [(x[:, s], y[:, t]) for s in range(len(topics)) for t in range(len(topics)) if s != t]
    apart = np.hstack([np.stack(pair) for pair in others]) if others else np.zeros((2, 0))
    return Agreement(
        (a, b), _correlation(x[same], y[same]), _correlation(*apart), len(both), len(topics)
    )


def _matrix(
    values: Mapping[tuple[Case, str], float], cases: list[Case], topics: list[str]
) -> Array:
    rows = [[values.get((case, topic), np.nan) for topic in topics] for case in cases]
    return np.array(rows, dtype=float).reshape(len(cases), len(topics))


def _correlation(x: Array, y: Array) -> float | None:
    there = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[there], y[there]
    if len(x) < LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def discrepancies(found: Shifts) -> Iterator[dict[str, Any]]:
    """Yield where two methods see one arm and seed go opposite ways on a topic, widest first."""
    rows = [
        {"arm": case[0], "seed": case[1], "topic": topic, "methods": [a, b], "shifts": [u, v]}
        for a, b in combinations(found, 2)
        for (case, topic), u in found[a].items()
        if (v := found[b].get((case, topic))) is not None
        and u * v < 0
        and min(abs(u), abs(v)) >= READABLE
    ]
    yield from sorted(rows, key=lambda row: (-_gap(row), row["arm"], row["seed"], row["topic"]))


def _gap(row: Mapping[str, Any]) -> float:
    u, v = row["shifts"]
    return abs(float(u) - float(v))
