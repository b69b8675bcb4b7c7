"""`politune bank validate`: what people's answers say about a bank."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from politune_harness.errors import DataError

WIDTH = 100
"""The fewest columns that the tables are set in."""

if TYPE_CHECKING:
    from rich.table import Table

    from politune_harness.compass.people import Validation
    from politune_harness.compass.people.records import Estimate, Stand, Structure


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--bank", "place", type=click.Path(path_type=Path), help="The bank.  [default: our own]"
)
@click.option("--group", "groups", multiple=True, help="A column that holds groups. Repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write norms.json into this folder.",
)
def validate(
    file: Path,
    place: Path | None,
    groups: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
    out: Path | None,
) -> None:
    """Validate a bank by the answers of people in FILE.

    FILE is CSV: an id, a column an item (0 to 3, the words, or empty), and where they are known
    party, language and self-placement (self, self_AXIS). Nobody's row is shown or kept. What the
    figures mean stands in docs/validation.md.
    """
    import msgspec

    from politune_harness.compass.bank import read_bank
    from politune_harness.compass.people import norms, read_answers, validate, write_norms
    from politune_harness.compass.prompts import read_prompts

    ours = _ours()
    folder = place or ours
    bank = read_bank(folder)
    prompts = read_prompts(folder if folder.is_dir() else folder.parent, ours)
    found = validate(bank, read_answers(file, bank, prompts.options, groups))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        _show(found)
    if out:
        click.echo(f"norms: {write_norms(norms(found), out)}", err=as_json)


def _ours() -> Path:
    """Return the folder of our own bank: lm-eval's copy, or the checkout's."""
    from politune_harness.evaluation import task_folders

    checkout = Path(__file__).parents[2] / "tasks"
    places = [folder / "compass" for folder in task_folders([checkout])]
    found = next((place for place in places if (place / "bank.yaml").is_file()), None)
    if found is None:
        message = "our own bank is not installed: reinstall politune-harness, or name one (--bank)"
        raise DataError(message)
    return found


def _show(found: "Validation") -> None:
    from rich.console import Console

    # Names of groups come from a file: they are text, and mark nothing up.
    console = Console(markup=False, highlight=False, width=max(Console().width, WIDTH))
    console.print(
        f"{found.bank}, version {found.version}, hash {found.hash}: {found.persons} persons\n"
    )
    items = (_items(found, axis) for axis in found.axes)
    for table in (_axes(found), *items, _groups(found), _placements(found)):
        if table.row_count:
            console.print(table)
    for line in (*_structure(found.structure), *_asides(found)):
        console.print(line)


def _table(title: str, *columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for n, column in enumerate(columns):
        right = n > 0 and column not in ("group", "note")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _axes(found: "Validation") -> "Table":
    table = _table("Axes", "axis", "persons", "mean", "sd", "alpha", "omega")
    for name, axis in found.axes.items():
        at = axis.position
        reliability = (_estimate(axis.alpha, 2), _estimate(axis.omega, 2))
        table.add_row(name, str(at.persons), _estimate(at.mean, 1), f"{at.sd:.1f}", *reliability)
    return table


def _items(found: "Validation", axis: str) -> "Table":
    names = list(found.axes) if found.structure else []
    headings = [f"on {name}" for name in names]
    table = _table(f"Items of {axis}", "item", "missing", "item-rest", *headings, "note")
    for item, report in found.axes[axis].items.items():
        rest = "-" if report.item_rest is None else f"{report.item_rest:.2f}"
        loadings = found.structure.loadings[item] if found.structure else {}
        shown = [f"{loadings[name]:.2f}" for name in names]
        notes = "; ".join(_notes(found, item, report.flag))
        table.add_row(item, str(report.missing), rest, *shown, notes)
    return table


def _notes(found: "Validation", item: str, flag: str | None) -> Iterator[str]:
    if flag:
        yield flag
    if found.structure and item in found.structure.misplaced:
        yield "misplaced"
    for column, each in found.dif.items():
        for test in each.items:
            if test.item == item and test.flagged:
                yield f"{test.size} DIF by {column}: {_name(test.more)} agrees more"


def _groups(found: "Validation") -> "Table":
    table = _table("Groups", "column", "group", "persons", *found.axes)
    for column, groups in found.groups.items():
        for name, stands in groups.stands.items():
            persons = min(stand.persons for stand in stands.values())
            means = [_mean(stand) for stand in stands.values()]
            table.add_row(column, _name(name), str(persons), *means)
        if groups.effects:
            sizes = [_estimate(each.eta2, 2) for each in groups.effects.values()]
            table.add_row(column, "eta squared", "", *sizes)
            apart = [each.d for each in groups.effects.values()]
            if any(apart):
                table.add_row(column, "d, last - first", "", *(_estimate(d, 2) for d in apart))
    return table


def _placements(found: "Validation") -> "Table":
    table = _table("Correlations with self-placement", "column", *found.axes)
    for column, axes in found.placements.items():
        table.add_row(column, *(_estimate(each.r, 2) for each in axes.values()))
    return table


def _structure(found: "Structure | None") -> Iterator[str]:
    if found is None:
        return
    size = max(found.factors, len(found.congruence)) + 1
    shown = " ".join(f"{e:.2f}" for e in found.eigenvalues[:size])
    chance = " ".join(f"{e:.2f}" for e in found.chance[:size])
    yield f"factors: {found.factors} by parallel analysis, {len(found.congruence)} axes"
    yield f"  eigenvalues {shown}; chance {chance}"
    for name, value in found.congruence.items():
        yield f"  congruence with {name} as keyed: {value:.2f}"
    yield f"  items highest on an axis of theirs, with the right sign: {found.placed:.0%}"
    names = list(found.between)
    for n, a in enumerate(names):
        for b in names[n + 1 :]:
            yield f"  correlation of the factors of {a} and {b}: {found.between[a][b]:.2f}"


def _asides(found: "Validation") -> Iterator[str]:
    for column, each in found.dif.items():
        flagged, tested = sum(test.flagged for test in each.items), len(each.items)
        names = ", ".join(map(_name, each.groups))
        yield f"DIF by {column} ({names}): {flagged} of {tested} items flagged"
        if each.untested:
            yield f"  not tested, answered too seldom or all alike: {', '.join(each.untested)}"
    for column, groups in found.groups.items():
        if groups.others:
            yield (
                f"{column}: {groups.masked} groups not shown, for privacy; "
                f"{groups.others} persons in those or in none"
            )
    for line in found.too_few:
        yield f"too few to say: {line}"
    yield "These are figures of the persons who answered, not of a population."


def _name(text: str) -> str:
    from politune_harness.report.escape import visible

    return visible(text)


def _mean(stand: "Stand") -> str:
    return _estimate(stand.mean, 1)


def _estimate(found: "Estimate | None", digits: int) -> str:
    if found is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:.{digits}f}"
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
