"""`politune study`: a recipe with a grid of changes, and one report that answers its question."""

import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from politune_harness.cli.options import max_cost_option, recipe_options, studied
from politune_harness.cli.plan import hours, rate_option, tokens

if TYPE_CHECKING:
    from politune_harness.study.effort import Effort


@click.group()
def study() -> None:
    """Run a grid of recipes, to answer one question."""


@study.command()
@recipe_options
@click.option("--amend", is_flag=True, help="Change what was frozen: all becomes exploratory.")
@click.option("--store", metavar="PLACE", help="Where cells share artifacts: a folder or a URL.")
@max_cost_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
def run(
    *,
    recipe: str,
    overrides: tuple[str, ...],
    out: Path | None,
    amend: bool,
    store: str | None,
    max_cost: float | None,
    quiet: bool,
) -> None:
    """Run every cell of the study in RECIPE, and write its report.

    Each distinct piece of work is done once, and what is done already is not done again: stop it
    at any moment, and run it again to go on.
    """
    from politune_harness.cli.display import RichDisplay
    from politune_harness.memory import check_limit
    from politune_harness.spending import limited
    from politune_harness.study import report
    from politune_harness.study.running import Running

    os.environ.setdefault("TQDM_DISABLE", "1")
    check_limit()
    grid, folder, registry = studied(recipe, overrides, out)
    where = store or str(folder / "store")
    if "://" not in where:
        where = str(Path(where).resolve())  # workers may start in another folder
    running = Running(grid, folder, where, registry, max_cost is not None)
    try:
        with limited(max_cost) as paid, nullcontext() if quiet else RichDisplay().shown():
            made = running.run(amend=amend)
    except KeyboardInterrupt:
        click.echo("\nStopped. Run the same command to go on.", err=True)
        raise SystemExit(130) from None
    report.write(grid, folder)
    done = f"{made} stages made" if made else "nothing to do"
    click.echo(f"{done}: {folder / 'report.md'}")
    if paid.spent:
        click.echo(f"spent: {paid.spent:.4f}")


@study.command()
@recipe_options
def cells(recipe: str, overrides: Sequence[str], out: Path | None) -> None:
    """List the cells of a study by number.

    `politune run RECIPE --cell N` runs one.
    """
    from politune_harness.study.running import folder_of

    grid, folder, _ = studied(recipe, overrides, out)
    for cell in grid.cells:
        click.echo(f"{cell.number}\t{folder_of(cell, folder)}")


@study.command("report")
@recipe_options
def report_(recipe: str, overrides: Sequence[str], out: Path | None) -> None:
    """Write a study's report again.

    All of its cells must be finished.
    """
    from politune_harness.study import report

    grid, folder, _ = studied(recipe, overrides, out)
    report.write(grid, folder)
    click.echo(str(folder / "report.md"))


@study.command()
@recipe_options
@rate_option
def plan(
    recipe: str,
    overrides: Sequence[str],
    out: Path | None,
    rate: tuple[float, float] | None,
) -> None:
    """Say what the cells share, what is done, and what is left.

    That is told in hours of one worker. A model is loaded to measure how fast it is, unless --rate
    says so.
    """
    from politune_harness.study.effort import efforts
    from politune_harness.study.running import STORE, Running, check

    grid, folder, registry = studied(recipe, overrides, out)
    check(grid, folder, registry)
    running = Running(grid, folder, str(folder / STORE), registry)
    click.echo(f"{len(grid.cells)} cells")
    shared, left = running.shared()
    for step, stages, distinct, done in shared:
        click.echo(f"{step:10} {stages:5} stages, {distinct:5} distinct, {done:5} of them done")
    for model, rest in efforts(left).items():
        click.echo(f"\nleft to do with  {model}; checkpoints and judges come on top")
        for line in _rest(rest, rate):
            click.echo(line)


def _rest(rest: "Effort", rate: tuple[float, float] | None) -> Iterator[str]:
    """Yield what is left of a study with one base model."""
    from politune_harness import estimate

    for each in rest.asking:
        yield from (f"{task}: not counted: {why}" for task, why in each.unknown.items())
    asking = next((each for each in rest.asking if each.tasks), None)
    if rate is None and asking is not None:
        rate = estimate.rates(asking.evaluator, [asking.tasks[0].task])
    told = f"{'about' if rest.counted else 'at most'} {rest.trained or 0:,}"
    if rest.trained is None:
        told = "not known before there are pairs"
    yield f"evaluations      {rest.evaluations}, and {rest.trainings} trainings"
    yield tokens(rest)
    yield f"training tokens  {told}"
    yield from hours(rest, rate)
