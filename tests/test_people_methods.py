"""The methods behind `politune bank validate` find what was put into simulated people."""

import math

import numpy as np
import pytest

from politune_harness.compass.people.answers import positions, weighted
from politune_harness.compass.people.dif import differential, nagelkerke, proportional_odds
from politune_harness.compass.people.factors import (
    aligned,
    congruence,
    minres,
    oblimin,
    parallel_analysis,
    placed,
)
from politune_harness.compass.people.groups import (
    effect,
    known_groups,
    pearson,
    reportable,
    stand,
    thirds,
)
from politune_harness.compass.people.reliability import (
    alpha,
    correlation,
    item_rest,
    omega,
    one_factor,
    pair_covariance,
    resampled,
)
from politune_harness.statistics import Array
from tests.simulated_people import answers_of, named, small_bank, traits

BANK = small_bank()


def by_hand(x: Array) -> Array:
    """Covariances over complete pairs, one pair at a time."""
    p = x.shape[1]
    found = np.empty((p, p))
    for i in range(p):
        for j in range(p):
            both = ~np.isnan(x[:, i]) & ~np.isnan(x[:, j])
            found[i, j] = np.cov(x[both, i], x[both, j])[0, 1]
    return found


def test_covariances_are_those_of_complete_pairs() -> None:
    rng = np.random.default_rng(0)
    x = answers_of(BANK, traits(60, 2, rng), rng, missing=0.2)
    assert pair_covariance(x) == pytest.approx(by_hand(x))
    counts = rng.integers(0, 4, len(x)).astype(float)
    repeated = np.repeat(x, counts.astype(int), axis=0)
    assert pair_covariance(x, counts) == pytest.approx(by_hand(repeated))


def test_reliability_by_hand() -> None:
    """Three items, five persons, every figure from its definition."""
    x = np.array([[1.0, 2, 3], [2, 1, 3], [3, 3, 5], [4, 5, 4], [5, 4, 5]])
    c = pair_covariance(x)
    # Variances 2.5, 2.5 and 1; of the sums 6, 6, 11, 13 and 14, 14.5.
    assert alpha(c) == pytest.approx(3 / 2 * (1 - 6 / 14.5))
    for i, found in enumerate(item_rest(c)):
        rest = np.delete(x, i, axis=1).sum(1)
        assert found == pytest.approx(np.corrcoef(x[:, i], rest)[0, 1])
    r = correlation(c)
    # With three items Spearman's triads are exact.
    loadings = one_factor(r)
    assert (alpha(c * 0), omega(c * 0, np.ones(3))) == pytest.approx((np.nan, np.nan), nan_ok=True)
    triad = math.sqrt(r[0, 1] * r[0, 2] / r[1, 2])
    assert triad < 1
    assert loadings[0] == pytest.approx(triad, abs=1e-5)


def test_omega_of_an_exact_model() -> None:
    loadings = np.array([0.3, 0.5, 0.7, 0.9])
    unique = np.array([0.91, 0.75, 0.51, 0.19])
    sd = np.array([1.0, 2.0, 0.5, 1.0])
    c = (np.outer(loadings, loadings) + np.diag(unique)) * np.outer(sd, sd)
    found = one_factor(correlation(c))
    assert found == pytest.approx(loadings, abs=1e-5)
    common = (loadings @ sd) ** 2
    assert omega(c, found) == pytest.approx(common / (common + unique @ sd**2), abs=1e-5)
    tau = np.full((4, 4), 0.4) + 0.6 * np.eye(4)
    assert omega(tau, one_factor(tau)) == pytest.approx(alpha(tau), abs=1e-5)


def test_omega_is_the_correlation_of_two_sittings() -> None:
    """Reliability by its definition: the same people, asked twice."""
    rng = np.random.default_rng(1)
    trait, slope = traits(4000, 2, rng), rng.uniform(0.5, 2.5, len(BANK.items))
    first, second = (answers_of(BANK, trait, rng, slope) for _ in range(2))
    for axis in ("economic", "social"):
        x, _ = weighted(BANK, axis, first)
        c = pair_covariance(x)
        twice = (positions(BANK, axis, first), positions(BANK, axis, second))
        r = np.corrcoef(*twice)[0, 1]
        assert omega(c, one_factor(correlation(c))) == pytest.approx(r, abs=0.02)


