"""Turn measurements into results: a mean with its interval for each arm, task and metric.

A value is the mean of item means, an interval comes from `politune_harness.statistics`, and what
is missing is counted and never filled in.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from politune_harness.compass.metrics import USABLE
from politune_harness.report import (
    channels,
    claims,
    diagnosis,
    languages,
    methods,
    sensitivity,
    topics,
    tradeoff,
    trajectories,
)
from politune_harness.report.findings import Findings
from politune_harness.report.instruments import (
    OTHER_WAYS,
    Instrument,
    Key,
    Scale,
    instruments,
    scales,
)
from politune_harness.report.matrices import Cell, Cells, cells, limits
from politune_harness.report.panels import panels
from politune_harness.report.reading import BASE, CONTROL, Evaluation, Run
from politune_harness.statistics import difference, interval, p_value

DIFFERENCES = "a minus b; less is towards the first-named end of a measure's `scales`"


def summarise(run: Run) -> tuple[Findings, Cells]:
    """Return what a run found, and the matrices behind it."""
    known, leaning = instruments(run.base.about), run.leaning
    keys = {(row.task, row.metric): None for row in run.base.rows if row.task in leaning}
    ends = scales(keys, known)
    found = cells(run.arms, ends)
    held = Findings(
        results(run, found, ends, known), run.bias, run.capability, ends, run.side_effects
    )
    sure = claims.claims(held, found, run)
    cost = tradeoff.tradeoff(held, found, run.recipe.evaluate.margin / 100)
    told = replace(
        held,
        results={
            **held.results,
            **sure,
            "tradeoff": cost,
            "methods": methods.methods(run, ends),
            "topics": list(topics.shifts(run, held.headline)),
        },
    )
    signs = {"diagnosis": diagnosis.diagnosis(told)}
    return replace(told, results={**told.results, **signs}), found


def results(
    run: Run, found: Cells, ends: Mapping[Key, Scale], known: Mapping[str, Instrument]
) -> dict[str, Any]:
    """Return the content of results.json but for the claims, without clock times.

    `arms` holds, by arm, task and metric, the value with its interval, the number of items, the
    rows without a value, the judge, and the value of each training seed; `differences` holds each
    pair of arms, a minus b. The rest says what they rest on: the model, the instruments, bounds
    over what is missing, what personas could not move, and warnings.
    """
    about = run.base.about
    wide = sensitivity.ranges(run, ends)
    told = {arm: _aggregates(seeds) for arm, seeds in run.arms.items()}
    unusable = sorted(_unusable(found, told))
    parts = list(sensitivity.shares(found, ends, wide))
    return {
        "arms": {
            arm: {"tasks": by_task({key: _entry(key, cell, ends) for key, cell in each.items()})}
            for arm, each in found.items()
        },
        "aggregates": {arm: by_task(each) for arm, each in told.items()},
        "differences": claims.screened(list(_differences(found, ends))),
        "difference_is": DIFFERENCES,
        "model": run.model,
        "base_sha256": about.get("base_sha256"),
        "stamp": about.get("stamp"),
        "partial": any(e.about.get("partial") for s in run.arms.values() for e in s.values()),
        "instruments": about.get("versions", {}),
        "banks": {task: msgspec.to_builtins(each) for task, each in sorted(known.items())},
        "scales": by_task({key: scale._asdict() for key, scale in ends.items()}),
        "norms": _norms(run, known),
        "bounds": {arm: by_task(_bounds(found[arm], told[arm])) for arm in found},
        "personas": by_task(wide),
        "insensitive": sorted(f"{t} {m}" for (t, m), e in wide.items() if not e["sensitive"]),
        "untested": sorted(f"{task} {metric}" for task, metric in ends.keys() - wide.keys()),
        "shares": parts,
        "systems": list(sensitivity.systems(run, ends, wide)),
        "unusable": [list(pair) for pair in unusable],
        "channels": list(channels.disagreements(parts, known, unusable)),
        "languages": list(languages.tables(run, ends, known)),
        "spread": {arm: by_task(_spread(each)) for arm, each in told.items()},
        "panel": panels(run),
        "warnings": dict(_warnings(run)),
        "packages": about.get("packages", {}),
        "half": {name: about.get(name) for name in ("half", "topics", "whole")},
        "trajectories": trajectories.results(run),
    }


def by_task(entries: Mapping[Key, Any]) -> dict[str, dict[str, Any]]:
    """Return entries by task, then by metric, in the order of their names."""
    tasks: dict[str, dict[str, Any]] = {}
    for (task, metric), entry in sorted(entries.items(), key=lambda each: each[0]):
        tasks.setdefault(task, {})[metric] = entry
    return tasks


def _entry(key: Key, cell: Cell, ends: Mapping[Key, Scale]) -> dict[str, Any]:
    each = {
        seed: interval(cell.matrix[:, [column]]).value for column, seed in enumerate(cell.seeds)
    }
    return {
        **interval(cell.matrix, limits(key, ends), cell.strata)._asdict(),
        "n": int((~np.isnan(cell.matrix)).any(axis=1).sum()),
        "missing": cell.missing,
        "judge": cell.judge,
        "seeds": {seed: value for seed, value in each.items() if seed},
    }


def _differences(found: Cells, ends: Mapping[Key, Scale]) -> Iterator[dict[str, Any]]:
    """Yield each arm against base and control, and left against right: a minus b.

    An axis is compared as it is, and not again in every other reading of the same answers.
    """
    others = [arm for arm in found if arm != BASE]
    pairs = [(arm, BASE) for arm in others]
    pairs += [(arm, CONTROL) for arm in others if CONTROL in found and arm != CONTROL]
    pairs += [("left", "right")] if {"left", "right"} <= set(others) else []
    again = {(task, f"{axis}_{way}") for task, axis in ends for way in OTHER_WAYS}
    for a, b in pairs:
        for key in sorted((found[a].keys() & found[b].keys()) - again):
            here, there, strata = found[a][key].matrix, found[b][key].matrix, found[a][key].strata
            yield {
                "a": a,
                "b": b,
                "task": key[0],
                "metric": key[1],
                **difference(here, there, strata)._asdict(),
                "p": p_value(here, there, strata=strata),
            }


def _aggregates(seeds: Mapping[str, Evaluation]) -> dict[Key, float]:
    """Return lm-eval's own aggregates of metrics that are no measurements, over the seeds.

    The ends of its intervals are left out: they know one seed alone.
    """
    found: dict[Key, list[float]] = {}
    measured = {(row.task, row.metric) for e in seeds.values() for row in e.rows}
    ends = {(task, f"{metric}_{end}") for task, metric in measured for end in ("low", "high")}
    for evaluation in seeds.values():
        for task, values in evaluation.about.get("results", {}).items():
            for name, value in values.items():
                metric, filtered, _ = name.partition(",")
                if filtered and isinstance(value, int | float):
                    found.setdefault((task, metric), []).append(value)
    kept = found.keys() - measured - ends
    return {key: sum(each) / len(each) for key, each in found.items() if key in kept}


def _spread(told: Mapping[Key, float]) -> dict[Key, float]:
    """Return each position's spread over the ways of asking."""
    return {
        (task, metric.removesuffix("_spread")): value
        for (task, metric), value in told.items()
        if metric.endswith("_spread")
    }


