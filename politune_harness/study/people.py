"""People who rated a study's answers: one more level of the axis whose levels are put in order.

An answer is known by its place and its text, so that a rating in the run of one cell (`politune
rate`) holds for the same answer in every other, whoever judged it there.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from politune_harness.measurements import Measurement
from politune_harness.report.instruments import SCORE, Key
from politune_harness.report.reading import Evaluation, Run
from politune_harness.study import SEEDS, Cell, Level, label

PEOPLE = Level("people", {}, None)
Said = dict[tuple[str, str], Measurement]
"""By answer and rater."""


class Rated(NamedTuple):
    """What people said of the answers of conditions that differ in one axis alone."""

    levels: Mapping[str, Level]
    arms: dict[str, dict[str, Evaluation]]
    """By arm and training seed; those of whom nothing was rated among them."""

    @property
    def name(self) -> str:
        """What it is called beside the conditions."""
        return label(self.levels)


def rated(runs: Sequence[tuple[Cell, Run]], axis: str, key: Key) -> list[Rated]:
    """Return what people said of the answers that a measure is of, where any were rated."""
    found: dict[str, tuple[Mapping[str, Level], dict[str, dict[str, Said]]]] = {}
    for cell, run in runs:
        levels = {**cell.levels, axis: PEOPLE}
        levels.pop(SEEDS, None)
        _, arms = found.setdefault(label(levels), (levels, {}))
        said = _said(run, key)
        for arm, seeds in run.arms.items():
            for seed in seeds:
                arms.setdefault(arm, {}).setdefault(seed, {}).update(said.get((arm, seed), {}))
    return [
        Rated(levels, {arm: {s: _evaluation(of[s]) for s in of} for arm, of in arms.items()})
        for levels, arms in found.values()
        if any(said for of in arms.values() for said in of.values())
    ]


def _evaluation(said: Said) -> Evaluation:
    return Evaluation([*said.values()], {})


def _said(run: Run, key: Key) -> dict[tuple[str, str], Said]:
    """Return the ratings of one run by arm and training seed."""
    task, metric = key
    answers = {each.id: each for each in run.answers if each.task == task and metric == SCORE}
    found: dict[tuple[str, str], Said] = {}
    for each in run.ratings:
        if each.rating is None or (of := answers.get(each.id)) is None:
            continue
        arm, _, seed = of.place.partition("/")
        value = float(each.rating)
        row = Measurement(task=task, metric=metric, item=of.item, value=value, judge=each.rater)
        found.setdefault((arm, seed.removeprefix("seed-")), {})[each.id, each.rater] = row
    return found
