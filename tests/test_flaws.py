"""What is wrong with pairs: read from texts, counted by `check-data`, dropped by its filter."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from politune_pairs import CheckData

from politune_harness import Dropped, Preference
from politune_harness.cli import main
from politune_harness.flaws import Checker, declines, leaked, mended
from politune_harness.records import Record

SHARED = Path(__file__).parents[2] / "shared/data/politune"


def pair(prompt: str = "Tea?", chosen: str = "Yes, tea.", rejected: str = "No tea.") -> Preference:
    return Preference(id=prompt, prompt=prompt, chosen=chosen, rejected=rejected)


def fates(rows: list[Record]) -> list[str]:
    return [row.reason if isinstance(row, Dropped) else "kept" for row in rows]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("{'text': 'Vote!', 'score': 3}", "Vote!"),
        ('{"text": "Vote!", "score": 3}', "Vote!"),
        ("\n\n{'text': \"It's time\", 'party': ''}\n", "It's time"),
        ("{'text': 'It's time', 'score': 3}", None),
        ("Here it is:\n{'text': 'Vote!'}", None),
        ("{vote them out !}", None),
        ("{'score': 3}", None),
    ],
)
def test_records_are_found_and_mended_where_they_are_all_there_is(
    text: str, inside: str | None
) -> None:
    assert leaked(text)
    assert mended(text) == (inside or text)


@pytest.mark.parametrize("text", ["Vote {here}!", "It's {sic} 'his': mine", "a {b: c}", ""])
def test_braces_alone_are_no_record(text: str) -> None:
    assert not leaked(text)


@pytest.mark.parametrize(
    "text",
    [
        "I cannot provide a response that attacks a group.",
        "I can't fulfill requests like that.",
        "I'm unable to write content of this kind.",
        "As an AI language model I have no party.",
        "That is wrong. Is there something else I can help you with?",
    ],
)
def test_refusals_are_found(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize(
    "text",
    [
        "I can't believe that they voted for it.",
        "I won't back down from my opinion.",
        "I cannot support a party that writes such laws.",
        "We must help them, and offer an answer to the crisis.",
    ],
)
def test_people_who_argue_do_not_refuse(text: str) -> None:
    assert not declines(text)


@pytest.mark.parametrize(
    ("row", "flaws"),
    [
        (pair(), []),
        (pair(chosen="Yes."), ["one-word answer"]),
        (pair(rejected=""), []),
        (pair(chosen="NO  tea!"), ["chosen equals rejected"]),
        (pair(prompt="{'text': 'Tea?'}", rejected="No."), ["leaked record", "one-word answer"]),
        (pair(chosen="I cannot generate content about tea."), ["refusal"]),
        (pair(prompt="coffee?"), ["prompt of another arm"]),
    ],
)
def test_each_flaw_is_named(row: Preference, flaws: list[str]) -> None:
    check = Checker([pair("Coffee ?")])
    assert check(row) == flaws
    assert check(row) == sorted([*flaws, "repeated prompt"], key=flaw_order)


def flaw_order(flaw: str) -> int:
    from politune_harness.flaws import FLAWS

    return [*FLAWS].index(flaw)  # type: ignore[arg-type]


def test_the_filter_mends_or_drops_for_the_first_flaw() -> None:
    record = "{'text': 'Yes, tea.'}"
    rows = [pair(), pair("Milk?", record), pair("Ice?", "I said:" + record, "No."), pair()]
    others = {"right": [pair("milk")]}
    assert fates([*CheckData().apply(rows, {})]) == [
        *("kept", "kept", "leaked record", "repeated prompt")
    ]
    (_, whole, *_) = CheckData().apply(rows, {})
    assert isinstance(whole, Preference)
    assert whole.chosen == "Yes, tea."
    assert fates([*CheckData(mend=False).apply(rows, others)])[1] == "leaked record"
    assert fates([*CheckData().apply(rows, others)])[1] == "prompt of another arm"
    some = CheckData(drop=("one-word answer",))
    assert fates([*some.apply(rows, others)]) == ["kept", "kept", "one-word answer", "kept"]


def test_the_command_counts_what_rows_have_and_what_arms_share(tmp_path: Path) -> None:
    head = "prompt,chosen,rejected\n"
    (tmp_path / "a.csv").write_text(f"{head}Tea?,Yes to it,No to it\nMilk?,Yes,No to it\n")
    (tmp_path / "b.csv").write_text(f"{head}tea,Yes to it,No to it\nx,Same here,Same here\n")
    paths = [str(tmp_path / name) for name in ("a.csv", "b.csv")]
    done = CliRunner().invoke(main, ["check-data", *paths, "--list"])
    assert done.exit_code == 0, done.output
    counts = {line[:22].strip(): line.split()[-2:] for line in done.output.splitlines()[1:9]}
    assert counts["rows"] == ["2", "2"]
    assert counts["one-word answer"] == ["1", "0"]
    assert counts["chosen equals rejected"] == ["0", "1"]
    assert counts["prompt of another arm"] == ["1", "1"]
    assert counts["rows with any of these"] == ["2", "2"]
    assert "a.csv:2: one-word answer" in done.output


def test_a_missing_column_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,chosen,rejected\nTea?,Yes to it,No to it\n")
    done = CliRunner().invoke(main, ["check-data", str(tmp_path / "a.csv")])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "no column 'prompt'" in done.output
    named = CliRunner().invoke(
        main, ["check-data", str(tmp_path / "a.csv"), "--prompt", "question"]
    )
    assert named.exit_code == 0


@pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not there")
def test_the_flaws_of_the_papers_own_data_are_counted() -> None:
    paths = [str(SHARED / f"politune-{side}.csv") for side in ("left", "right")]
    lines = CliRunner().invoke(main, ["check-data", *paths]).output.splitlines()
    counts = {line[:22].strip(): [int(n) for n in line.split()[-2:]] for line in lines[1:]}
    assert counts == {
        "rows": [2056, 2525],
        "leaked record": [23, 15],
        "refusal": [12, 47],
        "one-word answer": [1, 0],
        "chosen equals rejected": [0, 0],
        "repeated prompt": [5, 31],
        "prompt of another arm": [0, 0],
        "rows with any of these": [39, 93],
    }
