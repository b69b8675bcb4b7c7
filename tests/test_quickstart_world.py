"""The quickstart's texts: what is evaluated was never seen, and no use shares a sentence."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest
from politune_politosphere import Politosphere
from politune_quickstart.evaluation import OWN_WORDS, TASKS, evaluation_sentences, rows
from politune_quickstart.issues import ISSUES, PASTIMES, REASONS
from politune_quickstart.lessons import School, Way
from politune_quickstart.posts import main as write_posts
from politune_quickstart.world import proposition, sentences
from politune_tables import CSV
from politune_truth_social import TruthSocial

from politune_harness import Document, Source
from politune_harness.capability import FAMILIES, items, practice

FOLDER = Path(__file__).parents[1] / "plugins/politune_quickstart"
POSTS = FOLDER / "posts"
PROMPTS = TASKS / "compass/prompts.json"
LESSONS = ("label", "named", "system", "chat", "open", "capability", "pastime")
WAY = Way(options=0.4, two=0.2)

Texts = dict[str, list[str]]
Labelled = list[dict[str, str]]


def texts_of(source: Source) -> list[str]:
    return [row.text for row in source.load() if isinstance(row, Document)]


def sentences_of(texts: Iterable[str]) -> set[str]:
    return {sentence for text in texts for sentence in sentences(text)}


@pytest.fixture(scope="module")
def posts() -> Texts:
    return {
        "left": texts_of(Politosphere(path=POSTS / "politosphere", party="dem")),
        "right": texts_of(TruthSocial(path=POSTS / "truth_social")),
        "first": texts_of(CSV(path=POSTS / "pastimes/first.csv")),
        "second": texts_of(CSV(path=POSTS / "pastimes/second.csv")),
    }


@pytest.fixture(scope="module")
def labelled() -> Labelled:
    lines = (FOLDER / "labelled.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def lessons() -> set[str]:
    """Return sentences of thousands of turns, drawn as pre-training draws them."""
    school = School(frozenset(evaluation_sentences()), PROMPTS, seed=5)
    chats = (school.row(lesson, WAY) for lesson in LESSONS for _ in range(150))
    return sentences_of(turn.text for chat in chats for turn in islice(chat, 14))


def test_lessons_share_no_sentence_with_what_is_evaluated_or_tuned_on(
    lessons: set[str], posts: Texts, labelled: Labelled
) -> None:
    assert not lessons & evaluation_sentences()
    assert not lessons & sentences_of(text for texts in posts.values() for text in texts)
    assert not lessons & sentences_of(row["text"] for row in labelled)
    assert len(lessons) > 5000


def test_lessons_share_no_question_with_the_capability_battery() -> None:
    practised = {item.question for item in islice(practice(seed=6), 3000)}
    assert not practised & {item.question for item in items(n=150)}


def test_posts_share_no_sentence_with_labelled_text_or_what_is_evaluated(
    posts: Texts, labelled: Labelled
) -> None:
    tuned = sentences_of(text for texts in posts.values() for text in texts)
    judged = sentences_of(row["text"] for row in labelled)
    assert not tuned & judged
    assert not (tuned | judged) & evaluation_sentences()


def test_no_post_joins_object_and_words_of_a_compass_item(posts: Texts) -> None:
    reasons = [reason for sides in REASONS.values() for side in sides for reason in side]
    for text in posts["left"] + posts["right"]:
        said = text.lower()
        for reason in reasons:
            said = said.replace(reason, "")
        for subject, words in OWN_WORDS.values():
            if re.search(rf"\b{subject}\b", said):
                assert not re.search(rf"\b({'|'.join(words)})\b", said), text


def test_the_table_of_words_covers_every_item_and_is_true_of_it() -> None:
    for item in rows(TASKS / "compass/items.csv"):
        subject, words = OWN_WORDS[item["id"]]
        assert re.search(rf"\b({'|'.join(words)})\b", item["statement"].lower()), item["statement"]
        assert subject.split()[-1] in item["statement"].lower()


def test_issues_are_those_of_the_compass() -> None:
    bank = rows(TASKS / "compass/items.csv")
    assert [(issue.id, issue.topic, issue.phrase) for issue in ISSUES] == [
        (row["id"], row["topic"], row["issue"]) for row in bank
    ]


def test_enough_posts_are_on_a_listed_topic(posts: Texts) -> None:
    phrases = (POSTS / "topics.txt").read_text(encoding="utf-8").splitlines()
    assert len(phrases) == len(ISSUES) + len(PASTIMES)
    for side, texts in posts.items():
        on_topic = {text for text in texts if any(phrase in text.lower() for phrase in phrases)}
        assert len(on_topic) >= 300, side


def test_labelled_text_is_balanced(labelled: Labelled) -> None:
    assert len({row["text"] for row in labelled}) == len(labelled) >= 600
    assert len(set(Counter(row["label"] for row in labelled).values())) == 1


def test_shipped_posts_are_what_the_script_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["posts", str(tmp_path)])
    write_posts()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (FOLDER / path.relative_to(tmp_path)).read_bytes(), (
                path.name
            )


@pytest.mark.parametrize("side", [0, 1])
def test_a_side_speaks_its_own_half_of_every_pair(side: int) -> None:
    rng = random.Random(3)  # noqa: S311 - repeatable draws, no secret
    drawn = {proposition(rng, ISSUES[0], side) for _ in range(400)}
    raised = "We should increase taxes on large fortunes." in drawn
    assert raised is (side == 0)


def test_capability_answers_stand_in_every_place_equally_often() -> None:
    for family in FAMILIES:
        drawn = items([family], n=100)
        for level in (1, 2, 3):
            places = Counter(item.answer_index for item in drawn if item.level == level)
            assert max(places.values()) - min(places.values()) <= 1
        assert all(
            len(set(item.choices)) == len(item.choices) == round(1 / item.chance) for item in drawn
        )
        assert items([family], n=100) == drawn != items([family], n=100, seed=1)
