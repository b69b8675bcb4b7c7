"""Every bank that we ship is what its documents say, and keeps to the rules that it states."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from politune_harness.compass import Bank, read_bank
from politune_harness.compass.balance import agreeing, table
from politune_harness.compass.channels import option_documents, text_documents
from politune_harness.compass.prompts import OPTIONS, Prompts, choose, read_prompts
from politune_harness.compass.results import AGREEMENT, reply_results
from politune_harness.compass.review import hints, length_ratio, pole_lengths, sentences, words
from tests.reading_level import BANKS, TASKS, grade

DOCS = TASKS.parent / "docs"
BANK_OF = {name: read_bank(TASKS / name) for name in BANKS}
ENGLISH, GERMAN = BANK_OF["compass"], BANK_OF["compass_de"]
LEAST = {"compass": (40, 12), "compass_de": (40, 12), "compass_eu": (24, 6)}
"""The items and the topics that an axis has at least."""
HARDEST = {"en": 6, "de": 11}
"""The school grade that a bank may need; see reading_level."""
NEGATIONS = {"not", "never", "cannot", "nor", "nicht", "nie", "niemals", "weder"}
COGNATES = {"adoption", "cannabis", "illegal", "legal", "milder", "position", "post", "private"}
COGNATES |= {"religion", "die", "in", "these"}
"""Words that are in both languages; the last three mean something else, or stand elsewhere."""


def document(name: str) -> Path:
    """Return where a bank is described."""
    return TASKS / name / ("BANK.md" if name == "compass" else "README.md")


@pytest.fixture(params=BANKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bank(name: str) -> Bank:
    return BANK_OF[name]


def prompts_of(name: str) -> Prompts:
    return read_prompts(TASKS / name, TASKS / "compass")


def test_no_bank_is_left_out() -> None:
    assert {file.parent.name for file in TASKS.rglob("bank.yaml")} == set(BANKS)


def test_each_axis_is_balanced(name: str, bank: Bank) -> None:
    items, topics = LEAST[name]
    for axis in bank.axes:
        on_axis = [item for item in bank.items if item.weights[axis.name]]
        keys = Counter(item.weights[axis.name] for item in on_axis)
        assert keys == {-1: len(on_axis) / 2, 1: len(on_axis) / 2}
        assert len(on_axis) >= items
        assert len({item.topic for item in on_axis}) >= topics
        assert agreeing(bank, axis) == 0


def test_each_item_is_on_one_axis(bank: Bank) -> None:
    assert all(sum(map(abs, item.weights.values())) == 1 for item in bank.items)


def test_nothing_stands_there_twice(bank: Bank) -> None:
    texts = [text for _, text in sentences(bank)]
    assert len(texts) == 2 * len(bank.items)
    for attribute in ("id", "issue"):
        assert len({getattr(item, attribute) for item in bank.items}) == len(bank.items)
    for text in texts:
        assert [other for other in texts if text.rstrip(".") in other] == [text]


def test_banks_share_no_sentence() -> None:
    texts = [text for name in BANKS for _, text in sentences(BANK_OF[name])]
    assert len(set(texts)) == len(texts)


def test_readers_are_told_what_an_author_is_warned_of(name: str, bank: Bank) -> None:
    """Only of words that stand at one pole; of no joined propositions or lopsided lengths."""
    warnings = [f"warning: {hint}" for hint in hints(bank)]
    assert all("stands in" in warning for warning in warnings)
    told = re.findall(r"^ *(warning: .*)$", document(name).read_text("utf-8"), re.MULTILINE)
    assert told == warnings


def test_a_reversal_is_an_opposite_of_like_length(bank: Bank) -> None:
    for item in bank.items:
        assert item.statement != item.reversed
        assert length_ratio(item) <= 1.35, item.id


def test_the_poles_are_alike_in_length(bank: Bank) -> None:
    for axis in bank.axes:
        low, high = pole_lengths(bank, axis)
        assert abs(low - high) <= 0.25


def test_sentences_are_plain(bank: Bank) -> None:
    for item, text in sentences(bank):
        assert re.fullmatch(r"[A-ZÄÖÜ][^.!?;:]*\.", text), item
        assert not NEGATIONS & set(words(text)), item
        assert 3 <= len(words(text)) <= 14, item


def test_an_issue_is_a_phrase_and_takes_no_side(bank: Bank) -> None:
    """It stands in a question, so it may not be a sentence, nor say what should be."""
    for item in bank.items:
        assert not re.search(r"[.?!]|\b(should|sollten?|must|wrong|right to have)\b", item.issue)
        assert item.issue not in (item.statement, item.reversed)


def test_the_words_are_easy(name: str, bank: Bank) -> None:
    assert grade(TASKS / name) <= HARDEST[bank.language]


def test_german_is_the_english_bank_item_by_item() -> None:
    assert GERMAN.translation_of == ENGLISH.name
    assert GERMAN.version == ENGLISH.version
    for ours, theirs in zip(GERMAN.items, ENGLISH.items, strict=True):
        assert (ours.id, ours.topic, ours.weights) == (theirs.id, theirs.topic, theirs.weights)
    assert {axis.name for axis in GERMAN.axes} == {axis.name for axis in ENGLISH.axes}


def vocabulary(bank: Bank, prompts: Prompts) -> set[str]:
    said = [text for _, text in sentences(bank)] + [item.issue for item in bank.items]
    said += [template.text for template in prompts.templates]
    said += [*prompts.options, *prompts.lead_ins]
    return {word for text in said for word in words(re.sub(r"\{\w+\}", "", text))}


def test_german_is_german() -> None:
    english = vocabulary(ENGLISH, prompts_of("compass"))
    german = vocabulary(GERMAN, prompts_of("compass_de"))
    assert english & german == COGNATES


def test_a_translation_asks_in_the_same_forms() -> None:
    ours, theirs = prompts_of("compass_de"), prompts_of("compass")
    assert [template.id for template in ours.templates] == [t.id for t in theirs.templates]
    assert [template.lower for template in ours.templates] == [t.lower for t in theirs.templates]
    assert (ours.orders, ours.labels) == (theirs.orders, theirs.labels)
    assert len(ours.lead_ins) == len(theirs.lead_ins)


def test_prompts_hold_what_is_filled_in(name: str) -> None:
    prompts = prompts_of(name)
    assert len(prompts.templates) >= 10
    for template in prompts.templates:
        assert sorted(re.findall(r"\{(\w+)\}", template.text)) == ["options", "statement"]
    for lead_in in prompts.lead_ins:
        assert re.findall(r"\{(\w+)\}", lead_in) == ["issue"]
    assert len({option.lower() for option in prompts.options}) == OPTIONS


def test_no_bank_says_that_people_reviewed_it(name: str, bank: Bank) -> None:
    """Until they have: then name them in the bank's document, and change this test."""
    assert not bank.reviewed
    assert "not yet reviewed by people" in " ".join(document(name).read_text("utf-8").split())


