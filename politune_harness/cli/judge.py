"""`politune judge`: have judges score answers that lie on disk."""

from contextlib import nullcontext
from pathlib import Path

import click

from politune_harness.cli.options import max_cost_option


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@max_cost_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
def judge(run: Path, max_cost: float | None, quiet: bool) -> None:  # noqa: FBT001
    """Have the judges score the answers in RUN.

    For runs of a recipe with `judge: deferred`, whose answers wait for a machine with a network,
    and for what a judge failed on. RUN may also be what `lm_eval --output_path` was, with logged
    samples. No model is loaded, what was paid for is not asked again, and the report is written
    anew.
    """
    from politune_harness import judge_stage, lm_judging
    from politune_harness.cli.display import RichDisplay
    from politune_harness.registry import Registry
    from politune_harness.spending import limited

    registry = Registry.installed()
    try:
        with limited(max_cost) as paid, nullcontext() if quiet else RichDisplay().shown():
            if found := lm_judging.results_in(run):
                done = [task for path in found for task in lm_judging.judge_results(path, registry)]
            else:
                done = judge_stage.judge(run, registry)
    except KeyboardInterrupt:
        click.echo("\nStopped. Run the same command to go on.", err=True)
        raise SystemExit(130) from None
    where = run if found else run / "report.md"
    click.echo(f"{len(done)} judged, {paid.spent:.4f} spent: {where}")
