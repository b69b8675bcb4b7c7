"""A study: a recipe with a grid of changes to it, and the question that the grid is to answer.

    extends: quickstart
    study:
      question: How many pairs does it take?
      over: {sample: [60, 240], seeds: [0, 1, 2]}
      primary: {task: politune_compass_pairs, metric: economic, contrast: [left, right]}

A *cell* is one combination of levels: an ordinary recipe with an ordinary run. Cells that differ in
their seeds alone are one *condition*, which is what a report compares.
"""

import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PositiveFloat, ValidationError, field_validator, model_validator

from politune_harness.errors import RecipeError
from politune_harness.recipe import STUDY, Recipe, Settings, override, read_values
from politune_harness.registry import explain, nearest

SEEDS = "seeds"
"""The axis whose levels are training seeds: they repeat a condition."""

DOSES = 3
"""Fewer say nothing of the form of a curve."""

Levels = list[Any] | dict[str, dict[str, Any]]
"""Values of one key of the recipe; or several keys' values under a name of their own."""
Combination = dict[str, Any]
"""Some axes, each with one of its levels."""


def arms_of(side: str) -> list[str]:
    """Return the arms of one side of a contrast.

    >>> arms_of("left + right"), arms_of("base")
    (['left', 'right'], ['base'])
    """
    return [name.strip() for name in side.split("+")]


class Effect(Settings):
    """A difference between arms by one measure."""

    task: str
    metric: str
    contrast: tuple[str, str]
    """Two arms, or an arm and `base`: the first minus the second. `left + right` is the mean of
    two arms."""

    def checked(self, recipe: Recipe, where: str) -> None:
        """Raise RecipeError where a recipe lacks an arm of the contrast."""
        for name in (name for side in self.contrast for name in arms_of(side)):
            if name not in (known := ["base", *recipe.arms]):
                message = f"{where}.contrast: no arm is called {name!r}; {nearest(name, known)}"
                raise RecipeError(message)


class Primary(Effect):
    """The one outcome that the study is for; all else in its report is exploratory."""

    between: tuple[Combination, Combination] | None = None
    """Two sets of conditions by their levels: the outcome is then the contrast of the first less
    that of the second. Without it, each condition has one, and they are corrected together."""
    beyond: tuple[Combination, Combination] | None = None
    """Two more sets: the outcome is then by how much more the contrast changes between the first
    two than between these."""
    without: tuple[str, ...] = ()
    """Items of the task that do not count."""

    @model_validator(mode="after")
    def _beyond_what_is_between(self) -> Self:
        if self.beyond and not self.between:
            message = "`beyond` needs `between`"
            raise ValueError(message)
        return self

    @property
    def sets(self) -> tuple[tuple[int, Combination], ...]:
        """The sets of conditions that make up the one outcome, each with its sign."""
        told = (*(self.between or ()), *(self.beyond or ()))
        return tuple(zip((1, -1, -1, 1), told, strict=False))


