"""Pairs of a question and two opposed answers, and the checks that they pass."""

import json
from pathlib import Path

import pytest
from politune_label import Label
from politune_opposed_answers import OpposedAnswers
from politune_politosphere import Politosphere
from politune_stance import Stance

from politune_harness import Document, Dropped, Preference
from politune_harness.records import Record
from politune_harness.testing import Scripted

SHARED = Path(__file__).parents[2] / "shared/data/politosphere/comments_2019-10.bz2"

POST = "Lower the bus fares: nobody can pay them any more."
WRITTEN = {
    "instruction": "What about bus fares? ",
    "answer": "They are too high, and fares should fall for everybody.",
    "opposite": "The fares pay for the drivers, so they should rise a little.",
}
GOOD = json.dumps(WRITTEN)
PAIR = Preference(
    id="a",
    prompt="What about bus fares?",
    chosen=WRITTEN["answer"],
    rejected=WRITTEN["opposite"],
    metadata={"topic": "fares", "request": 2},
)


def write(reply: str, again: str | None = None, **fields: object) -> Record:
    replies = {"An earlier reply": again} if again else {}
    generator = Scripted(replies={**replies, POST: reply})
    post = Document(id="a", text=POST, metadata={"topic": "fares"})
    writer = OpposedAnswers.model_validate({"generator": generator, **fields})
    (row,) = writer.write([post])
    return row


@pytest.mark.parametrize(
    "reply", [GOOD, f" {GOOD}\n", f"```json\n{GOOD}\n```", f"```\n{GOOD}\n```"]
)
def test_a_post_becomes_a_question_with_two_answers(reply: str) -> None:
    assert write(reply) == PAIR


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "unparsed reply"),
        (f"Here it is: {GOOD}", "unparsed reply"),
        (GOOD[:-1], "unparsed reply"),
        (json.dumps({**WRITTEN, "note": ""}), "unparsed reply"),
        (json.dumps({**WRITTEN, "opposite": ["Raise them."]}), "unparsed reply"),
        (json.dumps({**WRITTEN, "instruction": " "}), "an empty text"),
        (json.dumps({**WRITTEN, "opposite": POST.upper()}), "a copy"),
        (json.dumps({**WRITTEN, "answer": "{'text': 'Lower the fares'}"}), "a leaked record"),
        (json.dumps({**WRITTEN, "opposite": "I cannot provide such content."}), "a refusal"),
        (json.dumps({**WRITTEN, "opposite": WRITTEN["answer"].upper()}), "two answers alike"),
        (json.dumps({**WRITTEN, "opposite": "Tea is better than coffee."}), "off the topic"),
    ],
)
def test_any_other_reply_drops_the_post(reply: str, reason: str) -> None:
    assert write(reply) == Dropped(id="a", reason=reason, detail=reply)


def test_what_fails_is_asked_for_again_with_the_reason() -> None:
    row = write("Sure!", again=GOOD)
    assert isinstance(row, Preference)
    assert row.metadata["attempts"] == 2
    assert write("Sure!", again=GOOD, retries=0) == Dropped(
        id="a", reason="unparsed reply", detail="Sure!"
    )
    generator = Scripted()
    list(OpposedAnswers(generator=generator).write([Document(id="a", text=POST)]))
    assert [len(prompts) for prompts in generator.asked] == [1, 1, 1]
    assert "not accepted (unparsed reply)" in generator.asked[1][0]


def test_the_post_itself_may_be_what_is_preferred() -> None:
    row = write(GOOD, chosen="post")
    assert isinstance(row, Preference)
    assert row.chosen == POST


def test_prompts_are_neutral_unless_stances_are_asked_for() -> None:
    asked = {}
    for prompts in ("neutral", "stance"):
        generator = Scripted()
        writer = OpposedAnswers(generator=generator, prompts=prompts, retries=0)
        list(writer.write([Document(id="a", text=POST)]))
        asked[prompts] = generator.asked[0][0]
    assert "takes no side" in asked["neutral"]
    assert "the position to be argued for" in asked["stance"]
    assert all("{" + name + "}" not in text for text in asked.values() for name in ("text", "flaw"))


def reading(economic: float | None) -> str:
    rest = {"relevance": 1, "topic": "fares", "social": None, "quality": 1}
    return json.dumps({"economic": economic, **rest})


@pytest.mark.parametrize(
    ("ours", "theirs", "leaning", "fate"),
    [
        (-0.6, 0.6, -0.5, "kept"),
        (-0.6, 0.6, None, "kept"),
        (0.6, -0.6, -0.5, "not the stance of the post"),
        (-0.6, -0.4, -0.5, "stances not apart"),
        (-0.6, None, -0.5, "stances not apart"),
    ],
)
def test_answers_lie_apart_on_the_side_of_the_post(
    ours: float | None, theirs: float | None, leaning: float | None, fate: str
) -> None:
    script = {WRITTEN["answer"]: reading(ours), WRITTEN["opposite"]: reading(theirs)}
    annotator = Stance(generator=Scripted(replies=script))
    post = Document(id="a", text=POST, metadata={"stance": {"economic": leaning}})
    generator = Scripted(replies={POST: GOOD})
    (row,) = OpposedAnswers(generator=generator, annotator=annotator).write([post])
    assert (row.reason if isinstance(row, Dropped) else "kept") == fate
    if isinstance(row, Preference):
        assert row.metadata["answers"]["rejected"]["stance"]["economic"] == theirs


def test_an_annotator_may_be_any_that_notes_a_leaning() -> None:
    script = {WRITTEN["answer"]: "left", WRITTEN["opposite"]: "right"}
    labels = {"left": -1.0, "right": 1.0}
    annotator = Label(generator=Scripted(replies=script), question="{text}", labels=labels)
    assert isinstance(write(GOOD, annotator=annotator), Preference)
    silent = Label(generator=Scripted(), question="{text}", labels=labels)
    row = write(GOOD, annotator=silent)
    assert isinstance(row, Dropped)
    assert row.reason == "a stance that cannot be read"


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data/politosphere")
def test_every_post_is_written_or_counted_in_one_session_a_round() -> None:
    gun = json.dumps({**WRITTEN, "answer": "gun guns", "opposite": "guns, a gun, and law"})
    generator = Scripted(replies={"gun": gun})
    documents = [row for row in Politosphere(path=SHARED).load() if isinstance(row, Document)]
    rows = list(OpposedAnswers(generator=generator, retries=1).write(documents))
    assert [row.id for row in rows] == [document.id for document in documents]
    assert len({type(row) for row in rows}) == 2
    assert len(generator.asked) == 2
    assert generator.sessions == ["open", "closed"] * 2
