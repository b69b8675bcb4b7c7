"""The `openai` generator over a real local server."""

import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from politune_openai import OpenAI

from politune_harness import (
    BudgetError,
    Completion,
    ModelError,
    Prompt,
    RecipeError,
    ServiceError,
)
from politune_harness.spending import limited
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


PRICED: dict[str, Any] = {"price_in": 1e6, "price_out": 1e6}
"""One for each token."""


def using(tokens: int) -> Reply:
    """Answer with a text that took so many tokens."""
    choices = [{"message": {"role": "assistant", "content": "so"}}]
    usage = {"prompt_tokens": tokens - 1, "completion_tokens": 1}
    return Reply(body=json.dumps({"choices": choices, "usage": usage}).encode())


def test_what_is_paid_is_counted_from_usage() -> None:
    with serving(lambda _: using(10)) as server, limited(None) as paid:
        answers(server.url, PROMPTS, **PRICED)
    assert paid.spent == 120


@pytest.mark.parametrize("prices", [{}, {"price_in": 1.0}])
def test_a_limit_needs_prices(prices: dict[str, float]) -> None:
    with (
        serving(lambda _: using(10)) as server,
        limited(1.0),
        pytest.raises(RecipeError, match="--max-cost needs its price_in and price_out, which are"),
    ):
        answers(server.url, PROMPTS, **prices)
    assert server.asked == []
    with serving(lambda _: using(10)) as server, limited(0.0):
        assert len(answers(server.url, PROMPTS, price_in=0, price_out=0)) == len(PROMPTS)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_limit_is_reached_as_far_as_can_be_and_never_passed(concurrency: int) -> None:
    most = OpenAI(model="m", max_tokens=9, **PRICED).most(PROMPTS[-1])
    with (
        serving(lambda _: using(100)) as server,
        limited(500 + most) as paid,
        pytest.raises(BudgetError, match=r"stopped at 600\.0000: one more reply might pass"),
    ):
        answers(server.url, PROMPTS, max_tokens=9, concurrency=concurrency, **PRICED)
    assert paid.spent == 600
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("reply", "whole"),
    [(failing(500), False), (Reply(None), True), (Reply(body=b"{}"), True), (saying("so"), True)],
    ids=["refused", "cut", "broken", "no usage"],
)
def test_what_is_not_known_to_be_free_counts_as_much_as_it_can(
    reply: Reply, *, whole: bool
) -> None:
    generator = OpenAI(model="m", **PRICED)
    with serving(first(reply, using(3))) as server, limited(None) as paid:
        answers(server.url, PROMPTS[:2], concurrency=1, **PRICED)
    free = 3 if len(server.asked) == 2 else 6
    assert paid.spent == free + whole * generator.most(PROMPTS[0])


def first(reply: Reply, then: Reply | None = None) -> Rule:
    """Answer the first request in one way, and the others well."""
    return lambda asked: reply if asked.number == 0 else then or saying("so")


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


@pytest.mark.parametrize("status", [429, 503])
def test_the_pause_that_a_busy_server_asks_for_is_kept(status: int) -> None:
    times: list[float] = []

    def rule(asked: Asked) -> Reply:
        times.append(time.monotonic())
        pause = format_datetime(datetime.now(UTC) + timedelta(seconds=2)) if status == 503 else "1"
        return saying("so") if asked.number else failing(status, retry_after=pause)

    with serving(rule) as server:
        assert answers(server.url) == ["so"]
    assert 1 <= times[1] - times[0] < 3


def test_a_prompt_that_waits_holds_up_no_other() -> None:
    prompts, order = PROMPTS[:4], []

    def rule(asked: Asked) -> Reply:
        order.append(asked.prompt)
        return failing(429, retry_after="2") if order == ["0"] else saying(f"to {asked.prompt}")

    with serving(rule) as server:
        found = answers(server.url, prompts, concurrency=1)
    assert order == ["0", "1", "2", "3", "0"]
    assert found == ["to 0", "to 1", "to 2", "to 3"]


@pytest.mark.parametrize(
    "reply",
    [
        failing(429, retry_after="3600"),
        Reply(429, b'{"error": {"message": "pay", "code": "insufficient_quota"}}'),
    ],
    ids=["in an hour", "no money"],
)
def test_what_will_not_pass_is_not_waited_for(reply: Reply) -> None:
    with serving(lambda _: reply) as server, pytest.raises(ServiceError):
        answers(server.url)
    assert len(server.asked) == 1


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
    def rule(asked: Asked) -> Reply:
        time.sleep(0.05 * bool(asked.number))
        return failing(404)

    with serving(rule) as server, pytest.raises(ServiceError):
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
