"""Answers that were given before, in place of a model: so judges can be asked later, without it.

What an evaluation left on disk is put through lm-evaluation-harness once more, so that every
number is made as it would have been made at once.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from politune_harness.errors import DataError
from politune_harness.judging import DEFERRED
from politune_harness.lm import FLUENCY
from politune_harness.measurements import Measurement, rows_of

if TYPE_CHECKING:
    from lm_eval.api.model import LM

Samples = dict[str, list[dict[str, Any]]]
"""By task, as lm-evaluation-harness logs them."""


def read_samples(paths: Mapping[str, Path]) -> Samples:
    """Read the samples of those tasks, by name, that wait for a judge."""
    found: Samples = {}
    for task, path in paths.items():
        with path.open(encoding="utf-8") as lines:
            first = next(lines, None)
            if first and json.loads(first)["doc"].get("judges") == DEFERRED:
                found[task] = [json.loads(line) for line in (first, *lines)]
    return found


def recorded(samples: Samples) -> "LM":
    """Return a model that gives the answers in `samples`, and no others."""
    from lm_eval.api.model import LM

    class Recorded(LM):  # type: ignore[misc]
        tokenizer_name = ""

        def generate_until(self, requests: list[Any]) -> list[str]:
            return list(_said(samples, requests))

        loglikelihood = loglikelihood_rolling = generate_until

        def apply_chat_template(self, turns: list[dict[str, str]], **_: object) -> str:
            return turns[-1]["content"]

    return Recorded()


def _said(samples: Samples, requests: Iterable[Any]) -> Iterator[str]:
    """Yield the answer to each request: the next, where one is made several times."""
    kept = {(task, each["doc_id"]): each for task, rows in samples.items() for each in rows}
    given: dict[tuple[str, int, int], Iterator[str]] = {}
    for request in requests:
        place = (request.task_name, request.doc_id)
        sample = kept.get(place)
        if sample is None or sample["doc"].get("digest") != request.doc.get("digest"):
            message = f"{place[0]} does not ask what it asked when it was answered: run it again"
            raise DataError(message)
        answers = given.setdefault((*place, request.idx), iter(sample["resps"][request.idx]))
        yield next(answers)


JUDGED = ("doc", "doc_hash", "filtered_resps", "metrics")
"""What judging changes in a sample, beside its metrics."""


def filled_in(old: Samples, new: Samples) -> Samples:
    """Return the samples as they were answered, with what judges say of them."""
    return {
        task: [
            {
                **{key: value for key, value in was.items() if key not in was["metrics"]},
                **{key: now[key] for key in (*JUDGED, *now["metrics"])},
            }
            for was, now in zip(rows, new[task], strict=True)
        ]
        for task, rows in old.items()
    }


def measured_anew(rows: Sequence[Measurement], samples: Samples) -> Iterator[Measurement]:
    """Yield measurements with those of the judged tasks in place of what they were."""
    done: set[str] = set()
    for row in rows:
        if row.task not in samples or row.metric == FLUENCY:
            yield row
        elif row.task not in done:
            done.add(row.task)
            yield from rows_of(row.task, samples[row.task])
