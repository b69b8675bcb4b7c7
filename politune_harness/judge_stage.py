"""The stages in which judges score what an evaluation left for them, without a model.

    5-evaluate/left/seed-0 -> 6-judge/left/seed-0     the same, with scores
                              6-anchors               how the judges score texts that never change

The answers are on disk before any judge is asked, so nothing that befalls a judge loses one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from politune_harness import anchors
from politune_harness.artifacts import Artifact, Contents, disk_errors
from politune_harness.components import Metric
from politune_harness.errors import DataError, ModelError
from politune_harness.evaluation import Evaluator, task_folders
from politune_harness.judged import ANCHORS, EVALUATED, JUDGED
from politune_harness.judging import check_judges
from politune_harness.models import locate
from politune_harness.plan import build_judges
from politune_harness.progress import working
from politune_harness.recipe import Evaluate, Recipe
from politune_harness.records import JSON
from politune_harness.registry import Registry
from politune_harness.run_folder import REPORT, locked, starts
from politune_harness.stage import Stage, distribution, make, states_of, why

FAILED = (b'"failed":true', b'"judge failed: ')
"""How a sample says that a judge could not be asked; the second, before there was the first."""


def judging(
    evaluated: Sequence[Stage],
    judges: Sequence[Metric],
    registry: Registry,
    contents: Contents,
    *,
    model: str,
    settings: Evaluate,
    run: Path,
) -> list[Stage]:
    """Return a stage for each evaluation, and one for the anchors."""
    described = [registry.describe(judge) for judge in judges]
    leaning = [
        told for told, built in zip(described, judges, strict=True) if built.measures == "leaning"
    ]
    folders = task_folders(registry.task_dirs())
    evaluator = Evaluator(model, settings, task_dirs=folders, judges=described)
    identities, external = states_of(judges, registry, contents, "judges")
    made_by: dict[str, JSON] = {
        "use": "judge",
        "distribution": distribution(),
        "judges": identities,
    }

    def stage(before: Stage) -> Stage:
        def work(artifact: Artifact) -> Mapping[str, JSON]:
            return {"judged": evaluator.judge(before.artifact.path, artifact.path)}

        name = JUDGED + before.name.removeprefix(EVALUATED)
        return Stage(name, "judge", Artifact(run / name), made_by, work, (before,), external)

    def score_anchors(artifact: Artifact) -> Mapping[str, JSON]:
        return artifact.write(
            row
            for judge in leaning
            for poles in (False, True)
            for row in anchors.scored(judge, poles=poles)
        ).counts()

    artifact = Artifact(run / ANCHORS)
    last = Stage(ANCHORS, "judge", artifact, made_by, score_anchors, (), external)
    return [*map(stage, evaluated), last]


def judge(run: Path, registry: Registry) -> list[str]:
    """Have the judges of a run's recipe score its answers; return the names of what was done.

    What is judged already is not judged again, except answers that a judge failed on. The report
    is written anew. Raises DataError where the folder holds no finished evaluation, BudgetError
    where judging might cost more than is allowed.
    """
    with locked(run), disk_errors(run):
        contents = Contents(run / ".contents.json")
        recipe, judges = recipe_of(run, registry)
        stages = judging(
            evaluations(run, recipe),
            judges,
            registry,
            contents,
            model=located(recipe, run, registry),
            settings=recipe.evaluate,
            run=run,
        )
        todo = [each for each in stages if why(each, contents) or _failed(each.artifact.path)]
        with working("all judgements", len(todo)) as overall:
            for each in todo:
                with working(each.name):
                    make(each, contents)
                overall.advance()
        _report(run, contents)
        contents.save()
    return [each.name for each in todo]


def recipe_of(run: Path, registry: Registry) -> tuple[Recipe, tuple[Metric, ...]]:
    """Return a run's recipe and its judges, who are ready."""
    if not (recipe := Recipe.of_run(run)).judges:
        message = f"the recipe of {run} names no `judges`"
        raise DataError(message)
    judges = build_judges(recipe, starts(run), registry)
    check_judges(judges, located(recipe, run, registry))
    return recipe, judges


def located(recipe: Recipe, run: Path, registry: Registry) -> str:
    """Return where the base model of a run is; its name, where only the answers are here."""
    try:
        return locate(recipe.model, registry.models(), starts(run))
    except ModelError:
        return recipe.model


def evaluations(run: Path, recipe: Recipe) -> list[Stage]:
    """Return the finished evaluations of a run that its recipe has, as they lie on disk."""

    def never(_: Artifact) -> None:
        raise NotImplementedError

    found = []
    for place in (*recipe.places, *recipe.evaluate.prompts):
        artifact = Artifact(run / EVALUATED / place)
        if (manifest := artifact.manifest) is not None:
            found.append(Stage(manifest.stage, "evaluate", artifact, manifest.made_by, never))
    if not found:
        message = f"{run} holds no finished evaluation; make one with `politune run`"
        raise DataError(message)
    return found


def _failed(folder: Path) -> bool:
    """Say whether a judge could not be asked about an answer: it may be there by now."""
    texts = (path.read_bytes() for path in folder.glob("samples/*.jsonl"))
    return any(mark in text for text in texts for mark in FAILED)


def _report(run: Path, contents: Contents) -> None:
    """Write the report again, and note what it was made of where it was made before."""
    from politune_harness import report

    artifact = Artifact(run, REPORT)
    before = artifact.manifest
    report.write(run)
    if before is not None:
        files = contents.files(run, REPORT)
        artifact.seal(msgspec.structs.replace(before, files=files))
