from collections.abc import Sequence
from pathlib import Path

import politune_matched_posts
import politune_tables
import politune_text_filters
import pytest
from politune_matched_posts import QUESTIONS, MatchedPosts, Topics

from politune_harness import (
    DataError,
    Document,
    InstructionWriter,
    Preference,
    RecipeError,
)
from politune_harness.records import Record
from politune_harness.registry import Registry

TOPICS = "the park\nthe city park\n\n  bus   fares\ntrams\n"

OTHERS = ["Close the park.", "Sell the park.", "Raise bus fares at once.", ""]


def writer(
    folder: Path, others: Sequence[str] = OTHERS, topics: str = TOPICS, **fields: object
) -> InstructionWriter:
    (folder / "topics.txt").write_text(topics)
    (folder / "others.csv").write_text("\n".join(["text,n", *(f"{o},1" for o in others)]) + "\n")
    plugins = (politune_matched_posts, politune_tables, politune_text_filters)
    registry = Registry({plugin.__name__: plugin for plugin in plugins})
    against = {"use": "csv", "path": "others.csv"}
    given = {"topics": "topics.txt", "against": against} | fields
    return registry.build(InstructionWriter, "matched-posts", given, folder=folder)


def documents(*texts: str) -> list[Document]:
    return [Document(id=f"d{n}", text=text) for n, text in enumerate(texts)]


def rejected(rows: Sequence[Record]) -> list[str]:
    return [str(getattr(row, "rejected", None) or getattr(row, "reason", "")) for row in rows]


def test_a_post_is_paired_with_one_on_its_topic(tmp_path: Path) -> None:
    (row,) = writer(tmp_path).write(documents("Lower BUS\nfares, please."))
    assert isinstance(row, Preference)
    assert row.prompt in {question.format(topic="bus fares") for question in QUESTIONS}
    assert (row.chosen, row.rejected) == ("Lower BUS\nfares, please.", "Raise bus fares at once.")


def test_opposing_posts_are_used_up_before_any_is_used_again(tmp_path: Path) -> None:
    texts = [f"Keep the park {n}." for n in range(3)]
    rows = list(writer(tmp_path).write(documents(*texts)))
    assert rejected(rows) == ["Close the park.", "Sell the park.", "Close the park."]
    assert rows == list(writer(tmp_path).write(documents(*texts)))


def test_a_post_without_a_counterpart_is_dropped_with_the_reason(tmp_path: Path) -> None:
    rows = list(
        writer(tmp_path).write(documents("I like tea.", "More trams!", "Buy the city park"))
    )
    other_side = "no post of the other side on its topic"
    assert rejected(rows) == ["no listed topic", other_side, other_side]


def test_questions_are_chosen_by_id_alone(tmp_path: Path) -> None:
    texts = ["Keep the park."] * 40
    first = list(writer(tmp_path).write(documents(*texts)))
    later = list(writer(tmp_path).write(documents(*texts)[20:]))
    asked = {row.id: row.prompt for row in first if isinstance(row, Preference)}
    assert set(asked.values()) == {question.format(topic="the park") for question in QUESTIONS}
    assert [row.prompt for row in later if isinstance(row, Preference)] == list(asked.values())[20:]
    (own,) = writer(tmp_path, questions=["And {topic}?"]).write(documents("Keep the park."))
    assert isinstance(own, Preference)
    assert own.prompt == "And the park?"


def test_the_other_side_passes_its_own_filters(tmp_path: Path) -> None:
    filters = [{"use": "min-words", "words": 5}, {"use": "unique"}]
    rows = list(writer(tmp_path, filters=filters).write(documents("Lower bus fares.", "The park!")))
    assert rejected(rows) == ["Raise bus fares at once.", "no post of the other side on its topic"]


def test_topics_are_whole_words_and_the_longest_wins() -> None:
    topics = Topics(["Park", "park and ride", "the ride and the bus", "C++"])
    assert topics.find("Parking and sparks") is None
    assert topics.find("a PARK and  ride scheme") == "park and ride"
    assert topics.find("park and ride and the bus, the ride and the bus") == "the ride and the bus"
    assert topics.find("learn C++!") == "C++"


def test_settings_that_cannot_work_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="`questions` needs a"):
        writer(tmp_path, questions=["And?"])
    with pytest.raises(DataError, match=r"topics\.txt: no topic is in it"):
        list(writer(tmp_path, topics="\n").write(documents("a")))
    with pytest.raises(DataError, match="`against` of the matched posts gave no documents"):
        list(writer(tmp_path, others=[]).write(documents("a")))
    lost = writer(tmp_path)
    (tmp_path / "topics.txt").unlink()
    with pytest.raises(DataError, match=r"topics\.txt: cannot be read: No such file"):
        list(lost.write(documents("a")))


def test_pairs_are_no_other_side(tmp_path: Path) -> None:
    from politune_preferences import Preferences

    with pytest.raises(ValueError, match="must be a source of documents, not of pairs"):
        MatchedPosts(topics=tmp_path / "t", against=Preferences(path=tmp_path))
