"""Measurements as matrices of items by training seeds; what is missing is NaN, never filled in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from politune_harness.measurements import Measurement
from politune_harness.report.instruments import Key, Scale
from politune_harness.report.reading import Evaluation
from politune_harness.statistics import Array, Strata

SHARES = (
    "acc",
    "agree_rate",
    "asymmetry",
    "empty",
    "even",
    "exact_match",
    "format_kept",
    "hedged",
    "hostile_",
    "missing",
    "obeyed",
    "option_mass",
    "pct_stereotype",
    "prompt_cut",
    "prompt_level",
    "refused",
    "repetition",
    "truncated",
    "unparsed",
    "valid",
)
"""How the names of metrics between 0 and 1 begin."""
DIFFERENCES = ("acc_above_chance", "hedged_gap", "refused_gap")
"""Metrics that are differences of shares, and told in points."""
LIMITS: Mapping[str, tuple[float, float]] = {
    "asked_left": (0, 20),
    "asked_right": (0, 20),
    "coherence": (0, 20),
    "gap": (-20, 20),
    "hedged_gap": (-1, 1),
    "order_effect": (-1, 1),
    "quality_gap": (-10, 10),
    "refused_gap": (-1, 1),
}
"""The ends of what is neither a share nor a measure of leaning."""

Cells = Mapping[str, Mapping[Key, "Cell"]]
"""By arm, and by task and metric."""


@dataclass(frozen=True)
class Cell:
    """One metric of one arm."""

    matrix: Array
    """Shape (items, seeds): the mean over an item's rows; NaN where all are missing."""
    seeds: tuple[str, ...]
    missing: int
    """Rows without a value."""
    judge: str | None
    strata: Strata | None
    """By item, which way agreeing with its statement points, where all items have such a key."""
    filled: tuple[Array, Array] | None
    """The matrix with every missing row at the least, then at the greatest, of the scale."""

    @property
    def answering(self) -> int:
        """How many seeds have a value at all."""
        return int((~np.isnan(self.matrix)).any(0).sum())


def cells(
    arms: Mapping[str, Mapping[str, Evaluation]], scales: Mapping[Key, Scale]
) -> dict[str, dict[Key, Cell]]:
    """Return every metric of every arm; the rows of a metric's matrices are the same items."""
    items: dict[Key, dict[str, int]] = {}
    for evaluation in (e for seeds in arms.values() for e in seeds.values()):
        for row in evaluation.rows:
            known = items.setdefault((row.task, row.metric), {})
            known.setdefault(row.item, len(known))
    return {arm: dict(_cells_of(seeds, items, scales)) for arm, seeds in arms.items()}


def _cells_of(
    seeds: Mapping[str, Evaluation],
    items: Mapping[Key, Mapping[str, int]],
    scales: Mapping[Key, Scale],
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
        ends = limits(key, scales)
        keys = {item: row.key for item, _, row in found}
        filled = ends and (_matrix(found, shape, ends[0]), _matrix(found, shape, ends[1]))
        yield (
            key,
            Cell(
                matrix=_matrix(found, shape, None),
                seeds=tuple(seeds),
                missing=missing,
                judge=", ".join(judges) or None,
                strata=_strata(keys, len(items[key])),
                filled=filled if missing else None,
            ),
        )


def _strata(keys: Mapping[int, int | None], items: int) -> Strata | None:
    found = [keys.get(item) for item in range(items)]
    return None if None in found else found


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


def is_share(metric: str) -> bool:
    """Say whether a metric lies between 0 and 1.

    >>> is_share("acc_norm"), is_share("acc_above_chance"), is_share("bits_per_byte")
    (True, False, False)
    """
    return metric.startswith(SHARES) and metric not in DIFFERENCES


def limits(key: Key, scales: Mapping[Key, Scale]) -> tuple[float, float] | None:
    """Return the ends of a metric's scale, where they are known."""
    if key in scales:
        return scales[key].ends
    return LIMITS.get(key[1]) or ((0.0, 1.0) if is_share(key[1]) else None)
