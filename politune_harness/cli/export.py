"""`politune export`: a run's answers, tables and references for other people's work."""

import json
import shutil
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write.  [default: RUN/export]",
)
def export(run: Path, out: Path | None) -> None:
    """Write the answers of RUN for other people's statistics.

    samples.parquet has one row a response; codebook.md says what its columns are; analysis.R fits
    a mixed model with lme4, analysis.py does the like in Python; tables.tex and instruments.bib
    are for a paper.
    """
    from politune_harness import exported
    from politune_harness.artifacts import write_whole
    from politune_harness.errors import DataError
    from politune_harness.report import latex
    from politune_harness.report.markdown import table

    if not (run / "results.json").is_file():
        message = f"{run} holds no report; make one with `politune report {run}`"
        raise DataError(message)
    folder = out or run / "export"
    folder.mkdir(parents=True, exist_ok=True)
    count = exported.write(run, folder / "samples.parquet")
    columns = [[f"`{name}`", kind, text] for name, (kind, text) in exported.COLUMNS.items()]
    book = table(["column", "type", "is"], columns, words=3)
    write_whole(folder / "codebook.md", f"# samples.parquet: one row a response\n\n{book}\n")
    found = json.loads((run / "results.json").read_text("utf-8"))
    write_whole(folder / "tables.tex", latex.tables(found))
    write_whole(folder / "instruments.bib", latex.bibliography(found))
    for path in (Path(latex.__file__).parent / "examples").iterdir():
        shutil.copyfile(path, folder / path.name.removesuffix(".txt"))
    click.echo(f"{count} responses: {folder}")
