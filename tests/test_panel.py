"""What a panel of judges says, against published tables, hand-made figures and simulations."""

import json
from pathlib import Path

import numpy as np
import pytest

from politune_harness import panel
from politune_harness.statistics import Array, Interval

SWISSPRISMIA = Path(__file__).parents[2] / "shared" / "data" / "validation" / "judge_panel"
GAP = np.nan

KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, GAP, GAP, GAP],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, GAP, 3],
        [GAP, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, GAP],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, GAP],
    ]
)
"""Four observers, twelve units: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"."""

SHROUT_FLEISS = np.array(
    [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], dtype=float
)
"""Four judges, six targets: Shrout and Fleiss 1979, "Intraclass correlations", table 2."""


def noisy(rng: np.random.Generator, truth: Array, error: float = 2.0) -> Array:
    return truth + rng.normal(0, error, truth.shape)


def test_alpha_is_the_published_one() -> None:
    assert panel.krippendorff_alpha(KRIPPENDORFF) == pytest.approx(0.849, abs=5e-4)


def test_alpha_does_not_depend_on_the_scale_or_on_what_cannot_be_paired() -> None:
    alpha = panel.krippendorff_alpha(KRIPPENDORFF)
    assert panel.krippendorff_alpha(KRIPPENDORFF * 4 - 7) == pytest.approx(alpha)
    assert panel.krippendorff_alpha(KRIPPENDORFF[:, :11]) == pytest.approx(alpha)


def test_alpha_at_its_ends() -> None:
    same = np.array([[1.0, 2.0, 3.0]] * 3)
    assert panel.krippendorff_alpha(same) == 1
    assert panel.krippendorff_alpha(np.full((3, 4), 2.0)) is None
    assert panel.krippendorff_alpha(np.full((3, 4), GAP)) is None
    rng = np.random.default_rng(0)
    assert panel.krippendorff_alpha(rng.normal(size=(3, 4000))) == pytest.approx(0, abs=0.03)


def test_icc_is_the_published_one() -> None:
    single, mean = panel.icc(SHROUT_FLEISS)
    assert single == pytest.approx(0.29, abs=5e-3)
    assert mean == pytest.approx(0.62, abs=5e-3)


def test_icc_rests_on_the_answers_that_every_judge_scored() -> None:
    more = np.column_stack([SHROUT_FLEISS, [1, GAP, 1, 1]])
    assert panel.icc(more) == panel.icc(SHROUT_FLEISS)
    assert panel.agreement(more).complete == 6
    assert panel.icc(SHROUT_FLEISS[:1]) == panel.icc(np.full((3, 3), 2.0)) == (None, None)


def test_a_constant_judge_agrees_with_nobody_and_has_no_correlation() -> None:
    (pair,) = panel.pairs(["a", "b"], np.array([[10.0, 10.0, 10.0], [8.0, 10.0, 15.0]]))
    assert (pair.pearson, pair.spearman, pair.n) == (None, None, 3)
    assert pair.mae == pytest.approx(7 / 3)
    assert pair.difference == pytest.approx(-1)


def test_correlations_are_scipys() -> None:
    from scipy.stats import pearsonr, spearmanr

    rng = np.random.default_rng(1)
    scores = rng.integers(0, 21, (2, 60)).astype(float)
    (pair,) = panel.pairs(["a", "b"], scores)
    assert pair.pearson == pytest.approx(pearsonr(*scores).statistic)
    assert pair.spearman == pytest.approx(spearmanr(*scores).statistic)


def test_pairs_without_a_common_answer_say_so() -> None:
    (pair,) = panel.pairs(["a", "b"], np.array([[1.0, GAP], [GAP, 1.0]]))
    assert (pair.n, pair.mae, pair.pearson) == (0, None, None)


def test_a_bias_is_found_whatever_the_others_are() -> None:
    rng = np.random.default_rng(2)
    truth = rng.uniform(3, 17, 200)
    scores = noisy(rng, np.stack([truth, truth, truth + 3]), 1)
    found = panel.biases(["a", "b", "c"], scores)
    assert found[2].bias.value == pytest.approx(3, abs=0.3)
    assert found[0].bias.value == pytest.approx(-1.5, abs=0.3)
    low, high = found[2].bias.low, found[2].bias.high
    assert low is not None
    assert high is not None
    assert low < 3 < high


