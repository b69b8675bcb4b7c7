"""Which checkpoint is chosen, by what, and on which half of what is asked."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from politune_harness import RecipeError
from politune_harness.halves import half
from politune_harness.measurements import Measurement
from politune_harness.recipe import Select
from politune_harness.report.instruments import KNOWN
from politune_harness.selection import Alike, Best, Means, Point, coherence, means, movement, side

TASKS = Path(__file__).parents[1] / "tasks"
ECONOMIC, SOCIAL, SCORE = ("c", "economic"), ("c", "social"), ("g", "score")
SCALES = {key: KNOWN[key[1]] for key in (ECONOMIC, SOCIAL, SCORE)}
BASE: Means = {ECONOMIC: {"a": 0.0, "b": 2.0}, SOCIAL: {"c": 1.0}, SCORE: {"q": 10.0}}
NOW: Means = {ECONOMIC: {"a": -4.0, "b": 0.0, "z": 9.0}, SOCIAL: {"c": 2.0}, SCORE: {"q": 5.0}}


def test_item_means_leave_out_what_is_missing() -> None:
    rows = [
        Measurement(task="c", metric="economic", item=item, value=value)
        for item, value in (("a", 1.0), ("a", 3.0), ("b", None))
    ]
    assert means(rows) == {ECONOMIC: {"a": 2.0}}


def test_a_movement_is_over_the_items_that_both_answered() -> None:
    assert movement(BASE, NOW, ECONOMIC) == -3
    assert movement(BASE, NOW, ("c", "unknown")) is None


@pytest.mark.parametrize(
    ("toward", "by", "trait"),
    [
        (["left"], "trait", (15 + 25) / 2),
        (["right"], "trait", -(15 + 25) / 2),
        (["left", "libertarian"], "trait", (15 - 5 + 25) / 3),
        (["left"], "economic", 15),
        (["left"], "score", 25),
        (["away"], "trait", (15 + 5 + 25) / 3),
    ],
)
def test_a_trait_is_the_movement_toward_the_arms_side(
    toward: list[str], by: str, trait: float
) -> None:
    found = side(SCALES, toward, by, "arm")
    assert found is not None
    assert found.trait(BASE, NOW) == pytest.approx(trait)
    assert found.trait(BASE, {ECONOMIC: {}, SOCIAL: {}, SCORE: {}}) is None


def test_an_arm_without_a_side_has_no_trait() -> None:
    assert side(SCALES, [], "trait", "control") is None


@pytest.mark.parametrize(
    ("toward", "by", "words"),
    [
        (["lefft"], "trait", "arms.arm.toward: no measure has an end called 'lefft'; .*left"),
        (["libertarian"], "score", "no measure has an end called 'libertarian'"),
        (["left"], "econmic", "select.by: the trajectory measures no 'econmic'; .*economic"),
    ],
)
def test_what_is_not_measured_is_one_line(toward: list[str], by: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        side(SCALES, toward, by, "arm")


def answers(
    bits: float, empty: float = 0, repetition: float = 0, judged: float | None = None
) -> Means:
    found = {("g", "bits_per_byte"): {"q": bits}} if empty < 1 else {}
    found |= {("g", "empty"): {"q": empty}, ("g", "repetition"): {"q": repetition}}
    return found if judged is None else {**found, ("g", "coherence"): {"q": judged}}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (answers(1), 1),
        (answers(0.2), 1),
        (answers(2), 0.5),
        (answers(0.2, repetition=0.9), 0.1),
        (answers(2, empty=0.5), 0.25),
        (answers(0, empty=1), 0),
        (answers(2, judged=15), 0.75),
        ({}, None),
    ],
)
def test_coherence_is_what_is_left_of_the_bases(now: Means, expected: float | None) -> None:
    assert coherence(answers(1), now) == pytest.approx(expected)


def test_without_answers_in_text_there_is_no_coherence() -> None:
    assert coherence(BASE, NOW) is None


POINTS = [
    Point(step=10, trait=20, coherence=0.9),
    Point(step=20, trait=40, coherence=0.8),
    Point(step=30, trait=60, coherence=0.4),
    Point(step=40, trait=70, coherence=0.1),
]


def test_of_what_is_coherent_the_furthest_is_kept() -> None:
    assert Best(Select())(POINTS).best == 40
    rule = Best(Select(coherence_at_least=0.7, keep=2, patience=2))
    assert [rule(POINTS[:n]).best for n in (1, 2, 3, 4)] == [10, 20, 20, 20]
    assert [rule(POINTS[:n]).stop for n in (1, 2, 3, 4)] == [False, False, False, True]
    assert rule(POINTS).keep == frozenset({10, 20})


def test_where_nothing_is_coherent_the_soundest_is_kept_and_said_to_be_so() -> None:
    rule = Best(Select(coherence_at_least=0.95))
    assert rule(POINTS).best == 10
    assert not rule.held(POINTS[0])
    assert not rule.held(Point(step=1, trait=1))


def test_of_equals_the_earlier_is_kept_and_what_is_missing_comes_last() -> None:
    same = [Point(step=n, trait=5) for n in (1, 2)]
    assert Best(Select())([Point(step=0), *same]).best == 1


def test_an_arm_without_a_side_is_as_old_as_the_others() -> None:
    rule = Alike(25)
    assert rule(POINTS).best == 20
    assert [rule(POINTS[:n]).stop for n in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize("seed", range(20))
def test_what_was_once_let_go_is_never_wanted_again(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable draws
    points = [
        Point(step=n, trait=rng.choice([None, rng.random()]), coherence=rng.random())
        for n in range(12)
    ]
    for rule in (Best(Select(coherence_at_least=0.5, keep=3)), Alike(rng.uniform(0, 12), keep=3)):
        gone: set[int] = set()
        for n in range(1, 13):
            ruled = rule(points[:n])
            assert ruled.keep is not None
            assert ruled.best in ruled.keep
            assert not gone & ruled.keep
            gone = set(range(n)) - ruled.keep


@pytest.mark.parametrize(
    ("file", "columns", "apart"),
    [
        ("compass/items.csv", ("axis",), 0),
        ("compass/items.csv", ("axis", "key"), 0),
        ("compass_de/items.csv", ("axis", "key"), 0),
        ("compass_eu/items.csv", ("axis",), 0),
        ("gpt_score/questions.csv", ("axis",), 4),
    ],
)
def test_our_banks_fall_into_halves(file: str, columns: tuple[str, ...], apart: int) -> None:
    counts: Counter[tuple[str, ...]] = Counter()
    with (TASKS / file).open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            sign = 1 if half(row["topic"]) == "report" else -1
            counts[tuple(row[name] for name in columns)] += sign
    assert all(abs(count) <= apart for count in counts.values()), counts


def test_the_reference_run_chose_earlier_checkpoints_than_its_last() -> None:
    reference = TASKS.parent / "results" / "reference" / "quickstart-selected" / "results.json"
    found = json.loads(reference.read_text())["trajectories"]
    floor = found["select"]["coherence_at_least"]
    for arm in ("left", "right"):
        chosen = found["chosen"][arm]["0"]
        points = [point for point in found["points"] if point["arm"] == arm]
        last, of = points[-1], {point["step"]: point for point in points}[chosen["step"]]
        assert of["step"] < last["step"]
        assert chosen["held"]
        assert of["coherence"] >= floor > last["coherence"]
        further = [p["trait"] for p in points if p["coherence"] >= floor]
        assert of["trait"] == max(further)
