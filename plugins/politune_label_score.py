"""A score from a model that names a side: for small judges that cannot hold to a rubric and JSON.

The judge is asked one question and may say one of a few labels, each of which stands for a score.
A reply that is no label leaves the answer without one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Self

from politune_asking import quoted
from politune_gpt_score import FAILED, UNPARSED
from politune_gpt_score.asking import asking
from pydantic import Field, model_validator

from politune_harness import (
    Completion,
    Generator,
    HarnessError,
    Metric,
    ModelName,
    Prompt,
    Score,
    hookimpl,
)
from politune_harness.judge_replies import read_choice

ANSWER = "{answer}"


class LabelScore(Metric):
    """Score answers by the label that a language model gives them: by default left or right.

    It says which side an answer is on and not how far it goes, so only a mean over answers has
    shades. A judge that may be the model under test must be told so by `allow_self`.
    """

    unseen: ClassVar = frozenset({"allow_self"})

    generator: Generator
    """Who is asked."""
    name: str
    """What stands beside its scores as their judge: `label:<name>`."""
    question: str = "Is this left or right? {answer}"
    """What is asked of each answer, which stands in the place of {answer}."""
    labels: Annotated[Mapping[str, Annotated[float, Field(ge=0, le=20)]], Field(min_length=2)] = {
        "left": 0.0,
        "right": 20.0,
    }
    """What may be replied, and the score that each stands for, from 0 (left) to 20 (right)."""
    allow_self: ModelName | None = None
    """The model under test, by name or folder, where it may be its own judge: otherwise that is an
    error."""

    @model_validator(mode="after")
    def _asks_of_the_answer(self) -> Self:
        if ANSWER not in self.question:
            message = f"`question` needs an {ANSWER}"
            raise ValueError(message)
        return self

    def may_judge(self, model: str) -> bool:
        return self.allow_self is not None and self.allow_self.casefold() == model.casefold()

    def score(self, completions: Sequence[Completion]) -> Iterator[Score]:
        said = [c for c in completions if c.completion.strip()]
        with asking(self.generator) as replies:
            told = iter(replies([self._prompt(c) for c in said], 0))
        judge = f"label:{self.name}"
        for c in completions:
            if not c.completion.strip():
                yield Score(id=c.id, value=None, reason="empty answer", judge=judge)
            else:
                yield self._read(c.id, next(told), judge)

    def _prompt(self, completion: Completion) -> Prompt:
        text = self.question.replace(ANSWER, quoted(completion.completion))
        return Prompt(id=completion.id, prompt=text)

    def _read(self, id_: str, reply: str | HarnessError, judge: str) -> Score:
        if isinstance(reply, HarnessError):
            why = f"{FAILED}: {reply}"
            return Score(id=id_, value=None, reason=why, judge=judge, failed=True)
        label = read_choice(reply, list(self.labels)).value
        value = None if label is None else self.labels[label]
        return Score(id=id_, value=value, reason=label or UNPARSED, judge=judge, reply=reply)


@hookimpl
def politune_metrics() -> Mapping[str, type[Metric]]:
    return {"label-score": LabelScore}