class Study(Settings):
    """What a study asks, of which grid, and what is decided before anything runs."""

    question: str
    over: dict[str, Levels] = Field(default_factory=dict)
    """The axes: a key of the recipe such as `trainer.rank` with a list of its values, or any name
    with a mapping from the name of each level to the keys and values that it sets."""
    primary: Primary
    effect: Effect | None = None
    """What the conditions are to move, where the primary outcome is a cost: tables and figures
    show it beside the costs. By default what is primary."""
    margin: PositiveFloat | None = None
    """The smallest effect that would matter, in the metric's own units: what lies surely within it
    is told as none."""
    exclude: tuple[Combination, ...] = ()
    """Combinations of levels that are left out of the grid."""
    curve: Literal["saturating"] | None = None
    """The form of a curve that is fitted along the first axis of numbers."""
    ranks: str | None = None
    """An axis, such as one of judges: its levels are asked whether they put arms and seeds in the
    same order."""
    cannot_tell: str = ""
    """What this study cannot tell, in a sentence for its report."""

    @field_validator("over", mode="before")
    @classmethod
    def _values_or_names(cls, over: object) -> object:
        for axis, levels in over.items() if isinstance(over, dict) else ():
            named = isinstance(levels, dict) and all(isinstance(e, dict) for e in levels.values())
            if not named and not isinstance(levels, list):
                message = f"{axis}: write a list of values, or by the name of each level a mapping "
                raise ValueError(message + "of the keys that it sets")
        return over

    @field_validator("over")
    @classmethod
    def _levels(cls, over: dict[str, Levels]) -> dict[str, Levels]:
        for axis, levels in over.items():
            if isinstance(levels, list) and (key := axis.split(".")[0]) not in Recipe.model_fields:
                message = f"{axis}: a recipe has no such key; {nearest(key, Recipe.model_fields)}"
                raise ValueError(message)
            names = [each.name for each in _levels_of(axis, levels)]
            if not names or len(set(names)) < len(names):
                message = f"{axis}: each level once, and at least one"
                raise ValueError(message)
        return over

    @model_validator(mode="after")
    def _a_curve_is_of_two_arms(self) -> Self:
        if self.curve is None:
            return self
        if any("+" in side for side in self.moved.contrast):
            message = "a curve is fitted to one arm minus another, not to a mean of arms"
            raise ValueError(message)
        axes = ([e.value for e in _levels_of(axis, self.over[axis])] for axis in self.conditions)
        doses = next((each for each in axes if None not in each), [])
        if len(doses) < DOSES or not all(each and each > 0 for each in doses):
            message = f"a curve needs an axis of numbers above 0, at least {DOSES} of them"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _combinations_are_of_the_grid(self) -> Self:
        if self.ranks is not None and self.ranks not in self.conditions:
            message = f"ranks: {nearest(self.ranks, self.conditions)}"
            raise ValueError(message)
        for named in (*self.exclude, *(levels for _, levels in self.primary.sets)):
            for axis, level in named.items():
                if axis not in self.over:
                    message = f"{axis!r} is no axis of `over`; {nearest(axis, self.over)}"
                    raise ValueError(message)
                known = [each.name for each in _levels_of(axis, self.over.get(axis, []))]
                if (name := _named(level)) not in known:
                    message = f"{axis}: {level!r} is no level; {nearest(name, known)}"
                    raise ValueError(message)
        if any(SEEDS in levels for _, levels in self.primary.sets):
            message = "primary: sets of conditions name no seeds: a condition has them all"
            raise ValueError(message)
        return self

    @property
    def moved(self) -> Effect:
        """What the conditions are to move."""
        return self.effect or self.primary

    @property
    def conditions(self) -> list[str]:
        """The axes but for the seeds."""
        return [axis for axis in self.over if axis != SEEDS]


@dataclass(frozen=True)
class Level:
    """One step of an axis."""

    name: str
    sets: Mapping[str, Any]
    """By key of the recipe, what it is."""
    value: float | None
    """The level as a number, where it is one."""


def _levels_of(axis: str, levels: Levels) -> Iterator[Level]:
    if isinstance(levels, dict):
        yield from (Level(_named(name), sets, _number(name)) for name, sets in levels.items())
        return
    for value in levels:
        if isinstance(value, dict | list):
            message = f"{axis}: name its levels, such as {{{axis}: {{first: {{KEY: VALUE}}}}}}"
            raise ValueError(message)  # noqa: TRY004 - for pydantic
        yield Level(_named(value), {axis: [value] if axis == SEEDS else value}, _number(value))


def _named(level: object) -> str:
    """Return a level's name, fit for a folder.

    >>> _named(-0.5), _named("4-bit LoRA"), _named(None)
    ('minus0.5', '4-bit-LoRA', 'null')
    """
    text = "null" if level is None else re.sub(r"^-(?=[\d.])", "minus", str(level))
    return re.sub(r"[^\w.-]+", "-", text)


def _number(level: object) -> float | None:
    try:
        return None if isinstance(level, bool) else float(str(level))
    except ValueError:
        return None


@dataclass(frozen=True)
class Cell:
    """One combination: a recipe, and the levels that made it what it is."""

    number: int
    levels: Mapping[str, Level]
    """By axis."""
    recipe: Recipe

    @property
    def name(self) -> str:
        """The name of its folder."""
        return label(self.levels)

    @property
    def condition(self) -> str:
        """What it is called together with those that differ from it in their seed alone."""
        return label({axis: each for axis, each in self.levels.items() if axis != SEEDS})


def label(levels: Mapping[str, Level]) -> str:
    """Return what a combination is called, such as `sample-240_seeds-0`."""
    return "_".join(f"{_named(short(axis))}-{each.name}" for axis, each in levels.items()) or "all"


