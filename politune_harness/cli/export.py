"""`politune export`: a run for other people: to run again, to analyse, to cite."""

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
@click.option("--licence", help="For croissant.json: the licence under which you publish this.")
@click.option("--creator", help="For croissant.json: who made it.")
@click.option("--url", help="For croissant.json: where it will stand.")
@click.option("--published", metavar="DATE", help="For croissant.json: the day, as in 2026-11-25.")
def export(
    run: Path,
    out: Path | None,
    licence: str | None,
    creator: str | None,
    url: str | None,
    published: str | None,
) -> None:
    """Write RUN as a capsule that others run again and analyse.

    recipe.yaml, capsule.json (what made each stage, and every file's SHA-256) and requirements.txt
    are to run it again; samples.parquet has one row a response, with codebook.md, analysis.R and
    analysis.py; tables.tex and instruments.bib are for a paper; croissant.json describes the whole.
    No text that was read or trained on is in it.
    """
    from politune_harness import capsule, croissant, exported
    from politune_harness.artifacts import write_whole
    from politune_harness.errors import DataError
    from politune_harness.registry import Registry
    from politune_harness.report import latex
    from politune_harness.report.markdown import table

    if not (run / "results.json").is_file():
        message = f"{run} holds no report; make one with `politune report {run}`"
        raise DataError(message)
    folder = out or run / "export"
    folder.mkdir(parents=True, exist_ok=True)
    written = exported.write(run, folder / "samples.parquet")
    columns = [[f"`{name}`", kind, text] for name, (kind, text) in exported.COLUMNS.items()]
    book = table(["column", "type", "is"], columns, words=3)
    write_whole(folder / "codebook.md", f"# samples.parquet: one row a response\n\n{book}\n")
    found = json.loads((run / "results.json").read_text("utf-8"))
    write_whole(folder / "tables.tex", latex.tables(found))
    write_whole(folder / "instruments.bib", latex.bibliography(found))
    for path in (Path(latex.__file__).parent / "examples").iterdir():
        shutil.copyfile(path, folder / path.name.removesuffix(".txt"))
    for name in ("results.json", "results.csv"):
        shutil.copyfile(run / name, folder / name)
    registry = Registry.installed()
    name = capsule.write(run, folder, registry, written.left_out).run
    said = croissant.About(licence=licence, creator=creator, url=url, published=published)
    described = croissant.metadata(name, folder, exported.COLUMNS, exported.judges(run), said)
    text = json.dumps(described, indent=2, ensure_ascii=False)
    write_whole(folder / croissant.NAME, text + "\n")
    click.echo(f"{written.rows} responses: {folder}")
    if written.left_out:
        click.echo(written.left_out)
    if said.unsaid:
        click.echo(f"croissant.json does not say {', '.join(said.unsaid)}: see --help")
