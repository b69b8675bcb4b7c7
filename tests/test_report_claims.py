"""How much the report claims: by seeds, against control, corrected, and within a margin."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from politune_harness.measurements import Measurement
from politune_harness.report.claims import headline
from politune_harness.report.findings import Findings
from politune_harness.report.matrices import Cell
from politune_harness.report.numbers import MINUS
from politune_harness.report.story import happened
from politune_harness.report.text import report as written
from politune_harness.report.told import tell
from politune_harness.statistics import smallest_detectable_shift
from tests.report_runs import build_run

KEY = ("politune_compass", "economic")


def found(folder: Path) -> tuple[Findings, str]:
    told = tell(folder)
    return told.findings, written(told, set()).replace(MINUS, "-")


@pytest.mark.parametrize(
    ("seeds", "claim"), [(1, "this model only"), (4, "exploratory"), (5, "confirmatory")]
)
def test_the_number_of_seeds_says_what_may_be_claimed(
    tmp_path: Path, seeds: int, claim: str
) -> None:
    findings, text = found(build_run(tmp_path / "run", seeds=tuple(range(seeds))))
    assert findings.results["claims"]["left"] == {"seeds": seeds, "claim": claim}
    assert {row["claim"] for row in findings.results["headline"]} == {claim}
    assert f"What may be claimed: *{claim}*: " in text.partition("## Positions")[0]


def test_headline_differences_stand_against_control_and_are_corrected(tmp_path: Path) -> None:
    findings, text = found(build_run(tmp_path / "run", seeds=(0, 1, 2)))
    rows = findings.results["headline"]
    kinds = [(row["arm"], row["against"]) for row in rows if (row["task"], row["metric"]) == KEY]
    assert kinds == [
        ("left", "base"),
        ("left", "control"),
        ("right", "base"),
        ("right", "control"),
        ("control", "base"),
    ]
    left = next(row for row in rows if (row["arm"], row["against"]) == ("left", "control"))
    control = findings.between("left", "control")[KEY]
    # The base is the same for both arms, and cancels where nothing is missing.
    assert left["value"] == pytest.approx(control["value"])
    assert all(row["p"] <= row["p_holm"] <= 1 for row in rows)
    least = min(rows, key=lambda row: row["p"])
    assert least["p_holm"] == pytest.approx(min(len(rows) * least["p"], 1))
    assert all(row["detectable"] > 0 for row in rows)
    assert "| left | `politune_compass` | economic | control | -" in text


def test_what_is_detectable_is_so_within_strata_and_among_all() -> None:
    rng, key = np.random.default_rng(0), np.tile([1.0, -1.0], 20)
    base = rng.normal(size=(40, 1))
    arm = base + 2 * key[:, None] + rng.normal(0, 0.5, (40, 5))
    alone = headline([KEY], {"base": cells(base, key), "left": cells(arm, key)})[0]
    several = headline([KEY], {"base": cells(base, key), **dict.fromkeys("abcd", cells(arm, key))})
    plain = smallest_detectable_shift(arm, base)
    assert plain is not None
    assert alone["detectable"] < plain / 2
    assert len(several) == 4
    assert several[0]["detectable"] > 1.1 * alone["detectable"]
    assert several[0]["p"] == alone["p"]


def test_a_seed_without_a_value_confirms_nothing() -> None:
    """One of five seeds was scored."""
    x = np.random.default_rng(0).normal(size=(40, 5))
    key = np.tile([1.0, -1.0], 20)
    scored = np.where(np.arange(5) == 0, x, np.nan)
    found = {"base": cells(x[:, :1], key), "left": cells(scored, key), "right": cells(x, key)}
    assert [row["claim"] for row in headline([KEY], found)] == ["this model only", "confirmatory"]


def cells(matrix: np.ndarray, key: np.ndarray) -> dict[tuple[str, str], Cell]:
    seeds = tuple(map(str, range(matrix.shape[1])))
    return {KEY: Cell(matrix, seeds, 0, None, key.tolist(), None)}


@pytest.mark.parametrize("p", [0.2, 0.01])
def test_a_move_that_only_its_own_interval_is_sure_of_is_told_as_such(
    tmp_path: Path, p: float
) -> None:
    findings = tell(build_run(tmp_path / "run")).findings
    rows = [{**row, "p_holm": p} for row in findings.results["headline"]]
    told = happened(replace(findings, results={**findings.results, "headline": rows}))
    move = told.partition("moved left on economic (")[2].partition(" social")[0]
    assert (", unsure once all comparisons count" in move) is (p > 0.05)


def test_every_difference_has_a_p_and_its_share_of_false_discoveries(tmp_path: Path) -> None:
    findings, _ = found(build_run(tmp_path / "run"))
    rows = findings.results["differences"]
    assert all(0 <= row["p"] <= row["q"] <= 1 for row in rows if row["p"] is not None)
    sure = [row for row in rows if row["low"] is not None and (row["low"] > 0 or row["high"] < 0)]
    assert all(row["p"] <= 0.05 for row in sure)


def able(items: int, loss: float) -> Iterator[Measurement]:
    """Yield items of which `loss` points of a hundred, evenly spread, are wrong."""
    wrong = round(items * loss / 100)
    missed = {item * items // wrong for item in range(wrong)} if wrong else set()
    for item in range(items):
        yield Measurement(
            task="exam", metric="acc", item=str(item), value=float(item not in missed)
        )


@pytest.mark.parametrize(
    ("items", "loss", "margin", "verdict", "words"),
    [
        (2000, 0.1, 2.0, "equivalent", "as able within 2 points (-0.1"),
        (2000, 1.0, 2.0, "equivalent", "points on `exam`, within the margin of 2 points"),
        (2000, 1.0, 0.5, "different", "ability -1.0"),
        (100, 1.0, 2.0, "undecided", "though one of 2 points is not excluded (-1.0"),
        (2000, 20.0, 2.0, "different", "ability -20.0"),
    ],
    ids=["same", "surely less, within", "surely less, beyond", "too few items", "worse"],
)
def test_no_sure_loss_is_not_no_loss(
    tmp_path: Path, items: int, loss: float, margin: float, verdict: str, words: str
) -> None:
    def exam(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
        return able(items, loss if shift[0] else 0)

    folder = build_run(
        tmp_path / "run",
        shifts={"base": (0, 0), "left": (-2, -2)},
        evaluate={"capability": ["exam"], "margin": margin},
        also=exam,
    )
    findings, text = found(folder)
    entry = findings.results["equivalence"]["left"]["exam"]["acc"]
    assert entry["verdict"] == verdict
    assert entry["margin"] == pytest.approx(margin / 100)
    assert findings.results["margin"] == margin
    assert words in text.partition("## Positions")[0]
    assert f"| left | `exam` | acc | {verdict} | -{loss:.1f} [" in text
