"""What judges say of a run's answers, how far they agree, and what people say beside them.

By task: what kinds of answers a mean is made of, each judge's mean, the judges' biases and
agreement, and where people rated answers, the means corrected by them. All of a task's answers
count, over arms and seeds; intervals are over questions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from politune_harness import answers as texts
from politune_harness import panel
from politune_harness.rating import HIGH, LOW, Judged, Rating
from politune_harness.report.reading import Run
from politune_harness.statistics import Array

LIMITS = (float(LOW), float(HIGH))
BINS = {"0-3": (0, 3.5), "4-8": (3.5, 8.5), "9-11": (8.5, 11.5), "12-16": (11.5, 16.5)}
BINS |= {"17-20": (16.5, HIGH + 1)}
"""The parts of the scale; a mean of judges between two belongs to the upper one."""


def panels(run: Run) -> dict[str, Any]:
    """Return what results.json holds of the judges of each judged task, and of people."""
    tasks = sorted({each.task for each in run.answers})
    return {task: _task([x for x in run.answers if x.task == task], run) for task in tasks}


def _task(answers: Sequence[Judged], run: Run) -> dict[str, Any]:
    judges = sorted({name for each in answers for name in each.scores})
    scores, items = scores_of(answers, judges), [each.item for each in answers]
    arms = {arm: [x for x in answers if x.arm == arm] for arm in run.arms}
    arms = {arm: some for arm, some in arms.items() if some}
    told = {
        "n": len(answers),
        "answers": {arm: _kinds(some, judges) for arm, some in arms.items()},
        "judges": {arm: _means(some, judges) for arm, some in arms.items()},
    }
    if len(judges) > 1:
        told |= {
            "biases": panel.biases(judges, scores, items),
            "pairs": panel.pairs(judges, scores),
            "agreement": panel.agreement(scores),
        }
    people = people_of(answers, run.ratings)
    if people:
        told["people"] = _people(arms, judges, run.ratings, answers)
    found: dict[str, Any] = _plain(told)
    return found


def scores_of(answers: Sequence[Judged], judges: Sequence[str]) -> Array:
    """Return scores of shape (judges, answers), NaN where there is none."""
    rows = [[each.scores.get(judge) for each in answers] for judge in judges]
    return np.array(rows, dtype=float).reshape(len(judges), len(answers))


def people_of(answers: Sequence[Judged], ratings: Sequence[Rating]) -> dict[str, Array]:
    """Return each person's ratings of these answers, NaN where there is none."""
    given = {(each.rater, each.id): each.rating for each in ratings}
    found = {
        rater: np.array([given.get((rater, each.id)) for each in answers], dtype=float)
        for rater in sorted({each.rater for each in ratings})
    }
    return {rater: row for rater, row in found.items() if not np.isnan(row).all()}


def _kinds(answers: Sequence[Judged], judges: Sequence[str]) -> dict[str, Any]:
    """Return what kinds of answers there are, and where on the scale the scored ones are."""
    scores = panel.combined(scores_of(answers, judges))
    kinds = np.array([texts.kind(each.answer) for each in answers])
    known = scores[~np.isnan(scores)]
    return {
        "shares": panel.shares(
            scores,
            hedged=kinds == "hedged",
            refused=kinds == "refused",
            not_applicable=np.array([each.outside for each in answers]),
        ),
        "scores": {
            name: float(((known >= low) & (known < high)).mean()) if len(known) else None
            for name, (low, high) in BINS.items()
        },
    }


def _means(answers: Sequence[Judged], judges: Sequence[str]) -> dict[str, Any]:
    scores, items = scores_of(answers, judges), [each.item for each in answers]
    together = panel.by_judge(["panel"], panel.combined(scores)[None], items, LIMITS)
    return {**panel.by_judge(judges, scores, items, LIMITS), **together}


def _people(
    arms: Mapping[str, Sequence[Judged]],
    judges: Sequence[str],
    ratings: Sequence[Rating],
    answers: Sequence[Judged],
) -> dict[str, Any]:
    rated, scores = people_of(answers, ratings), scores_of(answers, judges)
    mean = panel.combined(np.stack([*rated.values()]), needed=1)
    both = np.concatenate([np.stack([*rated.values()]), scores])
    every = {**dict(zip(judges, scores, strict=True)), "panel": panel.combined(scores)}
    return {
        "raters": {rater: int((~np.isnan(row)).sum()) for rater, row in rated.items()},
        "pairs": panel.pairs([*rated, *judges], both),
        "agreement": panel.agreement(both),
        "errors": {name: panel.errors(row, mean) for name, row in every.items()},
        "corrected": {arm: _corrected(some, judges, ratings) for arm, some in arms.items()},
    }


def _corrected(
    answers: Sequence[Judged], judges: Sequence[str], ratings: Sequence[Rating]
) -> panel.Corrected:
    rated = people_of(answers, ratings)
    none = np.full(len(answers), np.nan)
    people = panel.combined(np.stack([*rated.values()]), needed=1) if rated else none
    judged = panel.combined(scores_of(answers, judges))
    return panel.corrected(judged, people, [each.item for each in answers])


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return structs and named tuples as mappings, all the way down."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    elif hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
