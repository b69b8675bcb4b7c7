"""People rate a run's answers: blinded sheets, checked ratings, and tables beside the judges."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from politune_harness import DataError, rating
from politune_harness.cli import main
from politune_harness.rating import Rating

JUDGES = ("gpt-score:judge-a:v1", "gpt-score:judge-b:v1")
ARMS = {"base": 10, "left/seed-0": 5, "right/seed-0": 15}
RECIPE = """
model: tiny
arms:
  left: {source: {use: tables, path: left.csv}}
  right: {source: {use: tables, path: right.csv}}
evaluate: {bias: [politune_gpt_score], systems: {other: Be brief.}}
"""
QUESTIONS = 6
SAMPLES = 2
COUNT = len(ARMS) * QUESTIONS * SAMPLES


def sample(place: str, number: int, again: int, text: str | None = None) -> dict[str, Any]:
    """Return one judged answer as an evaluation leaves it."""
    doc = {"item": f"q{number}", "question": f"What about tax {number}?", "sample": again}
    value = ARMS[place] + number % 3
    view = f"=Some view, {value - number % 3} of\n20, on tax {number}; the {again}th."
    answer = view if text is None else text
    judges = [{"judge": judge, "value": value + i, "reason": "r"} for i, judge in enumerate(JUDGES)]
    score = {"item": doc["item"], "value": value + 0.5, "judges": judges}
    return {
        "doc": doc,
        "doc_hash": hashlib.sha256(json.dumps(doc).encode()).hexdigest(),
        "filtered_resps": [{"answer": answer, "scores": []}],
        "metrics": ["score", "empty"],
        "score": score,
        "empty": {"item": doc["item"], "value": 0.0},
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE)
    for place in ARMS:
        rows = [sample(place, n, again) for n in range(QUESTIONS) for again in range(SAMPLES)]
        blank = sample(place, 0, 99)
        blank["filtered_resps"][0]["answer"] = " \n"
        put(folder, place, [*rows, blank])
    put(folder, "system-other", [sample("base", 77, 0)])
    return folder


def put(run: Path, place: str, rows: list[dict[str, Any]]) -> None:
    folder = run / "5-evaluate" / place / "samples"
    folder.mkdir(parents=True)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (folder / "politune_gpt_score.jsonl").write_bytes(lines)
    unjudged = {"metrics": ["acc"], "acc": 1.0, "filtered_resps": ["yes"], "doc": {}}
    (folder / "politune_capability.jsonl").write_bytes(msgspec.json.encode(unjudged) + b"\n")


def politune(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def rows_of(sheet: Path) -> list[dict[str, str]]:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(sheet: Path, rate: Callable[[int, dict[str, str]], dict[str, str]]) -> list[str]:
    """Fill a sheet in as a person would, and return its ids."""
    rows = [row | rate(number, row) for number, row in enumerate(rows_of(sheet))]
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rating.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return [row["id"] for row in rows]


def true_value(_: int, row: dict[str, str]) -> dict[str, str]:
    """Rate an answer by what it says itself, which is what its arm stands for."""
    return {"rating": row["answer"].split("view, ")[1].split(" ")[0]}


def test_a_sheet_tells_neither_arms_nor_models_nor_judges(run: Path, tmp_path: Path) -> None:
    done = politune("rate", "export", run, "--out", tmp_path / "sheet")
    assert done.exit_code == 0, done.output
    files = sorted(path.name for path in (tmp_path / "sheet").iterdir())
    assert files == ["labels.xml", "sheet.csv", "tasks.json"]
    for name in files:
        text = (tmp_path / "sheet" / name).read_text("utf-8")
        for word in ("left/", "right/", "seed-", "base", "tiny", "judge", "politune"):
            assert word not in text
    rows = rows_of(tmp_path / "sheet" / "sheet.csv")
    assert len({row["id"] for row in rows}) == len(rows) == COUNT
    assert all(row["answer"].startswith("'=Some view") for row in rows)


def test_the_order_says_nothing_of_the_arms_and_is_the_seeds(run: Path, tmp_path: Path) -> None:
    orders = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        rating.export(run, tmp_path / name, seed=seed)
        orders.append([row["id"] for row in rows_of(tmp_path / name / "sheet.csv")])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    key = json.loads((run / rating.KEY).read_text())
    arms = [key[id_]["place"] for id_ in orders[0]]
    assert set(arms[: COUNT // 2]) == set(arms[COUNT // 2 :]) == set(ARMS)


def test_label_studio_gets_the_same_answers(run: Path, tmp_path: Path) -> None:
    rating.export(run, tmp_path, n=5, seed=3)
    tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    assert [task["data"]["id"] for task in tasks] == [
        row["id"] for row in rows_of(tmp_path / "sheet.csv")
    ]
    assert all(task["data"]["answer"].startswith("=Some view") for task in tasks)
    assert {key for task in tasks for key in task["data"]} == {
        "id", "question", "answer", "at_0", "at_20",
    }  # fmt: skip


def test_too_many_answers_or_none_is_one_line(run: Path, tmp_path: Path) -> None:
    many = politune("rate", "export", run, "--out", tmp_path / "x", "--n", "999")
    assert (many.exit_code, "36 judged answers" in many.output) == (1, True)
    nowhere = politune("rate", "export", tmp_path, "--out", tmp_path / "x")
    assert (nowhere.exit_code, "holds no run" in nowhere.output) == (1, True)
    inside = politune("rate", "export", run, "--out", run)
    assert inside.exit_code == 2


def test_ratings_stand_beside_the_judges(run: Path, tmp_path: Path) -> None:
    rating.export(run, tmp_path, n=24, seed=5)
    sheet = tmp_path / "sheet.csv"
    fill(sheet, lambda n, row: {"not applicable": "x"} if n == 0 else true_value(n, row))
    done = politune("rate", "import", sheet, "--run", run, "--rater", "anna")
    assert done.exit_code == 0, done.output
    assert "23 rated, 1 not applicable, 0 missing" in done.output
    for word in ("| anna |", f"| {JUDGES[0]} |", "| left/seed-0 |", "Pearson", "ICC(2,1)"):
        assert word in done.output
    kept = rating.ratings(run)
    assert len(kept) == 24
    assert sum(each.not_applicable for each in kept) == 1
    assert {each.rating for each in kept} == {None, 5, 10, 15}


def test_the_judges_mean_is_corrected_by_people(run: Path, tmp_path: Path) -> None:
    rating.export(run, tmp_path)
    fill(tmp_path / "sheet.csv", true_value)
    done = politune("rate", "import", tmp_path / "sheet.csv", "--run", run)
    line = next(line for line in done.output.splitlines() if line.startswith("| left/seed-0 |"))
    _, _, judges, people, corrected, _, rated, _ = (cell.strip() for cell in line.split("|"))
    assert judges.startswith("6.50 [")
    assert people == corrected == "5.00 [5.00, 5.00]"
    assert rated == "12 of 12"


def test_missing_ratings_are_counted_and_never_filled_in(run: Path, tmp_path: Path) -> None:
    rating.export(run, tmp_path, n=6)
    fill(tmp_path / "sheet.csv", lambda n, row: true_value(n, row) if n < 4 else {})
    done = politune("rate", "import", tmp_path / "sheet.csv", "--run", run)
    assert "4 rated, 0 not applicable, 2 missing" in done.output
    assert [each.rating for each in rating.ratings(run)].count(None) == 2


def test_a_person_may_change_their_mind_and_another_may_differ(run: Path, tmp_path: Path) -> None:
    rating.export(run, tmp_path, n=6)
    sheet = tmp_path / "sheet.csv"
    for rater, value in (("anna", "3"), ("ben", "9"), ("anna", "4")):
        fill(sheet, lambda _, __, value=value: {"rating": value})  # type: ignore[misc]
        rating.bring_in(sheet, run, rater)
    found = {(each.rater, each.rating) for each in rating.ratings(run)}
    assert found == {("anna", 4), ("ben", 9)}
    assert len(rating.ratings(run)) == 12


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"rating": "21"}, "from 0 to 20, not '21'"),
        ({"rating": "-1"}, "from 0 to 20"),
        ({"rating": "7.5"}, "from 0 to 20"),
        ({"rating": "nan"}, "from 0 to 20"),
        ({"rating": "left"}, "from 0 to 20"),
        ({"rating": "5", "not applicable": "x"}, "which of the two"),
        ({"not applicable": "perhaps"}, "empty or x"),
        ({"id": "feedbeef", "rating": "3"}, "not of this run"),
    ],
)
def test_a_wrong_sheet_changes_nothing(
    run: Path, tmp_path: Path, cells: dict[str, str], said: str
) -> None:
    rating.export(run, tmp_path, n=4)
    fill(tmp_path / "sheet.csv", lambda n, _: cells if n == 2 else {"rating": "10"})
    done = politune("rate", "import", tmp_path / "sheet.csv", "--run", run)
    assert done.exit_code == 1
    assert said in done.output
    assert done.output.count("\n") == 1
    assert not rating.ratings(run)


def test_an_answer_rated_twice_is_refused(run: Path, tmp_path: Path) -> None:
    rating.export(run, tmp_path, n=4)
    first = fill(tmp_path / "sheet.csv", lambda _, __: {"rating": "10"})[0]
    fill(tmp_path / "sheet.csv", lambda n, _: {"id": first} if n == 3 else {})
    with pytest.raises(DataError, match="rated twice"):
        rating.bring_in(tmp_path / "sheet.csv", run)


def test_a_sheet_needs_a_key_and_columns(run: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,score\n1,2\n")
    with pytest.raises(DataError, match="politune rate export"):
        rating.bring_in(sheet, run)
    rating.export(run, tmp_path / "other", n=2)
    with pytest.raises(DataError, match="columns id, question"):
        rating.bring_in(sheet, run)
    sheet.write_bytes(b"id,rating\n\xff\xfe,2\n")
    with pytest.raises(DataError, match="UTF-8"):
        rating.bring_in(sheet, run)


def test_a_spreadsheet_may_use_semicolons(run: Path, tmp_path: Path) -> None:
    rating.export(run, tmp_path, n=3)
    ids = [row["id"] for row in rows_of(tmp_path / "sheet.csv")]
    lines = ["id;rating;note", *(f'{id_};{n};"a, b\u2028c"' for n, id_ in enumerate(ids))]
    (tmp_path / "german.csv").write_text("\r\n".join(lines) + "\r\n", "utf-8-sig")
    found = rating.bring_in(tmp_path / "german.csv", run)
    assert [each.rating for each in found] == [0, 1, 2]
    assert found[0].note == "a, b\u2028c"


def test_label_studios_export_is_read(run: Path, tmp_path: Path) -> None:
    rating.export(run, tmp_path, n=3)
    tasks = json.loads((tmp_path / "tasks.json").read_text("utf-8"))
    number = {"from_name": "rating", "type": "number", "value": {"number": 12}}
    choice = {
        "from_name": "not_applicable",
        "type": "choices",
        "value": {"choices": ["not applicable"]},
    }
    note = {"from_name": "note", "type": "textarea", "value": {"text": ["unclear"]}}
    given = [
        [{"completed_by": 7, "result": [number]}, {"completed_by": {"id": 8}, "result": [choice]}],
        [{"completed_by": 7, "result": [choice, note]}],
        [{"completed_by": 7, "result": [number], "was_cancelled": True}],
    ]
    exported = [task | {"annotations": each} for task, each in zip(tasks, given, strict=True)]
    path = tmp_path / "project.json"
    path.write_text(json.dumps(exported))
    rating.bring_in(path, run)
    ids = [task["data"]["id"] for task in tasks]
    assert rating.ratings(run) == sorted(
        [
            Rating(id=ids[0], rater="project-7", rating=12),
            Rating(id=ids[0], rater="project-8", rating=None, not_applicable=True),
            Rating(id=ids[1], rater="project-7", rating=None, not_applicable=True, note="unclear"),
        ],
        key=lambda each: (each.rater, each.id),
    )
    path.write_text('[{"data": 3}]')
    with pytest.raises(DataError, match="no JSON export of Label Studio"):
        rating.bring_in(path, run)
