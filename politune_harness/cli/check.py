"""`politune check`: everything about a recipe that can be known without running it."""

from pathlib import Path

import click

from politune_harness.cli.options import planned, recipe_options


@click.command()
@recipe_options
def check(recipe: str, overrides: tuple[str, ...], out: Path | None) -> None:
    """Check names, fields, rows, tasks, model and judges of RECIPE."""
    from politune_harness.advice import advice
    from politune_harness.artifacts import Contents
    from politune_harness.first_rows import look
    from politune_harness.judging import check_judges
    from politune_harness.layout import stages
    from politune_harness.task_check import check_tasks

    plan, folder = planned(recipe, overrides, out)
    found = stages(plan, folder, Contents(folder / ".contents.json"))
    check_tasks(plan)
    check_judges(plan.judges, plan.model, plan.recipe.judge)
    for line in (*look(plan), *advice(plan)):
        click.echo(f"advice: {line}", err=True)
    click.echo(f"ok: {len(found)} stages, {len(plan.arms)} arms, into {folder}")
