"""What the cells of a study found: each condition's contrast, with its interval, and its costs.

Cells that differ in their seeds alone are pooled: items and seeds are crossed random effects, as in
the report of a run. The same items stand in the same rows in every condition, so that conditions
are compared item by item, and seed by seed where all have the same seeds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from politune_harness.artifacts import Artifact
from politune_harness.errors import DataError, RecipeError
from politune_harness.judged import EVALUATED, JUDGED
from politune_harness.lm import FLUENCY
from politune_harness.records import JSON
from politune_harness.registry import nearest
from politune_harness.report import reading
from politune_harness.report.findings import ABILITY
from politune_harness.report.instruments import SCORE, Key, Scale, instruments, scales
from politune_harness.report.matrices import Cell as Measured
from politune_harness.report.matrices import cells
from politune_harness.report.reading import BASE, Evaluation, Run
from politune_harness.statistics import Array, among, holm
from politune_harness.statistics.crossed import contrast, share_items
from politune_harness.statistics.decisions import within
from politune_harness.statistics.intervals import around, known, two_sided
from politune_harness.statistics.sizes import detectable
from politune_harness.study import SEEDS, Cell, Effect, Grid, Level, Primary, arms_of
from politune_harness.study.people import PEOPLE, rated, said
from politune_harness.study.running import folder_of

PARTIAL = "partial"
AGAIN = "`politune study run` goes on with it"
Terms = list[tuple[float, Measured]]
"""Means with their weights."""
Outcome = dict[str, Any]
"""What was compared, and what came out: as in results.json."""


@dataclass(frozen=True)
class Condition:
    """Cells that differ in their seeds alone."""

    name: str
    levels: Mapping[str, Level]
    """By axis, but for the seeds."""
    arms: Mapping[str, Mapping[Key, Measured]]
    """By arm, and by task and metric."""

    def terms(self, key: Key, a: str, b: str, weight: float = 1.0) -> Terms:
        """Return `a` minus `b` by a measure. Raises RecipeError where there is no such thing."""
        found: Terms = []
        for side, signed in ((a, weight), (b, -weight)):
            names = arms_of(side)
            found += [(signed / len(names), self._measured(name, key)) for name in names]
        return found

    def _measured(self, arm: str, key: Key) -> Measured:
        if key not in self.arms[arm]:
            known_ = [" ".join(each) for each in self.arms[arm]]
            message = f"study.primary: {arm} has no measure {' '.join(key)!r}; "
            raise RecipeError(message + nearest(" ".join(key), known_))
        return self.arms[arm][key]


@dataclass(frozen=True)
class Gathered:
    """All that a study measured."""

    primary: Primary
    effect: Effect
    """What the conditions are to move."""
    conditions: tuple[Condition, ...]
    scales: Mapping[Key, Scale]
    """Of the measures of leaning."""
    costs: tuple[Key, ...]
    """The main measure of each task of ability, and how fluent answers are."""
    models: tuple[str, ...]
    marks: tuple[str, ...]
    """What no reader may overlook: a model's own stamp, and whether anything is partial."""
    people: Mapping[str, Condition] = field(default_factory=dict)
    """By condition, what people said of the same answers, where any rated them."""

    @property
    def key(self) -> Key:
        """The primary measure."""
        return self.primary.task, self.primary.metric

    @property
    def moved(self) -> Key:
        """The measure of what the conditions are to move."""
        return self.effect.task, self.effect.metric

    @property
    def arms(self) -> list[str]:
        """The arms that are to move."""
        return [arm for side in self.effect.contrast for arm in arms_of(side) if arm != BASE]


def gather(grid: Grid, out: Path) -> Gathered:
    """Read every cell. Raises DataError, in one line, where one is not finished."""
    runs = [(cell, _finished(cell, folder_of(cell, out))) for cell in grid.cells]
    arms: dict[str, dict[str, Evaluation]] = {}
    levels: dict[str, Mapping[str, Level]] = {}
    for cell, run in runs:
        levels[cell.condition] = {a: each for a, each in cell.levels.items() if a != SEEDS}
        for arm, seeds in run.arms.items():
            counted = {s: _without(each, grid.study.primary) for s, each in seeds.items()}
            arms.setdefault(f"{cell.condition}/{arm}", {}).update(counted)
    first = runs[0][1]
    keys = dict.fromkeys((row.task, row.metric) for row in first.base.rows)
    leaning = first.leaning
    ends = scales([key for key in keys if key[0] in leaning], instruments(first.base.about))
    key = grid.study.primary.task, grid.study.primary.metric
    told = said(run for _, run in runs) if grid.study.ranks else {}
    for cell, run in runs if told else ():
        for arm, seeds in rated(run, told, key).items():
            arms.setdefault(f"{cell.condition}+{PEOPLE}/{arm}", {}).update(seeds)
    found = cells(arms, ends)
    people = {name: _own(f"{name}+{PEOPLE}", found) for name in levels}
    return Gathered(
        grid.study.primary,
        grid.study.moved,
        tuple(Condition(name, each, _own(name, found)) for name, each in levels.items()),
        ends,
        tuple(_costs(first, keys)),
        tuple(dict.fromkeys(run.model for _, run in runs)),
        tuple(_marks(run for _, run in runs)),
        {n: Condition(PEOPLE, levels[n], own) for n, own in people.items() if any(own.values())},
    )


