"""People who rated answers of a study, beside the judges of the same answers.

A rating is of a question and a text: what was said in the run of one cell (`politune rate`) holds
wherever the same answer to the same question stands, whichever judge scored it there.
"""

from collections.abc import Iterable, Mapping

from politune_harness.measurements import Measurement
from politune_harness.rating import Judged
from politune_harness.report.instruments import SCORE, Key
from politune_harness.report.reading import Evaluation, Run

PEOPLE = "people"
"""What they are called beside a study's conditions."""
Text = tuple[str, str, str]
"""A task, its question, and an answer."""
Said = Mapping[Text, Mapping[str, float]]
"""By text and rater."""


def said(runs: Iterable[Run]) -> Said:
    """Return what people said in some runs; of ratings of a text by one person, the last."""
    found: dict[Text, dict[str, float]] = {}
    for run in runs:
        answers = {each.id: each for each in run.answers}
        for each in run.ratings:
            if each.rating is not None and (of := answers.get(each.id)) is not None:
                found.setdefault(_text(of), {})[each.rater] = float(each.rating)
    return found


def rated(run: Run, told: Said, key: Key) -> dict[str, dict[str, Evaluation]]:
    """Return what was said of a run's answers as evaluations, by arm and training seed.

    Only those that the measure is of count, which is a score; of the others there are no rows.
    """
    task, metric = key
    rows: dict[tuple[str, str], list[Measurement]] = {}
    for of in run.answers if metric == SCORE else ():
        for rater, value in told.get(_text(of), {}).items() if of.task == task else ():
            row = Measurement(task=task, metric=metric, item=of.item, value=value, judge=rater)
            rows.setdefault((of.arm, of.seed), []).append(row)
    return {
        arm: {seed: Evaluation(rows.get((arm, seed), []), {}) for seed in seeds}
        for arm, seeds in run.arms.items()
    }


def _text(answer: Judged) -> Text:
    return answer.task, answer.question, answer.answer
