"""`politune curate`: what a run did with its data, and whether people agree with what chose it."""

from pathlib import Path

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def curate() -> None:
    """Look at a run's data, and audit what selected and wrote it."""


@curate.command()
@click.argument("run", type=FOLDER)
def show(run: Path) -> None:
    """Show what each stage of RUN kept, and how alike arms are.

    It needs no training and no evaluation: `politune run RECIPE --until pairs` is enough. The
    figure is written to RUN/figures, where no report has drawn it yet.
    """
    from politune_harness import curated
    from politune_harness.recipe import Recipe
    from politune_harness.report import curation, funnel_figure

    data = curated.load(run, Recipe.of_run(run))
    if not (run / "report.md").is_file():
        funnel_figure.draw(data.steps, [], run / "figures")
    tables = [part for part in (curation.counts(data), curation.balances(data)) if part]
    click.echo("\n\n".join(tables) or "no stage is finished yet")


@curate.group()
def audit() -> None:
    """Compare annotators with people, and have texts rated."""


@audit.command()
@click.argument("study", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here too.")
def labels(study: Path, out: Path | None) -> None:
    """Compare people's labels with each other and with annotators.

    STUDY is a YAML file that names files of labels, and the filters to put beside them: see
    docs/curation.md.
    """
    from politune_harness import audit
    from politune_harness.registry import Registry

    found = audit.compare(audit.load(study), study.parent, Registry.installed())
    click.echo(audit.table(found))
    if out is not None:
        out.write_bytes(audit.encode(found))


@audit.command()
@click.argument("run", type=FOLDER)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@click.option("--n", type=click.IntRange(min=1), help="How many to draw.  [default: all]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of drawing and order.")
def export(run: Path, out: Path, n: int | None, seed: int) -> None:
    """Write a blinded sheet of what was written in RUN.

    Each text stands beside the post it was written from. People or judges fill in how good it is,
    and how far each answer shares the post's leaning, both from 1 to 5. Arms, and which answer is
    preferred, are not shown; what the ids stand for stays in RUN.
    """
    from politune_harness import written

    if out.resolve() == run.resolve():
        message = "--out must not be the run's folder: raters would see the key"
        raise click.UsageError(message)
    count = written.export(run, out, n, seed)
    click.echo(f"{count} rows in {out / written.SHEET}")


@audit.command(name="import")
@click.argument("sheet", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--run", type=FOLDER, required=True, help="The run that the sheet is of.")
@click.option("--rater", help="Who rated.  [default: the sheet's name]")
def import_(sheet: Path, run: Path, rater: str | None) -> None:
    """Add the ratings in SHEET to a run, and show all by arm."""
    from politune_harness import written

    written.bring_in(sheet, run, rater or sheet.stem)
    click.echo(written.table(written.results(run)))
