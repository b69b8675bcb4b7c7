"""A piece of a study's work, wherever an engine does it: some stages of one cell.

A worker lays the cell out anew from its recipe, takes from the store what the stages need and it
lacks, makes them, and puts them into the store: so workers may share a file system or not.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from politune_harness.artifacts import Contents, digest
from politune_harness.layout import stages
from politune_harness.plan import Plan, plan
from politune_harness.recipe import Recipe, Use
from politune_harness.registry import Registry
from politune_harness.stage import Stage, take_or_make, why
from politune_harness.store import Store

ONE = Use.model_validate({"use": "local", "workers": 1})
"""The engine within a worker: the study's own has spread the work already."""


@dataclass(frozen=True)
class Place:
    """A cell, as another process can lay it out."""

    recipe: str
    """As JSON."""
    start: Path
    """Where the recipe's relative paths start."""
    run: Path
    memory: Path
    """The digests of files that are known already."""

    @classmethod
    def of(cls, made: Plan, run: Path, memory: Path) -> "Place":
        """Return the place of a cell's plan."""
        alone = made.recipe.model_copy(update={"engine": ONE})
        text = alone.model_dump_json(exclude_unset=True)
        return cls(text, made.folder.resolve(), run.resolve(), memory.resolve())


@dataclass(frozen=True)
class Task:
    """What an engine is given."""

    place: Place
    stages: tuple[str, ...]
    """By name, in the order of work."""
    store: str


@lru_cache(maxsize=1)
def _laid_out(place: Place) -> tuple[dict[str, Stage], Contents]:
    """Return the stages of a cell; a model that they load is kept for those that come next."""
    contents = Contents(place.memory)
    recipe = Recipe.model_validate(msgspec.json.decode(place.recipe))
    made = plan(recipe, place.start, Registry.installed())
    return {stage.name: stage for stage in stages(made, place.run, contents)}, contents


def work(task: Task) -> int:
    """Make the stages of a task, and all that they need; return how many were made."""
    laid, contents = _laid_out(task.place)
    store = Store(task.store)
    done: set[str] = set()
    return sum(bring(laid[name], contents, store, done) for name in task.stages)


def bring(stage: Stage, contents: Contents, store: Store, done: set[str] | None = None) -> int:
    """See that a stage and what it needs stand: as they lie, from the store, or made.

    Returns how many were made. `done` holds the names of those that stand for sure.
    """
    done = set() if done is None else done
    if stage.name in done:
        return 0
    made = sum(bring(need, contents, store, done) for need in stage.needs)
    made += why(stage, contents) is not None and take_or_make(stage, contents, store)
    done.add(stage.name)
    return made


class Keys:
    """What tells the work of stages apart before any has run: components, files, and needs.

    Stages of equal keys make the same artifact.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Stage, str]] = {}

    def __call__(self, stage: Stage) -> str:
        """Return the key of a stage."""
        if id(stage) not in self._known:
            needs = {need.name: self(need) for need in stage.needs}
            # The stage is kept, so that its id stays its own.
            self._known[id(stage)] = stage, digest([stage.made_by, stage.external, needs])
        return self._known[id(stage)][1]
