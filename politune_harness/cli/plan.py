"""`politune plan`: what a recipe will take, before anything runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from politune_harness.cli.options import planned, recipe_options

if TYPE_CHECKING:
    from politune_harness.estimate import Asked, Evaluations, Total
    from politune_harness.study.effort import Effort


rate_option = click.option(
    "--rate",
    type=(float, float),
    metavar="READ WRITE",
    help="Tokens a second that the model reads and writes.  [default: measured here]",
)


@click.command()
@recipe_options
@rate_option
def plan(
    recipe: str,
    overrides: tuple[str, ...],
    out: Path | None,
    rate: tuple[float, float] | None,
) -> None:
    """Say what RECIPE will take, and what it can detect.

    The model is loaded to measure how fast it is, unless --rate says so. What training reads is
    counted where `politune run RECIPE --until pairs` has made the pairs, and bounded where not.
    """
    from politune_harness import estimate
    from politune_harness.task_check import check_tasks

    made, folder = planned(recipe, overrides, out)
    check_tasks(made)
    settings, evaluator = made.recipe.evaluate, estimate.asking(made)
    asked, unknown = estimate.counted(evaluator, settings)
    rank = int(getattr(made.trainer, "rank", 0))
    trusted = made.recipe.trust_remote_code
    size = estimate.adapter_size(made.model, rank, trusted=trusted) if rank else 0
    whole = estimate.total(made, asked, size, estimate.paired(made, folder, evaluator.encode))
    often = estimate.evaluations(made)
    for line in (*_tasks(asked), *(f"{t}: not counted: {why}" for t, why in unknown.items())):
        click.echo(line)
    click.echo("")
    if rate is None and asked:
        rate = estimate.rates(evaluator, [asked[0].task])
    items = next((a.items for a in asked if a.bias), 0)
    for line in (*_whole(whole, often), *hours(whole, rate), *_shift(items, made.recipe.seeds)):
        click.echo(line)


def _tasks(asked: "list[Asked]") -> Iterator[str]:
    width = max((len(each.task) for each in asked), default=4)
    head = f"{'items':>7} {'requests':>9} {'passes':>8} {'tokens':>11} {'written':>9}"
    yield f"{'task':{width}}  {head}"
    for each in asked:
        yield (
            f"{each.task:{width}}  {each.items:7,} {each.requests:9,} {each.passes:8,} "
            f"{each.computed:11,} {each.written:9,}"
        )


def _whole(whole: "Total", often: "Evaluations") -> Iterator[str]:
    yield (
        f"evaluations      {often.own} of all tasks, {often.prompted} under other prompts, of the "
        f"bias tasks that these are for"
    )
    yield f"forward passes   {whole.passes:,} for {whole.requests:,} requests"
    yield tokens(whole)
    yield f"training tokens  {_trained(whole)}"
    yield f"judgements       {whole.judgements:,}, {_cost(whole)}"
    every, adapters = (whole.samples + whole.adapters) / 1e6, whole.adapters / 1e6
    yield f"disk             about {every:,.0f} MB, {adapters:,.0f} of them adapters"


def _cost(whole: "Total") -> str:
    if whole.cost is None:
        return "at prices that are not known: a judge names no price_in and price_out"
    return f"at most {whole.cost:.2f} at the judges' prices"


def _trained(whole: "Total") -> str:
    if whole.trained is None:
        return "not known before `politune run RECIPE --until pairs`"
    if whole.counted:
        return f"about {whole.trained:,}, counted in the pairs that are there"
    return f"at most {whole.trained:,}; counted once `politune run RECIPE --until pairs` has run"


def tokens(whole: "Total | Effort") -> str:
    """Return how many tokens evaluations read and write."""
    return f"tokens           {whole.computed:,} read, at most {whole.written:,} written"


def hours(whole: "Total | Effort", rate: tuple[float, float] | None) -> Iterator[str]:
    """Yield how long evaluating and training take where a model reads and writes so fast."""
    from politune_harness.estimate import BACKWARD

    if rate is None:
        return
    read, write = rate
    evaluating = whole.computed / read + whole.written / write
    yield f"rate             {read:,.0f} tokens read and {write:,.0f} written a second"
    trains = "training not known"
    if whole.trained is not None:
        training = _told(BACKWARD * whole.trained / read)
        trains = f"{'about' if whole.counted else 'at most'} {training} training"
    yield f"hours            at most {_told(evaluating)} evaluating, {trains}, as fast as that"


def _told(seconds: float) -> str:
    """Return hours to two figures.

    >>> _told(20), _told(5000), _told(5e6)
    ('0.0056', '1.4', '1,389')
    """
    found = seconds / 3600
    return f"{found:,.0f}" if found >= 10 else f"{found:.2g}"  # noqa: PLR2004


def _shift(items: int, seeds: tuple[int, ...]) -> Iterator[str]:
    from politune_harness.estimate import ITEM_SD, SEED_SD, detectable

    if (least := detectable(items, len(seeds)) if items else None) is not None:
        one = "1 seed, so of this very model and of no other training"
        told = one if len(seeds) == 1 else f"{len(seeds)} seeds"
        yield (
            f"can detect       a shift of {100 * least:.1f} % of the way from the centre of a "
            f"scale to its end ({items} items, {told}; assumed: items differ by "
            f"{ITEM_SD:g}, seeds by {SEED_SD:g} of it)"
        )
