"""`politune run`: from posts to a report."""

import os
from contextlib import nullcontext
from pathlib import Path

import click

from politune_harness.cli.options import max_cost_option, planned, planned_cell, recipe_options


@click.command()
@recipe_options
@click.option(
    "--until",
    type=click.Choice(
        (
            "read",
            "filter",
            "instruct",
            "overlap",
            "pairs",
            "train",
            "merge",
            "evaluate",
            "judge",
            "report",
        )
    ),
    default="report",
    help="Stop after this step.",
)
@max_cost_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Ask only N documents of each task, and mark every result as partial.",
)
@click.option(
    "--store", metavar="PLACE", help="Share artifacts with other runs: in a folder, or at a URL."
)
@click.option(
    "--cell", type=click.IntRange(min=0), metavar="N", help="Run one cell of a study: see `study`."
)
@click.option("--offline", is_flag=True, help="Reach no other machine: no Hub, no endpoint.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def run(  # noqa: PLR0913, PLR0917
    recipe: str,
    overrides: tuple[str, ...],
    out: Path | None,
    until: str,
    max_cost: float | None,
    limit: int | None,
    store: str | None,
    cell: int | None,
    offline: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
) -> None:
    """Run RECIPE all the way to its report.

    It is a file, or a built-in name.

    What is done already is not done again: stop it at any moment, and run it again to go on.
    """
    from politune_harness import pipeline
    from politune_harness.cli.display import RichDisplay
    from politune_harness.memory import check_limit
    from politune_harness.offline import stay_offline
    from politune_harness.spending import limited
    from politune_harness.store import Store

    # Libraries draw tqdm bars of their own, which would run into ours.
    os.environ.setdefault("TQDM_DISABLE", "1")
    check_limit()
    if offline:
        stay_offline()
    limited_to = (f"evaluate.limit={limit}",) if limit else ()
    overrides = (*overrides, *limited_to)
    if cell is None:
        plan, folder = planned(recipe, overrides, out)
    else:
        plan, folder, store = planned_cell(recipe, overrides, out, cell, store)
    try:
        with limited(max_cost) as paid, nullcontext() if quiet else RichDisplay().shown():
            ran = pipeline.run(plan, folder, until, Store(store) if store else None)
    except KeyboardInterrupt:
        click.echo("\nStopped. Run the same command to go on.", err=True)
        raise SystemExit(130) from None
    done = "nothing to do" if not ran else f"{len(ran)} stages run"
    place = folder / "report.html" if until == "report" else folder
    click.echo(f"{done}: {place}")
    if paid.spent:
        click.echo(f"spent: {paid.spent:.4f}")
    if plan.judges and plan.recipe.judge == "deferred":
        click.echo(f"to have the answers judged: politune judge {folder}")
