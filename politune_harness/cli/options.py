"""What the commands that take a recipe share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from politune_harness.recipe import Plan

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


def planned(
    disabled: Sequence[str], recipe: str, overrides: Sequence[str], out: Path | None
) -> "tuple[Plan, Path]":
    """Return a recipe's plan and the folder of its run."""
    from politune_harness.errors import RecipeError
    from politune_harness.recipe import Recipe, find, plan
    from politune_harness.registry import Registry

    registry = Registry.installed(disable=disabled)
    path = find(recipe, registry)
    if out is None and not path.stem.strip("."):
        message = f"the run of {path} would have no name: say where with --out"
        raise RecipeError(message)
    made = plan(Recipe.load(path, overrides), path.parent, registry)
    return made, out or Path("results") / path.stem


max_cost_option = click.option(
    "--max-cost",
    type=click.FloatRange(min=0),
    help="Stop before endpoints cost more than this, at the prices that their judges name. What "
    "was paid for is kept: run the command again to go on.",
)
"""For the commands that ask judges."""
