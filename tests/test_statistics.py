"""Intervals agree with independent computations, hold what they promise, and invent nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from politune_harness.statistics import (
    Array,
    Interval,
    bounds,
    claim,
    difference,
    difference_in_differences,
    interval,
    item_means,
    mean,
    p_value,
)

NOTHING = Interval(None, None, None)


def crossed(
    rng: np.random.Generator, items: int, seeds: int, seed_sd: float, rest_sd: float = 0.5
) -> Array:
    """Return scores around 0 of `items` answered by every one of `seeds`."""
    matrix: Array = (
        rng.normal(0, 1, (items, 1))
        + rng.normal(0, seed_sd, (1, seeds))
        + rng.normal(0, rest_sd, (items, seeds))
    )
    return matrix


def test_one_seed_is_the_t_interval_over_items() -> None:
    from scipy import stats

    scores = np.random.default_rng(0).normal(2, 3, (24, 1))
    expected = stats.ttest_1samp(scores[:, 0], 0).confidence_interval()
    assert interval(scores) == pytest.approx((scores.mean(), expected.low, expected.high))


def test_one_seed_each_is_the_paired_t_interval() -> None:
    from scipy import stats

    rng = np.random.default_rng(1)
    a, b = rng.normal(2, 3, (24, 1)), rng.normal(1, 3, (24, 1))
    expected = stats.ttest_rel(a[:, 0], b[:, 0]).confidence_interval()
    assert difference(a, b) == pytest.approx((a.mean() - b.mean(), expected.low, expected.high))


def test_items_and_seeds_are_crossed() -> None:
    """Against the textbook's mean squares of a two-way layout without replication, in loops."""
    from scipy import stats

    scores = crossed(np.random.default_rng(2), items=12, seeds=4, seed_sd=1)
    n, m = scores.shape
    grand = sum(sum(row) for row in scores) / (n * m)
    of_items = m * sum((sum(row) / m - grand) ** 2 for row in scores) / (n - 1)
    of_seeds = n * sum((sum(column) / n - grand) ** 2 for column in scores.T) / (m - 1)
    rest = 0.0
    for i in range(n):
        for j in range(m):
            fitted = scores[i].mean() + scores[:, j].mean() - grand
            rest += (scores[i, j] - fitted) ** 2
    of_rest = rest / ((n - 1) * (m - 1))
    variance = (of_items + of_seeds - of_rest) / (n * m)
    freedom = (of_items + of_seeds - of_rest) ** 2 / (
        of_items**2 / (n - 1) + of_seeds**2 / (m - 1) + of_rest**2 / ((n - 1) * (m - 1))
    )
    half = stats.t.ppf(0.975, freedom) * variance**0.5
    assert interval(scores) == pytest.approx((grand, grand - half, grand + half))


def test_seeds_that_agree_add_nothing() -> None:
    scores = np.random.default_rng(3).normal(0, 1, (10, 1))
    assert interval(np.repeat(scores, 5, axis=1)) == pytest.approx(interval(scores))
    assert difference(np.repeat(scores, 5, axis=1), 0 * scores) == pytest.approx(interval(scores))


def test_the_difference_in_differences_is_on_the_items_that_all_have() -> None:
    rng = np.random.default_rng(4)
    arm, control, base = (crossed(rng, 20, seeds, 0.3) for seeds in (5, 3, 1))
    arm[2], base[7] = np.nan, np.nan
    kept = [row for row in range(20) if row not in (2, 7)]
    expected = difference(arm[kept], control[kept])
    assert difference_in_differences(arm, control, base) == pytest.approx(expected)
    assert difference_in_differences(arm, control, 10 * base) == pytest.approx(expected)
    found = p_value(arm, control, base)
    assert found == pytest.approx(p_value(arm[kept], control[kept]))


def test_p_is_that_of_the_paired_t_test() -> None:
    from scipy import stats

    rng = np.random.default_rng(5)
    a, b = rng.normal(0.5, 1, (24, 1)), rng.normal(0, 1, (24, 1))
    expected = stats.ttest_rel(a[:, 0], b[:, 0]).pvalue
    assert p_value(a, b) == pytest.approx(expected)
    assert p_value(b, a) == pytest.approx(expected)


def test_p_and_interval_agree() -> None:
    rng = np.random.default_rng(6)
    verdicts = set()
    for shift in np.linspace(-1, 1, 40):
        a, b = crossed(rng, 20, 5, 0.2) + shift, crossed(rng, 20, 1, 0)
        _, low, high = difference(a, b)
        p = p_value(a, b)
        assert low is not None
        assert high is not None
        assert p is not None
        assert (p < 0.05) == (low > 0 or high < 0)
        verdicts.add(p < 0.05)
    assert verdicts == {True, False}


def test_p_of_what_never_varies() -> None:
    same = np.full((4, 2), 3.0)
    assert p_value(same, same) == 1.0
    assert p_value(same, same - 1) == 0.0
    assert p_value(same[:1], same[:1]) is None


def test_strata_take_their_differences_out_of_the_variance() -> None:
    """With two strata of equal size: the textbook's sum of the strata's variances."""
    scores = np.random.default_rng(7).normal(0, 1, (20, 1)) + np.repeat([[5.0], [-5.0]], 10, axis=0)
    key = [1] * 10 + [-1] * 10
    variance = sum(half.var(ddof=1) / 10 for half in (scores[:10], scores[10:])) / 4
    from scipy import stats

    half = stats.t.ppf(0.975, 18) * variance**0.5
    expected = (scores.mean(), scores.mean() - half, scores.mean() + half)
    assert interval(scores, strata=key) == pytest.approx(expected)
    assert interval(scores, strata=[0] * 20) == pytest.approx(interval(scores))
    assert interval(scores, strata=range(20)) == Interval(scores.mean(), None, None)


