"""A plan: a recipe with every component built, so that it is known to be right before it runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from politune_harness.components import (
    Component,
    Engine,
    Filter,
    InstructionWriter,
    Metric,
    PairFilter,
    Source,
    Trainer,
)
from politune_harness.errors import RecipeError
from politune_harness.models import locate
from politune_harness.recipe import Arm, Recipe, Use
from politune_harness.records import Document, Preference
from politune_harness.registry import Registry, nearest

C = TypeVar("C", bound=Component)


@dataclass(frozen=True)
class ArmPlan:
    """An arm with its components built."""

    name: str
    source: Source | None
    filters: tuple[Filter, ...]
    writer: InstructionWriter | None
    adapter: Path | None
    seeds: tuple[int, ...] = ()
    pairs: tuple[PairFilter, ...] = ()
    like: str | None = None
    """The arm whose pairs it takes."""
    of: Mapping[str, float] = field(default_factory=dict)
    """The arms that its adapters are made of, with their weights."""
    trainer: Trainer | None = None
    """How it is tuned; None where nothing is trained for it."""
    after: str | None = None
    """The arm whose adapters it starts from."""


@dataclass(frozen=True)
class Plan:
    """A recipe with every component built: ready to run."""

    recipe: Recipe
    registry: Registry
    model: str
    """The base model's folder or Hub id."""
    arms: tuple[ArmPlan, ...]
    trainer: Trainer | None
    """That of the arms which have none of their own."""
    judges: tuple[Metric, ...]
    engine: Engine
    norms: tuple[Path, ...] = ()
    """Files of human answers."""
    folder: Path = Path()
    """Where the recipe's relative paths start."""


def build_judges(recipe: Recipe, folder: Path, registry: Registry) -> tuple[Metric, ...]:
    """Build the judges that a recipe names."""
    return tuple(
        registry.build(Metric, j.use, j.fields, folder=folder, where=f"judges.{i}")
        for i, j in enumerate(recipe.judges)
    )


def plan(recipe: Recipe, folder: Path, registry: Registry) -> Plan:
    """Build what a recipe names. `folder` is where its relative paths start.

    Raises RecipeError or ModelError, in one line, for the first thing that is not there.
    """

    def build(kind: type[C], use: Use, where: str) -> C:
        return registry.build(kind, use.use, use.fields, folder=folder, where=where)

    def arm_plan(name: str, arm: Arm) -> ArmPlan:
        where = f"arms.{name}"
        if arm.adapter is not None or arm.of is not None:
            return _untrained(name, arm, recipe, folder)
        seeds = recipe.seeds_of(name)
        inherited = recipe.pairs if arm.source else ()
        uses = inherited if arm.pairs is None else arm.pairs
        pairs = tuple(build(PairFilter, p, f"{where}.pairs.{i}") for i, p in enumerate(uses))
        if arm.source is None:
            known = [other for other, each in recipe.arms.items() if each.source]
            if arm.like not in known:
                message = f"{where}.like: no arm with a source is called {arm.like!r}; "
                raise RecipeError(message + nearest(arm.like or "", known))
            return ArmPlan(name, None, (), None, None, seeds, pairs, arm.like)
        source = build(Source, arm.source, f"{where}.source")
        filters = recipe.filters if arm.filters is None else arm.filters
        instructions = arm.instructions or recipe.instructions
        if source.yields is Preference:
            _refuse_for_pairs(where, arm)
            return ArmPlan(name, source, (), None, None, seeds, pairs)
        if instructions is None:
            message = f"{where}: {arm.source.use!r} yields {Document.__name__} rows, so the "
            message += "recipe needs `instructions:` to turn them into pairs"
            raise RecipeError(message)
        return ArmPlan(
            name,
            source,
            tuple(build(Filter, f, f"{where}.filters.{i}") for i, f in enumerate(filters)),
            build(InstructionWriter, instructions, f"{where}.instructions"),
            None,
            seeds,
            pairs,
        )

    trainer = build(Trainer, recipe.trainer, "trainer") if recipe.trainer else None

    def tuned(made: ArmPlan) -> ArmPlan:
        own, where = recipe.arms[made.name].trainer, f"arms.{made.name}.trainer"
        _check_start(made, recipe)
        how = build(Trainer, own, where) if own else trainer
        return replace(made, trainer=how, after=recipe.arms[made.name].after)

    arms = tuple(arm_plan(name, arm) for name, arm in recipe.arms.items())
    arms = tuple(tuned(arm) if arm.source or arm.like else arm for arm in arms)
    if recipe.evaluate.select and not any(arm.toward for arm in recipe.arms.values()):
        message = "evaluate.select: no arm says where it is to move, such as `toward: [left]`"
        raise RecipeError(message)
    _check_trainers(arms, registry)
    return Plan(
        recipe=recipe,
        registry=registry,
        model=locate(recipe.model, registry.models(), folder),
        arms=arms,
        trainer=trainer,
        judges=build_judges(recipe, folder, registry),
        engine=build(Engine, recipe.engine, "engine"),
        norms=tuple(folder / path for path in recipe.evaluate.norms),
        folder=folder,
    )


def _check_trainers(arms: Iterable[ArmPlan], registry: Registry) -> None:
    if any(arm.trainer is None and (arm.source or arm.like) for arm in arms):
        message = f"the recipe needs `trainer:`; {nearest('', registry.components(Trainer))}"
        raise RecipeError(message)


def _check_start(arm: ArmPlan, recipe: Recipe) -> None:
    """Raise RecipeError where the arm that another starts from is not trained for each seed."""
    other, where = recipe.arms[arm.name].after, f"arms.{arm.name}.after"
    if other is None:
        return
    known = [n for n, a in recipe.arms.items() if (a.source or a.like) and a.after is None]
    if other not in known:
        message = f"{where}: no arm that is trained from the base is called {other!r}; "
        raise RecipeError(message + nearest(other, known))
    if recipe.evaluate.select:
        message = f"{where}: with `evaluate.select` every arm starts from the base"
        raise RecipeError(message)
    theirs = recipe.seeds_of(other)
    if lacking := [str(seed) for seed in arm.seeds if seed not in theirs]:
        message = f"{where}: {other} has no seed {', '.join(lacking)}"
        raise RecipeError(message)


def _untrained(name: str, arm: Arm, recipe: Recipe, folder: Path) -> ArmPlan:
    """Return an arm whose adapter is there, or is made of others with each seed of all of them."""
    if arm.adapter is not None:
        return ArmPlan(name, None, (), None, folder / arm.adapter)
    known = [n for n, each in recipe.arms.items() if each.source or each.like]
    for other in arm.of or ():
        if other not in known:
            message = f"arms.{name}.of: no arm that is trained is called {other!r}; "
            raise RecipeError(message + nearest(other, known))
    seeds = recipe.seeds_of(name)
    if not seeds:
        message = f"arms.{name}.of: {', '.join(arm.of or ())} share no seed"
        raise RecipeError(message)
    return ArmPlan(name, None, (), None, None, seeds, of=arm.of or {})


def _refuse_for_pairs(where: str, arm: Arm) -> None:
    given = [name for name in ("filters", "instructions") if getattr(arm, name)]
    if given:
        message = f"{where}: its source yields ready-made pairs, which {given[0]} do not apply to"
        raise RecipeError(message)