def test_answers_to_one_question_are_one_cluster() -> None:
    scores = np.repeat([[4.0, 8.0, 12.0]], 5, axis=1)
    alone = panel.by_judge(["a"], scores)["a"]
    clustered = panel.by_judge(["a"], scores, items=[str(i // 5) for i in range(15)])["a"]
    assert alone.value == clustered.value == 8
    assert alone.low is not None
    assert clustered.low is not None
    assert clustered.low < alone.low


def test_errors_tell_left_from_right() -> None:
    labels = np.array([2, 2, 10, 10, 18, 18, 18, GAP])
    judge = np.array([2, 12, 4, 10, 3, 18, GAP, 3])
    found = panel.errors(judge, labels)
    assert (found.not_left, found.not_right) == (4, 4)
    assert (found.false_left, found.false_right) == (0.5, 0.25)
    assert (found.opposite_left, found.opposite_right) == (0.5, 0.5)


def test_shares_keep_a_balanced_answer_from_a_refused_one() -> None:
    scores = np.array([10.0, 10.0, 3.0, GAP, GAP, GAP])
    no = np.zeros(6, dtype=bool)
    hedged, refused, outside = no.copy(), no.copy(), no.copy()
    hedged[1], refused[3], outside[4] = True, True, True
    found = panel.shares(scores, hedged=hedged, refused=refused, not_applicable=outside)
    assert found == panel.Shares(6, 2 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6)
    with pytest.raises(ValueError, match="no answers"):
        panel.shares(np.array([]), hedged=no[:0], refused=no[:0], not_applicable=no[:0])


def test_the_correction_is_the_formula() -> None:
    judged = np.array([4.0, 6.0, 11.0, 8.0, 12.0, 3.0, 9.0])
    people = np.array([5.0, 8.0, 12.0, GAP, GAP, GAP, GAP])
    found = panel.corrected(judged, people)
    shared = np.cov(people[:3], judged[:3])[0, 1]
    power = shared / ((1 + 3 / 4) * np.var(judged, ddof=1))
    assert found.power == pytest.approx(min(1, power))
    errors = people[:3] - found.power * judged[:3]
    value = found.power * judged[3:].mean() + errors.mean()
    assert found.corrected.value == pytest.approx(value)
    assert found.uncorrected.value == pytest.approx(judged.mean())
    assert found.people.value == pytest.approx(25 / 3)
    assert (found.rated, found.unrated) == (3, 4)


def test_where_people_rated_all_they_decide_alone() -> None:
    judged, people = np.array([4.0, 6.0, 11.0]), np.array([14.0, 16.0, 19.0])
    found = panel.corrected(judged, people)
    assert found.power == 0
    assert found.corrected == found.people


def test_without_people_there_is_no_correction() -> None:
    found = panel.corrected(np.array([1.0, 2.0]), np.array([GAP, GAP]))
    assert found.corrected.value is found.corrected.low is None
    assert found.uncorrected.value == 1.5


@pytest.mark.parametrize("samples", [1, 5])
def test_the_correction_covers_the_truth_where_the_judges_mean_does_not(samples: int) -> None:
    rng = np.random.default_rng(samples)
    names = [str(i // samples) for i in range(300)]
    hits, wrong, widths = [], [], []
    for _ in range(600):
        question = np.repeat(rng.normal(10, 3, 300 // samples), samples)
        truth = question + rng.normal(0, 1, 300)
        judged = noisy(rng, truth + 1.5, 1)
        people = np.where(rng.permutation(300) < 80, truth, GAP)
        found = panel.corrected(judged, people, names)
        hits.append(_holds(found.corrected.low, found.corrected.high))
        wrong.append(_holds(found.uncorrected.low, found.uncorrected.high))
        widths.append([_width(found.corrected), _width(found.people)])
    assert 0.92 <= np.mean(hits) <= 0.98
    assert np.mean(wrong) < 0.2
    powered, alone = np.mean(widths, axis=0)
    assert powered < 0.95 * alone


def _holds(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low <= 10 <= high


def _width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_drift_is_flagged_when_its_interval_excludes_zero() -> None:
    rng = np.random.default_rng(3)
    anchors = rng.uniform(0, 20, 30)
    before, after = noisy(rng, anchors, 0.5), noisy(rng, anchors, 0.5)
    assert not panel.drift(before, after).flagged
    moved = panel.drift(before, after - 1)
    assert moved.flagged
    assert moved.change.value == pytest.approx(-1, abs=0.3)
    assert panel.drift(np.array([3.0, GAP]), np.array([9.0, 1.0])).flagged is False


def test_no_judge_scores_its_own_answers_whatever_the_case_of_its_name() -> None:
    excluded = panel.own(["GPT-4o", "claude"], ["gpt-4o", "claude", "other"])
    scores = np.array([[0.0, 2.0, 2.0], [5.0, 20.0, 4.0]])
    assert panel.combined(scores, excluded).tolist() == [5.0, 2.0, 3.0]


@pytest.mark.parametrize("month", ["2026-03", "2026-04"])
def test_a_published_panels_scores_are_reproduced(month: str) -> None:
    folder = SWISSPRISMIA / "results" / month
    if not folder.is_dir():
        pytest.skip("../shared is absent")
    rows = json.loads((folder / "likert_scores.json").read_text("utf-8"))
    judges = list(rows[0]["raw_scores"])
    scores = np.array([[row["raw_scores"].get(judge, GAP) for row in rows] for judge in judges])
    authors = [row["model_id"] for row in rows]
    found = panel.combined(scores, panel.own(judges, authors), needed=1)
    assert found == pytest.approx([row["weighted_score"] for row in rows], abs=5.01e-5)
    for summary in json.loads((folder / "summary.json").read_text("utf-8"))["model_summaries"]:
        mine = np.array([author == summary["model_id"] for author in authors])
        assert mine.sum() == 80
        assert found[mine].mean() == pytest.approx(summary["mean_score"], abs=5.01e-4)
        itself = scores[judges.index(summary["model_id"]), mine] - found[mine]
        assert itself.mean() == pytest.approx(summary["self_scoring_bias"], abs=5.01e-4)
