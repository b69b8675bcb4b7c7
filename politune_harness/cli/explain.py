"""`politune explain`: what a run would do, and why."""

from pathlib import Path

import click

from politune_harness.cli.options import planned, recipe_options


@click.command()
@recipe_options
def explain(recipe: str, overrides: tuple[str, ...], out: Path | None) -> None:
    """Say whether each stage of RECIPE stands, or why not."""
    from politune_harness.artifacts import Contents
    from politune_harness.layout import stages
    from politune_harness.stage import why

    plan, folder = planned(recipe, overrides, out)
    contents = Contents(folder / ".contents.json")
    found, rerun = stages(plan, folder, contents), set[str]()
    width = max(len(stage.name) for stage in found)
    for stage in found:
        reason = why(stage, contents, rerun)
        if reason is not None:
            rerun.add(stage.name)
        click.echo(f"{stage.name:{width}}  {'stands' if reason is None else 'runs: ' + reason}")
