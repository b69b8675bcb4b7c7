"""In simulated studies 95 % intervals hold the truth in 92 to 98 of 100, and cruder ones fail."""

import numpy as np
import pytest

from politune_harness.statistics.crossed import contrast
from politune_harness.statistics.intervals import ends
from tests.studies import Design, agreeing, answers, coverage, items_alone, true_share, with_gaps

STUDIES = 2000
BAND = (0.92, 0.98)
SEED_SDS = [0.0, 0.2, 0.45]


@pytest.mark.parametrize("moved_sd", [0.0, 0.3])
@pytest.mark.parametrize("seed_sd", SEED_SDS)
@pytest.mark.parametrize("items", [20, 40, 80])
def test_five_seeds(items: int, seed_sd: float, moved_sd: float) -> None:
    design = Design(items=items, seed_sd=seed_sd, moved_sd=moved_sd)
    found = design.estimates(np.random.default_rng(1), STUDIES)
    held = {name: coverage(terms) for name, terms in found.items()}
    assert all(BAND[0] <= share <= BAND[1] for share in held.values()), held


@pytest.mark.parametrize("estimate", ["interval", "difference", "difference_in_differences"])
def test_items_alone_cover_too_little(estimate: str) -> None:
    """Seeds that are taken for one model: the error that crossing repairs."""
    found = Design(items=80, seed_sd=0.45).estimates(np.random.default_rng(2), STUDIES)
    assert coverage(items_alone(found[estimate])) < 0.75


def test_one_seed_speaks_of_one_model_only() -> None:
    rng = np.random.default_rng(3)
    this = Design(seeds=1, seed_sd=0).estimates(rng, STUDIES)["difference"]
    assert BAND[0] <= coverage(this) <= BAND[1]
    others = Design(seeds=1, seed_sd=0.45).estimates(rng, STUDIES)["difference"]
    assert coverage(others) < 0.75


@pytest.mark.parametrize("seed_sd", SEED_SDS)
def test_missing_cells(seed_sd: float) -> None:
    rng = np.random.default_rng(4)
    found = Design(items=24, seed_sd=seed_sd).estimates(rng, STUDIES)
    held = {
        name: coverage([(weight, with_gaps(rng, x) if weight else x) for weight, x in terms])
        for name, terms in found.items()
    }
    assert all(BAND[0] <= share <= BAND[1] for share in held.values()), held


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("level", [0.0, -2.5])
def test_bounded_scales(level: float, *, binary: bool) -> None:
    """Means of 0.5 and 0.14, of right or wrong answers and of expected ones."""
    rng = np.random.default_rng(5)
    for seed_sd in SEED_SDS:
        design = Design(seed_sd=seed_sd)
        x = answers(rng, design, STUDIES, level, binary=binary)
        held = coverage([(1.0, x)], true_share(design, level), (0, 1))
        assert BAND[0] <= held <= BAND[1], seed_sd


def test_near_a_limit_a_symmetric_interval_covers_too_little() -> None:
    rng, design = np.random.default_rng(6), Design(items=20, seeds=1, seed_sd=0)
    truth = true_share(design, -4.5)
    x = answers(rng, design, STUDIES, -4.5, binary=True)
    assert coverage([(1.0, x)], truth) < 0.6
    assert coverage([(1.0, x)], truth, (0, 1)) >= BAND[0]


@pytest.mark.parametrize("agreeing_sd", [0.3, 2.0])
@pytest.mark.parametrize("seed_sd", SEED_SDS)
def test_a_balanced_key_is_no_uncertainty(seed_sd: float, agreeing_sd: float) -> None:
    """A tendency to agree moves the two keys apart, more in some seeds, and leaves the mean."""
    rng, design = np.random.default_rng(7), Design(seed_sd=seed_sd)
    arm, key = agreeing(rng, design, STUDIES, agreeing_sd)
    stratified = contrast([(1.0, arm)], strata=key)
    assert BAND[0] <= coverage(stratified) <= BAND[1]
    low, high = ends(stratified)
    plain_low, plain_high = ends(contrast([(1.0, arm)]))
    assert np.mean(high - low) < np.mean(plain_high - plain_low)


@pytest.mark.parametrize("seed_sd", SEED_SDS)
def test_equivalence_is_seldom_claimed_of_a_difference_as_large_as_the_margin(
    seed_sd: float,
) -> None:
    """Inside the margin at 5 % is what `equivalence` calls equivalent."""
    design = Design(seed_sd=seed_sd)
    spread = contrast(design.estimates(np.random.default_rng(8), STUDIES)["difference"])
    low, high = ends(spread._replace(value=spread.value + 1), level=0.9)
    assert np.mean((low > -1) & (high < 1)) < 0.07


def test_the_variance_is_unbiased_with_missing_cells() -> None:
    rng, design = np.random.default_rng(9), Design(items=12, seed_sd=1)
    gaps = np.isnan(with_gaps(rng, np.zeros((design.items, design.seeds))))
    arm = np.where(gaps, np.nan, design.estimates(rng, 20_000)["interval"][0][1])
    spread = contrast([(1.0, arm)])
    assert spread.variance.mean() == pytest.approx(spread.value.var(), rel=0.03)