def _finished(cell: Cell, folder: Path) -> Run:
    """Return a cell's run, of the seeds that its recipe has now.

    Raises DataError, in one line, where one of them is not evaluated, or not judged.
    """
    recipe = cell.recipe
    judged = recipe.judges and recipe.judge == "now"
    for place in recipe.places:
        evaluated = (folder / EVALUATED / place / "results.json").is_file()
        if not evaluated or (judged and Artifact(folder / JUDGED / place).manifest is None):
            lacking = "judged" if evaluated else "evaluated"
            message = f"{cell.name}: {place} is not {lacking}: {AGAIN}"
            raise DataError(message)
    run = reading.load(folder)
    own = {
        name: {seed: run.arms[name][seed] for seed in map(str, recipe.seeds_of(name))}
        for name, arm in recipe.arms.items()
        if arm.adapter is None
    }
    return replace(run, arms={**run.arms, **own})


def _marks(runs: Iterable[Run]) -> Iterator[str]:
    about = [each.about for run in runs for seeds in run.arms.values() for each in seeds.values()]
    yield from dict.fromkeys(str(each["stamp"]) for each in about if each.get("stamp"))
    if any(each.get("partial") for each in about):
        yield PARTIAL


def _own(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        place.rpartition("/")[2]: each
        for place, each in found.items()
        if place.rpartition("/")[0] == name
    }


def _without(evaluation: Evaluation, primary: Primary) -> Evaluation:
    """Return an evaluation without the items that do not count."""
    key, out = (primary.task, primary.metric), set(primary.without)
    rows = [r for r in evaluation.rows if r.item not in out or (r.task, r.metric) != key]
    return replace(evaluation, rows=rows)


def _costs(run: Run, keys: Mapping[Key, None]) -> Iterator[Key]:
    for task in run.capability:
        if main := next((m for m in ABILITY if (task, m) in keys), None):
            yield task, main
    yield from ((t, FLUENCY) for t in run.bias if {(t, SCORE), (t, FLUENCY)} <= keys.keys())


def compared(terms: Terms, margin: float | None = None, tests: int = 1) -> Outcome:
    """Return a weighted sum of means: its interval, p, and the least that could have been found.

    Items are paired. So are seeds, where all arms have the same ones: trainings of one seed may
    share what it draws, and conditions a training, so that they are no samples of their own. Other
    seeds are unrelated. What could have been found allows for a correction for so many `tests`.
    """
    paired = _paired(terms)
    spread = contrast(paired, terms[0][1].strata)
    rows, _ = share_items(paired)
    seeds = [each.answering for _, each in terms if each.seeds != ("",)]
    return {
        **around(spread)._asdict(),
        "p": two_sided(spread) if known(spread) else None,
        "detectable": detectable(spread, tests),
        "items": int((~np.isnan(rows)).sum()),
        "seeds": min(seeds, default=1),
        "verdict": within(spread, margin, [each.matrix for _, each in terms]).verdict
        if margin
        else None,
    }


def _paired(terms: Terms) -> list[tuple[float, Array]]:
    """Return what is added up: one matrix of those that have the same seeds, and the others."""
    seeded = [(weight, each) for weight, each in terms if each.seeds != ("",)]
    if len({each.seeds for _, each in seeded}) != 1:
        return [(weight, each.matrix) for weight, each in terms]
    added = sum((weight * each.matrix for weight, each in seeded), np.zeros(()))
    fixed = [(weight, each.matrix) for weight, each in terms if each.seeds == ("",)]
    return [(1.0, added), *fixed]


def primary(found: Gathered, grid: Grid) -> list[Outcome]:
    """Return the primary outcome: one, or one a condition, corrected for each other."""
    a, b = found.primary.contrast
    study = grid.study
    if study.primary.between is None:
        tests = len(found.conditions)
        told = [
            {"of": each.name, **compared(each.terms(found.key, a, b), study.margin, tests)}
            for each in found.conditions
        ]
        return _corrected(told)
    terms: Terms = []
    sides: list[str] = []
    for sign, levels in study.primary.sets:
        matching = grid.matching(levels)
        sides.append(" + ".join(matching))
        for each in (c for c in found.conditions if c.name in matching):
            terms += each.terms(found.key, a, b, sign / len(matching))
    halves = zip(sides[::2], sides[1::2], strict=True)
    of = ", beyond ".join(f"{x} less {y}" for x, y in halves)
    return _corrected([{"of": of, **compared(terms, study.margin)}])


def _corrected(told: Sequence[Outcome]) -> list[Outcome]:
    adjusted = holm([each["p"] for each in told])
    return [
        {**each, "p_holm": p, "verdict": among(each["verdict"], p)}
        for each, p in zip(told, adjusted, strict=True)
    ]


def placed(outcomes: Iterable[Outcome]) -> dict[tuple[str, ...], Outcome]:
    """Return outcomes by their condition, and by what is compared there: task, metric, a, b."""
    return {
        tuple(each[name] for name in ("of", "task", "metric", "a", "b")): each for each in outcomes
    }


def outcomes(found: Gathered) -> list[Outcome]:
    """Return every contrast by every measure of leaning, and what each arm lost, by condition.

    Of each measure, all conditions are corrected together.
    """
    a, b = found.effect.contrast
    wanted = [(key, a, b) for key in dict.fromkeys((found.moved, *found.scales))]
    wanted += [(found.key, *found.primary.contrast)]
    wanted += [(key, arm, BASE) for key in found.costs for arm in found.arms]
    told: list[Outcome] = []
    for key, one, other in dict.fromkeys(wanted):
        arms = [*arms_of(one), *arms_of(other)]
        held = [c for c in found.conditions if all(key in c.arms[arm] for arm in arms)]
        about: dict[str, JSON] = {"task": key[0], "metric": key[1], "a": one, "b": other}
        told += _corrected(
            [
                {"of": c.name, **about, **compared(c.terms(key, one, other), tests=len(held))}
                for c in held
            ]
        )
    return told