def short(axis: str) -> str:
    """Return the last part of an axis's name.

    >>> short("trainer.learning_rate")
    'learning_rate'
    """
    return axis.rpartition(".")[2]


@dataclass(frozen=True)
class Grid:
    """A study with all of its cells."""

    study: Study
    cells: tuple[Cell, ...]
    folder: Path
    """Where relative paths in the recipes start."""
    name: str

    @classmethod
    def load(
        cls,
        path: Path,
        overrides: Sequence[str] = (),
        recipes: Mapping[str, Path] | None = None,
    ) -> Self:
        """Read a study file; `overrides` hold for every cell.

        Raises RecipeError, in one line, where the file holds no study or a cell does not validate.
        """
        values = read_values(path, recipes)
        if STUDY not in values:
            message = f"{path.name} is no study: it has no key `study`"
            raise RecipeError(message)
        try:
            study = Study.model_validate(values.pop(STUDY))
        except ValidationError as error:
            message = f"{path.name}: {explain(error, STUDY, _fields(error))}"
            raise RecipeError(message) from None
        cells = tuple(_cells(study, values, overrides, path.name))
        names = {cell.name for cell in cells}
        if len(names) < len(cells):
            message = f"{path.name}: two axes end in one word: name their levels, or one of them"
            raise RecipeError(message)
        grid = cls(study, cells, path.resolve().parent, path.stem)
        for cell in cells:
            study.primary.checked(cell.recipe, f"{path.name}: study.primary")
            study.moved.checked(cell.recipe, f"{path.name}: study.effect")
        sets = [set(grid.matching(levels)) for _, levels in study.primary.sets]
        if not all(sets) or any(a & b for a, b in zip(sets[::2], sets[1::2], strict=True)):
            message = f"{path.name}: study.primary: each set needs conditions, and its own"
            raise RecipeError(message)
        return grid

    def cell(self, number: int) -> Cell:
        """Return one cell. Raises RecipeError for a number that there is not."""
        if not 0 <= number < len(self.cells):
            message = f"the cells of {self.name} are 0 to {len(self.cells) - 1}, not {number}"
            raise RecipeError(message)
        return self.cells[number]

    def matching(self, levels: Combination) -> list[str]:
        """Return the conditions of these levels."""
        wanted = {axis: _named(level) for axis, level in levels.items()}
        found = (
            cell.condition
            for cell in self.cells
            if all(cell.levels[axis].name == name for axis, name in wanted.items())
        )
        return list(dict.fromkeys(found))


def _fields(error: ValidationError) -> Sequence[str]:
    place = str(next(iter(error.errors()[0]["loc"]), ""))
    return [*{"primary": Primary, "effect": Effect}.get(place, Study).model_fields]


def _cells(
    study: Study, values: Mapping[str, Any], overrides: Sequence[str], name: str
) -> Iterator[Cell]:
    axes = {axis: list(_levels_of(axis, levels)) for axis, levels in study.over.items()}
    for each in overrides:
        _refuse_for_axes(each.partition("=")[0], axes)
    out = [{axis: _named(level) for axis, level in each.items()} for each in study.exclude]
    count = 0
    for chosen in itertools.product(*axes.values()):
        levels = dict(zip(axes, chosen, strict=True))
        if any(all(levels[axis].name == n for axis, n in each.items()) for each in out):
            continue
        recipe = copy.deepcopy(dict(values))
        for level in chosen:
            for key, value in level.sets.items():
                override(recipe, key, copy.deepcopy(value))
        told = f"{name}, cell {label(levels)}"
        yield Cell(count, levels, Recipe.of(recipe, overrides, told))
        count += 1


def _refuse_for_axes(key: str, axes: Mapping[str, Sequence[Level]]) -> None:
    """Raise RecipeError where `--set` would undo a part of what cells are named by."""
    for axis, levels in axes.items():
        for theirs in (other for level in levels for other in level.sets):
            if f"{key}.".startswith(f"{theirs}.") or f"{theirs}.".startswith(f"{key}."):
                message = (
                    f"--set {key}: the axis {axis!r} of the study sets {theirs!r}; change its "
                )
                raise RecipeError(message + "levels instead")


__all__ = [
    "SEEDS",
    "Cell",
    "Combination",
    "Effect",
    "Grid",
    "Level",
    "Primary",
    "Study",
    "arms_of",
    "label",
]
