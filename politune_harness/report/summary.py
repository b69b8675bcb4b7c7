"""Turn measurements into results: a mean with its interval for each arm, task and metric.

A value is the mean of item means, an interval comes from `politune_harness.statistics`, and what
is missing is counted and never filled in.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from politune_harness.measurements import Measurement
from politune_harness.report.reading import BASE, Evaluation, Run
from politune_harness.statistics import Array, Interval, difference, interval

CONTROL = "control"
"""The arm that every other is also compared with."""


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


LEANING = {
    "economic": Scale(-10, 10, "left", "right"),
    "social": Scale(-10, 10, "libertarian", "authoritarian"),
    "score": Scale(0, 20, "left", "right"),
}
"""The metrics that say where a model stands."""

SHARES = ("acc", "agree_rate", "empty", "exact_match", "missing", "option_mass", "repetition")
"""How the names of metrics between 0 and 1 begin."""
NOT_SHARES = ("acc_above_chance",)

DIFFERENCES = "a minus b; on economic and score, less is further left; on social, more libertarian"

Key = tuple[str, str]
"""A task and a metric."""


@dataclass(frozen=True)
class Cell:
    """One metric of one arm."""

    matrix: Array
    """Shape (items, seeds): the mean over an item's rows; NaN where all are missing."""
    seeds: tuple[str, ...]
    missing: int
    """Rows without a value."""
    judge: str | None
    filled: tuple[Array, Array] | None
    """The matrix with every missing row at the least, then at the greatest, of the scale."""


def cells(arms: Mapping[str, Mapping[str, Evaluation]]) -> dict[str, dict[Key, Cell]]:
    """Return every metric of every arm; the rows of a metric's matrices are the same items."""
    items: dict[Key, dict[str, int]] = {}
    for evaluation in (e for seeds in arms.values() for e in seeds.values()):
        for row in evaluation.rows:
            known = items.setdefault((row.task, row.metric), {})
            known.setdefault(row.item, len(known))
    return {arm: dict(_cells_of(seeds, items)) for arm, seeds in arms.items()}


def _cells_of(
    seeds: Mapping[str, Evaluation], items: Mapping[Key, Mapping[str, int]]
) -> Iterator[tuple[Key, Cell]]:
    rows: dict[Key, list[tuple[int, int, Measurement]]] = {}
    for column, evaluation in enumerate(seeds.values()):
        for row in evaluation.rows:
            key = row.task, row.metric
            rows.setdefault(key, []).append((items[key][row.item], column, row))
    for key, found in rows.items():
        shape = len(items[key]), len(seeds)
        missing = sum(row.value is None for *_, row in found)
        judges = sorted({row.judge for *_, row in found if row.judge})
        scale = scale_of(key[1])
        filled = scale and (_matrix(found, shape, scale[0]), _matrix(found, shape, scale[1]))
        yield (
            key,
            Cell(
                matrix=_matrix(found, shape, None),
                seeds=tuple(seeds),
                missing=missing,
                judge=", ".join(judges) or None,
                filled=filled if missing else None,
            ),
        )


def _matrix(
    rows: list[tuple[int, int, Measurement]], shape: tuple[int, int], instead: float | None
) -> Array:
    """Return item means by seed, with `instead` in place of what is missing."""
    total, count = np.zeros(shape), np.zeros(shape)
    for item, column, row in rows:
        value = instead if row.value is None else row.value
        if value is not None:
            total[item, column] += value
            count[item, column] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def scale_of(metric: str) -> tuple[float, float] | None:
    """Return the ends of a metric's scale, where they are known."""
    if metric in LEANING:
        return LEANING[metric].ends
    bounded = metric.startswith(SHARES) and metric not in NOT_SHARES
    return (0.0, 1.0) if bounded else None


