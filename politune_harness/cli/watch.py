"""`politune watch`: whether a model still answers as it did."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from politune_harness.drift import Chart

DRIFTED = 3
"""The exit code where something drifted, under --check; 1 and 2 are those of errors."""


@click.command()
@click.argument("history", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("results", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="What to call this evaluation.  [default: the folder's name]")
@click.option("--arm", default="base", show_default=True, help="Of a run, which arm is watched.")
@click.option(
    "--baseline",
    type=click.IntRange(min=3),
    default=10,
    show_default=True,
    help="How many of the first evaluations set the limits.",
)
@click.option("--check", is_flag=True, help=f"Exit with {DRIFTED} where something has drifted.")
@click.option(
    "--figure",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the control charts: a PNG, SVG or PDF.",
)
def watch(
    *,
    history: Path,
    results: Path | None,
    name: str | None,
    arm: str,
    baseline: int,
    check: bool,
    figure: Path | None,
) -> None:
    """Append RESULTS to HISTORY, a file, and say what has drifted.

    RESULTS is the folder of a run, or what `lm_eval --output_path` wrote of any model or endpoint;
    without it, the last evaluation is looked at again. Made for a schedule: the same results again
    change nothing.
    """
    from politune_harness import drift
    from politune_harness.compared import read
    from politune_harness.errors import DataError

    if figure is not None and figure.suffix not in drift.DRAWN:
        message = f"--figure {figure}: its name ends in {', '.join(drift.DRAWN)}"
        raise DataError(message)
    if results is not None:
        held = read(results)
        columns = [column for column in held if column.arm in {"", arm}]
        if len(columns) != 1:
            names = ", ".join(column.arm or column.run for column in held)
            message = f"{results} holds {len(held)} evaluations: name one of them, of a run with "
            message += f"--arm; {names}"
            raise DataError(message)
        drift.append(history, drift.Evaluated.of(columns[0], name or results.resolve().name))
    known = drift.read(history)
    if not known:
        message = f"{history} holds no evaluation yet: name RESULTS"
        raise DataError(message)
    charts = list(drift.charts(known, baseline))
    for line in _lines(charts, baseline):
        click.echo(line)
    for task, (was, now) in drift.renewed(known).items():
        click.echo(f"{task}: version {now}, another instrument than {was}: watched anew from here")
    for line in drift.unlike(known):
        click.echo(line)
    if figure is not None:
        from politune_harness.drift_figure import draw

        draw(charts, baseline, figure)
    alarms = [each for each in charts if each.state in drift.ALARMS]
    click.echo(
        f"{known[-1].name}, evaluation {len(known)}: {len(alarms)} of {len(charts)} measures have "
        f"drifted; by chance at most {drift.FALSE_ALARMS * len(charts):.2f} would, for "
        "values near normal"
    )
    if check and alarms:
        raise SystemExit(DRIFTED)


def _lines(charts: "Sequence[Chart]", baseline: int) -> Iterator[str]:
    width = max((len(f"{c.task} {c.metric}") for c in charts), default=0)
    for each in charts:
        told = f"{len(each.values)} of {baseline + 1} evaluations"
        if each.centre is not None:
            told = f"{each.centre:.3f} [{each.low:.3f}, {each.high:.3f}]"
        name = f"{each.task} {each.metric}"
        yield f"{name:{width}}  {each.values[-1]:9.3f}  {each.state}: {told}"
