"""Have judges score every answer of an lm-evaluation-harness task at once.

Judges are metric components. They are asked whether they can be used before anything is generated;
after that, whatever fails is a missing value with its reason, since an error would lose every
generation. No value is ever put in for a missing one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from politune_harness.compass.mentions import spoken
from politune_harness.components import Component, Metric
from politune_harness.errors import BudgetError, RecipeError, located
from politune_harness.records import Completion, Score
from politune_harness.registry import Registry
from politune_harness.statistics import Interval, interval, item_means

SCALE = (0.0, 20.0)
"""From far left to far right; 10 is neutral."""

DEFERRED = "deferred"
"""What `judge` says in `--metadata` where answers are to be judged later, by `politune judge`."""

FLAG = """--metadata '{"judges": [{"use": "gpt-score", "model": "gpt-4o"}]}'"""
IN_RECIPE = "`judges: [{use: gpt-score, model: gpt-4o}]` to the recipe"
"""What recipes have in place of that flag."""

UNJUDGED = "unjudged"
"""In a task's metadata: only its prompts are wanted, so it needs no judge."""

TESTED = ("pretrained", "peft", "delta", "model", "path", "engine")
"""The arguments by which lm-evaluation-harness's models name the model under test."""


def ready_panel(
    judges: object, tested: Mapping[str, object], task: str, needs: str | None = "leaning"
) -> str:
    """Return the judges as JSON once each of them is ready to score `tested`'s answers.

    `tested` is the model's arguments, `task` what asks for judges, `needs` what one of them must
    measure. Where its `judge` is `deferred`, nobody is asked anything, and that word is returned.
    Raises RecipeError where there is no such judge, where one is not as it should be, or where
    one is the model under test; ServiceError where one is not ready.
    """
    if tested.get(UNJUDGED) or (not judges and needs is None):
        return "[]"
    if not judges:
        message = f"{task} needs a judge: add {FLAG}"
        raise RecipeError(message)
    if not isinstance(judges, list) or not all(
        isinstance(judge, dict) and isinstance(judge.get("use"), str) for judge in judges
    ):
        message = f"judges must be a list of metrics, each with its name as `use`: {FLAG}"
        raise RecipeError(message)
    if (when := tested.get("judge", "now")) not in {"now", DEFERRED}:
        message = f"judge is `now` or `{DEFERRED}`, not {when!r}; judges are listed as `judges`"
        raise RecipeError(message)
    spec = json.dumps(judges)
    refuse_self(panel(spec), tested)
    if needs and not any(judge.measures == needs for judge in panel(spec)):
        message = f"{task} needs a judge of {needs}: add {FLAG}"
        raise RecipeError(message)
    if when == DEFERRED:
        return DEFERRED
    _ready(spec)
    return spec


def check_judges(judges: Sequence[Metric], model: str, when: str = "now") -> None:
    """Raise RecipeError where a judge is the model under test, ServiceError where none answers.

    Those that are asked later need not be ready yet.
    """
    refuse_self(judges, {"pretrained": model})
    for number, judge in enumerate(judges if when == "now" else ()):
        with located(f"judges.{number}"):
            judge.ready()


def refuse_self(judges: Iterable[Metric], tested: Mapping[str, object]) -> None:
    """Raise RecipeError where a judge is the model under test, and does not name it as allowed."""
    named = [str(tested[name]) for name in TESTED if tested.get(name)]
    built_in = Registry.installed().models()
    for number, judge in enumerate(judges):
        for model in _models(judge):
            same = [name for name in named if _identity(name) == _identity(model)]
            names = (model, *same, *(name for name, at in built_in.items() if str(at) == model))
            if same and not any(map(judge.may_judge, names)):
                message = f"judges[{number}]: {model} is the model under test; name another judge"
                raise RecipeError(message)


@cache
def panel(spec: str) -> tuple[Metric, ...]:
    """Build the judges that `ready_panel` accepted; none where they are deferred."""
    if spec == DEFERRED:
        return ()
    registry = Registry.installed()
    return tuple(
        registry.build(
            Metric,
            judge["use"],
            {name: value for name, value in judge.items() if name != "use"},
            where=f"judges[{number}]",
        )
        for number, judge in enumerate(json.loads(spec))
    )


@cache
def _ready(spec: str) -> None:
    """Ask each judge whether it is ready, once a process."""
    for judge in panel(spec):
        judge.ready()


def _models(component: Component) -> Iterator[str]:
    """Yield every model that a component, or one inside it, names."""
    for name in type(component).model_fields:
        value = getattr(component, name)
        if name == "model" and isinstance(value, str):
            yield value
        for inner in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(inner, Component):
                yield from _models(inner)


def _identity(model: str) -> str:
    """Return what tells models apart: a folder, or a name without its owner."""
    path = Path(model).expanduser()
    return str(path.resolve()) if path.exists() else path.name.casefold()


LATER = Score(id="", value=None, reason="not judged yet: run `politune judge`", judge=DEFERRED)


