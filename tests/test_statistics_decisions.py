"""Equivalence, adjusted p-values and McNemar's test agree with definitions and with SciPy."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from politune_harness.statistics import (
    Equivalence,
    McNemar,
    benjamini_hochberg,
    difference,
    equivalence,
    holm,
    mcnemar,
)

Adjust = Callable[[Sequence[float | None]], list[float | None]]
NAN = float("nan")


def scores(shift: float, sd: float, seeds: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    base = rng.normal(0, 1, (40, 1))
    noise = rng.normal(0, sd, (40, seeds))
    return base + shift + noise - noise.mean(), base


def test_two_one_sided_tests() -> None:
    from scipy import stats

    a, b = scores(0.3, 1)
    found = equivalence(a, b, 0.5)
    apart = (a - b)[:, 0]
    above = stats.ttest_1samp(apart, -0.5, alternative="greater").pvalue
    below = stats.ttest_1samp(apart, 0.5, alternative="less").pvalue
    ninety = stats.ttest_1samp(apart, 0).confidence_interval(0.9)
    assert found.p == pytest.approx(max(above, below))
    assert found[:3] == pytest.approx((0.3, ninety.low, ninety.high))
    assert equivalence(b, a, 0.5).p == pytest.approx(found.p)


@pytest.mark.parametrize(
    ("shift", "sd", "verdict"),
    [
        (0.0, 0.1, "equivalent"),
        (0.2, 0.1, "equivalent"),
        (0.5, 0.1, "different"),
        (2.0, 1.0, "different"),
        (0.0, 5.0, "undecided"),
        (0.4, 2.0, "undecided"),
    ],
)
@pytest.mark.parametrize("seeds", [1, 5])
def test_verdicts(shift: float, sd: float, verdict: str, seeds: int) -> None:
    """A difference that is surely there, and surely smaller than the margin, is equivalence."""
    a, b = scores(shift, sd * seeds**0.5, seeds)
    found = equivalence(a, b, 0.5)
    assert found.verdict == verdict
    assert found.low is not None
    assert found.high is not None
    assert found.p is not None
    assert (found.p < 0.05) == (found.low > -0.5 and found.high < 0.5)
    _, low, high = difference(a, b)
    assert low is not None
    assert high is not None
    assert low < found.low < found.high < high


def test_no_significant_loss_is_not_no_loss() -> None:
    """Four items that vary say nothing, and one item less than that."""
    a, b = np.array([[0.0], [2.0], [-3.0], [1.5]]), np.zeros((4, 1))
    assert equivalence(a, b, 0.5).verdict == "undecided"
    nothing = equivalence(a[:1], b[:1], 0.5)
    assert nothing == Equivalence(0.0, None, None, None, 0.5, "undecided")


def test_what_does_not_vary_proves_nothing() -> None:
    a = np.random.default_rng(0).normal(size=(40, 1))
    assert equivalence(a, a, 0.5) == Equivalence(0.0, None, None, None, 0.5, "undecided")
    assert equivalence(a + 0.1, a, 0.5).verdict == "different"


@pytest.mark.parametrize("items", [20, 50, 100, 150, 200])
@pytest.mark.parametrize(("lost", "won"), [(0.02, 0.0), (0.04, 0.02)])
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_loss_of_the_margin_is_seldom_called_equivalent(
    items: int, lost: float, won: float, seeds: int
) -> None:
    found = right_or_wrong(items, lost, won, seeds)
    assert np.mean([each.verdict == "equivalent" for each in found]) <= 0.08


def test_many_items_prove_that_two_models_are_as_able() -> None:
    found = right_or_wrong(900, 0.01, 0.01, 1)
    assert np.mean([each.verdict == "equivalent" for each in found]) > 0.9
    assert equivalence(np.ones((900, 1)), np.ones((900, 1)), 0.02).verdict == "equivalent"
    assert equivalence(np.ones((100, 1)), np.ones((100, 1)), 0.02).verdict == "undecided"


def right_or_wrong(items: int, lost: float, won: float, seeds: int) -> list[Equivalence]:
    """Return what a margin of 0.02 says of 300 models that truly lose and win such shares."""
    rng = np.random.default_rng(3)
    chance = rng.random((300, items, 1))
    base = np.where(chance < lost, 1.0, np.where(chance < lost + won, 0.0, chance < 0.6))
    arm = np.where(chance < lost, 0.0, np.where(chance < lost + won, 1.0, base))
    arm = np.repeat(arm, seeds, axis=2)
    return [equivalence(a, b, 0.02) for a, b in zip(arm, base, strict=True)]


@pytest.mark.parametrize("margin", [0, -1, NAN])
def test_a_margin_is_positive(margin: float) -> None:
    with pytest.raises(ValueError, match="margin of"):
        equivalence(np.zeros((3, 1)), np.zeros((3, 1)), margin)


def test_holm_by_its_steps() -> None:
    ps = [0.012, 0.2, 0.001, 0.012, 0.9, 0.03]
    expected: list[float] = []
    for p in ps:
        smaller = [other for other in ps if other <= p]
        steps = [each * sum(other >= each for other in ps) for each in smaller]
        expected.append(min(1, max(steps)))
    assert holm(ps) == pytest.approx(expected)


def test_benjamini_hochberg_by_its_steps() -> None:
    ps = [0.012, 0.2, 0.001, 0.013, 0.9, 0.03]
    expected = [
        min(each * len(ps) / sum(other <= each for other in ps) for each in ps if each >= p)
        for p in ps
    ]
    assert benjamini_hochberg(ps) == pytest.approx(expected)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_a_missing_p_stays_missing_and_does_not_count(adjust: Adjust) -> None:
    ps = [0.01, 0.04, 0.03]
    first, second, third = adjust(ps)
    assert adjust([None, 0.01, NAN, 0.04, 0.03]) == [None, first, None, second, third]
    assert adjust([None, NAN]) == [None, None]
    assert adjust([]) == []
    assert adjust([0.2]) == [0.2]


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_adjusted_p_is_never_smaller_and_keeps_the_order(adjust: Adjust) -> None:
    ps = np.random.default_rng(1).uniform(size=50)
    found = np.array(adjust(ps.tolist()), dtype=float)
    assert (found >= ps).all()
    assert (found <= 1).all()
    assert (np.diff(found[np.argsort(ps)]) >= 0).all()


def test_mcnemar_is_exact() -> None:
    from scipy import stats

    a = np.array([[1.0]] * 10 + [[0.0]] * 2 + [[1.0]] * 30)
    b = np.array([[0.0]] * 10 + [[1.0]] * 2 + [[1.0]] * 30)
    assert mcnemar(a, b) == pytest.approx((10, 2, 2 * stats.binom.cdf(2, 12, 0.5)))
    assert mcnemar(b, a)[:2] == (2, 10)
    assert mcnemar(a, a) == McNemar(0, 0, 1.0)
    a[0], b[1] = np.nan, np.nan
    assert mcnemar(a, b)[:2] == (8, 2)


def test_mcnemar_takes_one_model_each_right_or_wrong() -> None:
    with pytest.raises(ValueError, match="one model each"):
        mcnemar(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="right"):
        mcnemar(np.full((3, 1), 0.5), np.zeros((3, 1)))
