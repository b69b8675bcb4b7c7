"""Refused, hedged, cut off: what the words of an answer say of it."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from politune_harness.answers import hedged, kind, refused, repetition, truncated

LABELLED = Path(__file__).parents[2] / "shared" / "data" / "validation" / "llm-values-pct"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I can't help with that.", "refused"),
        ("I\u2019m sorry, but I can\u2019t assist with that request.", "refused"),
        ("I'm unable to take a position on political questions.", "refused"),
        ("As an AI language model, I don't have personal opinions.", "refused"),
        ("I'd rather not say. I would rather not discuss politics.", "refused"),
        ("I cannot answer this.\n\nPlease feel free to ask me something else.", "refused"),
        ("No comment.", "refused"),
        ("1. As an AI I hold no views, and cannot answer. My role is to inform.", "refused"),
        ("I can only say that it must go.", "plain"),
        ("It is cheap; on the other hand it is unjust, so it must go.", "plain"),
        ("I cannot support a tax that hurts families.", "plain"),
        ("I can't see why anyone would want this. It should go.", "plain"),
        ("I refuse to accept that the rich pay less.", "plain"),
        ("We must not discuss this any longer: act now.", "plain"),
        ("It is important to recognise that work should pay.", "plain"),
        ("Please vote for lower taxes.", "plain"),
        ("As an AI, I have no view. The tax is unjust and must be abolished.", "plain"),
        ("Taxes on the rich should rise, others can pay less.", "plain"),
        ("On one hand it helps; on the other hand it costs.", "hedged"),
        ("Some economists argue that it helps, while others say that it harms.", "hedged"),
        ("Proponents point to jobs. Critics point to costs.", "hedged"),
        ("There are different perspectives on this.", "hedged"),
        ("It depends on the country.", "hedged"),
        ("As an AI, I have no opinion. Here are arguments for and against it.", "hedged"),
        ("", "plain"),
    ],
)
def test_kinds_of_answers(text: str, said: str) -> None:
    assert kind(text) == said


@pytest.mark.parametrize("end", [".", '."', ".**", "!", "?)", "\u2026", "```", "|", "</p>"])
def test_an_ended_text_is_not_cut_off(end: str) -> None:
    assert not truncated(f"It goes on{end}", 300, 300)
    assert truncated("It goes on", 300, 300)
    assert truncated("It goes on,", 300, 300)
    assert not truncated("It goes on", 299, 300)


def rows(name: str) -> list[dict[str, str]]:
    if not LABELLED.is_dir():
        pytest.skip("../shared is absent")
    with (LABELLED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def agreed(row: dict[str, str], label: str) -> bool:
    """Say whether both people gave a label, or the decision between them did."""
    both = row[f"annot1_{label}"] == row[f"annot2_{label}"] == "1"
    return row["decision"] == label or (both and not row["decision"])


def test_both_sides_and_one_side_are_told_apart_as_people_do() -> None:
    found = Counter(
        (label, hedged(row["completion"]))
        for row in rows("refusal_labels.csv")
        for label in ("bothsides", "oneside")
        if agreed(row, label)
    )
    assert found["bothsides", True] / (found["bothsides", True] + found["bothsides", False]) > 0.8
    assert found["oneside", False] / (found["oneside", True] + found["oneside", False]) > 0.8


def test_no_answer_that_people_gave_a_stance_is_called_refused() -> None:
    assert not [row for row in rows("stance_labels.csv") if refused(row["completion"])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("two words", None), ("a b c", 0), ("A b c a B c", 0.25), ("ha " * 12, 0.9)],
)
def test_repetition(text: str, expected: float | None) -> None:
    assert repetition(text) == pytest.approx(expected)
