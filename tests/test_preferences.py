import json
from pathlib import Path

import pytest
from politune_preferences import Preferences

from politune_harness import DataError, Dropped, Preference

SHARED = Path(__file__).parents[2] / "shared/data/politune"

Rows = list[Preference | Dropped]


def jsonl(path: Path, *rows: dict[str, object]) -> Rows:
    path.write_text("\n".join(map(json.dumps, rows)))
    return list(Preferences(path=path).load())


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def reasons(rows: Rows) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Dropped)]


def test_columns_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("question;good;bad\nTea?;Yes.;No.\n")
    source = Preferences(
        path=tmp_path, prompt="question", chosen="good", rejected="bad", delimiter=";"
    )
    pair = Preference(id="pairs.csv:1", prompt="Tea?", chosen="Yes.", rejected="No.")
    assert list(source.load()) == [pair]
    with pytest.raises(DataError, match="no column 'chosen' among question, good, bad"):
        list(Preferences(path=tmp_path, prompt="question", delimiter=";").load())


def test_pairs_that_teach_nothing_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("prompt,chosen,rejected\na,b,c\na,b,b\na,b,c\na,b,\na,b,d\na,b\n")
    rows = list(Preferences(path=path).load())
    assert [row.id for row in rows if isinstance(row, Preference)] == ["pairs.csv:1", "pairs.csv:5"]
    assert [(r.reason, r.malformed) for r in rows if isinstance(r, Dropped)] == [
        ("chosen equals rejected", False),
        ("repeats an earlier row", False),
        ("empty field", True),
        ("wrong number of fields", True),
    ]


def test_messages_of_one_turn_are_taken(tmp_path: Path) -> None:
    question = [turn("user", "Tea?")]
    yes, no = [turn("assistant", "Yes.")], [turn("assistant", "No.")]
    rows = jsonl(
        tmp_path / "pairs.jsonl",
        {"prompt": question, "chosen": yes, "rejected": no},
        {"chosen": [turn("user", "Milk?"), *yes], "rejected": [turn("user", "Milk?"), *no]},
        {"prompt": "Sugar?", "chosen": yes, "rejected": "No."},
    )
    assert [(r.prompt, r.chosen, r.rejected) for r in rows if isinstance(r, Preference)] == [
        ("Tea?", "Yes.", "No."),
        ("Milk?", "Yes.", "No."),
        ("Sugar?", "Yes.", "No."),
    ]


def test_longer_conversations_are_left_out(tmp_path: Path) -> None:
    user, yes, no = turn("user", "Tea?"), turn("assistant", "Yes."), turn("assistant", "No.")
    rows = jsonl(
        tmp_path / "pairs.jsonl",
        {"prompt": [user, yes, user], "chosen": [yes], "rejected": [no]},
        {"prompt": [turn("system", "Be kind."), user], "chosen": [yes], "rejected": [no]},
        {"chosen": [user, yes], "rejected": [turn("user", "Milk?"), no]},
        {"chosen": [yes], "rejected": [no]},
    )
    assert reasons(rows) == ["not one question and its answer"] * 4


def test_columns_of_another_kind_are_malformed(tmp_path: Path) -> None:
    rows = jsonl(
        tmp_path / "pairs.jsonl",
        {"prompt": "Tea?", "chosen": "Yes."},
        {"chosen": "Yes.", "rejected": "No."},
        {"prompt": "Tea?", "chosen": 1, "rejected": "No."},
        {"prompt": "Tea?", "chosen": [{"role": "assistant"}], "rejected": "No."},
    )
    neither = "neither text nor messages"
    assert reasons(rows) == ["no 'rejected'", "no 'prompt'", neither, neither]
    assert all(row.malformed for row in rows if isinstance(row, Dropped))


@pytest.mark.parametrize(("side", "size"), [("left", 2056), ("right", 2525)])
@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data/politune")
def test_politune_data_adds_up(side: str, size: int) -> None:
    rows = list(Preferences(path=SHARED / f"politune-{side}.csv").load())
    assert len(rows) == len({row.id for row in rows}) == size
    assert reasons(rows) == []
