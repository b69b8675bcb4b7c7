"""The bootstrap's matrix products are what drawing rows and columns would give."""

import numpy as np
import pytest

from politune_harness.statistics import Interval, bootstrap, difference, interval
from politune_harness.statistics import bootstrap as function
from politune_harness.statistics.arrays import Array, codes_of
from politune_harness.statistics.bootstrap import (
    _arm,
    _draw,
    _draw_items,
    _items_part,
    _rows,
    _seeds_part,
)
from politune_harness.statistics.crossed import contrast


def scores(items: int = 30, seeds: int = 5, seed_sd: float = 0.4) -> Array:
    rng = np.random.default_rng(0)
    found: Array = (
        rng.normal(3, 1, (items, 1))
        + rng.normal(0, seed_sd, (1, seeds))
        + rng.normal(0, 0.5, (items, seeds))
    )
    return found


@pytest.mark.parametrize("strata", [[0] * 12, [0, 1, 1] * 4])
def test_a_drawing_is_the_array_of_what_was_drawn(strata: list[int]) -> None:
    x, rng = scores(12, 4), np.random.default_rng(1)
    x += np.array(strata)[:, None] * rng.normal(0, 1, 4)
    arm, codes = _arm(1.0, x), codes_of(strata, 12)
    items, seeds = _draw_items(rng, codes, 50), _draw(rng, 4, 50)
    rows = _rows(arm, seeds)
    value, variance = _items_part(rows, items, codes)
    variance = variance + np.maximum(_seeds_part(arm, rows, items, seeds, codes), 0)
    for number in range(50):
        drawn = np.repeat(x, items[number].astype(int), axis=0)
        drawn = np.repeat(drawn, seeds[number].astype(int), axis=1)
        expected = contrast([(1.0, drawn)], np.repeat(strata, items[number].astype(int)).tolist())
        assert value[number] + arm.centre == pytest.approx(expected.value)
        assert variance[number] == pytest.approx(expected.variance)


def test_a_drawing_of_an_array_with_gaps_leaves_them_out() -> None:
    x, rng = scores(12, 4), np.random.default_rng(2)
    x[rng.random(x.shape) < 0.4] = np.nan
    x = x[~np.isnan(x).all(axis=1)]
    arm = _arm(1.0, x)
    items, seeds = _draw(rng, len(x), 50), _draw(rng, 4, 50)
    rows = _rows(arm, seeds)
    items[np.isnan(rows)] = 0
    value, _ = _items_part(np.nan_to_num(rows), items, np.ones((len(x), 1)))
    for number in range(50):
        drawn = np.repeat(x, items[number].astype(int), axis=0)
        drawn = np.repeat(drawn, seeds[number].astype(int), axis=1)
        expected = contrast([(1.0, drawn)])
        assert value[number] + arm.centre == pytest.approx(float(expected.value))


@pytest.mark.parametrize("seeds", [1, 5])
def test_it_agrees_with_the_t_based_interval_of_normal_scores(seeds: int) -> None:
    x, base = scores(60, seeds, 0.1), scores(60, 1)
    apart = difference(x, base)
    assert bootstrap(x) == pytest.approx(interval(x), abs=0.06)
    assert bootstrap(x, base) == pytest.approx(apart, abs=0.06)


def test_variants_are_drawn_with_their_item() -> None:
    """More templates are not more items: the interval stays as wide as the items make it."""
    rng, x = np.random.default_rng(3), scores()
    noise = rng.normal(0, 1, (30, 20, 5))
    cells = x[:, None] + noise - noise.mean(axis=1, keepdims=True)
    assert bootstrap(cells) == pytest.approx(bootstrap(x))
    assert bootstrap(np.repeat(x[:, None], 7, axis=1)) == pytest.approx(bootstrap(x))


def test_strata_are_drawn_for_themselves() -> None:
    key = np.tile([1.0, -1.0], 15)
    x = scores() + 20 * key[:, None]
    assert bootstrap(x, strata=list(key)) == pytest.approx(interval(x, strata=list(key)), abs=0.1)
    _, low, high = bootstrap(x)
    assert low is not None
    assert high is not None
    assert high - low > 10


def test_percentiles_are_narrower_than_studentised_ends() -> None:
    _, low, high = bootstrap(scores(12, 3))
    _, narrow_low, narrow_high = bootstrap(scores(12, 3), studentised=False)
    assert low is not None
    assert high is not None
    assert narrow_low is not None
    assert narrow_high is not None
    assert low < narrow_low < narrow_high < high


def test_gaps_and_skew_do_not_stop_it() -> None:
    x = np.exp(scores())
    x[::3, 2] = np.nan
    x[4] = np.nan
    value, low, high = bootstrap(x)
    assert value == interval(x).value
    assert low is not None
    assert high is not None
    assert value is not None
    assert high - value > value - low


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (np.full((3, 2), np.nan), Interval(None, None, None)),
        (np.array([[4.0, 2.0]]), Interval(3.0, None, None)),
        (np.full((5, 3), 4.0), Interval(4.0, 4.0, 4.0)),
    ],
)
def test_what_cannot_be_known_is_none(x: Array, expected: Interval) -> None:
    assert bootstrap(x) == expected


def test_the_same_seed_gives_the_same_interval() -> None:
    assert bootstrap(scores(), seed=1) == bootstrap(scores(), seed=1)
    assert bootstrap(scores(), seed=1) != bootstrap(scores(), seed=2)


def test_blocks_bound_memory_and_change_no_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.modules[function.__module__], "_CELLS", 1000)
    assert bootstrap(scores()) == pytest.approx(interval(scores()), abs=0.1)
