"""`politune check-data`: what is wrong with preference pairs, counted."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from politune_harness.records import Dropped, Preference


@click.command(name="check-data")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--prompt", default="prompt", show_default=True, help="The column of the prompt.")
@click.option("--chosen", default="chosen", show_default=True, help="… of the preferred answer.")
@click.option("--rejected", default="rejected", show_default=True, help="… of the other answer.")
@click.option("--list", "listed", is_flag=True, help="Name each flawed row after the table.")
def check_data(
    paths: tuple[Path, ...],
    prompt: str,
    chosen: str,
    rejected: str,
    listed: bool,  # noqa: FBT001
) -> None:
    """Count the flaws of preference pairs in PATHS, each one arm.

    The pair filter of the same name drops or mends such rows in a recipe.
    """
    from politune_harness.components import Source
    from politune_harness.flaws import FLAWS, Checker
    from politune_harness.records import Dropped, Preference
    from politune_harness.registry import Registry

    registry = Registry.installed()
    columns = {"prompt": prompt, "chosen": chosen, "rejected": rejected}

    def rows(path: Path) -> "Iterator[Preference | Dropped]":
        for row in registry.build(Source, "preferences", {"path": path, **columns}).load():
            if isinstance(row, Preference | Dropped):
                yield row

    def pairs(path: Path) -> "Iterator[Preference]":
        return (row for row in rows(path) if isinstance(row, Preference))

    counts, named = [], []
    for path in paths:
        check = Checker(chain.from_iterable(pairs(other) for other in paths if other != path))
        count: Counter[str] = Counter()
        for row in rows(path):
            found = [row.reason] if isinstance(row, Dropped) else check(row)
            count.update(["rows", *found, *(["rows with any of these"] if found else [])])
            named += [f"{row.id}: {', '.join(found)}"] if found else []
        counts.append(count)
    click.echo(_table([path.name for path in paths], counts, FLAWS))
    if listed:
        click.echo("\n" + "\n".join(named))


def _table(names: list[str], counts: list[Counter[str]], flaws: tuple[str, ...]) -> str:
    """Return the counts: what was asked for, then the reasons for which rows were not read."""
    ends = "rows", "rows with any of these"
    unread = sorted({name for count in counts for name in count} - {*flaws, *ends})
    shown = (ends[0], *flaws, *unread, ends[1])
    lines = [("", *names), *((name, *(str(each[name]) for each in counts)) for name in shown)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
        for line in lines
    )