def test_bootstrap_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(2)
    loadings = np.array([0.5, 0.6, 0.7, 0.6, 0.5])
    unique = 1 - loadings**2
    true = loadings.sum() ** 2 / (loadings.sum() ** 2 + unique.sum())
    held = 0
    for _ in range(60):
        x = rng.normal(size=(150, 1)) * loadings + rng.normal(size=(150, 5)) * np.sqrt(unique)
        drawn = resampled(x, rng)
        start = one_factor(correlation(pair_covariance(x)))
        low, high = np.quantile(omega(drawn, one_factor(correlation(drawn), start)), [0.025, 0.975])
        held += low <= true <= high
    assert 53 <= held <= 60


def test_two_ways_to_one_factor() -> None:
    rng = np.random.default_rng(3)
    x, _ = weighted(BANK, "economic", answers_of(BANK, traits(300, 2, rng), rng))
    r = correlation(pair_covariance(x))
    assert np.abs(minres(r, 1)[:, 0]) == pytest.approx(one_factor(r), abs=1e-3)


def test_a_known_structure_is_found_exactly() -> None:
    pattern = np.zeros((9, 3))
    for factor in range(3):
        pattern[3 * factor : 3 * factor + 3, factor] = [0.8, -0.6, 0.5]
    between = np.array([[1, 0.3, -0.2], [0.3, 1, 0.4], [-0.2, 0.4, 1]])
    common = pattern @ between @ pattern.T
    r = common + np.diag(1 - np.diagonal(common))
    unrotated = minres(r, 3)
    assert unrotated @ unrotated.T == pytest.approx(common, abs=1e-3)
    found, correlations = aligned(*oblimin(unrotated), np.sign(pattern))
    assert found == pytest.approx(pattern, abs=5e-3)
    assert correlations == pytest.approx(between, abs=1e-2)
    assert placed(found, np.sign(pattern)).all()
    assert np.diagonal(congruence(found, pattern)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("axes", [("economic",), ("economic", "social"), ("a", "b", "c")])
def test_parallel_analysis_counts_the_axes(axes: tuple[str, ...]) -> None:
    rng = np.random.default_rng(4)
    bank = small_bank(8, axes)
    x = answers_of(bank, traits(500, len(axes), rng, 0.2), rng, missing=0.05)
    found, chance = parallel_analysis(x, rng)
    assert (found > chance).sum() == len(axes)
    assert (found[: len(axes)] > chance[: len(axes)]).all()


def test_parallel_analysis_finds_nothing_in_noise() -> None:
    rng = np.random.default_rng(5)
    bank = small_bank(5)
    beyond = [
        np.greater(*(each[0] for each in parallel_analysis(x, rng)))
        for x in (answers_of(bank, np.zeros((200, 2)), rng) for _ in range(40))
    ]
    assert sum(beyond) <= 6  # 5 % of 40 is 2; more than 6 would come once in 300 times


def test_proportional_odds_on_published_data() -> None:
    """McCullagh 1980: tonsils of carriers of Streptococcus pyogenes and of others, slope 0.603."""
    counts = {1.0: (19, 29, 24), 0.0: (497, 560, 269)}
    codes = np.concatenate([np.repeat([0, 1, 2], sizes) for sizes in counts.values()])
    carrier = np.repeat(list(counts), [sum(sizes) for sizes in counts.values()])
    fit = proportional_odds(codes, carrier[:, None])
    assert fit.slopes[0] == pytest.approx(0.603, abs=5e-4)


def test_proportional_odds_of_two_options_is_the_log_odds_ratio() -> None:
    codes = np.repeat([0, 1, 0, 1], [30, 10, 20, 40])
    group = np.repeat([0.0, 1.0], [40, 60])
    fit = proportional_odds(codes, group[:, None])
    assert fit.slopes[0] == pytest.approx(math.log(40 / 20) - math.log(10 / 30), abs=1e-4)
    assert fit.thresholds[0] == pytest.approx(math.log(30 / 10), abs=1e-4)
    null = proportional_odds(codes, group[:, None][:, :0])
    assert null.loglikelihood == pytest.approx(50 * math.log(0.5) * 2)
    ratio = 0.5**100 / (0.75**30 * 0.25**10 * (1 / 3) ** 20 * (2 / 3) ** 40)
    explained = (1 - ratio ** (2 / 100)) / (1 - 0.5**2)
    assert nagelkerke(fit.loglikelihood, null.loglikelihood, 100) == pytest.approx(explained)


def test_proportional_odds_against_plain_loops() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(6)
    x = rng.normal(size=(400, 2))
    drawn = x @ [1.0, -0.5] + rng.logistic(size=400)
    codes = np.digitize(drawn, [-1, 0.5, 2])

    def loss(parameters: Array) -> float:
        cuts = [-math.inf, *sorted(parameters[:3]), math.inf]
        total = 0.0
        for code, row in zip(codes, x, strict=True):
            shift = parameters[3] * row[0] + parameters[4] * row[1]
            upper, lower = (
                1 / (1 + math.exp(min(shift - cut, 700))) for cut in (cuts[code + 1], cuts[code])
            )
            total -= math.log(max(upper - lower, 1e-300))
        return total

    start = np.array([-1, 0.5, 2, 1.0, -0.5])
    slow = minimize(loss, start, method="Powell", options={"xtol": 1e-6, "ftol": 1e-12})
    fit = proportional_odds(codes, x)
    assert fit.loglikelihood == pytest.approx(-slow.fun, abs=1e-4)
    assert fit.thresholds == pytest.approx(slow.x[:3], abs=2e-3)
    assert fit.slopes == pytest.approx(slow.x[3:], abs=2e-3)


def two_languages(
    seed: int, n: int = 1500, slope: Array | float = 1.5, bias: Array | float = 0.0
) -> tuple[Array, list[str]]:
    """Answers in two languages; those in English lean another way, and have slopes of their own."""
    rng = np.random.default_rng(seed)
    english = rng.integers(0, 2, n)
    trait = traits(n, 2, rng) + 0.3 * english[:, None]
    slopes = np.where(english[:, None], slope, 1.5)
    biases = np.where(english[:, None], bias, 0.0)
    agreement = answers_of(BANK, trait, rng, slopes, biases, missing=0.02)
    return agreement, named(english, ["de", "en"])


def test_uniform_dif_is_found_and_no_more() -> None:
    from scipy.stats import false_discovery_control

    bias = np.zeros(20)
    bias[[2, 13]] = [1.2, -1.2]
    groups, tests, untested = differential(BANK, *two_languages(7, bias=bias))
    assert (groups, untested) == (["de", "en"], [])
    flagged = {test.item: test for test in tests if test.flagged}
    assert set(flagged) == {"e03", "s04"}
    assert [flagged[item].more for item in ("e03", "s04")] == ["en", "de"]
    assert all(test.p_uniform < 1e-6 for test in flagged.values())
    adjusted = false_discovery_control([test.p for test in tests])
    assert [test.p_adjusted for test in tests] == pytest.approx(adjusted)


def test_what_is_significant_and_small_is_not_flagged() -> None:
    bias = np.zeros(20)
    bias[2] = 0.4
    _, tests, _ = differential(BANK, *two_languages(19, n=6000, bias=bias))
    test = tests[2]
    assert test.p_adjusted < 1e-4
    assert test.gain < 0.035
    assert (test.size, test.flagged, test.more) == ("negligible", False, "en")


def test_items_that_differ_do_not_taint_the_others() -> None:
    """Four of ten items lean one way: the position that they tilt would accuse the rest."""
    bias = np.zeros(20)
    bias[[0, 1, 2, 3]] = [-2, 2, -2, 2]
    agreement, language = two_languages(20, n=2000, bias=bias)
    _, tests, _ = differential(BANK, agreement, language)
    assert [test.item for test in tests if test.flagged] == ["e01", "e02", "e03", "e04"]
    assert sum(test.p < 0.05 for test in tests[4:10]) <= 2


def test_nonuniform_dif_is_told_from_uniform() -> None:
    slope = np.full(20, 1.5)
    slope[4] = -0.5
    _, tests, _ = differential(BANK, *two_languages(8, slope=slope))
    (flagged,) = [test for test in tests if test.flagged]
    assert flagged.item == "e05"
    assert flagged.p_nonuniform < 1e-6
    assert flagged.size == "large"


def test_no_dif_is_flagged_where_there_is_none() -> None:
    """Not even where the groups stand apart; and p-values are those of chance."""
    ps = []
    for seed in range(9, 13):
        _, tests, _ = differential(BANK, *two_languages(seed, n=1000))
        assert not [test.item for test in tests if test.flagged]
        ps += [test.p for test in tests]
    assert len(ps) == 80
    assert sum(p < 0.05 for p in ps) <= 11  # more would come once in 1,000 times


def test_dif_between_three_groups() -> None:
    rng = np.random.default_rng(13)
    group = rng.integers(0, 3, 1500)
    bias = np.zeros((1500, 20))
    bias[:, 6] = 1.5 * (group == 2)
    agreement = answers_of(BANK, traits(1500, 2, rng), rng, bias=bias)
    _, tests, _ = differential(BANK, agreement, named(group, ["de", "en", "fr"]))
    assert {test.item: test.more for test in tests if test.flagged} == {"e07": "fr"}


def test_dif_needs_groups_and_variation() -> None:
    rng = np.random.default_rng(14)
    agreement = answers_of(BANK, traits(600, 2, rng), rng)
    few = ["de"] * 199 + ["en"] * 401
    assert differential(BANK, agreement, few) == ([], [], [])
    agreement[:, 3] = 1
    agreement[:250, 5] = np.nan
    groups, tests, untested = differential(BANK, agreement, ["de"] * 300 + ["en"] * 300)
    assert groups == ["de", "en"]
    assert untested == ["e04", "e06"]
    assert len(tests) == 18


def test_small_groups_are_masked_and_cannot_be_had_by_subtraction() -> None:
    rng = np.random.default_rng(15)
    position = {"economic": rng.normal(size=133), "social": rng.normal(size=133)}
    labels = ["a"] * 60 + ["b"] * 40 + ["c"] * 20 + ["d"] * 9 + [""] * 4
    found = known_groups(labels, position)
    assert list(found.stands) == ["a", "b", "c"]
    assert (found.masked, found.others) == (1, 13)
    # Without the four who said nothing, those nine could be had by subtraction.
    found = known_groups(labels[:-4], {axis: each[:-4] for axis, each in position.items()})
    assert list(found.stands) == ["a", "b"]
    assert (found.masked, found.others) == (2, 29)
    nobody = known_groups(["a"] * 5 + ["b"] * 4, {"economic": rng.normal(size=9)})
    assert (nobody.stands, nobody.effects, nobody.masked, nobody.others) == ({}, {}, 2, 9)


def test_a_group_needs_ten_on_every_axis() -> None:
    members = np.repeat(np.eye(2, dtype=bool), [30, 30], axis=1)
    scored = np.ones((60, 2), dtype=bool)
    assert reportable(members, scored) == [0, 1]
    scored[:25, 1] = False
    # Five are left on that axis, and would follow from the other group.
    assert reportable(members, scored) == []
    scored[:30, 1] = False
    assert reportable(members, scored) == [1]


def test_effect_sizes_and_means_against_scipy() -> None:
    from scipy import stats

    rng = np.random.default_rng(16)
    groups = [rng.normal(mean, 2, n) for mean, n in ((0, 40), (1, 50), (3, 60))]
    found = effect([np.append(groups[0], np.nan), *groups[1:]])
    f = stats.f_oneway(*groups).statistic
    assert found.eta2.value == pytest.approx(f * 2 / (f * 2 + 147))
    assert found.d is None
    two = effect(groups[:2])
    assert two.d is not None
    t = stats.ttest_ind(groups[1], groups[0]).statistic
    assert two.d.value == pytest.approx(t * math.sqrt(1 / 40 + 1 / 50))
    at = stand(groups[0])
    ends = stats.ttest_1samp(groups[0], 0).confidence_interval()
    assert (at.mean.low, at.mean.high) == pytest.approx((ends.low, ends.high))


def test_effect_size_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(17)
    means = np.array([0.0, 0.6])
    eta2, d = 0.09 / 1.09, 0.6  # the variance of the two means is 0.09
    held_eta2 = held_d = 0
    for _ in range(300):
        found = effect([rng.normal(mean, 1, 60) for mean in means])
        assert found.eta2.low is not None
        assert found.eta2.high is not None
        assert found.d is not None
        assert found.d.low is not None
        assert found.d.high is not None
        held_eta2 += found.eta2.low <= eta2 <= found.eta2.high
        held_d += found.d.low <= d <= found.d.high
    assert 275 <= held_eta2 <= 295
    assert 275 <= held_d <= 295


def test_correlations_against_scipy() -> None:
    from scipy import stats

    rng = np.random.default_rng(18)
    a = rng.normal(size=80)
    b = a + rng.normal(size=80)
    n, r = pearson(np.append(a, [np.nan, 1]), np.append(b, [1, np.nan]))
    told = stats.pearsonr(a, b)
    assert n == 80
    assert r is not None
    ends = told.confidence_interval()
    assert (r.value, r.low, r.high) == pytest.approx((told.statistic, ends.low, ends.high))
    assert pearson(a, np.ones(80)) == (80, None)


def test_thirds_of_the_usual_scale() -> None:
    found = thirds(np.arange(11.0))
    assert [found.count(name) for name in dict.fromkeys(found)] == [4, 3, 4]
