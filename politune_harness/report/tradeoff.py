"""What each arm gained and what it cost: against the base, and against the control arm.

Pure functions of findings and matrices: `compare` and `points` hold the numbers, and `front` says
which models no other beats at both. All comparisons of ability in a run are one family, so their
p-values are corrected for one another (Holm 1979).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from politune_harness.lm import FLUENCY
from politune_harness.report import fronts
from politune_harness.report.claims import corrected
from politune_harness.report.findings import Findings
from politune_harness.report.instruments import Key, Scale
from politune_harness.report.matrices import Cell, Cells
from politune_harness.report.reading import BASE, CONTROL
from politune_harness.statistics import Array, among, bootstrap, equivalence, mcnemar, p_value

RESAMPLES = 2000
"""Drawings of the items for each interval."""


class Point(NamedTuple):
    """One model: an arm's training seed, or all of its seeds."""

    arm: str
    seed: str
    """'' for all seeds together."""
    strength: float | None
    """How far it moved, in percent of the way from the centre of a measure to its end: the mean
    over the measures that name the arm as an end, towards that end, else over all, either way."""
    cost: float | None
    """Percentage points of ability lost, the mean over the capability tasks; a gain is below 0."""
    coherence: float | None
    """Bits a byte of its answers to the untouched base, less the base's own: lower is better."""


def tradeoff(findings: Findings, found: Cells, margin: float) -> dict[str, Any]:
    """Return what results.json says of it; `margin` is a share, such as 0.02."""
    every = list(points(findings, found))
    best = front(every)
    return {
        "comparisons": compare(findings.abilities, found, margin),
        "points": [{**p._asdict(), "front": f} for p, f in zip(every, best, strict=True)],
    }


def compare(keys: Sequence[Key], found: Cells, margin: float) -> list[dict[str, Any]]:
    """Return every arm against base and control on each key: what differs, and how sure it is.

    `value`, `low` and `high` are the paired difference and its interval by a bootstrap of items
    (and seeds), `p` is McNemar's where both are one model that is right or wrong, else the t-test's
    over items and seeds, `p_holm` is corrected for all rows; `equivalence` is the two one-sided
    tests within `margin`, "different" only where `p_holm` is significant.
    """
    others = [arm for arm in found if arm != BASE]
    pairs = [(arm, BASE) for arm in others]
    pairs += [(arm, CONTROL) for arm in others if CONTROL in found and arm != CONTROL]
    rows = [
        {
            "arm": a,
            "against": b,
            "task": key[0],
            "metric": key[1],
            **paired(found[a][key].matrix, found[b][key].matrix, margin),
        }
        for key in keys
        for a, b in pairs
        if key in found[a] and key in found[b]
    ]
    return [{**row, "equivalence": _among_all(row)} for row in corrected(rows)]


def _among_all(row: Mapping[str, Any]) -> dict[str, Any]:
    alone = row["equivalence"]
    return {**alone, "verdict": among(alone["verdict"], row["p_holm"])}