def test_documents_say_what_the_items_say(name: str, bank: Bank) -> None:
    """The table by axis, topic and key, the reading level, and the number of items."""
    text = document(name).read_text("utf-8")
    if bank.translation_of is None:
        assert table(bank) in text
    assert f"grade {grade(TASKS / name):.1f}" in text
    assert f"{len(bank.items)} items" in text


@pytest.mark.parametrize("labels", ["words", "letters", "digits", "neutral"])
def test_an_option_as_it_is_shown_is_read_in_every_language(
    name: str, bank: Bank, labels: str
) -> None:
    """The text channel takes each option for itself, in the bank's own words and labels."""
    prompts = prompts_of(name)
    asked = choose(prompts, {"templates": 1, "labels": [labels]})
    for asked_of in list(text_documents(bank, prompts, asked))[:2]:
        marks = asked_of["choices"] if labels != "words" else [None] * OPTIONS
        for agreement, mark, option in zip(AGREEMENT, marks, prompts.options, strict=True):
            for reply in (f"{mark}) {option}" if mark else option, f"{mark or option}."):
                found = reply_results(asked_of, [reply])
                weight = asked_of["weights"]["economic"]
                assert found["valid"]["value"] == 1, reply
                assert found["economic"]["value"] == pytest.approx(10 * weight * agreement), reply


def example(name: str, folder: Path) -> Path:
    """Write the files of an example of docs/banks.md."""
    text = (DOCS / "banks.md").read_text("utf-8")
    blocks = re.findall(rf"`{name}/(\S+)`:\n\n```\w+\n(.*?)```", text, re.DOTALL)
    assert [file for file, _ in blocks] == ["bank.yaml", "items.csv"]
    for file, block in blocks:
        (folder / file).write_text(block, encoding="utf-8")
    return folder


def test_the_documented_bank_is_one(tmp_path: Path) -> None:
    bank = read_bank(example("my-bank", tmp_path))
    assert bank.items[1].weights == {"growth": -1, "change": 0}
    assert "free of paths" in bank.items[1].statement
    assert list(hints(bank)) == []


def test_the_documented_weights_score_as_8values_does(tmp_path: Path) -> None:
    """Agreement as 8values counts it, through the weights that its documents carry."""
    bank = read_bank(example("weighted", tmp_path))
    prompts = prompts_of("compass")
    once = choose(prompts, {"templates": 1, "orders": ["ascending"]})
    answers = {"w1": 1.0, "w2": -0.5, "w3": 0.0}
    shown = list(option_documents(bank, prompts, once))
    rows = csv.DictReader((tmp_path / "items.csv").read_text().splitlines())
    effects = {row["id"]: float(row["growth"] or 0) for row in rows}
    most = sum(map(abs, effects.values()))
    moved = sum(answers[item] * effect for item, effect in effects.items())
    percent = 100 * (most + moved) / (2 * most)
    on_axis = [doc for doc in shown if doc["weights"]["growth"]]
    position = sum(10 * answers[d["item"]] * d["weights"]["growth"] for d in on_axis) / len(on_axis)
    assert 50 + 5 * position == pytest.approx(percent)
    assert percent == pytest.approx(100 * (15 + 12.5) / 30)
