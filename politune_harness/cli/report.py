"""`politune report`: write a run's report again, from what is on disk."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def report(folder: Path) -> None:
    """Write the report of the run in FOLDER again, from its artifacts alone."""
    from politune_harness import report as reports

    reports.write(folder)
    click.echo(str(folder / "report.md"))
