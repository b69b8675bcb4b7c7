"""`politune compass`: real files in, tables, JSON and figures out."""

import json
from pathlib import Path

import pytest

from politune_harness.compass.official import items, score
from tests.conftest import Politune

FIELDS = [
    "id",
    "economic",
    "social",
    "coverage",
    "economic_min",
    "economic_max",
    "social_min",
    "social_max",
]


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """A file of three responders: all agree, nothing at all, and every fourth item missing."""
    some = [None if place % 4 == 3 else place % 4 for place in range(62)]
    rows = [("[red]all", [2] * 62), ("none", [None] * 62), (3, some)]
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(json.dumps({"id": id_, "answers": row}) for id_, row in rows))
    return file


def test_score_prints_exactly_the_promised_json(politune: Politune, answers: Path) -> None:
    done = politune("compass", "score", answers, "--json")
    found = json.loads(done.stdout)
    assert [list(row) for row in found] == [FIELDS] * 3
    assert [row["id"] for row in found] == ["[red]all", "none", 3]
    assert (found[0]["economic"], found[0]["social"]) == (0.38, 2.41)
    assert (found[1]["economic"], found[1]["social"], found[1]["coverage"]) == (0, 0, 0)
    assert [found[1][name] for name in FIELDS[4:]] == [-10, 10, -10, 10]
    some = score([None if place % 4 == 3 else place % 4 for place in range(62)])
    assert [found[2][name] for name in FIELDS[1:]] == [getattr(some, name) for name in FIELDS[1:]]


def test_score_takes_missing_answers_as_agree_where_asked(
    politune: Politune, answers: Path
) -> None:
    done = politune("compass", "score", answers, "--missing", "agree", "--json")
    found = json.loads(done.stdout)
    assert (found[1]["economic"], found[1]["social"]) == (0.38, 2.41)
    assert politune("compass", "score", answers, "--missing", "skip").returncode == 2


def test_score_shows_a_table_in_which_ids_are_text(politune: Politune, answers: Path) -> None:
    done = politune("compass", "score", answers)
    header, first, second, _ = done.stdout.splitlines()
    assert header.split()[:4] == ["id", "economic", "social", "answered"]
    assert first.split() == ["[red]all", "0.38", "2.41", "100%"]
    assert "-10.00 to 10.00" in second


def test_score_reads_a_table_by_slug(politune: Politune, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    header = ",".join(["id", *(item.id for item in items())])
    file.write_text(f"{header}\nme{',Strongly Disagree' * 62}\n")
    (row,) = json.loads(politune("compass", "score", file, "--json").stdout)
    assert (row["id"], row["economic"], row["social"]) == ("me", 0, -4.36)


@pytest.mark.parametrize("command", ["score", "parse", "plot"])
def test_what_cannot_be_read_is_one_line(politune: Politune, tmp_path: Path, command: str) -> None:
    file = tmp_path / "file.jsonl"
    for text in (None, '{"id": 1, "answers": ["perhaps"], "text": 5}\n'):
        if text is not None:
            file.write_text(text)
        done = politune("compass", command, file)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"Error: {file}")


def test_parse_reads_replies(politune: Politune, tmp_path: Path) -> None:
    file = tmp_path / "replies.jsonl"
    texts = ["2) Disagree", "As an AI, I have no view.\u2028I can't answer.", "Well.", None]
    file.write_text(
        "\n".join(json.dumps({"id": n, "text": t}, ensure_ascii=False) for n, t in enumerate(texts))
    )
    assert json.loads(politune("compass", "parse", file, "--json").stdout) == [
        {"id": 0, "answer": 1, "status": "valid"},
        {"id": 1, "answer": None, "status": "refused"},
        {"id": 2, "answer": None, "status": "unparsed"},
        {"id": 3, "answer": None, "status": "unparsed"},
    ]
    shown = politune("compass", "parse", file).stdout.splitlines()
    assert shown[1].split() == ["0", "valid", "Disagree"]
    assert shown[-1] == "1 valid, 1 refused, 2 unparsed"


def test_parse_takes_labels(politune: Politune, tmp_path: Path) -> None:
    file = tmp_path / "replies.jsonl"
    file.write_text(json.dumps({"id": "a", "text": "Answer: B"}))
    labels = "A=Strongly agree,B=Agree,C=Disagree,D=Strongly disagree"
    done = politune("compass", "parse", file, "--labels", labels, "--json")
    assert json.loads(done.stdout) == [{"id": "a", "answer": 2, "status": "valid"}]
    done = politune("compass", "parse", file, "--labels", "A=Agree")
    assert done.returncode == 1
    assert "give 4 different pairs" in done.stderr


def test_plot_draws_and_says_where(politune: Politune, answers: Path, tmp_path: Path) -> None:
    done = politune("compass", "plot", answers)
    assert done.stdout.strip() == str(answers.with_suffix(".png"))
    assert answers.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    first, second = tmp_path / "sub" / "a.svg", tmp_path / "sub" / "b.svg"
    for to in (first, second):
        assert politune("compass", "plot", answers, "--out", to).returncode == 0
    assert first.read_bytes() == second.read_bytes()
    assert "<svg" in first.read_text()


def test_plot_refuses_what_it_cannot_write(politune: Politune, answers: Path) -> None:
    done = politune("compass", "plot", answers, "--out", "compass.doc")
    assert done.returncode == 1
    assert "write the figure to one of .png, .svg, .pdf" in done.stderr