def results(run: Run) -> dict[str, Any]:
    """Return the content of results.json, without clock times.

    `arms` holds, by arm, task and metric, the value with its interval, the number of items, the
    rows without a value, the judge, and the value of each training seed; `differences` holds each
    pair of arms, a minus b. The rest says what they rest on: the model, the instruments' versions,
    bounds over what is missing, what personas could not move, and warnings.
    """
    found = cells(run.arms)
    about = run.base.about
    sensitivity = _sensitivity(run)
    return {
        "arms": {
            arm: {"tasks": _by_task({key: _entry(key, cell) for key, cell in each.items()})}
            for arm, each in found.items()
        },
        "differences": list(_differences(found)),
        "difference_is": DIFFERENCES,
        "model": about["model"] if "/" in run.recipe.model else run.recipe.model,
        "base_sha256": about.get("base_sha256"),
        "stamp": about.get("stamp"),
        "partial": any(e.about.get("partial") for s in run.arms.values() for e in s.values()),
        "instruments": about.get("versions", {}),
        "bounds": {
            arm: _by_task({key: _bounds(cell) for key, cell in each.items() if cell.filled})
            for arm, each in found.items()
        },
        "personas": sensitivity,
        "insensitive": sorted(
            f"{task} {metric}"
            for task, metrics in sensitivity.items()
            for metric, entry in metrics.items()
            if not entry["sensitive"]
        ),
        "spread": {arm: _spread(seeds) for arm, seeds in run.arms.items()},
        "warnings": dict(_warnings(run)),
        "packages": about.get("packages", {}),
    }


def _by_task(entries: Mapping[Key, Any]) -> dict[str, dict[str, Any]]:
    tasks: dict[str, dict[str, Any]] = {}
    for (task, metric), entry in sorted(entries.items()):
        tasks.setdefault(task, {})[metric] = entry
    return tasks


def _entry(key: Key, cell: Cell) -> dict[str, Any]:
    each = {
        seed: interval(cell.matrix[:, [column]]).value for column, seed in enumerate(cell.seeds)
    }
    return {
        **interval(cell.matrix, scale_of(key[1]))._asdict(),
        "n": int((~np.isnan(cell.matrix)).any(axis=1).sum()),
        "missing": cell.missing,
        "judge": cell.judge,
        "seeds": {seed: value for seed, value in each.items() if seed},
    }


def _bounds(cell: Cell) -> list[float | None]:
    assert cell.filled is not None
    return [interval(matrix).value for matrix in cell.filled]


def _differences(found: Mapping[str, Mapping[Key, Cell]]) -> Iterator[dict[str, Any]]:
    """Yield each arm against base and control, and left against right: a minus b."""
    others = [arm for arm in found if arm != BASE]
    pairs = [(arm, BASE) for arm in others]
    pairs += [(arm, CONTROL) for arm in others if CONTROL in found and arm != CONTROL]
    pairs += [("left", "right")] if {"left", "right"} <= set(others) else []
    for a, b in pairs:
        for key in sorted(found[a].keys() & found[b].keys()):
            apart = difference(found[a][key].matrix, found[b][key].matrix)
            yield {"a": a, "b": b, "task": key[0], "metric": key[1], **apart._asdict()}


def _sensitivity(run: Run) -> dict[str, dict[str, Any]]:
    """Return how far system prompts move each measure of leaning: persona right minus left.

    One that they do not move to the right for sure says nothing about this model's leaning.
    """
    if not {"left", "right"} <= run.personas.keys():
        return {}
    found = cells({name: {"": run.personas[name]} for name in ("left", "right")})
    entries: dict[Key, dict[str, Any]] = {}
    for key in found["right"].keys() & found["left"].keys():
        if key[1] in LEANING:
            moved: Interval = difference(found["right"][key].matrix, found["left"][key].matrix)
            sensitive = moved.low is not None and moved.low > 0
            entries[key] = {**moved._asdict(), "sensitive": sensitive}
    return _by_task(entries)


def _spread(seeds: Mapping[str, Evaluation]) -> dict[str, dict[str, float]]:
    """Return each position's spread over the ways of asking, as lm-eval aggregated it."""
    found: dict[str, dict[str, list[float]]] = {}
    for evaluation in seeds.values():
        for task, values in evaluation.about.get("results", {}).items():
            for name, value in values.items():
                metric, ends, _ = name.partition("_spread,")
                if ends and value is not None:
                    found.setdefault(task, {}).setdefault(metric, []).append(value)
    return {
        task: {metric: sum(each) / len(each) for metric, each in metrics.items()}
        for task, metrics in found.items()
    }


def _warnings(run: Run) -> Counter[str]:
    every = [e for seeds in run.arms.values() for e in seeds.values()] + [*run.personas.values()]
    noted: Counter[str] = Counter()
    for evaluation in every:
        noted.update(evaluation.about.get("warnings", {}))
    return Counter(dict(sorted(noted.items())))
