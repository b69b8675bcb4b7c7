"""A study's contrast between conditions: its interval holds the truth, its null what it says."""

import numpy as np
import pytest

from politune_harness.statistics.arrays import Array
from politune_harness.statistics.crossed import Spread, contrast
from politune_harness.statistics.decisions import holm
from politune_harness.statistics.intervals import ends, two_sided
from politune_harness.statistics.sizes import detectable
from tests.studies import Design, Terms, coverage, items_alone

STUDIES = 2000
BAND = (0.935, 0.975)
"""Nominal 95 %, with three standard errors of chance and what Satterthwaite's degrees cost."""


def condition(
    rng: np.random.Generator, bank: Array, design: Design, weight: float, luck: Array | None = None
) -> Terms:
    """Return right minus left in one condition; `luck` is what the seeds put into each arm."""
    arms = [design.arm(rng, bank) for _ in range(2)]
    if luck is not None:
        arms = [arm + each for arm, each in zip(arms, luck, strict=True)]
    return [(weight, arms[0]), (-weight, arms[1])]


def between(
    seed: int, design: Design, *, of: int = 1, studies: int = STUDIES, related: bool = False
) -> Terms:
    """Return `of` conditions less as many others, all on one bank of items; truly 0.

    Where their seeds are `related`, a seed has the same luck in every condition.
    """
    rng = np.random.default_rng(seed)
    bank = rng.normal(0, 1, (studies, design.items, 1))
    luck = rng.normal(0, 0.3, (2, studies, 1, design.seeds)) if related else None
    return [
        term
        for sign in (1, -1)
        for _ in range(of)
        for term in condition(rng, bank, design, sign / of, luck)
    ]


@pytest.mark.parametrize("of", [1, 2])
@pytest.mark.parametrize(("items", "seeds"), [(20, 3), (40, 3), (40, 5)])
@pytest.mark.parametrize("seed_sd", [0.0, 0.3])
def test_an_interval_between_conditions_holds_the_truth(
    items: int, seeds: int, seed_sd: float, of: int
) -> None:
    terms = between(1, Design(items=items, seeds=seeds, seed_sd=seed_sd), of=of)
    assert BAND[0] <= coverage(terms) <= BAND[1]


def test_seeds_taken_for_one_model_cover_too_little() -> None:
    terms = between(2, Design(items=80, seeds=3, seed_sd=0.45))
    assert coverage(items_alone(terms)) < 0.8


@pytest.mark.parametrize("of", [1, 2])
@pytest.mark.parametrize("related", [False, True])
def test_seeds_that_are_paired_hold_the_truth_whatever_they_share(
    of: int, *, related: bool
) -> None:
    """As `politune_harness.study.results` adds them up: seed by seed."""
    terms = between(3, Design(seeds=5, seed_sd=0.3), of=of, related=related)
    added = sum((weight * each for weight, each in terms), np.zeros(()))
    assert BAND[0] <= coverage([(1.0, added)]) <= BAND[1] + 0.01


def test_conditions_that_share_their_trainings_cover_too_little_as_if_unrelated() -> None:
    """One side is the mean of two conditions of the same trainings, as under two judges."""
    rng = np.random.default_rng(8)
    design = Design(seeds=3, seed_sd=0.0)
    bank = rng.normal(0, 1, (STUDIES, design.items, 1))
    luck = rng.normal(0, 0.6, (2, STUDIES, 1, design.seeds))
    terms = [(sign / 2, design.arm(rng, bank) + luck[n]) for n, sign in enumerate((1, -1))] * 2
    assert coverage(terms) < 0.88
    added = sum((weight * each for weight, each in terms), np.zeros(()))
    assert BAND[0] <= coverage([(1.0, added)]) <= BAND[1] + 0.01


def test_conditions_compared_item_by_item_are_closer_than_apart() -> None:
    """Items are shared: what they differ by is no uncertainty of the contrast."""
    paired = contrast(between(4, Design()))
    one, other = (contrast(between(4, Design())[place : place + 1]) for place in (0, 2))
    assert paired.variance.mean() < 0.8 * (one.variance + other.variance).mean()


@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (3, 0.0), (3, 0.3), (5, 0.3)])
def test_what_a_null_could_have_found_is_found_in_four_of_five(seeds: int, seed_sd: float) -> None:
    """The value that one study names is that study's guess: their middle one is held to it."""
    design = Design(seeds=seeds, seed_sd=seed_sd)
    spread = contrast(between(5, design))
    named = [detectable(Spread(*each)) or 0 for each in zip(*spread, strict=True)]
    terms = between(6, design)
    for sign in (1, -1):
        moved = [(terms[0][0], terms[0][1] + sign * np.median(named)), *terms[1:]]
        low, high = ends(contrast(moved))
        assert 0.74 <= np.mean((low > 0) | (high < 0)) <= 0.87


def test_holm_keeps_what_is_found_by_chance_to_one_study_in_twenty() -> None:
    """Five conditions on the same items, whose tests are not independent of each other."""
    design = Design(seeds=3)
    rng = np.random.default_rng(7)
    bank = rng.normal(0, 1, (1000, design.items, 1))
    spreads = [contrast(condition(rng, bank, design, 1.0)) for _ in range(5)]
    found = [[two_sided(Spread(*each)) for each in zip(*s, strict=True)] for s in spreads]
    ps = np.array(found, dtype=float).T
    corrected = np.array([holm(row.tolist()) for row in ps], dtype=float)
    assert np.mean((ps < 0.05).any(axis=1)) > 0.15
    assert np.mean((corrected < 0.05).any(axis=1)) < 0.07
