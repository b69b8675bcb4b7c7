"""The `openai` generator over a real local server."""

import logging
import sys
import threading
from pathlib import Path

import pytest
from politune_openai import OpenAI

from politune_harness import Completion, ModelError, Prompt, ServiceError
from tests.chat_server import Asked, Reply, Rule, failing, saying, serving

KEY = "sk-secret-4711"
PROMPTS = [Prompt(id=f"p{n}", prompt=str(n)) for n in range(12)]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def answers(url: str, prompts: list[Prompt] = PROMPTS[:1], **fields: object) -> list[str]:
    generator = OpenAI.model_validate({"model": "m", "base_url": url, **fields})
    with generator.session() as answer:
        return [c.completion for c in answer(prompts)]


def first(reply: Reply, then: str = "so") -> Rule:
    """Answer the first request in one way, and the others well."""
    return lambda asked: reply if asked.number == 0 else saying(then)


def test_answers_come_in_order_though_later_ones_are_ready_first() -> None:
    second_answered = threading.Event()

    def rule(asked: Asked) -> Reply:
        if asked.prompt == "0":
            assert second_answered.wait(30)
        if asked.prompt == "1":
            second_answered.set()
        return saying(f"to {asked.prompt}")

    with serving(rule) as server, OpenAI(model="m", base_url=server.url).session() as answer:
        rows = list(answer(PROMPTS))
    assert rows == [
        Completion(id=p.id, prompt=p.prompt, completion=f"to {p.prompt}") for p in PROMPTS
    ]
    assert len(server.asked) == len(PROMPTS)


def test_no_more_requests_are_under_way_than_allowed() -> None:
    lock, open_, most = threading.Lock(), 0, 0
    three_at_once = threading.Barrier(3)

    def rule(_: Asked) -> Reply:
        nonlocal open_, most
        with lock:
            open_ += 1
            most = max(most, open_)
        three_at_once.wait(30)
        with lock:
            open_ -= 1
        return saying("so")

    with serving(rule) as server:
        assert answers(server.url, PROMPTS, concurrency=3) == ["so"] * 12
    assert most == 3


def test_the_request_holds_the_fields() -> None:
    prompt = Prompt(id="p", prompt="Why?", system="Be brief.")
    with serving(lambda _: saying("so")) as server:
        answers(server.url, [prompt], max_tokens=9, temperature=0.5, seed=3)
        answers(server.url, [prompt], temperature=None)
    assert server.asked[0].path == "/v1/chat/completions"
    assert server.asked[0].body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why?"},
        ],
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 3,
    }
    assert set(server.asked[1].body) == {"model", "messages", "max_tokens"}


@pytest.mark.parametrize(
    "reply",
    [
        failing(500),
        failing(503),
        Reply(None),
        Reply(body=b'{"choices": [{"mess'),
        Reply(body=b"{}"),
    ],
    ids=["500", "503", "connection cut", "half a reply", "no choices"],
)
def test_what_fails_once_is_asked_again(reply: Reply) -> None:
    with serving(first(reply)) as server:
        assert answers(server.url, retries=1) == ["so"]
    assert len(server.asked) == 2


