"""`politune rate`: people's ratings of the answers that judges scored."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from politune_harness.rating import Judged, Rating


@click.group()
def rate() -> None:
    """Have people rate answers blindly, beside the judges."""


@rate.command()
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for the sheet.",
)
@click.option("--n", type=int, help="How many answers to draw.  [default: all]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of drawing and order.")
def export(run: Path, out: Path, n: int | None, seed: int) -> None:
    """Write a blinded, shuffled sheet of judged answers of RUN.

    People fill in `rating`, a whole number from 0 to 20, or mark `not applicable`. sheet.csv is
    for spreadsheets, tasks.json and labels.xml are for Label Studio. What the ids stand for stays
    in RUN: do not hand it on with the sheet.
    """
    from politune_harness import rating

    if out.resolve() == run.resolve():
        message = "--out must not be the run's folder: raters would see the key"
        raise click.UsageError(message)
    count = rating.export(run, out, n, seed)
    click.echo(f"{count} answers in {out / 'sheet.csv'} and {out / 'tasks.json'}")


@rate.command(name="import")
@click.argument("sheet", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--run",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The run that the sheet is of.",
)
@click.option("--rater", help="Who rated.  [default: the sheet's name]")
def import_(sheet: Path, run: Path, rater: str | None) -> None:
    """Add the ratings in SHEET to a run, beside the judges.

    SHEET is the CSV, or the JSON that Label Studio exports.
    """
    from politune_harness import rating

    found = rating.bring_in(sheet, run, rater)
    rated = sum(each.rating is not None for each in found)
    outside = sum(each.not_applicable for each in found)
    missing = len(found) - rated - outside
    click.echo(f"{rated} rated, {outside} not applicable, {missing} missing\n")
    answers = rating.answers(run)
    for task in dict.fromkeys(each.task for each in answers):
        mine = [each for each in answers if each.task == task]
        click.echo(f"{task}\n\n{_tables(mine, rating.ratings(run))}\n")


def _tables(answers: "list[Judged]", ratings: "list[Rating]") -> str:
    import numpy as np

    from politune_harness.panel.tables import people_and_judges

    given = {(each.rater, each.id): each.rating for each in ratings}
    raters = dict.fromkeys(each.rater for each in ratings)
    judges = dict.fromkeys(name for each in answers for name in each.scores)
    people = {
        rater: np.array([given.get((rater, each.id)) for each in answers], dtype=float)
        for rater in raters
    }
    scores = {
        judge: np.array([each.scores.get(judge) for each in answers], dtype=float)
        for judge in judges
    }
    items, places = [each.item for each in answers], [each.place for each in answers]
    return people_and_judges(people, scores, items, places)
