"""What was planted is found, what is not there is not, and the report says both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from politune_harness import report
from politune_harness.measurements import Measurement
from politune_harness.report.diagnosis import AGAINST, COLLAPSED, CONTRADICT, NO_SHIFT
from politune_harness.report.instruments import Scale
from politune_harness.report.matrices import Cell
from politune_harness.report.methods import agreement, discrepancies
from politune_harness.report.numbers import MINUS
from politune_harness.report.tradeoff import Point, compare, front, paired, ways
from politune_harness.statistics import Array, holm
from tests.report_runs import PERSONAS, build_run, results

STUDIES, COMPARISONS, ITEMS = 400, 6, 150
"""Three arms on two tasks, each against the base."""


def answers(rng: np.random.Generator, shape: tuple[int, ...], seeds: int) -> tuple[Array, Array]:
    """Return right or wrong answers of two models alike, to items of unlike difficulty."""
    difficulty = rng.uniform(0.1, 0.9, (*shape, 1))
    a, b = ((rng.random((*shape, n)) < difficulty).astype(float) for n in (seeds, 1))
    return a, b


@pytest.mark.parametrize(("seeds", "test"), [(1, "McNemar"), (3, "t")])
def test_a_null_is_not_found(seeds: int, test: str) -> None:
    rng = np.random.default_rng(1)
    a, b = answers(rng, (STUDIES, COMPARISONS, ITEMS), seeds)
    found = [
        [paired(x, y, 0.02, resamples=0) for x, y in zip(*study, strict=True)]
        for study in zip(a, b, strict=True)
    ]
    assert {row["test"] for study in found for row in study} == {test}
    ps = np.array([[row["p"] for row in study] for study in found])
    corrected = np.array([holm(list(study)) for study in ps.tolist()], dtype=float)
    assert 0.03 <= (ps < 0.05).mean() <= 0.07
    assert (corrected < 0.05).any(1).mean() <= 0.07


def test_intervals_hold_a_null_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    a, b = answers(rng, (STUDIES, ITEMS), 1)
    found = [paired(x, y, 0.02, resamples=400) for x, y in zip(a, b, strict=True)]
    assert 0.03 <= np.mean([row["low"] > 0 or row["high"] < 0 for row in found]) <= 0.07


def test_a_planted_loss_is_found() -> None:
    rng = np.random.default_rng(3)
    base = (rng.random((800, 1)) < 0.8).astype(float)
    worse = np.where(rng.random((800, 1)) < 0.08, 0.0, base)
    found = paired(worse, base, 0.02)
    assert found["value"] == pytest.approx(float((worse - base).mean()))
    assert found["low"] < found["value"] < found["high"] < 0
    assert found["p"] < 1e-6
    assert found["equivalence"]["verdict"] == "different"
    same = paired(base, base, 0.02)
    assert (same["value"], same["p"], same["equivalence"]["verdict"]) == (0, 1, "equivalent")


@pytest.mark.parametrize(("tasks", "verdict"), [(1, "different"), (6, "undecided")])
def test_different_is_what_stays_so_among_all_comparisons(tasks: int, verdict: str) -> None:
    right = np.ones((200, 1))
    arms = {"base": right, "left": np.where(np.arange(200)[:, None] < 7, 0.0, 1.0)}
    keys = [(f"task-{n}", "acc") for n in range(tasks)]
    found = {
        arm: {key: Cell(matrix, ("",), 0, None, None, None) for key in keys}
        for arm, matrix in arms.items()
    }
    rows = compare(keys, found, 0.02)
    assert {row["p"] for row in rows} == {0.015625}
    assert {row["equivalence"]["verdict"] for row in rows} == {verdict}


def test_the_front_is_what_no_other_seed_beats() -> None:
    every = [
        Point("left", "", 30.0, 2.0, 0.1),
        Point("left", "0", 20.0, 1.0, 0.1),
        Point("left", "1", 40.0, 3.0, 0.1),
        Point("left", "2", 15.0, 1.5, 0.1),
        Point("right", "", -5.0, 1.0, 0.0),
        Point("control", "", None, 1.0, None),
    ]
    assert front(every) == [True, True, True, False, False, False]


def test_strength_is_over_the_measures_that_name_the_arm_as_an_end() -> None:
    scales = {
        ("t", "economic"): Scale(-10, 10, "left", "right"),
        ("t", "social"): Scale(-10, 10, "libertarian", "authoritarian"),
    }
    assert ways(["left"], scales) == {("t", "economic"): -1}
    assert ways(["control"], scales) == dict.fromkeys(scales, 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tradeoff") / "run"
    shifts = {"base": (0.3, -0.4), "left": (-9.0, -2.1), "right": (-4.0, 2.4), "idle": (0.3, -0.4)}
    build_run(folder, seeds=(0, 1), personas=PERSONAS, shifts={**shifts, "control": (0.4, -0.2)})
    report.write(folder)
    return folder


def test_the_report_weighs_gain_and_cost(run: Path) -> None:
    told = results(run)["tradeoff"]
    pairs = [(row["arm"], row["against"]) for row in told["comparisons"]]
    assert pairs.count(("left", "base")) == pairs.count(("left", "control")) == 1
    assert ("control", "control") not in pairs
    left = next(p for p in told["points"] if (p["arm"], p["seed"]) == ("left", ""))
    right = next(p for p in told["points"] if (p["arm"], p["seed"]) == ("right", ""))
    assert left["strength"] > 20
    assert left["cost"] > 5
    assert left["front"]
    assert right["strength"] < 0
    assert not right["front"]
    text = (run / "report.md").read_text()
    assert "## What it gained and what it cost" in text
    assert "- **left** moved " in text
    assert "lost ability" in text
    assert "its answers are less fluent" in text
    assert "as fluent" not in text


def test_failures_are_named(run: Path) -> None:
    found = {(row["arm"], row["signature"]) for row in results(run)["diagnosis"]}
    assert ("right", AGAINST) in found
    assert ("idle", NO_SHIFT) in found
    assert not {("left", NO_SHIFT), ("left", AGAINST), ("control", NO_SHIFT)} & found
    assert not any(name == COLLAPSED for _, name in found)
    text = (run / "report.md").read_text()
    assert "**right: against the intended side.**" in text
    assert CONTRADICT in text


def test_instruments_that_measure_topics_agree_more_on_the_same_topic() -> None:
    rng = np.random.default_rng(4)
    cells = [(("left", str(s)), f"t{t}") for s in range(3) for t in range(12)]
    true = {cell: rng.normal() for cell in cells}
    found = {
        name: {cell: sign * value + rng.normal(0, 0.3) for cell, value in true.items()}
        for name, sign in (("a", 1), ("b", 1), ("c", -1))
    }
    told = agreement(found, "a", "b")
    assert told.same is not None
    assert told.other is not None
    assert told.same > 0.8
    assert abs(told.other) < 0.3
    worst = next(discrepancies(found))
    assert "c" in worst["methods"]
    assert worst["shifts"][0] * worst["shifts"][1] < 0
    assert agreement({"a": {}, "b": {}}, "a", "b").same is None


def test_many_tasks_of_ability_are_told_in_one_sentence(tmp_path: Path) -> None:
    chances: dict[str, Callable[[float], float]] = {
        "lost": lambda by: 0.9 - 0.2 * by,
        "won": lambda by: 0.2 + 0.2 * by,
    }
    chances |= {f"same-{n}": lambda _: 0.5 for n in range(3)}

    def also(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
        for task, chance in chances.items():
            for item in range(150):
                value = float(rng.random() < chance(abs(shift[0])))
                yield Measurement(task=task, metric="acc", item=str(item), value=value)

    run = build_run(tmp_path / "run", also=also, evaluate={"capability": [*chances]})
    report.write(run)
    told = (run / "report.md").read_text().partition("- **left** against")[2].splitlines()[0]
    costs = told.partition("What it cost: ")[2].replace(MINUS, "-")
    assert costs.startswith("of 5 tasks, ability fell on 1 (-")
    assert "on `lost`), rose on 1 (+" in costs
    assert "on `won`), is unsure on 3;" in costs
