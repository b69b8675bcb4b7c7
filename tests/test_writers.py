"""The writer of SFT rows, and the one of the neutral control."""

import json

import pytest
from politune_instructions import Instructions
from politune_neutral import FLAWS, Neutral
from politune_writing import cleaned

from politune_harness import Document, Dropped, Preference
from politune_harness.testing import Scripted

POST = "> they said so\n**Lower** the [bus fares](http://e.org): nobody pays.\nEDIT: thanks"


def test_a_post_is_the_answer_to_what_was_written_for_it() -> None:
    reply = json.dumps({"instruction": "What about bus fares?"})
    writer = Instructions(generator=Scripted(replies={"nobody pays": reply}))
    (row,) = writer.write([Document(id="a", text=POST, metadata={"topic": "fares"})])
    assert row == Preference(
        id="a",
        prompt="What about bus fares?",
        chosen="Lower the bus fares: nobody pays.",
        rejected="",
        metadata={"topic": "fares", "request": 1},
    )


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("", "an empty text"),
        ("What about coffee?", "off the topic"),
        (POST, "a copy"),
        ("I cannot generate an instruction about fares.", "a refusal"),
    ],
)
def test_instructions_are_checked(instruction: str, reason: str) -> None:
    reply = json.dumps({"instruction": instruction})
    writer = Instructions(generator=Scripted(replies={"nobody pays": reply}), retries=0)
    (row,) = writer.write([Document(id="a", text=POST)])
    assert row == Dropped(id="a", reason=reason, detail=reply)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a  b\n\n\nc", "a b\nc"),
        ("&gt; quoted\nmine &amp; yours", "mine & yours"),
        ("![picture](x.png) see www.e.org/a", "picture see"),
        ("# Head\n- *one*\n- __two__", "Head\none\ntwo"),
        ("> all of it", ""),
        ("2 * 3 * 4 and snake_case", "2 * 3 * 4 and snake_case"),
    ],
)
def test_posts_are_cleaned_of_what_is_not_theirs(text: str, clean: str) -> None:
    assert cleaned(text) == clean


SOUP = "Simmer the soup slowly, with leeks and carrots."
PAIR = {
    "instruction": "How is soup made?",
    "answer": "Cut leeks, and let the soup simmer.",
    "worse": "Soup is made in a pot, somehow.",
}


def test_the_worse_answer_has_a_stated_flaw_that_is_not_political() -> None:
    generator = Scripted(replies={SOUP: json.dumps(PAIR)})
    documents = [Document(id=str(n), text=SOUP) for n in range(40)]
    rows = [*Neutral(generator=generator).write(documents)]
    assert all(isinstance(row, Preference) for row in rows)
    named = [row.metadata["worse_because"] for row in rows if isinstance(row, Preference)]
    assert set(named) == set(FLAWS)
    for name, prompt in zip(named, generator.asked[0], strict=True):
        assert f"worse because it {FLAWS[name]}." in prompt
    (one, *_) = rows
    assert isinstance(one, Preference)
    assert (one.prompt, one.chosen, one.rejected) == tuple(PAIR.values())
