"""What is left of a study, in tokens: every distinct evaluation and training once."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from politune_harness import estimate
from politune_harness.artifacts import digest
from politune_harness.plan import Plan
from politune_harness.stage import Stage
from politune_harness.study.running import Laid

if TYPE_CHECKING:
    from politune_harness.evaluation import Evaluator


class Asking(NamedTuple):
    """What a cell asks of a model."""

    evaluator: "Evaluator"
    tasks: list[estimate.Asked]
    unknown: Mapping[str, str]
    """Tasks that could not be counted, each with why."""

    @classmethod
    def of(cls, plan: Plan) -> "Asking":
        """Count what a plan asks; no weights are loaded."""
        evaluator = estimate.asking(plan)
        return cls(evaluator, *estimate.counted(evaluator, plan.recipe.evaluate))


class Effort(NamedTuple):
    """What evaluations and trainings take; its words are those of `estimate.Total`."""

    evaluations: int
    trainings: int
    computed: int
    written: int
    trained: int | None
    counted: bool
    asking: tuple[Asking, ...]
    """What cells ask, those that ask the same once."""


def efforts(left: Iterable[tuple[Laid, Stage]]) -> dict[str, Effort]:
    """Return what some stages take, each of them given with its cell, by base model.

    Counted are evaluations of finished trainings, and trainings.
    """
    stages: dict[str, list[tuple[Laid, Stage]]] = {}
    for laid, stage in left:
        if stage.step in {"evaluate", "train"}:
            stages.setdefault(laid.plan.model, []).append((laid, stage))
    return {model: _effort(each) for model, each in stages.items()}


def _effort(left: Iterable[tuple[Laid, Stage]]) -> Effort:
    asking: dict[str, Asking] = {}
    pairs: dict[Path, Mapping[str, estimate.Paired] | None] = {}
    computed = written = 0.0
    evaluations = 0
    trained: list[int | None] = []
    for laid, stage in left:
        recipe, run = laid.plan.recipe, laid.place.run
        settings = digest(recipe.evaluate.model_dump(mode="json"))
        if (asked := asking.get(settings)) is None:
            asked = asking[settings] = Asking.of(laid.plan)
        if stage.step == "evaluate":
            prompts = recipe.evaluate.prompts
            under = stage.name.partition("/")[2] in prompts
            for each in asked.tasks:
                # Of so many prompts, a task is asked under those that are for what it measures.
                share = each.prompted / len(prompts) if under else 1
                computed += share * each.computed
                written += share * each.written
            evaluations += 1
            continue
        if run not in pairs:
            pairs[run] = estimate.paired(laid.plan, run, asked.evaluator.encode)
        name = stage.name.split("/")[1]
        (arm,) = (arm for arm in laid.plan.arms if arm.name == name)
        trained.append(estimate.training(arm, recipe.sample, (pairs[run] or {}).get(name)))
    known = [each for each in trained if each is not None]
    return Effort(
        evaluations,
        len(trained),
        round(computed),
        round(written),
        sum(known) if len(known) == len(trained) else None,
        all(each is not None for each in pairs.values()),
        tuple(asking.values()),
    )
