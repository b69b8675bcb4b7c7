"""Which model can be asked in which channel, and how replies and judges are asked."""

import json
from collections.abc import Iterator
from typing import Any

import politune_gpt_score
import pytest
from lm_eval.api.model import LM  # noqa: TID253
from politune_gpt_score import GPTScore

from politune_harness import Completion, RecipeError
from politune_harness.judging import judge_all, panel
from politune_harness.records import Score
from tests.chat_server import Asked, Reply, Served, saying, serving
from tests.responders import Document, Responder, manager, run

SMALL: dict[str, Any] = {"templates": 1, "lead_ins": 1}
INSTEAD = "gives no log-likelihoods of its answers; use politune_compass_text"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.mark.parametrize("task", ["politune_compass", "politune_compass_pairs"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"enable_thinking": True, "think_end_token": "</think>"},
        {"base_url": "http://localhost:8000/v1/chat/completions", "model": "m"},
    ],
)
def test_a_model_without_loglikelihoods_is_sent_to_the_text(
    task: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(RecipeError, match=INSTEAD) as caught:
        manager(**arguments).load([task])
    assert "\n" not in str(caught.value)
    assert manager(**arguments).load(["politune_compass_text"])["tasks"]
    assert manager(enable_thinking=False).load([task])["tasks"]


@pytest.fixture
def agreeing() -> Iterator[Served]:
    with serving(lambda _: saying("Agree")) as server:
        yield server


def chat(server: Served) -> LM:
    """A model of lm-evaluation-harness's own behind a chat endpoint."""
    pytest.importorskip("tenacity", reason="lm-eval[api] is not installed")
    from lm_eval.models.openai_completions import LocalChatCompletion

    return LocalChatCompletion(base_url=f"{server.url}/chat/completions", model="m")


def test_a_chat_endpoint_is_known_by_its_messages_before_anything_is_asked(
    agreeing: Served,
) -> None:
    from lm_eval import evaluate

    tasks = manager(**SMALL).load(["politune_compass"])
    with pytest.raises(RecipeError, match=f"a model behind a chat endpoint {INSTEAD}"):
        evaluate(chat(agreeing), tasks, apply_chat_template=True, limit=4)
    assert agreeing.asked == []


def test_messages_are_known_from_text() -> None:
    from lm_eval.models.api_models import JsonChatStr

    task = manager(**SMALL).load(["politune_compass_pairs"])["tasks"]["politune_compass_pairs"]
    with pytest.raises(RecipeError, match=f"a model behind a chat endpoint {INSTEAD}"):
        task.build_all_requests(
            limit=1,
            apply_chat_template=True,
            chat_template=lambda turns, **_: JsonChatStr(json.dumps(turns)),
        )


def test_a_chat_endpoint_answers_in_text(agreeing: Served) -> None:
    from lm_eval import evaluate

    tasks = manager(**SMALL, max_gen_toks=99).load(["politune_compass_text"])
    found = evaluate(chat(agreeing), tasks, apply_chat_template=True, limit=4, bootstrap_iters=0)
    values = found["results"]["politune_compass_text"]
    assert (values["valid,none"], values["agree_rate,none"]) == (1, 1)
    assert len(agreeing.asked) == 4
    assert agreeing.asked[0].body["max_tokens"] == 99
    assert agreeing.asked[0].body["temperature"] == 0
    assert not agreeing.asked[0].body["stop"]


def test_a_template_that_opens_its_thinking_is_seen() -> None:
    task = manager(**SMALL).load(["politune_compass_pairs"])["tasks"]["politune_compass_pairs"]

    def template(turns: list[dict[str, str]], **_: object) -> str:
        return f"<user>{turns[0]['content']}<assistant><think>\n"

    with pytest.raises(RecipeError, match=f"opens its thinking {INSTEAD}"):
        task.build_all_requests(limit=1, apply_chat_template=True, chat_template=template)


REPLIES: dict[str, tuple[str, str, int | None]] = {
    "an option": ("Agree", "valid", 2),
    "thought": ("<think>Disagree? No: agree.</think>\n\nStrongly agree", "valid", 3),
    "cut": ("<think>I strongly agree, since", "unparsed", None),
    "refuses": ("As an AI, I do not have personal opinions.", "refused", None),
    "says nothing": ("", "unparsed", None),
}


@pytest.mark.parametrize("case", REPLIES)
def test_replies_are_read(case: str) -> None:
    text, status, answer = REPLIES[case]
    found, samples = run("politune_compass_text", Responder(lambda _: (), lambda _: text), **SMALL)
    rates = {name: found[name] for name in ("valid", "refused", "unparsed")}
    assert rates == {name: float(name == status) for name in rates}
    assert found["economic"] == (None if answer is None else pytest.approx(0))
    assert found["agree_rate"] == (None if answer is None else answer > 1)
    assert samples[0]["filtered_resps"] == [text]


@pytest.mark.parametrize("labels", ["words", "letters", "digits", "neutral"])
def test_replies_are_read_by_the_labels_that_were_shown(labels: str) -> None:
    def left(doc: Document) -> str:
        option = 3 if doc["weights"]["economic"] < 0 else 0
        return str(doc["choices"][option])

    model = Responder(lambda _: (), left)
    found, samples = run("politune_compass_text", model, **SMALL, labels=[labels])
    assert found["valid"] == 1
    assert found["economic"] == -10
    assert {sample["doc"]["labels"] for sample in samples} == {labels}


def test_some_missing_answers_leave_the_rest_with_bounds() -> None:
    def left(doc: Document) -> str:
        if doc["wording"] == "reversed":
            return "I cannot say."
        return "Strongly agree" if doc["weights"]["economic"] < 0 else "Strongly disagree"

    found, _ = run("politune_compass_text", Responder(lambda _: (), left), **SMALL)
    assert found["economic"] == -10
    assert found["valid"] == 0.5
    assert (found["economic_if_low"], found["economic_if_high"]) == (-10, 0)
    assert found["asymmetry"] is None


@pytest.mark.parametrize(("chatting", "until"), [(False, ["\n"]), (True, [])])
def test_a_reply_without_a_template_ends_with_its_line(*, chatting: bool, until: list[str]) -> None:
    task = manager(**SMALL).load(["politune_compass_text"])["tasks"]["politune_compass_text"]
    task.build_all_requests(
        limit=1, apply_chat_template=chatting, chat_template=lambda turns, **_: str(turns)
    )
    (request,) = task.instances
    assert request.args[1] == {
        "until": until,
        "do_sample": False,
        "temperature": 0,
        "max_gen_toks": 512,
    }


def test_who_asks_for_other_stops_gets_them() -> None:
    task = manager(**SMALL).load(["politune_compass_text"])["tasks"]["politune_compass_text"]
    task.set_config("generation_kwargs", {"until": ["."]}, update=True)
    task.build_all_requests(limit=1)
    assert task.instances[0].args[1]["until"] == ["."]


def poles(asked: Asked) -> Reply:
    texts = json.loads(asked.prompt)
    score = 17 if texts["at 20"] in texts["answer"] else 2
    return saying(json.dumps({"reason": "as it says", "score": score}))


def test_a_judge_of_an_open_answer_knows_the_poles() -> None:
    rows = [
        Completion(
            id="a", prompt="What about rents?", completion="Cap them.", poles=("Cap.", "No.")
        ),
        Completion(id="b", prompt="What about rents?", completion="", poles=("Cap.", "No.")),
    ]
    with serving(poles) as server:
        first, empty = GPTScore(model="m", base_url=server.url).score(rows)
    assert (first.value, first.judge) == (2, "gpt-score:m:stance-v1")
    assert (empty.value, empty.judge) == (None, "gpt-score:m:stance-v1")
    (asked,) = server.asked
    system, user = asked.body["messages"]
    assert system["content"] == politune_gpt_score.STANCES["v1"]
    texts = {"question": "What about rents?", "answer": "Cap them.", "at 0": "Cap.", "at 20": "No."}
    assert json.loads(user["content"]) == texts


def test_open_answers_become_positions_with_their_reasons() -> None:
    def score(asked: Asked) -> Reply:
        return saying("ready") if "messages" not in asked.body else poles(asked)

    def say(doc: Document) -> str:
        return str(doc["poles"][doc["item"].startswith("e")])

    with serving(score) as server:
        judges = [{"use": "gpt-score", "model": "m", "base_url": server.url}]
        model = Responder(lambda _: (), say)
        found, samples = run("politune_compass_open", model, **SMALL, judges=judges, samples=2)
    assert len(samples) == 160
    assert (found["economic"], found["social"]) == (pytest.approx(7), pytest.approx(-8))
    assert (found["economic_direction"], found["social_direction"]) == (10, -10)
    assert found["missing"] == 0
    row = samples[1]["economic"]
    assert {name: row[name] for name in ("item", "value", "form", "sample", "judge", "reason")} == {
        "item": "e01",
        "value": pytest.approx(7),
        "form": "lead-in-1",
        "sample": 1,
        "judge": "gpt-score:m:stance-v1",
        "reason": "as it says",
    }
    assert samples[1]["social"] == {}


def test_the_open_channel_needs_a_judge() -> None:
    with pytest.raises(RecipeError, match="the open channel needs a judge: add --metadata"):
        manager().load(["politune_compass_open"])


def test_reasoning_is_not_judged() -> None:
    with serving(poles) as server:
        judges = json.dumps([{"use": "gpt-score", "model": "m", "base_url": server.url}])
        doc = {
            "item": "x",
            "sample": 0,
            "question": "?",
            "poles": ["No.", "Yes."],
            "judges": judges,
        }
        docs = [{**doc, "form": str(n)} for n in range(3)]
        texts = ["<think>Yes. Or No.</think>No.", "<think>Yes.", None]
        thought, cut, nothing = judge_all([[text] for text in texts], docs)
    panel.cache_clear()
    assert thought["answer"] == "No."
    assert thought["scores"][0].value == 2
    assert json.loads(server.asked[0].prompt)["answer"] == "No."
    assert cut["scores"] == [
        Score(id="x/1/0", value=None, judge="gpt-score:m:stance-v1", reason="unfinished reasoning")
    ]
    assert nothing["scores"][0].reason == "empty answer"


def test_a_bank_of_ones_own_is_asked_in_every_channel(tmp_path_factory: Any) -> None:  # noqa: ANN401
    folder = tmp_path_factory.mktemp("bank")
    (folder / "bank.yaml").write_text(
        "name: mine\nversion: 7\nmissing: neutral\naxes: {market: {low: closed, high: open}}\n"
    )
    (folder / "items.csv").write_text(
        "id,topic,issue,statement,reversed,market\n"
        "a,t,trade,Trade is good.,Trade is bad.,4\nb,t,tolls,Tolls are good.,Tolls are bad.,-2\n"
    )
    model = Responder(lambda doc: [0, 0, 0, 1][-len(doc["choices"]) :], lambda _: "Strongly agree")
    for path in (folder, folder / "bank.yaml"):
        found, samples = run("politune_compass_bank", model, **SMALL, bank=str(path))
        assert samples[0]["doc"]["bank"].startswith("mine/7/")
        assert found["market"] == 0
        assert found["market_plus"] == 10
    # In pairs the model always takes the second sentence, which is the reversal: 10 (-4 + 2) / 6.
    found, _ = run("politune_compass_bank_pairs", model, **SMALL, bank=str(folder))
    assert found["market"] == pytest.approx(-10 / 3)
    found, _ = run("politune_compass_bank_text", model, **SMALL, bank=str(folder))
    assert found["valid"] == 1


def test_a_bank_must_be_named() -> None:
    with pytest.raises(RecipeError, match="politune_compass_bank needs a bank: add --metadata"):
        manager().load(["politune_compass_bank"])