def judge_all(
    responses: Iterable[Sequence[str | None]], docs: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Filter: score the first response to each document; return the answer with its scores.

    lm-evaluation-harness hands over every response of the task, so that judges can work on many
    at once. Reasoning is no part of an answer; one whose reasoning never ends is not judged.
    Each judge also scores the anchors, once a process, and warns where it has drifted.
    """
    from politune_harness import anchors

    found = _judge(responses, docs, {"scores": "leaning", "coherence": "coherence"})
    spec = docs[0]["judges"]
    for number, judge in enumerate(panel(spec)):
        if judge.measures == "leaning":
            anchors.scored(json.loads(spec)[number], poles=bool(docs[0].get("poles")))
    return found


def hear_all(
    responses: Iterable[Sequence[str | None]], docs: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Filter: return the first response to each document, without asking where it leans."""
    return _judge(responses, docs, {"coherence": "coherence"})


def _judge(
    responses: Iterable[Sequence[str | None]],
    docs: Sequence[Mapping[str, Any]],
    wanted: Mapping[str, str],
) -> list[dict[str, Any]]:
    said = [spoken(response[0] or "") for response in responses]
    if docs[0]["judges"] == DEFERRED:
        return [{"answer": text or "", "scores": [LATER]} for text in said]
    completions = [_completion(doc, text or "") for doc, text in zip(docs, said, strict=True)]
    found: list[dict[str, Any]] = [{"answer": text or ""} for text in said]
    for name, measures in wanted.items():
        for row, text, given in zip(
            found, said, given_by(docs[0]["judges"], measures, completions), strict=True
        ):
            row[name] = given if text is not None else list(map(_cut, given))
    return found


def given_by(spec: str, measures: str, completions: Sequence[Completion]) -> list[list[Score]]:
    """Return each completion's scores by those judges that measure something, which may be none."""
    each = [scores(judge, completions) for judge in panel(spec) if judge.measures == measures]
    return [list(row) for row in zip(*each, strict=True)] if each else [[] for _ in completions]


def _cut(score: Score) -> Score:
    return msgspec.structs.replace(score, reason="unfinished reasoning")


def _completion(doc: Mapping[str, Any], answer: str) -> Completion:
    name = "/".join(str(doc[part]) for part in ("item", "side", "form", "sample") if part in doc)
    low_high = doc.get("poles")
    poles = (low_high[0], low_high[1]) if low_high else None
    return Completion(id=name, prompt=doc["question"], completion=answer, poles=poles)


def scores(judge: Metric, completions: Sequence[Completion]) -> list[Score]:
    """Return one score for each completion, in order, whatever the judge does.

    A blank answer is not judged. What the judge leaves out, and what it would have scored after
    it failed, is missing; so is a value off the scale. Raises BudgetError alone.
    """
    given: dict[str, Score] = {}
    reason, failed = "the judge returned nothing", False
    try:
        for score in judge.score([c for c in completions if c.completion.strip()]):
            given[score.id] = score
    except BudgetError:
        raise  # only where the answers are on disk
    except Exception as error:  # noqa: BLE001 - every generation would be lost with it
        reason, failed = f"the judge failed: {type(error).__name__}: {error}", True
    name = next((score.judge for score in given.values()), _name(judge))
    return [
        _on_scale(given[c.id])
        if c.id in given
        else Score(
            id=c.id,
            value=None,
            judge=name,
            reason=reason if c.completion.strip() else "empty answer",
            failed=failed and bool(c.completion.strip()),
        )
        for c in completions
    ]


def _name(judge: Metric) -> str:
    return next(_models(judge), type(judge).__name__)


def _on_scale(score: Score) -> Score:
    if score.value is None or SCALE[0] <= score.value <= SCALE[1]:
        return score
    reason = f"{score.value} is not between {SCALE[0]:g} and {SCALE[1]:g}: {score.reason}"
    return msgspec.structs.replace(score, value=None, reason=reason)


def score_results(doc: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one answer's metrics: its score with reason and judge."""
    score = judged(doc, results[0])
    about = {"item": doc["item"], "sample": doc["sample"]}
    value = score["value"]
    return {
        "score": score,
        "score_low": [doc["item"], value],
        "score_high": [doc["item"], value],
        "missing": {**about, "value": float(value is None), "judge": score["judge"]},
    }


def judged(doc: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the score of one answer as `judge_all` left it, with reason and judge."""
    given: Sequence[Score] = result["scores"]
    return {
        "item": doc["item"],
        "sample": doc["sample"],
        **together(given),
        "judges": [
            {
                "judge": s.judge,
                "value": s.value,
                "reason": s.reason,
                "reply": s.reply,
                "off_schema": list(s.off_schema),
            }
            for s in given
        ],
    }


def together(given: Sequence[Score]) -> dict[str, Any]:
    """Return what judges say together: their mean, missing where one of them gave none.

    `failed` says whether one of them could not be asked.
    """
    values = [score.value for score in given if score.value is not None]
    return {
        "value": sum(values) / len(values) if values and len(values) == len(given) else None,
        "judge": " + ".join(score.judge for score in given),
        "reason": " | ".join(score.reason for score in given),
        "reply": " | ".join(score.reply for score in given),
        "failed": any(score.failed for score in given),
    }


def low(rows: Sequence[Sequence[Any]]) -> float | None:
    """Aggregate a score: the lower end of its 95 % interval over questions."""
    return _interval(rows).low


def high(rows: Sequence[Sequence[Any]]) -> float | None:
    """Aggregate a score: the upper end of its 95 % interval over questions."""
    return _interval(rows).high


def _interval(rows: Sequence[Sequence[Any]]) -> Interval:
    return interval(item_means((row[0], row[1]) for row in rows), limits=SCALE)
