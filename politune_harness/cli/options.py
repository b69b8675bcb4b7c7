"""What the commands that take a recipe share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from politune_harness.plan import Plan
    from politune_harness.registry import Registry
    from politune_harness.study import Grid

KINDS = (
    *("source", "filter", "instructions", "pair-filter"),
    *("trainer", "generator", "metric", "engine"),
)
"""The kinds of component, as `politune_harness.components` has them, which takes long to import."""

F = TypeVar("F", bound=Callable[..., Any])


def recipe_options(command: F) -> F:
    """Add RECIPE, --set and --out to a command."""
    for add in (
        click.option(
            "--out",
            type=click.Path(file_okay=False, path_type=Path),
            help="The run's folder.  [default: results/RECIPE]",
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Override a value, such as trainer.rank=8. Repeatable.",
        ),
        click.argument("recipe"),
    ):
        command = add(command)
    return command


def planned(recipe: str, overrides: Sequence[str], out: Path | None) -> "tuple[Plan, Path]":
    """Return a recipe's plan and the folder of its run."""
    from politune_harness.errors import RecipeError
    from politune_harness.plan import plan
    from politune_harness.recipe import Recipe, find
    from politune_harness.recipe_files import start_of
    from politune_harness.registry import Registry

    registry = Registry.installed()
    path = find(recipe, registry)
    if out is None and not path.stem.strip("."):
        message = f"the run of {path} would have no name: say where with --out"
        raise RecipeError(message)
    start = start_of(path)
    made = plan(Recipe.load(path, overrides, registry.recipes()), start, registry)
    default = Path("results") / path.stem if start == path.parent else path.parent
    return made, out or default


def studied(
    study: str, overrides: Sequence[str], out: Path | None
) -> "tuple[Grid, Path, Registry]":
    """Return a study with its cells, the folder of its runs, and what is installed."""
    from politune_harness.recipe import find
    from politune_harness.registry import Registry
    from politune_harness.study import Grid

    registry = Registry.installed()
    path = find(study, registry)
    grid = Grid.load(path, overrides, registry.recipes())
    return grid, out or Path("results") / path.stem, registry


def planned_cell(
    study: str,
    overrides: Sequence[str],
    out: Path | None,
    number: int,
    store: str | None,
) -> "tuple[Plan, Path, str]":
    """Return the plan of one cell of a study, its folder, and where it shares artifacts.

    What the study decides is frozen first.
    """
    from politune_harness.plan import plan
    from politune_harness.study.frozen import freeze
    from politune_harness.study.running import STORE, check, folder_of

    grid, folder, registry = studied(study, overrides, out)
    cell = grid.cell(number)
    folder.mkdir(parents=True, exist_ok=True)
    check(grid, folder, registry)
    freeze(grid, folder)
    made = plan(cell.recipe, grid.folder, registry)
    return made, folder_of(cell, folder), store or str(folder / STORE)


max_cost_option = click.option(
    "--max-cost",
    type=click.FloatRange(min=0),
    help="Stop before endpoints cost more than this, at the prices that their judges name. What "
    "was paid for is kept: run the command again to go on.",
)
"""For the commands that ask judges."""
