"""Effect sizes are unbiased, and the smallest detectable shift is found as often as it says."""

import numpy as np
import pytest

from politune_harness.statistics import effect_size, smallest_detectable_shift
from politune_harness.statistics.crossed import contrast
from politune_harness.statistics.intervals import ends
from tests.studies import Design


@pytest.mark.parametrize("together", [0.0, 0.6, 0.9])
def test_few_items_do_not_exaggerate_an_effect(together: float) -> None:
    """A shift of one standard deviation over eight items, at any correlation of the arms."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(3000):
        shared = np.sqrt(together) * rng.normal(size=(8, 1))
        a, b = (shared + np.sqrt(1 - together) * rng.normal(size=(8, 1)) for _ in range(2))
        found.append(effect_size(a + 1, b))
    assert np.mean(np.array(found, dtype=float)) == pytest.approx(1, abs=0.03)


def test_an_effect_has_no_unit_and_a_sign() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, (30, 5)), rng.normal(0, 1, (30, 1))
    found = effect_size(a, b)
    assert found is not None
    assert found > 0
    assert effect_size(7 * a + 3, 7 * b + 3) == pytest.approx(found)
    assert effect_size(b, a) == pytest.approx(-found)


def test_missing_items_are_left_out_of_an_effect() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(1, 1, (12, 2)), rng.normal(0, 1, (12, 1))
    expected = effect_size(a[2:], b[2:])
    a[0], b[1] = np.nan, np.nan
    assert effect_size(a, b) == pytest.approx(expected)


def test_without_spread_there_is_no_effect_size() -> None:
    assert effect_size(np.ones((5, 1)), np.zeros((5, 1))) is None
    assert effect_size(np.array([[1.0], [2.0]]), np.zeros((2, 1))) is None
    tenths = np.full((7, 3), 0.1)
    assert effect_size(tenths, tenths + 0.7) is None


@pytest.mark.parametrize("seeds", [1, 5])
def test_the_smallest_detectable_shift_by_the_noncentral_t(seeds: int) -> None:
    from scipy import stats

    rng = np.random.default_rng(3)
    a = rng.normal(size=(40, seeds)) + rng.normal(0, 0.5, (1, seeds))
    b = rng.normal(size=(40, 1))
    spread = contrast([(1.0, a), (-1.0, b)])
    shift = smallest_detectable_shift(a, b)
    assert shift is not None
    apart = shift / np.sqrt(spread.variance)
    critical = stats.t.ppf(0.975, spread.freedom)
    assert stats.nct.sf(critical, spread.freedom, apart) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize("seed_sd", [0.0, 0.2, 0.45])
def test_a_planned_study_finds_it_in_four_of_five(seed_sd: float) -> None:
    """Planned from a large pilot, at another number of items and seeds."""
    rng = np.random.default_rng(4)
    pilot = Design(items=1000, seeds=400, seed_sd=seed_sd).estimates(rng, 1)["difference"]
    (_, a), (_, b) = pilot
    shift = smallest_detectable_shift(a[0], b[0], items=40, seeds=5)
    assert shift is not None
    terms = Design(items=40, seeds=5, seed_sd=seed_sd).estimates(rng, 2000)["difference"]
    spread = contrast(terms)
    low, _ = ends(spread._replace(value=spread.value + shift))
    assert np.mean(low > 0) == pytest.approx(0.8, abs=0.03)


def test_more_items_and_seeds_see_more_and_one_seed_stays_one() -> None:
    rng = np.random.default_rng(5)
    a = rng.normal(size=(40, 5)) + rng.normal(0, 0.5, (1, 5))
    b = rng.normal(size=(40, 1))
    found = [smallest_detectable_shift(a, b, seeds=seeds) for seeds in (3, 5, 10, 50)]
    assert found == sorted(found, reverse=True)  # type: ignore[type-var]
    assert found[1] == smallest_detectable_shift(a, b)
    one = smallest_detectable_shift(a[:, :1], b)
    assert smallest_detectable_shift(a[:, :1], b, seeds=50) == one


def test_one_item_detects_nothing() -> None:
    assert smallest_detectable_shift(np.ones((1, 5)), np.zeros((1, 1))) is None
    assert smallest_detectable_shift(np.full((3, 1), np.nan), np.zeros((3, 1))) is None


@pytest.mark.parametrize("plan", [{"items": 1}, {"seeds": 1}, {"items": 0, "seeds": 5}])
def test_a_plan_has_two_of_each_at_least(plan: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a plan of"):
        smallest_detectable_shift(np.zeros((5, 5)), np.zeros((5, 1)), **plan)