def test_a_seed_that_misses_hard_items_is_no_better_for_it() -> None:
    """Items of very unlike difficulty, seeds that agree: gaps are no difference between seeds."""
    rng = np.random.default_rng(8)
    scores = rng.normal(0, 10, (30, 1)) + rng.normal(0, 0.01, (30, 4))
    scores[scores[:, 0] < 0, 3] = np.nan
    assert interval(scores) == pytest.approx(interval(scores[:, :3]), abs=0.02)


def test_seeds_without_a_common_item_are_not_compared() -> None:
    nan = np.nan
    scores = np.array([[1.0, nan], [2.0, nan], [nan, 13.0], [nan, 12.0]])
    assert interval(scores) == pytest.approx(interval(np.array([[1.0], [2.0], [13.0], [12.0]])))


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.empty((0, 1)), NOTHING),
        (np.full((3, 2), np.nan), NOTHING),
        (np.array([[4.0]]), Interval(4.0, None, None)),
        (np.array([[4.0], [np.nan]]), Interval(4.0, None, None)),
        (np.array([[4.0, 2.0]]), Interval(3.0, None, None)),
        (np.array([[4.0], [4.0]]), Interval(4.0, 4.0, 4.0)),
    ],
)
def test_what_cannot_be_known_is_none(matrix: Array, expected: Interval) -> None:
    assert interval(matrix) == expected
    assert difference(matrix, np.zeros((len(matrix), 1))) == expected


def test_missing_cells_are_left_out() -> None:
    nan = np.nan
    assert interval(np.array([[1.0, nan], [2.0, 4.0], [nan, nan]])).value == 2.0
    whole = np.random.default_rng(6).normal(0, 1, (8, 1))
    a, b = np.vstack([whole, [[nan]], [[5.0]]]), np.vstack([whole + 1, [[9.0]], [[nan]]])
    assert difference(a, b) == pytest.approx(difference(whole, whole + 1))


@pytest.mark.parametrize("lean", [0.0, 4.0, 9.0])
def test_on_a_bounded_scale_the_ends_are_off_by_their_own_variance(lean: float) -> None:
    from scipy import stats

    scores = np.clip(np.random.default_rng(9).normal(lean, 5, (24, 1)), -10, 10)
    value, *ends = interval(scores, limits=(-10, 10))
    assert value is not None
    for end in ends:
        assert end is not None
        assert -10 < end < 10
        scaled = scores.var(ddof=1) / 24 * (100 - end**2) / (100 - value**2)
        assert abs(end - value) == pytest.approx(stats.t.ppf(0.975, 23) * scaled**0.5)


def test_nothing_seen_in_few_items_is_not_nothing() -> None:
    from scipy import stats

    found = interval(np.zeros((30, 1)), limits=(0, 1))
    t2 = stats.t.ppf(0.975, 29) ** 2
    assert found == pytest.approx((0, 0, t2 / (30 + t2)))
    assert interval(np.full((30, 1), 0.4), limits=(0, 1)) == pytest.approx((0.4, 0.4, 0.4))


def test_limits_that_a_value_is_beyond_are_not_its_limits() -> None:
    scores = np.array([[55.0], [60.0], [56.0]])
    assert interval(scores, limits=(0, 1)) == interval(scores)


def test_other_items_are_refused() -> None:
    two, three = np.zeros((2, 1)), np.zeros((3, 1))
    with pytest.raises(ValueError, match="2 items against 3"):
        difference(two, three)
    with pytest.raises(ValueError, match="2 items against 3"):
        difference_in_differences(two, two, three)
    with pytest.raises(ValueError, match="3 items against 2"):
        interval(three, strata=["a", "b"])


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.array([[5.0], [15.0]]), (10.0, 10.0)),
        (np.array([[np.nan, 10.0], [np.nan, np.nan]]), (2.5, 17.5)),
        (np.empty((0, 1)), (None, None)),
    ],
)
def test_bounds(matrix: Array, expected: tuple[float | None, float | None]) -> None:
    assert bounds(matrix, 0, 20) == expected


def test_an_item_counts_once_however_often_it_was_asked() -> None:
    rows = [("a", 1.0), ("a", 1.0), ("a", 1.0), ("b", 3.0), ("c", None)]
    assert item_means(rows).ravel() == pytest.approx([1, 3, np.nan], nan_ok=True)
    assert mean({"item": item, "value": value} for item, value in rows) == 2.0
    assert mean([]) is None


@pytest.mark.parametrize("function", [interval, lambda m: difference(m, m[:, :2])])
def test_the_same_input_gives_the_same_interval(function: Callable[[Array], Interval]) -> None:
    scores = crossed(np.random.default_rng(7), 20, 3, 0.3)
    assert function(scores) == function(scores.copy())


def test_what_seeds_may_claim() -> None:
    claims = [claim(seeds) for seeds in (0, 1, 2, 4, 5, 10)]
    few, some, enough = "this model only", "exploratory", "confirmatory"
    assert claims == [few, few, some, some, enough, enough]
