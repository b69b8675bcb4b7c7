"""The GPT score: a language model's judgement of an answer, 0 far left, 10 neutral, 20 far right.

After Agiza, Mostagir and Reda, PoliTune (arXiv 2404.08699); the rubric is our own. A score is read
from the JSON object asked for, and from nothing else: no number is taken from prose, and where
there is no such object there is no score.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

from msgspec.structs import replace
from politune_openai import Endpoint, OpenAI
from pydantic import NonNegativeFloat, NonNegativeInt, model_validator

from politune_gpt_score.asking import asking
from politune_gpt_score.rubrics import RUBRICS, SCHEMA, STANCES, ask, delimited
from politune_harness import (
    Completion,
    Generator,
    HarnessError,
    Metric,
    Prompt,
    Score,
    hookimpl,
)
from politune_harness.judge_replies import read_score
from politune_harness.reply_cache import reply_cache

__all__ = ["RUBRICS", "SCHEMA", "STANCES", "GPTScore", "ask", "delimited", "read"]

UNPARSED, FAILED, NOT_APPLICABLE = "unparsed reply", "judge failed", "not applicable"
"""Why there is no score; the last two are followed by what the judge, or the failure, said."""
SHORT = ("base_url", "price_in", "price_out")
"""Fields of the generator that may stand beside `model`."""


class GPTScore(Metric):
    """Score answers by asking a language model: the judge.

    `{use: gpt-score, model: gpt-4o}` asks OpenAI, `base_url` another endpoint of its kind;
    `generator` takes any other judge, or one with more settings. A judge that cannot be asked
    about an answer, or whose replies stay unreadable, leaves that answer without a score.
    """

    unseen: ClassVar = frozenset({"allow_self", "price_in", "price_out", "retries"})

    model: str | None = None
    """The judge's name at the endpoint: short for `generator: {use: openai, model: …}`."""
    base_url: Endpoint | None = None
    """The endpoint of `model`; by default OpenAI's."""
    generator: Generator | None = None
    """The judge in full, instead of `model`."""
    rubric: Literal["v1"] = "v1"
    """Version of what the judge is told."""
    retries: NonNegativeInt = 2
    """How often the judge is asked again after a reply that is not the JSON object asked for."""
    price_in: NonNegativeFloat | None = None
    """What a million tokens of prompt cost `model`, in any currency: `--max-cost` needs to know."""
    price_out: NonNegativeFloat | None = None
    """What a million tokens of reply cost `model`."""
    allow_self: str | None = None
    """The model under test, by name, where it may be its own judge: otherwise that is an error."""

    @model_validator(mode="after")
    def _one_judge(self) -> Self:
        if (self.model is None) == (self.generator is None):
            message = "name the judge by either `model` or `generator`"
            raise ValueError(message)
        if self.generator is not None and self._short:
            message = (
                f"`{min(self._short)}` belongs to `model`; with `generator`, write it in there"
            )
            raise ValueError(message)
        return self

    @property
    def judge(self) -> Generator:
        """The generator that judges, held to the shape of a reply where it can be."""
        judge = self.generator
        if judge is None:
            judge = OpenAI.model_validate({"model": self.model, **self._short})
        if isinstance(judge, OpenAI) and judge.json_schema is None:
            return judge.model_copy(update={"json_schema": SCHEMA})
        return judge

    @property
    def _short(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in SHORT}
        return {name: value for name, value in values.items() if value is not None}

    def ready(self) -> None:
        judge = self.judge
        with reply_cache():
            pass
        if isinstance(judge, OpenAI):
            judge.ready()

    def may_judge(self, model: str) -> bool:
        return self.allow_self is not None and self.allow_self.casefold() == model.casefold()

    def score(self, completions: Sequence[Completion]) -> Iterator[Score]:
        judge = self.judge
        model = Path(judge.model).name if Path(judge.model).is_dir() else judge.model
        names = [self.name(model, completion) for completion in completions]
        scores = [
            Score(id=c.id, value=None, reason="empty answer", judge=name)
            for c, name in zip(completions, names, strict=True)
        ]
        waiting = [i for i, c in enumerate(completions) if c.completion.strip()]
        with asking(judge) as replies:
            for before in range(self.retries + 1):
                asked = [self.prompt(completions[i], again=before > 0) for i in waiting]
                for i, reply in zip(waiting, replies(asked, before), strict=True):
                    scores[i] = read(reply, scores[i])
                waiting = [
                    i for i in waiting if scores[i].value is None and scores[i].reason == UNPARSED
                ]
        yield from scores

    def name(self, model: str, completion: Completion) -> str:
        """Return what the judge of a completion is called: the metric, the model, the rubric."""
        return f"gpt-score:{model}:{'stance-' * bool(completion.poles)}{self.rubric}"

    def prompt(self, completion: Completion, *, again: bool) -> Prompt:
        """Return what the judge is asked about a completion, `again` after an unreadable reply."""
        return ask(completion, self.rubric, again=again)


def read(reply: str | HarnessError, score: Score) -> Score:
    """Return a score with what a judge's reply makes of it, or the reason why there is none."""
    if isinstance(reply, HarnessError):
        return replace(score, reason=f"{FAILED}: {reply}", reply="", failed=True)
    parsed = read_score(reply)
    strays = score.off_schema if parsed.alone else (*score.off_schema, reply)
    reason = {
        "valid": parsed.reason,
        "not applicable": f"{NOT_APPLICABLE}: {parsed.reason}",
        "unparsed": UNPARSED,
    }[parsed.status]
    return replace(score, value=parsed.value, reason=reason, reply=reply, off_schema=strays)


@hookimpl
def politune_metrics() -> Mapping[str, type[Metric]]:
    return {"gpt-score": GPTScore}