def paired(a: Array, b: Array, margin: float, *, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Return mean(a) - mean(b) on the same items with its interval, p and equivalence.

    Shapes (items, seeds). Without `resamples` there is no interval.

    >>> right, wrong = np.ones((9, 1)), np.zeros((9, 1))
    >>> found = paired(right, np.vstack([wrong[:6], right[:3]]), 0.02)
    >>> found["test"], found["p"], found["only"]
    ('McNemar', 0.03125, (6, 0))
    """
    drawn = bootstrap(a, b, resamples=resamples)._asdict() if resamples else {}
    one = a.shape[1] == b.shape[1] == 1
    answers = np.concatenate([x[~np.isnan(x)].ravel() for x in (a, b)])
    if one and len(answers) and np.isin(answers, [0, 1]).all():
        only_a, only_b, p = mcnemar(a, b)
        tested = {"test": "McNemar", "p": p, "only": (only_a, only_b)}
    else:
        tested = {"test": "t", "p": p_value(a, b), "only": None}
    return {**drawn, **tested, "equivalence": equivalence(a, b, margin)._asdict()}


def points(findings: Findings, found: Cells) -> Iterator[Point]:
    """Yield each arm as a whole, then each of its seeds; the base is where all is 0."""
    leaning = {key: findings.scales[key] for key in findings.headline}
    base = {key: cell.matrix for key, cell in found[BASE].items()}
    for arm in findings.tuned:
        seeds = max((cell.seeds for cell in found[arm].values()), key=len)
        for seed in ("", *(seeds if len(seeds) > 1 else ())):
            cells = {key: _column(cell, seed) for key, cell in found[arm].items()}
            yield Point(
                arm,
                seed,
                strength([arm], leaning, cells, base),
                mean([percent(base[k], cells.get(k)) for k in findings.abilities]),
                _coherence(cells, found[BASE]),
            )


def _column(cell: Cell, seed: str) -> Array:
    if not seed:
        return cell.matrix
    if seed not in cell.seeds:
        return np.full((len(cell.matrix), 1), np.nan)
    return cell.matrix[:, [cell.seeds.index(seed)]]


def strength(
    names: Collection[str],
    scales: Mapping[Key, Scale],
    cells: Mapping[Key, Array],
    base: Mapping[Key, Array],
) -> float | None:
    """Return how far a model moved; see `Point`. `names` are the ends that it is meant to go to.

    None where one of the measures has no value: a mean over the others would be of something else.
    """
    moved = []
    for key, way in ways(names, scales).items():
        if key not in base:
            continue
        if (apart := percent(cells.get(key), base[key])) is None:
            return None
        share = apart / ((scales[key].high - scales[key].low) / 2)
        moved.append(share * way if way else abs(share))
    return mean(moved)


def ways(names: Collection[str], scales: Mapping[Key, Scale]) -> dict[Key, int]:
    """Return the measures that `strength` is a mean over, and which way it counts on each.

    They are those with one of the names as an end, else all, either way, as 0.
    """
    meant = {key: side(names, scale) for key, scale in scales.items()}
    named = any(meant.values())
    return {key: way for key, way in meant.items() if way or not named}


def side(names: Collection[str], scale: Scale) -> int:
    """Return which way a model is meant to go on a scale: 1, -1, or 0 where no name says it.

    >>> side(["left"], Scale(-10, 10, "left", "right")), side(["x"], Scale(0, 20, "a", "b"))
    (-1, 0)
    """
    return (scale.high_name in names) - (scale.low_name in names)


def _coherence(cells: Mapping[Key, Array], base: Mapping[Key, Cell]) -> float | None:
    apart = [
        percent(matrix, base[key].matrix)
        for key, matrix in cells.items()
        if key[1] == FLUENCY and key in base
    ]
    found = mean(apart)
    return None if found is None else found / 100


def percent(a: Array | None, b: Array | None) -> float | None:
    """Return mean(a) - mean(b) over the items that both have, in hundredths."""
    if a is None or b is None:
        return None
    both = [np.where((~np.isnan(x)).any(1), _means(x), np.nan) for x in (a, b)]
    apart = both[0] - both[1]
    if np.isnan(apart).all():
        return None
    return float(np.nanmean(apart)) * 100


def _means(x: Array) -> Array:
    count = np.maximum((~np.isnan(x)).sum(1), 1)
    means: Array = np.nansum(x, 1) / count
    return means


def mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def front(every: Sequence[Point]) -> list[bool]:
    """Say of each model whether no other of its arm moved as far for less, or farther for as much.

    Seeds are compared within an arm: what is meant to go elsewhere is no rival. The base, at no
    distance and no cost, is a rival of all.

    >>> front([Point("a", "0", 10, 2, None), Point("a", "1", 8, 3, None), Point("b", "0", 5, 4, 0)])
    [True, False, True]
    """
    groups: dict[tuple[str, bool], list[int]] = {}
    for place, point in enumerate(every):
        groups.setdefault((point.arm, bool(point.seed)), []).append(place)
    best = [False] * len(every)
    for places in groups.values():
        rows = [(every[n].strength, _less(every[n].cost)) for n in places]
        for place, there in zip(places, fronts.front([*rows, (0.0, 0.0)]), strict=False):
            best[place] = there
    return best


def _less(cost: float | None) -> float | None:
    return None if cost is None else -cost
