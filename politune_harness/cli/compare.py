"""`politune compare`: results of several runs side by side."""

from pathlib import Path

import click


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--mix", is_flag=True, help="Show different versions of one task all the same.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write compare.md and compass.png into this folder, instead of printing.",
)
def compare(results: tuple[Path, ...], mix: bool, out: Path | None) -> None:  # noqa: FBT001
    """Put RESULTS side by side.

    They are folders of runs, or of plain lm-eval's output.

    Refuses to compare a task that was asked in different versions.
    """
    from politune_harness.artifacts import write_whole
    from politune_harness.compared import read, refuse_mixtures
    from politune_harness.report import compared_tables

    columns = [column for folder in results for column in read(folder)]
    if not mix:
        refuse_mixtures(columns)
    text = compared_tables.tables(columns)
    if out is None:
        click.echo(text)
        return
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "compare.md", text)
    drawn = compared_tables.draw(columns, out / "compass.png")
    click.echo(f"{out / 'compare.md'}{' and compass.png' if drawn else ''}")
