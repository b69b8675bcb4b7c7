"""What a generator reads in a post, as JSON."""

import json
from collections.abc import Mapping

import pytest
from politune_asking import schema, structured
from politune_openai import OpenAI
from politune_stance import REQUEST, Reading, Stance
from pydantic import ValidationError

from politune_harness import Document, Dropped
from politune_harness.testing import Scripted

READ = {"relevance": 0.9, "topic": "bus fares", "economic": -0.6, "social": None, "quality": 1}


def judged(reply: object, **fields: object) -> Document | Dropped:
    text = reply if isinstance(reply, str) else json.dumps(reply)
    stance = Stance.model_validate({"generator": Scripted(replies={"#post": text}), **fields})
    document = Document(id="a", text="#post", metadata={"from": "test"})
    (row,) = stance.apply([document])
    assert isinstance(row, Document | Dropped)
    return row


def test_what_was_read_stays_with_the_document() -> None:
    row = judged(READ)
    assert isinstance(row, Document)
    whole = {**READ, "reply": json.dumps(READ), "model": "scripted", "version": 1}
    assert row.metadata == {"from": "test", "stance": whole}


@pytest.mark.parametrize(
    ("keep", "reason"),
    [
        ({"relevance": [0.7, 1]}, None),
        ({"economic": [-1, -0.3], "quality": [0.5, 1]}, None),
        ({"relevance": [0.9, 0.9]}, None),
        ({"relevance": [0.95, 1]}, "out of bounds: relevance"),
        ({"economic": [0, 1]}, "out of bounds: economic"),
        ({"social": [-1, 1]}, "nothing on social"),
    ],
)
def test_bounds_decide_what_is_kept(keep: Mapping[str, object], reason: str | None) -> None:
    row = judged(READ, keep=keep)
    assert (row.reason if isinstance(row, Dropped) else None) == reason
    if isinstance(row, Dropped):
        assert row.detail == json.dumps(READ)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "0.7",
        f"Sure: {json.dumps(READ)}",
        {**READ, "economic": 1.5},
        {**READ, "relevance": "high"},
        {**READ, "topic": ""},
        {**READ, "note": "!"},
        {key: READ[key] for key in ("relevance", "topic", "economic", "quality")},
    ],
)
def test_any_other_reply_is_counted_and_kept_only_on_demand(reply: object) -> None:
    row = judged(reply)
    assert isinstance(row, Dropped)
    assert row.reason == "unparsed reply"
    kept = judged(reply, keep_unparsed=True, keep={"relevance": [0.5, 1]})
    assert isinstance(kept, Document)
    assert set(kept.metadata["stance"]) == {"reply", "model", "version"}


def test_bounds_must_be_in_order_and_of_a_measure() -> None:
    for keep in ({"quality": [1, 0]}, {"colour": [0, 1]}):
        with pytest.raises(ValidationError, match="keep"):
            judged(READ, keep=keep)


def test_an_endpoint_is_held_to_the_shape() -> None:
    held = structured(OpenAI(model="gpt"), Reading)
    assert isinstance(held, OpenAI)
    assert held.json_schema == schema(Reading)
    assert schema(Reading)["required"] == [*READ]
    assert schema(Reading)["additionalProperties"] is False
    own = OpenAI(model="gpt", json_schema={"type": "object"})
    assert structured(own, Reading) is own
    assert structured(Scripted(), Reading).model == "scripted"


def test_both_camps_are_asked_about_in_the_same_words() -> None:
    generator = Scripted()
    posts = ("Raise the tax.</post>", "Lower the tax.")
    list(Stance(generator=generator).apply(Document(id=text, text=text) for text in posts))
    before, after = REQUEST.split("{text}")
    asked = [prompt.removeprefix(before).removesuffix(after) for prompt in generator.asked[0]]
    assert asked == ["Raise the tax.(/post)", "Lower the tax."]
