"""Time the bootstrap against the loop that it replaces, in one run on one core.

Run from the root of the repository: python -m tests.benchmarks.bench_statistics
"""

import os

# Before NumPy starts its threads.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from functools import partial

import click
import numpy as np

from politune_harness.statistics import bootstrap, interval
from politune_harness.statistics.arrays import Array

RESAMPLES = 10_000
LOOPED = 200
"""Resamples that the loop is timed on: its time grows with their number."""


def loop(cells: Array, resamples: int) -> tuple[float, float]:
    """Return the percentile interval by drawing, indexing and averaging, one at a time."""
    rng = np.random.default_rng(0)
    items, _, seeds = cells.shape
    found = []
    for _ in range(resamples):
        drawn = cells[rng.integers(0, items, items)][:, :, rng.integers(0, seeds, seeds)]
        found.append(np.nanmean(np.nanmean(np.nanmean(drawn, axis=1), axis=1)))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def seconds(function: Callable[[], object], times: int = 5) -> float:
    """Return the least wall time of a few calls."""
    return min(_once(function) for _ in range(times))


def _once(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    """Print the times and their ratios."""
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(80, 1, 1)) + rng.normal(0, 0.3, 5) + rng.normal(size=(80, 20, 5))
    slow = seconds(lambda: loop(cells, LOOPED)) * RESAMPLES / LOOPED
    click.echo(f"{RESAMPLES} resamples of {cells.shape[0]} items x 20 variants x 5 seeds")
    click.echo(f"loop, percentile        {slow:8.3f} s (from {LOOPED})")
    for name, studentised in (("percentile", False), ("studentised", True)):
        fast = seconds(partial(bootstrap, cells, studentised=studentised))
        click.echo(f"bootstrap, {name:12} {fast:8.3f} s   {slow / fast:6.0f} times as fast")
    whole = cells.mean(axis=1)
    click.echo(f"interval, t-based       {seconds(lambda: interval(whole), 50):8.6f} s")


if __name__ == "__main__":
    main()
