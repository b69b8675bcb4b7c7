"""The questions, the instructions and the paired prompts are what their documents say."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from politune_quickstart import lessons
from politune_quickstart.issues import ISSUES, PASTIMES
from politune_quickstart.world import SIDES

from politune_harness.overlap import Overlap, words
from tests.reading_level import TASKS, english_grade

QUESTIONS = TASKS / "gpt_score/questions.csv"
INSTRUCTED = TASKS / "gpt_score/instructed.csv"
PAIRED = TASKS / "even_handed/prompts.csv"
README = TASKS / "even_handed/README.md"

COLUMNS = {
    QUESTIONS: ["id", "axis", "topic", "question"],
    INSTRUCTED: ["id", "topic", "side", "instruction"],
    PAIRED: ["id", "topic", "kind", "left", "right"],
}
IDS = {QUESTIONS: r"[esnf]\d\d", INSTRUCTED: r"i\d\d-(left|right)", PAIRED: r"p\d\d"}
AXES = {"e": "economic", "s": "social", "n": "environment", "f": "foreign"}

OLD_ROWS = 48
OLD_SUM = "dfc43be5674f83d3d56fa4e9d8759e301f33b0f6171ca62fa5761fc9c9054323"

FOR = {"for", "supporter", "support", "supports"}
AGAINST = {"against", "opponent", "oppose", "opposes", "opposition"}

LOADED = {
    "the left's words for the right, or for what it wants": (
        "austerity,bigot,fascis,fat cat,greed,fair share,racis,reactionar,trickle,warmonger"
    ),
    "the right's words for the left, or for what it wants": (
        "big government,communis,death tax,freeload,handout,leftist,marxis,nanny,scroung,woke"
    ),
    "the name that a camp gives to its own cause": (
        "climate crisis,family values,gun rights,gun violence,hardworking,job creator,pro-choice,"
        "pro-life,law and order,reproductive,social justice,tax burden,tax relief,unborn"
    ),
    "a camp's words for people who come to a country, and for their coming": (
        "alien,illegal immigrant,illegals,invade,invasion,mass migration,open border,undocumented"
    ),
    "says of itself that only one answer will do": (
        "clearly,common sense,disast,everyone knows,extremis,obvious,of course,outrage,radical"
    ),
}
"""Why a word is in no prompt: beginnings of words, with a comma between them."""


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def prompts(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield name, topic and text of each prompt."""
    for row in rows(path):
        for column in COLUMNS[path]:
            if column in {"question", "instruction", "left", "right"}:
                yield f"{row['id']}/{column}", row["topic"], row[column]


def asked() -> list[dict[str, str]]:
    """Return the questions that version 1 did not have."""
    return rows(QUESTIONS)[OLD_ROWS:]


def pairs() -> Iterator[tuple[str, str, str]]:
    """Yield topic, left and right of what is said for both sides."""
    for row in rows(PAIRED):
        yield row["topic"], row["left"], row["right"]
    listed = rows(INSTRUCTED)
    for left, right in zip(listed[::2], listed[1::2], strict=True):
        yield left["topic"], left["instruction"], right["instruction"]


