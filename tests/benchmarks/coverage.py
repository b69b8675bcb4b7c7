"""Print how often 95 % intervals hold the true value, in simulated studies: the tables of the docs.

Run from the root of the repository: python -m tests.benchmarks.coverage [--studies 4000]
"""

from collections.abc import Iterator

import click
import numpy as np

from politune_harness.statistics import bootstrap
from politune_harness.statistics.arrays import Array
from politune_harness.statistics.crossed import contrast
from tests.studies import Design, agreeing, answers, coverage, items_alone, true_share, with_gaps

BLOCK = 1000
SEED_SDS = (0.0, 0.2, 0.45)
ITEMS = (20, 40, 80)

Row = list[str | float]


def blocks(studies: int) -> Iterator[tuple[np.random.Generator, int]]:
    """Yield as many studies in pieces that fit into memory, each with its random numbers."""
    for number in range(-(-studies // BLOCK)):
        yield np.random.default_rng(number), min(BLOCK, studies - number * BLOCK)


def normal(studies: int) -> Iterator[Row]:
    """Yield the t-based intervals of every estimate, by seeds, items and sd of seeds."""
    for seeds in (2, 3, 5, 10):
        for items in ITEMS:
            for sd in SEED_SDS:
                design = Design(items=items, seeds=seeds, seed_sd=sd)
                yield [f"{seeds}", f"{items}", f"{sd}", *_each(design, studies)]


def _each(design: Design, studies: int) -> list[float]:
    held = []
    for rng, n in blocks(studies):
        estimates = design.estimates(rng, n)
        arm, base = estimates["difference"]
        gaps = [(1.0, with_gaps(rng, arm[1])), base]
        alone = items_alone([arm, base])
        held.append([coverage(terms) for terms in (*estimates.values(), gaps, alone)])
    shares: list[float] = np.mean(held, axis=0).tolist()
    return shares


def bounded(studies: int) -> Iterator[Row]:
    """Yield intervals on a bounded scale, with and without its limits."""
    for binary in (True, False):
        for level in (0.0, -2.5, -4.5):
            for items in ITEMS:
                design = Design(items=items, seed_sd=0.45)
                truth = true_share(design, level)
                kind = "right or wrong" if binary else "expected"
                held = [
                    [coverage([(1.0, x)], truth, limits) for limits in ((0, 1), None)]
                    for rng, n in blocks(studies)
                    for x in [answers(rng, design, n, level, binary=binary)]
                ]
                yield [kind, f"{truth:.2f}", f"{items}", *np.mean(held, axis=0).tolist()]


def stratified(studies: int) -> Iterator[Row]:
    """Yield intervals within the strata of a balanced key, by how seeds differ in agreeing."""
    for seeds in (3, 5):
        for items in ITEMS:
            design = Design(items=items, seeds=seeds, seed_sd=0.45)
            held = [
                [coverage(contrast([(1.0, arm)], key)) for arm, key in arms]
                for rng, n in blocks(studies)
                for arms in [[agreeing(rng, design, n, sd) for sd in (0.0, 0.5, 2.0)]]
            ]
            yield [f"{seeds}", f"{items}", *np.mean(held, axis=0).tolist()]


def resampled(studies: int) -> Iterator[Row]:
    """Yield the difference's interval by t, and by either bootstrap."""
    for seeds in (3, 5):
        for items in (20, 80):
            for sd in (0.0, 0.45):
                design = Design(items=items, seeds=seeds, seed_sd=sd)
                rng = np.random.default_rng(0)
                terms = design.estimates(rng, studies)["difference"]
                (_, arms), (_, bases) = terms
                held = [
                    [_holds(a, b, studentised=each) for each in (True, False)]
                    for a, b in zip(arms, bases, strict=True)
                ]
                shares = np.mean(held, axis=0).tolist()
                yield [f"{seeds}", f"{items}", f"{sd}", coverage(terms), *shares]


def _holds(a: Array, b: Array, *, studentised: bool) -> bool:
    _, low, high = bootstrap(a, b, resamples=1000, studentised=studentised)
    return low is not None and high is not None and low <= 0 <= high


def table(header: str, rows: Iterator[Row]) -> None:
    """Print a Markdown table as its rows come; shares are percentages."""
    click.echo(f"\n| {header} |\n|{'---|' * (header.count('|') + 1)}")
    for row in rows:
        cells = (each if isinstance(each, str) else f"{100 * each:.1f}" for each in row)
        click.echo(f"| {' | '.join(cells)} |")


@click.command()
@click.option("--studies", default=4000, show_default=True, help="Simulated studies a row.")
def main(studies: int) -> None:
    """Print how often 95 % intervals hold the true value."""
    click.echo(f"{studies} studies a row, {studies // 10} a row of the bootstrap; shares in %")
    table(
        "seeds | items | sd of seeds | mean | difference | difference in differences "
        "| difference with gaps | difference, items alone",
        normal(studies),
    )
    table("seeds | items | agreeing alike | sd 0.5 between seeds | sd 2", stratified(studies))
    table("answers | true mean | items | limits given | not given", bounded(studies))
    table(
        "seeds | items | sd of seeds | t | bootstrap, studentised | bootstrap, percentile",
        resampled(studies // 10),
    )


if __name__ == "__main__":
    main()
