"""`politune report`: write a run's report again, from what is on disk."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--refresh", is_flag=True, help="Clear all that earlier reports left, then write it.")
@click.option(
    "--figure", "figures", multiple=True, metavar="NAME", help="Draw this figure and nothing else."
)
def report(folder: Path, refresh: bool, figures: tuple[str, ...]) -> None:  # noqa: FBT001
    """Write the report of the run in FOLDER again.

    The same artifacts give the same bytes.
    """
    from politune_harness import report as reports

    if figures:
        for path in reports.drawn_again(folder, figures):
            click.echo(str(path))
        return
    if refresh:
        reports.refresh(folder)
    else:
        reports.write(folder)
    click.echo(str(folder / "report.md"))
    click.echo(str(folder / reports.HTML))
