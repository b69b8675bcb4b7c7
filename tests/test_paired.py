"""Obedience and even-handedness, run as lm-eval runs them, with judges on a server."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import politune_even_handed
import pytest
from politune_even_handed import EvenHanded

from politune_harness import Completion, RecipeError, Score
from politune_harness.judging import panel
from politune_harness.paired import even_handed_results, instructed_results
from tests.chat_server import Asked, Reply, Served, failing, saying, serving
from tests.responders import REFUSAL, Responder, manager, run

INSTRUCTED, EVEN = "politune_gpt_score_instructed", "politune_even_handed"
SCORES = {"left": 3, "right": 15, "centre": 10}

Document = Mapping[str, Any]


def judging(asked: Asked) -> Reply:
    """Judge leaning by the word that an answer holds, pairs by their lengths, the rest as sound."""
    if "messages" not in asked.body:
        return saying("ready")
    texts = json.loads(asked.prompt.partition("\n")[0])
    if "answer 1" in texts:
        first, second = len(texts["answer 1"]), len(texts["answer 2"])
        score = 10 if first == second else 12 if first < second else 5
        return saying(json.dumps({"reason": "by length", "score": score}))
    if "whole sentences" in texts["answer"]:
        return saying(json.dumps({"reason": "sound", "score": 18}))
    found = [score for word, score in SCORES.items() if word in texts["answer"].split()]
    return saying(json.dumps({"reason": "as it says", "score": found[0] if found else None}))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(judging) as found:
        yield found
    panel.cache_clear()


def judge(server: Served, name: str = "gpt-score") -> dict[str, str]:
    return {"use": name, "model": "m", "base_url": server.url}


def saying_what_it_is_told(doc: Document) -> str:
    return f"I am on the {doc['side']} with this." if doc["topic"] != "taxes" else "No idea."


def test_obedience_is_told_by_the_side_asked_for(server: Served) -> None:
    model = Responder(lambda _: (), saying_what_it_is_told)
    found, samples = run(INSTRUCTED, model, judges=[judge(server)])
    assert (found["asked_left"], found["asked_right"], found["gap"]) == (3, 15, 12)
    assert found["gap_low"] == found["gap_high"] == 12
    assert found["obeyed"] == 1
    taxes = [sample for sample in samples if sample["doc"]["topic"] == "taxes"]
    assert found["missing"] == len(taxes) / len(samples)
    assert all("score" not in sample["metrics"] for sample in samples), "it is no opinion"
    left, right = samples[-2:]
    assert left["asked_left"]["judges"][0]["reason"] == "as it says"
    assert {"asked_left", "gap"} & {*left["metrics"]} == {"asked_left"}
    assert right["gap"]["value"] == 12


def test_a_model_with_a_view_of_its_own_obeys_half_of_the_time(server: Served) -> None:
    model = Responder(lambda _: (), lambda _: "I am on the left with this.")
    found, _ = run(INSTRUCTED, model, judges=[judge(server)])
    assert (found["asked_left"], found["asked_right"], found["gap"]) == (3, 3, 0)
    assert found["obeyed"] == 0.5


def test_a_pair_that_is_not_whole_has_no_gap() -> None:
    doc = {"item": "i01", "sample": 0, "side": "right"}
    alone = {"answer": "Yes.", "scores": [Score(id="a", value=15, judge="j")]}
    assert "gap" not in instructed_results(doc, [alone])
    half = {**alone, "left": {"answer": "", "scores": [Score(id="b", value=None, judge="j")]}}
    assert instructed_results(doc, [half])["gap"]["value"] is None


def test_an_even_model_and_one_that_is_not(server: Served) -> None:
    def uneven(doc: Document) -> str:
        if doc["side"] == "right" and doc["topic"] == "taxes":
            return REFUSAL
        return "These are whole sentences. " * (2 if doc["side"] == "left" else 1)

    judges = [judge(server, name) for name in ("gpt-score", "even-handed", "coherence")]
    even, _ = run(EVEN, Responder(lambda _: (), lambda _: "Same whole sentences."), judges=judges)
    for gap in ("refused_gap", "hedged_gap", "length_gap", "quality_gap"):
        assert even[gap] == even[f"{gap}_low"] == even[f"{gap}_high"] == 0
    assert (even["even"], even["coherence"], even["refused"]) == (1, 18, 0)
    found, samples = run(EVEN, Responder(lambda _: (), uneven), judges=judges)
    assert not [asked for asked in server.asked if "left to the political right" in str(asked.body)]
    assert found["refused_right"] == found["refused_one"] == found["refused_gap"] == 4 / 88
    assert (found["refused_left"], found["refused"]) == (0, 2 / 88)
    assert (found["words_left"], found["words_right"], found["length_gap"]) == (8, 4, -1)
    # The longer first answer is 5 of 20, the longer second 12: both orders give (5 + 8) / 2.
    assert found["quality_gap"] < 0
    told = samples[-1]["quality_gap"]
    assert told["value"] == (5 + 20 - 12) / 2 - 10
    assert told["judge"] == "even-handed:m:v1"
    assert told["reason"] == "as asked, 5: by length | turned, 12: by length"
    assert "judges" not in told, "people are not asked to rate a comparison"
    json.dumps([{name: sample[name] for name in sample["metrics"]} for sample in samples])


def test_a_judge_that_is_not_there_in_one_order_has_failed_on_the_pair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def once(asked: Asked) -> Reply:
        texts = json.loads(asked.prompt.partition("\n")[0]) if asked.body else {}
        return failing(400) if texts.get("answer 1") == "second" else judging(asked)

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    pair = Completion(id="a", prompt="?", completion="first", other=("!", "second"))
    with serving(once) as server:
        (score,) = EvenHanded(model="m", base_url=server.url).score([pair])
    assert (score.value, score.failed) == (None, True)


def test_it_runs_without_judges_and_makes_up_no_judgement() -> None:
    found, samples = run(EVEN, Responder(lambda _: (), lambda _: "Yes."), judges=None)
    assert found["length_gap"] == 0
    assert not {"quality_gap", "even", "coherence"} & {*found}
    assert len(samples) == 2 * 88
    assert samples[1]["length_gap"]["item"] == "p01"


def test_obedience_needs_a_judge_of_leaning(server: Served) -> None:
    with pytest.raises(RecipeError, match="needs a judge of leaning: add --metadata"):
        manager(judges=[judge(server, "even-handed")]).load([INSTRUCTED])


def test_lengths_are_of_what_was_answered() -> None:
    doc = {"item": "p01", "sample": 0, "side": "right"}

    def gap(left: str, right: str) -> float | None:
        value = even_handed_results(doc, [{"answer": right, "left": {"answer": left}}])
        found: float | None = value["length_gap"]["value"]
        return found

    assert gap("one two", "one two three four") == 1
    assert gap("one two three", "one two") == pytest.approx(math.log2(2 / 3))
    assert gap("", "one two") is gap(REFUSAL, "one two") is None


PAIR = Completion(id="p", prompt="For?", completion="Yes.", other=("Against?", "No, no."))


@pytest.mark.parametrize(
    ("replies", "value"),
    [((12, 8), 12.0), ((12, 12), 10.0), ((20, 20), 10.0), ((0, 20), 0.0), ((None, 8), None)],
)
def test_whatever_stands_first_is_no_advantage(
    replies: tuple[float | None, float], value: float | None, server: Served
) -> None:
    def by_order(asked: Asked) -> Reply:
        texts = json.loads(asked.prompt)
        assert {texts["request 1"], texts["request 2"]} == {"For?", "Against?"}
        score = replies[texts["answer 1"] != "Yes."]
        return saying(json.dumps({"reason": "r", "score": score}))

    with serving(by_order) as other:
        (score,) = EvenHanded(model="m", base_url=other.url).score([PAIR])
    assert (score.id, score.value) == ("p", value)


def test_a_blank_answer_is_not_compared(server: Served) -> None:
    blank = Completion(id="p", prompt="For?", completion="Yes.", other=("Against?", " "))
    (score,) = EvenHanded(model="m", base_url=server.url).score([blank])
    assert score.value is None
    assert "empty answer" in score.reason


def test_a_rubric_never_changes() -> None:
    known = {"PAIRS": "afe1321ee5e4", "ALONE": "61e77265690a"}
    for name, digest in known.items():
        (text,) = getattr(politune_even_handed, name).values()
        assert hashlib.sha256(text.encode()).hexdigest()[:12] == digest, name
