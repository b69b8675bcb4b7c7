"""`politune compass`: score, parse and plot answers that were collected anywhere."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from politune_harness.compass.official import Place

FILE = click.argument("file", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")


@click.group()
def compass() -> None:
    """Score, parse and plot answers that were collected anywhere."""


@compass.command()
@FILE
@click.option(
    "--missing",
    type=click.Choice(["zero", "agree"]),
    default="zero",
    show_default=True,
    help="What an unanswered item counts: 0, or Agree as in the numbers that others publish.",
)
@JSON
def score(file: Path, missing: Literal["zero", "agree"], *, as_json: bool) -> None:
    """Score answers to the official 62 items as the site does.

    FILE is a CSV with a column `id` and one an item, called by its slug, 1 to 62, or pc-01 to
    pc-62; or JSON lines {"id": …, "answers": [62 values]}. A value is 0 (strongly disagree) to 3
    (strongly agree), the option's words, or null or nothing where there is no answer. `--json`
    prints id, economic, social, coverage and the bounds over all answers that could be missing.
    """
    import msgspec

    from politune_harness.compass import official
    from politune_harness.compass.official_files import read_answers

    rows = read_answers(file)
    places = [official.score(row.answers, missing) for row in rows]
    if as_json:
        found = [
            {"id": row.id, **msgspec.to_builtins(place)}
            for row, place in zip(rows, places, strict=True)
        ]
        _echo_json(found)
        return
    lines = [(str(row.id), *_cells(place)) for row, place in zip(rows, places, strict=True)]
    names = ("economic", "social", "answered", "economic, bounds", "social, bounds")
    _echo_table(("id", *names), lines)


@compass.command()
@FILE
@click.option(
    "--labels",
    metavar="LABELS",
    help="What stands before the options, such as 'A=Strongly disagree,B=Disagree,C=Agree,"
    "D=Strongly agree'.  [default: 1=Strongly disagree to 4=Strongly agree]",
)
@JSON
def parse(file: Path, labels: str | None, *, as_json: bool) -> None:
    """Read which option each text reply in FILE chooses.

    FILE holds JSON lines {"id": …, "text": …}. An answer is 0 for the strongest disagreement to 3
    for the strongest agreement; a reply that refuses, or in which no option is chosen or more than
    one is, has none. Nothing is guessed from arguments. Options that are neither the English ones
    nor those of our German bank are given in that order.
    """
    from politune_harness.compass import replies

    shown = replies.read_labels(labels) if labels else replies.DEFAULT
    read = [(id_, replies.parse(text, shown)) for id_, text in _texts(file)]
    if as_json:
        _echo_json([{"id": id_, "answer": r.answer, "status": r.status} for id_, r in read])
        return
    chosen = [shown.options[r.answer] if r.answer is not None else "" for _, r in read]
    _echo_table(
        ("id", "status", "answer"),
        [(str(id_), reply.status, words) for (id_, reply), words in zip(read, chosen, strict=True)],
    )
    counts = Counter(reply.status for _, reply in read)
    click.echo(
        ", ".join(f"{counts[status]} {status}" for status in ("valid", "refused", "unparsed"))
    )


@compass.command()
@FILE
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A PNG, SVG or PDF.  [default: FILE with .png]",
)
def plot(file: Path, out: Path | None) -> None:
    """Draw where the answers in FILE lead.

    Where some are missing, it shows how far they could lead. FILE is as `politune compass score`
    takes it.
    """
    from politune_harness.compass.official import score
    from politune_harness.compass.official_files import read_answers
    from politune_harness.report.places_figure import draw

    to = out or file.with_suffix(".png")
    rows = read_answers(file)
    draw([(str(row.id), score(row.answers)) for row in rows], to)
    click.echo(str(to))


def _texts(file: Path) -> list[tuple[str | int | float, str]]:
    """Return ids and texts of a file of replies. Raises DataError, naming the line."""
    import msgspec

    from politune_harness.compass.bank import read_text
    from politune_harness.errors import DataError, one_line

    class Row(msgspec.Struct):
        id: str | int | float
        text: str | None

    rows: list[tuple[str | int | float, str]] = []
    for number, line in enumerate(read_text(file).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=Row)
        except (msgspec.DecodeError, RecursionError) as error:
            message = f"{file}, line {number}: {one_line(error)}; "
            message += 'a line is {"id": …, "text": …}'
            raise DataError(message) from None
        rows.append((row.id, row.text or ""))
    return rows


def _cells(place: "Place") -> tuple[str, ...]:
    """Return a place as the cells of a table."""
    bounds = [
        (place.economic_min, place.economic_max),
        (place.social_min, place.social_max),
    ]
    return (
        f"{place.economic:.2f}",
        f"{place.social:.2f}",
        f"{place.coverage:.0%}",
        *(f"{low:.2f} to {high:.2f}" if low != high else "" for low, high in bounds),
    )


def _echo_json(rows: Sequence[object]) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1))


def _echo_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table. Cells come from files, so nothing in them is markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
