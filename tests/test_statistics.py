"""Intervals agree with independent computations, hold what they promise, and invent nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from politune_harness.statistics import (
    Array,
    Interval,
    bounds,
    difference,
    interval,
    item_means,
    mean,
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


@pytest.mark.parametrize("seed_sd", [0, 0.2, 0.45])
@pytest.mark.parametrize("estimate", ["interval", "difference"])
def test_coverage(seed_sd: float, estimate: str) -> None:
    """Of 600 simulated studies with 24 items and 5 seeds, about 95 % hold the true value."""
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(600):
        arm = crossed(rng, 24, 5, seed_sd)
        if estimate == "interval":
            found = interval(arm)
        else:
            shared = rng.normal(0, 1, (24, 1))
            found = difference(arm + shared, crossed(rng, 24, 1, 0) + shared)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0 <= found.high
    assert 0.92 <= held / 600 <= 0.98


def test_items_alone_would_cover_too_little() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(600):
        _, low, high = interval(crossed(rng, 80, 5, 0.45).mean(axis=1, keepdims=True))
        assert low is not None
        assert high is not None
        held += low <= 0 <= high
    assert held / 600 < 0.8


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


def test_an_interval_stays_on_its_scale() -> None:
    scores = np.array([[-10.0], [-10.0], [-2.0]])
    assert interval(scores).low == pytest.approx(-18.8, abs=0.1)
    assert interval(scores, limits=(-10, 10)).low == -10


def test_other_items_are_refused() -> None:
    with pytest.raises(ValueError, match="2 items against 3"):
        difference(np.zeros((2, 1)), np.zeros((3, 1)))


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