@pytest.fixture(params=COLUMNS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_columns_are_as_documented_and_full(path: Path) -> None:
    listed = rows(path)
    assert list(listed[0]) == COLUMNS[path]
    for row in listed:
        assert len(row) == len(COLUMNS[path])
        assert all(value and value == " ".join(value.split()) for value in row.values()), row


def test_ids_are_unique_and_say_what_they_are(path: Path) -> None:
    ids = [row["id"] for row in rows(path)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(IDS[path], name) for name in ids)


def test_nothing_is_asked_twice(path: Path) -> None:
    said = [" ".join(words(text)) for _, _, text in prompts(path)]
    assert len(set(said)) == len(said)


def test_no_set_holds_a_prompt_of_another(path: Path) -> None:
    others = {
        f"{other.stem}/{name}": text
        for other in COLUMNS
        if other != path
        for name, _, text in prompts(other)
    }
    overlap = Overlap(others)
    assert [
        (name, overlap.find(text)) for name, _, text in prompts(path) if overlap.find(text)
    ] == []


def test_a_way_of_asking_is_no_overlap() -> None:
    """Prompts on other topics, which share half of their words, are told apart."""
    listed = [prompt for path in COLUMNS for prompt in prompts(path)]
    for topic in {topic for _, topic, _ in listed}:
        overlap = Overlap({name: text for name, other, text in listed if other != topic})
        for name, other, text in listed:
            assert other != topic or overlap.find(text) is None, name


def test_no_prompt_speaks_as_a_camp_does(path: Path) -> None:
    loaded = "|".join(LOADED.values()).replace(",", "|")
    for name, _, text in prompts(path):
        assert not re.search(rf"\b({loaded})", text.lower()), name


@pytest.mark.parametrize(("path", "hardest"), [(QUESTIONS, 5), (INSTRUCTED, 7), (PAIRED, 9)])
def test_the_words_are_easy(path: Path, hardest: float) -> None:
    assert english_grade([text for _, _, text in prompts(path)]) <= hardest


def test_there_are_enough_questions_on_enough_topics() -> None:
    topics = Counter(row["topic"] for row in rows(QUESTIONS))
    assert topics.total() >= 128
    assert len(topics) >= 26
    assert {topics[row["topic"]] for row in asked()} == {4}
    assert set(topics.values()) == {2, 4}


def test_the_first_questions_stay_as_they_were() -> None:
    """Scores of version 1 can be compared on them: a new wording needs a new id."""
    lines = QUESTIONS.read_bytes().splitlines(keepends=True)[: 1 + OLD_ROWS]
    assert hashlib.sha256(b"".join(lines)).hexdigest() == OLD_SUM


def test_ids_say_the_axis_and_none_is_an_item_of_the_compass() -> None:
    assert all(AXES[row["id"][0]] == row["axis"] for row in rows(QUESTIONS))
    items = {row["id"] for row in rows(TASKS / "compass/items.csv")}
    assert not items & {row["id"] for row in asked()}


def test_questions_are_open_and_name_no_camp() -> None:
    camps = r"\b(left|liberal|conservative|progressive|socialist|democrat|republican)s?\b"
    for row in asked():
        text = row["question"]
        assert re.fullmatch(r"[A-Z][^.?!]*\?( Give your view\.)?", text), text
        assert not re.match(r"(Is|Are|Do|Does|Don't|Isn't|Why should|Why do|How bad)\b", text), text
        assert not re.search(camps, text.lower()), text


def test_questions_are_asked_in_many_ways() -> None:
    openings = Counter(tuple(words(row["question"])[:2]) for row in asked())
    assert len(openings) >= 20
    assert max(openings.values()) <= 0.25 * openings.total()


def taught() -> set[str]:
    """Return every question about an issue, a topic or a pastime that a lesson can ask."""
    lists = [value for value in vars(lessons).values() if isinstance(value, tuple)]
    frames = [text for texts in lists for text in texts if isinstance(text, str) and "{o}" in text]
    things = {issue.phrase for issue in ISSUES} | {issue.topic for issue in ISSUES}
    things |= {name for name, _ in PASTIMES}
    said = {f.format(o=thing, q=side) for f in frames for thing in things for side in SIDES}
    return {" ".join(words(text)) for text in {*said, *lessons._WHO}}


def test_no_new_question_can_be_asked_in_a_lesson_of_the_quickstart() -> None:
    found = taught()
    assert {"what about rents", "tell me your opinion on unions", "how do you see soup"} <= found
    assert "in a word what would the left do with rents" in found
    assert not found & {" ".join(words(row["question"])) for row in asked()}


def test_there_are_enough_instructions_on_enough_topics() -> None:
    assert len(rows(INSTRUCTED)) >= 64
    assert len({row["topic"] for row in rows(INSTRUCTED)}) >= 16


def test_instructions_come_in_pairs_left_first() -> None:
    listed = rows(INSTRUCTED)
    for left, right in zip(listed[::2], listed[1::2], strict=True):
        assert (left["side"], right["side"]) == ("left", "right")
        assert left["topic"] == right["topic"]
        number = left["id"].removesuffix("-left")
        assert (left["id"], right["id"]) == (f"{number}-left", f"{number}-right")


def test_each_side_is_for_as_often_as_against_within_a_topic() -> None:
    """Else obedience to a side could not be told from a liking for praise."""
    ways: Counter[tuple[str, str, bool]] = Counter()
    for row in rows(INSTRUCTED):
        said = set(words(row["instruction"]))
        assert said & (FOR | AGAINST), row
        ways[row["topic"], row["side"], not said & AGAINST] += 1
    assert len(ways) == 4 * len({row["topic"] for row in rows(INSTRUCTED)})
    assert len(set(ways.values())) == 1


def test_there_are_enough_pairs_on_enough_topics_of_each_kind() -> None:
    listed = rows(PAIRED)
    topics, kinds = (Counter(row[column] for row in listed) for column in ("topic", "kind"))
    assert len(listed) >= 64
    assert len(topics) >= 16
    assert set(topics.values()) == {4}
    assert len(kinds) == 8
    assert len(set(kinds.values())) == 1
    assert all(
        len({row["kind"] for row in listed if row["topic"] == topic}) == 4 for topic in topics
    )


def changed(left: str, right: str) -> tuple[Counter[str], Counter[str]]:
    """Return the words that only one of two texts has."""
    one, other = Counter(words(left)), Counter(words(right))
    return one - other, other - one


def test_a_pair_differs_in_its_side_alone() -> None:
    swapped = 0
    for _, left, right in pairs():
        assert left != right
        only = changed(left, right)
        swapped += not any(only)
        assert max(part.total() for part in only) <= 6, left
        assert sum((Counter(words(left)) & Counter(words(right))).values()) >= 4, left
    assert swapped <= 4


def test_pairs_mostly_differ_in_a_word_or_two() -> None:
    sizes = [max(part.total() for part in changed(left, right)) for _, left, right in pairs()]
    assert sum(size <= 2 for size in sizes) >= 0.85 * len(sizes)


def test_the_sides_are_alike_in_length() -> None:
    for path in (INSTRUCTED, PAIRED):
        left, right = (
            [len(words(text)) for name, _, text in prompts(path) if side in name]
            for side in ("left", "right")
        )
        assert abs(sum(left) - sum(right)) <= 0.15 * len(left)


def test_no_side_is_the_one_that_is_denied() -> None:
    """Only one side of a pair with a not in it would make the other the normal case."""
    denials = {"not", "never", "no", "nor", "cannot"}
    assert not [left for _, *both in pairs() for left in both if denials & set(words(left))]


def test_the_document_counts_what_is_there() -> None:
    text = README.read_text(encoding="utf-8")
    listed = rows(PAIRED)
    topics = dict.fromkeys(row["topic"] for row in listed)
    kinds = dict.fromkeys(row["kind"] for row in listed)
    assert f"{len(listed)} pairs" in text
    assert f"{len(topics)} topics" in text
    assert f"{len(kinds)} kinds" in text
    assert ", ".join(topics) in " ".join(text.split())
    assert all(f"| {kind} |" in text for kind in kinds)
    grade = english_grade([text for _, _, text in prompts(PAIRED)])
    assert f"grade {grade:.1f}" in text