def test_the_pause_that_a_busy_server_asks_for_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="openai")
    with serving(first(failing(429, Retry_After="0.01"))) as server:
        assert answers(server.url) == ["so"]
    assert any("in 0.010000 seconds" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (failing(500, "out\nof order", retry_after="0.01"), "out of order"),
        (failing(404, "no model m"), "no model m"),
        (Reply(body=b"<html>"), "the reply is no chat completion: JSON is malformed"),
        (failing(401, f"bad key {KEY}"), "the key was refused (401): check A_KEY"),
        (failing(403, f"not for {KEY}"), "not for (key)"),
    ],
)
def test_what_keeps_failing_is_one_line_without_the_key(
    reply: Reply, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", KEY)
    with serving(lambda _: reply) as server, pytest.raises(ServiceError) as caught:
        answers(server.url, retries=1, api_key_env="A_KEY")
    message = str(caught.value)
    assert message.startswith(f"m at {server.url}: ")
    assert what in message
    assert "\n" not in message
    assert KEY not in message
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_server_that_does_not_answer_is_given_up() -> None:
    over = threading.Event()

    def rule(_: Asked) -> Reply:
        over.wait(30)
        return Reply(None)

    with serving(rule) as server:
        with pytest.raises(ServiceError, match=r"no answer within 0\.1 s"):
            answers(server.url, retries=0, timeout=0.1)
        over.set()


def test_a_server_that_is_not_there_is_one_line() -> None:
    with serving(lambda _: saying("so")) as server:
        pass
    with pytest.raises(ServiceError, match=r"cannot be reached: .*refused"):
        answers(server.url, retries=0)


def test_after_a_failure_what_waits_is_not_asked() -> None:
    with serving(lambda _: failing(404)) as server, pytest.raises(ServiceError):
        answers(server.url, PROMPTS, concurrency=1)
    assert len(server.asked) < len(PROMPTS)


def test_openai_itself_needs_a_key_before_anything_is_asked() -> None:
    generator, message = OpenAI(model="gpt-4o"), "set the environment variable OPENAI_API_KEY"
    with pytest.raises(ServiceError, match=message):
        generator.ready()
    with pytest.raises(ServiceError, match=message), generator.session():
        pass


def test_the_key_is_in_no_field_and_goes_to_openai_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(lambda _: saying("so")) as server:
        assert answers(server.url) == ["so"]
    assert KEY not in str(server.asked[0].headers)
    for generator in (OpenAI(model="gpt-4o"), OpenAI(model="m", api_key_env="OPENAI_API_KEY")):
        assert KEY not in f"{generator!r} {generator.model_dump_json()}"


def test_a_named_key_that_is_missing_is_one_line() -> None:
    with pytest.raises(ServiceError, match="set the environment variable A_KEY"):
        answers("http://127.0.0.1:9/v1", api_key_env="A_KEY")


def test_an_adapter_is_refused() -> None:
    with (
        serving(lambda _: saying("so")) as server,
        OpenAI(model="m", base_url=server.url).session() as answer,
        pytest.raises(ModelError, match="cannot put adapter left on m"),
    ):
        list(answer(PROMPTS, Path("left")))
    assert not server.asked


@pytest.mark.parametrize(
    ("reply", "text"),
    [(saying(""), ""), (saying(None), ""), (saying(None, refusal="I will not."), "I will not.")],
)
def test_nothing_and_a_refusal_are_answers(reply: Reply, text: str) -> None:
    with serving(lambda _: reply) as server:
        assert answers(server.url) == [text]
    assert len(server.asked) == 1


SCHEMA = {"type": "object"}


def test_a_schema_is_sent_and_given_up_where_the_server_refuses_it() -> None:
    def rule(asked: Asked) -> Reply:
        return failing(400) if "response_format" in asked.body else saying("so")

    with serving(rule) as server:
        assert answers(server.url, PROMPTS[:3], json_schema=SCHEMA, concurrency=1) == ["so"] * 3
    assert server.asked[0].body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert ["response_format" in asked.body for asked in server.asked] == [True] + [False] * 3


def test_a_bad_request_is_not_blamed_on_the_schema() -> None:
    with (
        serving(lambda _: failing(400, "too long")) as server,
        pytest.raises(ServiceError, match="too long"),
    ):
        answers(server.url, json_schema=SCHEMA)


@pytest.mark.parametrize("reply", [saying("so"), failing(404), failing(429)])
def test_an_endpoint_that_answers_is_ready(reply: Reply) -> None:
    with serving(lambda _: reply) as server:
        OpenAI(model="m", base_url=server.url).ready()


@pytest.mark.parametrize("reply", [failing(401), failing(403), Reply(None)])
def test_an_endpoint_that_refuses_or_is_silent_is_not_ready(reply: Reply) -> None:
    with serving(lambda _: reply) as server, pytest.raises(ServiceError):
        OpenAI(model="m", base_url=server.url).ready()


def test_a_missing_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ServiceError, match=r"pip install 'politune-harness\[openai\]'"):
        answers("http://127.0.0.1:9/v1")
