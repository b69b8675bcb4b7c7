import time

import pytest
from politune_privacy import Kind, Mask, mask

from politune_harness import Document, Dropped


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ann.b+c@mail.example.org, please.", "Write to [email], please."),
        ("john [at] example [dot] com or joe(at)example.org", "[email] or [email]"),
        ("See (https://en.example.org/wiki/A_(b)).", "See ([link]))."),
        ("[a paper](http://example.org/x) and www.example.org!", "[a paper]([link]) and [link]!"),
        ("t.co/abc, youtu.be/xyz, news.example.com", "[link], [link], [link]"),
        ("u/ann /u/ann-b, /user/bob", "[user] [user], [user]"),
        ("@ann: @ann_b@social.example, .@3pm", "[user]: [user], .[user]"),
        ("(555) 010-9999, 555.010.9999, 1-555-010-9999", "[phone], [phone], [phone]"),
        ("+49 30 1234567; 020 7946 0958; 078-05-1120", "[phone]; [phone]; [phone]"),
    ],
)
def test_what_leads_to_a_person_is_masked(text: str, masked: str) -> None:
    assert mask(text)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "and/or the US/UK deal, e.g. in r/politics, he said.Then left",
        "$1,000,000,000 of 10 000 000 people in 1990-2000",
        "2016-10-11 12:30:00, 10.11.2016, 1 000 000 000, 3.14159265358979, 192.168.100.200",
        "Section 230 of 47 U.S.C. 230, pages 123-126 and 500-1000, 16:9, 50 @ $3",
        "vote 55-45, 202-224, sizes 12-14, 5551234567",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask(text) == (text, {})


def test_counts_are_kept_and_a_text_of_nothing_else_is_dropped() -> None:
    texts = ["See t.co/a and u/ann, u/bob.", "plain", "https://example.org @ann"]
    documents = [Document(id=t[:3], text=t, metadata={"n": 1}) for t in texts]
    masked, plain, nothing = Mask().apply(documents)
    assert isinstance(masked, Document)
    assert masked.metadata == {"n": 1, "masked": {"link": 1, "user": 2}}
    assert plain is documents[1]
    assert nothing == Dropped(id="htt", reason="nothing but what is masked")


def test_kinds_may_be_chosen() -> None:
    kinds: tuple[Kind, ...] = ("user",)
    (row,) = Mask(kinds=kinds).apply([Document(id="a", text="@ann t.co/a")])
    assert isinstance(row, Document)
    assert row.text == "[user] t.co/a"


@pytest.mark.parametrize(
    "part", ["a", "@", "1 ", "a.", "12 ", "http://", "u/", "(1)", "a@", "-", "a[at]", "www.", "+1"]
)
def test_hostile_text_takes_no_longer_than_its_length(part: str) -> None:
    start = time.process_time()
    mask(part * (200_000 // len(part)))
    assert time.process_time() - start < 2
