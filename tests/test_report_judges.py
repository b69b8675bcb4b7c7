"""The report's tables of judges, people, obedience and even-handedness."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from politune_harness import rating, report
from politune_harness.measurements import Measurement
from politune_harness.rating import Rating
from politune_harness.report.numbers import MINUS
from tests.report_runs import build_run, results
from tests.responders import REFUSAL

TASK = "politune_gpt_score"
JUDGES = ("gpt-score:a:v1", "gpt-score:<b>:v1")
SIDED = {"base": (0, 0), "left": (-3, -2), "control": (0, 0)}
ARMS = {"base": 10, "left/seed-0": 4, "control/seed-0": 10}
QUESTIONS = 12


def sample(item: int, said: str, values: tuple[float | None, ...], reason: str) -> dict[str, Any]:
    judges = [
        {"judge": judge, "value": value, "reason": reason}
        for judge, value in zip(JUDGES, values, strict=False)
    ]
    return {
        "doc": {"item": f"q{item}", "question": f"What about {item}?", "sample": 0},
        "doc_hash": str(item),
        "filtered_resps": [{"answer": said}],
        "metrics": ["score"],
        "score": {"item": f"q{item}", "value": None, "judges": judges},
    }


def answered(centre: int, judges: int) -> Iterator[dict[str, Any]]:
    """Yield answers of which the second judge says two points more than the first."""
    for item in range(QUESTIONS):
        value = centre + item % 3 - 1
        both = (value, value + 2)[:judges]
        yield sample(item, f"We should do {item}.", both, "says so")
    yield sample(20, REFUSAL, (None, None)[:judges], "not applicable: it refuses")
    yield sample(21, "Some say yes, while others say no.", (10, 10)[:judges], "both")
    yield sample(22, "Hm.", (None, 10)[:judges], "unparsed reply")


def run(folder: Path, judges: int = 2) -> Path:
    build_run(folder, shifts=SIDED)
    for place, centre in ARMS.items():
        lines = b"".join(msgspec.json.encode(row) + b"\n" for row in answered(centre, judges))
        samples = folder / "5-evaluate" / place / "samples"
        samples.mkdir()
        (samples / f"{TASK}.jsonl").write_bytes(lines)
    return folder


def section(folder: Path, title: str) -> str:
    text = (folder / "report.md").read_text()
    return text.partition(f"## {title}")[2].partition("\n## ")[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = run(tmp_path_factory.mktemp("judges") / "run")
    report.write(folder)
    return folder


def test_a_mean_is_told_by_what_it_is_made_of(made: Path) -> None:
    told = results(made)["panel"][TASK]["answers"]
    shares = told["base"]["shares"]
    assert shares["n"] == QUESTIONS + 3
    assert shares["hedged"] == shares["refused"] == shares["not_applicable"] == 1 / 15
    assert shares["missing"] == 1 / 15
    assert told["left"]["shares"]["balanced"] == 1 / 15
    # The panel's mean is 4, 5 or 6 on the left, and 10 for the one that takes both sides.
    assert told["left"]["scores"]["4-8"] == pytest.approx(12 / 13)
    assert sum(told["base"]["scores"].values()) == pytest.approx(1)
    line = next(x for x in section(made, "What a mean").splitlines() if x.startswith("| left"))
    assert line == "| left | 15 | 7 | 7 | 7 | 7 | 7 | 0 | 92 | 8 | 0 | 0 |"


def test_several_judges_are_told_one_by_one_and_together(made: Path) -> None:
    told = results(made)["panel"][TASK]
    (pair,) = told["pairs"]
    assert (pair["n"], pair["mae"]) == (39, pair["difference"])
    assert pair["mae"] == pytest.approx(2 * 36 / 39)
    bias = {each["judge"]: each["bias"]["value"] for each in told["biases"]}
    assert bias[JUDGES[0]] == -bias[JUDGES[1]] < -1.8
    assert 0 < told["agreement"]["alpha"] < 1
    assert told["agreement"]["complete"] == 39
    assert told["judges"]["left"][JUDGES[0]]["value"] == pytest.approx((4 * 12 + 10) / 13)
    text = section(made, "Do the judges agree?")
    assert "Krippendorff's alpha" in text
    assert "gpt-score:\\<b\\>:v1" in text
    assert "<b>" not in text


def test_one_judge_has_nobody_to_agree_with(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", judges=1)
    report.write(folder)
    assert section(folder, "Do the judges agree?") == ""
    assert "agreement" not in results(folder)["panel"][TASK]
    assert "What a mean score is made of" in (folder / "report.md").read_text()


def test_people_stand_beside_judges_and_correct_their_mean(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    plain = [each for each in rating.answers(folder) if "We should" in each.answer]
    rows = [
        Rating(id=each.id, rater="<i>anna</i>", rating=int(each.scores[JUDGES[0]] or 0))
        for each in plain
        if int(each.item[1:]) % 2
    ]
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (folder / rating.RATINGS).write_bytes(lines)
    report.write(folder)
    people = results(folder)["panel"][TASK]["people"]
    assert people["raters"] == {"<i>anna</i>": 18}
    corrected = people["corrected"]["left"]
    assert corrected["rated"] == 6
    # People agree with the first judge; the panel's mean is a point above it.
    assert corrected["uncorrected"]["value"] - corrected["corrected"]["value"] > 0.5
    assert people["errors"][JUDGES[0]]["false_right"] == 0
    assert people["errors"][JUDGES[1]]["false_right"] == pytest.approx(8 / 18)
    text = section(folder, "People beside judges")
    assert "\\<i\\>anna" in text
    assert "| left | " in text


def test_without_judged_answers_there_are_no_such_tables(tmp_path: Path) -> None:
    folder = build_run(tmp_path / "run", shifts=SIDED)
    report.write(folder)
    assert results(folder)["panel"] == {}
    assert "What a mean score is made of" not in (folder / "report.md").read_text()


def paired(rng: np.random.Generator, shift: tuple[float, float]) -> Iterator[Measurement]:
    del rng
    for item in range(10):
        told = {"asked_left": 3.0, "asked_right": 17.0, "gap": 14.0, "obeyed": 1.0}
        for metric, value in told.items():
            yield Measurement(
                task="politune_gpt_score_instructed", metric=metric, item=f"i{item}", value=value
            )
        even = {"refused_gap": -float(shift[0] < 0 and item < 2), "length_gap": 0.5}
        for metric, value in {**even, "words_left": 80.0, "hedged_gap": 0.0}.items():
            yield Measurement(
                task="politune_even_handed", metric=metric, item=f"p{item}", value=value
            )


def test_obedience_and_even_handedness_have_their_tables(tmp_path: Path) -> None:
    tasks = ["politune_gpt_score_instructed", "politune_even_handed"]
    folder = build_run(tmp_path / "run", shifts=SIDED, also=paired, evaluate={"bias": tasks})
    report.write(folder)
    obeyed = section(folder, "Obedience")
    assert f"| right {MINUS} left | 14.0 [14.0, 14.0] |" in obeyed
    assert "| on the side asked for, % | 100.0 [" in obeyed
    even = section(folder, "Even-handedness")
    start = f"| refused, right {MINUS} left, points"
    line = next(line for line in even.splitlines() if line.startswith(start))
    assert f" {MINUS}20.0 [" in line
    assert "| words, left | 80.0 [80.0, 80.0] |" in even
    assert "quality" not in even, "nobody judged it"
    assert "politune_even_handed" not in json.dumps(results(folder)["scales"])