def _bounds(found: Mapping[Key, Cell], told: Mapping[Key, float]) -> dict[Key, list[float | None]]:
    """Return each metric's value if all that is missing were at one end of the scale.

    A task that gives its bounds knows what its items weigh, and what it counts as neutral.
    """
    bounds: dict[Key, list[float | None]] = {}
    for (task, metric), cell in found.items():
        low, high = (told.get((task, f"{metric}_if_{end}")) for end in ("low", "high"))
        if low is not None and low != high:
            bounds[task, metric] = [low, high]
        elif low is None and cell.filled:
            bounds[task, metric] = [interval(matrix).value for matrix in cell.filled]
    return bounds


def _unusable(found: Cells, told: Mapping[str, Mapping[Key, float]]) -> Iterator[tuple[str, str]]:
    """Yield the arms and tasks where too little probability is on the options."""
    for arm, each in found.items():
        masses = {key: interval(cell.matrix).value for key, cell in each.items()}
        for (task, metric), mass in {**told[arm], **masses}.items():
            if metric == "option_mass" and mass is not None and mass < USABLE:
                yield arm, task


def _norms(run: Run, known: Mapping[str, Instrument]) -> dict[str, Any]:
    """Return, by task, the human answers to its very bank, or None."""
    by_hash = {each.hash: msgspec.to_builtins(each) for each in run.norms}
    return {task: by_hash.get(each.hash) for task, each in sorted(known.items())}


def _warnings(run: Run) -> Counter[str]:
    every = [e for seeds in run.arms.values() for e in seeds.values()]
    every += [e for poles in run.personas.values() for e in poles.values()]
    noted: Counter[str] = Counter()
    for evaluation in [*every, *run.systems.values()]:
        noted.update(evaluation.about.get("warnings", {}))
    return Counter(dict(sorted(noted.items())))
